"""What is left of a local kernel whose launcher is killed as it enters a system call: nothing, and no duty for anybody
who comes after it.

A life makes some thousand of them, most of a few kinds. It is killed at the first, the second and the last of each
kind, and at many of those by which it speaks with the engine, with the kernel and with its clients.
"""

import contextlib
import os
import re
import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bed.killed import sample
from bed.local import LocalApplication
from bed.patience import PATIENCE, wait_for
from bed.waiting import rests, waiting

IMAGE = "jds-test/plain"
AT_ONCE = 4
# One line a call: nobody else is traced.
CALL = re.compile(r"^(\w+)\(", re.MULTILINE)


@dataclass
class Traced(LocalApplication):
    """Runs what goes on behind these words."""

    under: tuple = ()

    def begin(self, *command, output):
        return super().begin(*self.under, *command, output=output)


def live(local, *under, done=lambda: True):
    """A launcher from its start to its end, which is asked for once the kernel answers, and all is done: its status
    and log."""
    running = Traced(**vars(local), under=("strace", "-qqq", *under)).launch("k", until=None)
    try:
        wait_for(lambda: running.process.poll() is not None or running.answers() and done(), running.log)
        # strace's only child; it passes on no signal itself.
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
            running.launcher = int(children.read_text().split()[0])
            os.kill(running.launcher, signal.SIGTERM)
        status = running.process.wait(PATIENCE)
        # As whoever starts the kernel again, with the same connection file.
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", running.heartbeat))
        return status, running.log()
    finally:
        running.kill()


def guards():
    """The processes that look after a container."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = process.read_bytes().split(b"\0")
            if b"--guard" in words[1:2]:
                found.append(words)
    return found


def left(engine):
    """All that a launch could leave."""
    return engine.kernels(), engine.ask("/volumes")["Volumes"], guards()


def kill(local, point, **until):
    call, number = point
    inject = f"inject={call}:signal=KILL:when={number}"
    return point, *live(local, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, **until)


def killed(local, engine, points):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda point: kill(local, point), points))
    wait_for(lambda: not any(left(engine)), lambda: f"left: {left(engine)}")
    check(local, points, results)


def check(local, points, results, share=0.9):
    ends = Counter(status for _, status, _ in results)
    print(f"{len(points)} launches, {ends}")
    for point, status, log in results:
        # Where it is killed no more, it ends as it was told.
        assert status in (-signal.SIGKILL, 128 + signal.SIGTERM), f"{point}: {status}\n{log}"
        assert "launch_docker]" not in log, f"{point}: {log}"
    assert ends[-signal.SIGKILL] > share * len(points)
    # The next one has nothing in its way.
    assert local.ask("6*7") == 42


def calls(local, **until):
    log = local.directory / "strace"
    status, said = live(local, "-o", log, **until)
    assert status == 128 + signal.SIGTERM, said
    names = CALL.findall(log.read_text())
    assert names[0] == "execve"
    return names[1:]


# With a volume for the bootstrap, which is one thing more that could be left.
OPTIONS = ("--read-only",)


def test_killed(local, engine):
    local.install(IMAGE, *OPTIONS)
    # Before that nobody but itself has heard of it.
    made = calls(local)
    heard = made[: made.index("connect")]
    points = [(call, number) for call, number in sample(made) if number > heard.count(call)]
    killed(local, engine, points[::3])


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_killed_at_every_call(local, engine):
    local.install(IMAGE, *OPTIONS)
    killed(local, engine, [(call, number + 1) for call, count in Counter(calls(local)).items() for number in range(count)])


def others(engine):
    """The containers of kernels that do not wait, in any state."""
    found = engine.ask("/containers/json", all=True, filters={"label": ["component=kernel"]})
    those = set(waiting(engine).values())
    return [(each["Names"], each["Status"]) for each in found if each["Id"] not in those]


def spread(made, begin, end, number):
    """So many of the calls from one on to another one, or all of them, each by its number among those of its kind."""
    before = Counter(made[:begin])
    numbered = []
    for call in made[begin:end]:
        before[call] += 1
        numbered.append((call, before[call]))
    return numbered if number is None else numbered[:: max(1, len(numbered) // number)]


# A few, or each.
NUMBERS = pytest.mark.parametrize("number", [3, pytest.param(None, marks=pytest.mark.full)], ids=["few", "each"])


def look_at_what_waits(local, engine, most):
    """What is left is such as wait, and not too many of them. Nobody looks after anything any more."""
    wait_for(lambda: not others(engine) and not guards(), lambda: f"left: {others(engine)}, {guards()}")
    assert len(waiting(engine)) <= most
    assert local.ask("6*7") == 42
    local.tool("prune", "--yes", "--older-than=0s")
    wait_for(lambda: not any(left(engine)), lambda: f"left: {left(engine)}")


@NUMBERS
@pytest.mark.timeout(7200)
def test_killed_while_it_prepares_the_next_one(local, engine, number):
    local.install(IMAGE, "--warm", *OPTIONS)

    def clear():
        for each in waiting(engine).values():
            engine.ask(f"/containers/{each}", "DELETE", force=True)
        # One that was about to wait is in the way of the next.
        wait_for(lambda: not engine.kernels(), lambda: f"left: {engine.kernels()}")

    def waits():
        return bool(waiting(engine))

    made = calls(local, done=waits)
    # What it does for its own kernel is known.
    points = spread(made, made.index("accept4"), None, number)
    results = []
    for point in points:
        clear()
        results.append(kill(local, point, done=waits))
    look_at_what_waits(local, engine, 1)
    check(local, points, results, 0.6)


@NUMBERS
@pytest.mark.timeout(7200)
def test_killed_while_it_takes_one(local, engine, number):
    local.install(IMAGE, f"--warm={AT_ONCE}", *OPTIONS)

    def prepare():
        running = local.launch("k")
        try:
            wait_for(lambda: len(waiting(engine)) == AT_ONCE, lambda: f"{waiting(engine)} wait")
        finally:
            running.kill()
        wait_for(lambda: all(rests(engine, each) for each in waiting(engine).values()), "they do not come to wait")

    prepare()
    made = calls(local)
    points = spread(made, made.index("connect"), made.index("accept4"), number)
    results = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for first in range(0, len(points), AT_ONCE):
            prepare()
            results += pool.map(lambda point: kill(local, point), points[first : first + AT_ONCE])
    look_at_what_waits(local, engine, AT_ONCE)
    check(local, points, results, 0.6)
