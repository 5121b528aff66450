"""What is in the packages, and that they do not depend on where they were built."""

import hashlib
import io
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from conftest import PROGRAMS, ROOT, TEST, TINY

# Those that the build is held to.
LIMITS = {
    name: int(limit)
    for name, limit in re.findall(r"\b(launch_docker|jupyter-docker-spec)=(\d+)\b", (ROOT / "tests/run").read_text())
}


def test_all_packages_have_the_same_executables(package, built, version):
    top = f"jupyter-docker-spec-{version}-x86_64-linux"
    with tarfile.open(package("-linux.tar.gz")) as tarball:
        found = [{name: tarball.extractfile(f"{top}/{name}").read() for name in PROGRAMS}]
    directory = f"jupyter_docker_spec-{version}.data/scripts"
    with zipfile.ZipFile(package(".whl")) as wheel:
        found.append({name: wheel.read(f"{directory}/{name}") for name in PROGRAMS})
        second = wheel.read(f"{directory}/jupyter-docker-spec-native")
        assert second == found[-1]["jupyter-docker-spec"]
        for name in PROGRAMS:
            assert wheel.getinfo(f"{directory}/{name}").external_attr >> 16 & 0o777 == 0o755
    command = ["dpkg-deb", "--fsys-tarfile", package(".deb")]
    archive = io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)
    with tarfile.open(fileobj=archive) as deb:
        found.append({name: deb.extractfile(f"./usr/bin/{name}").read() for name in PROGRAMS})
    assert all(each == built for each in found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_executables(built, name):
    assert len(built[name]) <= LIMITS[name]
    for directory in (ROOT, Path.home(), TEST):
        assert bytes(directory) + b"/" not in built[name], directory
    # The name of a directory in which cargo keeps a registry.
    assert not re.search(rb"registry/src/|-[0-9a-f]{16}/", built[name])


@pytest.mark.release
@pytest.mark.parametrize("end", ["-linux.tar.gz", ".whl", ".deb", ".cdx.json"])
def test_they_are_the_same_when_built_elsewhere(package, dist, end):
    here = package(end)
    elsewhere = dist.with_name(f"{dist.name}-elsewhere") / here.name
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (here, elsewhere)]
    assert digests[0] == digests[1]


def test_cp_is_all_that_the_tarball_needs(system):
    root = system(TINY)
    (command,) = re.findall(r"`(cp .* /usr/local/bin)`", (ROOT / "docs/packages.md").read_text())
    root.run(f"mkdir -p /usr/local/bin; tar -xzf /dist/*-linux.tar.gz; {command}")
    root.run("PATH=/usr/local/bin:$PATH jupyter-docker-spec install")
    assert root.has("/usr/local/share/jupyter/kernels/docker_python/scripts/launch_docker")


def test_licences(package, version):
    """Every crate that is linked has its text, or at least its licence and who holds it."""
    with tarfile.open(package("-linux.tar.gz")) as tarball:
        text = tarball.extractfile(f"jupyter-docker-spec-{version}-x86_64-linux/THIRD-PARTY.txt").read()
    head, *texts = text.decode().split("-" * 100)
    listed = set(re.findall(r"^  (\S+ \S+): \S", head, re.MULTILINE))
    named = {name for each in texts for name in each.strip().split(":\n")[0].split(", ")}
    assert len(listed) > 80 and named <= listed
    without = listed - named
    assert len(without) < 5, without
    for name in without:
        assert re.search(rf"^  {re.escape(name)}: .+ \(.+\)$", head, re.MULTILINE), name


def test_the_crate(package, version):
    with tarfile.open(package(".crate")) as crate:
        names = {name.removeprefix(f"jupyter-docker-spec-{version}/") for name in crate.getnames()}
    needed = {"Cargo.lock", "LICENSE", "README.md", "src/main.rs", "src/bin/launch_docker.rs", "build.rs"}
    assert needed <= names
    templates = {str(file.relative_to(ROOT)) for file in (ROOT / "templates").rglob("*") if file.is_file()}
    assert templates <= names
    for unneeded in ("tests/engine", "tests/run", ".ci", ".github", "fuzz", "benches", "docs/logos", "examples"):
        assert not any(name.startswith(unneeded) for name in names), unneeded


@pytest.mark.release
def test_cargo_install(place, version):
    """`tests/run` has done it from that crate."""
    directory = TEST / "packages/cargo/bin"
    assert {file.name for file in directory.iterdir()} == set(PROGRAMS)
    for name in PROGRAMS:
        done = subprocess.run([directory / name, "--version"], capture_output=True, text=True)
        assert done.stdout == f"{name} {version}\n"
    tool = directory / "jupyter-docker-spec"
    subprocess.run([tool, "install", f"--prefix={place}"], check=True, capture_output=True)
    launcher = place / "share/jupyter/kernels/docker_python/scripts/launch_docker"
    assert launcher.read_bytes() == (directory / "launch_docker").read_bytes()
