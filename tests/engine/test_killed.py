"""What is left of a command that is killed, wherever that happens: Jupyter sees the old specifications
or the new ones, and the same command once more completes the work.

On an ordinary file system; test_file_systems.py does the same in the layers of an image.
"""

import shutil
import subprocess
from dataclasses import dataclass

import pytest

from bed.killed import at_every_call, contents

KERNELS = "share/jupyter/kernels"
OLD = ("--language=R", "--launcher=python", "--display-name=Old")
MANIFEST = """\
[defaults]
prefix = "prefix"
display-name = "New"

[[kernel]]
kernel-name = "k"

[[kernel]]
kernel-name = "l"
language = "R"
launcher = "python"

[[kernel]]
kernel-name = "m"
swarm = true
"""
INSTALL = ("install", "--prefix=prefix", "--kernel-name=k")
INSTALL_FILE = ("install", "--file=kernels.toml")
REMOVE = ("remove", "-y", "--prefix=prefix")


@dataclass
class Case:
    """A command, and the specifications that are there before it."""

    before: str
    words: tuple
    # What completes the work where the command is refused, because it had come far enough already.
    # Nothing is left to do after a removal.
    refused: tuple | None = None
    umask: int = 0o022


CASES = {
    "install": Case("", INSTALL, (*INSTALL, "--replace")),
    "install beside another": Case("o", INSTALL, (*INSTALL, "--replace")),
    "install with a strict umask": Case("", INSTALL, (*INSTALL, "--replace"), umask=0o077),
    "install --replace": Case("ko", (*INSTALL, "--replace")),
    "install --file": Case("", INSTALL_FILE, (*INSTALL_FILE, "--replace")),
    "install --file --replace": Case("klmo", (*INSTALL_FILE, "--replace")),
    "install --file --replace, one is new": Case("km", (*INSTALL_FILE, "--replace")),
    "remove": Case("ko", (*REMOVE, "k"), ()),
    "remove three": Case("klmo", (*REMOVE, "k", "l", "m"), ()),
    "remove three, the last first": Case("klmo", (*REMOVE, "m", "l", "k"), ()),
}


def visible(prefix):
    """What Jupyter sees: the directories with a kernel.json, with all that is in them."""
    found = (prefix / KERNELS).glob("*/kernel.json")
    return {path.parent.name: contents(path.parent) for path in found}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_killed_at_every_call(place, binaries, case):
    prefix, saved, temporary = (place / name for name in ("prefix", "saved", "tmp"))
    (place / "kernels.toml").write_text(MANIFEST)

    def run(words, under=()):
        return subprocess.run(
            [*under, binaries / "jupyter-docker-spec", *words],
            env={"HOME": str(place), "TMPDIR": str(temporary)},
            cwd=place,
            umask=case.umask,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def run_to_end(words):
        done = run(words)
        assert done.returncode == 0, done.stderr

    def reset():
        shutil.rmtree(prefix, ignore_errors=True)
        shutil.copytree(saved, prefix)

    saved.mkdir()
    temporary.mkdir()
    for name in case.before:
        run_to_end(("install", "--prefix=saved", f"--kernel-name={name}", *OLD))
    reset()
    old = visible(prefix)
    assert old.keys() == set(case.before)
    run_to_end(case.words)
    new, all_new = visible(prefix), contents(prefix)
    changed = {name for name in old | new if old.get(name) != new.get(name)}

    seen = []
    for call in at_every_call(place / "strace", reset, lambda under: run(case.words, under)):
        found = visible(prefix)
        assert found.keys() <= (old | new).keys(), f"killed at {call}"
        for name in old | new:
            assert found.get(name) in (old.get(name), new.get(name)), f"{name}, killed at {call}"
        seen.append(sum(found.get(name) == new.get(name) for name in changed))
        again = run(case.words)
        if again.returncode != 0:
            assert seen[-1] > 0 and case.refused is not None, f"{call}: {again.stderr}"
            if case.refused:
                run_to_end(case.refused)
        assert contents(prefix) == all_new, f"killed at {call}"
    assert list(temporary.iterdir()) == []
    # Some before, and some after, or nothing was tested.
    assert len(seen) > 80 and {0, len(changed)} <= set(seen), seen
