"""Enterprise Gateways: on this machine, for kernels in containers, and in a container, for kernels on
the overlay network of a Swarm."""

import contextlib
import json
import socket
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bed.kernels import PYTHON
from bed.patience import end, wait_for
from bed.programs import PROGRAMS

DRIVER = Path(__file__).with_name("gateway_drive.py")
IMAGE = "jds-test/gateway"
# EG lists kernels only where it is told to.
OPTIONS = ("--EnterpriseGatewayApp.list_kernels=True",)
ENVIRONMENT = {
    "EG_INHERITED_ENVS": "DOCKER_HOST,NAMED_BY_THE_ADMINISTRATOR",
    "NAMED_BY_THE_ADMINISTRATOR": "1",
    "NOT_NAMED": "1",
}


class Gateway:
    """What both kinds have in common. `address` is where it is reached from this machine."""

    address: str
    token = ""

    def ask(self, path, timeout, **request):
        """Opens a path of the gateway."""
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers, **request)
        return urllib.request.urlopen(request, timeout=timeout)

    def log(self):
        """What it has written until now."""
        raise NotImplementedError

    def run(self, *command):
        """Runs a command where the gateway runs, and returns the finished process."""
        raise NotImplementedError

    def post(self, name, **env):
        """Asks for a kernel; the status and the body of the answer."""
        body = json.dumps({"name": name, "env": env}).encode()
        try:
            with self.ask("/api/kernels", 90, data=body, method="POST") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def delete(self, kernel_id):
        """Ends a kernel."""
        self.ask(f"/api/kernels/{kernel_id}", 60, method="DELETE").close()

    def drive(self, name, language=PYTHON):
        """Takes a kernel through its life; see `gateway_drive.py`."""
        code = {"answer": language.answer, "who": language.who, "loop": language.loop}
        done = self.run(*self.driver, name, json.dumps(code))
        assert done.returncode == 0, f"{done.stderr}\n{self.log()}"
        return json.loads(done.stdout)

    def answers(self):
        """Whether it is there yet."""
        with contextlib.suppress(OSError):
            with self.ask("/api", timeout=5) as answer:
                return answer.status == 200


@dataclass
class LocalGateway(Gateway):
    """A gateway on this machine."""

    virtual_environment: Path
    environment: dict
    log_file: Path

    def __enter__(self):
        with contextlib.closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        program = self.virtual_environment / "bin" / "jupyter"
        where = ["--ip=127.0.0.1", f"--port={port}"]
        self.process = subprocess.Popen(
            [program, "enterprisegateway", *where, *OPTIONS],
            env=self.environment | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=self.log_file.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(self.answers, lambda: f"the gateway does not answer\n{self.log()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end(self.process)

    def answers(self):
        assert self.process.poll() is None, self.log()
        return super().answers()

    def log(self):
        return self.log_file.read_text()

    def run(self, *command):
        return subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    @property
    def driver(self):
        return self.virtual_environment / "bin" / "python", DRIVER, self.address


class ContainerGateway(Gateway):
    """A gateway in a container on a network, with the engine's socket mounted."""

    driver = ("python", "/opt/gateway_drive.py", "127.0.0.1:8888")

    def __init__(self, engine, network, published_on="127.0.0.1"):
        self.engine = engine
        environment = ENVIRONMENT | {"EG_DOCKER_NETWORK": network}
        self.container = engine.container(
            IMAGE,
            *("jupyter", "enterprisegateway", "--ip=0.0.0.0", "--port=8888", *OPTIONS),
            options=[
                f"--network={network}",
                f"--publish={published_on}::8888",
                f"--volume={engine.socket}:/run/docker.sock",
                *(f"--env={name}={value}" for name, value in environment.items()),
            ],
        )
        self.address = engine.docker("port", self.container, "8888")
        wait_for(self.answers, lambda: f"the gateway does not answer\n{self.log()}")

    def log(self):
        done = self.engine.client("logs", self.container)
        return done.stdout + done.stderr

    def run(self, *command):
        return self.engine.client("exec", self.container, *command)

    def install(self, binaries, *options):
        """Puts our programs into the container, and installs a specification there."""
        for name in PROGRAMS:
            target = f"{self.container}:/opt/gateway/bin/{name}"
            self.engine.docker("cp", binaries / name, target)
        done = self.run("jupyter", "docker-spec", "install", *options)
        assert done.returncode == 0, done.stderr
