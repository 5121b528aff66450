"""Kernels of gateway_provisioners on one engine: started by our bootstrap, which is brought along, and by that of their
image.

    tests/run bench bring [--rounds=N] [--quick]

The figures go to target/bench/bring.json, and into the page of the documentation, unless it was quick.
"""

import sys
import tempfile
from pathlib import Path

import kernels
from measure import BINARIES, GP, OURS, THEIRS, of, ratios, spread, turns

IMAGES = {"Python": "jds-test/kernel", "R": "jds-test/r"}
# What runs for longer than a kernel that does not pass interrupts on is waited for.
CODE = {"Python": "import os; print('asleep', flush=True); os.system('sleep 15')", "R": ""}

# A measure: its name, what it is, and its unit.
MEASURES = [
    ("ready", "until it is ready", "s"),
    ("cpu", "processor time of all processes in the container until then", "s"),
    ("memory", "memory of the container", "MiB"),
    ("interrupt", "a program that the kernel runs, interrupted", "s"),
    ("stop", "`docker stop`", "s"),
]

# The most that ours may take of what the image's takes, by language.
GOALS = {
    "ready": {"Python": 0.9, "R": 0.75},
    "cpu": {"Python": 0.8, "R": 0.8},
    "memory": {"Python": 0.7, "R": 0.7},
    "stop": {"Python": 0.25, "R": 0.25},
}
INTERRUPT = 0.2  # seconds


def measured(engine, wanted):
    """What each way took, in turns, by language."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        # How often the server looks would hide what differs.
        more = {"KERNEL_USERNAME": "ann", "GP_POLL_INTERVAL": "0.02"}
        environment = kernels.of_user(engine, place, GP / "bin") | more
        tool = [BINARIES / "jupyter-docker-spec", "install", "--user"]
        for language, image in IMAGES.items():
            for name, more in ((OURS, ["--bring-bootstrap"]), (THEIRS, [])):
                words = [f"--language={language}", f"--image-name={image}", f"--kernel-name={name}-{language}", *more]
                kernels.run([*tool, *words], environment)

        def arm(name, language):
            request = {"kernel": f"{name}-{language}".lower(), "code": CODE[language]}
            return kernels.driven(GP / "bin/python", "bring_driver.py", request, environment, place / "notebooks")

        return {
            language: turns({name: lambda name=name: arm(name, language) for name in (OURS, THEIRS)}, wanted, 11)
            for language in IMAGES
        }


def tables(result):
    """The figures and the goals as Markdown."""
    rows, goals = [], []
    for language in IMAGES:
        ours, theirs = (result[language][name] for name in (OURS, THEIRS))
        for measure, title, unit in MEASURES:
            if of(ours, measure):
                rows.append([f"{language}: {title}, {unit}", *(kernels.figure(of(one, measure)) for one in (ours, theirs))])
            most = GOALS.get(measure, {}).get(language)
            if most:
                ratio = spread(ratios(of(ours, measure), of(theirs, measure)))[0]
                goals.append((f"{language}: {title}, times the image's", ratio, most))
        if of(ours, "interrupt"):
            goals.append((f"{language}: interrupted, s", spread(of(ours, "interrupt"))[0], INTERRUPT))
    return kernels.tables(["ours", "the image's"], rows, goals)


if __name__ == "__main__":
    kernels.main(sys.modules[__name__], "bring")
