"""Kernels on a Swarm of three nodes: where they run, and what the server is told when one goes away.

That nothing is left on any node is the promise of the `nodes` fixture, for every test.
"""

import base64
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import reasons

from bed import broken
from bed.engine import KERNEL
from bed.kernels import LIFE, check_life
from bed.nodes import NETWORK_OF_KERNELS, TESTS
from bed.patience import wait_for
from bed.registry import Registry
from bed.servers import SHOW, serving

SMALL = "jds-test/small"
TINY = "jds-test/tiny"
ON_WORKER_1 = "--constraint=node.hostname==worker-1"
LONG = "--launch-timeout=100"


@pytest.fixture
def begin(nodes, launch):
    """Starts launchers that create services on these nodes."""

    def start(image=TINY, *options, **environment):
        where = {"DOCKER_HOST": nodes.manager.address, "GP_DOCKER_NETWORK": NETWORK_OF_KERNELS}
        return launch(image, "--swarm", *options, **where, **environment)

    return start


@pytest.fixture
def drive(application_on_manager, place):
    """Takes real kernels through steps, from the manager."""
    going = []

    def start(kernel, steps):
        log = place / f"drive-{len(going)}.log"
        going.append(application_on_manager.begin(kernel, steps, log))
        return going[-1]

    yield start
    for each in going:
        each.kill()


def wait_for_task(nodes, running, state):
    """Waits until the task of the launcher's service is in this state; the node that it is on."""

    def there():
        assert running.process.poll() is None, running.log()
        return nodes.state_of(running.name) == state

    wait_for(there, lambda: f"{nodes.tasks(running.name)}\n{running.log()}")
    return nodes.where(running.name).name


def remove(nodes, running):
    """Ends a kernel as the server does."""
    nodes.manager.docker("service", "rm", running.name)
    ended = running.end()
    assert ended.status == 0, ended.log


def services_and_nodes(nodes):
    """The name of the node of each kernel's service that has one."""
    names = (line.split()[0] for line in nodes.services())
    return {name: node.name for name in names if (node := nodes.where(name))}


def assert_stays_clean(nodes, seconds):
    """No kernel comes up in this time, in which it would have if it could."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert not nodes.left()
        time.sleep(0.2)


# Where kernels run.


def test_kernels_live_on_the_workers(nodes, application_on_manager, drive, kernel_image):
    install = application_on_manager.install
    install("--swarm", f"--image-name={kernel_image}", "--constraint=node.role==worker", LONG)
    both = [drive("docker_python", LIFE) for _ in range(2)]
    found = {}

    def ended():
        for service, node in services_and_nodes(nodes).items():
            found.setdefault(service, set()).add(node)
        return all(one.process.poll() is not None for one in both)

    wait_for(ended, lambda: [one.log.read_text() for one in both])
    ids = []
    for one in both:
        values = one.end().assert_done(LIFE)
        check_life(values, "jovyan-{kernel_id}")
        ids.append(values[0])
    # The second had the other worker for itself when it began.
    assert {"worker-1", "worker-2"} == set.union(*found.values()), found
    assert set(found) == {f"jovyan-{kernel_id}" for kernel_id in ids}


def test_the_small_kernel_is_a_kernel(nodes, application_on_manager):
    """What the tests of many kernels run has the same life as that of the images' bootstrap."""
    application_on_manager.install("--swarm", f"--image-name={SMALL}", LONG)
    check_life(
        application_on_manager.drive("docker_python", LIFE).assert_done(LIFE), "jovyan-{kernel_id}"
    )


def test_constraints_and_preferences(nodes, begin):
    nodes.update(nodes["worker-2"], "--label-add=zone=b")
    options = ["--constraint=node.labels.zone==b", "--placement-pref=spread=node.labels.zone", LONG]
    three = [begin(TINY, *options) for _ in range(3)]
    for running in three:
        assert wait_for_task(nodes, running, "running") == "worker-2"
        placement = nodes.manager.inspect(running.name)["Spec"]["TaskTemplate"]["Placement"]
        assert placement["Preferences"] == [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]
        remove(nodes, running)


GPU = "--generic-resource=NVIDIA-GPU=1"


@pytest.fixture
def network_on_all_nodes(nodes):
    """A service that keeps the network of the kernels on every node."""
    options = ["--name=on-all-nodes", "--mode=global", f"--network={NETWORK_OF_KERNELS}"]
    nodes.manager.docker("service", "create", *options, TINY)


