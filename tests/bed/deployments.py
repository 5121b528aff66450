"""Servers that are deployed by Compose files, and people who do it by typing commands."""

import json
import os
import subprocess
from pathlib import Path

from bed.gateways import DRIVER, Gateway
from bed.patience import wait_for
from bed.programs import PROGRAMS

# Where `tests/run` has put Compose.
COMPOSE = Path(__file__).parents[2] / ".test" / "compose" / "docker-compose"

# What the pages call the images, and what the tests have in their place.
IMAGES = {
    "elyra/enterprise-gateway:3.3.0": "jds-test/gateway",
    "elyra/kernel-py:3.3.0": "jds-test/kernel",
    "elyra/kernel-py:0.5.0": "jds-test/kernel",
    "haproxy:lts-alpine": "jds-test/haproxy",
    "quay.io/jupyter/base-notebook:latest": "jds-test/app",
    "python:3.12-slim": "jds-test/prepared",
    "my/python-kernel:1.0": "jds-test/kernel",
    "my/image:1.0": "jds-test/plain",
    "my/r-image:1.0": "jds-test/r",
}


class Workplace:
    """A directory with our programs in it, and a shell that has the engine of the tests."""

    def __init__(self, engine, directory: Path, binaries: Path, **environment):
        self.engine, self.directory = engine, directory
        for name in PROGRAMS:
            (directory / name).write_bytes((binaries / name).read_bytes())
            (directory / name).chmod(0o755)
        # Today's Compose is a plugin of the client.
        plugins = directory / ".docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(COMPOSE)
        self.environment = {
            "PATH": f"{directory}:{os.environ['PATH']}",
            "HOME": str(directory),
            "DOCKER_HOST": engine.address,
            "DOCKER_BUILDKIT": "0",
            # Where it is not the usual one the Compose files have to be told.
            "DOCKER_SOCKET": str(engine.socket),
            "DOCKER_GID": str(engine.socket.stat().st_gid),
        } | environment

    def sh(self, text, **environment):
        """Runs commands of a shell, which have to succeed; what they have printed, and told."""
        done = self.attempt(text, **environment)
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout

    def attempt(self, text, **environment):
        """Runs commands of a shell; the finished process."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.directory,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )

    def take_down(self, command):
        """Runs this command until a network has gone as well: one of a Swarm is still in use for a while after
        the last task on it has ended. Compose says so, leaves it, and ends well."""

        def is_down():
            done = self.attempt(command)
            said.append(done.stdout)
            return done.returncode == 0 and "in use" not in done.stdout

        said = []
        wait_for(is_down, lambda: said[-1])


class DeployedGateway(Gateway):
    """A gateway in a container, as it is reached from outside by its published port."""

    def __init__(self, engine, eg_env, port=8888, token=""):
        self.engine, self.eg_env, self.token = engine, eg_env, token
        self.address = f"127.0.0.1:{port}"
        wait_for(self.answers, lambda: f"the gateway does not answer\n{self.log()[-5000:]}")

    @property
    def driver(self):
        return self.eg_env / "bin" / "python", DRIVER, self.address

    def run(self, *command):
        return subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(self.engine.run), "TOKEN": self.token},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def get(self, path):
        """What the REST API has there."""
        with self.ask(f"/api/{path}", timeout=60) as answer:
            return json.load(answer)

    def containers(self):
        """The containers of the gateway, newest first."""
        label = "label=component=enterprise-gateway"
        return self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()

    def log(self):
        logs = [self.engine.client("logs", one) for one in self.containers()]
        states = self.engine.docker("ps", "--all")
        return "\n".join([states, *(log.stdout + log.stderr for log in logs)])
