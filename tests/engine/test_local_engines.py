"""Engines that are not beside the application: of which nothing is reached but their API."""

import os
import shutil

import pytest

from bed import engines, tls
from bed.local import GID, UID

IMAGE = "jds-test/plain"
STEPS = [
    ["start"],
    ["execute", "import os; print(6*7, os.getuid())"],
    ["interrupt", "import time; print('asleep', flush=True); time.sleep(600)"],
    ["restart", True],
    ["execute", "import os; print(os.path.exists('data.txt'))"],
    ["shutdown"],
]


@pytest.fixture
def certificates(engine, place):
    """Those of the client, for the user who runs the application."""
    directory = place / "certificates"
    shutil.copytree(engine.run / "tls" / "client", directory)
    for path in (directory, *directory.iterdir()):
        os.chown(path, UID, GID)
    return directory


def lives(values, has_directory):
    assert values[1]["stdout"] == f"42 {UID}\n"
    assert values[2] == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert values[4]["stdout"] == f"{has_directory}\n"
    assert values[5] is False


@pytest.mark.parametrize("mounted", [False, True])
def test_tls(local, certificates, mounted):
    """An engine behind an address may be another machine: its directories are used only if somebody says so."""
    local.environment |= {"DOCKER_HOST": tls.HOST, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    local.install(IMAGE)
    (local.directory / "data.txt").write_text("42")
    if mounted:
        file = local.specification("k") / "scripts" / "launch_docker.toml"
        paths = f"mount_cwd = {{ paths = {{ '{local.directory}' = '{local.directory}' }} }}"
        file.write_text(file.read_text().replace("mount_cwd = true", paths))
    drive = local.drive("k", STEPS)
    lives(drive.assert_done(STEPS), mounted)
    assert ("is not mounted into the kernel's container" in drive.log) == (not mounted)
    assert "[E " not in drive.log


def test_certificates_that_are_not_there(local, certificates):
    local.install(IMAGE)
    for name in ("cert.pem", "key.pem"):
        (certificates / name).unlink()
    local.environment |= {"DOCKER_HOST": tls.HOST, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    running = local.launch("k", until=None)
    try:
        assert running.process.wait(60) > 0
        assert running.log().count("[E ") == 1 and f"{certificates}/cert.pem" in running.log()
    finally:
        running.kill()


@pytest.mark.parametrize("options", [(), ("--network=none",)], ids=["bridge", "none"])
def test_an_engine_in_another_network(local, options):
    """The application has a network to itself, from which no address of the engine or of a container is reached."""
    local.install(IMAGE, *options)
    (local.directory / "data.txt").write_text("42")
    local.wrapper = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    lives(local.drive("k", STEPS).assert_done(STEPS), True)


def test_curve_over_tls(local, certificates):
    local.environment |= {"DOCKER_HOST": tls.HOST, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    local.install(IMAGE)
    drive = local.drive("k", STEPS, options={"transport_encryption": "required"})
    lives(drive.assert_done(STEPS), False)


def test_an_engine_of_the_user(engine, local):
    """None is where Docker's client looks, and one is among the files of the user's session, as rootless ones are."""
    del local.environment["DOCKER_HOST"]
    run = local.directory.parent / "run"
    run.mkdir()
    (run / "docker.sock").symlink_to(engine.socket)
    address = f"unix://{run}/docker.sock"
    local.environment["XDG_RUNTIME_DIR"] = str(run)
    done = local.install(IMAGE)
    assert done.stderr.count(address) == 1, done.stderr
    file = local.specification("k") / "scripts" / "launch_docker.toml"
    assert f'engine = "{address}"\n' in file.read_text()
    # Whoever starts the kernel does not need to know.
    (local.directory / "data.txt").write_text("42")
    assert local.ask("open('data.txt').read()", XDG_RUNTIME_DIR="") == "42"
    # A server of gateways looks elsewhere; nothing is written where somebody says which one is meant.
    local.tool("install", "--user", "--image-name=a/b", "--kernel-name=gp")
    local.install(IMAGE, "--engine=tcp://h:1", name="said")
    for name in ("gp", "said"):
        assert address not in (local.specification(name) / "scripts" / "launch_docker.toml").read_text()
    (run / "docker.sock").unlink()
    assert address not in local.install(IMAGE, name="none").stderr


def test_an_engine_that_is_not_there(local):
    local.install(IMAGE)
    local.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    running = local.launch("k", until=None)
    try:
        assert running.process.wait(60) > 0
        assert running.log().count("[E ") == 1 and "/nowhere/docker.sock" in running.log()
    finally:
        running.kill()


def test_a_container_that_others_end(engine, local):
    """Somebody stops, kills or removes it."""
    local.install(IMAGE)
    # Podman asks it to stop first.
    removed = (137, 143) if engines.chosen().is_podman else (137,)
    for command, status in ((["stop"], (0, 143)), (["kill"], (137,)), (["rm", "--force"], removed)):
        running = local.launch("k")
        try:
            (container,) = engine.ask("/containers/json")
            engine.docker(*command, container["Id"])
            assert running.process.wait(60) in status, running.log()
            engine.assert_no_kernels()
        finally:
            running.kill()