def test_kernels_share_out_what_a_node_has(nodes, network_on_all_nodes, begin):
    """A worker says that it has a GPU; it is given to one kernel at a time."""
    first = begin(TINY, GPU, LONG)
    assert wait_for_task(nodes, first, "running") == "worker-2"
    worker = nodes["worker-2"]
    (container,) = worker.docker("ps", "--quiet", "--filter", f"label={KERNEL}").split()
    assert (
        "DOCKER_RESOURCE_NVIDIA-GPU=gpu-0" in worker.docker("exec", container, "env").splitlines()
    )
    begin(TINY, GPU, LONG).end().assert_error("no suitable node", "insufficient resources")
    remove(nodes, first)


DEAF = """
command = ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"]
stop_grace_period = "4s"
deploy.resources.reservations.generic_resources = [
    { discrete_resource_spec = { kind = "NVIDIA-GPU", value = 1 } },
]
"""


def test_a_restarted_kernel_waits_for_what_it_had(nodes, network_on_all_nodes, begin):
    """Its container does not end when it is told to, and has the GPU until it is killed."""
    first = begin(TINY, LONG, settings=DEAF)
    wait_for_task(nodes, first, "running")
    remove(nodes, first)
    again = begin(TINY, LONG, settings=DEAF, kernel_id=first.kernel_id)
    assert wait_for_task(nodes, again, "running") == "worker-2"
    assert "is not running yet: its task is pending (no suitable node" in again.log()
    remove(nodes, again)


def test_resources_that_swarm_takes_back(nodes, network_on_all_nodes, begin):
    """What the reason looks like if the network comes with the kernel, or somebody changes the node."""
    running = begin(TINY, GPU, LONG)
    wait_for_task(nodes, running, "running")
    nodes.update(nodes["worker-2"], "--label-add=zone=b")
    running.end().assert_error("rejected by node worker-2", "docker service create --mode global")


def test_a_drained_node_gets_none(nodes, begin):
    for name in ("manager", "worker-1"):
        nodes.update(nodes[name], "--availability=drain")
    three = [begin(TINY, LONG) for _ in range(3)]
    for running in three:
        assert wait_for_task(nodes, running, "running") == "worker-2"
    for running in three:
        remove(nodes, running)


# What the server is told.


def test_rejected_by_a_worker(begin):
    image = f"{TESTS}:1/no/such:1"
    ended = begin(image, ON_WORKER_1, LONG).end()
    ended.assert_error("rejected by node worker-1", "no such image", image)


def test_early_death_on_a_worker(nodes, begin):
    image = nodes["worker-1"].image("jds-test/dies", "CMD echo first; echo boom 1>&2; exit 3")
    ended = begin(image, ON_WORKER_1, LONG).end()
    ended.assert_error("exit status 3 on node worker-1", "first", "boom", image)


def test_command_that_cannot_start_on_a_worker(nodes, begin):
    image = nodes["worker-1"].image("jds-test/no-command", 'CMD ["/no/such/command"]')
    begin(image, ON_WORKER_1, LONG).end().assert_error("node worker-1", "/no/such/command", image)


def test_no_node_can_place_it(nodes, begin):
    ended = begin(TINY, "--constraint=node.labels.zone==none", LONG).end()
    ended.assert_error("no suitable node", "docker node ls")


def test_a_node_is_drained_under_a_young_kernel(nodes, begin):
    running = begin(TINY, ON_WORKER_1, LONG)
    wait_for_task(nodes, running, "running")
    nodes.update(nodes["worker-1"], "--availability=drain")
    running.end().assert_error("worker-1", "availability: drain", running.name)


def test_a_node_dies_under_a_young_kernel(nodes, begin):
    running = begin(TINY, ON_WORKER_1, LONG)
    wait_for_task(nodes, running, "running")
    nodes["worker-1"].die()
    running.end().assert_error("given up", "worker-1", "down: heartbeat failure", running.name)
    assert not nodes.services()
    nodes["worker-1"].start()
    nodes.wait_for_state(nodes["worker-1"], "ready")
    nodes.assert_nothing_left()


def test_a_restarted_kernel_does_not_wait_for_a_node_that_is_lost(nodes, begin):
    """What it had there does not become free, though Swarm may go on listing its task."""
    worker = nodes["worker-1"]
    first = begin(TINY, ON_WORKER_1, LONG)
    wait_for_task(nodes, first, "running")
    worker.die()
    first.end().assert_error("given up", "heartbeat failure")
    again = begin(TINY, ON_WORKER_1, LONG, kernel_id=first.kernel_id)
    again.end().assert_error("no suitable node")
    worker.start()
    nodes.wait_for_state(worker, "ready")


