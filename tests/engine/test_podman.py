"""Kernels on Podman, whose service speaks Docker's API: what it does otherwise, and that nobody notices."""

import time
import uuid

import pytest

from bed.checking import faults, has
from bed.inside import Inside
from bed.kernels import PYTHON, check_life
from bed.local import GID, UID
from bed.patience import wait_for
from bed.waiting import waiting

PLAIN, TINY = "jds-test/plain", "jds-test/tiny"
# What Docker calls `bridge`.
NETWORK = {"GP_DOCKER_NETWORK": "podman"}


def test_a_local_kernel_lives_and_leaves_nothing(local):
    local.install(PLAIN)
    values = local.drive("k", PYTHON.life).assert_done(PYTHON.life)
    _, first, _, interrupted, _, again, alive = values
    assert first == again == {"stdout": "42\n", "error": None}
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert not alive


def test_its_files_are_the_callers(local):
    local.install(PLAIN)
    (local.directory / "data.txt").write_text("42")
    assert local.ask("[open('data.txt').read(), os.getuid(), open('new', 'w').close()]") == ["42", UID, None]
    made = (local.directory / "new").stat()
    assert (made.st_uid, made.st_gid) == (UID, GID)


def test_a_kernel_that_waits_is_taken(local, engine):
    local.install(PLAIN, "--warm")
    host = "__import__('socket').gethostname()"
    running = local.launch("k")
    try:
        wait_for(lambda: waiting(engine), running.log)
    finally:
        running.kill()
    ((name, container),) = waiting(engine).items()

    def used():
        usage = engine.ask(f"/containers/{container}/stats", stream="false")["cpu_stats"]["cpu_usage"]
        return usage["total_usage"] / 1e9

    def rests():
        before = used()
        time.sleep(0.5)
        return used() - before < 0.01

    wait_for(rests, "it does not come to wait")
    assert local.ask(host) == name
    local.tool("prune", "--yes", "--older-than=0s")
    wait_for(lambda: not engine.kernels(), lambda: f"left: {engine.kernels()}")


def test_a_kernel_of_a_server_lives_and_leaves_nothing(install, application):
    install("--user", *PYTHON.install)
    values = application.live(PYTHON, **NETWORK)
    who = check_life(values, "ann-{kernel_id}")
    assert who["gid"] == 100


def test_a_kernel_that_is_shut_down_has_not_died(engine, launch):
    """As servers do it, while the launcher is there. It is removed as quickly as by Docker."""
    kernel = Inside(engine, launch(TINY, **NETWORK))
    assert kernel.container["Config"]["StopTimeout"] == 0
    ended = kernel.end()
    assert "[E " not in ended.log and "ended with" not in ended.log, ended.log


@pytest.mark.parametrize("option", ["--stop-timeout=3", "--init"])
def test_who_says_how_a_kernel_ends_is_heard(engine, launch, option):
    kernel = Inside(engine, launch(TINY, option, **NETWORK))
    assert kernel.container["Config"]["StopTimeout"] == (3 if "timeout" in option else 10)
    kernel.end()


@pytest.mark.parametrize(("command", "status", "said"), [("echo boom; exit 3", 3, "boom"), ("exit 0", 0, "0")])
def test_a_kernel_that_dies_is_told_of(engine, launch, command, status, said):
    image = engine.image("jds-test/dies", f"CMD {command}")
    launch(image, **NETWORK).end().assert_error(rf"exit status {status}\b", said)


def test_a_name_that_is_taken(engine, launch):
    kernel_id = str(uuid.uuid4())
    foreign = engine.container(TINY, "sleep", "60", options=[f"--name=ann-{kernel_id}"])
    launch(TINY, kernel_id=kernel_id, **NETWORK).end().assert_error(f"the name `ann-{kernel_id}` is taken")
    assert engine.inspect(foreign)["State"]["Running"]


def test_what_is_left_of_the_same_kernel_makes_way(engine, launch):
    kernel_id = str(uuid.uuid4())
    labels = [f"--label=kernel_id={kernel_id}", "--label=component=kernel"]
    engine.docker("wait", engine.container(TINY, "true", options=[f"--name=ann-{kernel_id}", *labels]))
    Inside(engine, launch(TINY, kernel_id=kernel_id, **NETWORK)).end()


def test_a_network_that_is_missing(launch):
    ended = launch(TINY, GP_DOCKER_NETWORK="no-such-net").end()
    ended.assert_error("the network `no-such-net` does not exist", "docker network create no-such-net")


def test_the_name_of_a_network_by_which_no_server_finds_a_kernel(engine, install, check, launch, kernel_image):
    launch(TINY).end().assert_error("the network `bridge` is `podman` in Podman", "GP_DOCKER_NETWORK")
    install("--user", f"--image-name={kernel_image}")
    has(check("docker_python", status=1), "error", "the network `bridge`", "is `podman` in Podman")
    lines = check("docker_python", "--launch", **NETWORK)
    assert not faults(lines), lines
    has(lines, "ok", "that it runs")


def test_a_command_that_is_missing(engine, launch):
    image = engine.image("jds-test/no-command", 'CMD ["/no/such/command"]')
    launch(image, **NETWORK).end().assert_error("could not start the container", image, "/no/such/command")


def test_lack_of_memory_is_told_of(engine, launch):
    image = engine.image("jds-test/greedy", "CMD dd if=/dev/zero of=/dev/null bs=200M count=1")
    launch(image, "--memory=32m", **NETWORK).end().assert_error("memory", r"\b137\b")


def test_gpus_are_devices(engine, install, check, launch):
    error = "Podman gives no GPUs for `gpus`", r'devices = \["nvidia.com/gpu=all"\]'
    launch(TINY, "--gpus=all", **NETWORK).end().assert_error(*error)
    install("--user", "--image-name=jds-test/kernel", "--gpus=all")
    has(check("docker_python", status=1, **NETWORK), "error", 'devices = ["nvidia.com/gpu=all"]')


def test_gpus_of_a_local_kernel_are_devices(local):
    local.install(PLAIN, "--gpus=device=GPU-1")
    running = local.launch("k", until=None)
    try:
        assert running.process.wait(60) > 0
        assert 'devices = ["nvidia.com/gpu=GPU-1"]' in running.log()
    finally:
        running.kill()


def test_an_image_that_is_only_in_a_registry(install, check):
    install("--user", "--image-name=jds.test/none:1")
    lines = check("docker_python", **NETWORK)
    has(lines, "warning", "does not have the image `jds.test/none:1`", "Podman does not ask the registry")
