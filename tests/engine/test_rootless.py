"""Kernels on the engine of an ordinary user: found without a word, and with files that are the user's."""

import pytest

from bed.kernels import PYTHON
from bed.local import GID, UID

PLAIN = "jds-test/plain"


@pytest.fixture
def own(engine, local):
    """An application in the session of the user whose engine it is; nothing says where that is."""
    del local.environment["DOCKER_HOST"]
    local.environment["XDG_RUNTIME_DIR"] = str(engine.session)
    return local


def test_it_belongs_to_the_user(engine):
    assert "name=rootless" in engine.ask("/info")["SecurityOptions"]
    assert engine.socket.stat().st_uid == UID


def test_a_kernel_lives_and_leaves_nothing(local):
    local.install(PLAIN)
    values = local.drive("k", PYTHON.life).assert_done(PYTHON.life)
    _, first, _, interrupted, _, again, alive = values
    assert first == again == {"stdout": "42\n", "error": None}
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert not alive


@pytest.mark.parametrize("options", [(), ("--network=none",)], ids=["network", "none"])
def test_its_files_are_the_callers(local, options):
    """Who is root in the container is the caller outside."""
    local.install(PLAIN, *options)
    (local.directory / "data.txt").write_text("42")
    asked = "[open('data.txt').read(), os.getuid(), os.getgid(), open('new', 'w').close(), os.mkdir('d')]"
    assert local.ask(asked) == ["42", 0, 0, None, None]
    for name in ("new", "d"):
        made = (local.directory / name).stat()
        assert (made.st_uid, made.st_gid) == (UID, GID)


def test_one_who_is_named_is_another(local):
    """Whoever says who runs the kernel gets that, with what it means there."""
    local.install(PLAIN, "--container-user=1000:100")
    assert local.ask("os.getuid()") == 1000


def test_the_engine_of_the_session_is_found(engine, own):
    done = own.install(PLAIN)
    assert done.stderr.count(engine.address) == 1, done.stderr
    file = own.specification("k") / "scripts" / "launch_docker.toml"
    assert f'engine = "{engine.address}"\n' in file.read_text()
    assert own.ask("6*7", XDG_RUNTIME_DIR="") == 42
    # Servers' kernels go by what docker-py finds.
    own.tool("install", "--user", f"--image-name={PLAIN}", "--kernel-name=gp")
    checked = own.tool("check", "gp", status=1)
    assert f"export DOCKER_HOST={engine.address}" in checked.stdout + checked.stderr


def test_check_launches_one(own):
    own.install(PLAIN)
    said = own.tool("check", "--launch", "k").stdout
    assert "a kernel answered" in said and "nothing is left of the kernel" in said, said


def test_limits_hold_or_it_is_told_that_they_do_not(engine, local):
    """With cgroups of version 1, nobody but root limits anything."""
    local.install(PLAIN, "--memory=64m")
    said = local.tool("check", "k").stdout
    running = local.launch("k")
    try:
        for text in (said, running.log()):
            assert ("does not hold the limits on memory" in text) == (engine.ask("/info")["CgroupVersion"] == "1"), text
    finally:
        running.kill()


def test_nothing_is_left_of_what_is_killed(engine, local):
    local.install(PLAIN)
    running = local.launch("k")
    running.kill()
    engine.assert_no_kernels()
