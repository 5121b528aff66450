"""What is left of a launch whose launcher is killed: nothing, or what `prune` finds by its labels.

A launch makes several hundred system calls, most of them of a few kinds. It is killed at the first, the
second and the last call of each kind, and at every one by which it speaks with the engine.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bed.killed import CALL, sample, strace
from bed.launch import BROUGHT, bootstrap, prune
from bed.patience import wait_for

IMAGE = "jds-test/tiny"
# The kernel runs by then, also where strace and other launches slow it down.
TIMEOUT = "--launch-timeout=5"
AT_ONCE = 8
LABELS = {"component": "kernel", "app": "gateway-provisioners"}
TOLD_TO_STOP = ["TERM", "INT"]


class Bed:
    """Runs one launch again and again, under strace and with another kernel each time."""

    def __init__(self, engine, running, place, binaries, swarm, brought):
        self.engine, self.place, self.swarm, self.brought = engine, place, swarm, brought
        self._running, self._binaries = running, binaries

    def run(self, words):
        """Ends with the launcher's exit status and what it has said."""
        kernel_id = str(uuid.uuid4())
        old, prefix = self._running.kernel_id, self._running.log_file.parents[3]
        words = [*words, *(word.replace(old, kernel_id) for word in self._running.argv)]
        if self.brought:
            # One that the Swarm does not have yet.
            mine = shutil.copytree(prefix, self.place / f"prefix-{kernel_id}", copy_function=os.link)
            program = Path(mine, "share/jupyter/kernels/k/scripts/bootstrap_kernel")
            program.unlink()
            program.write_text(bootstrap())
            words = [str(word).replace(str(prefix), str(mine)) for word in words]
        environment = self._running.environment | {"KERNEL_ID": kernel_id}
        done = subprocess.run(
            list(map(str, words)),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return kernel_id, done

    def objects(self):
        """The labels and the state of all containers, and of all services, by the kernel's id."""
        found = {}
        if self.swarm:
            for each in self.inspect("service", self.engine.docker("service", "ls", "--quiet")):
                found[each["Spec"]["Labels"].get("kernel_id")] = (each["Spec"]["Labels"], "service")
        else:
            for each in self.inspect("container", self.engine.docker("ps", "--all", "--quiet")):
                labels = each["Config"]["Labels"]
                found[labels.get("kernel_id")] = (labels, each["State"]["Status"])
        return found

    def inspect(self, kind, ids):
        return json.loads(self.engine.docker(kind, "inspect", *ids.split())) if ids else []

    def prune_all(self):
        prune(self.engine, self._binaries, self.place)
        wait_for(lambda: not self.objects(), lambda: f"not pruned: {self.objects()}")


@pytest.fixture
def bed(engine, request, launch, place, binaries):
    """A launch to its end, which is repeated then."""

    def start(service, brought):
        options, variables = [TIMEOUT, *(BROUGHT if brought else [])], {}
        if service:
            options.append("--swarm")
            variables["GP_DOCKER_NETWORK"] = request.getfixturevalue("network")
        running = launch(IMAGE, *options, bootstrap=bootstrap() if brought else None, **variables)
        ended = running.end()
        assert ended.status == 0, ended.log
        bed = Bed(engine, running, place, binaries, service, brought)
        bed.prune_all()
        return bed

    return start


@pytest.mark.parametrize(
    ("service", "brought", "every"),
    [
        pytest.param(False, False, 1, id="containers"),
        pytest.param(True, False, 1, id="services"),
        pytest.param(False, True, 10, id="containers with a bootstrap"),
        pytest.param(False, True, 1, id="containers with a bootstrap, all", marks=pytest.mark.full),
        pytest.param(True, True, 1, id="services with a bootstrap, all", marks=pytest.mark.full),
    ],
)
@pytest.mark.timeout(900)
def test_killed(bed, place, service, brought, every):
    bed = bed(service, brought)
    log = place / "strace"
    _, done = bed.run(strace("-o", log))
    assert done.returncode == 0, done.stderr
    bed.prune_all()
    processes, calls = zip(*CALL.findall(log.read_text()), strict=True)
    assert len(set(processes)) == 1, "the calls of another process or thread are counted apart"
    assert calls[0] == "execve"
    points = [(call, number, "KILL") for call, number in sample(calls[1:])][::every]
    told = enumerate(points[::4])
    points += [(call, number, TOLD_TO_STOP[index % 2]) for index, (call, number, _) in told]
    begin = time.monotonic()

    def run(point):
        call, number, name = point
        inject = f"inject={call}:signal={name}:when={number}"
        kernel_id, done = bed.run(strace("-o", "/dev/null", "-e", f"trace={call}", "-e", inject))
        return point, kernel_id, done

    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(run, points))
    time.sleep(1)
    left = bed.objects()
    assert left.keys() <= {kernel_id for _, kernel_id, _ in results}, "what is this?"
    killed, ends = 0, set()
    for point, kernel_id, done in results:
        labels, state = left.get(kernel_id, ({}, "nothing"))
        says = f"{point}: exit status {done.returncode}, {state}\n{done.stderr}"
        if point[2] == "KILL":
            killed += done.returncode == -signal.SIGKILL
            ends.add(state)
        elif done.returncode != 0:
            # It was told, and could still do what is to be done.
            assert state == "nothing", says
        if done.returncode == 0:
            assert state in ("running", "service"), says
        if state != "nothing":
            assert labels.items() >= (LABELS | {"kernel_id": kernel_id}).items(), says
    bed.prune_all()
    seconds = time.monotonic() - begin
    print(f"{len(points)} launches, {killed} killed at one of {len(calls)} calls, in {seconds:.0f} s")
    assert killed > 40 / every
    assert ends >= ({"nothing", "service"} if service else {"nothing", "created", "running"}) or every > 1
