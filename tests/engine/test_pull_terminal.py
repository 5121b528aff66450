"""`pull` on a terminal: bars while it lasts, and nothing of them afterwards."""

import re
import time

import pytest

from bed.credentials import tell
from bed.distribution import Line, assert_unsaid, passwords
from bed.patience import PATIENCE
from bed.shelf import LAYERS
from bed.terminal import Terminal

BAR = re.compile(r"(\S+) +\[=*>? *(\]) +([0-9.]+/[0-9.]+\+? MB)? +([0-9.]+ MB/s)? +(\w+)$")
NARROW = re.compile(r" *\d+ % (\w+) +\S+$")


@pytest.fixture
def line(shelf, serve, install, application, place):
    """A slow line to a registry with a password, and specifications for two images on it."""
    registry = serve(passwords(shelf.directory))
    with Line(registry, shelf.authority, speed=600_000) as line:
        tell("auth", place / "home", line.host)
        for name in ("one", "two"):
            shelf.put(f"team/{name}:1", *LAYERS)
            install("--user", f"--kernel-name={name}", f"--image-name={line.host}/team/{name}:1")
        yield line


@pytest.fixture
def start(application, binaries):
    """Starts `pull` on a terminal."""

    def run(columns=80, **environment):
        command = [binaries / "jupyter-docker-spec", "pull"]
        return Terminal(command, application.environment | environment, columns)

    return run


def assert_clean(terminal):
    """What is left is what is in the log, and the cursor is where the shell goes on."""
    text = "".join(terminal.screen.display)
    left = r"\[[=> ]*\]|MB/s| % |\^C|waiting|downloading|unpacking"
    assert not re.search(left, text), "\n".join(terminal.rows())
    assert terminal.modes_after == terminal.modes_before
    assert terminal.screen.cursor.x == 0
    assert not terminal.screen.display[terminal.screen.cursor.y].strip()
    assert not terminal.screen.cursor.hidden
    assert_unsaid(terminal.written.decode())


def test_bars(engine, line, start):
    with start() as terminal:
        terminal.look()
        assert terminal.process.wait(PATIENCE) == 0, terminal.rows()
    pictures = [[bar for row in picture if (bar := BAR.match(row))] for picture in terminal.pictures]
    # Both at once, one below the other, and as wide as each other.
    assert max(map(len, pictures)) == 2, terminal.pictures
    for bars in pictures:
        assert len({bar.start(2) for bar in bars}) <= 1, bars
    seen = [bar for bars in pictures for bar in bars]
    assert "downloading" in {bar[5] for bar in seen}
    assert any(bar[3] and bar[4] for bar in seen), seen
    assert_clean(terminal)
    text = "".join(terminal.screen.display)
    for name in ("one", "two"):
        assert f"Pulled the image {line.host}/team/{name}:1 of {name}" in re.sub(r" +$", "", text)
    assert b"\x1b[32m" in terminal.written


def test_no_room_and_no_colours(line, start):
    with start(columns=50, NO_COLOR="1") as terminal:
        terminal.look()
        assert terminal.process.wait(PATIENCE) == 0, terminal.rows()
    rows = [row for picture in terminal.pictures for row in picture]
    assert any((found := NARROW.match(row)) and found[1] == "downloading" for row in rows), rows
    assert not re.search(rb"\x1b\[[0-9;]*m", terminal.written.replace(b"\x1b[0m", b""))
    assert_clean(terminal)


def test_interrupted(engine, line, start):
    line.speed = 100_000
    with start() as terminal:
        terminal.look(until=lambda: sum(bool(BAR.match(row)) for row in terminal.rows()) == 2)
        terminal.press(b"\x03")
        terminal.look()
        assert terminal.process.wait(PATIENCE) == 130
    assert_clean(terminal)
    assert "interrupted" in "".join(terminal.screen.display)
    line.mend()
    time.sleep(2)
    for name in ("one", "two"):
        assert not engine.has_image(f"{line.host}/team/{name}:1")
