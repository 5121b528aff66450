"""The README's commands do what it says, and print what it says."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bed import pages

ROOT = Path(__file__).parents[2]
SHARED = Path("/usr/local/share")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


def examples():
    """The commands of the README's console blocks, each with what it prints."""
    for block in pages.blocks("README.md"):
        if block.language == "console":
            yield from ((command, TIME.sub("TIME", output)) for command, output in block.examples())


@pytest.fixture
def shared():
    """An empty place for what all users share; only these tests see it, in their namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", SHARED], check=True)
    yield SHARED
    subprocess.run(["umount", SHARED], check=True)


@pytest.fixture
def installed(place, gp_env, jupyter):
    """The environment of a Jupyter beside which `install.sh` has put our programs."""
    directory = place / "bin"
    directory.mkdir()
    shutil.copy2(gp_env / "bin" / "jupyter", directory)
    path = {"PATH": f"{directory}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / "install.sh"], env=os.environ | path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"in {directory}\n" in done.stdout
    return jupyter | path


def test_examples_print_what_the_readme_says(shared, installed):
    shown = list(examples())
    assert len(shown) >= 5
    for command, expected in shown:
        done = subprocess.run(shlex.split(command), env=installed, capture_output=True, text=True)
        assert TIME.sub("TIME", done.stdout + done.stderr) == expected, command
    names = {path.name for path in (shared / "jupyter" / "kernels").iterdir()}
    assert names == {"docker_python", "r_docker", "python_swarm"}
