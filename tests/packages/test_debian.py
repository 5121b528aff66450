"""The Debian package."""

import re
import subprocess

from bed.programs import OTHER, PROGRAMS
from conftest import ROOT, SYSTEM

DOCUMENTS = "/usr/share/doc/jupyter-docker-spec"


def test_it_installs_and_leaves_nothing(system, version):
    root = system(SYSTEM)
    before = root.run("find / -xdev -path /proc -prune -o -type f -print | sort")
    root.run("dpkg --install /dist/jupyter-docker-spec_*_amd64.deb")
    assert root.run("dpkg --verify jupyter-docker-spec") == ""
    assert root.run("jupyter-docker-spec --version") == f"jupyter-docker-spec {version}\n"
    assert root.run("launch_docker --version") == f"launch_docker {version}\n"
    said = root.run("jupyter-docker-spec install")
    assert "Installed kernelspec docker_python in /usr/local/share/jupyter/kernels/" in said
    root.installs_local("jupyter-docker-spec")
    root.run("rm -r /usr/local/share/jupyter /local; dpkg --purge jupyter-docker-spec")
    after = root.run("find / -xdev -path /proc -prune -o -type f -print | sort")
    # dpkg keeps older versions of its own lists.
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert all(path.startswith(("/var/lib/dpkg/", "/var/log/")) for path in changed), changed


def test_it_has_what_belongs_to_it(system, version):
    root = system(SYSTEM)
    # Images of Debian may leave out documents.
    files = root.run("dpkg-deb --contents /dist/jupyter-docker-spec_*.deb")
    pages = {page.name for page in (ROOT / "docs/man").iterdir()}
    assert len(pages) >= 10
    for page in pages:
        assert f"./usr/share/man/man1/{page}.gz" in files
    root.run("dpkg-deb --extract /dist/jupyter-docker-spec_*.deb /unpacked")
    copyright = root.run(f"cat /unpacked{DOCUMENTS}/copyright")
    assert "Copyright: 2026" in copyright and "License: BSD-3-Clause" in copyright
    assert "ring 0." in root.run(f"zcat /unpacked{DOCUMENTS}/THIRD-PARTY.txt.gz")
    assert "Keep a Changelog" in root.run(f"zcat /unpacked{DOCUMENTS}/changelog.gz")
    assert f"({version}-1)" in root.run(f"zcat /unpacked{DOCUMENTS}/changelog.Debian.gz")


def test_completions_are_those_of_the_program(system):
    root = system(SYSTEM)
    root.run("dpkg --install /dist/jupyter-docker-spec_*.deb")
    for shell, path in (
        ("bash", "bash-completion/completions/jupyter-docker-spec"),
        ("zsh", "zsh/vendor-completions/_jupyter-docker-spec"),
        ("fish", "fish/vendor_completions.d/jupyter-docker-spec.fish"),
    ):
        root.run(f"jupyter-docker-spec completions {shell} | cmp - /usr/share/{path}")
    script = "/usr/share/bash-completion/completions/jupyter-docker-spec"
    assert "jupyter-docker-spec" in root.run(f"bash -c 'source {script}; complete -p'")


def test_lintian_has_nothing_to_say(package):
    words = ["--no-cfg", "--allow-root", "--fail-on=error,warning,info"]
    # What is said of the programs for the other architecture is too much where they cannot be built.
    words += [] if OTHER in PROGRAMS else ["--suppress-tags=mismatched-override"]
    done = subprocess.run(["lintian", *words, package(".deb")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_manual_pages_can_be_shown():
    for page in (ROOT / "docs/man").iterdir():
        done = subprocess.run(["mandoc", "-T", "utf8", page], capture_output=True, text=True)
        # Bold is a letter over itself.
        text = re.sub(".\b", "", done.stdout)
        assert done.returncode == 0 and f"NAME\n       {page.stem} " in text, text + done.stderr
