"""Prints the notices that go with the executables: those of the crates that are linked into them.

    licences.py TARGET TARGET_OF_BOOTSTRAP...

Nearly every licence asks for its text to come along with a binary; `cargo deny` says which licences
there may be.
"""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("licen", "copying", "notice", "copyright", "unlicense")
HEAD = """\
The executables of jupyter-docker-spec contain the crates that are listed here, Rust's standard library, and a
C library each.

Rust's standard library: MIT or Apache-2.0, Copyright (c) The Rust Project Contributors; its sources
come with Rust.

The GNU C library, in {of_gnu}: LGPL-2.1-or-later,
Copyright (C) the Free Software Foundation, Inc.; its sources come with the distribution. To link these programs with
another one, run `packaging/build binaries` in the sources of jupyter-docker-spec where that one is installed.
"""
MUSL = """
musl, in bootstrap_kernel: MIT, Copyright (c) 2005-2020 Rich Felker, et al.; on AArch64 also Copyright (c)
1999-2019 Arm Limited.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
"""


def linked(name, target):
    """The crates that are linked into the executables of one of our packages, as cargo describes them, by their
    names and versions."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    members = metadata["workspace_members"]
    found, waiting = set(), [each for each in members if packages[each]["name"] == name]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and dependency["pkg"] not in found and not is_macro(packages[dependency["pkg"]]):
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return {(packages[each]["name"], packages[each]["version"]): packages[each] for each in found}


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
    target, *of_bootstraps = sys.argv[1:]
    # One for another architecture has it always.
    has_musl = any(each.endswith("-musl") for each in of_bootstraps)
    all_have_musl = all(each.endswith("-musl") for each in of_bootstraps)
    head = HEAD.format(of_gnu="jupyter-docker-spec and launch_docker" if all_have_musl else "all of them") + (MUSL if has_musl else "")
    users = {}
    lines = []
    crates = linked("jupyter-docker-spec", target)
    for each in of_bootstraps:
        crates |= linked("bootstrap_kernel", each)
    for _, package in sorted(crates.items()):
        named = f"{package['name']} {package['version']}"
        lines.append(f"  {named}: {package['license']}")
        if authors := ", ".join(author.split(" <")[0] for author in package["authors"]):
            lines[-1] += f" ({authors})"
        for text in notices(package):
            users.setdefault(text, []).append(named)
    print(head, *lines, sep="\n")
    for text, names in users.items():
        print("\n" + "-" * 100, ", ".join(names) + ":", "", text, sep="\n")


main()
