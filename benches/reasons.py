"""How soon the reason of a launch that fails is in the server's log, and before its user.

    tests/run bench reasons [--rounds=N] [--quick]

A real Jupyter server, with `--show-launch-errors`, is asked for kernels that do not come up. The clock
begins when the engine, or the manager of a Swarm of three nodes, has what there is to know: that the
container has ended, its answer that it cannot be started, the state of the task; or when the time for a
launch is over. The page of the documentation gets the table, unless it was quick.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import report
from arms import Told
from bed import broken
from bed.engine import Engine
from bed.nodes import NETWORK_OF_KERNELS, TESTS, Nodes
from bed.patience import wait_for
from bed.proxy import Proxy
from bed.registry import Registry
from bed.servers import SHOW, serving
from measure import BINARIES, GP, ROOT, options, spread

TINY = "jds-test/tiny"
KERNEL = "docker_python"
USUAL = 5
ERROR = re.compile(r"^\[E (\S+ \S+) launch_docker\] ", re.MULTILINE)
REFUSED = re.compile(rb'^HTTP/1\.1 (?:400|500)|"errorDetail"', re.MULTILINE)
OVER = {"complete", "shutdown", "failed", "rejected", "orphaned", "remove"}
PAUSE = 0.01
MISSED = 3


class Answers(Proxy):
    """A proxy that notes when the engine refused something for the first time."""

    refused = None

    def heard(self, data):
        if self.refused is None and REFUSED.search(data):
            self.refused = time.time()


class Tasks(threading.Thread):
    """Asks the manager again and again, until a new task is as its launcher must not find it."""

    def __init__(self, manager):
        super().__init__(daemon=True)
        self._socket = str(manager.socket)
        self._connect()
        # Those of kernels before, whose nodes have not told yet that they are no more.
        self._old = {task["ID"] for task in self._tasks()}
        self.seen = None
        self.start()

    def _connect(self):
        self._connection = http.client.HTTPConnection("localhost")
        self._connection.sock = socket.socket(socket.AF_UNIX)
        self._connection.sock.connect(self._socket)

    def _tasks(self):
        filters = urllib.parse.quote(json.dumps({"label": ["component=kernel"]}))
        self._connection.request("GET", f"/v1.40/tasks?filters={filters}")
        return json.load(self._connection.getresponse())

    def run(self):
        while self.seen is None:
            try:
                new = (task for task in self._tasks() if task["ID"] not in self._old)
                if any(map(is_hopeless, new)):
                    self.seen = time.time()
            except ConnectionError:
                # A manager that has just lost a node may break off what it is asked.
                self._connection.close()
                self._connect()
            time.sleep(PAUSE)
        self._connection.close()


class Timeout:
    """The end of the time that a launch has."""

    def __init__(self, seconds):
        self.seen = time.time() + seconds


def is_hopeless(task):
    status = task["Status"]
    unplaceable = status["State"] == "pending" and status.get("Err")
    return status["State"] in OVER or unplaceable or task["DesiredState"] == "shutdown"


class Bench:
    """A server of kernels on one engine."""

    def __init__(self, engine, server, place):
        self.engine, self.server, self.place = engine, server, place

    def install(self, *words):
        tool = [BINARIES / "jupyter-docker-spec", "install", "--user", "--replace", SHOW]
        environment = {"HOME": str(self.place)}
        subprocess.run([*tool, *words], env=environment, check=True, capture_output=True)

    def ask(self, meanwhile=lambda: None):
        """What the user was told, and when; and when it was in the log."""
        before = len(self.server.log.read_text())
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(lambda: (self.server.refusal("session", KERNEL), time.time()))
            meanwhile()
            told, at = answer.result()
        (stamp,) = ERROR.findall(self.server.log.read_text()[before:])
        return told, datetime.datetime.fromisoformat(stamp).timestamp(), at


def sample(happened, log, user):
    return {"log": log - happened, "user": user - happened}


@contextlib.contextmanager
def bench(engine, run, **environment):
    place = Path(tempfile.mkdtemp(dir=run))
    variables = {"HOME": str(place), "PATH": f"{GP / 'bin'}:/usr/bin:/bin", "TZ": "UTC"}
    with Answers(place / "proxy.sock", engine.socket) as proxy:
        variables["DOCKER_HOST"] = proxy.address
        with serving(engine, GP, place, variables | environment) as server:
            yield Bench(engine, server, place), proxy


def on_one_engine(engine, run, rounds):
    """Rows of containers."""
    with bench(engine, run) as (here, proxy):

        def row(image, reason, happened, timeout=100):
            here.install(f"--image-name={image}", "--memory=16m", f"--launch-timeout={timeout}")
            samples = []
            for _ in range(rounds):
                proxy.refused, happening = None, Timeout(timeout)
                told, log, user = here.ask()
                assert re.search(reason, told), told
                samples.append(sample(happened() if happened else happening.seen, log, user))
                engine.assert_no_kernels()
            return samples

        with Told(engine, "container", "die") as died:

            def last_death():
                wait_for(lambda: died.times, "nothing has died")
                return died.times.popitem()[1] / 1e9

            yield "a kernel ends at once", row(*broken.exits(engine), last_death)
            yield "it is killed for its memory", row(*broken.greedy(engine), last_death)
            foreign = broken.of_another_architecture(engine)
            yield "it is for another architecture", row(*foreign, last_death)

        def refusal():
            return proxy.refused

        yield "it does not answer", row(*broken.silent(engine), None, timeout=4)
        yield "its command is not there", row(*broken.without_its_command(engine), refusal)
        yield "its image cannot be had", row(*broken.MISSING, refusal)


def on_three_nodes(nodes, run, rounds):
    """Rows of services."""
    worker = nodes["worker-1"]
    there = f"--constraint=node.hostname=={worker.name}"

    with bench(nodes.manager, run, GP_DOCKER_NETWORK=NETWORK_OF_KERNELS) as (here, _):

        def row(image, reason, *words, timeout=None, meanwhile=lambda: None, then=lambda: None):
            here.install("--swarm", f"--image-name={image}", f"--launch-timeout={timeout or 100}", *words)
            samples = []
            for _ in range(rounds + MISSED):
                happening = Timeout(timeout) if timeout else Tasks(nodes.manager)
                told, log, user = here.ask(meanwhile)
                happened = happening.seen
                assert re.search(reason, told), told
                then()
                nodes.assert_nothing_left()
                # A manager that has just lost a node may keep one waiting, and answer the launcher.
                if happened is not None:
                    samples.append(sample(happened, log, user))
                if len(samples) == rounds:
                    return samples
            raise AssertionError(f"of {rounds + MISSED} launches, the beginnings of only {len(samples)} were seen")

        def name():
            wait_for(nodes.services, here.server.log.read_text)
            return nodes.services()[0].split()[0]

        def lose():
            kernel = name()
            wait_for(lambda: nodes.state_of(kernel) == "running", "it does not run")
            worker.die()

        def find():
            worker.start()
            nodes.wait_for_state(worker, "ready")

        yield "a service ends at once", row(*broken.exits(worker), there)
        yield "a node rejects it", row(f"{TESTS}:1/no/such:1", "rejected by node", there)
        yield "no node can take it", row(TINY, "no node of the Swarm can", "--constraint=node.labels.a==b")
        yield "its node is lost", row(TINY, "heartbeat failure", there, meanwhile=lose, then=find)
        pulled = worker.image("jds-test/pulled", "RUN echo of the registry > /file")
        with Registry(worker, pulled, 3600, address=TESTS) as slow:
            late = "preparing on node worker-1, which pulls the image"
            yield "its node pulls for too long", row(f"{slow.host}/pulled:1", late, there, timeout=4)


def table(result):
    rows = []
    for title, samples in result.items():
        cells = []
        for who in ("log", "user"):
            times = [one[who] for one in samples]
            # No "-0.00".
            cells += [f"{round(value, 2) + 0.0:.2f}" for value in (spread(times)[0], max(times))]
        rows.append([title, *cells])
    head = ["what happens", "in the log after, s", "at most", "before the user after, s", "at most"]
    return report.table(head, rows)


def run(wanted):
    rounds = 1 if wanted.quick else wanted.rounds or USUAL
    place = Path(os.environ["JDS_RUN"])
    with Engine(place, ROOT / ".test" / "docker") as engine:
        engine.clean()
        result = dict(on_one_engine(engine, place, rounds))
        engine.clean()
        with Nodes(place, ROOT / ".test" / "nodes", engine, lambda _: [TINY]) as nodes:
            result |= on_three_nodes(nodes, place, rounds)
    return result


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    result = run(wanted)
    report.keep("reasons", result)
    print(table(result))
    if not wanted.quick:
        report.replace(report.PAGE, "reasons", table(result))


if __name__ == "__main__":
    main()
