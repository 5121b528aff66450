"""Kernels in stock images, started by applications that take the launcher for the kernel."""

import json
import os
import signal

import pytest

from bed.kernels import PYTHON, R
from bed.local import GID, UID
from bed.patience import wait_for

PLAIN = "jds-test/plain"
WHO = "[os.getcwd(), os.getuid(), os.getgid(), os.access(os.environ['HOME'], os.W_OK), os.environ.get('USER')]"


def test_a_kernel_lives_and_leaves_nothing(local):
    local.install(PLAIN)

    steps = PYTHON.life
    values = local.drive("k", steps).assert_done(steps)

    _, first, who, interrupted, _, again, alive = values
    assert first == again == {"stdout": "42\n", "error": None}
    environment = json.loads(who["stdout"])["environment"]
    assert not {"JUPYTER_DATA_DIR", "DOCKER_HOST", "CLOUD_TOKEN"} & set(environment)
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert not alive


def test_its_files_are_the_callers(local):
    local.install(PLAIN)
    (local.directory / "data.txt").write_text("42")

    code = f"import json, os; print(open('data.txt').read()); open('new', 'w').close(); print(json.dumps({WHO}))"
    (text,) = local.execute(code)

    data, who = text.splitlines()
    assert data == "42"
    assert json.loads(who) == [str(local.directory), UID, GID, True, "ann"]
    made = (local.directory / "new").stat()
    assert (made.st_uid, made.st_gid) == (UID, GID)


def test_nothing_is_mounted_that_nobody_asked_for(local, engine):
    local.install(PLAIN, "--no-mount-cwd", "--container-user=image")
    assert local.ask(f"[*{WHO}[:3], os.listdir('.')]")[:3] == ["/", 0, 0]


# Images, each of which lacks something or has something of its own.
STOCK = {
    "another user": ["RUN useradd --uid 1500 someone", "USER someone"],
    "no shell": ["RUN rm -f /bin/sh /bin/bash /bin/dash"],
    "an entrypoint": [
        "RUN printf '#!/bin/sh\\nexport ENTERED=yes\\nexec \"$@\"\\n' > /enter && chmod 755 /enter",
        'ENTRYPOINT ["/enter"]',
    ],
    "a command and a health check": ['CMD ["sleep", "1"]', "HEALTHCHECK CMD false"],
    "python3 only": ["RUN mv /opt/kernel/bin/python /opt/kernel/bin/python.away; ln -sf /usr/bin/python3 /opt/kernel/bin/python3", "ENV PYTHONPATH=/opt/kernel/lib/python3.11/site-packages"],
}


@pytest.mark.parametrize("lines", STOCK.values(), ids=STOCK)
def test_stock_images(local, engine, lines):
    if "PYTHONPATH" in lines[-1]:
        (version,) = engine.docker("run", "--rm", PLAIN, "ls", "/opt/kernel/lib").split()
        lines = [line.replace("python3.11", version) for line in lines]
    local.install(engine.image("jds-test/stock", *lines, base=PLAIN))
    found = local.ask("[os.getcwd(), os.getuid(), os.environ.get('ENTERED')]")
    assert found == [str(local.directory), UID, "yes" if "ENTRYPOINT" in str(lines) else None]


def test_the_user_of_the_image(local, engine):
    lines = ["RUN useradd --uid 1500 --create-home someone", "USER someone"]
    image = engine.image("jds-test/stock", *lines, base=PLAIN)
    local.install(image, "--container-user=image")
    assert local.ask("[os.getuid(), os.environ['HOME'], os.environ.get('USER')]") == [1500, "/home/someone", None]


def test_an_image_that_cannot_be_written_to(local, engine):
    local.install(PLAIN, "--read-only", "--no-mount-cwd")
    assert local.ask("__import__('tempfile').mkstemp()[1] != ''") is True
    wait_for(lambda: not engine.ask("/volumes")["Volumes"], "the volume of the bootstrap is left")


def test_r(local):
    local.install(R.image, "--language=R", "--entrypoint=env")
    assert local.execute(R.answer, "cat(getwd())") == ["42\n", str(local.directory)]


def test_no_network(local, engine):
    local.install(PLAIN, "--network=none")
    assert local.ask("os.listdir('/sys/class/net')") == ["lo"]


def test_the_network_of_the_host(local, engine):
    local.install(PLAIN, "--network=host")
    assert "eth0" in local.ask("os.listdir('/sys/class/net')")


def test_ipc(local):
    local.install(PLAIN)
    steps = [["start"], ["execute", "print(6*7)"], ["shutdown"]]
    drive = local.drive("k", steps, options={"transport": "ipc"})
    assert drive.assert_done(steps)[1] == {"stdout": "42\n", "error": None}


