"""The commands of docs/docker.md, and what they promise."""

import pytest

from bed import pages
from bed.deployments import IMAGES, Workplace

PAGE = "docs/docker.md"


@pytest.fixture
def workplace(engine, gp_env, place, binaries, jupyter):
    """A directory with the images that the page names, and the `jupyter` of a server beside our programs."""
    name = "elyra/kernel-py:0.5.0"
    engine.docker("tag", IMAGES[name], name)
    work = place / "work"
    work.mkdir()
    path = f"{work}:{gp_env / 'bin'}:/usr/bin:/bin"
    yield Workplace(engine, work, binaries, **(jupyter | {"PATH": path}))
    engine.docker("image", "rm", name)


def test_the_page(workplace):
    page = pages.Page(PAGE, workplace)
    printed = page.follow("Set up")
    assert "nothing is left of the kernel" in printed and "0 errors" in printed
    answer = page.follow("Run something")
    assert "42 alice-" in answer
    assert "of the host\n" in page.follow("Give kernels something")
    assert "There are no kernels" in page.follow("See what runs")
    assert page.done == pages.sections(PAGE)
