"""Commands that messages propose about the engine are typed, and the next look is content."""

import os
import re
import subprocess

import pytest

from bed.checking import BOOTSTRAP, faults, has, of_platform
from bed.kernels import PYTHON

KERNELS = {"GP_DOCKER_NETWORK": "jds-advice"}


def proposed(lines, *words):
    """The command that a line proposes, between its last backquotes that have one."""
    (line,) = [line for line in lines if all(word in line for word in words)]
    commands = [text for text in re.findall("`([^`]*)`", line) if " " in text]
    return commands[-1]


@pytest.fixture
def type_it(engine, application, binaries):
    """Types a command where the application runs, which has to succeed; what it has printed."""

    def run(command):
        variables = {"DOCKER_HOST": engine.address, "PATH": f"{binaries}:{os.environ['PATH']}"}
        environment = application.environment | variables
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout

    return run


def test_a_network(check, install, engine, kernel_image, type_it):
    install("--user", f"--image-name={kernel_image}")
    command = proposed(check(status=1, **KERNELS), "does not exist")
    assert command == "docker network create jds-advice"
    try:
        type_it(command)
        assert not faults(check(**KERNELS))
    finally:
        engine.client("network", "rm", "jds-advice")


def test_two_networks_of_one_name(check, install, engine, kernel_image, type_it):
    install("--user", f"--image-name={kernel_image}")
    create = f"curl -fsS --unix-socket {engine.socket} -H 'Content-Type: application/json' "
    create += """-d '{"Name": "jds-advice"}' http://d/v1.41/networks/create"""
    try:
        type_it(f"{create}; {create}")
        listed = type_it(proposed(check(status=1, **KERNELS), "is ambiguous"))
        first, second = (line.split()[0] for line in listed.splitlines() if " jds-advice " in line)
        type_it(f"docker network rm {first}")
        assert not faults(check(**KERNELS))
    finally:
        for identity in engine.docker("network", "ls", "--quiet", "--filter=name=jds-advice").split():
            engine.client("network", "rm", identity)


def test_a_swarm_and_its_network(check, install, engine, kernel_image, type_it):
    install("--user", "--swarm", f"--image-name={kernel_image}")
    lines = check(status=1)
    try:
        type_it(proposed(lines, "in no Swarm"))
        lines = check(status=1)
        command = proposed(lines, "`bridge`", "on one node only")
        type_it(command.replace("NAME", "jds-advice"))
        assert not faults(check(**KERNELS))
        engine.docker("network", "rm", "jds-advice")
        type_it(proposed(check(status=1, **KERNELS), "does not exist"))
        assert not faults(check(**KERNELS))
    finally:
        engine.client("network", "rm", "jds-advice")
        engine.leave_swarm()


@pytest.mark.parametrize(
    "line", [f"RUN chmod 0644 {BOOTSTRAP}", rf"RUN sed -i 's/$/\r/' {BOOTSTRAP}"], ids=["mode", "ends"]
)
def test_a_bootstrap(check, install, engine, line):
    image = engine.image("jds-test/advice", "USER root", line, base=PYTHON.image)
    install("--user", f"--image-name={image}")
    command = proposed(check(status=1), "bootstrap-kernel.sh")
    engine.image("jds-test/mended", "USER root", f"RUN {command}", base=image)
    install("--user", "--replace", "--image-name=jds-test/mended")
    assert not faults(check())


def test_an_image_for_another_platform_is_pulled_for_this(
    check, install, engine, place, shelf, serve, kernel_image, type_it
):
    registry = serve()
    image = f"{registry.host}/team/kernel:1"
    shelf.put("team/kernel:1")
    engine.docker("tag", engine.image("jds-test/other"), image)
    of_platform(engine, place, image, "arm64")
    install("--user", f"--image-name={image}")
    command = next(
        text for line in check(status=1) for text in re.findall("`(docker pull [^`]*)`", line) if "is for" in line
    )
    assert command == f"docker pull --platform linux/amd64 {image}"
    type_it(command)
    try:
        has(check(status=1), "ok", f"the engine has the image `{image}`")
    finally:
        engine.client("image", "rm", image)


def test_commands_that_only_show_or_remove_are_the_clients(swarm, kernel_image, type_it):
    """Of which messages name the object, and whose outcome is what is to be seen."""
    container = swarm.container("jds-test/tiny", "sleep", "600")
    type_it(f"docker inspect {container}")
    printed = type_it(f"docker image inspect --format {{{{.Architecture}}}} {kernel_image}")
    assert printed == "amd64\n"
    type_it(f"docker rm --force {container}")
    assert container not in swarm.docker("ps", "--all", "--no-trunc", "--quiet")
    volume = swarm.docker("volume", "create", "--label", "jds.test")
    assert volume in type_it("docker volume ls --filter dangling=true")
    swarm.docker("volume", "rm", volume)
    network = swarm.network("jds-advice", "--driver=overlay", "--attachable")
    assert '"Subnet"' in type_it(f"docker network inspect {network}")
    service = f"docker service create --detach --mode global --network {network} jds-test/tiny sleep 600"
    identity = type_it(service).strip()
    type_it(f"docker service inspect {identity}")
    for command in ("docker secret ls", "docker config ls", "docker node ls"):
        assert type_it(command)
    # It is one already.
    type_it("docker node promote $(docker node ls --quiet)")
    type_it(f"docker service rm {identity}")
    assert not swarm.docker("service", "ls", "--quiet")


def test_a_launch_is_tried_with_what_the_launcher_proposes(application, binaries, install, kernel_image, type_it):
    install("--user", f"--image-name={kernel_image}")
    printed = type_it("jupyter-docker-spec check --launch docker_python")
    assert "the kernel told" in printed
