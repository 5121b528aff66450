"""What kernels cost the launcher, an engine, the manager of a Swarm and a server, by how many there are.

    tests/run bench scale [--quick]

On one engine, in a Swarm of one node, and in one of three. What is counted does not depend on the machine; processor
time and memory do. The figures go to target/bench/scale.json, and with the model that `scale_model.py` fits to them
into the page of the documentation, unless it was quick.
"""

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import report
import scale_model
from bed.engine import Engine
from bed.launch import Launch
from bed.nodes import Nodes
from bed.patience import wait_for
from bed.proxy import Proxy
from measure import BINARIES, GP, ROOT, machine, options

TINY = "jds-test/tiny"
ADDRESS = "192.0.2.1"
NETWORK = "jds-bench-kernels"
DRIVER = Path(__file__).with_name("scale_driver.py")
LEVELS = [1, 10, 100]
# How many launches and removals are looked at by themselves at each level, and how many look-ups.
ONE_MORE, LOOKUPS = 5, 60
# How many start at once otherwise, and for how long it is looked at what is done when nothing happens.
WAVE, REST = 10, 10
PAGE = ROOT / "docs" / "scale.md"


class Counting(Proxy):
    """Counts what passes."""

    answered = 0

    def heard(self, data):
        self.answered += len(data)

    def count(self):
        return {"requests": len(self.requests), "sent": len(self.sent), "answered": self.answered}

    def since(self, before):
        return {name: value - before[name] for name, value in self.count().items()}


def processes(engine):
    """The programs of an engine: their directories in /proc, and their names."""
    place = str(engine.run / "exec")
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
            program = Path(words[0]).name
            if program.startswith(("dockerd", "containerd")) and any(place in word for word in words):
                yield directory, program


