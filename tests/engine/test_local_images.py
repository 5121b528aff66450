"""Images that have something of their own, and kernels that do not do as they are told."""

import hashlib
import io
import json
import os
import signal
import tarfile

import pytest

from bed.local import GID, UID
from bed.patience import wait_for
from bed.programs import OTHER, PROGRAMS

IMAGE = "jds-test/plain"
HOME = "[os.environ['HOME'], os.access(os.environ['HOME'], os.W_OK), os.environ.get('USER'), os.getuid()]"


def stock(engine, *lines):
    return engine.image("jds-test/stock", *lines, base=IMAGE)


def test_an_entrypoint_that_finds_python(engine, local):
    """As of images with conda: only their entrypoint makes the kernel's Python known."""
    enter = "#!/bin/sh\\nPATH=/opt/kernel/bin:$PATH\\nexport PATH ENTERED=yes\\nexec \"$@\"\\n"
    image = stock(
        engine,
        f"RUN printf '{enter}' > /enter && chmod 755 /enter",
        "ENV PATH=/usr/bin:/bin",
        'ENTRYPOINT ["/enter"]',
    )
    local.install(image)
    assert local.ask("[os.environ['ENTERED'], os.environ['PATH'].split(':')[0]]") == ["yes", "/opt/kernel/bin"]


def test_an_entrypoint_that_gives_up_root(engine, local):
    """It hands the kernel to a user who cannot read root's files, as docker-stacks does for `NB_UID`."""
    image = stock(
        engine,
        "RUN printf '#!/bin/sh\\nexec setpriv --reuid=1500 --regid=1500 --clear-groups \"$@\"\\n' > /enter && chmod 755 /enter",
        'ENTRYPOINT ["/enter"]',
    )
    # What containers share with their host has no file that everybody may read.
    local.install(image, "--container-user=root", "--ipc=host", f"--volume={local.directory}:/var/tmp/of/host")
    file = "__import__('ipykernel').get_connection_file()"
    assert local.ask(f"[os.getuid(), os.path.dirname({file}), oct(os.stat({file}).st_mode)]") == [1500, "/tmp", "0o100644"]


# As the images of docker-stacks: a home of user 1000, whose group is that of `users`.
STACKS = [
    "RUN useradd --uid 1000 --gid 100 --home-dir /home/jovyan --create-home jovyan && chmod 2775 /home/jovyan",
    "ENV NB_USER=jovyan NB_UID=1000 NB_GID=100 HOME=/home/jovyan",
    "USER 1000",
    "WORKDIR /home/jovyan",
]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [None, True, "ann", UID]),
        (("--container-user=image",), ["/home/jovyan", True, None, 1000]),
        (("--container-user=1000:100",), ["/home/jovyan", True, None, 1000]),
        (("--group-add=100",), ["/home/jovyan", True, "ann", UID]),
    ],
    ids=["own", "image", "named", "group"],
)
def test_one_like_those_of_docker_stacks(engine, local, options, found):
    local.install(stock(engine, *STACKS), "--no-mount-cwd", *options)
    seen = local.ask(f"[*{HOME}, os.getcwd(), os.environ['NB_UID']]")
    if found[0] is None:
        # Not the image's, which is not this user's.
        assert seen[0] != "/home/jovyan"
        found[0] = seen[0]
    assert seen == [*found, "/home/jovyan", "1000"]


def test_volumes_of_the_image_go_with_the_container(engine, local):
    local.install(stock(engine, "RUN mkdir /data /tmp/x && chmod 777 /data", "VOLUME /data", "VOLUME /root"))
    running = local.launch("k")
    try:
        assert len(engine.ask("/volumes")["Volumes"]) == 2
        running.process.terminate()
        running.process.wait(60)
        engine.assert_no_kernels()
        wait_for(lambda: not engine.ask("/volumes")["Volumes"], lambda: f"left: {engine.ask('/volumes')}")
    finally:
        running.kill()


def test_the_notebooks_directory_is_nobodys_home(engine, local):
    """Podman says that it is, of users whom the image does not know."""
    home = f"RUN echo 'someone:x:{UID}:{GID}::{local.directory}:/bin/sh' >> /etc/passwd"
    image = stock(engine, home)
    local.install(image)
    found, is_writable, *_ = local.ask(HOME)
    assert found != str(local.directory) and is_writable
    assert not (local.directory / ".ipython").exists()
    # Somebody may want it so.
    local.install(image, f"--env=HOME={local.directory}", name="wanted")
    assert local.ask(HOME, kernel="wanted")[:2] == [str(local.directory), True]


def test_a_volume_where_files_are_put(engine, local):
    """The bootstrap is brought into the root directory, whatever is mounted elsewhere."""
    local.install(stock(engine, "VOLUME /tmp", "VOLUME /var/tmp"), "--tmpfs=/dev/shm")
    assert local.ask("open('/tmp/x', 'w').close() or os.getuid()") == UID


