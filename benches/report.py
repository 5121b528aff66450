"""Figures as text: the tables and plots of a run, and the page of the documentation that has them."""

import json
from pathlib import Path

import chart
from measure import FLOOR, OURS, RESULTS, ROOT, THEIRS, of, ratios, spread

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
NAMES = {OURS: "ours", THEIRS: "gateway_provisioners", FLOOR: "the floor"}

# A unit, and what of it there is in a figure.
UNITS = {"ms": 1000, "s": 1, "MiB": 1 / 1024, "calls": 1, "kernels/s": 1}

# What is in the table: where it is in a result, what it is, its floor, and its measures with their units.
TIME, CPU, PEAK = ("seconds", "ms"), ("cpu_seconds", "ms"), ("peak_kib", "MiB")
ALL = [TIME, CPU, PEAK]
SECONDS = ("seconds", "s")
LINES = [
    ("install", "`install --replace`", "`cp -r` of it", [*ALL, ("calls", "calls")]),
    ("install changed", "`install --replace` with a change", "`cp -r` of it", [*ALL, ("calls", "calls")]),
    ("growth of install/1", "`install` where none is", "`cp -r` of it", [TIME]),
    ("growth of install/100", "`install --file`, 100 of them", "`cp -r` of them", ALL),
    ("list", "`list`, 200 specifications", "`cat` of them", ALL),
    ("container", "from exec to a running container", "`curl`", ALL),
    ("service", "from exec to a service that exists", "`curl`", ALL),
    ("no daemon", "launcher without an engine, to its error", "`true`", ALL),
    ("waves/50", "50 launches at once", "`curl`", [SECONDS, CPU, PEAK, ("rate", "kernels/s")]),
    ("told docker", "from exec to a kernel that tells where it is", "`curl`", [SECONDS]),
    ("told swarm", "the same in a Swarm", "`curl`", [SECONDS]),
    ("ready docker", "a server's kernel, until it is ready", "", [SECONDS]),
    ("ready swarm", "a server's kernel in a Swarm, until it is ready", "", [SECONDS]),
]
MEASURES = {
    "seconds": "time",
    "cpu_seconds": "processor time",
    "peak_kib": "most memory",
    "calls": "system calls",
    "rate": "throughput",
}


def find(result, path):
    """The samples there, by arm; `None` if that was not measured."""
    for name in path.split("/"):
        result = (result or {}).get(name)
    return result


