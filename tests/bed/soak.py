"""Many launches and their ends, those that go wrong among them, and what is left of all of them.

Beside them a container and a service are watched by their launchers from the beginning to the end.
"""

import contextlib
import itertools
import os
import random
import socket
import subprocess
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bed.engine import CGROUPS
from bed.launch import TELLING, Launch, prune
from bed.patience import wait_for

IMAGE, MISSING = "jds-test/tiny", "127.0.0.1:1/jds-test/none"
LIVES = """command = ["sh", "-c", "trap exit TERM; while true; do sleep 0.2; done"]\n"""
ENDS = 'command = ["sh", "-c", "echo so soon; exit 3"]\n'
AT_ONCE = 8
BATCH = 40
# What may come and go by itself: the engine keeps connections and files open for a while.
SLACK = 12
# What a process may have more by chance, in KiB.
MEMORY_SLACK = 300


@dataclass(frozen=True)
class Kind:
    """A launch and how it ends."""

    end: str
    swarm: bool

    def __str__(self):
        return f"{'service' if self.swarm else 'container'} {self.end}"


ENDINGS = ["removed", "exits", "has no image", "launcher stopped", "launcher killed"]
KINDS = [Kind(end, swarm) for end in ENDINGS for swarm in (False, True)]


def memory(pid, what):
    """A line of a process's memory, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def processes(name):
    """The processes whose program has this name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().startswith(name[:15]):
                found.append(process)
    return found


def listed(engine, *kinds):
    """How many there are of each kind."""
    return [len(engine.docker(*words, "--quiet").split()) for words in kinds]


def objects(engine, place):
    """How many there are of all that a launch could leave; `place` is where launchers have their files."""
    kinds = {"containers": ("ps", "--all"), "networks": ("network", "ls"), "volumes": ("volume", "ls")}
    kinds["images"] = ("image", "ls", "--all")
    if engine.in_swarm:
        kinds["services"] = ("service", "ls")
    interfaces = subprocess.run(["ip", "-oneline", "link"], check=True, capture_output=True).stdout
    cgroups = (*CGROUPS.glob(engine.cgroup), *CGROUPS.glob(f"*/{engine.cgroup}"))
    return dict(zip(kinds, listed(engine, *kinds.values()), strict=True)) | {
        "files of launchers": sum(1 for _ in place.rglob("*")),
        "processes of launchers": len(processes("launch_docker")),
        "processes of containers": len(processes("containerd-shim")),
        "network interfaces": len(interfaces.splitlines()),
        "mounts": len(Path("/proc/mounts").read_text().splitlines()),
        "cgroups": sum(len(names) for top in cgroups for _, names, _ in os.walk(top)),
    }


def files_open():
    """The files that the engine has open, and its containerd."""
    found = [process for name in ("dockerd", "containerd") for process in processes(name)]
    found = [process for process in found if "shim" not in (process / "comm").read_text()]
    return sum(len(list((process / "fd").iterdir())) for process in found)