def test_read_only_with_the_notebooks_directory(engine, local):
    local.install(IMAGE, "--read-only")
    found = local.ask("[os.getcwd(), os.access('/', os.W_OK), open('x', 'w').close()]")
    assert found == [str(local.directory), False, None]
    assert (local.directory / "x").exists()
    wait_for(lambda: not engine.ask("/volumes")["Volumes"], "the volume of the bootstrap is left")


@pytest.mark.parametrize("script", ["it's \"odd\" $HOME", "a  b\\n"], ids=["quotes", "blanks"])
def test_quotes_in_the_command(local, script):
    (local.directory / "own kernel.py").write_text(
        "import sys, runpy\nopen('heard', 'w').write(sys.argv[1])\n"
        "sys.argv[1:2] = []\nrunpy.run_module('ipykernel_launcher', run_name='__main__')\n"
    )
    quoted = "'" + script.replace("'", "'\\''") + "'"
    local.install(IMAGE, f"--kernel-command=python 'own kernel.py' {quoted} -f {{connection_file}}")
    assert local.ask("6*7") == 42
    assert (local.directory / "heard").read_text() == script


STUBBORN = """
import signal, sys, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
import os
if os.fork() == 0:
    os.setsid()
print("ready", file=sys.stderr, flush=True)
while True: time.sleep(1)
"""


def test_a_kernel_that_nothing_moves(engine, local):
    """It, and what it has started in a session of its own, ends with its launcher all the same."""
    (local.directory / "own.py").write_text(STUBBORN)
    local.install(IMAGE, "--kernel-command=python own.py {connection_file}")
    running = local.launch("k", until="ready")
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            running.process.send_signal(number)
        assert engine.kernels() and running.process.poll() is None
        os.kill(running.launcher, signal.SIGKILL)
        engine.assert_no_kernels()
    finally:
        running.kill()


def test_children_of_a_kernel_that_has_ended(engine, local):
    """They end with it: a container is no longer there than its kernel."""
    local.install(IMAGE)
    code = "import subprocess; print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid > 0)"
    assert local.execute(code) == ["True\n"]
    engine.assert_no_kernels()


def test_orphans_are_reaped(engine, local):
    local.install(IMAGE)
    code = (
        "import subprocess, time, glob\n"
        "subprocess.run(['sh', '-c', 'for i in 1 2 3 4 5; do (sleep 0.1 &) ; done'])\n"
        "zombies = lambda: [p for p in glob.glob('/proc/[0-9]*/stat') if open(p).read().split(') ')[1][0] == 'Z']\n"
        "time.sleep(0.5)\n"
        "while zombies(): time.sleep(0.1)\n"
        "print('reaped')"
    )
    assert local.execute(code) == ["reaped\n"]


def test_a_kernel_that_dies_is_told_of(engine, local):
    local.install(IMAGE)
    (local.directory / "own.py").write_text("import sys; print('my last words', file=sys.stderr); sys.exit(3)")
    local.install(IMAGE, "--kernel-command=python own.py {connection_file}", name="dies")
    running = local.launch("dies", until=None)
    try:
        assert running.process.wait(60) == 3
        log = running.log()
        assert log.index("my last words") < log.index("ended with exit status 3"), log
    finally:
        running.kill()


def relabelled(engine, image, architecture, directory):
    """The image, said to be for another architecture."""
    name, old, new = f"jds-test/for-{architecture}", directory / "old.tar", directory / "new.tar"
    engine.docker("save", "--output", old, image)
    with tarfile.open(old) as saved, tarfile.open(new, "w") as changed:
        (manifest,) = json.load(saved.extractfile("manifest.json"))
        config = json.load(saved.extractfile(manifest["Config"])) | {"architecture": architecture}
        config = json.dumps(config).encode()
        manifest |= {"Config": f"{hashlib.sha256(config).hexdigest()}.json", "RepoTags": [f"{name}:latest"]}
        for member in saved:
            if member.name.endswith("/layer.tar"):
                changed.addfile(member, saved.extractfile(member) if member.isfile() else None)
        for path, text in ((manifest["Config"], config), ("manifest.json", json.dumps([manifest]).encode())):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            changed.addfile(entry, io.BytesIO(text))
    engine.docker("load", "--input", new)
    return name


@pytest.mark.parametrize("has_bootstrap", [True, False])
def test_an_image_for_another_architecture(engine, local, tmp_path, has_bootstrap):
    """It runs with QEMU only, of which this engine's host has none."""
    if has_bootstrap and OTHER not in PROGRAMS:
        has_bootstrap = False
    local.install(relabelled(engine, "jds-test/tiny", "arm64", tmp_path))
    bootstrap = local.specification("k") / "scripts" / OTHER
    assert bootstrap.exists() == (OTHER in PROGRAMS)
    if not has_bootstrap:
        bootstrap.unlink(missing_ok=True)
    running = local.launch("k", until=None)
    try:
        assert running.process.wait(60) > 0
        log = running.log()
        expected = "is for linux/arm64, and the engine's host is linux/amd64" if has_bootstrap else f"could not read `{OTHER}`"
        assert expected in log, log
    finally:
        running.kill()
    engine.assert_no_kernels()
