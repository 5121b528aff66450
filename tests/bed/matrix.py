"""Writes the page about engines from what the tests have found on each: `matrix RESULTS PAGE`."""

import ast
import sys
import xml.etree.ElementTree as xml
from collections import defaultdict
from pathlib import Path

from bed.engines import KINDS, OWN

TESTS = Path(__file__).parents[1]
# What stands above the table, and what is to be known where an engine is another than Docker's.
BEGINNING = """\
# Engines

<!-- Made by `tests/run engines`. -->

Kernels run on what speaks the API of the Docker Engine, from version 1.40 on, that of Docker 19.03. What an engine's version
does not have is an error that names both versions, at launch and in `check`, and never ignored.

The same tests ran on each of these engines, all of them packages of Debian. A number is how many passed; a dash is for what
the engine does not have.

"""
OTHERS = """
## Podman

Podman's service (`podman system service`, socket `podman.socket`) speaks Docker's API. It has no Swarm. What is different:

* **Network.** The network that Docker calls `bridge` is called `podman`. Servers look for a kernel's address by that name:
  set `GP_DOCKER_NETWORK=podman`, or `EG_DOCKER_NETWORK=podman`. The launcher and `check` say so.
* **GPUs.** Podman takes `gpus` and gives none. It has GPUs by the names of the Container Device Interface:
  `devices = ["nvidia.com/gpu=all"]` in `launch_docker.toml`, or `--device=nvidia.com/gpu=all`. The launcher and `check` say
  what to write.
* **Removal.** Before Podman removes a container it asks it to stop and waits, ten seconds as a rule. Kernels of servers are
  made with a stop timeout of zero, unless `stop_grace_period` or `init` is set.
* **Registries.** It does not look into a registry before it pulls, so `check` cannot tell whether an image is there.

## Rootless

Docker's and Podman's engines of an ordinary user are found at `$XDG_RUNTIME_DIR` by `install --local`, without a variable.

* **Users.** The root of a container is the user whose engine it is, so kernels of `install --local` run as root there, and
  the files that they write are the user's.
* **Limits.** With cgroups of version 1 such an engine takes limits on memory, processors and processes, and holds none. The
  launcher and `check` say so.
* **Network.** Nothing on the host reaches the network of its kernels. Kernels of `install --local` need no network; a server
  has to run in a container on the same network.
"""


def area(module):
    """What the tests of a file are about: the first sentence of its documentation."""
    text = ast.get_docstring(ast.parse((TESTS / module).read_text()))
    return text.split("\n\n")[0].replace("\n", " ").partition(": ")[0].partition(". ")[0].rstrip(".")


def outcomes(file):
    """What the engine says that it is, and for each file of tests the outcome of each test."""
    suite = xml.parse(file).getroot().find("testsuite")
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    found = defaultdict(dict)
    for case in suite.iter("testcase"):
        module = case.get("classname").replace(".", "/")
        wrong = [each.get("message") for each in case if each.tag in ("failure", "error")]
        found[f"{module}.py"][case.get("name")] = wrong
    return properties.get("engine", "?"), found


def page(results):
    """The text of the page."""
    columns = []
    for kind in KINDS.values():
        file = results / f"{kind.name or 'own'}.xml"
        if file.exists():
            columns.append((kind, *outcomes(file)))
    modules = sorted({module for _, _, found in columns for module in found})
    lines = ["| | " + " | ".join(f"{version}{mark(kind)}" for kind, version, _ in columns) + " |"]
    lines.append("| --- |" + " --- |" * len(columns))
    failures = []
    for module in modules:
        cells = []
        for kind, version, found in columns:
            tests = found.get(module, {})
            failed = [name for name, wrong in tests.items() if wrong]
            failures += [f"* {version}{mark(kind)}: `tests/{module}::{name}`" for name in failed]
            all_of_them = f" of {len(tests)}" if failed else ""
            cells.append(f"{len(tests) - len(failed)}{all_of_them}" if tests else "-")
        lines.append(f"| {area(module)} | " + " | ".join(cells) + " |")
    if failures:
        failures = ["", "What failed:", "", *failures]
    return BEGINNING + "\n".join([*lines, *failures]) + "\n" + OTHERS


def mark(kind):
    """What else is to be known of an engine than its version."""
    words = ["images in containerd's store"] if kind.has_containerd_store else []
    words += [f"API {kind.oldest} or later"] if kind.oldest else []
    words += ["this distribution's"] if kind is OWN else []
    words += ["rootless"] if kind.is_rootless else []
    return f" ({', '.join(words)})" if words else ""


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1])))
