"""`list` and `show` beside `jupyter kernelspec list`: the same specifications, from the same places, as read."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from upstream_sandbox import Sandbox

DATA = "data/kernels"


@pytest.fixture
def upstream_box(tmp_path, upstream):
    return Sandbox((tmp_path / "upstream").resolve(), upstream, in_environment=True)


@pytest.fixture
def sandbox(tmp_path, ours):
    return Sandbox((tmp_path / "ours").resolve(), ours)


def variables(sandbox, gp_env, extra=None):
    """What both are run with: `jupyter` belongs to `gp_env`, and so does ours by `VIRTUAL_ENV`."""
    return sandbox.environ({"JUPYTER_PATH": "{root}/path", "VIRTUAL_ENV": str(gp_env), **(extra or {})})


def jupyter(sandbox, gp_env, extra=None):
    """What the real `jupyter kernelspec list` finds in the sandbox, by name."""
    done = subprocess.run(
        [Path(gp_env) / "bin" / "jupyter", "kernelspec", "list", "--json"],
        env=variables(sandbox, gp_env, extra), cwd=sandbox.root / "work", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)["kernelspecs"]
    for spec in listed.values():
        spec["resource_dir"] = os.path.join(sandbox.root / "work", spec["resource_dir"])
    return {name: spec for name, spec in listed.items() if spec["resource_dir"].startswith(str(sandbox.root))}


def ours(sandbox, gp_env, *words, extra=None):
    done = subprocess.run(
        [sandbox.bin_dir / "jupyter-docker-spec", *words],
        env=variables(sandbox, gp_env, extra), cwd=sandbox.root / "work", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(sandbox, gp_env, extra=None):
    entries = ours(sandbox, gp_env, "list", "--json", extra=extra)
    return [entry for entry in entries if entry["path"].startswith(str(sandbox.root))]


def install(sandbox, data, name, *words):
    done = sandbox.run("install", "--user", f"--kernel-name={name}", *words, env={"JUPYTER_DATA_DIR": data})
    assert not done.failed, done.stderr


def local_kernel(sandbox, name):
    sandbox.write(f"{DATA}/{name}/kernel.json", json.dumps({"argv": ["x"], "display_name": name, "language": "x"}))


def test_the_same_are_found_in_the_same_places(sandbox, gp_env):
    install(sandbox, "{root}/path", "both", "--display-name=The first")
    install(sandbox, "{data}", "both", "--display-name=The second")
    install(sandbox, "{data}", "swarm_r", "--swarm", "--language=R", "--image-name=a/b:c")
    install(sandbox, "{data}", "odd", "--display-name=\x1b[31mé\u009b\n")
    os.rename(sandbox.root / DATA / "odd", sandbox.root / DATA / "Odd-2.X")
    local_kernel(sandbox, "local")
    (sandbox.root / DATA / "empty").mkdir()
    (sandbox.root / DATA / "file").write_text("")
    (sandbox.root / DATA / "link").symlink_to(sandbox.root / DATA / "swarm_r")

    theirs = jupyter(sandbox, gp_env)
    entries = listed(sandbox, gp_env)
    found = {entry["name"]: entry for entry in entries if entry["shadowed_by"] is None}
    assert set(found) == set(theirs) - {"local"} == {"both", "swarm_r", "odd-2.x", "link"}
    for name, entry in found.items():
        assert entry["path"] == theirs[name]["resource_dir"]
        assert entry["display_name"] == theirs[name]["spec"]["display_name"]
        assert entry["language"] == theirs[name]["spec"]["language"]
        shown = ours(sandbox, gp_env, "show", name, "--json")
        assert shown["argv"] == theirs[name]["spec"]["argv"]
        assert shown["env"] == theirs[name]["spec"]["env"]
        assert shown["config"] == theirs[name]["spec"]["metadata"]["kernel_provisioner"]["config"]
    assert found["swarm_r"]["mode"] == "swarm"
    (shadowed,) = [entry for entry in entries if entry["shadowed_by"]]
    assert shadowed["path"] == str(sandbox.root / DATA / "both")
    assert shadowed["shadowed_by"] == theirs["both"]["resource_dir"]


def test_a_relative_directory_in_jupyter_path(sandbox, gp_env):
    extra = {"JUPYTER_PATH": "{root}/path:relative:{data}"}
    install(sandbox, "{data}", "both")
    install(sandbox, "{root}/work/relative", "both")
    theirs = jupyter(sandbox, gp_env, extra)
    first, second = listed(sandbox, gp_env, extra)
    assert first["path"] == theirs["both"]["resource_dir"] == str(sandbox.root / "work/relative/kernels/both")
    assert second["shadowed_by"] == first["path"]


def test_what_the_python_tool_installs(upstream_box, sandbox, gp_env):
    done = upstream_box.run("install", "--user", "--authorized-users=bob", "--port-range=40000..42000")
    assert not done.failed, done.stderr
    os.rename(upstream_box.root / "data" / "kernels", sandbox.root / DATA)
    kernel_json = sandbox.root / DATA / "docker_python" / "kernel.json"
    kernel_json.write_text(kernel_json.read_text().replace(str(upstream_box.root), str(sandbox.root)))
    (entry,) = listed(sandbox, gp_env)
    assert entry["launcher"] == {
        "kind": "upstream",
        "version": None,
        "path": str(sandbox.root / DATA / "docker_python" / "scripts" / "launch_docker.py"),
    }
    assert entry["problems"] == []
    before = json.loads(kernel_json.read_text())
    done = sandbox.run("show", "docker_python", "--toml")
    assert done.status == 0 and not done.stderr, done.stderr
    (sandbox.root / "work" / "again.toml").write_text(done.stdout.replace("<root>", str(sandbox.root)))
    again = sandbox.run("install", "--file=again.toml")
    assert "Removing existing kernelspec" in again.stderr
    assert json.loads(kernel_json.read_text()) == before
    assert listed(sandbox, gp_env)[0]["launcher"]["kind"] == "upstream"


def test_the_native_launcher_tells_its_version(sandbox, gp_env):
    install(sandbox, "{data}", "native")
    (entry,) = listed(sandbox, gp_env)
    done = subprocess.run([entry["launcher"]["path"], "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"launch_docker {entry['launcher']['version']}\n"
    assert entry["launcher"]["kind"] == "native"
