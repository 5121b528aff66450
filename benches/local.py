"""Kernels in an image, started by an application without provisioners: ours, `docker run` by hand, envkernel and
dockernel, beside a kernel without any container.

    tests/run bench local [--rounds=N] [--quick]

The figures go to target/bench/local.json, and into the page of the documentation, unless it was quick.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import report
from bed.engine import Engine
from measure import BINARIES, ROOT, machine, of, options, ratios, spread, turns

IMAGE = "jds-test/plain"
DRIVER = Path(__file__).with_name("local_driver.py")
LOCAL, PEERS = ROOT / ".test/venv/local/bin", ROOT / ".test/venv/peers/bin"
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
    for name in ("home", "data", "notebooks"):
        (place / name).mkdir()
    environment = {
        "PATH": f"{LOCAL}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place / "home"),
        "JUPYTER_DATA_DIR": str(place / "data"),
        "DOCKER_HOST": engine.address,
        "LANG": "C.UTF-8",
    }
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
        subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True)
    return environment


def measured(engine, wanted):
    """What each way took, in turns."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        environment = specifications(engine, place)
        size = 1 if wanted.quick else 50
        kernels = {OURS: "ours", HAND: "hand", ENVKERNEL: "envkernel", DOCKERNEL: "dockernel", NONE: "python3"}

        def arm(name):
            request = {"kernel": kernels[name], "size": size, "restart": name in (OURS, NONE), "launcher": name == OURS}
            done = subprocess.run(
                [LOCAL / "python", DRIVER, json.dumps(request)],
                env=environment,
                cwd=place / "notebooks",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, f"{name}: {done.stderr}"
            return json.loads(done.stdout.splitlines()[-1])

        def handed_over(length):
            words = ["docker", "run", "--rm", "--network=none", "--log-driver=none", IMAGE, "head", "-c", length, "/dev/zero"]
            began = time.monotonic()
            subprocess.run(list(map(str, words)), env=environment, check=True, stdout=subprocess.DEVNULL)
            return time.monotonic() - began

        arms = {name: lambda name=name: arm(name) for name in kernels}
        arms[ENGINE] = lambda: {"burst": handed_over(size * 1_000_000) - handed_over(1)}
        return turns(arms, wanted, 11)


def tables(result):
    """The figures and the goals as Markdown."""
    factors = {"s": 1, "ms": 1000, "MiB": 1 / 1024}
    ways = [name for name in (OURS, HAND, ENVKERNEL, DOCKERNEL, NONE, ENGINE) if name in result]

    def figure(name, measure, unit):
        values = [value * factors[unit] for value in of(result[name], measure)]
        if not values:
            return ""
        return "{} ({} to {})".format(*map(report.number, spread(values)))

    rows = [
        [f"{title}, {unit}", *(figure(name, measure, unit) for name in ways)] for measure, title, unit in MEASURES
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
    reached = [
        [f"{title}, at most {most}", report.number(value), "yes" if value <= most else "**no**"]
        for title, value, most in goals
    ]
    return f"{report.table(['', *ways], rows)}\n\n{report.table(['goal', 'measured', 'reached'], reached)}\n"


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    with Engine(Path(os.environ["JDS_RUN"]), ROOT / ".test" / "docker") as engine:
        engine.clean()
        result = measured(engine, wanted)
        about = machine(engine)
        engine.clean()
    report.keep("local", {"machine": about} | result)
    text = tables(result)
    print(text)
    if not wanted.quick:
        about = "; ".join(f"{name}: {value}" for name, value in about.items() if "gateway" not in name)
        report.replace(report.PAGE, "local figures", f"{text}\nMeasured on: {about}.\n")
        print(f"{report.PAGE} has them too.")


if __name__ == "__main__":
    main()