def processor_seconds(directory):
    """The time that a process has had; finer than that of `times`."""
    total = 0
    for file in directory.glob("task/*/schedstat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int(file.read_text().split()[0])
    return total / 1e9


def of_status(directory, name):
    """A line of a process's status in kiB."""
    lines = (directory / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def engine_seconds(engines):
    """What all programs of these engines have had of the processors."""
    return sum(processor_seconds(directory) for engine in engines for directory, _ in processes(engine))


def memory(engines):
    """What is in memory because of the engines, and of the processes that watch over a container each, in kiB."""
    found = {"engine": 0, "shims": 0}
    for directory, program in (each for engine in engines for each in processes(engine)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, StopIteration):
            lines = (directory / "smaps_rollup").read_text().splitlines()
            share = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            found["shims" if "shim" in program else "engine"] += share
    return found


class Kernels:
    """Kernels of one specification. `engines` are all that may run them, the first is asked for them."""

    def __init__(self, engines, place: Path, swarm, network, wanted):
        self.engines, self.engine = engines, engines[0]
        self.place, self.swarm, self.network, self.wanted = place, swarm, network, wanted
        self.proxy = Counting(place / "proxy.sock", self.engine.socket)
        self.ids = []
        words = [f"--prefix={place}", f"--image-name={TINY}", "--kernel-name=k", "--launch-timeout=120"]
        words += ["--swarm"] if swarm else []
        subprocess.run([BINARIES / "jupyter-docker-spec", "install", *words], env={}, check=True, capture_output=True)

    def launch(self, address):
        """Begins one."""
        environment = {"DOCKER_HOST": address, "HOME": str(self.place), "PATH": f"{GP / 'bin'}:/usr/bin:/bin"}
        environment |= {"GP_DOCKER_NETWORK": self.network, "GP_LOG_LEVEL": "DEBUG"}
        return Launch(self.place / "share/jupyter/kernels/k", environment)

    def runs(self, launch):
        """Whether its container runs."""
        assert launch.process.poll() is None, launch.log()
        return self.state(launch) == "running" if self.swarm else "Started" in launch.log()

    def is_new(self, launch):
        return self.state(launch) == "new"

    def state(self, launch):
        """That of its task, which is empty before there is one."""
        tasks = self.engine.ask("/tasks", filters={"label": [f"kernel_id={launch.kernel_id}"]}) or []
        return "".join(task["Status"]["State"] for task in tasks)

    def grow(self, number):
        """Until there are so many, whose server has taken them over."""
        while len(self.ids) < number:
            begun = [self.launch(self.engine.address) for _ in range(min(WAVE, number - len(self.ids)))]
            for launch in begun:
                wait_for(lambda: self.runs(launch), launch.log)
                launch.kill()
                self.ids.append(launch.kernel_id)

    def remove(self, kernel_id):
        """As the server does."""
        kind = "services" if self.swarm else "containers"
        assert self.engine.ask(f"/{kind}/ann-{kernel_id}", "DELETE", force=True)

    def one_more(self):
        """What it takes to start one, and to end it."""
        before, seconds = self.proxy.count(), engine_seconds(self.engines)
        launch = self.launch(self.proxy.address)
        wait_for(lambda: self.runs(launch), launch.log)
        result = {"engine_cpu": engine_seconds(self.engines) - seconds}
        result |= self.proxy.since(before)
        directory = Path("/proc", str(launch.process.pid))
        result |= {"launcher_cpu": processor_seconds(directory), "launcher_kib": of_status(directory, "VmHWM")}
        self.remove(launch.kernel_id)
        assert launch.end().status == 0, launch.log()
        wait_for(lambda: len(self.there()) == len(self.ids), "it does not go")
        return result

    def there(self):
        """The containers, on all nodes."""
        label = {"label": ["component=kernel"]}
        return [one for engine in self.engines for one in engine.ask("/containers/json", all=True, filters=label)]

    def rest(self):
        """What share of a processor is used when nothing happens."""
        seconds = 1 if self.wanted.quick else REST
        before = engine_seconds(self.engines)
        time.sleep(seconds)
        return (engine_seconds(self.engines) - before) / seconds

    def looked_at(self):
        """What a server takes to look after all of them."""
        request = {"swarm": self.swarm, "ids": self.ids, "lookups": 5 if self.wanted.quick else LOOKUPS}
        with subprocess.Popen(
            [GP / "bin/python", DRIVER, json.dumps(request)],
            env={"DOCKER_HOST": self.proxy.address, "GP_DOCKER_NETWORK": self.network, "HOME": str(self.place)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            result = json.loads(server.stdout.readline())
            before, seconds = self.proxy.count(), engine_seconds(self.engines[:1])
            server.stdin.write("\n")
            server.stdin.flush()
            result |= json.loads(server.stdout.readline())
            of_all = self.proxy.since(before) | {"engine_cpu": engine_seconds(self.engines[:1]) - seconds}
            server.stdin.close()
        return result | {name: value / request["lookups"] for name, value in of_all.items()}

    def level(self, number):
        """What there is to measure with so many."""
        self.grow(number)
        result = {"launches": [self.one_more() for _ in range(1 if self.wanted.quick else ONE_MORE)]}
        result |= {"memory": memory(self.engines), "rest": self.rest(), "server": self.looked_at()}
        return result | {"addresses": len(addresses(self))} | (objects(self.engine) if self.swarm else {})

    def measured(self):
        """Each level, and what the manager writes down for a kernel."""
        log = Log(self.engine) if self.swarm else None
        with self.proxy:
            result = {"levels": {number: self.level(number) for number in levels(self.wanted)}}
            if log:
                self.by_themselves(result, log)
            for kernel_id in self.ids:
                self.remove(kernel_id)
            wait_for(lambda: not self.there(), lambda: f"left behind: {self.there()}")
        return result

    def by_themselves(self, result, log):
        """What the managers write down of kernels that start, and of kernels that end."""
        some = 2 if self.wanted.quick else WAVE
        before = log.now()
        self.grow(len(self.ids) + some)
        between = log.now()
        result["log of a start"] = log_of(before, between, some)
        for kernel_id in [self.ids.pop() for _ in range(some)]:
            self.remove(kernel_id)
        wait_for(lambda: len(self.there()) == len(self.ids), "they do not go")
        time.sleep(1 if self.wanted.quick else REST)
        result["log of an end"] = log_of(between, log.now(), some)


def addresses(kernels):
    """Those that are taken on the network of the kernels, without that of its gateway."""
    found = set()
    for engine in kernels.engines:
        network = engine.ask(f"/networks/{kernels.network}") or {}
        found |= {each["IPv4Address"] for each in (network.get("Containers") or {}).values()}
    return found


def objects(manager):
    """How many of each kind the manager looks after."""
    return {kind: len(manager.ask(f"/{kind}") or []) for kind in ("services", "tasks", "configs", "secrets")}


class Log:
    """What the managers agree on, entry by entry."""

    def __init__(self, manager):
        self.manager = manager

    def now(self):
        """The number of the last entry, which is of a mark that is set for it, and how long the log is."""
        name = f"jds-bench-{uuid.uuid4()}"
        mark = self.manager.docker("config", "create", name, "-", stdin="mark")
        entries = self.manager.ask(f"/configs/{mark}")["Version"]["Index"]
        self.manager.docker("config", "rm", mark)
        files = (self.manager.data / "swarm/raft").glob("wal*/*.wal")
        return {"entries": entries, "bytes": sum(map(written, files))}


def log_of(before, after, number):
    """What came into the log between two looks, for each kernel; a look makes two entries."""
    return {key: (after[key] - before[key] - 2 * (key == "entries")) / number for key in after}


def written(file):
    """How much of a file that was made long before it was filled is no zero."""
    size, chunk = file.stat().st_size, 2**20
    with file.open("rb") as log:
        for start in range((size - 1) // chunk * chunk, -1, -chunk):
            log.seek(start)
            if data := log.read(chunk).rstrip(b"\0"):
                return start + len(data)
    return 0


def levels(wanted):
    return [1, 3] if wanted.quick else LEVELS


def on_one_engine(engine, wanted):
    with tempfile.TemporaryDirectory(dir=engine.run) as place:
        return Kernels([engine], Path(place), False, "bridge", wanted).measured()


def in_a_swarm(engines, wanted):
    """On managers and workers, the first of which is a manager."""
    manager = engines[0]
    with tempfile.TemporaryDirectory(dir=manager.run) as place:
        manager.network(NETWORK, "--driver=overlay", "--attachable")
        return Kernels(engines, Path(place), True, NETWORK, wanted).measured()


def on_a_small_network(engine, wanted, bits=29):
    """Begins one after the other until the manager has no address for one; how many run then."""
    network = engine.network(f"{NETWORK}-small", "--driver=overlay", f"--subnet=10.77.0.0/{bits}")
    with tempfile.TemporaryDirectory(dir=engine.run) as place:
        kernels = Kernels([engine], Path(place), True, network, wanted)
        has_address = True
        while has_address:
            launch = kernels.launch(engine.address)
            kernels.ids.append(launch.kernel_id)
            # With one, the task is not new for longer than a moment.
            began = time.monotonic()
            while not kernels.runs(launch) and (has_address := time.monotonic() - began < 3 or not kernels.is_new(launch)):
                time.sleep(0.1)
            launch.kill()
        for kernel_id in kernels.ids:
            kernels.remove(kernel_id)
        wait_for(lambda: not kernels.there(), "they do not go")
    return {"bits": bits, "kernels": len(kernels.ids) - 1}


def run(wanted):
    """All of it, with engines of its own."""
    directory = Path(os.environ["JDS_RUN"])
    with Engine(directory, ROOT / ".test" / "docker") as engine:
        engine.clean()
        result = {"machine": machine(engine), "engine": on_one_engine(engine, wanted)}
        engine.docker("swarm", "init", f"--advertise-addr={ADDRESS}")
        result["swarm"] = in_a_swarm([engine], wanted)
        result["small network"] = on_a_small_network(engine, wanted)
        engine.clean()
        engine.leave_swarm()
        with Nodes(directory, ROOT / ".test" / "nodes", engine, lambda _: [TINY]) as nodes:
            result["nodes"] = in_a_swarm(nodes.all, wanted)
    return result


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    result = run(wanted)
    report.keep("scale", result)
    text = scale_model.text(result)
    print(text)
    if not wanted.quick:
        report.replace(PAGE, "figures", text)
        print(f"{PAGE} has them too.")


if __name__ == "__main__":
    main()
