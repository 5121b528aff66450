"""Launches that meet something else at the same time: a leftover, a signal, the end of patience."""

import socket
import threading
import time
import uuid

import pytest

from bed.faults import FaultProxy
from bed.launch import TELLING, VALUES
from bed.patience import PATIENCE, wait_for
from bed.proxy import Proxy

IMAGE = "jds-test/tiny"
LONG = "--launch-timeout=60"
# More events than an engine remembers.
FORGETS = 300
CREATE = r"^POST /containers/create"
START = r"^POST /containers/[^/]+/start"


@pytest.fixture
def proxied(engine, place):
    """Launchers that reach the engine through a proxy which holds one kind of answer back."""

    def proxy(hold):
        return Proxy(place / "proxy.sock", engine.socket, hold)

    return proxy


def containers(engine, kernel_id):
    label = f"label=kernel_id={kernel_id}"
    template = "{{.ID}} {{.State}}"
    output = engine.docker("ps", "--all", "--filter", label, "--format", template, "--no-trunc")
    return dict(line.split() for line in output.splitlines())


def services(engine, kernel_id):
    label = f"label=kernel_id={kernel_id}"
    return engine.docker("service", "ls", "--filter", label, "--quiet").split()


def leftover(engine, *command):
    """A kernel of a launch before this one, as a restart may find it."""
    kernel_id = str(uuid.uuid4())
    labels = {"kernel_id": kernel_id, "component": "kernel", "app": "gateway-provisioners"}
    options = [f"--label={key}={value}" for key, value in labels.items()]
    options += [f"--name=ann-{kernel_id}", f"--env=RESPONSE_ADDRESS={VALUES['response_address']}"]
    return kernel_id, engine.container(IMAGE, *command, options=options)


def replaces(engine, running, old):
    """Whether the launcher's own container is the only one of its kernel, and runs."""
    found = containers(engine, running.kernel_id)
    return old not in found and list(found.values()) == ["running"]


@pytest.mark.parametrize("command", [["sleep", "60"], ["true"]], ids=["running", "exited"])
def test_leftover_of_the_same_kernel(engine, launch, command):
    kernel_id, old = leftover(engine, *command)
    running = launch(IMAGE, kernel_id=kernel_id)
    wait_for(lambda: replaces(engine, running, old), "the leftover is not replaced")
    engine.docker("rm", "--force", running.name)
    ended = running.end()
    assert ended.status == 0, ended.log


def test_leftover_that_the_server_is_about_to_remove(engine, launch):
    kernel_id, old = leftover(engine)
    timer = threading.Timer(0.3, engine.client, ["rm", "--force", old])
    timer.start()
    running = launch(IMAGE, kernel_id=kernel_id)
    timer.join()
    wait_for(lambda: replaces(engine, running, old), "the leftover is not replaced")
    engine.docker("rm", "--force", running.name)
    ended = running.end()
    assert ended.status == 0, ended.log


def test_leftover_service_of_the_same_kernel(swarm, launch):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    kernel_id = str(uuid.uuid4())
    labels = {"kernel_id": kernel_id, "component": "kernel", "app": "gateway-provisioners"}
    options = [f"--label={key}={value}" for key, value in labels.items()]
    options += ["--detach", f"--name=ann-{kernel_id}", f"--network={network}"]
    options.append(f"--env=RESPONSE_ADDRESS={VALUES['response_address']}")
    old = swarm.docker("service", "create", *options, IMAGE)
    running = launch(IMAGE, "--swarm", kernel_id=kernel_id, GP_DOCKER_NETWORK=network)

    def replaced():
        found = services(swarm, kernel_id)
        return len(found) == 1 and not old.startswith(found[0])

    wait_for(replaced, "the leftover is not replaced")
    swarm.docker("service", "rm", running.name)
    ended = running.end()
    assert ended.status == 0, ended.log


def test_restart_is_left_alone_by_the_launcher_before(engine, launch):
    first = launch(IMAGE, LONG)
    wait_for(lambda: containers(engine, first.kernel_id), "no container is created")
    wait_for(lambda: "running" in containers(engine, first.kernel_id).values(), "it does not run")
    engine.docker("rm", "--force", first.name)
    second = launch(IMAGE, LONG, kernel_id=first.kernel_id)
    wait_for(lambda: containers(engine, first.kernel_id), "no container is created again")
    assert first.end().status == 0, first.log()
    time.sleep(1)
    assert list(containers(engine, first.kernel_id).values()) == ["running"], second.log()
    engine.docker("rm", "--force", first.name)
    assert second.end().status == 0, second.log()


def test_restart_in_swarm_is_left_alone_by_the_launcher_before(swarm, launch):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    first = launch(IMAGE, "--swarm", LONG, GP_DOCKER_NETWORK=network)
    wait_for(lambda: services(swarm, first.kernel_id), "no service is created")
    swarm.docker("service", "rm", first.name)
    second = launch(IMAGE, "--swarm", LONG, kernel_id=first.kernel_id, GP_DOCKER_NETWORK=network)
    wait_for(lambda: services(swarm, first.kernel_id), "no service is created again")
    assert first.end().status == 0, first.log()
    time.sleep(1)
    assert len(services(swarm, first.kernel_id)) == 1, second.log()
    swarm.docker("service", "rm", first.name)
    assert second.end().status == 0, second.log()


