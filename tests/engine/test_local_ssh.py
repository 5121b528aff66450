"""An engine on another machine, which is reached by ssh."""

import os
import signal
import subprocess

import pytest

from bed.local import UID
from bed.patience import wait_for
from bed.sshd import Sshd

IMAGE = "jds-test/plain"
STEPS = [
    ["start"],
    ["execute", "import os; print(6*7, os.getuid(), os.path.exists('data.txt'))"],
    ["interrupt", "import time; print('asleep', flush=True); time.sleep(600)"],
    ["restart", True],
    ["execute", "print(6*7)"],
    ["shutdown"],
]


@pytest.fixture
def sshd(engine, place, local, sshd_files):
    """The other machine; nothing says where its engine is but what a test says."""
    del local.environment["DOCKER_HOST"]
    with Sshd(sshd_files, place / "sshd", place / "home", engine) as sshd:
        yield sshd


def test_a_kernel_lives(engine, local, sshd):
    """Its directory is on this machine only, so it is not used, and that is said."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE)
    (local.directory / "data.txt").write_text("42")
    drive = local.drive("k", STEPS)
    values = drive.assert_done(STEPS)
    assert values[1]["stdout"] == f"42 {UID} False\n"
    assert values[2] == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert values[4]["stdout"] == "42\n"
    assert values[5] is False
    assert drive.log.count("is not mounted into the kernel's container") == 2
    assert "[E " not in drive.log


def sessions():
    """The processes of ssh that run here."""
    done = subprocess.run(["pgrep", "--exact", "ssh"], capture_output=True, text=True, check=False)
    return [int(number) for number in done.stdout.split()]


LOST = "the kernel is lost, and with it the engine at `ssh://gpu`: signal 9 ended `ssh`; see whether `ssh gpu` connects"
BROKE = "The connection to the engine at `ssh://gpu` broke: signal 9 ended `ssh`; see whether `ssh gpu` connects"


@pytest.mark.parametrize(("which", "said"), [("all", LOST), ("first", BROKE)])
def test_connections_that_are_killed(engine, local, sshd, which, said):
    """A kernel has two: for its streams, and for the answer how it ended."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    running = local.launch("k")
    try:
        found = sorted(sessions())
        assert len(found) == 2, found
        for number in found if which == "all" else found[:1]:
            os.kill(number, signal.SIGKILL)
        assert running.process.wait(60) > 0
        assert said in running.log(), running.log()
        engine.assert_no_kernels()
        wait_for(lambda: not sessions(), lambda: f"left: {sessions()}")
    finally:
        running.kill()


def test_killed(engine, local, sshd):
    """Nothing stays: no container, and no process of ssh."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    running = local.launch("k")
    try:
        assert sessions()
        os.killpg(running.launcher, signal.SIGKILL)
        running.process.wait(60)
        engine.assert_no_kernels()
        wait_for(lambda: not sessions(), lambda: f"left: {sessions()}")
    finally:
        running.kill()
