"""Kernels of gateway_provisioners on one engine: started by our bootstrap, which is brought along, and by that of their
image.

    tests/run bench bring [--rounds=N] [--quick]

The figures go to target/bench/bring.json.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import report
from bed.engine import Engine
from measure import BINARIES, GP, OURS, ROOT, THEIRS, machine, of, options, ratios, spread, turns

DRIVER = Path(__file__).with_name("bring_driver.py")
IMAGES = {"Python": "jds-test/kernel", "R": "jds-test/r"}
# What runs for longer than a kernel that does not pass interrupts on is waited for.
CODE = {"Python": "import os; print('asleep', flush=True); os.system('sleep 15')", "R": ""}

# A measure: its name, what it is, its unit, and the most of theirs that ours may take.
MEASURES = [
    ("ready", "until it is ready", "s", {"Python": 0.9, "R": 0.75}),
    ("cpu", "processor time of all processes in the container until then", "s", {"Python": 0.8, "R": 0.8}),
    ("memory", "memory of the container", "MiB", {"Python": 0.7, "R": 0.7}),
    ("interrupt", "a program that the kernel runs, interrupted", "s", {"Python": 0.2}),
    ("stop", "`docker stop`", "s", {"Python": 0.25, "R": 0.25}),
]


def measured(engine, wanted):
    """What each way took, in turns, by language."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        environment = {
            "PATH": f"{GP / 'bin'}:/usr/bin:/bin",
            "HOME": str(place),
            "JUPYTER_DATA_DIR": str(place / "data"),
            "DOCKER_HOST": engine.address,
            "KERNEL_USERNAME": "ann",
        }
        tool = [BINARIES / "jupyter-docker-spec", "install", "--user"]
        for language, image in IMAGES.items():
            for name, more in ((OURS, ["--bring-bootstrap"]), (THEIRS, [])):
                words = [f"--language={language}", f"--image-name={image}", f"--kernel-name={name}-{language}", *more]
                subprocess.run([*map(str, tool), *words], env=environment, check=True, capture_output=True)

        def arm(name, language):
            request = {"kernel": f"{name}-{language}".lower(), "code": CODE[language]}
            done = subprocess.run(
                [GP / "bin/python", DRIVER, json.dumps(request)],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, f"{name}: {done.stderr}"
            return json.loads(done.stdout.splitlines()[-1])

        return {
            language: turns({name: lambda name=name: arm(name, language) for name in (OURS, THEIRS)}, wanted, 11)
            for language in IMAGES
        }


def tables(result):
    """The figures and the goals as Markdown."""
    rows = []
    for language in IMAGES:
        for measure, title, unit, most in MEASURES:
            ours, theirs = (of(result[language][name], measure) for name in (OURS, THEIRS))
            if ours and language in most:
                ratio = spread(ratios(ours, theirs))[0]
                shown = [report.number(spread(values)[0]) for values in (ours, theirs)]
                reached = "yes" if ratio <= most[language] else "**no**"
                rows.append([f"{language}: {title}, {unit}", *shown, report.number(ratio), str(most[language]), reached])
    return report.table(["", "ours", "the image's", "ratio", "at most", "reached"], rows)


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    with Engine(Path(os.environ["JDS_RUN"]), ROOT / ".test" / "docker") as engine:
        engine.clean()
        result = measured(engine, wanted)
        about = machine(engine)
        engine.clean()
    report.keep("bring", {"machine": about} | result)
    print(tables(result))


if __name__ == "__main__":
    main()
