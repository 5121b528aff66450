"""Kernels that servers start in images which have the kernel and nothing of a gateway: the launcher brings what else
there must be."""

import json
from dataclasses import replace

import pytest

from bed.kernels import BASH, BASH_LINES, PYTHON, R, check_life, driven
from bed.launch import prune
from bed.proxy import Proxy

PLAIN = replace(PYTHON, image="jds-test/plain")
BRING = "--bring-bootstrap"


def check_stock(who):
    """What a kernel is in an image that does not know its user."""
    assert who["gid"] == 100
    environment = who["environment"]
    assert environment["USER"] == environment["KERNEL_USERNAME"]
    assert environment["HOME"] != "/"
    assert not {"CLOUD_TOKEN", "DOCKER_HOST", "JUPYTER_DATA_DIR"} & set(environment)


def test_a_kernel_lives_and_leaves_nothing(install, application):
    install("--user", BRING, *PLAIN.install)

    values = application.live(PLAIN, CLOUD_TOKEN="secret")

    check_stock(check_life(values, "ann-{kernel_id}"))


@pytest.mark.parametrize(
    "options", [["--signals-from=server"], ["--read-only", "--tmpfs=/tmp"]], ids=["as it is", "read-only"]
)
def test_a_kernel_lives_in_a_swarm_and_leaves_nothing(swarm, start_application, put_programs, options):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    application = start_application(network=network, GP_DOCKER_NETWORK=network)
    put_programs(application)
    application.install("--swarm", BRING, *PLAIN.install, *options)

    values = application.live(PLAIN)

    check_stock(check_life(values, "jovyan-{kernel_id}"))


# Images, each of which lacks something or has something of its own, and what the container gets besides.
STOCK = {
    "root": ([], ["--container-user=image"]),
    "another user and no shell": (
        ["RUN useradd --uid 1500 --create-home someone && rm -f /bin/sh /bin/bash /bin/dash", "USER someone"],
        ["--container-user=image"],
    ),
    "an entrypoint, a command and a health check": (
        [
            "RUN printf '#!/bin/sh\\nexport ENTERED=yes\\n\"$@\"\\nexit $?\\n' > /enter && chmod 755 /enter",
            'ENTRYPOINT ["/enter"]',
            'CMD ["sleep", "1"]',
            "HEALTHCHECK CMD false",
        ],
        [],
    ),
    "nothing that can be written to": ([], ["--read-only"]),
}
WHO = "import os, tempfile; print(os.getuid(), os.environ.get('ENTERED'), os.path.exists(tempfile.mkdtemp()))"
SAID = dict(zip(STOCK, ["0 None True", "1500 None True", "1000 yes True", "1000 None True"], strict=True))


@pytest.mark.parametrize("stock", STOCK)
def test_stock_images(install, application, engine, binaries, stock):
    lines, options = STOCK[stock]
    image = engine.image("jds-test/stock", *lines, base=PLAIN.image)
    install("--user", BRING, f"--image-name={image}", *options)
    steps = [["start"], ["execute", WHO], ["interrupt", PYTHON.loop], ["shutdown"]]

    _, who, interrupted, _ = application.drive("docker_python", steps).assert_done(steps)

    assert who == {"stdout": SAID[stock] + "\n", "error": None}
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    # Servers leave the volumes of containers.
    assert bool(engine.ask("/volumes")["Volumes"]) == ("--read-only" in options)
    done = application.run(binaries / "jupyter-docker-spec", "prune", "--yes", "--older-than=0s")
    assert done.returncode == 0 and not engine.ask("/volumes")["Volumes"], done.stderr


def test_r(install, application):
    install("--user", BRING, *R.install)
    check_life(application.live(R), "ann-{kernel_id}", R)


def test_a_kernel_that_no_gateway_knows(install, application, engine):
    engine.image(BASH.image, *BASH_LINES, base="jds-test/bare")
    install("--user", BRING, *BASH.install)

    check_life(application.live(BASH), "ann-{kernel_id}", BASH)


