"""Kills a program as it enters each of its system calls, one call after the other."""

import itertools
import re
import shutil
import signal

CALL = re.compile(r"^(\d+) +(\w+)\(", re.MULTILINE)
# By these a launcher speaks with the engine, and hears from it.
SPEAKS = {"connect", "sendto", "write", "writev", "recvfrom", "read", "shutdown", "close", "epoll_wait"}
# Polls and streams repeat what they do for as long as the launch lasts.
EACH = 12


def strace(*words):
    """The words that go before a command to run it under strace."""
    assert shutil.which("strace"), "no strace: install it"
    return ["strace", "--follow-forks", "-qqq", *words]


def at_every_call(log, reset, run):
    """Yields, after each time that the program was killed, the name and number of the system call.

    `reset` makes everything as it is before the program is run, and `run` runs it behind the given
    words. The program has done all before that call and nothing of the call. strace counts the
    calls of each name by themselves. `log` is a file that may be written.
    """
    reset()
    done = run(strace("-o", log))
    assert done.returncode == 0, done.stderr
    processes, calls = zip(*CALL.findall(log.read_text()), strict=True)
    assert len(set(processes)) == 1, "the calls of another process or thread are counted apart"
    # The first is the start of the program itself, where there is nothing to kill yet.
    assert calls[0] == "execve"
    for call in dict.fromkeys(calls[1:]):
        for number in itertools.count(1):
            reset()
            kill = f"inject={call}:signal=KILL:when={number}"
            done = run(strace("-o", "/dev/null", "-e", f"trace={call}", "-e", kill))
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            yield call, number
        assert number > 1, f"not killed as it enters its first {call}"


def sample(calls):
    """The calls to be killed at: their name, and their number among those of the name."""
    count = {call: calls.count(call) for call in dict.fromkeys(calls)}
    chosen = []
    for call, last in count.items():
        numbers = {1, 2, last} & set(range(1, last + 1))
        if call in SPEAKS:
            numbers |= set(range(max(1, last - EACH + 1), last + 1))
        chosen += [(call, number) for number in sorted(numbers)]
    return chosen


def contents(directory):
    """Every file and directory below, with its mode, and every byte."""
    return {
        str(path.relative_to(directory)): (
            oct(path.lstat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(directory.rglob("*"))
    }
