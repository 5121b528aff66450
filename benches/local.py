"""Kernels in an image, started by an application without provisioners: ours, `docker run` by hand, envkernel and
dockernel, beside a kernel without any container.

    tests/run bench local [--rounds=N] [--quick]

The figures go to target/bench/local.json, and into the page of the documentation, unless it was quick.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kernels
from kernels import LOCAL
from measure import BINARIES, ROOT, of, ratios, spread, turns

IMAGE = "jds-test/plain"
PEERS = ROOT / ".test/venv/peers/bin"
OURS, HAND, ENVKERNEL, DOCKERNEL, NONE = "ours", "docker run", "envkernel", "dockernel", "local"
# What the engine takes to hand over as many bytes of a container's output, which it does for ours.
ENGINE = "the engine alone"

# What no other way can leave out: the ports published, the connection file mounted, ipykernel by hand.
BY_HAND = """\
#!/bin/sh
sed s/127.0.0.1/0.0.0.0/ "$1" > "$1.all"
ports=$(sed -n 's/.*_port": \\([0-9]*\\).*/-p 127.0.0.1:\\1:\\1/p' "$1")
exec docker run --rm --interactive $ports --volume "$1.all:$1:ro" --volume "$PWD:$PWD" --workdir "$PWD" \\
    {image} python -m ipykernel_launcher -f "$1"
"""

# A measure: its name, what it is, and its unit.
MEASURES = [
    ("ready", "until it is ready", "s"),
    ("execute", "one execution", "ms"),
    ("burst", "50 MB of display_data", "s"),
    ("restart", "restarted at once, until it is ready", "s"),
    ("cpu", "processor time of the launcher until then", "ms"),
    ("memory", "memory of the launcher", "MiB"),
]

# A goal: the measure, above, below (or nothing), and the most that it may be.
GOALS = [
    ("ready, times `docker run` by hand", "ready", HAND, 1.10),
    ("ready, times envkernel", "ready", ENVKERNEL, 0.6),
    ("ready, times dockernel", "ready", DOCKERNEL, 0.6),
    ("ready, times a local kernel", "ready", NONE, 1.5),
    ("one execution, times a local kernel", "execute", NONE, 1.10),
    ("50 MB, times a local kernel", "burst", NONE, 1.25),
]
MOST = [("processor time of a launch, ms", "cpu", 10), ("memory of the launcher, MiB", "memory", 6)]


def specifications(engine, place):
    """Makes one for each way; returns the environment in which they are found."""
    environment = kernels.of_user(engine, place, LOCAL)
    script = place / "by-hand"
    script.write_text(BY_HAND.format(image=IMAGE))
    script.chmod(0o755)
    # Its own `install` reads what engines no longer tell of an image.
    own = engine.image("jds-test/dockernel", "CMD python -m ipykernel_launcher -f $DOCKERNEL_CONNECTION_FILE", base=IMAGE)
    written = {
        "hand": [script, "{connection_file}"],
        "dockernel": [PEERS / "python", "-m", "dockernel", "start", own, "{connection_file}"],
    }
    for name, argv in written.items():
        directory = place / "data/kernels" / name
        directory.mkdir(parents=True)
        described = {"argv": list(map(str, argv)), "display_name": name, "language": "python"}
        (directory / "kernel.json").write_text(json.dumps(described))
    tool = [BINARIES / "jupyter-docker-spec", "install", "--local", "--user", f"--image-name={IMAGE}"]
    envkernel = [PEERS / "envkernel", "docker", "--user", "--name=envkernel", "--display-name=envkernel", "--pwd", IMAGE]
    for command in ([*tool, "--kernel-name=ours"], envkernel):
        kernels.run(command, environment)
    return environment


def measured(engine, wanted):
    """What each way took, in turns."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        environment = specifications(engine, place)
        size = 1 if wanted.quick else 50
        names = {OURS: "ours", HAND: "hand", ENVKERNEL: "envkernel", DOCKERNEL: "dockernel", NONE: "python3"}

        def arm(way):
            request = {"kernel": names[way], "size": size, "restart": way in (OURS, NONE), "launcher": way == OURS}
            return kernels.driven(LOCAL / "python", "local_driver.py", request, environment, place / "notebooks")

        def handed_over(length):
            words = ["docker", "run", "--rm", "--network=none", "--log-driver=none", IMAGE, "head", "-c", length, "/dev/zero"]
            began = time.monotonic()
            subprocess.run(list(map(str, words)), env=environment, check=True, stdout=subprocess.DEVNULL)
            return time.monotonic() - began

        arms = {way: lambda way=way: arm(way) for way in names}
        arms[ENGINE] = lambda: {"burst": handed_over(size * 1_000_000) - handed_over(1)}
        return turns(arms, wanted, 11)


def tables(result):
    """The figures and the goals as Markdown."""
    factors = {"s": 1, "ms": 1000, "MiB": 1 / 1024}
    ways = [name for name in (OURS, HAND, ENVKERNEL, DOCKERNEL, NONE, ENGINE) if name in result]

    def figure(way, measure, unit):
        return kernels.figure([value * factors[unit] for value in of(result[way], measure)])

    rows = [
        [f"{title}, {unit}", *(figure(way, measure, unit) for way in ways)] for measure, title, unit in MEASURES
    ]
    goals = []
    for title, measure, below, most in GOALS:
        if below in result:
            value = spread(ratios(of(result[OURS], measure), of(result[below], measure)))[0]
            goals.append((title, value, most))
    units = {measure: factors[unit] for measure, _, unit in MEASURES}
    for title, measure, most in MOST:
        goals.append((title, spread(of(result[OURS], measure))[0] * units[measure], most))
    restart = spread(ratios(of(result[OURS], "restart"), of(result[OURS], "ready")))[0]
    goals.append(("restarted at once, times ready", restart, 1.1))
    return kernels.tables(ways, rows, goals)


if __name__ == "__main__":
    kernels.main(sys.modules[__name__], "local")
