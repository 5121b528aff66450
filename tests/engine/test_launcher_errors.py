"""Whatever keeps a kernel from running: one paragraph, exit status 1, and nothing left behind.

That nothing is left is the promise of the `engine` fixture, for every test.
"""

import socket
import stat
import uuid

import pytest

from bed import broken
from bed.patience import wait_for

SHORT = "--launch-timeout=6"
LONG = "--launch-timeout=100"
NOBODY = 65534


def name_of(kernel_id):
    return f"ann-{kernel_id}"


@pytest.fixture(params=["native", "python"])
def launcher(request):
    """The launchers that a specification can have."""
    return f"--launcher={request.param}"


# The engine cannot be talked to.


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("unix:///tmp/no-such.sock", "/tmp/no-such.sock"),
        ("tcp://127.0.0.1:1", "127.0.0.1:1"),
        (None, "/var/run/docker.sock"),
    ],
)
def test_no_daemon(launch, launcher, host, named):
    ended = launch("jds-test/tiny", launcher, LONG, DOCKER_HOST=host).end()
    ended.assert_error(named, "DOCKER_HOST|running|started")


def test_no_permission_on_the_socket(engine, launch):
    assert not stat.S_IMODE(engine.socket.stat().st_mode) & stat.S_IROTH
    ended = launch("jds-test/tiny", user=NOBODY).end()
    ended.assert_error(str(engine.socket), "permission", "group")


def test_daemon_that_does_not_answer(launch, place):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "mute.sock"))
        listener.listen()
        ended = launch("jds-test/tiny", SHORT, DOCKER_HOST=f"unix://{place}/mute.sock").end()
    ended.assert_error(f"{place}/mute.sock", "answer|respon|timed out")


