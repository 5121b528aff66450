"""Many launches at once, two of one kernel, and an engine that is restarted in the middle of one."""

import json
import threading
import uuid

import pytest

from bed.kernels import WAVES, Driving
from bed.launch import TELLING
from bed.patience import PATIENCE, wait_for
from bed.proxy import Proxy

IMAGE = "jds-test/tiny"
LONG = "--launch-timeout=120"
MANY = 50


def states(engine, label):
    """The states of the containers with a label, by id."""
    template = "{{.ID}} {{.State}}"
    output = engine.docker("ps", "--all", "--no-trunc", "--filter", f"label={label}", "--format", template)
    return dict(line.split() for line in output.splitlines())


def the_one_that_goes_on(both):
    """The other has given up, or seen its kernel replaced."""
    wait_for(lambda: any(running.process.poll() is not None for running in both), "both go on")
    going = [running for running in both if running.process.poll() is None]
    assert len(going) == 1, [running.log() for running in both]
    return going[0]


@pytest.mark.parametrize("attempt", range(5))
def test_the_same_kernel_twice_at_once(engine, launch, attempt):
    """Only one of the two may be left: the server takes two containers of a kernel for an error."""
    kernel_id = str(uuid.uuid4())
    both = [launch(IMAGE, LONG, kernel_id=kernel_id, **TELLING) for _ in range(2)]
    label = f"kernel_id={kernel_id}"
    going = the_one_that_goes_on(both)
    wait_for(lambda: "Started" in going.log(), going.log)
    assert list(states(engine, label).values()) == ["running"]
    engine.docker("rm", "--force", *states(engine, label))
    assert going.end().status == 0, going.log()


def test_the_same_kernel_twice_at_once_in_a_swarm(swarm, launch):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    kernel_id = str(uuid.uuid4())
    variables = {"kernel_id": kernel_id, "GP_DOCKER_NETWORK": network, **TELLING}
    both = [launch(IMAGE, "--swarm", LONG, **variables) for _ in range(2)]

    def services():
        return swarm.docker("service", "ls", "--quiet", "--filter", f"label=kernel_id={kernel_id}").split()

    going = the_one_that_goes_on(both)
    wait_for(lambda: "Created" in going.log(), going.log)
    assert len(services()) == 1
    swarm.docker("service", "rm", *services())
    assert going.end().status == 0, going.log()


def test_fifty_at_once(engine, launch):
    all_of_them = [launch(IMAGE, LONG) for _ in range(MANY)]
    component = "component=kernel"

    def all_run():
        ended = [running.log() for running in all_of_them if running.process.poll() is not None]
        assert not ended, ended
        return list(states(engine, component).values()) == ["running"] * MANY

    wait_for(all_run, lambda: states(engine, component))
    for running in all_of_them:
        assert len(states(engine, f"kernel_id={running.kernel_id}")) == 1
    engine.docker("rm", "--force", *states(engine, component))
    for running in all_of_them:
        ended = running.end()
        assert ended.status == 0, ended.log


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_fifty_kernels_whose_bootstrap_is_brought(engine, install, application, place):
    install("--user", "--bring-bootstrap", "--image-name=jds-test/plain", LONG)
    request = json.dumps({"kernel": "docker_python", "waves": [10] * 5})
    environment = ["env", *(f"{name}={value}" for name, value in application.environment.items())]
    command = [*environment, application.python, WAVES]
    driving = Driving(command, request, place / "waves.log", held=True)
    try:
        driving.wait_for("done: all", 900)
        assert list(states(engine, "component=kernel").values()) == ["running"] * MANY
        driving.go_on()
        stdout, _ = driving.process.communicate(timeout=300)
    finally:
        driving.kill()
    assert len(json.loads(stdout)["ready_seconds"]) == MANY, driving.log.read_text()


def restart(engine):
    engine.stop()
    engine.start()


def test_restart_of_the_engine_under_a_kernel(engine, launch):
    running = launch(IMAGE, LONG, **TELLING)
    wait_for(lambda: "Started" in running.log(), "it does not start")
    restart(engine)
    running.end().assert_error("engine was restarted", running.name)


@pytest.mark.parametrize("request_line", [r"^POST /containers/create", r"^POST /containers/[^/]+/start"])
def test_restart_of_the_engine_in_the_middle_of_a_launch(engine, launch, place, request_line):
    with Proxy(place / "proxy.sock", engine.socket, request_line) as proxy:
        running = launch(IMAGE, LONG, DOCKER_HOST=proxy.address)
        assert proxy.held.wait(PATIENCE), f"{proxy.requests}\n{running.log()}"
        engine.stop()
        proxy.release.set()
        back = threading.Timer(1, engine.start)
        back.start()
        ended = running.end()
        back.join()
    ended.assert_error(r"proxy\.sock|restarted")
    assert "left over" not in ended.log


def test_restart_of_the_engine_under_a_service(swarm, launch):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    running = launch(IMAGE, "--swarm", LONG, GP_DOCKER_NETWORK=network)
    label = f"kernel_id={running.kernel_id}"
    wait_for(lambda: "running" in states(swarm, label).values(), "it does not run")
    restart(swarm)
    running.end().assert_error(running.name)
