"""Prints the notices that go with the executables: those of the crates that are linked into them.

    licences.py TARGET

Nearly every licence asks for its text to come along with a binary; `cargo deny` says which licences
there may be.
"""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("licen", "copying", "notice", "copyright", "unlicense")
HEAD = """\
The executables of jupyter-docker-spec contain the crates that are listed here, Rust's standard library
and the GNU C library.

Rust's standard library: MIT or Apache-2.0, Copyright (c) The Rust Project Contributors; its sources
come with Rust.

The GNU C library: LGPL-2.1-or-later, Copyright (C) the Free Software Foundation, Inc.; its sources come
with the distribution. To link these programs with another one, run `packaging/build binaries` in the
sources of jupyter-docker-spec where that one is installed.
"""


def linked(target):
    """The crates that are linked into the executables, as cargo describes them, by name."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = set(), [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and dependency["pkg"] not in found and not is_macro(packages[dependency["pkg"]]):
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return sorted((packages[each] for each in found), key=lambda each: (each["name"], each["version"]))


def is_macro(package):
    """Procedural macros run in the compiler; what they are made of stays there."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def notices(package):
    """The texts of its licences; of the two that most crates offer, the short one."""
    directory = Path(package["manifest_path"]).parent
    files = [file for file in directory.iterdir() if file.name.lower().startswith(NAMES)]
    files = [file for file in files if file.is_file() and file.suffix != ".rs"]
    if " OR " in package["license"] and any("mit" in file.name.lower() for file in files):
        files = [file for file in files if "apache" not in file.name.lower()]
    for file in sorted(files):
        text = file.read_text(errors="replace").replace("\r\n", "\n")
        yield "\n".join(line.rstrip() for line in text.strip().split("\n"))


def main():
    users = {}
    lines = []
    for package in linked(sys.argv[1]):
        named = f"{package['name']} {package['version']}"
        lines.append(f"  {named}: {package['license']}")
        if authors := ", ".join(author.split(" <")[0] for author in package["authors"]):
            lines[-1] += f" ({authors})"
        for text in notices(package):
            users.setdefault(text, []).append(named)
    print(HEAD, *lines, sep="\n")
    for text, names in users.items():
        print("\n" + "-" * 100, ", ".join(names) + ":", "", text, sep="\n")


main()