def test_something_else_that_listens(launch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        running = launch("jds-test/tiny", SHORT, DOCKER_HOST=f"tcp://{address}")
        listener.settimeout(10)
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.close()
        ended = running.end()
    ended.assert_error(address)


# The engine refuses.


def test_network_missing(launch, launcher):
    ended = launch("jds-test/tiny", launcher, GP_DOCKER_NETWORK="no-such-net").end()
    ended.assert_error("no-such-net", "docker network create|GP_DOCKER_NETWORK")


def test_name_taken_by_a_foreign_container(engine, launch):
    kernel_id = str(uuid.uuid4())
    options = [f"--name={name_of(kernel_id)}"]
    foreign = engine.container("jds-test/tiny", "sleep", "60", options=options)
    ended = launch("jds-test/tiny", kernel_id=kernel_id).end()
    ended.assert_error(name_of(kernel_id), "docker rm|docker container rm|remove")
    assert engine.inspect(foreign)["State"]["Running"]


@pytest.mark.parametrize("uid", ["jovyan", "-1", "1.5", "99999999999", "0x10"])
def test_invalid_uid(launch, uid):
    launch("jds-test/tiny", KERNEL_UID=uid).end().assert_error("KERNEL_UID", uid)


def test_command_that_cannot_start(engine, launch):
    image, reason = broken.without_its_command(engine)
    launch(image).end().assert_error(image, reason)


def test_image_for_another_architecture(engine, launch):
    image, reason = broken.of_another_architecture(engine)
    launch(image).end().assert_error(image, reason)


# The kernel dies.


def test_early_death_shows_exit_code_and_last_lines(engine, launch, launcher):
    image = engine.image("jds-test/dies", "CMD echo first; echo boom 1>&2; exit 3")
    launch(image, launcher).end().assert_error(r"\b3\b", "first", "boom", image)


def test_early_death_after_a_while(engine, launch):
    image = engine.image("jds-test/dies", "CMD sleep 2; echo boom; exit 4")
    launch(image).end().assert_error(r"\b4\b", "boom")


def test_early_death_with_many_lines_shows_the_last(engine, launch):
    image = engine.image("jds-test/dies", "CMD seq 1 5000; exit 5")
    ended = launch(image).end()
    ended.assert_error(r"\b5\b", "5000")
    assert "\n    1\n" not in ended.log and len(ended.log) < 10_000


def test_early_death_cannot_forge_the_log(engine, launch):
    forged = r"CMD printf '[I 2023-02-15 14:10:16.892 App] fine\n\033[31mred\n'; exit 6"
    image = engine.image("jds-test/dies", forged)
    launch(image).end().assert_error(r"\b6\b", "red")


def test_early_death_for_lack_of_memory(engine, launch):
    image = engine.image("jds-test/greedy", "CMD dd if=/dev/zero of=/dev/null bs=200M count=1")
    with engine.memory_limit(64 * 2**20):
        launch(image).end().assert_error("memory", r"\b137\b")


def test_lack_of_memory_is_told_when_all_seems_well(engine, launch):
    """The images' bootstrap ends with status 0, whatever has become of the kernel."""
    image = engine.image("jds-test/greedy-child", "CMD dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0")
    with engine.memory_limit(64 * 2**20):
        for environment in ({}, {"REMOVE_CONTAINER": "false"}):
            ended = launch(image, **environment).end()
            ended.assert_error("exceeding the memory limit")
            assert "exit status 0" not in ended.log, ended.log
    # The second was to stay.
    engine.clean()


def test_an_image_that_starts_no_kernel(engine, launch):
    image = engine.image("jds-test/no-kernel", 'CMD ["cat"]')
    launch(image).end().assert_error(f"The command of the image `{image}` is `cat`, which starts no kernel")


def test_early_success_is_an_early_death_too(engine, launch):
    image = engine.image("jds-test/dies", "CMD exit 0")
    launch(image).end().assert_error(r"\b0\b")


# Swarm.


@pytest.fixture
def overlay(swarm):
    return swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")


def test_engine_is_no_swarm_manager(launch):
    ended = launch("jds-test/tiny", "--swarm", GP_DOCKER_NETWORK="any").end()
    ended.assert_error("swarm", "docker swarm init|manager")


def test_bridge_with_swarm(swarm, launch):
    ended = launch("jds-test/tiny", "--swarm", GP_DOCKER_NETWORK="bridge").end()
    ended.assert_error("bridge", "overlay", "GP_DOCKER_NETWORK")


def test_network_missing_in_swarm(swarm, launch):
    ended = launch("jds-test/tiny", "--swarm", GP_DOCKER_NETWORK="no-such-net").end()
    ended.assert_error("no-such-net", "docker network create|GP_DOCKER_NETWORK")


def test_network_without_an_address_in_swarm(swarm, launch):
    network = swarm.network("jds-test-small", "--driver=overlay", "--subnet=10.77.0.0/29")
    service = ["service", "create", "--detach", "--label=jds.test", "--name=many", f"--network={network}", "--endpoint-mode=dnsrr"]
    swarm.docker(*service, "jds-test/tiny", "sleep", "600")

    def running():
        return [task["Status"]["State"] for task in swarm.ask("/tasks")].count("running")

    # The first brings an address of the node with it.
    for number in (1, 4):
        wait_for(lambda: running() == number, lambda: swarm.docker("service", "ps", "many"))
        swarm.docker("service", "scale", "--detach", "many=8")
    ended = launch("jds-test/tiny", "--swarm", "--launch-timeout=5", GP_DOCKER_NETWORK=network).end()
    ended.assert_error("its task is new", f"docker network inspect {network}")


def test_task_rejected(overlay, launch):
    image = "127.0.0.1:1/no/such:1"
    ended = launch(image, "--swarm", LONG, GP_DOCKER_NETWORK=overlay).end()
    ended.assert_error(image, "no such image|pull")


def test_task_that_no_node_takes(swarm, overlay, launch):
    node = swarm.docker("node", "ls", "--quiet")
    swarm.docker("node", "update", "--availability=drain", node)
    ended = launch("jds-test/tiny", "--swarm", SHORT, GP_DOCKER_NETWORK=overlay).end()
    ended.assert_error("no suitable node")


def test_early_death_in_swarm(swarm, overlay, launch):
    image = swarm.image("jds-test/dies", "CMD echo boom; exit 3")
    ended = launch(image, "--swarm", LONG, GP_DOCKER_NETWORK=overlay).end()
    ended.assert_error(r"\b3\b", "boom")


def test_name_taken_by_a_foreign_service(swarm, overlay, launch):
    kernel_id = str(uuid.uuid4())
    options = ["--detach", f"--name={name_of(kernel_id)}", f"--network={overlay}"]
    swarm.docker("service", "create", *options, "jds-test/tiny", "sleep", "60")
    ended = launch("jds-test/tiny", "--swarm", kernel_id=kernel_id, GP_DOCKER_NETWORK=overlay).end()
    ended.assert_error(name_of(kernel_id), "docker service rm|remove")
    assert name_of(kernel_id) in swarm.docker("service", "ls", "--format", "{{.Name}}")