class Soak:
    """Launches on one engine that is a Swarm of one node."""

    def __init__(self, engine, network, place, binaries, seed=1):
        self.engine, self.network, self.place, self.binaries = engine, network, place, binaries
        self.random = random.Random(seed)
        self.ends, self.peaks = Counter(), []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.home, self.specifications = place / "home", {}
        (self.home / "tmp").mkdir(parents=True)
        texts = {"watched": LIVES, "lives": LIVES, "ends": ENDS}
        for swarm, (name, text) in itertools.product((False, True), texts.items()):
            self._install(name, text, swarm)
        self._watched = []

    def _install(self, name, text, swarm):
        words = [f"--prefix={self.place}", f"--image-name={IMAGE}", f"--kernel-name={name}-{swarm}"]
        words += ["--launch-timeout=3600", *(["--swarm"] if swarm else [])]
        tool = self.binaries / "jupyter-docker-spec"
        subprocess.run([tool, "install", *words], env={}, check=True, capture_output=True)
        directory = self.place / f"share/jupyter/kernels/{name}-{swarm}".lower()
        (directory / "scripts/launch_docker.toml").write_text(text)
        self.specifications[name, swarm] = directory

    def launch(self, name, swarm, **environment):
        defaults = {
            "DOCKER_HOST": self.engine.address,
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": "/usr/bin:/bin",
            **TELLING,
        }
        if swarm:
            defaults["GP_DOCKER_NETWORK"] = self.network
        return Launch(self.specifications[name, swarm], defaults | environment, str(uuid.uuid4()))

    def __enter__(self):
        # A server listens for these two, so that `prune` leaves them alone.
        address = "{}:{}".format(*self._server.getsockname())
        for swarm in (False, True):
            path = self.specifications["watched", swarm] / "kernel.json"
            path.write_text(path.read_text().replace("{response_address}", address))
            self._watched.append(self.launch("watched", swarm))
        for running in self._watched:
            self._wait_for_start(running)
        return self

    def __exit__(self, *_):
        # Also what is there after a failure; so all of it goes, whatever becomes of one.
        for running in self._watched:
            running.kill()
        self._server.close()
        prune(self.engine, self.binaries, self.home)

    def _remove(self, running, swarm):
        """As the server ends a kernel."""
        words = ["service", "rm"] if swarm else ["rm", "--force"]
        self.engine.docker(*words, running.name)

    def watches(self):
        return all(running.process.poll() is None for running in self._watched)

    @staticmethod
    def _wait_for_start(running):
        said = ("Started the container", "Created the service")
        wait_for(lambda: any(words in running.log() for words in said), running.log)

    def one(self, kind):
        """One launch to its end."""
        swarm, pause = kind.swarm, self.random.random()
        image = MISSING if kind.end == "has no image" else IMAGE
        running = self.launch("ends" if kind.end == "exits" else "lives", swarm, KERNEL_IMAGE=image)
        try:
            if kind.end == "launcher killed":
                time.sleep(pause / 2)
                running.process.kill()
            elif kind.end in ("removed", "launcher stopped"):
                self._wait_for_start(running)
                time.sleep(pause)
                self.peaks.append(memory(running.process.pid, "VmHWM"))
                if kind.end == "removed":
                    self._remove(running, swarm)
                else:
                    running.terminate()
            ended = running.end()
        finally:
            running.kill()
        if kind.end == "launcher killed":
            assert ended.status == -9, ended.log
        elif kind.end == "removed":
            assert ended.status == 0, ended.log
        else:
            ended.assert_error()
        self.ends[str(kind)] += 1
        running.log_file.unlink()

    def batch(self, kinds):
        """Launches at the same time, until nothing is left of them but what `prune` removes."""
        self.random.shuffle(kinds)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.one, kind) for kind in kinds]:
                done.result()
        prune(self.engine, self.binaries, self.home)
        there = [2, 1]
        wait_for(lambda: self._listed() == there, lambda: f"left: {self.engine.kernels()}")

    def _listed(self):
        """How many containers and services there are."""
        return listed(self.engine, ("ps", "--all"), ("service", "ls"))

    def figures(self):
        return objects(self.engine, self.place) | {
            "files open in the engine": files_open(),
            "memory of the engine, KiB": memory(self.engine.process.pid, "VmRSS"),
            **{
                f"memory of the launcher of a {kind} all the time, KiB": memory(running.process.pid, "VmHWM")
                for kind, running in zip(("container", "service"), self._watched, strict=True)
            },
        }


def differences(before, after):
    """What has grown, as sentences."""
    for name, number in after.items():
        slack = 0
        if name == "memory of the engine, KiB":
            # Go gives memory back when it sees fit.
            continue
        if "memory" in name:
            slack = MEMORY_SLACK
        elif name == "files open in the engine":
            slack = SLACK
        if number > before[name] + slack:
            yield f"{name}: {before[name]} before, {number} after"


def soak(bed, launches):
    """That many launches, of every kind the same number; returns what there was before and after."""
    bed.batch(list(KINDS))
    before, first = bed.figures(), len(bed.peaks)
    bed.ends.clear()
    todo = list(itertools.islice(itertools.cycle(KINDS), launches))
    begin = time.monotonic()
    for start in range(0, launches, BATCH):
        bed.batch(todo[start : start + BATCH])
    seconds = time.monotonic() - begin
    deadline = time.monotonic() + 60
    while grown := list(differences(before, after := bed.figures())):
        assert time.monotonic() < deadline, "; ".join(grown)
        time.sleep(1)
    assert bed.watches(), "a kernel that was watched has ended"
    early, late = max(bed.peaks[:first]), max(bed.peaks[first:])
    assert late <= early + MEMORY_SLACK, f"memory of launchers: {early} KiB at first, {late} KiB then"
    before["memory of the other launchers, KiB"] = early
    after["memory of the other launchers, KiB"] = late
    return {"seconds": seconds, "ends": dict(bed.ends), "before": before, "after": after}
