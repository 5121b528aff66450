"""The container image, and the example Dockerfiles on bases that this machine can make."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from bed.kernels import ContainerApplication
from bed.programs import PROGRAMS
from conftest import APPLICATION, ROOT, TINY

EXAMPLES = ROOT / "examples/docker"
KERNELS = "/usr/local/share/jupyter/kernels"


def files_of(engine, image):
    """The files of an image, and what is in them."""
    container = engine.docker("create", "--label=jds.test=1", image)
    command = ["docker", "--host", engine.address, "export", container]
    exported = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        members = {member.name: member for member in archive if member.isfile()}
        return {name: archive.extractfile(member).read() for name, member in members.items()}


def test_the_image_has_the_executables_and_nothing_else(engine, tool_image, built, version):
    files = files_of(engine, tool_image)
    # What the engine itself makes in every container.
    made = (".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf", "dev/console")
    files = {name: content for name, content in files.items() if name not in made}
    assert {Path(name).name for name in files} == {*PROGRAMS, "LICENSE", "THIRD-PARTY.txt"}
    for name in PROGRAMS:
        # Nobody wants to see how they differ.
        is_same = files[f"bin/{name}"] == built[name]
        assert is_same, name
    labels = engine.inspect(tool_image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == version
    said = engine.docker("run", "--rm", "--label=jds.test=1", tool_image, "--version")
    assert said == f"jupyter-docker-spec {version}"


@pytest.fixture
def example(engine, tool_image):
    """Builds an example without a network, and gives the name of its image."""

    def build(name, base, **arguments):
        image = f"jds-test/example-{name}"
        words = {"BASE": base, "TOOL": tool_image} | arguments
        options = [f"--build-arg={key}={value}" for key, value in words.items()]
        directory = EXAMPLES / name
        engine.docker(
            "build", "--network=none", "--label=jds.test=1", f"--tag={image}", *options, directory
        )
        return image

    return build


def start(engine, image, *options):
    """A container of an image, with the engine in it."""
    volume = f"--volume={engine.socket}:/var/run/docker.sock"
    group = f"--group-add={engine.socket.stat().st_gid}"
    command = ["sh", "-c", "trap exit TERM; sleep 600 & wait"]
    container = engine.container(image, *command, options=[volume, group, *options])
    return ContainerApplication("python", engine=engine, container=container)


def test_every_example_is_tested():
    names = {path.parent.name for path in EXAMPLES.glob("*/Dockerfile")}
    assert names == {"jupyter-stacks", "python", "alpine", "multi-stage"}
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"({name}/Dockerfile)" in readme for name in names)


def test_jupyter_stacks(engine, example):
    """The base of the tests is made as the stacks are: a user `jovyan`, Jupyter in a directory of
    its own. A kernel runs from there."""
    image = example("jupyter-stacks", APPLICATION, PREFIX="/opt/app", KERNEL_IMAGE="jds-test/kernel")
    application = start(engine, image)
    assert application.run("whoami").stdout == "jovyan\n"
    checked = application.run("jupyter", "docker-spec", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    steps = [["start"], ["execute", "print(6*7)"], ["shutdown"]]
    values = application.drive("docker_python", steps).assert_done(steps)
    assert "42\n" in json.dumps(values).encode().decode("unicode_escape")
    engine.assert_no_kernels()


def test_python(engine, example):
    image = example("python", APPLICATION, PREFIX="/opt/app")
    application = start(engine, image)
    assert application.run("whoami").stdout == "analyst\n"
    listed = json.loads(application.run("jupyter", "kernelspec", "list", "--json").stdout)
    assert {"docker_python", "docker_r"} <= set(listed["kernelspecs"])
    assert "launch_docker" in listed["kernelspecs"]["docker_r"]["spec"]["argv"][0]


def test_alpine(engine, example):
    """The base of the tests has a busybox and nothing else, so no C library at all."""
    image = example("alpine", TINY)
    names = {Path(name).name for name in files_of(engine, image)}
    assert "jupyter-docker-spec" in names and not any(name.startswith(("ld-", "libc.", "python3")) for name in names)
    application = start(engine, image)
    listed = json.loads(application.run("/usr/local/bin/jupyter-docker-spec", "list", "--json").stdout)
    assert {each["name"] for each in listed} == {"docker_python", "large"}
    said = application.run(f"{KERNELS}/large/scripts/launch_docker", "--version")
    assert said.stdout.startswith("launch_docker ")
    local = ("install", "--local", "--image-name=x", "--prefix=/tmp/local")
    done = application.run("/usr/local/bin/jupyter-docker-spec", *local)
    assert done.returncode == 0, done.stderr


def test_multi_stage(engine, example):
    image = example("multi-stage", APPLICATION)
    application = start(engine, image)
    listed = json.loads(application.run("jupyter", "kernelspec", "list", "--json").stdout)
    assert {"docker_python", "docker_scala"} <= set(listed["kernelspecs"])
    # The tool itself did not come along: this is the Python one.
    assert application.run("jupyter-docker-spec", "--version").stdout.strip() == "0.5.0"
