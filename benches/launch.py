"""How long launches take, with ours, that of gateway_provisioners, and `curl`, which makes the calls that
no launcher can leave out: it asks for the version, creates and starts.

    tests/run bench launch [--rounds=N] [--quick]
"""

import argparse
import base64
import contextlib
import os
import re
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import report
from arms import APP, Told, application, waves
from bed.engine import Engine
from bed.launch import order
from bed.patience import wait_for
from bed.proxy import Proxy
from measure import BINARIES, FLOOR, GP, OURS, ROOT, THEIRS, Clock, machine, options, turns

TINY, KERNEL = "jds-test/tiny", "jds-test/kernel"
ADDRESS = "192.0.2.1"
NETWORK = "jds-bench-kernels"
POLL = {"GP_POLL_INTERVAL": "0.02", "KERNEL_USERNAME": "ann"}
CREATE = re.compile(rb"POST (/v[0-9.]+/\w+/create)\S* HTTP/1.1\r\n(.*?)\r\n\r\n", re.DOTALL)
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Bench:
    """Where things are, and an engine."""

    def __init__(self, engine, directory: Path):
        self.engine, self.directory = engine, directory
        self.clock = Clock(directory)

    def way(self, image, swarm=False, **values):
        return Way(self, image, swarm, values)


class Way:
    """One way to launch: specifications of both arms, and the request that ours makes of it."""

    def __init__(self, bench, image, swarm, values):
        self.bench, self.engine, self.swarm, self.values = bench, bench.engine, swarm, values
        self.directories = {}
        for arm, programs in ((OURS, BINARIES), (THEIRS, GP / "bin")):
            prefix = Path(tempfile.mkdtemp(dir=bench.directory))
            tool = [programs / "jupyter-docker-spec", "install", f"--prefix={prefix}"]
            tool += [f"--image-name={image}", "--kernel-name=k", "--launch-timeout=120"]
            tool += ["--swarm"] if swarm else []
            subprocess.run(tool, check=True, capture_output=True)
            self.directories[arm] = prefix / "share/jupyter/kernels/k"
        self.recorded, self.create, self.body = "", "", ""

    def environment(self, **more):
        network = NETWORK if self.swarm else "bridge"
        return {
            "DOCKER_HOST": self.engine.address,
            "PATH": f"{GP / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.bench.directory),
            "GP_DOCKER_NETWORK": network,
            "DOCKER_NETWORK": network,
        } | more

    def command(self, arm, kernel_id, **more):
        environment = self.environment(**more)
        if arm != FLOOR:
            return order(self.directories[arm], environment, kernel_id, **self.values)
        return self.curl(kernel_id), environment

    def record(self):
        """Has our launcher launch once, and keeps what it asks for."""
        self.recorded = str(uuid.uuid4())
        with Proxy(self.bench.directory / "proxy.sock", self.engine.socket) as proxy:
            launch = Launch(self, OURS, self.recorded, DOCKER_HOST=proxy.address)
            launch.wait()
            launch.end()
        head = CREATE.search(proxy.sent)
        length = int(LENGTH.search(head[2])[1])
        self.create = head[1].decode()
        self.body = proxy.sent[head.end() : head.end() + length].decode()
        (self.bench.directory / "proxy.sock").unlink()

    def curl(self, kernel_id):
        body = self.bench.directory / f"{kernel_id}.json"
        body.write_text(self.body.replace(self.recorded, kernel_id))
        name = f"ann-{kernel_id}"
        common = ["--silent", "--show-error", "--fail", f"--unix-socket={self.engine.socket}"]
        common += ["--output=/dev/null", "--write-out=%{time_total}\\n"]
        common = [word for option in common for word in option.split("=", 1)]
        json = ["--header", "Content-Type: application/json", "--data-binary", f"@{body}"]
        calls = [
            ["--head", "http://localhost/_ping"],
            [*json, f"http://localhost{self.create}{'' if self.swarm else f'?name={name}'}"],
        ]
        if not self.swarm:
            start = self.create.replace("create", f"{name}/start")
            calls.append(["--request", "POST", f"http://localhost{start}"])
        words = [word for call in calls for word in ["--next", *common, *call]]
        return ["curl", *words[1:]]

    def told(self):
        """When what is launched was made, or ran."""
        return Told(self.engine, *(["service", "create"] if self.swarm else ["container", "start"]))


