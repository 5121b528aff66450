"""The commands of docs/swarm.md, run in their order on a Swarm of three nodes, and what they promise."""

import json
import shutil
import urllib.error
import urllib.request

import pytest

from bed import pages
from bed.nodes import NETWORK_OF_KERNELS
from bed.patience import wait_for

PAGE = "docs/swarm.md"
# What the page names, by what the tests have in its place.
IMAGES = {
    "quay.io/jupyter/base-notebook": "jds-test/app",
    "elyra/kernel-py:0.5.0": "jds-test/kernel",
    "busybox": "jds-test/tiny",
}


class Page:
    """The commands of the page, each of which must be run once."""

    def __init__(self, nodes, directory):
        self.nodes, self.directory = nodes, directory
        self.left = [block for block in pages.blocks(PAGE) if block.is_typed]

    def run(self, section, start=""):
        """Runs the next commands under a heading, which begin so; what they print."""
        block = next(
            block
            for block in self.left
            if block.section == section and block.text.startswith(start)
        )
        self.left.remove(block)
        script = f"cd {self.directory}\n{block.text}"
        done = self.nodes[block.node].shell(script, DOCKER_BUILDKIT="0")
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


class Server:
    """The Jupyter server that the page has started, as a browser sees it."""

    def __init__(self, nodes):
        self.url = f"http://{nodes.manager.address_of_node}:8888/api"
        wait_for(self.answers, "the server does not answer")

    def ask(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "token secret"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.loads(answer.read() or b"null")

    def answers(self):
        try:
            return self.ask("/status")
        except (OSError, urllib.error.HTTPError):
            return None

    def start(self, name):
        """Starts a kernel, which the server has heard from when this returns."""
        return self.ask("/kernels", "POST", {"name": name})["id"]

    def end(self, kernel_id):
        self.ask(f"/kernels/{kernel_id}", "DELETE")


@pytest.fixture
def named(nodes):
    """The images by the names that the page has for them."""
    for node in nodes.all:
        for name, ours in IMAGES.items():
            if node.has_image(ours):
                node.docker("tag", ours, name)
    yield
    for node in nodes.all:
        for name in [*IMAGES, "jupyter-swarm"]:
            node.client("image", "rm", "--force", name)
    nodes.manager.docker("image", "prune", "--force")


def removed(manager):
    """Whether the network is gone, after another attempt."""
    manager.client("network", "rm", NETWORK_OF_KERNELS)
    names = manager.docker("network", "ls", "--format={{.Name}}").splitlines()
    return NETWORK_OF_KERNELS not in names


@pytest.fixture
def without_network(nodes):
    """The page makes the network itself."""
    nodes.manager.docker("network", "rm", NETWORK_OF_KERNELS)
    yield
    for container in nodes.manager.docker("ps", "--all", "--quiet").split():
        nodes.manager.client("rm", "--force", container)
    if services := nodes.manager.docker("service", "ls", "--quiet").split():
        nodes.manager.docker("service", "rm", *services)
    wait_for(lambda: removed(nodes.manager), "the page's network stays")
    nodes.manager.network(NETWORK_OF_KERNELS, "--driver=overlay", "--attachable")


def test_the_page(nodes, named, without_network, binaries, place):
    page = Page(nodes, place)
    for name in ("jupyter-docker-spec", "launch_docker"):
        shutil.copy2(binaries / name, place)
    (dockerfile,) = [block.text for block in pages.blocks(PAGE) if block.file]
    (place / "Dockerfile").write_text(dockerfile)

    page.run("Set up", "docker network create")
    page.run("Set up", "docker build")

    page.run("The server as a container", "docker run")
    server = Server(nodes)
    assert "nothing is left of the kernel" in page.run("The server as a container", "docker exec")
    server.end(server.start("docker_python"))

    page.run("Which nodes", "docker node update --label-add")
    kernel_id = server.start("zone_b")
    assert nodes.where(f"jovyan-{kernel_id}").name == "worker-2"
    assert kernel_id in page.run("When a kernel does not start", "docker node ls")
    assert kernel_id in page.run("When a kernel does not start", "docker logs")
    server.end(kernel_id)
    page.run("Which nodes", "docker node update --availability")

    page.run("GPUs", "docker exec")
    page.run("GPUs", "docker service create")
    wait_for(
        lambda: nodes.manager.docker("service", "ls", "--format={{.Replicas}}") == "3/3",
        "no service on all nodes",
    )
    kernel_id = server.start("with_gpu")
    assert nodes.where(f"jovyan-{kernel_id}").name == "worker-2"
    server.end(kernel_id)
    nodes.manager.docker("rm", "--force", "jupyter")

    page.run("The server as a service")
    server = Server(nodes)
    server.end(server.start("docker_python"))

    assert not page.left
