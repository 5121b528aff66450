"""Counts the instructions that programs take to start, and compares with what is written down.

    tests/run bench instructions [--renew]

Times depend on the machine; these counts do not, as long as the compiler is the same: the environment is
made up, the programs lie at a path of fixed length, and valgrind shows all of them the same processor.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import BINARIES, HERE

WRITTEN_DOWN = HERE / "instructions.json"
# How far a count may be off, in percent: with the same compiler, and with another.
TOLERANCE, OTHER_COMPILER = 5, 20
# The least of so many counts is the launcher's: where it waits for two things, chance has one go first.
TIMES = 8
RENEW = "tests/run bench instructions --renew"
INSTALL = ["jupyter-docker-spec", "install", "--user", "--replace"]
# What is counted, and with which exit status it ends; what is installed is there before.
COMMANDS = {
    "jupyter-docker-spec --version": (["jupyter-docker-spec", "--version"], 0),
    "jupyter-docker-spec install --replace": (INSTALL, 0),
    "jupyter-docker-spec install --replace, with a change": ([*INSTALL, "--display-name=New"], 0),
    "jupyter-docker-spec install --dry-run": ([*INSTALL, "--dry-run"], 0),
    "jupyter-docker-spec list": (["jupyter-docker-spec", "list"], 0),
    "launch_docker --version": (["launch_docker", "--version"], 0),
    "launch_docker without an engine": (["launch_docker", "--kernel-id=k"], 1),
}


def counted(place: Path, words, status):
    """How many instructions a command takes."""
    environment = {
        "PATH": str(place),
        "HOME": str(place),
        "JUPYTER_DATA_DIR": str(place / "data"),
        # No file of the machine's says what the local time is.
        "TZ": "UTC0",
        "DOCKER_HOST": "unix:///nowhere",
        "GP_DOCKER_MODE": "docker",
        "KERNEL_IMAGE": "image",
    }
    name, *rest = words
    program = place / "bin" / name
    if name == "launch_docker" and status:
        # As it lies in a specification, whose settings it reads.
        program = place / "data/kernels/docker_python/scripts" / name
    tool = [shutil.which("valgrind"), "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    done = subprocess.run(
        [*tool, program, *rest],
        env=environment,
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, f"{words}\n{done.stderr}"
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def counts():
    """All the counts."""
    # Not below TMPDIR: its length would count.
    with tempfile.TemporaryDirectory(prefix="jds-", dir="/tmp") as directory:
        place = Path(directory)
        (place / "bin").mkdir()
        for name in ("jupyter-docker-spec", "launch_docker"):
            shutil.copy2(BINARIES / name, place / "bin")
        counted(place, INSTALL, 0)
        return {
            name: min(
                counted(place, words, status)
                for _ in range(TIMES if words[0] == "launch_docker" else 1)
            )
            for name, (words, status) in COMMANDS.items()
        }


def compiler():
    return subprocess.check_output(["rustc", "--version"], text=True).strip()


def compared(written, found, rustc):
    """What to say of each count, and whether all are well."""
    same = written["compiler"] == rustc
    tolerance = TOLERANCE if same else OTHER_COMPILER
    lines, well = [], True
    for name, count in found.items():
        before = written["counts"].get(name)
        if before is None:
            lines.append(f"{name}: {count:,}, not written down yet: {RENEW}")
            well = False
            continue
        off = (count / before - 1) * 100
        line = f"{name}: {count:,} ({off:+.1f} % of {before:,})"
        if off > tolerance:
            line += f": more than {tolerance} % above. If that is what it has to cost: {RENEW}"
            well = False
        elif off < -tolerance:
            line += f": more than {tolerance} % below. So that it stays there: {RENEW}"
            well = well and not same
        lines.append(line)
    if not same:
        lines.append(f"written down with {written['compiler']}, counted with {rustc}")
    return lines, well


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renew", action="store_true", help="write the counts down")
    wanted = parser.parse_args()
    found, rustc = counts(), compiler()
    if wanted.renew:
        written = {"compiler": rustc, "counts": found}
        WRITTEN_DOWN.write_text(json.dumps(written, indent=2) + "\n")
    lines, well = compared(json.loads(WRITTEN_DOWN.read_text()), found, rustc)
    print("\n".join(lines))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
