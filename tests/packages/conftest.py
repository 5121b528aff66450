"""The packages that `tests/run packages` has built, and clean systems to install them on.

The systems are containers. No way leads out of the engine's network namespace, so an installation can take
nothing from outside.
"""

import os
import subprocess
from pathlib import Path

import pytest

from bed.engine import Engine
from bed.programs import PROGRAMS

ROOT = Path(__file__).parents[2]
TEST = ROOT / ".test"
# As in `bed.images`.
SYSTEM = os.environ.get("JDS_BASE_IMAGE", "jds-test/base")
APPLICATION, TINY = "jds-test/app", "jds-test/tiny"


@pytest.fixture(scope="session")
def dist():
    """The directory of the packages."""
    directory = Path(os.environ["JDS_DIST"])
    assert directory.is_dir(), f"no {directory}: tests/run packages makes it"
    return directory


@pytest.fixture(scope="session")
def package(dist):
    """The only package with a name that ends so."""

    def find(end):
        found = [file for file in dist.iterdir() if file.name.endswith(end)]
        assert len(found) == 1, f"{end}: {found}"
        return found[0]

    return find


@pytest.fixture(scope="session")
def version():
    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("version = ")]
    return line.split('"')[1]


@pytest.fixture(scope="session")
def built(binaries):
    """The executables that went into all packages."""
    return {name: (binaries / name).read_bytes() for name in PROGRAMS}


@pytest.fixture(scope="session")
def engine_of_session():
    assert "JDS_RUN" in os.environ, "these need their own namespaces: tests/run packages"
    with Engine(Path(os.environ["JDS_RUN"]), TEST / "docker") as engine:
        for image in (APPLICATION, TINY):
            assert engine.has_image(image), f"no image {image}: tests/run makes it"
        engine.clean()
        yield engine


@pytest.fixture
def engine(engine_of_session):
    try:
        yield engine_of_session
    finally:
        engine_of_session.clean()


@pytest.fixture(scope="session")
def tool_image(engine_of_session, version):
    """The image with the executables, made from the tarball by the script."""
    engine, name = engine_of_session, "jds-test/tool"
    environment = os.environ | {
        "IMAGE": name,
        "DOCKER_HOST": engine.address,
        "DOCKER_BUILDKIT": "0",
        "DOCKER_CONFIG": str(engine.run),
        "DIST": str(TEST / "packages" / "image"),
        "CARGO_NET_OFFLINE": "true",
    }
    done = subprocess.run(
        [ROOT / "packaging/build", "image"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"the image {name}:{version}"
    yield name
    engine.docker("image", "rm", "--force", f"{name}:{version}", f"{name}:latest")


class System:
    """A container that packages are installed on."""

    def __init__(self, engine, container):
        self.engine, self.container = engine, container

    def run(self, script, status=0):
        """Runs lines of a shell and returns what they print; `status` is how they have to end."""
        done = self.engine.client("exec", self.container, "sh", "-euc", script)
        assert done.returncode == status, f"{script}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def installs_local(self, program):
        """Installs what needs all of the executables, by the one of them that is called so."""
        self.run(f"{program} install --local --image-name=x --kernel-name=local --prefix=/local")
        directory = "/local/share/jupyter/kernels/local/scripts"
        beside = self.run(f"dirname $(command -v {program})").strip()
        for name in PROGRAMS[1:]:
            self.run(f"cmp {beside}/{name} {directory}/{name}; test -x {directory}/{name}")

    def has(self, path):
        return self.engine.client("exec", self.container, "test", "-e", path).returncode == 0


@pytest.fixture
def system(engine, dist):
    """Starts systems, with the packages in /dist and other wheels in /wheels."""

    def start(image):
        volumes = [f"--volume={dist}:/dist:ro", f"--volume={TEST / 'wheels'}:/wheels:ro"]
        command = ["sh", "-c", "trap exit TERM; sleep 600 & wait"]
        return System(engine, engine.container(image, *command, options=["--user=0", *volumes]))

    return start
