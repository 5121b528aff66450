"""Pages that one person types from the top to the bottom, on one engine."""

import contextlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bed.deployments import IMAGES, Workplace
from bed.distribution import PASSWORD, passwords
from bed.pages import Page
from bed.sshd import Sshd


def private_registry(request, workplace):
    """A registry that asks for a password, which is in a file."""
    shelf, serve = map(request.getfixturevalue, ("shelf", "serve"))
    shelf.put("team/kernel:1")
    workplace.environment["REGISTRY"] = serve(passwords(shelf.directory)).host
    (workplace.directory / "password").write_text(PASSWORD)


def python_tool(request, workplace):
    """A specification that the Python tool has made, and nothing in what all users share."""
    request.getfixturevalue("shared")
    tool = request.getfixturevalue("gp_env") / "bin" / "jupyter-docker-spec"
    words = [tool, "install", "--user", "--image-name=my/python-kernel:1.0"]
    subprocess.run(words, env=workplace.environment, check=True, capture_output=True)


def manager(request, workplace):
    """The engine as a manager of a Swarm, with a network for kernels."""
    request.getfixturevalue("swarm").network("kernels", "--driver=overlay", "--attachable")


# Each with what has to be there before.
PAGES = {
    "docs/tutorial.md": None,
    "docs/how-to/any-image-for-a-gateway.md": None,
    "docs/how-to/gpu.md": None,
    "docs/how-to/kernel-does-not-start.md": None,
    "docs/how-to/limits.md": None,
    "docs/how-to/mount-data.md": None,
    "docs/how-to/private-registry.md": private_registry,
    "docs/how-to/proxy.md": None,
    "docs/how-to/python-image.md": None,
    "docs/how-to/several-specifications.md": None,
    "docs/how-to/swarm-placement.md": manager,
    "docs/how-to/switch-from-python.md": python_tool,
}

# Those for whom nothing has to know of provisioners.
LOCAL = (
    "docs/how-to/ssh.md",
    "docs/any-image.md",
    "docs/how-to/any-language.md",
    "docs/how-to/change.md",
    "docs/how-to/migrate.md",
    "docs/how-to/pycharm.md",
    "docs/how-to/pytorch.md",
    "docs/how-to/r.md",
    "docs/how-to/sandbox.md",
    "docs/how-to/warm.md",
    "docs/how-to/vs-code.md",
)


def of_others(workplace):
    """A kernelspec as envkernel 1.1.1 writes it, and one as dockernel 1.0.2 does."""
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    envkernel = ["/opt/bin/envkernel", "docker", "run", "--connection-file", "{connection_file}", "my/image:1.0"]
    dockernel = ["/usr/bin/env", "python", "-m", "dockernel", "start", "my/image:1.0", "{connection_file}"]
    kernels = Path(workplace.environment["HOME"], ".local/share/jupyter/kernels")
    for name, argv in (("analysis", [*envkernel, "--pwd", "--memory=1g", "--", *command]), ("images", dockernel)):
        (kernels / name).mkdir(parents=True)
        kernel = {"argv": argv, "display_name": name, "language": "python"}
        (kernels / name / "kernel.json").write_text(json.dumps(kernel))


@contextlib.contextmanager
def typing(engine, env, place, binaries):
    """A directory with the images that pages name, and our programs beside the `jupyter` of an environment."""
    for name, image in IMAGES.items():
        engine.docker("tag", image, name)
    # Without kernels; there is no network to fetch one from.
    offline = "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels"
    for name in ("my/python:1.0", "pytorch/pytorch:latest", "rocker/r-ver:4"):
        engine.image(name, offline, base="jds-test/bare")
    shell = "RUN pip install --quiet --break-system-packages bash_kernel && python3 -m bash_kernel.install"
    engine.image("my/shell:1.0", offline, shell, base="jds-test/bare")
    home, work = place / "home", place / "home" / "work"
    work.mkdir(parents=True)
    shutil.copy2(env / "bin" / "jupyter", work)
    path = f"{work}:{env / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
    # As root nobody may start kernels.
    yield Workplace(engine, work, binaries, PATH=path, HOME=str(home), USER="alice", LANG="C.UTF-8")
    images = engine.docker("images", "--format={{.Repository}}:{{.Tag}}", "my/*").split()
    engine.client("image", "rm", "--force", *images, *IMAGES)


@pytest.fixture
def workplace(engine, gp_env, place, binaries):
    """That of somebody whose Jupyter server has provisioners."""
    with typing(engine, gp_env, place, binaries) as made:
        yield made


@pytest.fixture
def local_workplace(engine, local_env, place, binaries):
    """That of somebody whose applications start kernels by themselves."""
    with typing(engine, local_env, place, binaries) as made:
        yield made


@pytest.mark.parametrize("page", PAGES)
def test_the_page(page, workplace, request):
    if PAGES[page]:
        PAGES[page](request, workplace)
    Page(page, workplace).follow_all()


@pytest.fixture
def gpu(engine, place, local_workplace, sshd_files):
    """Another machine, which has the images."""
    del local_workplace.environment["DOCKER_HOST"]
    with Sshd(sshd_files, place / "sshd", place / "home", engine, user=0, group=0) as sshd:
        yield sshd


@pytest.mark.parametrize("page", LOCAL)
def test_the_page_of_local_kernels(page, local_workplace, request):
    if page == "docs/how-to/ssh.md":
        request.getfixturevalue("gpu")
    if page == "docs/how-to/migrate.md":
        of_others(local_workplace)
    Page(page, local_workplace).follow_all()
