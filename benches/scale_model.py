"""What was measured of kernels by their number, how it grows, and what breaks first: see `scale.py`.

Each cost is held for a constant, or for a line through what was measured; the rest is arithmetic.
"""

import math
import statistics

import report
from measure import of, spread

# Less growth than this from the fewest to the most kernels is none: the same measured twice differs as much.
NOISE = 0.25
FAR = [1000, 10000]
# How often a server looks after a kernel that runs, by default, in seconds; and how many entries a manager writes between
# two snapshots of all that it knows.
LOOK, SNAPSHOT = 3, 10_000
# How many ports a bridge of Linux has, of which each container on an engine's network takes one.
BRIDGE = 1023

# Where it was measured, and how that is called.
PLACES = {"engine": "One engine", "swarm": "A Swarm of one node", "nodes": "A Swarm of three nodes"}


def median(name):
    return lambda level: spread(of(level["launches"], name))[0]


def server(name):
    return lambda level: level["server"][name]


# A cost: its name, what it is, its factor, and where it is in a level.
COSTS = [
    ("requests", "requests of the launcher", 1, median("requests")),
    ("answer", "an answer to one, kB", 1e-3, lambda level: median("answered")(level) / median("requests")(level)),
    ("launcher_cpu", "processor time of the launcher, ms", 1e3, median("launcher_cpu")),
    ("launcher_kib", "memory of the launcher, MiB", 1 / 1024, median("launcher_kib")),
    ("engine_cpu", "processor time of all engines for that, ms", 1e3, median("engine_cpu")),
    ("engine", "memory of all engines, MiB", 1 / 1024, lambda level: level["memory"]["engine"]),
    ("shims", "memory of what watches over each container, MiB", 1 / 1024, lambda level: level["memory"]["shims"]),
    ("rest", "processor that all engines use at rest, %", 100, lambda level: level["rest"]),
    ("addresses", "addresses on the network", 1, lambda level: level["addresses"]),
    ("objects", "services, tasks and configs", 1, lambda level: sum(level.get(kind, 0) for kind in ("services", "tasks", "configs"))),
    ("look requests", "requests of a server that looks after one kernel", 1, server("requests")),
    ("look answered", "answers to them, kB", 1e-3, server("answered")),
    ("look engine", "processor time of the engine for that, ms", 1e3, server("engine_cpu")),
    ("look server", "processor time of the server for that, ms", 1e3, server("cpu")),
    ("server kib", "memory of the server's clients of the engine, MiB", 1 / 1024, server("kib")),
    ("server files", "files that they have open", 1, server("files")),
]


class Line:
    """A cost by the number of kernels: `base + each * number`."""

    def __init__(self, values):
        self.values = dict(sorted((int(number), value) for number, value in values.items()))
        numbers, costs = list(self.values), list(self.values.values())
        self.grows = costs[-1] - costs[0] > NOISE * costs[-1]
        if self.grows:
            self.each, self.base = statistics.linear_regression(numbers, costs)
        else:
            self.each, self.base = 0, statistics.median(costs)

    def at(self, number):
        return self.base + self.each * number


def lines(measured):
    """Each cost of a place."""
    found = {name: Line({number: at(level) for number, level in measured["levels"].items()}) for name, _, _, at in COSTS}
    return {name: line for name, line in found.items() if any(line.values.values())}


def number(value):
    """Whole numbers as they are."""
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else report.number(value)


def table(measured):
    """The costs as Markdown: as measured, what each kernel adds, and what comes of it."""
    found = lines(measured)
    rows = []
    for name, title, factor, _ in COSTS:
        if name in found:
            line = found[name]
            each = number(line.each * factor) if line.grows else "nothing"
            rows.append([title, *(number(value * factor) for value in line.values.values()), each])
            rows[-1] += [number(line.at(far) * factor) for far in FAR]
    levels = [f"{int(level):,}" for level in measured["levels"]]
    return report.table(["with so many kernels", *levels, "each adds", *(f"*{far:,}*" for far in FAR)], rows)


def subnet(addresses):
    """The smallest subnet with so many, and its own two and the gateway's."""
    return 32 - math.ceil(math.log2(addresses + 3))


def busy(found, kernels):
    """How many processors an engine uses for look-ups of so many kernels."""
    return found["look engine"].at(kernels) * kernels / LOOK


def first(holds):
    """The largest number of kernels for which something holds, found by halves."""
    low, high = 1, 2**20
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def rounded(value):
    """To two digits: it is a model."""
    digits = max(len(str(int(value))) - 2, 0)
    return f"{round(value / 10**digits) * 10**digits:,}"


def limits(result):
    """What breaks, beginning with what does so first, for how many kernels, and what helps."""
    found = []
    for place, name in PLACES.items():
        measured = result.get(place)
        if not measured:
            continue
        all_lines = lines(measured)
        number = first(lambda kernels, of=all_lines: busy(of, kernels) < 1)
        what = "the look-ups of servers keep one processor of the " + ("engine" if place == "engine" else "manager") + " busy"
        found.append((number, name, what, "`KernelRestarter.time_to_dead`"))
        number = first(lambda kernels, of=all_lines: of["server files"].at(kernels) < 1024)
        found.append((number, name, "a server has 1,024 files open, to ask about its kernels alone", "`ulimit -n`"))
        if place != "engine":
            number = first(lambda kernels, of=all_lines: subnet(of["addresses"].at(kernels)) >= 24)
            found.append((number, name, "an overlay network as Docker makes it, `/24`, has no address left", "`--subnet`"))
        number = BRIDGE * (3 if place == "nodes" else 1)
        found.append((number, name, "the bridges of Linux have no port left", "more nodes, or a second network"))
    rows = [[rounded(number), name, what, helps] for number, name, what, helps in sorted(found)]
    return report.table(["kernels", "where", "what happens", "what helps"], rows)


def log(result):
    """What the managers write down, and what that is for many."""
    rows = []
    for place in ("swarm", "nodes"):
        if measured := result.get(place):
            start, end = measured["log of a start"], measured["log of an end"]
            both = {key: start[key] + end[key] for key in start}
            cells = [f"{number(start['entries'])} and {number(end['entries'])}", number(both["bytes"] / 1000)]
            cells.append(rounded(SNAPSHOT / both["entries"]))
            cells += [f"{number(both['entries'] * far)}; {number(both['bytes'] * far / 1e6)}" for far in FAR]
            rows.append([PLACES[place], *cells])
    head = ["", "entries of a start and an end", "kB of both", "kernels between two snapshots"]
    return report.table([*head, *(f"*{far:,} kernels: entries; MB*" for far in FAR)], rows)


def networks(result):
    """The subnets that many need, and how many a small one took."""
    found = lines(result.get("nodes") or result["swarm"])["addresses"]
    words = [f"{far:,} kernels need a `/{subnet(found.at(far))}`" for far in FAR]
    small = result["small network"]
    return f"By that {' and '.join(words)}. A `/{small['bits']}` took {small['kernels']}."


def text(result):
    """All of it as Markdown."""
    parts = []
    for place, title in PLACES.items():
        if place in result:
            parts.append(f"### {title}\n\n{table(result[place])}")
    if "swarm" in result:
        parts.append(f"### What the managers write down\n\n{log(result)}\n\n### Subnets\n\n{networks(result)}")
    parts.append(f"### What breaks first\n\n{limits(result)}")
    about = "; ".join(f"{name}: {value}" for name, value in result["machine"].items() if name not in ("curl",))
    parts.append(f"Measured on: {about}.")
    return "\n\n".join(parts) + "\n"