class Launch:
    """One launch that is under way."""

    def __init__(self, way, arm, kernel_id=None, **more):
        self.way, self.arm, self.engine = way, arm, way.engine
        kernel_id = kernel_id or str(uuid.uuid4())
        self.name = f"ann-{kernel_id}"
        self.running = way.bench.clock.start(*way.command(arm, kernel_id, **more))

    def is_over(self, told):
        """Whether the engine has told of it, or it never will."""
        return self.name in told.times or self.running.process.poll() not in (None, 0)

    def runs(self):
        return bool(self.engine.docker("ps", "--quiet", "--filter", f"name={self.name}"))

    def wait(self):
        """Until its container runs."""
        wait_for(self.runs, lambda: f"no container: {self.running.log.read_text()}")

    def remove(self):
        if self.way.swarm:
            self.engine.docker("service", "rm", self.name)
        else:
            self.engine.docker("rm", "--force", self.name)

    def end(self):
        """Removes what was launched, and tells what the launcher has used."""
        self.remove()
        return self.used()

    def used(self):
        used = self.running.end()
        if self.arm == FLOOR:
            lines = self.running.log.read_text().split()
            used["engine_seconds"] = sum(map(float, lines))
        return used


def single(way, wanted, usual):
    """One launch at a time, until the engine says that it is done."""

    def turn(arm):
        launch = Launch(way, arm)
        wait_for(lambda: launch.is_over(told), launch.running.log.read_text)
        assert launch.name in told.times, launch.running.log.read_text()
        # Also a service is let come up, so that the next launch has the engine to itself.
        launch.wait()
        used = launch.end()
        way.engine.assert_no_kernels()
        used["seconds"] = (told.times[launch.name] - used.pop("began_ns")) / 1e9
        return used

    way.record()
    with way.told() as told:
        return turns({arm: lambda arm=arm: turn(arm) for arm in (OURS, THEIRS, FLOOR)}, wanted, usual)


def wave(way, number, wanted, usual, further):
    """Launches at once, until the last container runs. Waves differ so much that it takes further turns to
    tell the two apart that take nearly the same."""

    def turn(arm):
        launches = [Launch(way, arm) for _ in range(number)]
        wait_for(lambda: all(launch.is_over(told) for launch in launches), "they do not run", 300)
        # On a machine that has other work the Docker SDK for Python may take too long for itself.
        failed = [launch for launch in launches if launch.name not in told.times]
        if failed and arm == THEIRS:
            print(f"{len(failed)} of {number} fail: {failed[0].running.log.read_text()[-500:]}")
            way.engine.clean()
            return None
        assert not failed, failed[0].running.log.read_text()
        names = [launch.name for launch in launches]
        way.engine.docker("rm", "--force", *names)
        used = [launch.used() for launch in launches]
        way.engine.assert_no_kernels()
        last = max(told.times[name] for name in names)
        seconds = (last - min(one["began_ns"] for one in used)) / 1e9
        sums = {key: sum(one[key] for one in used) for key in ("cpu_seconds", "peak_kib")}
        return sums | {"seconds": seconds, "rate": number / seconds}

    with way.told() as told:
        arms = {arm: lambda arm=arm: turn(arm) for arm in (OURS, THEIRS, FLOOR)}
        samples = turns(arms, wanted, usual)
        if further and not wanted.quick:
            del arms[THEIRS]
            for arm, more in turns(arms, wanted, further, warm=False).items():
                samples[arm] += more
        return samples


def without_engine(way, wanted, usual):
    """A launcher that finds no engine, beside a process that does nothing."""
    nowhere = {"DOCKER_HOST": f"unix://{way.bench.directory}/none.sock"}
    commands = {arm: way.command(arm, str(uuid.uuid4()), **nowhere) for arm in (OURS, THEIRS)}
    clock = way.bench.clock
    return turns(
        {
            OURS: lambda: clock.run(*commands[OURS], status=1),
            THEIRS: lambda: clock.run(*commands[THEIRS], status=1),
            FLOOR: lambda: clock.run(["true"], way.environment()),
        },
        wanted,
        usual,
    )


