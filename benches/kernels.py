"""What the benchmarks of single kernels share: drivers that start one, tables, and the page that has them."""

import argparse
import json
import os
import subprocess
from pathlib import Path

import report
from bed.engine import Engine
from measure import ROOT, machine, options, spread

# Applications that know no provisioner of ours.
LOCAL = ROOT / ".test/venv/local/bin"


def of_user(engine, place, path):
    """Makes a user's directories; returns the environment of what they run."""
    for name in ("home", "data", "notebooks"):
        (place / name).mkdir()
    return {
        "PATH": f"{path}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place / "home"),
        "JUPYTER_DATA_DIR": str(place / "data"),
        "DOCKER_HOST": engine.address,
        "LANG": "C.UTF-8",
    }


def run(command, environment):
    subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True)


def driven(python, driver, request, environment, directory):
    """What a driver tells of a kernel that it started and ended in a notebook's directory."""
    done = subprocess.run(
        [python, Path(__file__).with_name(driver), json.dumps(request)],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{request}: {done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def figure(values):
    """The median with its quartiles; nothing if there are no values."""
    return "{} ({} to {})".format(*map(report.number, spread(values))) if values else ""


def tables(head, rows, goals):
    """The figures as Markdown, and the goals: what it is, what was measured, and the most that it may be."""
    reached = [
        [f"{title}, at most {most}", report.number(value), "yes" if value <= most else "**no**"]
        for title, value, most in goals
    ]
    return f"{report.table(['', *head], rows)}\n\n{report.table(['goal', 'measured', 'reached'], reached)}\n"


def main(benchmark, name):
    """Runs a benchmark, and puts its tables into the page between the marks of that name, unless it is quick."""
    wanted = options(argparse.ArgumentParser(description=benchmark.__doc__.splitlines()[0])).parse_args()
    with Engine(Path(os.environ["JDS_RUN"]), ROOT / ".test" / "docker") as engine:
        engine.clean()
        result = benchmark.measured(engine, wanted)
        about = machine(engine)
        engine.clean()
    report.keep(name, {"machine": about} | result)
    text = benchmark.tables(result)
    print(text)
    if not wanted.quick:
        about = "; ".join(f"{name}: {value}" for name, value in about.items() if "gateway" not in name)
        report.replace(report.PAGE, f"{name} figures", f"{text}\nMeasured on: {about}.\n")
        print(f"{report.PAGE} has them too.")
