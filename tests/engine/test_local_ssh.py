"""An engine on another machine, which is reached by ssh. Each message is that of the real programs."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from bed.local import UID
from bed.patience import wait_for
from bed.sshd import FAR, Sshd
from bed.terminal import Terminal
from bed.waiting import rests, waiting

IMAGE = "jds-test/plain"
STEPS = [
    ["start"],
    ["execute", "import os; print(6*7, os.getuid(), os.path.exists('data.txt'))"],
    ["interrupt", "import time; print('asleep', flush=True); time.sleep(600)"],
    ["restart", True],
    ["execute", "print(6*7)"],
    ["shutdown"],
]


@pytest.fixture
def sshd(engine, place, local, sshd_files):
    """The other machine; nothing says where its engine is but what a test says."""
    del local.environment["DOCKER_HOST"]
    with Sshd(sshd_files, place / "sshd", place / "home", engine) as sshd:
        yield sshd


def test_a_kernel_lives(engine, local, sshd):
    """Its directory is on this machine only, so it is not used, and that is said."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE)
    (local.directory / "data.txt").write_text("42")
    drive = local.drive("k", STEPS)
    values = drive.assert_done(STEPS)
    assert values[1]["stdout"] == f"42 {UID} False\n"
    assert values[2] == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert values[4]["stdout"] == "42\n"
    assert values[5] is False
    assert drive.log.count("is not mounted into the kernel's container") == 2
    assert "[E " not in drive.log


def test_a_kernel_that_waits_is_taken(engine, local, sshd):
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--warm", "--no-mount-cwd")
    running = local.launch("k")
    try:
        wait_for(lambda: waiting(engine), running.log)
    finally:
        running.kill()
    ((name, container),) = waiting(engine).items()
    wait_for(lambda: rests(engine, container), "it does not come to wait")
    assert local.ask("__import__('socket').gethostname()") == name
    local.tool("remove", "--yes", "k")
    wait_for(lambda: not engine.kernels(), lambda: f"left: {engine.kernels()}")


NBCLIENT = """
import nbformat, sys
from nbclient import NotebookClient
cell = nbformat.v4.new_code_cell(
    "import sys\\nfor _ in range(50): sys.stdout.write('x' * (1 << 20)); sys.stdout.flush()")
notebook = nbformat.v4.new_notebook(cells=[cell])
NotebookClient(notebook, kernel_name="k", timeout=240).execute()
print(sum(len(output.text) for output in notebook.cells[0].outputs))
"""


def test_much_output_comes_through(local, sshd):
    local.environment["DOCKER_HOST"] = f"ssh://gpu{sshd.engine.socket}"
    local.install(IMAGE, "--no-mount-cwd")
    done = local.run(local.python, "-c", NBCLIENT)
    assert (done.returncode, done.stdout) == (0, f"{50 << 20}\n"), done.stderr
    wait_for(lambda: not sessions(), lambda: f"left: {sessions()}")


def test_a_context(local, sshd):
    """As `docker context use` makes it known."""
    client = {"DOCKER_HOST": ""}
    for words in (["create", "gpu", "--docker", f"host={sshd.address}"], ["use", "gpu"]):
        done = local.run("docker", "context", *words, **client)
        assert done.returncode == 0, done.stderr
    # What Docker's client says is that of the other machine.
    assert local.run("docker", "version", **client).returncode == 0
    local.install(IMAGE, "--no-mount-cwd")
    assert local.ask("6*7") == 42
    assert f" at {sshd.address} (API " in local.tool("check", "--launch", "k").stdout


def test_an_engine_that_the_specification_names(local, sshd):
    """Also where another one is meant for all else, or for none."""
    local.install(IMAGE, f"--engine={sshd.address}", "--no-mount-cwd")
    for host in ("unix:///nowhere/docker.sock", ""):
        local.environment["DOCKER_HOST"] = host
        assert local.ask("6*7") == 42
        checked = local.tool("check", "--launch", "k").stdout
        assert checked.count("Docker Engine\n") == 1 and f" at {sshd.address} (API " in checked
    # Who goes back to what is meant for all else has it.
    local.tool("set", "k", "--unset=engine")
    local.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "/nowhere/docker.sock" in local.tool("check", "k", status=1).stdout


