"""The engine of the tests, and the applications that run kernels on it.

Tests that need a Swarm make a manager of the same engine for as long as they last: two engines in
one network namespace would get in each other's way.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from bed import engines, tls
from bed.browser import Browser
from bed.inside import Inside
from bed.kernels import Application, ContainerApplication
from bed.launch import Launch
from bed.local import GID, UID, LocalApplication
from bed.nodes import NETWORK_OF_KERNELS, Nodes
from bed.programs import PROGRAMS
from bed.shelf import Shelf

ROOT = Path(__file__).parents[2]
# Where several processes share the tests, each has an engine of its own.
NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
ADDRESS = "192.0.2.1"
KERNEL_IMAGE = "jds-test/kernel"
APP_IMAGE = "jds-test/app"
TINY_IMAGE = "jds-test/tiny"
GPU = "NVIDIA-GPU"
SHARED = Path("/usr/local/share")


# Of Podman alone, and of engines of ordinary users.
collect_ignore = [] if engines.chosen().is_podman else ["test_podman.py"]
collect_ignore += [] if engines.chosen().is_rootless else ["test_rootless.py", "test_emulated.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Where several processes share the tests, one of them has all of those on three nodes. What takes long begins
    early: else one process would be busy with it while the others have nothing more to do."""
    if engines.chosen().is_podman:
        # It has no Swarm.
        of_swarm = [item for item in items if "swarm" in item.fixturenames]
        config.hook.pytest_deselected(items=of_swarm)
        items[:] = [item for item in items if item not in of_swarm]
    for item in items:
        if "nodes_of_module" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("nodes"))
    if "PYTEST_XDIST_WORKER" in os.environ:
        names = Path(__file__).with_name("slowest.txt").read_text().splitlines()
        order = {name: number for number, name in enumerate(names)}
        items.sort(key=lambda item: order.get(f"{item.path.name}::{item.name}", len(order)))


def pretend_gpu(directory: Path):
    """Has the engine hold the machine for one with GPUs: it goes by what it finds on its PATH, and would
    have that make the GPUs appear in a container."""
    directory.mkdir()
    hook = directory / "nvidia-container-runtime-hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    os.environ["PATH"] = f"{directory}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def engine_of_session(record_testsuite_property):
    """The one engine; `tests/run` gives it namespaces and images."""
    assert "JDS_RUN" in os.environ, "these need their own namespaces: tests/run engine"
    run = Path(os.environ["JDS_RUN"])
    pretend_gpu(run / "bin")
    options = [*tls.prepare(run / "tls"), "--node-generic-resource=GPU=1"]
    # Five attempts to fetch a layer, with longer and longer pauses, would take a minute.
    options += ["--max-download-attempts=2"]
    with engines.of_session(run, NUMBER, options) as engine:
        others = ["bare", "widgets", "r", "scala", "haproxy"] if engines.chosen() is engines.OWN else []
        for image in [*engines.IMAGES, *(f"jds-test/{name}" for name in others)]:
            assert engine.has_image(image), f"no image {image}: tests/run engine makes it"
        engine.clean()
        version = engine.ask("/version")
        name = "Podman" if engines.chosen().is_podman else "Docker"
        record_testsuite_property("engine", f"{name} {version['Version'].partition('+')[0]}, API {version['ApiVersion']}")
        yield engine


@pytest.fixture
def engine(engine_of_session):
    """The engine, with the promise that a test leaves no kernel behind."""
    try:
        yield engine_of_session
        engine_of_session.assert_no_kernels()
        engine_of_session.assert_no_launchers()
    finally:
        engine_of_session.clean()


