"""The commands of docs/languages.md do what it says."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bed import pages
from bed.kernels import R, SCALA
from bed.programs import PROGRAMS

ROOT = Path(__file__).parents[2]
# Its images are those of the tests, which the engine has built on this before, and takes up again.
BASE = "--build-arg=BASE=jds-test/prepared"


def commands():
    """What the page says to type, in words."""
    for block in pages.blocks("docs/languages.md"):
        if block.is_typed:
            yield from map(shlex.split, block.text.replace("\\\n", "").strip().splitlines())


@pytest.fixture
def typed(application, binaries, gp_env, place):
    """The environment of somebody who has our programs beside the `jupyter` that is first on PATH."""
    directory = place / "bin"
    directory.mkdir()
    shutil.copy2(gp_env / "bin/jupyter", directory)
    for name in PROGRAMS:
        shutil.copy2(binaries / name, directory)
    path = f"{directory}:{gp_env / 'bin'}:{os.environ['PATH']}"
    return application.environment | {"PATH": path, "DOCKER_BUILDKIT": "0"}


@pytest.mark.timeout(700)
def test_what_the_page_says_to_type_works(engine, typed):
    lines = list(commands())
    assert [words[:3][-1].partition("=")[0] for words in lines] == ["--tag", "install", "check"] * 2
    for words in lines:
        more = {"docker": [BASE], "install": ["--user"]}
        words = [*words, *more.get(words[0], []), *more.get(words[2], [])]
        done = subprocess.run(words, env=typed, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        if "check" in words:
            assert "ok       the kernel told" in done.stdout, done.stdout
            assert "ok       nothing is left of the kernel" in done.stdout, done.stdout
    for image, language in [("my/r-kernel:1.0", R), ("my/scala-kernel:1.0", SCALA)]:
        of_page = engine.docker("images", "--quiet", image)
        assert of_page == engine.docker("images", "--quiet", language.image)
        engine.docker("image", "rm", image)
