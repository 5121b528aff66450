"""`jupyter docker-spec` is ours where our executable is the one that `jupyter` finds."""

import shutil
import subprocess

import pytest

from bed.programs import PROGRAMS
from upstream_sandbox import Sandbox


@pytest.fixture
def jupyter(tmp_path, upstream):
    """A Python environment with a `jupyter` command, where upstream has put no command."""
    sandbox = Sandbox(tmp_path.resolve(), upstream, in_environment=True)
    (sandbox.bin_dir / "jupyter-docker-spec").unlink()
    script = (upstream.bin_dir / "jupyter").read_text().split("\n", 1)[1]
    command = sandbox.bin_dir / "jupyter"
    command.write_text(f"#!{sandbox.bin_dir}/python\n{script}")
    command.chmod(0o755)
    return sandbox


def run(sandbox, path, *args):
    environ = sandbox.environ()
    environ["PATH"] = ":".join(str(entry) for entry in path)
    return subprocess.run(
        [sandbox.bin_dir / "jupyter", *args], env=environ, cwd=sandbox.root / "work", capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60,
    )




def test_jupyter_finds_ours_on_the_path(jupyter, ours):
    done = run(jupyter, [ours.bin_dir, "/usr/bin", "/bin"], "docker-spec", "install", "--user", "--kernel-name=a")
    assert done.returncode == 0, done.stderr
    assert "Installed kernelspec a in " in done.stderr
    assert (jupyter.root / "data/kernels/a/scripts/launch_docker").read_bytes() == (
        ours.bin_dir / "launch_docker"
    ).read_bytes()


def test_jupyter_finds_ours_beside_itself(jupyter, ours):
    for executable in PROGRAMS:
        shutil.copy2(ours.bin_dir / executable, jupyter.bin_dir)
    done = run(jupyter, ["/usr/bin", "/bin"], "docker-spec", "install", "--sys-prefix", "--language=R")
    assert done.returncode == 0, done.stderr
    installed = jupyter.root / "env/share/jupyter/kernels/docker_r"
    assert (installed / "scripts/launch_docker").exists()


def test_jupyter_lists_it_among_its_subcommands(jupyter, ours):
    done = run(jupyter, [ours.bin_dir, "/usr/bin", "/bin"], "--help")
    assert "docker-spec" in done.stdout.split()


def test_words_and_status_go_through_jupyter(jupyter, ours):
    path = [ours.bin_dir, "/usr/bin", "/bin"]
    display_name = 'He said "hi" \\ $HOME'
    done = run(jupyter, path, "docker-spec", "install", "--user", "--display-name", display_name)
    assert done.returncode == 0, done.stderr
    assert f"Installing kernel specification for '{display_name}'" in done.stderr
    assert run(jupyter, path, "docker-spec", "install", "--user").returncode == 1
    assert run(jupyter, path, "docker-spec").returncode == 1


def test_the_command_beside_jupyter_comes_before_the_path(tmp_path, upstream, ours):
    """Where upstream is installed into Jupyter's own environment, being first on PATH is not enough:
    `jupyter` looks beside itself first. The README has to say so."""
    sandbox = Sandbox(tmp_path.resolve(), upstream, in_environment=True)
    shutil.copy2(upstream.bin_dir / "jupyter", sandbox.bin_dir)
    done = run(sandbox, [ours.bin_dir, sandbox.bin_dir, "/usr/bin", "/bin"], "docker-spec", "install", "--user")
    assert done.returncode == 0, done.stderr
    assert (sandbox.root / "data/kernels/docker_python/scripts/launch_docker.py").exists()