@pytest.fixture
def shared():
    """An empty place for what all users share; only these tests see it, in their namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", SHARED], check=True)
    yield SHARED
    subprocess.run(["umount", SHARED], check=True)


@pytest.fixture
def swarm(engine):
    """The same engine as the only node of a Swarm."""
    engine.docker("swarm", "init", f"--advertise-addr={ADDRESS}")
    try:
        yield engine
        engine.assert_no_kernels()
    finally:
        engine.clean()
        engine.leave_swarm()


@pytest.fixture(scope="module")
def nodes_of_module(engine_of_session, request):
    """A Swarm of three nodes, which have what the module wants besides."""
    options = {"worker-2": [f"--node-generic-resource={GPU}=gpu-0"]}
    wanted = getattr(request.module, "NODES_HAVE", {})

    def images(name):
        more = [APP_IMAGE] if name == "manager" else []
        return [KERNEL_IMAGE, "jds-test/small", "jds-test/tiny", *more, *wanted.get(name, [])]

    run = Path(os.environ["JDS_RUN"])
    with Nodes(run, ROOT / ".test" / "nodes", engine_of_session, images, options) as nodes:
        yield nodes


@pytest.fixture
def nodes(nodes_of_module):
    """The Swarm, with the promise that a test leaves no kernel on any node, and all of them there."""
    try:
        yield nodes_of_module
        nodes_of_module.assert_nothing_left()
        nodes_of_module.manager.assert_no_launchers()
    finally:
        nodes_of_module.restore()


@pytest.fixture
def application_on_manager(nodes, binaries):
    """A host application in a container on the manager, with our programs."""
    manager = nodes.manager
    network = NETWORK_OF_KERNELS
    container = manager.container(
        APP_IMAGE,
        options=[
            f"--network={network}",
            f"--volume={manager.socket}:/run/docker.sock",
            "--user=1000:100",
            f"--group-add={os.stat(manager.socket).st_gid}",
            f"--env=GP_DOCKER_NETWORK={network}",
        ],
    )
    for name in PROGRAMS:
        manager.docker("cp", binaries / name, f"{container}:/opt/app/bin/{name}")
    return ContainerApplication("python", engine=manager, container=container)


@pytest.fixture(scope="session")
def eg_env():
    """A virtual environment with Enterprise Gateway."""
    directory = ROOT / ".test" / "venv" / "eg"
    assert (directory / "bin" / "python").exists(), f"no {directory}: tests/run makes it"
    return directory


@pytest.fixture
def kernel_image():
    """The name of a Python kernel's image."""
    return KERNEL_IMAGE


@pytest.fixture
def application(engine, gp_env, jupyter):
    """A host application on this machine."""
    environment = jupyter | {"DOCKER_HOST": engine.address, "KERNEL_USERNAME": "ann"}
    return Application(str(gp_env / "bin" / "python"), environment)


@pytest.fixture(scope="session")
def local_env():
    """A virtual environment with applications that start kernels by themselves."""
    directory = ROOT / ".test" / "venv" / "local"
    assert (directory / "bin" / "python").exists(), f"no {directory}: tests/run makes it"
    return directory


@pytest.fixture
def browse(place):
    """Starts browsers for one test."""
    running = []

    def start(scale=1):
        running.append(Browser(place, scale))
        return running[-1]

    yield start
    for browser in running:
        browser.driver.quit()


@pytest.fixture
def local(engine, place, binaries, local_env):
    """An application without provisioners, of a user who may speak with the engine."""
    directories = {name: place / name for name in ("home", "data", "config", "runtime", "notebooks")}
    for directory in directories.values():
        directory.mkdir()
        os.chown(directory, UID, GID)
    environment = {
        "PATH": f"{local_env / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(directories["home"]),
        "USER": "ann",
        "LANG": "C.UTF-8",
        "DOCKER_HOST": engine.address,
        "CLOUD_TOKEN": "secret",
    }
    for name in ("data", "config", "runtime"):
        environment[f"JUPYTER_{name.upper()}_DIR"] = str(directories[name])
    group = os.stat(engine.socket).st_gid
    return LocalApplication(
        str(local_env / "bin" / "python"),
        environment,
        directory=directories["notebooks"],
        group=group,
        binaries=binaries,
    )


