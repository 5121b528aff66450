"""`ps` and `prune`: the kernels that there are, and those that nobody waits for."""

import contextlib
import json
import socket
import subprocess

import pytest

from bed.engine import LABEL
from bed.inside import Inside
from bed.patience import wait_for

TINY = "jds-test/tiny"
HERE = "127.0.0.1"


@pytest.fixture
def command(application, binaries):
    """Runs a command of ours, and returns what it printed and what it said."""

    def run(*words, status=0, stdin=None):
        done = application.run(binaries / "jupyter-docker-spec", *words, stdin=stdin)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def kernels(command):
    return lambda: json.loads(command("ps", "--json").stdout)


@pytest.fixture
def listener():
    """A server that waits for its kernels, and its address."""
    with contextlib.closing(socket.socket()) as server:
        server.bind((HERE, 0))
        server.listen()
        yield f"{HERE}:{server.getsockname()[1]}"


@pytest.fixture
def iptables():
    """A rule of the table `nat` while something is done."""

    @contextlib.contextmanager
    def rule(*words):
        subprocess.run(["iptables", "-t", "nat", "-A", *words], check=True)
        try:
            yield
        finally:
            subprocess.run(["iptables", "-t", "nat", "-D", *words], check=True)

    return rule


def free_address():
    """Where nobody listens."""
    with contextlib.closing(socket.socket()) as server:
        server.bind((HERE, 0))
        return f"{HERE}:{server.getsockname()[1]}"


@pytest.fixture
def container(engine):
    """A container as launchers make them, in some state."""

    def make(kernel_id, *command, start=True, **environment):
        labels = {"kernel_id": kernel_id, "component": "kernel", "app": "gateway-provisioners"}
        options = [
            *(f"--label={name}={value}" for name, value in labels.items()),
            *(f"--env={name}={value}" for name, value in environment.items()),
        ]
        verb = ["run", "--detach"] if start else ["create"]
        return engine.docker(*verb, f"--label={LABEL}", *options, TINY, *command)

    return make


def test_what_runs_is_listed(engine, inside, command, kernels):
    assert command("ps").stdout == "" and kernels() == []
    kernel = inside()
    other = engine.container(TINY, "sleep", "60")

    (found,) = kernels()

    assert found["kernel_id"] == kernel.launch.kernel_id and found["id"] == kernel.id
    assert found["specification"] == "k" and found["user"] == "ann"
    assert found["system"] == "gateway-provisioners" and found["mode"] == "docker"
    assert found["state"] == "running" and found["node"] is None
    assert 0 <= found["age_seconds"] < 60 and found["memory_bytes"] > 0 and found["cpu_seconds"] >= 0
    assert other not in json.dumps(found)
    heading, line = command("ps").stdout.splitlines()
    assert heading.split()[:5] == ["KERNEL", "USER", "SPECIFICATION", "STATE", "NODE"]
    assert line.split()[:5] == [kernel.launch.kernel_id, "ann", "k", "running", "-"]
    kernel.end()


def test_services_are_listed_with_their_node(swarm, network, inside, kernels):
    kernel = inside(service=True, GP_DOCKER_NETWORK=network)
    wait_for(lambda: kernels()[0]["state"] == "running", "it does not run")
    (found,) = kernels()
    node = swarm.docker("node", "ls", "--format", "{{.Hostname}}")
    assert found["mode"] == "swarm" and found["node"] == node and found["name"] == kernel.launch.name
    assert found["image"] == f"{TINY}:latest" or found["image"] == TINY
    assert found["specification"] == "k" and found["memory_bytes"] > 0
    kernel.end()


