"""`./try`: from the sources to the answer of a notebook, and away again."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bed.patience import PATIENCE, wait_for

ROOT = Path(__file__).parents[2]
IMAGE = "jds-test/plain"
ANSWER = r"6 \* 7 = 42\n +computed on \S+-[0-9a-f]{8} with .+ and Python 3\..*\s+That was in a container of jds-test/plain\."


class Trial:
    """What somebody has who types it: a directory, in which the environment is made already, since nothing can be fetched."""

    def __init__(self, place, local_env):
        self.directory = place / "try"
        self.tools = place / "tools"
        self.tools.mkdir()
        venv = self.directory / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        (site,) = venv.glob("lib/python3*/site-packages")
        (packages,) = local_env.glob("lib/python3*/site-packages")
        (site / "others.pth").write_text(f"{packages}\n")
        (venv / "made").touch()
        path = f"{self.tools}:{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": os.environ["HOME"], "LANG": "C.UTF-8", "TRY_IMAGE": IMAGE}
        self.environment |= {"TRY_DIRECTORY": str(self.directory)}

    def words(self, *words, apart=False):
        command = " && ".join(f"./try {word}" for word in words)
        # An engine of its own would come in the way of that of the tests.
        network = ["unshare", "--net", "sh", "-c", f"ip link set lo up && {command}"]
        return network if apart else ["sh", "-c", command]

    def run(self, *words, apart=False, **environment):
        done = subprocess.run(
            self.words(*words, apart=apart),
            cwd=ROOT,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=4 * PATIENCE,
        )
        log = self.directory / "log"
        assert done.returncode == 0, done.stdout + (log.read_text() if log.exists() else "")
        return done.stdout

    def tool(self, name, text):
        """A program that comes before others of its name."""
        (self.tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / name).chmod(0o755)

    def engines(self):
        """The engines of its own that run."""
        mark = f"--data-root={self.directory}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if mark in words:
                found.append(process.name)
        return found


@pytest.fixture
def trial(place, local_env):
    made = Trial(place, local_env)
    yield made
    for process in made.engines():
        os.kill(int(process), signal.SIGTERM)
    wait_for(lambda: not made.engines(), "an engine of its own is left")


def pulls(trial, what):
    """Has the client do something else where it would pull."""
    client = shutil.which("docker")
    trial.tool("docker", f'if [ "$1" = pull ]; then {what}; fi\nexec {client} "$@"')


def test_with_the_engine_that_is_there(trial, engine):
    said = trial.run("", DOCKER_HOST=engine.address)
    assert re.search(ANSWER, said), said
    steps = re.findall(r"^ +\d+ s  (.+)$", said, re.M)
    assert steps == ["the programs", "JupyterLab", "an image", "a kernelspec", "a notebook"], said
    assert "/try/venv/bin/jupyter lab --allow-root --notebook-dir=" in said and "./try --remove" in said
    assert (trial.directory / "venv/share/jupyter/kernels/try/kernel.json").exists()
    # Once more there is less to do, and the same to see.
    assert re.search(ANSWER, trial.run("", DOCKER_HOST=engine.address))
    trial.run("--remove", DOCKER_HOST=engine.address)
    assert not trial.directory.exists() and not trial.engines()
    assert engine.has_image(IMAGE)


def test_with_an_engine_of_its_own(trial, engine, place):
    engine.docker("save", "--output", place / "image.tar", IMAGE)
    pulls(trial, f"exec {shutil.which('docker')} load --input {place}/image.tar")
    said = trial.run("", "--remove", apart=True)
    assert re.search(ANSWER, said), said
    assert "a Docker Engine\n" in said and "runs until that goes" in said
    assert not trial.directory.exists() and not trial.engines()


def test_an_interrupt_leaves_nothing_running(trial):
    # Longer than anybody waits.
    pulls(trial, "exec sleep 1000")
    process = subprocess.Popen(
        trial.words("", apart=True),
        cwd=ROOT,
        env=trial.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        log = trial.directory / "log"
        is_pulling = lambda: log.exists() and "==> an image" in log.read_text()
        wait_for(lambda: is_pulling() or process.poll() is not None, "it does not pull")
        assert trial.engines(), process.stdout.read()
        # As a terminal does it.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert not trial.engines()
    sleeping = subprocess.run(["pgrep", "-f", "^sleep 1000$"], capture_output=True, text=True)
    assert not sleeping.stdout


def test_what_is_missing_is_said_with_the_command_that_brings_it(trial):
    directory = trial.tools
    for name in ("bash", "sed", "cut", "id", "uname", "dirname", "mkdir", "sort", "head", "cat", "apt-get"):
        (directory / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [ROOT / "packaging" / "prerequisites"],
        env={"PATH": str(directory), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.search(r"missing: Rust 1\.\d+ or later\n    see https://rust-lang.org/", done.stderr), done.stderr
    assert re.search(r"missing: a C compiler\n    apt-get install -y build-essential\n", done.stderr), done.stderr