def public_key():
    """What a server would give to a kernel, which encrypts with it."""
    key = subprocess.run(["openssl", "genrsa", "1024"], check=True, capture_output=True).stdout
    words = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(words, input=key, check=True, capture_output=True).stdout
    return base64.b64encode(public).decode()


def telling(bench, swarm, wanted, usual):
    """Launches until the kernel tells where it is, and no server around them: what the engine and the
    kernel itself take."""
    with socket.create_server((ADDRESS, 0)) as listener:
        listener.settimeout(60)
        values = {
            "response_address": f"{ADDRESS}:{listener.getsockname()[1]}",
            "public_key": public_key(),
        }
        way = bench.way(KERNEL, swarm, **values)

        def heard():
            connection, _ = listener.accept()
            now = time.time_ns()
            with connection:
                while connection.recv(65536):
                    pass
            return now

        def turn(arm):
            launch = Launch(way, arm)
            now = heard()
            used = launch.end()
            bench.engine.assert_no_kernels()
            return {"seconds": (now - used["began_ns"]) / 1e9}

        way.record()
        bench.engine.assert_no_kernels()
        # It may have had its say before it was removed.
        listener.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            listener.accept()[0].close()
        listener.settimeout(60)
        return turns({arm: lambda arm=arm: turn(arm) for arm in (OURS, THEIRS, FLOOR)}, wanted, usual)


def ready(bench, swarm, wanted, usual):
    """Kernels of a server, until they have answered."""
    engine, network = bench.engine, NETWORK if swarm else "bridge"
    environment = POLL | {"GP_DOCKER_NETWORK": network, "DOCKER_NETWORK": network}
    specification = [f"--image-name={KERNEL}", *(["--swarm"] if swarm else [])]
    servers = {
        arm: application(engine, arm, network, environment, *specification) for arm in (OURS, THEIRS)
    }

    def turn(arm):
        result, _ = waves(servers[arm], [1], bench.directory / "waves.log")
        engine.assert_no_kernels()
        return {"seconds": result["ready_seconds"][0]}

    try:
        return turns({arm: lambda arm=arm: turn(arm) for arm in servers}, wanted, usual)
    finally:
        engine.docker("rm", "--force", *(server.container for server in servers.values()))


def measured(engine, wanted):
    """Everything that needs an engine, which is a plain one before and after."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=engine.run))
    bench = Bench(engine, directory)
    tiny = bench.way(TINY)
    result = {"container": single(tiny, wanted, 40), "no daemon": without_engine(tiny, wanted, 20)}
    steps = [(1, 1, 0), (3, 1, 0)] if wanted.quick else [(1, 5, 0), (10, 3, 0), (50, 3, 11)]
    result["waves"] = {str(number): wave(tiny, number, wanted, *often) for number, *often in steps}
    result["told docker"] = telling(bench, False, wanted, 4)
    result["ready docker"] = ready(bench, False, wanted, 4)
    engine.docker("swarm", "init", f"--advertise-addr={ADDRESS}")
    try:
        engine.network(NETWORK, "--driver=overlay", "--attachable")
        result["service"] = single(bench.way(TINY, swarm=True), wanted, 8)
        if not wanted.quick:
            result["told swarm"] = telling(bench, True, wanted, 4)
            result["ready swarm"] = ready(bench, True, wanted, 4)
    finally:
        engine.clean()
        engine.leave_swarm()
    return result


def run(wanted):
    """The same on an engine of its own."""
    with Engine(Path(os.environ["JDS_RUN"]), ROOT / ".test" / "docker") as engine:
        assert engine.has_image(APP), "no images: tests/run bench makes them"
        engine.clean()
        return {"machine": machine(engine), "quick": wanted.quick} | measured(engine, wanted)


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    result = run(wanted)
    report.write("launch", result)
    print(report.text(result))


if __name__ == "__main__":
    main()
