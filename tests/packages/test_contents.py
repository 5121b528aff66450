"""What is in the packages, and that they do not depend on where they were built."""

import hashlib
import io
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from bed.programs import PROGRAMS
from conftest import ROOT, TEST, TINY

# Those that the build is held to.
LIMITS = {
    name: int(limit)
    for name, limit in re.findall(rf"\b({'|'.join(PROGRAMS)})=(\d+)\b", (ROOT / "tests/run").read_text())
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
    (command,) = re.findall(r"`(cd .* /usr/local/bin)`", (ROOT / "docs/packages.md").read_text())
    root.run(f"mkdir -p /usr/local/bin; tar -xzf /dist/*-linux.tar.gz; {command}")
    root.run("PATH=/usr/local/bin:$PATH jupyter-docker-spec install")
    assert root.has("/usr/local/share/jupyter/kernels/docker_python/scripts/launch_docker")
    root.installs_local("/usr/local/bin/jupyter-docker-spec")


def test_licences(package, built, version):
    """Every crate that is linked has its text, or at least its licence and who holds it."""
    with tarfile.open(package("-linux.tar.gz")) as tarball:
        text = tarball.extractfile(f"jupyter-docker-spec-{version}-x86_64-linux/THIRD-PARTY.txt").read()
    head, *texts = text.decode().split("-" * 100)
    listed = set(re.findall(r"^  (\S+ \S+): \S", head, re.MULTILINE))
    named = {name for each in texts for name in each.strip().split(":\n")[0].split(", ")}
    assert len(listed) > 80 and named <= listed
    assert {"ring", "yamux"} <= {name.split()[0] for name in listed}
    # What Rust brings, and each machine's own.
    has_musl = b"GLIBC_TUNABLES" not in built["bootstrap_kernel"]
    assert ("\nmusl, in bootstrap_kernel: MIT, Copyright" in head) == has_musl
    assert f"The GNU C library, in {'jupyter-docker-spec and launch_docker' if has_musl else 'all of them'}: LGPL" in head
    without = listed - named
    assert len(without) < 5, without
    for name in without:
        assert re.search(rf"^  {re.escape(name)}: .+ \(.+\)$", head, re.MULTILINE), name


def test_the_crate(package, version):
    with tarfile.open(package(".crate")) as crate:
        names = {name.removeprefix(f"jupyter-docker-spec-{version}/") for name in crate.getnames()}
    # What the launcher and the bootstrap share is the launcher's.
    needed = {"src/protocol/mod.rs", "Cargo.lock", "LICENSE", "README.md", "src/main.rs", "src/bin/launch_docker.rs", "build.rs"}
    assert needed <= names
    templates = {str(file.relative_to(ROOT)) for file in (ROOT / "templates").rglob("*") if file.is_file()}
    assert templates <= names
    for unneeded in ("bootstrap", "tests/engine", "tests/run", ".ci", ".github", "fuzz", "benches", "docs/logos", "examples"):
        assert not any(name.startswith(unneeded) for name in names), unneeded


def test_the_sources(package, version):
    """All that the checkout has, so that each package can be built from them."""
    with tarfile.open(package("-sources.tar.gz")) as sources:
        names = {name.removeprefix(f"jupyter-docker-spec-{version}-sources/") for name in sources.getnames()}
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    known = {name for name in known.split("\0") if name and (ROOT / name).exists()}
    assert known <= names and "bootstrap/Cargo.toml" in known
    # Beside them at most what is going to be committed.
    assert not any(name.startswith((".git/", ".test/", "target/")) for name in names)


@pytest.mark.release
def test_cargo_install(place, binaries, version):
    """`tests/run` has done it from that crate."""
    directory = TEST / "packages/cargo/bin"
    names = ("jupyter-docker-spec", "launch_docker")
    assert {file.name for file in directory.iterdir()} == set(names)
    for name in names:
        done = subprocess.run([directory / name, "--version"], capture_output=True, text=True)
        assert done.stdout == f"{name} {version}\n"
    tool = directory / "jupyter-docker-spec"
    subprocess.run([tool, "install", f"--prefix={place}"], check=True, capture_output=True)
    launcher = place / "share/jupyter/kernels/docker_python/scripts/launch_docker"
    assert launcher.read_bytes() == (directory / "launch_docker").read_bytes()
    # What it does not bring is named, and what is said to do helps.
    command = [tool, "install", f"--prefix={place}", "--local", "--image-name=x", "--kernel-name=local"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and "`cargo install` does not" in refused.stderr, refused.stderr
    (said,) = re.findall(r"`(JUPYTER_DOCKER_SPEC_BOOTSTRAP)=", (ROOT / "docs/packages.md").read_text())
    variables = os.environ | {said: str(binaries / "bootstrap_kernel")}
    subprocess.run(command, env=variables, check=True, capture_output=True)
