"""A Swarm of three nodes on one machine: a manager and two workers.

Each node has namespaces of its own, as if it were a machine: a network, in which it has one cable to a
switch, and processes, which all end at once when the node dies. The switch is in a namespace of its own
too, because an engine in the same one would have the firewall drop what passes through it.

The data directories are kept between runs for the images in them; the Swarm is a new one each time.
"""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

from bed.engine import KERNEL, LABEL, LEFT, Engine
from bed.patience import wait_for

NETWORK = "198.51.100"
# Where the tests themselves are on the network of the nodes.
TESTS = f"{NETWORK}.254"
NETWORK_OF_KERNELS = "kernels"
SCRIPT = Path(__file__).with_name("node")
NODES = ("manager", "worker-1", "worker-2")
# A node that does not answer is taken for dead after three of these.
HEARTBEAT = "2s"


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"


class Namespace:
    """A network namespace that lasts as long as its process."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.file = f"/proc/{self.process.pid}/ns/net"
        ours = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(self.file) != ours, "no network namespace")
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        run("nsenter", f"--net={self.file}", "ip", *words)

    def close(self):
        self.process.kill()
        self.process.wait()


class Switch(Namespace):
    """What the cables of the nodes are plugged into, and one of the tests."""

    def __init__(self):
        super().__init__()
        self.ip("link", "add", "switch", "type", "bridge")
        self.ip("link", "set", "switch", "up")
        self.plug("tests", os.getpid())
        run("ip", "addr", "add", f"{TESTS}/24", "dev", "nodes0")
        run("ip", "link", "set", "nodes0", "up")

    def close(self):
        # With its namespace it goes too, but not at once.
        run("ip", "link", "delete", "nodes0")
        super().close()

    def plug(self, name, pid):
        """Lays a cable to the namespace of a process, where its end is called `nodes0`."""
        self.ip("link", "add", name, "type", "veth", "peer", "name", "nodes0", "netns", pid)
        self.ip("link", "set", name, "master", "switch", "up")


class Node(Engine):
    """A machine with an engine."""

    def __init__(self, switch: Switch, directory: Path, data: Path, name, address, options=()):
        self.name, self.address_of_node, self.switch = name, address, switch
        self.namespace = Namespace()
        switch.plug(name, self.namespace.process.pid)
        self.namespace.ip("addr", "add", f"{address}/24", "dev", "nodes0")
        self.namespace.ip("link", "set", "nodes0", "up")
        self.wrapper = (
            "nsenter",
            f"--net={self.namespace.file}",
            *("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(SCRIPT, name),
        )
        (directory / name).mkdir()
        super().__init__(
            directory / name,
            data,
            [
                "--host=unix:///run/docker.sock",
                f"--insecure-registry={TESTS}/32",
                *options,
            ],
        )
        self.cgroup = f"{directory.name}-{name}"

    def start(self):
        # As after a start of the machine.
        shutil.rmtree(self.run / "exec", ignore_errors=True)
        (self.run / "docker.pid").unlink(missing_ok=True)
        super().start()

    @property
    def init(self):
        """The first process of the node."""
        found = subprocess.run(
            ["pgrep", "--parent", str(self.process.pid)], capture_output=True, text=True
        )
        return found.stdout.strip()

    def die(self):
        """Loses the power."""
        init = self.init
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not Path("/proc", init or "none").exists(), "the node does not die")

    stop = die

    def cut_off(self):
        """Pulls the plug of its network cable."""
        self.switch.ip("link", "set", self.name, "down")

    def plug_in(self):
        self.switch.ip("link", "set", self.name, "up")

    def __exit__(self, *_):
        super().__exit__()
        self.namespace.close()

    def shell(self, script, **environment):
        """Runs a script as somebody on the node would."""
        return subprocess.run(
            [
                "nsenter",
                f"--target={self.init}",
                "--mount",
                "--net",
                "--pid",
                "bash",
                "-euc",
                script,
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(self.run)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def containers(self):
        """The containers of kernels, in any state."""
        states = ["--filter", f"label={KERNEL}", "--format", "{{.Names}} {{.Status}}"]
        return [f"{self.name}: {line}" for line in self.docker("ps", "--all", *states).splitlines()]


class Nodes:
    """The Swarm. `images` are those that a node gets from the engine `source`, by the node's name."""

    def __init__(self, directory: Path, data: Path, source: Engine, images, options=None):
        self.source, self.images = source, images
        self.switch = Switch()
        options = options or {}
        self.all = [
            Node(
                self.switch,
                directory,
                data / name,
                name,
                f"{NETWORK}.{number}",
                options.get(name, ()),
            )
            for number, name in enumerate(NODES, start=1)
        ]
        self.manager, *self.workers = self.all

    def __enter__(self):
        try:
            at_once(Node.__enter__, self.all)
            for node in self.all:
                node.clean()
            at_once(self._load, self.all)
            self._join()
            self.manager.network(NETWORK_OF_KERNELS, "--driver=overlay", "--attachable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.all:
            if node.process is not None:
                node.__exit__()
            else:
                node.namespace.close()
            shutil.rmtree(node.run, ignore_errors=True)
        self.switch.close()

    def __getitem__(self, name):
        return next(node for node in self.all if node.name == name)

    def _load(self, node):
        """Brings the images that the node has not, or has in an older state."""
        wanted = [
            name
            for name in self.images(node.name)
            if identity(node, name) != identity(self.source, name)
        ]
        if not wanted:
            return
        save = subprocess.Popen(
            ["docker", "--host", self.source.address, "save", *wanted], stdout=subprocess.PIPE
        )
        load = ["docker", "--host", node.address, "load", "--quiet"]
        done = subprocess.run(load, stdin=save.stdout, capture_output=True, text=True)
        save.stdout.close()
        assert save.wait() == 0 and done.returncode == 0, f"{wanted}: {done.stderr}"

    def _join(self):
        address = f"--advertise-addr={self.manager.address_of_node}"
        self.manager.docker("swarm", "init", address, f"--dispatcher-heartbeat={HEARTBEAT}")
        token = self.manager.docker("swarm", "join-token", "--quiet", "worker")
        for node in self.workers:
            where = f"--advertise-addr={node.address_of_node}"
            node.docker("swarm", "join", where, f"--token={token}", self.manager.address_of_node)
        for node in self.all:
            node.id = node.docker("info", "--format", "{{.Swarm.NodeID}}")

    def state(self, node):
        """Whether the manager takes the node for `ready` or `down`."""
        return self.manager.docker("node", "inspect", "--format", "{{.Status.State}}", node.id)

    def wait_for_state(self, node, state):
        wait_for(lambda: self.state(node) == state, f"{node.name} does not become {state}")

    def update(self, node, *options):
        """Changes what the Swarm may do with a node."""
        self.manager.docker("node", "update", *options, node.id)

    def services(self):
        """The services of kernels."""
        names = ["--filter", f"label={KERNEL}", "--format", "{{.Name}} {{.Replicas}}"]
        return self.manager.docker("service", "ls", *names).splitlines()

    def left(self):
        """What there is of kernels: services, and containers on any node."""
        found = self.services()
        for node in self.all:
            found += node.containers()
        return found

    def assert_nothing_left(self):
        """Waits for removals that are under way (a Swarm gives tasks 10 s to end), then insists."""
        wait_for(lambda: not self.left(), lambda: f"left behind: {self.left()}", LEFT)

    def restore(self):
        """Brings every node back, and removes everything but the images and the network."""
        for node in self.all:
            node.plug_in()
            if not node.init:
                node.start()
        for node in self.all:
            self.wait_for_state(node, "ready")
            spec = self.manager.inspect(node.id)["Spec"]
            if spec["Availability"] != "active" or spec["Labels"]:
                labels = [f"--label-rm={label}" for label in spec["Labels"]]
                self.update(node, "--availability=active", *labels)
        if services := self.manager.docker("service", "ls", "--quiet").split():
            self.manager.docker("service", "rm", *services)
        for node in self.all:
            if containers := node.docker("container", "ls", "--all", "--quiet").split():
                node.client("container", "rm", "--force", "--volumes", *containers)
            images = ["images", "--quiet", "--filter", f"label={LABEL}"]
            if images := node.docker(*images).split():
                node.docker("image", "rm", "--force", *dict.fromkeys(images))

    def tasks(self, name):
        """The tasks of a service, which may go at any moment: state, node and container."""
        ids = self.manager.client("service", "ps", "--quiet", "--no-trunc", name).stdout.split()
        return (
            json.loads(self.manager.client("inspect", "--type=task", *ids).stdout or "[]")
            if ids
            else []
        )

    def where(self, name):
        """The node that the one task of a service was given to, if it was given to one."""
        nodes = {node.id: node for node in self.all}
        return next(
            (nodes[task["NodeID"]] for task in self.tasks(name) if task.get("NodeID")), None
        )

    def state_of(self, name):
        """The state of the one task of a service, which is empty before there is one."""
        return next((task["Status"]["State"] for task in self.tasks(name)), "")


def identity(engine, image):
    """What tells an image from an older one of the same name."""
    return engine.client("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


def at_once(act, nodes):
    """Does something with all nodes at the same time."""
    failures = []

    def one(node):
        try:
            act(node)
        except BaseException as error:  # handed on below
            failures.append(error)

    threads = [threading.Thread(target=one, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
