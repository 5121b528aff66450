"""How long specifications take to be installed and listed: ours, gateway_provisioners', and `cp`.

    tests/run bench install [--rounds=N] [--quick]
"""

import argparse
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path

import report
from measure import BINARIES, FLOOR, GP, OURS, THEIRS, Clock, empty, machine, options, turns

TOOL = "jupyter-docker-spec"
KERNELS = "data/kernels"


class Places:
    """Homes of users who install for themselves, one for each arm, and what they type."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.clock = Clock(directory)

    def environment(self, name):
        """Jupyter searches this directory anyway, and nobody has to ask a Python for others."""
        home = self.directory / name
        home.mkdir(exist_ok=True)
        return {
            "PATH": f"{GP / 'bin'}:/usr/bin:/bin",
            "HOME": str(home),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "LANG": "C.UTF-8",
        }

    def kernels(self, name):
        return self.directory / name / KERNELS

    def installer(self, arm):
        programs = {OURS: BINARIES, THEIRS: GP / "bin"}
        return [programs[arm] / TOOL, "install", "--user"]

    def run(self, arm, command, name=None):
        # What is still on its way to the disk is not this one's.
        os.sync()
        return self.clock.run(command, self.environment(name or arm))

    def copies(self, source):
        """An arm that copies the tree of another."""

        def copy():
            target = self.directory / "copy"
            shutil.rmtree(target, ignore_errors=True)
            return self.run(FLOOR, ["cp", "-r", source, target])

        return copy


def one(places, wanted, changes):
    """One specification in the place of another, which is the same or has another name for people to see."""
    numbers = itertools.count()

    def command(arm):
        change = [f"--display-name=Number {next(numbers)}"] if changes else []
        return [*places.installer(arm), "--replace", *change]

    samples = turns(
        {
            OURS: lambda: places.run(OURS, command(OURS)),
            THEIRS: lambda: places.run(THEIRS, command(THEIRS)),
            FLOOR: places.copies(places.kernels(OURS) / "docker_python"),
        },
        wanted,
        20,
    )
    for arm in (OURS, THEIRS):
        samples[arm][0]["calls"] = places.clock.calls(command(arm), places.environment(arm))
    return samples


def manifest(places, number):
    """A file of so many specifications."""
    file = places.directory / f"{number}.toml"
    kernel = '[[kernel]]\nkernel-name = "kernel_{0}"\ndisplay-name = "Kernel {0}"\n'
    file.write_text("".join(kernel.format(index) for index in range(number)))
    return file


def many(places, number, wanted, times, upstream):
    """Specifications from one file, where the Python tool has to be run again and again."""
    name = f"many-{number}"
    file = manifest(places, number)

    def ours():
        empty(places.directory / name)
        return places.run(OURS, [*places.installer(OURS), f"--file={file}"], name)

    def theirs():
        empty(places.directory / THEIRS)
        used = [
            places.run(THEIRS, [*places.installer(THEIRS), f"--kernel-name=kernel_{index}"])
            for index in range(number)
        ]
        sums = {key: sum(one[key] for one in used) for key in ("seconds", "cpu_seconds")}
        return sums | {"peak_kib": max(one["peak_kib"] for one in used)}

    arms = {OURS: ours, FLOOR: places.copies(places.kernels(name))}
    samples = turns(arms, wanted, times, warm=number < 1000)
    samples[THEIRS] = [theirs() for _ in range(upstream)]
    installed = len(list(places.kernels(name).glob("*/kernel.json")))
    assert installed == number, f"{installed} of {number} are installed"
    for directory in (name, "copy", THEIRS):
        shutil.rmtree(places.directory / directory, ignore_errors=True)
    return samples


def listed(places, number, wanted):
    """All the specifications that there are."""
    name = "list"
    places.run(OURS, [*places.installer(OURS), f"--file={manifest(places, number)}"], name)
    files = sorted(places.kernels(name).glob("*/kernel.json"))
    return turns(
        {
            OURS: lambda: places.run(OURS, [BINARIES / TOOL, "list"], name),
            THEIRS: lambda: places.run(THEIRS, ["jupyter", "kernelspec", "list"], name),
            FLOOR: lambda: places.run(FLOOR, ["cat", *files], name),
        },
        wanted,
        10,
    )


def measured(wanted):
    """Everything that needs no engine."""
    quick = wanted.quick
    with tempfile.TemporaryDirectory(prefix="jds-bench-") as directory:
        places = Places(Path(directory))
        result = {
            "install": one(places, wanted, changes=False),
            "install changed": one(places, wanted, changes=True),
        }
        # Numbers of specifications, how often they are installed, and how often by the Python tool.
        steps = [(1, 1, 1), (3, 1, 1)] if quick else [(1, 7, 3), (10, 7, 1), (100, 5, 1), (1000, 3, 0)]
        result["growth of install"] = {
            str(number): many(places, number, wanted, times, upstream)
            for number, times, upstream in steps
        }
        result["list"] = listed(places, 5 if quick else 200, wanted)
    return result


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    result = {"machine": machine(), "quick": wanted.quick} | measured(wanted)
    report.write("install", result)
    print(report.text(result))


if __name__ == "__main__":
    main()