@pytest.mark.parametrize("hold", [CREATE, START], ids=["create", "start"])
def test_terminated_while_the_engine_works(engine, launch, proxied, hold):
    with proxied(hold) as proxy:
        running = launch(IMAGE, LONG, DOCKER_HOST=proxy.address)
        assert proxy.held.wait(PATIENCE), f"{proxy.requests}\n{running.log()}"
        assert containers(engine, running.kernel_id)
        running.terminate()
        time.sleep(0.2)
        proxy.release.set()
        ended = running.end()
    assert ended.status != 0
    assert not containers(engine, running.kernel_id), ended.log


def test_terminated_while_the_container_starts_up(engine, launch):
    running = launch(IMAGE, LONG)
    wait_for(lambda: "running" in containers(engine, running.kernel_id).values(), "it does not run")
    running.terminate()
    running.end()
    wait_for(lambda: not containers(engine, running.kernel_id), "the container stays")


def test_terminated_while_a_service_starts_up(swarm, launch):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    running = launch(IMAGE, "--swarm", LONG, GP_DOCKER_NETWORK=network)
    wait_for(lambda: services(swarm, running.kernel_id), "no service is created")
    running.terminate()
    running.end()
    wait_for(lambda: not services(swarm, running.kernel_id), "the service stays")


def test_nothing_starts_after_the_launch_timeout(engine, launch, proxied):
    with proxied(CREATE) as proxy:
        running = launch(IMAGE, "--launch-timeout=2", DOCKER_HOST=proxy.address)
        assert proxy.held.wait(PATIENCE), f"{proxy.requests}\n{running.log()}"
        time.sleep(2.5)
        proxy.release.set()
        ended = running.end()
    assert not [request for request in proxy.requests if "/start" in request]
    ended.assert_error("launch.timeout|2 s")


def test_kernel_is_left_alone_when_the_last_look_at_it_comes_too_late(engine, launch, place):
    """The engine cannot be reached any more, and can again when the launcher would clean up."""
    path = place / "proxy.sock"
    with FaultProxy(path, engine.socket) as proxy:
        running = launch(IMAGE, "--launch-timeout=10", DOCKER_HOST=proxy.address, **TELLING)
        wait_for(lambda: "Started" in running.log(), running.log)
    wait_for(lambda: "stopped reporting" in running.log(), running.log)
    time.sleep(10)
    with FaultProxy(path, engine.socket) as proxy:
        ended = running.end()
    assert ended.status == 0, ended.log
    assert list(containers(engine, running.kernel_id).values()) == ["running"]
    engine.docker("rm", "--force", running.name)


def test_kernel_that_is_removed_by_the_server_is_no_error(engine, launch):
    running = launch(IMAGE, LONG)
    wait_for(lambda: "running" in containers(engine, running.kernel_id).values(), "it does not run")
    time.sleep(1)
    engine.docker("rm", "--force", running.name)
    ended = running.end()
    assert ended.status == 0, ended.log


def outlive_memory(engine):
    """Has so much happen on the engine that it forgets what was before."""
    other = engine.docker("create", "--label=jds.test", IMAGE)
    request = f"POST /containers/{other}/attach?stdout=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(FORGETS):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(engine.socket))
            connection.sendall(request.encode())
            assert b" 200 " in connection.recv(4096)


def test_stop_that_the_engine_has_forgotten_by_the_end(engine, launch):
    """It was heard when it happened: asked only at the end, the engine could not tell a stop from a death."""
    until_told = "trap : TERM; echo ready; until [ -e /dev/shm/end ]; do sleep 0.1; done; exit 3"
    running = launch(engine.image("jds-test/slow", f"CMD {until_told}"), LONG, **TELLING)
    wait_for(lambda: "Started" in running.log(), running.log)
    wait_for(lambda: "ready" in engine.docker("logs", running.name), "it does not listen to signals")
    engine.docker("kill", "--signal=TERM", running.name)
    outlive_memory(engine)
    kills = ["--since=1", "--until=0s", f"--filter=container={running.name}", "--filter=event=kill"]
    assert not engine.docker("events", *kills), "it remembers more than it is known to"
    engine.docker("exec", running.name, "touch", "/dev/shm/end")
    ended = running.end()
    assert ended.status == 0, ended.log


def test_no_request_that_a_launch_does_not_need(engine, launch, proxied):
    with proxied(None) as proxy:
        running = launch(IMAGE, DOCKER_HOST=proxy.address)
        wait_for(lambda: "running" in containers(engine, running.kernel_id).values(), running.log)
        before = [request.split("?")[0] for request in proxy.requests]
        engine.docker("rm", "--force", running.name)
        running.end()
    create = before.index("POST /containers/create")
    *first, image = before[:create]
    assert image.startswith("GET /images/") and image.endswith("/json"), before
    assert len(first) == 1 and set(first) <= {"GET /_ping", "HEAD /_ping", "GET /version"}, before