def test_a_kernel_that_is_added_to_an_image(install, application, engine):
    """Packages come from the image, as there is no network."""
    image = engine.image("jds-test/without:8", base="jds-test/bare")
    offline = ["--build-arg=PIP_NO_INDEX=1", "--build-arg=PIP_FIND_LINKS=/wheels", "--build-network=none"]
    done = install("--user", BRING, f"--image-name={image}", "--add-kernel", *offline)
    assert f"Built the image {image}-ipykernel" in done.stderr

    check_life(application.live(PYTHON), "ann-{kernel_id}")


def test_what_runs_in_the_kernel_is_interrupted_with_it(install, application):
    """It does not end by itself in the time of a test."""
    install("--user", BRING, *PLAIN.install)
    code = "import os; print('asleep', flush=True); os.system('sleep 100000'); print('awake')"
    steps = [["start"], ["interrupt", code], ["shutdown"]]

    _, interrupted, _ = application.drive("docker_python", steps).assert_done(steps)

    assert interrupted["stdout"].startswith("asleep\n")
    assert "awake" in interrupted["stdout"] or interrupted["error"] == "KeyboardInterrupt"


# What everybody may do who reaches the kernel's ports: sends an interrupt to each of them.
ATTACK = """
import socket, time
lines = [line.split() for line in open('/proc/net/tcp').readlines()[1:]]
for port in {int(line[1].split(':')[1], 16) for line in lines if line[3] == '0A'}:
    with socket.create_connection(('127.0.0.1', port)) as one:
        one.sendall(b'{"signum": 2}')
time.sleep(1)
print('untouched')
"""


def test_only_the_server_may_send_signals(install, application):
    install("--user", BRING, "--signals-from=server", *PLAIN.install)
    steps = [["start"], ["execute", ATTACK], ["interrupt", PYTHON.loop], ["shutdown"]]

    drive = application.drive("docker_python", steps)

    _, attacked, interrupted, _ = drive.assert_done(steps)
    assert attacked == {"stdout": "untouched\n", "error": None}
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    # As it is where nobody says anything.
    install("--user", BRING, "--replace", *PLAIN.install)
    attacked = application.drive("docker_python", steps[:2]).assert_done(steps[:2])[1]
    assert attacked == {"stdout": "", "error": "KeyboardInterrupt"}


def test_a_kernelspec_of_the_image_that_is_interrupted_by_messages(install, application, engine):
    spec = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Snake",
        "language": "snake",
        "interrupt_mode": "message",
    }
    place = "/opt/kernel/share/jupyter/kernels/snake"
    image = engine.image(
        "jds-test/snake",
        f"RUN mkdir -p {place} && echo '{json.dumps(spec)}' > {place}/kernel.json",
        base=PLAIN.image,
    )
    install("--user", BRING, f"--image-name={image}", "--image-kernelspec=snake")
    language = replace(PLAIN, name="Snake")

    check_life(application.live(language), "ann-{kernel_id}")


# An ipykernel of before 7.3, which does not know of keys.
OLD = (
    "import json, os, sys; path = sys.argv[1]; file = json.load(open(path));"
    " [file.pop(name) for name in list(file) if 'curve' in name]; json.dump(file, open(path, 'w'));"
    " os.execvp('python', ['python', '-m', 'ipykernel_launcher', '-f', path])"
)


def test_connections_are_encrypted_if_the_kernel_can(install, application):
    install("--user", BRING, *PLAIN.install)
    steps = [["start"], ["execute", PYTHON.answer], ["shutdown"]]

    def drive(encryption):
        options = {"transport_encryption": encryption}
        request = {"kernel": "docker_python", "steps": steps, "patience": 60, "options": options}
        done = application.run(application.python, application.driver, stdin=json.dumps(request))
        return driven(done.returncode, done.stdout, done.stderr)

    assert drive("required").assert_done(steps)[1]["stdout"] == "42\n"
    install("--user", BRING, "--replace", *PLAIN.install, f"--kernel-command=python -c \"{OLD}\" {{connection_file}}")
    assert drive("auto").assert_done(steps)[1]["stdout"] == "42\n"
    failed = drive("required")
    assert failed.status != 0 and "ipykernel does from version 7.3 on" in failed.log, failed.log