def test_a_master(local, sshd):
    """Who goes through the connection of another needs no key, and his goes on when ours end."""
    master = sshd.ssh / "master"
    sshd.configure(f"ControlPath {master}", "ControlMaster auto", "ControlPersist 600")
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    try:
        assert local.ask("6*7") == 42
        (sshd.ssh / "id_ed25519").unlink()
        assert local.ask("6*7") == 42
    finally:
        local.run("ssh", "-O", "exit", "gpu")


def test_a_directory_that_the_other_machine_has(local, sshd):
    """Where it is there, the file says."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE)
    (sshd.place / "home" / "data.txt").write_text("42")
    file = local.specification("k") / "scripts" / "launch_docker.toml"
    paths = f"mount_cwd = {{ paths = {{ '{local.directory}' = '{sshd.place / 'home'}' }} }}"
    file.write_text(file.read_text().replace("mount_cwd = true", paths))
    assert local.ask("open('data.txt').read()") == "42"


def sessions():
    """The processes of ssh that run here."""
    done = subprocess.run(["pgrep", "--exact", "ssh"], capture_output=True, text=True, check=False)
    return [int(number) for number in done.stdout.split()]


class Failures:
    """What each way to fail is, and what is said of it."""

    @staticmethod
    def password(sshd):
        (sshd.place / "authorized_keys").write_text("")
        return f"{FAR}@127.0.0.1: Permission denied (publickey,password", "see to it that `ssh gpu` needs none"

    @staticmethod
    def passphrase(sshd):
        for name in ("id_ed25519", "id_ed25519.pub"):
            (sshd.ssh / name).unlink()
        key = sshd.key(sshd.ssh / "id_ed25519", "secret")
        shutil.copy(key.with_suffix(".pub"), sshd.place / "authorized_keys")
        return "Permission denied (publickey,password", "and `ssh-add` if that has a passphrase"

    @staticmethod
    def unknown(sshd):
        (sshd.ssh / "known_hosts").unlink()
        return "Host key verification failed; its key is not known here: run `ssh gpu` in a terminal", ""

    @staticmethod
    def changed(sshd):
        known = sshd.ssh / "known_hosts"
        place, kind, _ = known.read_text().split()
        other = sshd.key(sshd.place / "other").with_suffix(".pub").read_text().split()[1]
        sshd.write("known_hosts", f"{place} {kind} {other}\n")
        return "REMOTE HOST IDENTIFICATION HAS CHANGED", "run `ssh gpu` in a terminal, which says how to forget"

    @staticmethod
    def down(sshd):
        sshd.stop()
        return f"ssh: connect to host 127.0.0.1 port {sshd.port}: Connection refused; see whether `ssh gpu` connects", ""

    @staticmethod
    def name(sshd):
        sshd.configure("HostName nowhere.invalid")
        return "Could not resolve hostname nowhere.invalid", "say in ~/.ssh/config what `gpu` stands for"

    @staticmethod
    def docker(sshd):
        sshd.restart("SetEnv PATH=/nowhere")
        return "docker: command not found; install Docker's client there", "such that `ssh gpu docker version` finds it"

    @staticmethod
    def rights(sshd):
        os.chmod(sshd.engine.socket, 0o600)
        return f"dial unix {sshd.engine.socket}: connect: permission denied", "make the user there a member of the group"

    @staticmethod
    def engine(sshd):
        sshd.restart("SetEnv DOCKER_HOST=unix:///nowhere.sock")
        return "dial unix /nowhere.sock: connect: no such file", "as in `ssh://gpu/run/user/1000/docker.sock`"

    @staticmethod
    def greeting(sshd):
        (sshd.place / "home" / ".bashrc").write_text("echo Welcome!\n")
        return "does not answer as a Docker Engine does", "see that `ssh gpu true` prints nothing"


@pytest.mark.parametrize("how", [name for name in vars(Failures) if not name.startswith("_")])
def test_failures(engine, local, sshd, how):
    """A launcher, and check, have one error."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    mode = os.stat(engine.socket).st_mode
    said = getattr(Failures, how)(sshd)
    try:
        running = local.launch("k", until=None)
        try:
            assert running.process.wait(60) > 0
            assert running.log().count("[E ") == 1
            assert all(part in running.log() for part in said), running.log()
        finally:
            running.kill()
        checked = local.tool("check", "k", status=1)
        assert all(part in checked.stdout for part in said), checked.stdout
    finally:
        os.chmod(engine.socket, mode)


