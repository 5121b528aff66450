"""An application that starts kernels by itself, as most do: nothing in it knows of Docker."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from bed.kernels import DRIVER, Application, driven
from bed.patience import wait_for

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

# Neither of them is a user of the images.
UID, GID = 1234, 2345

# Below those that Linux gives to connections; each process of the tests has its own.
FIRST_PORT = 10_000 + 10_000 * (os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0")
NUMBERS = itertools.cycle(range(FIRST_PORT, FIRST_PORT + 10_000))


@dataclass
class LocalApplication(Application):
    """Runs as an ordinary user who may speak with the engine, in a directory of her own."""

    directory: Path = None
    group: int = 0
    binaries: Path = None
    # What everything is run by, as root.
    wrapper: tuple = ()
    # Whether its programs may start those of the environment, whose Python may lie where only root may go.
    has_python: bool = False

    def words(self, *command):
        groups = ["setpriv", f"--reuid={UID}", f"--regid={GID}", f"--groups={self.group}"]
        if self.has_python:
            groups += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        return [*self.wrapper, *groups, *map(str, command)]

    def run(self, *command, stdin=None, timeout=240, **environment):
        return subprocess.run(
            self.words(*command),
            env=self.environment | environment,
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def begin(self, *command, output):
        """Starts a command that goes on, in a session of its own."""
        return subprocess.Popen(
            self.words(*command),
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )

    def tool(self, *words, status=0):
        done = self.run(self.binaries / "jupyter-docker-spec", *words)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def install(self, image, *options, name="k"):
        return self.tool(
            "install", "--local", "--user", f"--image-name={image}", f"--kernel-name={name}", *options
        )

    def specification(self, name):
        """The directory of a specification."""
        return Path(self.environment["JUPYTER_DATA_DIR"], "kernels", name)

    def program(self, name):
        """A command of the environment."""
        return Path(self.python).with_name(name)

    def execute(self, *code, kernel="k", **environment):
        """What a kernel prints, one text for each piece of code; it has been shut down then."""
        steps = [["start"], *(["execute", each] for each in code), ["shutdown"]]
        values = self.drive(kernel, steps, **environment).assert_done(steps)
        assert values[-1] is False
        for value in values[1:-1]:
            assert value["error"] is None, value
        return [value["stdout"] for value in values[1:-1]]

    def ask(self, expression, **how):
        """The value of an expression in a Python kernel."""
        (text,) = self.execute(f"import json, os; print(json.dumps({expression}))", **how)
        return json.loads(text)

    def drive(self, kernel, steps, patience=60, *, options=None, **environment):
        """Takes a kernel through steps; `options` are those of the kernel's manager."""
        request = {"kernel": kernel, "steps": steps, "patience": patience, "options": options or {}}
        done = self.run(self.python, self.driver, stdin=json.dumps(request), timeout=4 * patience, **environment)
        return driven(done.returncode, done.stdout, done.stderr)

    def launch(self, name, *, parent=False, until="", kernel_id=None):
        """Runs the launcher of a specification as its parent would, until the kernel answers, or has written this."""
        return Running(self, name, parent, until, kernel_id or str(uuid.uuid4()))


@dataclass
class ContainedApplication(LocalApplication):
    """The same in a container, with the engine's socket mounted."""

    engine: object = None
    container: str = ""

    def run(self, *command, stdin=None, timeout=None, **environment):
        options = [f"--env={name}={value}" for name, value in environment.items()]
        words = ["exec", "--interactive", f"--workdir={self.directory}", *options, self.container]
        return self.engine.client(*words, *command, stdin=stdin)

    @property
    def driver(self):
        return "/opt/drive.py"


def contained(engine, binaries, directory, *options, image="jds-test/plain"):
    """An application in a container that has been started with these options, in this directory there."""
    container = engine.container(
        image,
        *("sleep", "infinity"),
        options=[
            f"--volume={engine.socket}:/run/docker.sock",
            f"--user={UID}:{GID}",
            f"--group-add={os.stat(engine.socket).st_gid}",
            *("--env=HOME=/home/ann", "--env=USER=ann"),
            *options,
        ],
    )
    engine.docker("exec", "--user=0", container, "mkdir", "-p", directory, "/home/ann")
    engine.docker("exec", "--user=0", container, "chown", f"{UID}:{GID}", "/home/ann")
    binaries_there = Path("/usr/local/bin")
    for program in ("jupyter-docker-spec", "launch_docker", "bootstrap_kernel"):
        engine.docker("cp", binaries / program, f"{container}:{binaries_there / program}")
    engine.docker("cp", DRIVER, f"{container}:/opt/drive.py")
    return ContainedApplication(
        "python", directory=directory, binaries=binaries_there, engine=engine, container=container
    )


# Starts a launcher, tells its number, and stays.
PARENT = """
import os, subprocess, sys, time
launcher = subprocess.Popen(sys.argv[1:], env=os.environ | {"JPY_PARENT_PID": str(os.getpid())}, start_new_session=True)
print(launcher.pid, flush=True)
time.sleep(600)
"""


class Running:
    """A launcher that is the kernel of a connection file."""

    def __init__(self, application, name, parent, until, kernel_id):
        self.kernel_id = kernel_id
        self.key = str(uuid.uuid4())
        directory = Path(tempfile.mkdtemp(dir=application.environment["JUPYTER_RUNTIME_DIR"]))
        os.chown(directory, UID, GID)
        self.file = file = directory / f"kernel-{kernel_id}.json"
        ports = {f"{channel}_port": port for channel, port in zip(CHANNELS, free_ports(), strict=True)}
        connection = ports | {"transport": "tcp", "ip": "127.0.0.1", "key": self.key}
        file.write_text(json.dumps(connection | {"signature_scheme": "hmac-sha256", "kernel_name": name}))
        os.chown(file, UID, GID)
        argv = json.loads((application.specification(name) / "kernel.json").read_text())["argv"]
        words = [word.replace("{connection_file}", str(file)) for word in argv]
        if parent:
            words = [application.python, "-c", PARENT, *words]
        self.output = file.with_suffix(".log")
        with self.output.open("w") as output:
            self.process = application.begin(*words, output=output)
        self.launcher = int(self.process.stdout.readline()) if parent else self.process.pid
        self.heartbeat = ports["hb_port"]
        if until is not None:
            is_there = (lambda: until in self.log()) if until else self.answers
            wait_for(
                lambda: is_there() or self.process.poll() is not None, lambda: f"no {until!r}: {self.log()}"
            )
            assert self.process.poll() is None, self.log()

    def answers(self):
        """Whether ZeroMQ answers, which greets before all else."""
        try:
            with socket.create_connection(("127.0.0.1", self.heartbeat), timeout=1) as connection:
                return connection.recv(1) == b"\xff"
        except (ConnectionError, TimeoutError):
            return False

    def log(self):
        return self.output.read_text()

    def kill(self):
        """Takes away what a failed test has left."""
        for process in {self.process.pid, self.launcher}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def free_ports():
    """Ports for the channels of a kernel. Each is given once, as launchers listen later, and none is one that the system
    gives to whoever connects meanwhile."""
    return list(itertools.islice(filter(is_free, NUMBERS), len(CHANNELS)))


def is_free(port):
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
