"""A hundred kernels on a Swarm of three nodes, by our launcher and by that of gateway_provisioners.

    tests/run bench swarm [--kernels=100] [--wave=10] [--rounds=2] [--launches=20] [--output=FILE]

Both take turns on the same nodes, from servers in two like containers on the manager. The nodes share
this machine, so the figures of one run compare with each other and with nothing else. A table goes to
standard output, and everything that was measured to FILE as JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

from arms import APP, NAMES, Told, application, waves
from bed.engine import Engine
from bed.nodes import NETWORK_OF_KERNELS, Nodes
from bed.patience import wait_for
from measure import HERE, OURS, RESULTS, ROOT, THEIRS

SMALL = "jds-test/small"
ARMS = (OURS, THEIRS)
# Their launcher does not look at GP_DOCKER_NETWORK.
ENVIRONMENT = {
    "GP_DOCKER_NETWORK": NETWORK_OF_KERNELS,
    "DOCKER_NETWORK": NETWORK_OF_KERNELS,
    "GP_DOCKER_MODE": "swarm",
    "GP_POLL_INTERVAL": "0.1",
    "KERNEL_USERNAME": "ann",
    "KERNEL_UID": "1000",
    "KERNEL_GID": "100",
}
SPECIFICATION = ("--swarm", f"--image-name={SMALL}", "--launch-timeout=120")
# How long our launcher watches in the part that launches one at a time.
WATCHED = 1.0


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", type=int, default=100)
    parser.add_argument("--wave", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--launches", type=int, default=20)
    parser.add_argument("--output", type=Path, default=RESULTS / "swarm.json")
    return parser.parse_args()


class Launches:
    """A launcher by itself, again and again."""

    def __init__(self, server, arm):
        engine = server.engine
        self.arm = arm
        engine.docker("cp", HERE / "launches.py", f"{server.container}:/opt/launches.py")
        command = ["docker", "--host", engine.address, "exec", "--interactive"]
        self.process = subprocess.Popen(
            [*command, server.container, "python", "/opt/launches.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def one(self, nodes, created):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        name = f"ann-{self.hear()['began']}"
        wait_for(lambda: name in created.times, "no service is created")
        if self.arm == "ours":
            time.sleep(WATCHED)
            nodes.manager.docker("service", "rm", name)
            result = self.hear()
        else:
            result = self.hear()
            nodes.manager.docker("service", "rm", name)
        nodes.assert_nothing_left()
        result["seconds"] = (created.times[name] - result.pop("began_ns")) / 1e9
        return result

    def close(self):
        self.process.kill()
        self.process.wait()


def launches(nodes, servers, number):
    """Each launcher in turns; nobody counts their first."""
    running = {arm: Launches(servers[arm], arm) for arm in ARMS}
    try:
        with Told(nodes.manager, "service", "create") as created:
            turns = [
                {arm: running[arm].one(nodes, created) for arm in ARMS} for _ in range(number + 1)
            ]
    finally:
        for each in running.values():
            each.close()
    return {arm: [turn[arm] for turn in turns[1:]] for arm in ARMS}


def hundred(nodes, server, kernels, wave):
    """Many kernels at once, and where they were."""
    numbers = [min(wave, kernels - begun) for begun in range(0, kernels, wave)]
    log = nodes.manager.run / "waves.log"
    result, spread = waves(
        server, numbers, log, lambda: {node.name: len(node.containers()) for node in nodes.all}
    )
    nodes.assert_nothing_left(600)
    return result | {"spread": spread}


def figures(values, digits=3):
    """Median, and from where to where."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(result):
    """The figures side by side."""

    def row(title, of):
        return [title, *(of(arm) for arm in ARMS)]

    single, many = result["launches"], result["hundreds"]

    def ready(arm):
        return [value for run in many[arm] for value in run["ready_seconds"]]

    def ninth(arm):
        return statistics.quantiles(ready(arm), n=20)[-1]

    def rates(arm):
        return [len(run["ready_seconds"]) / sum(run["wave_seconds"]) for run in many[arm]]

    def cpu(arm):
        return [run["launchers_cpu_seconds"] / len(run["ready_seconds"]) for run in many[arm]]

    def spread(arm):
        return "; ".join("/".join(map(str, run["spread"].values())) for run in many[arm])

    rows = [
        row("", NAMES.get),
        row(
            "one launch: seconds until the service exists",
            lambda arm: figures([one["seconds"] for one in single[arm]]),
        ),
        row(
            "one launch: processor seconds",
            lambda arm: figures([one["cpu_seconds"] for one in single[arm]]),
        ),
        row(
            "one launch: most memory, MiB",
            lambda arm: figures([one["peak_kib"] / 1024 for one in single[arm]], 1),
        ),
        row("many: seconds until a kernel answers", lambda arm: figures(ready(arm), 2)),
        row("many: the same, of 95 %", lambda arm: f"{ninth(arm):.2f}"),
        row("many: kernels per second", lambda arm: figures(rates(arm), 2)),
        row("many: processor seconds of a launcher", lambda arm: figures(cpu(arm))),
        row(
            "many: seconds until all have ended",
            lambda arm: figures([run["end_seconds"] for run in many[arm]], 1),
        ),
        row("many: kernels on each node", spread),
    ]
    rows.insert(1, ["---"] * 3)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main():
    wanted = options()
    run = Path(os.environ["JDS_RUN"])
    with (
        Engine(run, ROOT / ".test" / "docker") as engine,
        Nodes(
            run,
            ROOT / ".test" / "nodes",
            engine,
            lambda name: [SMALL, *([APP] if name == "manager" else [])],
        ) as nodes,
    ):
        servers = {
            arm: application(nodes.manager, arm, NETWORK_OF_KERNELS, ENVIRONMENT, *SPECIFICATION)
            for arm in ARMS
        }
        result = {"options": {name: str(value) for name, value in vars(wanted).items()}}
        result["launches"] = launches(nodes, servers, wanted.launches)
        result["hundreds"] = {arm: [] for arm in ARMS}
        for turn in range(wanted.rounds):
            for arm in ARMS if turn % 2 == 0 else reversed(ARMS):
                print(f"round {turn + 1}: {arm}", flush=True)
                result["hundreds"][arm].append(
                    hundred(nodes, servers[arm], wanted.kernels, wanted.wave)
                )
        for server in servers.values():
            nodes.manager.docker("rm", "--force", server.container)
    wanted.output.parent.mkdir(parents=True, exist_ok=True)
    wanted.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    print(f"\nAll that was measured: {wanted.output}")


if __name__ == "__main__":
    main()