def asked(local, words, question, answer):
    """The status of a command that somebody runs in a terminal and answers."""
    with Terminal(local.words(*words), local.environment) as terminal:
        terminal.look(lambda: question in " ".join(terminal.rows()))
        terminal.press(f"{answer}\r".encode())
        terminal.look()
        return terminal.process.wait(60)


def test_what_the_messages_propose(local, sshd):
    """They name commands, which help."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    # `ssh HOST` asks, and then the key is known.
    Failures.unknown(sshd)
    local.tool("check", "k", status=1)
    assert asked(local, ["ssh", "gpu", "true"], "continue connecting", "yes") == 0
    local.tool("check", "k")
    # It also says how to forget another key.
    Failures.changed(sshd)
    local.tool("check", "k", status=1)
    said = local.run("ssh", "gpu", "true").stderr
    command = re.search(r"ssh-keygen -f \S+ -R \S+", said)[0]
    assert local.run("sh", "-c", command).returncode == 0
    sshd.know()
    local.tool("check", "k")
    # `ssh-add` has the passphrase.
    Failures.passphrase(sshd)
    local.tool("check", "k", status=1)
    agent = sshd.place / "agent"
    sshd.place.chmod(0o777)
    local.environment["SSH_AUTH_SOCK"] = str(agent)
    running = local.begin("ssh-agent", "-D", "-a", agent, output=subprocess.DEVNULL)
    try:
        wait_for(agent.exists, "no agent")
        assert asked(local, ["ssh-add"], "Enter passphrase", "secret") == 0
        local.tool("check", "k")
        assert local.ask("6*7") == 42
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    # And there are `ssh HOST docker version` and `ssh HOST true`.
    local.run("ssh", "gpu", "docker", "version")


LOST = "the kernel is lost, and with it the engine at `ssh://gpu`: signal 9 ended `ssh`; see whether `ssh gpu` connects"
BROKE = "The connection to the engine at `ssh://gpu` broke: signal 9 ended `ssh`; see whether `ssh gpu` connects"


@pytest.mark.parametrize(("which", "said"), [("all", LOST), ("first", BROKE)])
def test_connections_that_are_killed(engine, local, sshd, which, said):
    """A kernel has two: for its streams, and for the answer how it ended."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    running = local.launch("k")
    try:
        found = sorted(sessions())
        assert len(found) == 2, found
        for number in found if which == "all" else found[:1]:
            os.kill(number, signal.SIGKILL)
        assert running.process.wait(60) > 0
        assert said in running.log(), running.log()
        engine.assert_no_kernels()
        wait_for(lambda: not sessions(), lambda: f"left: {sessions()}")
    finally:
        running.kill()


def test_killed(engine, local, sshd):
    """Nothing stays: no container, and no process of ssh."""
    local.environment["DOCKER_HOST"] = "ssh://gpu"
    local.install(IMAGE, "--no-mount-cwd")
    running = local.launch("k")
    try:
        assert sessions()
        os.killpg(running.launcher, signal.SIGKILL)
        running.process.wait(60)
        engine.assert_no_kernels()
        wait_for(lambda: not sessions(), lambda: f"left: {sessions()}")
    finally:
        running.kill()


def test_a_server_with_provisioners(engine, place, sshd_files, application, install):
    """docker-py speaks ssh by itself, and so the server and its launcher meet on the same engine."""
    with Sshd(sshd_files, place / "sshd", place / "home", engine, user=0, group=0) as sshd:
        application.environment["DOCKER_HOST"] = sshd.address
        install("--user", "--image-name=jds-test/kernel", "--kernel-name=k")
        steps = [["start"], ["execute", "print(6*7)"], ["restart"], ["execute", "print(6*7)"], ["shutdown"]]
        values = application.drive("k", steps).assert_done(steps)
        assert values[1] == values[3] == {"stdout": "42\n", "error": None}
