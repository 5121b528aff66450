"""Installations on the file systems that are met in practice, and on those that are full or locked.

They need no engine, but the namespaces in which its tests run: what is mounted here is seen nowhere
else, and is gone with the process.
"""

import json
import os
import re
import shutil
import subprocess
import threading

import pytest

from bed.killed import at_every_call, contents, strace

KERNELS = "share/jupyter/kernels"
PAGE = 4096
LITTLE = 64 * 1024
# Every file of the one is missing or different in the other, so that none can stay.
OLD = ("--language=R", "--launcher=python", "--display-name=Old")
NEW = ("--display-name=New", "--replace")
FILES_OF_NEW = {
    "kernel.json",
    "logo-32x32.png",
    "logo-64x64.png",
    "logo-svg.svg",
    "scripts",
    "scripts/launch_docker",
    "scripts/launch_docker.toml",
}


@pytest.fixture
def mount():
    """Mounts something until the test ends, in place of what the test has mounted there before."""
    mounted = []

    def run(target, *words):
        if target in mounted:
            subprocess.run(["umount", target], check=True)
            mounted.remove(target)
        target.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *words, target], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        mounted.append(target)
        return target

    yield run
    for target in reversed(mounted):
        subprocess.run(["umount", target], check=True)


@pytest.fixture
def tool(place, binaries):
    """Runs our program. Nothing may be left in the temporary directory."""
    temporary = place / "tmp"
    temporary.mkdir()

    def run(*words, under=()):
        return subprocess.run(
            [*under, binaries / "jupyter-docker-spec", *words],
            env={"HOME": str(place), "TMPDIR": str(temporary)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    yield run
    assert list(temporary.iterdir()) == []


@pytest.fixture
def install(tool):
    """Installs a kernel below a prefix."""

    def run(prefix, *words, name="k", under=()):
        where = (f"--kernel-name={name}", f"--prefix={prefix}")
        return tool("install", *where, *words, under=under)

    return run


@pytest.fixture
def ext4(place, mount):
    """An empty ext4: a new one, or the temporary directory's where there are no loop devices."""
    image = place / "image"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    mkfs = shutil.which("mkfs.ext4")
    assert mkfs, "no mkfs.ext4: install e2fsprogs"
    subprocess.run([mkfs, "-q", "-F", image], check=True)
    try:
        return mount(place / "ext4", "-o", "loop", image)
    except AssertionError as error:
        kind = subprocess.check_output(["stat", "-f", "-c", "%T", place], text=True).strip()
        assert kind == "ext2/ext3", f"no loop device ({error}), and {place} is {kind}, not ext4"
        (place / "ext4").mkdir(exist_ok=True)
        return place / "ext4"


@pytest.fixture
def tmpfs(place, mount):
    """A file system in memory that can be made as small as needed."""

    def create(name="tmpfs", **options):
        words = ",".join(f"{name}={value}" for name, value in options.items()) or "defaults"
        return mount(place / name, "-t", "tmpfs", "-o", words, "tmpfs")

    return create


@pytest.fixture
def overlay(place, mount, tmpfs, install):
    """Lays an empty layer over a prefix that has the old specification.

    Docker does the same for every instruction of a Dockerfile. Where the kernel could rename
    directories of a lower layer, that is switched off, as it is in most places.
    """
    prefix = place / "prefix"
    assert install(prefix, *OLD).returncode == 0
    (prefix / KERNELS / "k" / "logo-of-the-user.png").write_text("mine")

    def lay():
        upper = tmpfs("upper")
        for name in ("upper", "work"):
            (upper / name).mkdir()
        layers = f"lowerdir={prefix},upperdir={upper}/upper,workdir={upper}/work,redirect_dir=off"
        return mount(prefix, "-t", "overlay", "-o", layers, "overlay")

    return lay


def specification(prefix):
    """The kernel.json, after making sure that it names a launcher that is there."""
    specification = json.loads((prefix / KERNELS / "k" / "kernel.json").read_text())
    launcher = next(word for word in specification["argv"] if word.startswith("/"))
    assert os.access(launcher, os.X_OK), launcher
    return specification


def visible(prefix):
    """The names of the specifications that Jupyter sees."""
    return {path.parent.name for path in (prefix / KERNELS).glob("*/kernel.json")}


def assert_new(prefix, binaries):
    """The new specification is there as a whole, and nothing else."""
    assert [path.name for path in (prefix / KERNELS).iterdir()] == ["k"]
    found = contents(prefix / KERNELS / "k")
    assert found.keys() == FILES_OF_NEW
    modes = {name: int(mode, 8) & 0o7777 for name, (mode, _) in found.items()}
    executable = {"scripts", "scripts/launch_docker"}
    assert modes == {name: 0o755 if name in executable else 0o644 for name in FILES_OF_NEW}
    assert found["scripts/launch_docker"][1] == (binaries / "launch_docker").read_bytes()
    assert specification(prefix)["display_name"] == "New"


def assert_refused(done, *patterns):
    """Exit status 1, and one line that says why, which is the last."""
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    assert [line[:2] for line in lines].count("[E") == 1 and lines[-1].startswith("[E"), done.stderr
    for pattern in patterns:
        assert re.search(pattern, lines[-1]), f"no {pattern!r} in {lines[-1]}"


def used(file_system):
    """The bytes that are in use."""
    status = os.statvfs(file_system)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


class Watch:
    """Looks at a specification over and over: at every instant it is the old one or the new one."""

    def __init__(self, prefix):
        self.seen = []
        self.failure = None
        self._path = prefix / KERNELS / "k" / "kernel.json"
        self._looking = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            over = False
            while not over:
                over = self._over.is_set()
                name = json.loads(self._path.read_text())["display_name"]
                if self.seen[-1:] != [name]:
                    self.seen.append(name)
                self._looking.set()
        except Exception as failure:
            self.failure = failure
            self._looking.set()

    def __enter__(self):
        self._thread.start()
        self._looking.wait()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        assert self.failure is None, f"no specification for a moment: {self.failure!r}"
        assert self.seen == ["Old", "New"]


# ext4.


def test_ext4(install, ext4, binaries):
    assert install(ext4, *NEW[:1]).returncode == 0
    assert_new(ext4, binaries)


def test_ext4_replace(install, ext4, binaries):
    assert install(ext4, *OLD).returncode == 0
    before = (ext4 / KERNELS / "k").stat().st_ino
    with Watch(ext4):
        done = install(ext4, *NEW)
        assert done.returncode == 0, done.stderr
    assert_new(ext4, binaries)
    # As one step: the directory is another one.
    assert (ext4 / KERNELS / "k").stat().st_ino != before


# Another file system behind a symbolic link.


@pytest.mark.parametrize("link", ["share/jupyter", KERNELS])
def test_link_to_another_file_system(place, install, tmpfs, binaries, link):
    target = tmpfs()
    path = place / "prefix" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    for words in (NEW[:1], (*OLD, "--replace"), NEW):
        done = install(place / "prefix", *words)
        assert done.returncode == 0, done.stderr
    assert_new(place / "prefix", binaries)
    assert path.is_symlink()
    assert used(target) > (binaries / "launch_docker").stat().st_size


# An overlay, as in an image.


def test_overlay_replace(place, install, overlay, binaries):
    prefix = overlay()
    log = place / "strace"
    with Watch(prefix):
        done = install(prefix, *NEW, under=strace("-e", "trace=renameat2", "-o", log))
        assert done.returncode == 0, done.stderr
    # The reason for all this.
    assert re.search(r"RENAME_EXCHANGE\) = -1 EXDEV", log.read_text())
    assert_new(prefix, binaries)
    assert "logo-of-the-user.png" in done.stderr
    assert [line for line in done.stderr.splitlines() if "logo-" in line][0].startswith("[W")


def test_overlay_replace_in_the_same_layer(install, overlay, binaries):
    prefix = overlay()
    for words in (NEW, (*OLD, "--replace"), NEW):
        assert install(prefix, *words).returncode == 0
    assert_new(prefix, binaries)


def test_overlay_beside_a_specification_of_a_lower_layer(install, overlay):
    prefix = overlay()
    before = contents(prefix / KERNELS / "k")
    done = install(prefix, "--display-name=Other", name="other")
    assert done.returncode == 0, done.stderr
    assert contents(prefix / KERNELS / "k") == before
    assert {path.name for path in (prefix / KERNELS).iterdir()} == {"k", "other"}


def test_overlay_set(tool, overlay):
    """Of a specification of a lower layer, only what is named is another one afterwards."""
    prefix = overlay()
    before = contents(prefix / KERNELS / "k")
    with Watch(prefix):
        done = tool("set", "k", f"--prefix={prefix}", "--display-name=New", "--image-name=x:1")
        assert done.returncode == 0, done.stderr
    after = contents(prefix / KERNELS / "k")
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed == {"kernel.json"}
    assert after["kernel.json"][0] == before["kernel.json"][0]
    assert specification(prefix)["metadata"]["kernel_provisioner"]["config"]["image_name"] == "x:1"
    assert [path.name for path in (prefix / KERNELS).iterdir()] == ["k"]


def test_overlay_replace_killed_at_every_call(place, install, overlay, binaries):
    """Whatever is left can be used, and the next installation leaves nothing of it."""
    prefix = place / "prefix"
    seen = []

    def run(under):
        return install(prefix, *NEW, under=under)

    for call in at_every_call(place / "strace", overlay, run):
        seen.append(specification(prefix)["display_name"])
        assert visible(prefix) == {"k"}, f"killed at {call}"
        again = install(prefix, *NEW)
        assert again.returncode == 0, again.stderr
        assert_new(prefix, binaries)
    assert seen.count("Old") > 100 and seen.count("New") > 20, seen


def test_overlay_set_killed_at_every_call(place, tool, overlay):
    """It has changed or it has not, and the next one is not kept from it by what is left."""
    prefix = place / "prefix"
    seen = []

    def run(under=()):
        return tool("set", "k", f"--prefix={prefix}", "--display-name=New", under=under)

    for call in at_every_call(place / "strace", overlay, run):
        seen.append(specification(prefix)["display_name"])
        again = run()
        assert again.returncode == 0, f"killed at {call}: {again.stderr}"
        assert specification(prefix)["display_name"] == "New"
        assert not (prefix / KERNELS / "k" / ".replacing").exists(), f"killed at {call}"
        # What changes nothing leaves the rest to the next that does.
        assert tool("set", "k", f"--prefix={prefix}", "--display-name=Last").returncode == 0
        assert [path.name for path in (prefix / KERNELS).iterdir()] == ["k"], f"killed at {call}"
        assert not (prefix / KERNELS / "k" / ".changing").exists(), f"killed at {call}"
    assert seen.count("Old") > 50 and seen.count("New") > 10, seen


def test_overlay_remove_killed_at_every_call(place, tool, overlay):
    """Jupyter sees all of the specification or nothing, and the next removal takes what is left."""
    prefix = place / "prefix"
    before = contents(prefix / KERNELS / "k")
    seen = []

    def run(under=()):
        return tool("remove", "-y", f"--prefix={prefix}", "k", under=under)

    for call in at_every_call(place / "strace", overlay, run):
        seen.append(bool(visible(prefix)))
        if seen[-1]:
            assert contents(prefix / KERNELS / "k") == before, f"killed at {call}"
        again = run()
        assert again.returncode == 0 or not seen[-1], again.stderr
        assert list((prefix / KERNELS).iterdir()) == [], f"killed at {call}"
    assert seen.count(True) > 50 and seen.count(False) > 30, seen


# A full disk.


@pytest.fixture
def need(install, tmpfs):
    """The bytes that the new specification takes."""
    file_system = tmpfs("need")
    before = used(file_system)
    assert install(file_system, *NEW).returncode == 0
    return used(file_system) - before


def sizes(need):
    """From next to nothing to just too little."""
    return [LITTLE, need // 2, need - LITTLE, need - PAGE]


def test_full_disk(install, tmpfs, need, binaries):
    for number, size in enumerate(sizes(need)):
        file_system = tmpfs(f"full-{number}", size=size)
        done = install(file_system / "new" / "prefix", *NEW)
        assert_refused(done, re.escape(f"{file_system}/new/prefix/{KERNELS}"), "No space left")
        assert contents(file_system) == {}
    file_system = tmpfs("enough", size=need)
    assert install(file_system, *NEW).returncode == 0
    assert_new(file_system, binaries)


def test_full_disk_replace(install, tmpfs, need, binaries):
    file_system = tmpfs()
    assert install(file_system, *OLD).returncode == 0
    (file_system / KERNELS / "k" / "notes").write_text("mine")
    before = contents(file_system)
    old = used(file_system)
    for size in sizes(need):
        resize(file_system, size=old + size)
        done = install(file_system, *NEW)
        assert_refused(done, re.escape(f"{file_system}/{KERNELS}"), "No space left")
        assert contents(file_system) == before
    resize(file_system, size=old + need)
    assert install(file_system, *NEW).returncode == 0
    assert_new(file_system, binaries)


def resize(file_system, **options):
    words = ",".join(f"{name}={value}" for name, value in options.items())
    subprocess.run(["mount", "-o", f"remount,{words}", file_system], check=True)


def test_full_disk_for_names(install, tmpfs, binaries):
    """Every file and directory is once the one for which there is no room."""
    statuses = []
    for count in range(1, 40):
        file_system = tmpfs(f"names-{count}", nr_inodes=count)
        done = install(file_system / "prefix", *NEW)
        statuses.append(done.returncode)
        if done.returncode == 0:
            assert_new(file_system / "prefix", binaries)
            break
        assert_refused(done, re.escape(str(file_system)), "No space left")
        assert contents(file_system) == {}
    assert len(statuses) > 8 and statuses[-1] == 0


@pytest.mark.parametrize(("limit", "step"), [("size", 128 * 1024), ("nr_inodes", 1)])
def test_full_layer_of_an_overlay(place, install, overlay, binaries, limit, step):
    """As room is added bit by bit, every change is once the one for which there is none."""
    statuses = []
    for number in range(1, 60):
        prefix = overlay()
        upper = place / "upper"
        status = os.statvfs(upper)
        taken = {"size": used(upper), "nr_inodes": status.f_files - status.f_ffree}[limit]
        resize(upper, **{limit: taken + number * step})
        before = contents(prefix)
        done = install(prefix, *NEW)
        statuses.append(done.returncode)
        if done.returncode == 0:
            assert_new(prefix, binaries)
            break
        assert_refused(done, re.escape(f"{prefix}/{KERNELS}"), "No space left")
        assert contents(prefix) == before
    assert len(statuses) > 8 and statuses[-1] == 0


# A file system that cannot be written.


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        ("k", NEW[:1], "A kernel specification exists"),
        ("k", NEW, "Read-only file system"),
        ("other", NEW, "Read-only file system"),
    ],
)
def test_read_only(place, install, mount, name, words, reason):
    prefix = place / "prefix"
    assert install(prefix, *OLD).returncode == 0
    before = contents(prefix)
    mount(prefix, "--bind", prefix)
    subprocess.run(["mount", "-o", "remount,bind,ro", prefix], check=True)
    done = install(prefix, *words, name=name)
    assert_refused(done, re.escape(f"{prefix}/{KERNELS}"), reason)
    assert contents(prefix) == before


def test_read_only_for_a_new_prefix(place, install, mount):
    locked = mount(place / "locked", "-t", "tmpfs", "-o", "ro", "tmpfs")
    done = install(locked / "new" / "prefix", *NEW)
    assert_refused(done, re.escape(str(locked)), "Read-only file system")
    assert list(locked.iterdir()) == []
