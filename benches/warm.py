"""Kernels that have waited, beside a local one and one in a container that is started when it is wanted.

    tests/run bench warm [--rounds=N] [--quick]

The figures go to target/bench/warm.json, and into the page of the documentation, unless it was quick.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import report
from bed.engine import Engine
from local import IMAGE, LOCAL
from measure import BINARIES, ROOT, machine, of, options, ratios, spread, turns

DRIVER = Path(__file__).with_name("warm_driver.py")
WARM, COLD, NONE = "waited", "started when wanted", "local"

# A measure: its name, and what it is.
MEASURES = [
    ("first", "until its first answer"),
    ("ready", "until it is ready"),
    ("restart_first", "restarted, until its first answer"),
    ("restart_ready", "restarted, until it is ready"),
]

# A goal: the measure, and the most that it may be of a local kernel's.
GOALS = [("first", 0.25), ("ready", 0.6), ("restart_first", 0.25), ("restart_ready", 0.6)]
MEMORY = 40  # MiB


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
    tool = [BINARIES / "jupyter-docker-spec", "install", "--local", "--user", f"--image-name={IMAGE}"]
    for words in (["--kernel-name=cold"], ["--kernel-name=warm", "--warm=1"]):
        subprocess.run(list(map(str, [*tool, *words])), env=environment, check=True, capture_output=True)
    return environment


def measured(engine, wanted):
    """What each way took, in turns."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        environment = specifications(engine, place)
        kernels = {WARM: "warm", COLD: "cold", NONE: "python3"}

        def arm(name):
            request = {"kernel": kernels[name], "pause": 5 if name == WARM else 0.5}
            done = subprocess.run(
                [LOCAL / "python", DRIVER, json.dumps(request)],
                env=environment,
                cwd=place / "notebooks",
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, f"{name}: {done.stderr}"
            result = json.loads(done.stdout.splitlines()[-1])
            return result | ({"memory": memory(engine)} if name == WARM else {})

        # The first finds none that waits.
        arm(WARM)
        result = turns({name: lambda name=name: arm(name) for name in kernels}, wanted, 11)
        prune = [BINARIES / "jupyter-docker-spec", "prune", "--yes", "--older-than=0s"]
        subprocess.run(list(map(str, prune)), env=environment, check=True, capture_output=True)
        return result


def memory(engine):
    """What a kernel that waits has in memory, in bytes."""
    (waiting,) = engine.ask("/containers/json", filters={"label": ["warm"], "status": ["running"]})
    usage = engine.ask(f"/containers/{waiting['Id']}/stats", stream="false")["memory_stats"]
    return usage["usage"] - usage["stats"].get("inactive_file", usage["stats"].get("total_inactive_file", 0))


def tables(result):
    """The figures and the goals as Markdown."""
    ways = [WARM, COLD, NONE]
    rows = [
        [f"{title}, ms", *("{} ({} to {})".format(*map(report.number, spread([1000 * value for value in of(result[way], measure)]))) for way in ways)]
        for measure, title in MEASURES
    ]
    goals = [
        (f"{title}, times a local kernel", spread(ratios(of(result[WARM], measure), of(result[NONE], measure)))[0], most)
        for measure, most in GOALS
        for name, title in MEASURES
        if name == measure
    ]
    goals.append(("memory of one that waits, MiB", spread(of(result[WARM], "memory"))[0] / 2**20, MEMORY))
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
    report.keep("warm", {"machine": about} | result)
    text = tables(result)
    print(text)
    if not wanted.quick:
        about = "; ".join(f"{name}: {value}" for name, value in about.items() if "gateway" not in name)
        report.replace(report.PAGE, "warm figures", f"{text}\nMeasured on: {about}.\n")
        print(f"{report.PAGE} has them too.")


if __name__ == "__main__":
    main()