def number(value):
    """Three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def figure(values, unit=None):
    """The median with its quartiles."""
    if not values:
        return ""
    factor = UNITS.get(unit, 1)
    middle, low, high = (number(value * factor) for value in spread(values))
    between = "" if len(values) == 1 else f" ({low} to {high})"
    return f"{middle}{between}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figures(result):
    """Everything side by side."""
    rows = []
    for path, title, floor, measures in LINES:
        samples = find(result, path)
        if samples is None:
            continue
        for measure, unit in measures:
            values = {arm: of(samples.get(arm, []), measure) for arm in (OURS, THEIRS, FLOOR)}
            times = {
                arm: figure(ratios(values[above], values[below])) if values[arm] else ""
                for arm, above, below in ((THEIRS, THEIRS, OURS), (FLOOR, OURS, FLOOR))
            }
            if measure in ("calls", "peak_kib"):
                times[FLOOR] = ""
            named = f"{title}: {MEASURES[measure]}" + ("" if measure == "calls" else f", {unit}")
            cells = [figure(values[arm], unit) for arm in (OURS, THEIRS)]
            of_floor = figure(values[FLOOR], unit) and f"{floor}: {figure(values[FLOOR], unit)}"
            rows.append([named, *cells, times[THEIRS], of_floor, times[FLOOR]])
    head = ["", "ours", "gateway_provisioners 0.5.0", "theirs / ours", "the floor", "ours / floor"]
    return table(head, rows)


class Goals:
    """What was to be reached, and whether it was."""

    def __init__(self, result):
        self.result, self.rows = result, []

    def samples(self, path, arm, measure):
        return of((find(self.result, path) or {}).get(arm, []), measure)

    def add(self, text, value, limit, least=False):
        reached = value >= limit if least else value <= limit
        self.rows.append([text, number(value), "yes" if reached else "**no**"])

    def ratio(self, text, path, above, below, limit, least=False, measure="seconds"):
        values = [self.samples(path, arm, measure) for arm in (above, below)]
        if all(values):
            self.add(text, spread(ratios(*values))[0], limit, least)

    def most(self, text, path, measure, unit, limit):
        if values := self.samples(path, OURS, measure):
            self.add(text, spread(values)[0] * UNITS[unit], limit)

    def share(self, text, mode, launch):
        """What the launcher adds to the time that the engine takes for the same calls, in percent of all."""
        ours, floor = self.samples(launch, OURS, "seconds"), self.samples(launch, FLOOR, "engine_seconds")
        if ready := self.samples(f"ready {mode}", OURS, "seconds"):
            added = spread([one - other for one, other in zip(ours, floor)])[0]
            self.add(text, max(added, 0) / spread(ready)[0] * 100, 2)


def goals(result):
    """The goals in the order of the table."""
    found = Goals(result)
    one, hundred, fifty = "install", "growth of install/100", "waves/50"
    found.ratio("one install: times faster, at least 150", one, THEIRS, OURS, 150, least=True)
    found.ratio("one install: times `cp -r`, at most 1.5", one, OURS, FLOOR, 1.5)
    found.most("one install: MiB, at most 8", one, "peak_kib", "MiB", 8)
    found.most("one install: system calls, at most 250", one, "calls", "calls", 250)
    found.ratio("100 from a file: times faster, at least 500", hundred, THEIRS, OURS, 500, least=True)
    found.ratio("100 from a file: times `cp -r`, at most 1.5", hundred, OURS, FLOOR, 1.5)
    found.ratio("list of 200: times faster, at least 50", "list", THEIRS, OURS, 50, least=True)
    for path, name in (("container", "a container"), ("service", "a service")):
        found.ratio(f"{name}: times `curl`, at most 1.05", path, OURS, FLOOR, 1.05)
        found.most(f"{name}: processor time in ms, at most 5", path, "cpu_seconds", "ms", 5)
        found.most(f"{name}: MiB, at most 8", path, "peak_kib", "MiB", 8)
    found.ratio("no engine: times faster, at least 100", "no daemon", THEIRS, OURS, 100, least=True)
    found.most("50 at once: processor time in s, at most 0.3", fifty, "cpu_seconds", "s", 0.3)
    found.most("50 at once: MiB of all, at most 200", fifty, "peak_kib", "MiB", 200)
    throughput = "50 at once: times the throughput of `curl`, at least 0.95"
    found.ratio(throughput, fifty, OURS, FLOOR, 0.95, least=True, measure="rate")
    for mode, path, name in (("docker", "container", "ready"), ("swarm", "service", "ready in a Swarm")):
        found.share(f"{name}: percent of it that are the launcher's, at most 2", mode, path)
    return table(["goal", "measured", "reached"], found.rows)


# What grows, how its plot is called, and the names of the lines.
PLOTS = [
    ("growth of install", "benchmarks-install.svg", "Seconds for so many specifications", "cp -r"),
    ("waves", "benchmarks-launches.svg", "Seconds until so many containers run", "curl"),
]


def plots(result):
    """The plots of a result, by the names of their files."""
    drawn = {}
    for path, file, title, floor in PLOTS:
        steps = find(result, path)
        if steps is None:
            continue
        names = {THEIRS: "gateway_provisioners", FLOOR: floor, OURS: "ours"}
        lines = {
            label: [
                (int(step), spread(of(samples[arm], "seconds")))
                for step, samples in steps.items()
                if samples.get(arm)
            ]
            for arm, label in names.items()
        }
        drawn[file] = (title, chart.drawn(title, lines))
    return drawn


def text(result):
    """All of it as Markdown."""
    about = "; ".join(f"{name}: {value}" for name, value in result["machine"].items())
    return f"{figures(result)}\n\n{goals(result)}\n\nMeasured on: {about}.\n"


def keep(name, result):
    """Keeps what was measured, as JSON."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def write(name, result):
    """Keeps what was measured, and the plots of it."""
    keep(name, result)
    for file, (_, drawn) in plots(result).items():
        (RESULTS / file).write_text(drawn)


def replace(page: Path, name, text):
    """Puts the text into the page, in the place of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n\n{text.rstrip()}\n\n{end}{after}")


def fill(page: Path, result):
    """Puts the figures into the page, and the plots beside it."""
    drawn = plots(result)
    for file, (_, picture) in drawn.items():
        (PICTURES / file).write_text(picture)
    pictures = "\n\n".join(f"![{title}](pictures/{file})" for file, (title, _) in drawn.items())
    replace(page, "figures", f"{text(result)}\n{pictures}")