FAILURES = {
    "no kernel": (["--image-name=jds-test/base"], "No module named ipykernel_launcher", "ended with exit status 1"),
    "no program": (
        ["--kernel-command=nothing {connection_file}"],
        "the image has no program `nothing` in the directories of its PATH",
        "ended with exit status 127",
    ),
}


@pytest.mark.parametrize(("options", "first", "second"), FAILURES.values(), ids=FAILURES)
def test_a_kernel_that_cannot_start_is_a_launch_that_fails(install, application, options, first, second):
    image = [] if "--image-name" in options[0] else [f"--image-name={PLAIN.image}"]
    install("--user", BRING, *image, *options)

    drive = application.drive("docker_python", [["start"]])

    assert drive.status != 0
    assert first in drive.log and second in drive.log, drive.log
    assert "Waited too long" not in drive.log and "died before replying" not in drive.log, drive.log


def test_a_swarm_has_one_bootstrap_however_many_launches_there_are(swarm, network, launch, binaries, place):
    """Each fails, since nobody waits for these kernels: their servers have no keys."""
    swarm.client("config", "create", "--label=app=jupyter-docker-spec", "--label=component=bootstrap", "old", "-", stdin="x")
    swarm.client("config", "create", "other", "-", stdin="x")
    launches = [launch(PLAIN.image, "--swarm", BRING, GP_DOCKER_NETWORK=network) for _ in range(4)]
    for each in launches:
        each.end().assert_error("`PUBLIC_KEY` is no key", "ended with exit status 127")

    names = [config["Spec"]["Name"] for config in swarm.ask("/configs")]

    assert len(names) == 3 and {"old", "other"} < set(names), names
    assert sum(name.startswith("bootstrap_kernel-") for name in names) == 1, names
    prune(swarm, binaries, place)
    left = {config["Spec"]["Name"] for config in swarm.ask("/configs")}
    assert left == set(names) - {"old"}


# Linux, or a Swarm, of a day on which configs are mounted such that nothing in them can be run.
class Unexecutable(Proxy):
    def said(self, data):
        assert len(data) == len(changed := data.replace(b'"Mode":365', b'"Mode":292'))
        return changed


@pytest.mark.parametrize("entrypoint", [False, True], ids=["the engine runs it", "an entrypoint runs it"])
def test_a_swarm_that_mounts_configs_that_cannot_be_run(swarm, network, launch, place, entrypoint):
    image = PLAIN.image
    if entrypoint:
        image = swarm.image("jds-test/stock", 'ENTRYPOINT ["sh", "-c", "\\"$@\\"", "sh"]', base=image)
    with Unexecutable(place / "proxy.sock", swarm.socket) as proxy:
        ended = launch(image, "--swarm", BRING, GP_DOCKER_NETWORK=network, DOCKER_HOST=proxy.address).end()
    ended.assert_error("permission denied", "nothing in them can be run", "without --bring-bootstrap")


def test_check_knows_of_both_kinds(check, install):
    install("--user", f"--image-name={PLAIN.image}")
    lines = check("docker_python", status=1)
    assert any(line.startswith("error") and "`install --bring-bootstrap`" in line for line in lines), lines

    # As it says.
    install("--user", BRING, "--replace", f"--image-name={PLAIN.image}")
    lines = check("docker_python", "--launch")
    assert any(line.startswith("ok: the kernel told") for line in lines), lines
    assert any(line == "ok: nothing is left of the kernel" for line in lines), lines
