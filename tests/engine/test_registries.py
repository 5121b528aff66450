"""Launches whose images come from a real registry: with credentials, by digest, by policy, and over
lines that are slow or break."""

import json
import subprocess
import time

import pytest

from bed.credentials import TOKEN_WAYS, WAYS, tell
from bed.distribution import Line, TokenServer, assert_unsaid, passwords
from bed.patience import PATIENCE, wait_for
from bed.proxy import Proxy
from bed.shelf import LAYERS, SLEEPS

IMAGE = "team/kernel:1"
LONG = "--launch-timeout=60"
CONTENT = [*LAYERS, SLEEPS]


def running_image(engine, launch):
    """Waits until a kernel runs, removes it as the server does, and returns the id of its image."""

    def runs():
        return engine.client("inspect", "--format={{.State.Running}}", launch.name).stdout == "true\n"

    wait_for(lambda: runs() or launch.process.poll() is not None, launch.log)
    assert runs(), launch.log()
    image = engine.inspect(launch.name)["Image"]
    engine.docker("rm", "--force", launch.name)
    ended = launch.end()
    assert ended.status == 0, ended.log
    assert_unsaid(ended.log)
    return image


@pytest.mark.parametrize("way", WAYS)
def test_password(engine, shelf, serve, launch, place, way):
    shelf.put(IMAGE, *CONTENT)
    registry = serve(passwords(shelf.directory))
    image = f"{registry.host}/{IMAGE}"
    running_image(engine, launch(image, LONG, **tell(way, place, registry.host)))
    assert registry.asked("/blobs/") == 4


@pytest.mark.parametrize("way", ["auth", *TOKEN_WAYS])
def test_token(engine, shelf, serve, launch, place, way):
    shelf.put(IMAGE, *CONTENT)
    with TokenServer(shelf.authority) as tokens:
        registry = serve(tokens.settings)
        image = f"{registry.host}/{IMAGE}"
        running_image(engine, launch(image, LONG, **tell(way, place, registry.host)))
        assert set(tokens.given) == {"password" if way == "auth" else "identity token"}


def test_no_password_and_a_wrong_one(engine, shelf, serve, launch, place):
    shelf.put(IMAGE, *CONTENT)
    registry = serve(passwords(shelf.directory))
    image = f"{registry.host}/{IMAGE}"
    login = f"docker login {registry.host}"
    ended = launch(image, LONG).end()
    ended.assert_error(image, login, "no basic auth credentials")
    tell("auth", place, registry.host, password="wrong")
    ended = launch(image, LONG).end()
    ended.assert_error(image, login)
    assert_unsaid(ended.log)
    assert registry.asked("/manifests/") == 0


def test_digests(engine, shelf, serve, launch):
    digest = shelf.put(IMAGE, *CONTENT)
    shelf.put(IMAGE, SLEEPS)
    registry = serve()
    name = f"{registry.host}/team/kernel"
    first = running_image(engine, launch(f"{name}@{digest}", LONG))
    assert registry.asked(f"/manifests/{digest}") > 0
    engine.docker("image", "rm", "--force", first)
    assert running_image(engine, launch(f"{name}:1@{digest}", LONG)) == first
    # It is there now.
    before = len(registry.requests())
    assert running_image(engine, launch(f"{name}:1@{digest}", LONG)) == first
    assert len(registry.requests()) == before


def test_policies(engine, shelf, serve, launch):
    shelf.put(IMAGE, *CONTENT)
    registry = serve()
    image = f"{registry.host}/{IMAGE}"

    def launched(*options):
        """The image of a kernel, and whether the registry was asked."""
        before = len(registry.requests())
        return running_image(engine, launch(image, LONG, *options)), len(registry.requests()) > before

    launch(image, "--pull=never").end().assert_error(image, "pull_policy .* is `never`")
    assert not registry.requests()
    first, asked = launched()
    assert asked
    for options in ([], ["--pull=missing"], ["--pull=if_not_present"], ["--pull=never"]):
        assert launched(*options) == (first, False), options
    assert launched("--pull=always") == (first, True)
    # The tag moves on.
    shelf.put(IMAGE, *CONTENT)
    assert launched("--pull=missing") == (first, False)
    second, asked = launched("--pull=always")
    assert asked and second != first
    assert launched() == (second, False)

    # Without the registry nothing can be promised.
    registry.stop()
    ended = launch(image, "--pull=always").end()
    ended.assert_error(image, "at each launch .pull_policy.", "connection refused")
    assert running_image(engine, launch(image)) == second


@pytest.mark.parametrize("policy", ["build", "daily", "weekly", "every_12h", "nonsense"])
def test_policies_that_there_are_not(application, binaries, policy):
    words = ["install", "--user", f"--pull={policy}"]
    done = application.run(binaries / "jupyter-docker-spec", *words)
    assert done.returncode == 1
    assert f"`pull_policy` of `{policy}` must be one of missing, always and never" in done.stderr


def test_platform(engine, shelf, serve, launch, place):
    shelf.put(IMAGE, *CONTENT)
    image = f"{serve().host}/{IMAGE}"
    with Proxy(place / "proxy.sock", engine.socket) as proxy:
        running = launch(image, LONG, "--platform=linux/amd64", DOCKER_HOST=proxy.address)
        running_image(engine, running)
        pulls = [request for request in proxy.requests if "/images/create" in request]
    assert len(pulls) == 1 and "platform=linux%2Famd64" in pulls[0]