# A real server loses a node.


def test_a_node_is_cut_off_during_a_launch(nodes, application_on_manager, drive):
    application_on_manager.install("--swarm", f"--image-name={SMALL}", ON_WORKER_1, LONG)
    # The manager does not know yet, and gives the task to the node.
    nodes["worker-1"].cut_off()
    done = drive("docker_python", [["start"]]).end()
    assert done.status != 0 and not done.values, done.log
    assert (
        "given up the service" in done.log and "worker-1 (down: heartbeat failure)" in done.log
    ), done.log
    assert "Error occurred during launch" in done.log and "Waited too long" not in done.log, (
        done.log
    )
    assert not nodes.services()
    nodes["worker-1"].plug_in()
    nodes.wait_for_state(nodes["worker-1"], "ready")
    nodes.assert_nothing_left()


def test_a_launch_is_over_before_the_manager_misses_the_node(nodes, application_on_manager, drive):
    application_on_manager.install(
        "--swarm", f"--image-name={SMALL}", ON_WORKER_1, "--launch-timeout=4"
    )
    nodes["worker-1"].cut_off()
    done = drive("docker_python", [["start"]]).end()
    assert done.status != 0 and not done.values, done.log
    assert "its task is assigned on node worker-1" in done.log, done.log
    assert not nodes.services()
    nodes["worker-1"].plug_in()
    assert_stays_clean(nodes, 5)


def test_a_node_dies_under_a_running_kernel(nodes, application_on_manager, drive):
    """The server is told, and can start the kernel again, on another node."""
    install = application_on_manager.install
    install("--swarm", f"--image-name={SMALL}", "--constraint=node.role==worker", LONG)
    computes = ["execute", "print(6*7)"]
    steps = [["start"], computes, ["wait_until_dead", 60], ["restart"], computes, ["shutdown"]]
    driving = drive("docker_python", steps)
    driving.wait_for("done: execute")
    (where,) = services_and_nodes(nodes).values()
    nodes[where].die()
    values = driving.end().assert_done(steps)
    assert values[1] == values[4] == {"stdout": "42\n", "error": None}
    nodes[where].start()
    nodes.wait_for_state(nodes[where], "ready")
    nodes.assert_nothing_left()


# A worker has to pull.


def registry(nodes, seconds, **options):
    """A registry with an image that a worker does not have; it takes these seconds to give it."""
    worker = nodes["worker-1"]
    image = worker.image("jds-test/pulled", "RUN echo of the registry > /file")
    return Registry(worker, image, seconds, address=TESTS, **options)


def test_a_pull_that_takes_its_time(nodes, begin):
    with registry(nodes, 4) as source:
        running = begin(f"{source.host}/pulled:1", ON_WORKER_1, LONG)
        wait_for(lambda: "is not running yet" in running.log(), running.log)
        assert "preparing on node worker-1, which pulls the image" in running.log()
        wait_for_task(nodes, running, "running")
        remove(nodes, running)


def test_a_pull_that_ends_too_late_starts_nothing(nodes, begin):
    with registry(nodes, 6) as source:
        ended = begin(f"{source.host}/pulled:1", ON_WORKER_1, "--launch-timeout=5").end()
        ended.assert_error(
            "was not running after 5 s", "preparing on node worker-1", "docker pull"
        )
        assert not nodes.services()
        # Whether or not the node goes on with the pull.
        assert_stays_clean(nodes, 10)


def test_a_node_is_cut_off_while_it_pulls(nodes, begin):
    worker = nodes["worker-1"]
    with registry(nodes, 8) as source:
        running = begin(f"{source.host}/pulled:1", ON_WORKER_1, LONG)
        wait_for_task(nodes, running, "preparing")
        worker.cut_off()
        running.end().assert_error("given up", "worker-1", "heartbeat failure")
        assert not nodes.services()
        worker.plug_in()
        nodes.wait_for_state(worker, "ready")
        assert_stays_clean(nodes, 10)


def test_workers_pull_with_the_servers_credentials(nodes, begin, place):
    with registry(nodes, 0, credentials=("ann", "secret")) as source:
        image = f"{source.host}/pulled:1"
        begin(image, ON_WORKER_1, LONG).end().assert_error(
            "rejected by node worker-1", "no such image"
        )
        auth = {"auth": base64.b64encode(b"ann:secret").decode()}
        (place / "config.json").write_text(json.dumps({"auths": {source.host: auth}}))
        running = begin(image, ON_WORKER_1, LONG, DOCKER_CONFIG=str(place))
        wait_for_task(nodes, running, "running")
        remove(nodes, running)


