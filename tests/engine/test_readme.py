"""The README's commands do what it says, and print what it says."""

import os
import shutil

import pytest

from bed.deployments import Workplace
from bed.pages import PAGES, Page
from bed.programs import PROGRAMS


@pytest.fixture
def checkout(engine, place, binaries, gp_env, jupyter):
    """The sources, and a `jupyter` on PATH beside which `install.sh` puts our programs."""
    directory = place / "bin"
    directory.mkdir()
    shutil.copy2(gp_env / "bin" / "jupyter", directory)
    tools = {"PATH": f"{directory}:{os.environ['PATH']}", "HOME": os.environ["HOME"]}
    workplace = Workplace(engine, place, binaries, **(os.environ | jupyter | tools))
    workplace.directory = PAGES
    yield workplace
    for name in PROGRAMS:
        # Nobody wants to see how they differ.
        is_same = (directory / name).read_bytes() == (binaries / name).read_bytes()
        assert is_same, name


def test_the_readme(shared, checkout):
    Page("README.md", checkout).follow_all()
    names = {path.name for path in (shared / "jupyter" / "kernels").iterdir()}
    assert names == {"docker_python", "r_docker", "python_swarm"}