def test_timeout_passes_while_it_is_pulled(engine, shelf, serve, launch, place):
    shelf.put(IMAGE, *CONTENT)
    registry = serve()
    with Line(registry, shelf.authority, speed=300_000) as line:
        image = f"{line.host}/{IMAGE}"
        # Somebody else wants it too, so that the engine goes on and has it in the end.
        command = ["docker", "--host", engine.address, "pull", "--quiet", image]
        other = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with Proxy(place / "proxy.sock", engine.socket) as proxy:
            running = launch(image, "--launch-timeout=6", DOCKER_HOST=proxy.address)
            ended = running.end()
            ended.assert_error(image, "launch timeout of 6 s", f"docker pull {image}")
            assert other.wait(PATIENCE) == 0
            assert engine.has_image(image)
            time.sleep(1)
            assert not [request for request in proxy.requests if "/start" in request]
        assert not engine.docker("ps", "--all", "--quiet")
        running_image(engine, launch(image, "--pull=never"))


def test_line_breaks_in_the_middle(engine, shelf, serve, launch):
    shelf.put(IMAGE, *CONTENT)
    registry = serve()
    with Line(registry, shelf.authority, breaks_after=1_500_000) as line:
        image = f"{line.host}/{IMAGE}"
        launch(image, LONG).end().assert_error(image, "EOF|reset")
        assert not engine.has_image(image)
        assert not engine.docker("ps", "--all", "--quiet")
        line.mend()
        running_image(engine, launch(image, LONG))


@pytest.fixture
def overlay(swarm):
    return swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")


def running_service(swarm, launch):
    """Waits until a service's task runs, and returns the image that its container is of."""

    def state():
        tasks = swarm.client("service", "ps", "--format={{.CurrentState}}", launch.name)
        return tasks.stdout

    wait_for(lambda: "Running" in state() or launch.process.poll() is not None, launch.log)
    assert "Running" in state(), launch.log()
    label = f"--filter=label=com.docker.swarm.service.name={launch.name}"
    image = swarm.inspect(swarm.docker("ps", "--quiet", label))["Image"]
    swarm.docker("service", "rm", launch.name)
    ended = launch.end()
    assert ended.status == 0, ended.log
    assert_unsaid(ended.log)
    return image


def test_node_of_a_swarm_pulls_with_a_password(swarm, shelf, serve, overlay, launch, place):
    digest = shelf.put(IMAGE, *CONTENT)
    registry = serve(passwords(shelf.directory))
    by_tag, by_digest = f"{registry.host}/{IMAGE}", f"{registry.host}/{IMAGE}@{digest}"
    options = ["--swarm", LONG]
    ended = launch(by_tag, *options, GP_DOCKER_NETWORK=overlay).end()
    ended.assert_error(by_tag, "no basic auth credentials|No such image")
    tell("auth", place, registry.host)
    first = running_service(swarm, launch(by_tag, *options, GP_DOCKER_NETWORK=overlay))
    assert registry.asked("/blobs/") == 4
    swarm.assert_no_kernels()
    assert running_service(swarm, launch(by_digest, *options, GP_DOCKER_NETWORK=overlay)) == first


def test_node_of_a_swarm_pulls_with_an_identity_token(swarm, shelf, serve, overlay, launch, place):
    shelf.put(IMAGE, *CONTENT)
    with TokenServer(shelf.authority) as tokens:
        registry = serve(tokens.settings)
        tell("identitytoken", place, registry.host)
        image = f"{registry.host}/{IMAGE}"
        running_service(swarm, launch(image, "--swarm", LONG, GP_DOCKER_NETWORK=overlay))
        assert set(tokens.given) == {"identity token"}


def test_timeout_passes_while_a_node_pulls(swarm, shelf, serve, overlay, launch):
    shelf.put(IMAGE, *CONTENT)
    registry = serve()
    with Line(registry, shelf.authority, speed=200_000) as line:
        image = f"{line.host}/{IMAGE}"
        options = ["--swarm", "--launch-timeout=6"]
        ended = launch(image, *options, GP_DOCKER_NETWORK=overlay).end()
        ended.assert_error(image, "was not running after 6 s", r"its task is \w+ on node")
        assert not swarm.docker("service", "ls", "--quiet")
        line.mend()
        time.sleep(4)
        assert not swarm.docker("ps", "--all", "--quiet")


def test_kernel_comes_from_a_registry_with_a_password(
    engine, shelf, serve, application, install, kernel_image, place
):
    shelf.put("team/python:1", *LAYERS[:1], base=kernel_image)
    registry = serve(passwords(shelf.directory))
    image = f"{registry.host}/team/python:1"
    environment = tell("auth", place / "home", registry.host)
    install("--user", f"--image-name={image}", LONG)
    steps = [["start"], ["execute", "import os; print(6*7, os.path.getsize('/data1'))"], ["shutdown"]]
    drive = application.drive("docker_python", steps, **environment)
    _, answer, alive = drive.assert_done(steps)
    assert answer == {"stdout": "42 1000000\n", "error": None}
    assert not alive
    assert f"Pulled the image {image}" in drive.log
    assert registry.asked("/blobs/") > 0
    assert_unsaid(drive.log, json.dumps(drive.values))
