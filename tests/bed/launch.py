"""Runs an installed launcher by itself, in the way the provisioners run it.

What a launcher does when a launch goes wrong is told on its standard error and by its exit status.
No kernel has to answer for that, so these launches need no Jupyter server around them.
"""

import json
import os
import re
import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from bed.patience import PATIENCE

# A public key is only handed on; this one opens nothing.
VALUES = {
    "port_range": "0..0",
    "response_address": "192.0.2.1:8877",
    "public_key": "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",
    "transport_encryption": "",
}
# What a launch that brings a bootstrap needs besides its image, which has no kernel.
BROUGHT = ("--bring-bootstrap", "--kernel-command=sh {connection_file}")
# Has a launcher say what it has started.
TELLING = {"GP_LOG_LEVEL": "DEBUG"}
RECORD = re.compile(r"^\[(?P<level>[DIWEC]) [^\]]*\] ?", re.MULTILINE)


@dataclass
class Ended:
    """A launcher that has ended."""

    status: int
    log: str

    def assert_error(self, *patterns):
        """Exit status 1 and one paragraph that names the thing and the way out."""
        assert self.status == 1, f"exit status {self.status}\n{self.log}"
        levels = [match["level"] for match in RECORD.finditer(self.log)]
        assert levels.count("E") == 1 and levels[-1] == "E", f"not one error, last:\n{self.log}"
        paragraph = RECORD.split(self.log)[-1].strip()
        assert paragraph and "\n\n" not in paragraph, f"not one paragraph:\n{self.log}"
        assert "\x1b" not in self.log and "panicked" not in self.log, self.log
        for pattern in patterns:
            assert re.search(pattern, paragraph, re.IGNORECASE), f"no {pattern!r} in:\n{self.log}"


def order(directory: Path, environment, kernel_id, **values):
    """The command and the environment with which a server runs the launcher of a specification."""
    spec = json.loads((directory / "kernel.json").read_text())
    config = spec["metadata"]["kernel_provisioner"]["config"]
    swarm = "swarm" in spec["metadata"]["kernel_provisioner"]["provisioner_name"]
    values = VALUES | {"kernel_id": kernel_id} | values
    argv = [re.sub(r"{(\w+)}", lambda match: values[match[1]], word) for word in spec["argv"]]
    return argv, {
        "KERNEL_ID": kernel_id,
        "KERNEL_LANGUAGE": spec["language"].lower(),
        "KERNEL_USERNAME": "ann",
        "KERNEL_IMAGE": config["image_name"],
        "KERNEL_EXECUTOR_IMAGE": config["image_name"],
        "KERNEL_UID": "1000",
        "KERNEL_GID": "100",
        "GP_DOCKER_NETWORK": "bridge",
        "GP_DOCKER_MODE": "swarm" if swarm else "docker",
        "JPY_PARENT_PID": str(os.getpid()),
    } | environment


def bootstrap(size=0):
    """A bootstrap that only stays; each is another to a Swarm."""
    return f"#!/bin/sh\n# {uuid.uuid4()}{'x' * size}\nexec sleep 100000\n"


class Launch:
    """A launcher that runs; `kernel_id` is what the caller made up for it."""

    def __init__(self, directory: Path, environment, kernel_id=None, user=None, notebooks=None):
        self.kernel_id = kernel_id or str(uuid.uuid4())
        self.argv, environment = order(directory, environment, self.kernel_id)
        self.environment = environment
        self.name = f"{environment['KERNEL_USERNAME']}-{self.kernel_id}"
        self.log_file = directory.parent / f"{self.kernel_id}.log"
        self._log = self.log_file.open("w+")
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        self.process = subprocess.Popen(
            self.argv,
            env=environment,
            cwd=notebooks or directory,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            **identity,
        )
        self.process.stdin.close()

    def log(self):
        """What it has written until now."""
        return self.log_file.read_text()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self, seconds=PATIENCE):
        """Waits for its end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end in {seconds:g} s\n{self.log()}") from None
        return Ended(self.process.returncode, self.log())

    def kill(self):
        """Ends it however it is, at the end of a test."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


def prune(engine, binaries, home):
    """Removes the kernels that no server waits for."""
    done = subprocess.run(
        [binaries / "jupyter-docker-spec", "prune", "--older-than=0s", "-y"],
        env={"DOCKER_HOST": engine.address, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
