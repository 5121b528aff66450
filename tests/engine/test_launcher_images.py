"""Images that are not there yet: pulled with progress and credentials, or an error in time."""

import base64
import json
import re
import time

import pytest

from bed.patience import wait_for
from bed.registry import Registry

CREDENTIALS = ("ann", "s3cret")
LONG = "--launch-timeout=60"


@pytest.fixture
def large(engine):
    """An image with a layer that does not compress, so that a slow registry takes its time."""
    return engine.image(
        "jds-test/large", "RUN head -c 3000000 /dev/urandom > /data", "CMD exec sleep 600"
    )


def gone(engine, running):
    """Removes a kernel as the server does."""
    engine.docker("rm", "--force", running.name)
    return running.end()


def runs(engine, running):
    return engine.client("inspect", "--format={{.State.Running}}", running.name).stdout == "true\n"


def test_missing_image_is_pulled_with_progress(engine, large, launch):
    with Registry(engine, large, seconds=8) as registry:
        running = launch(f"{registry.host}/some/kernel:1", LONG)
        wait_for(lambda: runs(engine, running), "the kernel does not run")
        ended = gone(engine, running)
        engine.docker("image", "rm", f"{registry.host}/some/kernel:1")
    assert ended.status == 0, ended.log
    lines = [line for line in ended.log.splitlines() if re.search("pull", line, re.IGNORECASE)]
    assert 2 <= len(lines) <= 8, ended.log
    assert all(line.startswith("[I ") for line in lines), ended.log
    assert "\x1b" not in ended.log and "\r" not in ended.log


def test_pull_is_given_up_at_the_launch_timeout(engine, large, launch):
    with Registry(engine, large, seconds=60) as registry:
        image = f"{registry.host}/some/kernel:1"
        begun = time.monotonic()
        ended = launch(image, "--launch-timeout=4").end()
        # Not before; how soon after is a matter of the machine.
        assert time.monotonic() - begun > 3
    ended.assert_error(image, "launch.timeout|4 s")


@pytest.mark.parametrize("name", ["no-such/kernel:1", "some/kernel:1"])
def test_image_cannot_be_pulled(engine, large, launch, name):
    # The first is unknown, the second is secret.
    with Registry(
        engine, large, credentials=None if "no-such" in name else CREDENTIALS
    ) as registry:
        image = f"{registry.host}/{name}"
        launch(image).end().assert_error(re.escape(image), "docker login|docker pull|--image-name")


def test_registry_is_not_there(launch):
    image = "127.0.0.1:1/some/kernel:1"
    launch(image).end().assert_error(image)


def test_password_of_the_docker_configuration(engine, large, launch, place):
    with Registry(engine, large, credentials=CREDENTIALS) as registry:
        secret = base64.b64encode(":".join(CREDENTIALS).encode()).decode()
        configure(place, {"auths": {registry.host: {"auth": secret}}})
        pulled(engine, launch, f"{registry.host}/some/kernel:1")


def test_password_of_a_credential_helper(engine, large, launch, place, gp_env):
    with Registry(engine, large, credentials=CREDENTIALS) as registry:
        configure(place, {"credHelpers": {registry.host: "test"}})
        helper = place / "docker-credential-test"
        answer = json.dumps({"Username": CREDENTIALS[0], "Secret": CREDENTIALS[1]})
        helper.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")
        helper.chmod(0o755)
        pulled(engine, launch, f"{registry.host}/some/kernel:1", PATH=f"{place}:/usr/bin:/bin")


def configure(home, content):
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps(content))


def pulled(engine, launch, image, **environment):
    running = launch(image, LONG, **environment)
    wait_for(lambda: runs(engine, running) or running.process.poll(), running.log)
    assert runs(engine, running), running.log()
    ended = gone(engine, running)
    engine.docker("image", "rm", image)
    assert ended.status == 0, ended.log
    assert CREDENTIALS[1] not in ended.log


def test_terminated_while_it_pulls(engine, large, launch):
    with Registry(engine, large, hangs=True) as registry:
        running = launch(f"{registry.host}/some/kernel:1", LONG)
        wait_for(lambda: "pull" in running.log().lower(), "it does not say that it pulls")
        running.terminate()
        assert running.end().status != 0
