"""What `check` proposes is typed, and the next `check` is content: with the real pip and the real package, which has a
command of our name."""

import shutil
import subprocess
from pathlib import Path

import pytest

from upstream_sandbox import Sandbox

PACKAGES = ("gateway_provisioners", "docker", "jupyter_docker_spec")


@pytest.fixture
def environment(tmp_path, upstream):
    """A Python environment with pip, in which a Jupyter server is and `gateway_provisioners` is not."""
    sandbox = Sandbox(tmp_path.resolve(), upstream)
    directory = sandbox.root / "env"
    python = upstream.bin_dir / "python"
    subprocess.run([python, "-m", "venv", directory], check=True, capture_output=True)
    (there,) = Path(upstream.bin_dir).parent.glob("lib/python3*/site-packages")
    (here,) = directory.glob("lib/python3*/site-packages")
    for package in there.iterdir():
        if not package.name.startswith(PACKAGES) and not (here / package.name).exists():
            (here / package.name).symlink_to(package)
    for name in ("jupyter", "jupyter-server"):
        script = directory / "bin" / name
        text = (upstream.bin_dir / name).read_text().split("\n", 1)[1]
        script.write_text(f"#!{directory}/bin/python\n{text}")
        script.chmod(0o755)
    return sandbox


@pytest.mark.parametrize("layout", ["wheel", "one program", "elsewhere"])
def test_installing_the_provisioners_leaves_our_command(environment, ours, layout):
    bin_dir = environment.root / "env" / "bin"
    place = environment.root / "opt" if layout == "elsewhere" else bin_dir
    place.mkdir(exist_ok=True)
    program = place / "jupyter-docker-spec"
    for name in ("jupyter-docker-spec", "launch_docker"):
        shutil.copy2(ours.bin_dir / name, place)
    if layout == "wheel":
        shutil.copy2(program, bin_dir / "jupyter-docker-spec-native")
    variables = environment.environ({"KERNEL_USERNAME": "alice", "DOCKER_HOST": "unix:///none"})
    variables["PATH"] = f"{bin_dir}:{place}:/usr/bin:/bin"

    def run(*words):
        return subprocess.run(
            words, env=variables, cwd=environment.root / "work", capture_output=True, text=True, timeout=200
        )

    done = run(program, "install", "--user")
    assert done.returncode == 0, done.stderr
    told = next(line for line in run(program, "check").stdout.splitlines() if "cannot import" in line)
    command = told.rsplit("`", 2)[1]
    assert "'gateway_provisioners[docker]'" in command, told
    done = run("/bin/sh", "-c", command)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    done = run("jupyter", "docker-spec", "check")
    assert "ok       gateway_provisioners 0." in done.stdout, done
    assert "Python tool" not in done.stdout and "Docker Engine" in done.stdout, done
    errors = [line for line in done.stdout.splitlines() if line.startswith("  error")]
    assert len(errors) == 1 and "found no Docker Engine" in errors[0], done.stdout
    assert run("jupyter", "docker-spec", "--version").stdout.startswith("jupyter-docker-spec ")


def test_the_names_of_languages_are_those_that_the_bootstrap_tool_takes(environment, upstream):
    """`jupyter image-bootstrap install --languages` as messages propose it, where nothing is written."""
    tool = upstream.bin_dir / "jupyter-image-bootstrap"
    for language in ("python", "r", "scala"):
        words = [tool, "install", "--languages", language, f"--prefix={environment.root}/prefix"]
        done = subprocess.run(words, env=environment.environ(), capture_output=True, text=True, timeout=60)
        assert "nvalid" not in done.stdout + done.stderr, done