def test_what_nobody_waits_for_is_removed(engine, container, command, kernels, listener):
    abandoned = {
        container("ended", "true"): "it is exited",
        container("never-started", start=False): "it was never started",
        container("orphaned", RESPONSE_ADDRESS=free_address()): "its server no longer listens",
    }
    waited_for = {
        container("served", RESPONSE_ADDRESS=listener),
        container("elsewhere", RESPONSE_ADDRESS="198.51.100.7:8877"),
        container("of-whom"),
        engine.container(TINY, "true"),
        engine.docker("run", "--detach", f"--label={LABEL}", "--label=component=kernel", TINY, "true"),
    }
    wait_for(lambda: "exited" in {kernel["state"] for kernel in kernels()}, "it does not end")

    def there():
        return set(engine.docker("ps", "--all", "--quiet", "--no-trunc").split())

    # They are too young.
    assert "Nothing to remove" in command("prune", "-y").stderr
    planned = json.loads(command("prune", "--older-than=0s", "--dry-run", "--json").stdout)
    assert {kernel["id"]: kernel["reason"].partition(" on ")[0] for kernel in planned} == abandoned
    assert not any(kernel["removed"] for kernel in planned)
    assert len(command("prune", "--older-than=0s", "--dry-run").stdout.splitlines()) == 3
    done = command("prune", "--older-than=0s", status=1, stdin="n\n")
    assert "nothing was removed" in done.stderr
    done = command("prune", "--older-than=0s", status=1)
    assert "say yes with -y" in done.stderr
    assert there() == set(abandoned) | waited_for

    done = command("prune", "--older-than=0s", "-y", "--json")

    assert all(kernel["removed"] for kernel in json.loads(done.stdout))
    assert done.stderr.count("Removed the container") == 3
    assert "Leaving 1 running kernel alone: only the host of its server" in done.stderr
    assert "Leaving 1 running kernel alone: it does not say where its server listens" in done.stderr
    assert there() == waited_for
    engine.clean()


def test_a_server_behind_a_forwarded_port_is_there(container, command, iptables):
    """As one in a container whose port is published without Docker's proxy."""
    with contextlib.closing(socket.socket()) as server:
        server.bind((HERE, 0))
        server.listen()
        address = free_address()
        port = address.rpartition(":")[2]
        rule = ["OUTPUT", "-p", "tcp", "-d", HERE, "--dport", port, "-j", "REDIRECT"]
        with iptables(*rule, f"--to-ports={server.getsockname()[1]}"):
            kept = container("forwarded", RESPONSE_ADDRESS=address)
            assert "Removed" not in command("prune", "--older-than=0s", "-y").stderr
    assert f"no longer listens on {address}" in command("prune", "--older-than=0s", "-y", "--json").stdout, kept


def test_services_that_nobody_waits_for_are_removed(swarm, command, kernels, listener):
    def service(kernel_id, *words, address):
        labels = {"kernel_id": kernel_id, "component": "kernel", "app": "enterprise-gateway"}
        options = [f"--label={name}={value}" for name, value in labels.items()]
        options += ["--detach", "--restart-condition=none", f"--env=RESPONSE_ADDRESS={address}"]
        swarm.docker("service", "create", f"--name={kernel_id}", *options, TINY, *words)

    service("ended", "false", address=listener)
    service("orphaned", "sleep", "60", address=free_address())
    service("served", "sleep", "60", address=listener)
    wait_for(
        lambda: sorted(kernel["state"] for kernel in kernels()) == ["failed", "running", "running"],
        lambda: kernels(),
    )
    done = command("prune", "--older-than=0s", "-y")
    assert done.stderr.count("Removed the service") == 2
    assert [kernel["name"] for kernel in kernels()] == ["served"]
    swarm.docker("service", "rm", "served")


def test_what_cannot_be(command, application, place):
    done = command("prune", "--older-than=soon", status=1)
    assert "--older-than of `soon` must be a span of time" in done.stderr
    nowhere = f"unix://{place}/none.sock"
    application.environment["DOCKER_HOST"] = nowhere
    for words in (["ps"], ["prune", "-y"]):
        assert "found no Docker Engine" in command(*words, status=1).stderr