@pytest.fixture
def install(application, binaries):
    """Installs a specification for the application on this machine."""

    def run(*options):
        done = application.run(binaries / "jupyter-docker-spec", "install", *options)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def launch(engine, place, binaries, gp_env):
    """Starts launchers of specifications made for one test; see `bed.launch`."""
    running = []

    def start(
        image, *options, kernel_id=None, user=None, settings=None, notebooks=None, bootstrap=None, **environment
    ):
        prefix = Path(tempfile.mkdtemp(dir=place))
        prefix.chmod(0o755)
        words = [f"--prefix={prefix}", f"--image-name={image}", "--kernel-name=k", *options]
        tool = binaries / "jupyter-docker-spec"
        subprocess.run([tool, "install", *words], env={}, check=True, capture_output=True)
        specification = prefix / "share/jupyter/kernels/k"
        if settings is not None:
            (specification / "scripts/launch_docker.toml").write_text(settings)
        if bootstrap is not None:
            (specification / "scripts/bootstrap_kernel").write_text(bootstrap)
        path = f"{gp_env / 'bin'}:/usr/bin:/bin"
        defaults = {"DOCKER_HOST": engine.address, "HOME": str(place), "PATH": path}
        variables = defaults | environment
        variables = {name: value for name, value in variables.items() if value is not None}
        running.append(Launch(specification, variables, kernel_id, user, notebooks))
        return running[-1]

    yield start
    for each in running:
        each.kill()


@pytest.fixture(scope="session")
def shelf(engine_of_session):
    """What the real registries of the tests have in store; see `bed.shelf`."""
    program = ROOT / ".test" / "registry" / "usr" / "bin" / "docker-registry"
    assert program.exists(), f"no {program}: tests/run makes it"
    with Shelf(engine_of_session, program) as shelf:
        yield shelf


@pytest.fixture
def serve(shelf):
    """Starts registries for one test, as `Distribution` takes it."""
    running = []

    def start(auth=None):
        running.append(shelf.serve(auth))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def sshd_files():
    """What the packages of an ssh server have."""
    directory = ROOT / ".test" / "sshd"
    assert (directory / "usr/sbin/sshd").exists(), f"no {directory}: tests/run makes it"
    return directory


@pytest.fixture
def put_programs(engine, binaries):
    """Copies our programs over the Python tool in a container."""

    def copy(application):
        for name in PROGRAMS:
            engine.docker("cp", binaries / name, f"{application.container}:/opt/app/bin/{name}")

    return copy


@pytest.fixture
def start_application(engine):
    """Starts host applications in containers, as their unprivileged user and with the socket."""

    def start(image=APP_IMAGE, network="bridge", **environment):
        group = os.stat(engine.socket).st_gid
        container = engine.container(
            image,
            options=[
                f"--network={network}",
                f"--volume={engine.socket}:/run/docker.sock",
                "--user=1000:100",
                f"--group-add={group}",
                *(f"--env={name}={value}" for name, value in environment.items()),
            ],
        )
        return ContainerApplication("python", engine=engine, container=container)

    return start


@pytest.fixture
def inside(engine, launch):
    """Launches with options of `install`, and looks inside."""

    def start(*options, image=TINY_IMAGE, service=False, **environment):
        running = launch(image, *(["--swarm"] if service else []), *options, **environment)
        return Inside(engine, running, service)

    return start


@pytest.fixture
def network(swarm):
    return swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")


@pytest.fixture
def edit(launch):
    """Launches from a specification whose file an administrator has edited."""

    def start(text, *options, **environment):
        return launch(TINY_IMAGE, *options, settings=text + "\n", **environment)

    return start


@pytest.fixture
def check(engine, application, binaries, gp_env):
    """Runs `check --json` where the application runs, and returns the lines as `level: message`."""

    def run(*words, status=0, tool=binaries / "jupyter-docker-spec", **environment):
        # The tests are root, for whom servers start no kernel.
        variables = {"PATH": f"{binaries}:{gp_env / 'bin'}:/usr/bin:/bin", "KERNEL_USERNAME": "alice"} | environment
        host = Application(application.python, application.environment | variables)
        done = host.run(tool, "check", "--json", *words)
        assert done.returncode == status, done.stdout + done.stderr
        return [f"{line['level']}: {line['message']}" for line in json.loads(done.stdout)]

    return run
