"""`set` on what the Python tool makes: afterwards it is what that tool makes of the changed options."""

import json
import subprocess

import pytest

from upstream_sandbox import Sandbox

BEFORE = ("--authorized-users=bob", "--port-range=40000..42000", "--launch-timeout=40")
AFTER = (
    "--image-name=team/kernel:2", "--display-name=Mine", "--authorized-users=ann", "--authorized-users=bob",
    "--unauthorized-users=eve", "--launch-timeout=50",
)


@pytest.fixture
def sandbox(tmp_path, upstream):
    """Where the Python tool installs."""
    return Sandbox((tmp_path / "box").resolve(), upstream, in_environment=True)


def run(sandbox, binaries, *words):
    """Runs a command of ours in the sandbox."""
    return subprocess.run(
        [binaries / "jupyter-docker-spec", *words],
        env=sandbox.environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )


def install(sandbox, *words):
    """Has the Python tool install a specification; its `kernel.json`."""
    done = sandbox.run("install", "--user", "--kernel-name=k", *words)
    assert not done.failed, done.stderr
    return sandbox.root / "data" / "kernels" / "k" / "kernel.json"


def parsed(kernel_json):
    """What it says: names of users are a set."""
    value = json.loads(kernel_json)
    config = value["metadata"]["kernel_provisioner"]["config"]
    for key in ("authorized_users", "unauthorized_users"):
        config[key] = sorted(config[key])
    return value


@pytest.mark.parametrize("mode", [(), ("--swarm",)])
@pytest.mark.parametrize("language", ["Python", "R"])
def test_what_is_set_is_what_the_python_tool_writes(sandbox, binaries, language, mode):
    kind = (f"--language={language}", *mode)
    path = install(sandbox, *kind, *BEFORE)
    old = path.read_text()

    done = run(sandbox, binaries, "set", "k", *AFTER, "--unset=port-range")

    assert done.returncode == 0, done.stderr
    changed = path.read_text()
    assert changed != old
    install(sandbox, *kind, *AFTER, "--replace")
    assert parsed(changed) == parsed(path.read_text())


def test_options_of_the_container_are_in_its_launcher(sandbox, binaries):
    path = install(sandbox)
    before = sandbox.snapshot()

    done = run(sandbox, binaries, "set", "k", "--memory=1g")

    assert done.returncode == 1
    launcher = path.with_name("scripts") / "launch_docker.py"
    assert "`--memory` goes into launch_docker.toml, which the launcher in Python does not read" in done.stderr
    assert f"`jupyter-docker-spec convert`, or say the same in `{launcher}`" in done.stderr
    assert sandbox.snapshot() == before
    # What it proposes helps.
    assert run(sandbox, binaries, "convert", "k").returncode == 0
    done = run(sandbox, binaries, "set", "k", "--memory=1g")
    assert done.returncode == 0, done.stderr
    assert 'mem_limit = "1g"' in launcher.with_name("launch_docker.toml").read_text()
