"""What is left of a kernel whose launcher is killed, or whose engine goes away: nothing. And what is said of it."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from bed.faults import AT_LAST, FaultProxy, Step
from bed.patience import wait_for
from bed.proxy import Proxy

IMAGE = "jds-test/plain"
# What a launcher asks of the engine, in the order in which it does.
CALLS = {
    "version": "^HEAD /_ping",
    "image": "^GET /images/",
    "info": "^GET /info",
    "create": "^POST /containers/create",
    "archive": "^PUT /containers/.*/archive",
    "attach": "^POST /containers/.*/attach",
    "wait": "^POST /containers/.*/wait",
    "start": "^POST /containers/.*/start",
}


@pytest.fixture
def proxied(engine, place, local):
    """A proxy that holds the answers to such requests, and that launchers take for the engine."""

    def start(hold=None):
        proxy = Proxy(place / "proxy.sock", engine.socket, hold)
        open_to_all(place / "proxy.sock")
        local.environment["DOCKER_HOST"] = proxy.address
        return proxy

    local.install(IMAGE)
    return start


def open_to_all(socket):
    os.chmod(socket, 0o666)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("hold", CALLS.values(), ids=CALLS)
def test_ended_at_a_call(engine, local, proxied, hold, number):
    """Its whole group is, while the engine's answer is held back: so it can remove nothing itself, or must do so."""
    with proxied(hold) as proxy:
        running = local.launch("k", until=None)
        try:
            wait_for(proxy.held.is_set, lambda: f"not asked: {proxy.requests} {running.log()}")
            os.killpg(running.launcher, number)
            if number != signal.SIGKILL:
                proxy.release.set()
            status = running.process.wait(60)
            assert status == (-number if number == signal.SIGKILL else 128 + number), running.log()
            engine.assert_no_kernels()
            engine.assert_no_launchers()
            assert running.log() == ""
        finally:
            running.kill()


def test_an_engine_that_creates_when_the_launcher_has_gone(engine, local, place, proxied):
    """The request is on its way when the launcher is killed."""
    with proxied():
        step = Step("POST /containers/create", 1)
        with FaultProxy(place / "fault.sock", engine.socket, step, AT_LAST) as proxy:
            open_to_all(place / "fault.sock")
            local.environment["DOCKER_HOST"] = proxy.address
            running = local.launch("k", until=None)
            try:
                wait_for(lambda: step in proxy.steps, lambda: f"{proxy.steps} {running.log()}")
                os.killpg(running.launcher, signal.SIGKILL)
                running.process.wait(60)
                proxy.gone.set()
                assert proxy.finished.wait(60)
                engine.assert_no_kernels()
                engine.assert_no_launchers()
            finally:
                running.kill()


CUTS = {"attach": "/attach", "both": "/(attach|wait)", "all": ""}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_stream_that_is_cut(engine, local, proxied, cut):
    with proxied() as proxy:
        running = local.launch("k")
        try:
            proxy.cut(cut)
            assert running.process.wait(60) > 0
            assert " launch_docker] The kernel of image" in running.log() or "the kernel is lost" in running.log()
            engine.assert_no_kernels()
        finally:
            running.kill()


def test_a_wait_that_is_cut(engine, local, proxied):
    """A proxy may forget a request that has no answer for days. The kernel lives, and its end is told of all the same."""
    with proxied() as proxy:
        running = local.launch("k")
        try:
            proxy.cut("/wait")
            wait_for(running.answers, "the kernel does not answer any more")
            running.process.terminate()
            assert running.process.wait(60) == 128 + signal.SIGTERM
            assert "launch_docker]" not in running.log()
            engine.assert_no_kernels()
        finally:
            running.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_an_engine_that_is_started_again(engine, local, how):
    local.install(IMAGE)
    running = local.launch("k")
    try:
        if how == signal.SIGKILL:
            engine.process.kill()
            engine.process.wait()
        else:
            engine.stop()
        try:
            assert running.process.wait(60) > 0
            assert " launch_docker] " in running.log()
        finally:
            engine.start()
        engine.assert_no_kernels()
    finally:
        running.kill()
    # The next kernel has nothing in its way.
    assert local.ask("6*7") == 42


def test_restarted_in_haste(engine, local):
    local.install(IMAGE)
    restarts = [["restart", True]] * 3
    steps = [["start"], *restarts, ["execute", "print(6*7)"], ["shutdown"]]
    drive = local.drive("k", steps)
    assert drive.assert_done(steps)[4] == {"stdout": "42\n", "error": None}
    assert "launch_docker]" not in drive.log


def test_two_launches_of_one_kernel(engine, local):
    """A server starts a kernel again while the launcher of the former one is still ending."""
    local.install(IMAGE)
    first = local.launch("k")
    second = local.launch("k", kernel_id=first.kernel_id)
    try:
        assert len(engine.kernels()) == 2
        first.process.terminate()
        assert first.process.wait(60) == 128 + signal.SIGTERM
        assert second.answers()
        wait_for(lambda: len(engine.kernels()) == 1, "the first one is left")
        second.process.terminate()
        assert second.process.wait(60) == 128 + signal.SIGTERM
    finally:
        first.kill()
        second.kill()


@pytest.mark.parametrize("number", [20, pytest.param(50, marks=pytest.mark.full)])
def test_many_at_once(engine, local, number):
    local.install(IMAGE)
    all_of_them = [local.launch("k", until=None) for _ in range(number)]
    try:
        for running in all_of_them:
            wait_for(running.answers, running.log)
        assert len(engine.kernels()) == number
        for running in all_of_them:
            running.process.terminate()
        for running in all_of_them:
            assert running.process.wait(60) == 128 + signal.SIGTERM
            assert "launch_docker]" not in running.log()
        engine.assert_no_kernels()
    finally:
        for running in all_of_them:
            running.kill()


def test_many_that_are_killed_at_any_time(engine, local):
    """A launch takes half a second: each launcher is killed a bit later than the one before."""
    local.install(IMAGE)

    def launch(number):
        running = local.launch("k", until=None)
        try:
            running.process.wait(number * 0.04)
        except subprocess.TimeoutExpired:
            pass
        finally:
            running.kill()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(launch, range(30)))
    engine.assert_no_kernels()
    engine.assert_no_launchers()
