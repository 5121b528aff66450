"""Kernels that have waited, beside a local one and one in a container that is started when it is wanted.

    tests/run bench warm [--rounds=N] [--quick]

The figures go to target/bench/warm.json, and into the page of the documentation, unless it was quick.
"""

import re
import shlex
import sys
import tempfile
import tomllib
from pathlib import Path

import kernels
from bed.kernels import R
from kernels import LOCAL
from local import IMAGE
from measure import BINARIES, ROOT, of, ratios, spread, turns

WARM, COLD, NONE = "waited", "started when wanted", "local"
# R, with the command of the page, of an image that has it.
R_WARM, R_COLD = "R, waited", "R, started when wanted"
PAGE = ROOT / "docs" / "how-to" / "warm.md"

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


def specifications(environment):
    """Makes one for each way."""
    tool = [BINARIES / "jupyter-docker-spec", "install", "--local", "--user"]
    (of_r,) = re.findall(r"^```toml\n(warm_command = .*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    command = shlex.join(tomllib.loads(of_r)["warm_command"])
    python, r = [f"--image-name={IMAGE}"], [f"--image-name={R.image}", "--language=R"]
    for words in (
        ["--kernel-name=cold", *python],
        ["--kernel-name=warm", *python, "--warm"],
        ["--kernel-name=r-cold", *r],
        ["--kernel-name=r-warm", *r, "--warm", f"--warm-command={command}"],
    ):
        kernels.run([*tool, *words], environment)


def measured(engine, wanted):
    """What each way took, in turns."""
    with tempfile.TemporaryDirectory(prefix="jds-") as directory:
        place = Path(directory)
        environment = kernels.of_user(engine, place, LOCAL)
        specifications(environment)
        names = {WARM: "warm", COLD: "cold", NONE: "python3", R_WARM: "r-warm", R_COLD: "r-cold"}
        if wanted.quick:
            del names[R_WARM], names[R_COLD]

        def arm(way):
            request = {"kernel": names[way], "pause": 5 if way in (WARM, R_WARM) else 0.5}
            result = kernels.driven(LOCAL / "python", "warm_driver.py", request, environment, place / "notebooks")
            return result | ({"memory": memory(engine, "warm")} if way == WARM else {})

        # The first finds none that waits.
        for way in {WARM, R_WARM} & set(names):
            arm(way)
        result = turns({way: lambda way=way: arm(way) for way in names}, wanted, 11)
        kernels.run([BINARIES / "jupyter-docker-spec", "prune", "--yes", "--older-than=0s"], environment)
        return result


def memory(engine, name):
    """What a kernel of this specification that waits has in memory, in bytes."""
    labels = ["warm", f"kernelspec={name}"]
    (waiting,) = engine.ask("/containers/json", filters={"label": labels, "status": ["running"]})
    usage = engine.ask(f"/containers/{waiting['Id']}/stats", stream="false")["memory_stats"]
    return usage["usage"] - usage["stats"].get("inactive_file", usage["stats"].get("total_inactive_file", 0))


def tables(result):
    """The figures and the goals as Markdown."""
    ways = [way for way in (WARM, COLD, NONE, R_WARM, R_COLD) if way in result]
    rows = [
        [f"{title}, ms", *(kernels.figure([1000 * value for value in of(result[way], measure)]) for way in ways)]
        for measure, title in MEASURES
    ]
    titles = dict(MEASURES)
    goals = [
        (f"{titles[measure]}, times a local kernel", ratio(result, measure), most) for measure, most in GOALS
    ]
    goals.append(("memory of one that waits, MiB", spread(of(result[WARM], "memory"))[0] / 2**20, MEMORY))
    return kernels.tables(ways, rows, goals)


def ratio(result, measure):
    return spread(ratios(of(result[WARM], measure), of(result[NONE], measure)))[0]


if __name__ == "__main__":
    kernels.main(sys.modules[__name__], "warm")