def test_encrypted(local):
    local.install(PLAIN)
    steps = [["start"], ["execute", "print(6*7)"], ["shutdown"]]
    drive = local.drive("k", steps, options={"transport_encryption": "required"})
    assert drive.assert_done(steps)[1] == {"stdout": "42\n", "error": None}


def test_what_the_engine_holds_of_it(local, engine):
    """No port is published, and the key is nowhere."""
    local.install(PLAIN)
    running = local.launch("k")
    try:
        (container,) = engine.ask("/containers/json", filters={"label": ["app=jupyter-docker-spec"]})
        known = engine.inspect(container["Id"])
        assert not known["HostConfig"]["PortBindings"] and not known["NetworkSettings"]["Ports"]
        assert running.key not in json.dumps(known)
        assert known["Config"]["Labels"]["kernelspec"] == "k"
        assert known["Config"]["Labels"]["kernel_id"] == running.kernel_id
        listed = json.loads(local.tool("ps", "--json").stdout)
        assert [kernel["system"] for kernel in listed] == ["local"]
        local.tool("prune", "--yes", "--older-than=0s")
        assert running.process.poll() is None
        running.process.terminate()
        assert running.process.wait(60) == 128 + signal.SIGTERM
        assert "launch_docker]" not in running.log()
    finally:
        running.kill()


@pytest.mark.parametrize("what", ["launcher", "group", "parent"])
def test_killed(local, engine, what):
    local.install(PLAIN)
    running = local.launch("k", parent=what == "parent")
    try:
        match what:
            case "launcher":
                os.kill(running.launcher, signal.SIGKILL)
            case "group":
                os.killpg(running.launcher, signal.SIGKILL)
            case "parent":
                running.process.kill()
        engine.assert_no_kernels()
        engine.assert_no_launchers()
    finally:
        running.kill()


def test_signals_and_statuses(local, engine):
    """The launcher is the kernel: what the kernel does at a signal is what it does."""
    local.install(PLAIN)
    (local.directory / "own.py").write_text(
        "import signal, sys, time\n"
        "for name in 'TERM', 'HUP', 'USR1':\n"
        "    signal.signal(getattr(signal, 'SIG' + name), lambda number, _: sys.exit(number))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    local.install(PLAIN, "--kernel-command=python own.py {connection_file}", name="own")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        running = local.launch("own", until="ready")
        try:
            running.process.send_signal(number)
            assert running.process.wait(60) == number
        finally:
            running.kill()


def test_what_a_kernel_writes_is_heard(local):
    local.install(PLAIN)
    drive = local.drive("k", [["start"], ["execute", "import os; os.write(2, b'loud\\n'); os.write(1, b'clear\\n'); print(1)"], ["shutdown"]])
    assert "loud\n" in drive.log and "clear\n" in drive.log


FAILURES = {
    "no kernel": (["--image-name=jds-test/base-of-plain"], "No module named ipykernel_launcher", "ended with exit status 1"),
    "no program": (["--kernel-command=nothing {connection_file}"], "the image has no program `nothing` in the directories of its PATH", "/opt/kernel/bin"),
    "no image": (["--image-name=jds-test/none:1"], "the image `jds-test/none:1` is not on the engine and could not be pulled", "launch_docker.toml"),
    "no user": (["--container-user=nobody-here"], "unable to find user nobody-here", "could not start the container"),
    "no directory": (["--workdir=/dev/null/x"], "failed to create the container", "/dev/null/x: not a directory"),
}


@pytest.mark.parametrize(("options", "first", "second"), FAILURES.values(), ids=FAILURES)
def test_a_kernel_that_cannot_start_is_told_of(local, engine, options, first, second):
    engine.image("jds-test/base-of-plain", "RUN mv /opt/kernel/lib /opt/kernel/away", base=PLAIN)
    image = [] if "--image-name" in options[0] else [f"--image-name={PLAIN}"]
    local.tool("install", "--local", "--user", "--kernel-name=k", *image, *options)
    running = local.launch("k", until=None)
    try:
        assert running.process.wait(60) > 0
        log = running.log()
        assert first in log and second in log, log
    finally:
        running.kill()
    wait_for(lambda: not engine.ask("/containers/json", all=True), "a container is left")


def test_check_launches_a_kernel(local, engine):
    local.install(PLAIN)
    said = local.tool("check", "--launch", "k").stdout
    assert "a kernel answered" in said and "python 3." in said, said
    assert "nothing is left of the kernel" in said
    local.install(R.image, "--language=R", "--entrypoint=env", name="r")
    assert ": R " in local.tool("check", "--launch", "r").stdout
    engine.image("jds-test/base-of-plain", "RUN mv /opt/kernel/lib /opt/kernel/away", base=PLAIN)
    local.install("jds-test/base-of-plain", name="broken")
    said = local.tool("check", "--launch", "broken", status=1).stdout
    assert "the kernel could not be started" in said and "No module named ipykernel_launcher" in said, said