# Somebody in front of a notebook is told.


@pytest.fixture
def ask(nodes, gp_env, place, jupyter, install):
    """Has a server ask for a kernel of an image, and does something meanwhile; what its user gets to see."""
    variables = {"GP_DOCKER_NETWORK": NETWORK_OF_KERNELS}

    def refused(image, *options, meanwhile=lambda name: None):
        install("--user", "--swarm", SHOW, f"--image-name={image}", *options)
        with ThreadPoolExecutor() as pool:
            seen = pool.submit(server.refusal, "session", "docker_python")
            wait_for(lambda: nodes.services() or seen.done(), server.log.read_text)
            meanwhile(nodes.services()[0].split()[0])
            return seen.result()

    with serving(nodes.manager, gp_env, place, jupyter | variables) as server:
        yield refused


def runs(nodes, name):
    wait_for(lambda: nodes.state_of(name) == "running", lambda: nodes.tasks(name))


def test_the_user_sees_that_the_node_has_died(nodes, ask):
    worker = nodes["worker-1"]

    def lose(name):
        runs(nodes, name)
        worker.die()

    seen = ask(TINY, ON_WORKER_1, LONG, meanwhile=lose)
    assert re.search("given up the service .* worker-1 .down: heartbeat failure", seen), seen
    assert not nodes.services()
    worker.start()
    nodes.wait_for_state(worker, "ready")


def test_the_user_sees_that_the_node_is_drained(nodes, ask):
    def drain(name):
        runs(nodes, name)
        nodes.update(nodes["worker-1"], "--availability=drain")

    seen = ask(TINY, ON_WORKER_1, LONG, meanwhile=drain)
    assert re.search("worker-1 .availability: drain", seen), seen


def test_the_user_sees_what_a_node_does_until_the_timeout(nodes, ask):
    with registry(nodes, 8) as source:
        image = f"{source.host}/pulled:1"
        seen = ask(image, ON_WORKER_1, "--launch-timeout=4")
        assert "was not running after 4 s" in seen and "Waited too long" not in seen, seen
        assert "preparing on node worker-1, which pulls the image" in seen, seen
        assert f"`docker pull {image}`" in seen, seen
        assert not nodes.services()
        assert_stays_clean(nodes, 8)


def test_the_user_sees_why_a_kernel_of_another_node_has_ended(nodes, ask):
    image, _ = broken.exits(nodes["worker-1"])
    seen = ask(image, ON_WORKER_1, LONG)
    assert re.search("exit status 3 on node worker-1 .*no such module", seen), seen


def test_how_soon_users_are_told_can_be_measured(nodes):
    rows = dict(reasons.on_three_nodes(nodes, Path(os.environ["JDS_RUN"]), 1))
    assert len(rows) == 5 and all(sample["user"] > sample["log"] for (sample,) in rows.values()), rows


# Many.

WAVES = [10] * 10
# The first of them find no bootstrap in the Swarm.
BROUGHT = ["--bring-bootstrap", "--image-name=jds-test/kernel"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        pytest.param([f"--image-name={SMALL}"], 280, id="small"),
        pytest.param(BROUGHT, 1200, id="brought", marks=pytest.mark.full),
    ],
)
def test_a_hundred_kernels_in_waves(nodes, application_on_manager, place, options, seconds):
    application_on_manager.install("--swarm", *options, LONG)
    driving = application_on_manager.begin_waves("docker_python", WAVES, place / "waves.log")
    try:
        driving.wait_for("done: all", seconds)
        states = {node.name: node.containers() for node in nodes.all}
        assert len(nodes.services()) == sum(map(len, states.values())) == sum(WAVES)
        # Swarm keeps the nodes even; the manager's is no exception.
        assert all(len(found) >= sum(WAVES) // 3 - 2 for found in states.values()), states
        configs = nodes.manager.docker("config", "ls", "--quiet", "--filter=label=component=bootstrap").split()
        assert len(configs) == (options is BROUGHT)
        driving.go_on()
        stdout, _ = driving.process.communicate(timeout=seconds)
        assert driving.process.returncode == 0, driving.log.read_text()
    finally:
        driving.kill()
    assert len(json.loads(stdout)["ready_seconds"]) == sum(WAVES)
