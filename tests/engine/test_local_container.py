"""A Jupyter in a container with the engine's socket mounted: its paths are not those of the engine's host."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bed.local import GID, UID, contained

IMAGE = "jds-test/plain"
# What a kernel sees and can do where it is; `inner` is there if something is mounted below.
LOOK = """
import json, os
def write(path):
    try:
        open(path, 'w').close()
        return True
    except OSError:
        return False
inner = os.path.isdir('inner')
print(json.dumps({
    'at': os.getcwd(), 'files': sorted(os.listdir('.')), 'who': [os.getuid(), os.getgid()], 'writes': write('made'),
    'inner': inner and [sorted(os.listdir('inner')), write('inner/made')],
}))
"""


@dataclass(frozen=True)
class Place:
    """Where the notebook is: `{host}` is a directory of the host that has `nb` and `data`, and `{same}` one that is
    there on both sides."""

    directory: str
    # What is mounted, as `docker run` takes it.
    mounts: tuple
    # Where the notebook's directory is on the host; None if it is nowhere.
    source: str | None = "{host}/nb"
    writes: bool = True
    inner: list | bool = False
    # What the kernel finds besides.
    files: list = field(default_factory=lambda: ["data.txt"])


PLACES = {
    "bind": Place("/work", ("{host}/nb:/work",)),
    "volume": Place("/work", ("jds-test-nb:/work",), source="{volume}"),
    "subdirectory": Place("/work/nb", ("{host}:/work",)),
    "subdirectory of a volume": Place("/work/a b", ("jds-test-nb:/work",), source="{volume}/a b"),
    "nested": Place(
        "/work",
        ("{host}/nb:/work", "{host}/data:/work/inner:ro"),
        inner=[["inner.txt"], False],
        files=["data.txt", "inner"],
    ),
    "the inner one": Place("/work/inner", ("{host}/data:/work", "{host}/nb:/work/inner")),
    "read-only": Place("/work", ("{host}/nb:/work:ro",), writes=False),
    "another of its name": Place("{same}", ("{host}/nb:{same}",)),
    "below another of its name": Place("{same}/nb", ("{host}:{same}",)),
    "no mount": Place("/work", (), source=None),
    "no mount, and one of its name": Place("{same}", (), source=None),
    "only in memory": Place("/work", ("tmpfs",), source=None),
}


@pytest.mark.parametrize("at", PLACES.values(), ids=PLACES)
def test_the_notebooks_directory(engine, binaries, place, at):
    host, same = place / "host", place / "same"
    for directory, file in ((host / "nb", "data.txt"), (host / "data", "inner.txt"), (same / "nb", "others.txt")):
        directory.mkdir(parents=True)
        (directory / file).write_text("42")
    (same / "others.txt").write_text("of somebody else")
    engine.docker("volume", "create", "jds-test-nb")
    volume = engine.inspect("jds-test-nb")["Mountpoint"]
    names = {"host": host, "same": same, "volume": volume}
    source = at.source and Path(at.source.format(**names))
    if source:
        source.mkdir(exist_ok=True)
        (source / "data.txt").write_text("42")
    for directory in (host / "nb", host / "data", Path(volume), *([source] if source else [])):
        os.chown(directory, UID, GID)
    directory = at.directory.format(**names)
    mounts = [word.format(**names) for word in at.mounts]
    options = ["--tmpfs=/work" if mount == "tmpfs" else f"--volume={mount}" for mount in mounts]
    jupyter = contained(engine, binaries, directory, *options)
    jupyter.install(IMAGE)

    steps = [["start"], ["execute", LOOK], ["shutdown"]]
    drive = jupyter.drive("k", steps)
    values = drive.assert_done(steps)
    seen = json.loads(values[1]["stdout"])

    assert seen["who"] == [UID, GID]
    warnings = [line for line in drive.log.splitlines() if "is not mounted into the kernel's container" in line]
    if source is None:
        assert len(warnings) == 1 and f"The directory {directory} " in warnings[0], drive.log
        assert seen["at"] == "/" and "others.txt" not in seen["files"]
        return
    assert not warnings
    assert seen["at"] == directory
    assert (seen["files"], seen["writes"], seen["inner"]) == (at.files, at.writes, at.inner)
    if at.writes:
        made = (source / "made").stat()
        assert (made.st_uid, made.st_gid) == (UID, GID)
    assert not (same / "made").exists()


def test_paths_outweigh_what_is_found(engine, binaries, place):
    for name in ("one", "other"):
        (place / name).mkdir()
        (place / name / f"{name}.txt").write_text("42")
    jupyter = contained(engine, binaries, "/work", f"--volume={place / 'one'}:/work")
    jupyter.install(IMAGE)
    file = "/home/ann/.local/share/jupyter/kernels/k/scripts/launch_docker.toml"
    other = f"mount_cwd = {{ paths = {{ '/work' = '{place / 'other'}' }} }}"
    assert jupyter.run("sed", "-i", f"s|^mount_cwd = .*|{other}|", file).returncode == 0
    assert jupyter.ask("[os.getcwd(), os.listdir('.')]") == ["/work", ["other.txt"]]
