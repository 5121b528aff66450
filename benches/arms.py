"""Launchers beside one another: servers that run ours or that of gateway_provisioners, and what the engine
tells of what they make."""

import json
import os
import subprocess
import threading
import time

from bed.kernels import ContainerApplication
from measure import BINARIES, OURS

APP = "jds-test/app"
NAMES = {"ours": "launch_docker", "theirs": "launch_docker.py"}


def application(engine, arm, network, environment, *options):
    """A server's container with a specification of this arm, made by its own tool."""
    container = engine.container(
        APP,
        options=[
            f"--network={network}",
            f"--volume={engine.socket}:/var/run/docker.sock",
            *(f"--env={name}={value}" for name, value in environment.items()),
        ],
    )
    if arm == OURS:
        for name in ("jupyter-docker-spec", "launch_docker"):
            engine.docker("cp", BINARIES / name, f"{container}:/opt/app/bin/{name}")
    server = ContainerApplication("python", engine=engine, container=container)
    server.install(*options)
    return server


def waves(server, numbers, log, meanwhile=lambda: None):
    """Starts kernels in waves, and ends them all; what came of it. See `bed/waves.py`."""
    driving = server.begin_waves("docker_python", numbers, log)
    try:
        driving.wait_for("done: all", 3600)
        seen = meanwhile()
        driving.go_on()
        stdout, _ = driving.process.communicate(timeout=3600)
    finally:
        driving.kill()
    assert driving.process.returncode == 0, log.read_text()
    return json.loads(stdout), seen


class Told:
    """When something happened to things, by their names, as the engine tells."""

    def __init__(self, engine, kind, event):
        self.times = {}
        # It takes the client a moment to listen; of that the engine tells afterwards.
        since = f"--since={int(time.time())}"
        command = ["docker", "--host", engine.address, "events", since, "--format={{json .}}"]
        filters = [f"--filter=type={kind}", f"--filter=event={event}"]
        self.process = subprocess.Popen([*command, *filters], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.times[event["Actor"]["Attributes"]["name"]] = event["timeNano"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
