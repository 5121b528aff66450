"""Kernels in images for another architecture, which the machine emulates.

Whoever registers an emulator does so for the whole machine, or for a namespace of users. The engine of an ordinary user has
one of those, so that nobody else notices.
"""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from bed.checking import of_platform
from bed.programs import OTHER

ROOT = Path(__file__).parents[2]
QEMU = ROOT / ".test" / "qemu" / "usr"
IMAGE = "jds-test/foreign"
# Run with the privileges that the user has in the namespaces of the engine.
REGISTER = """
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
echo "$1" > /proc/sys/fs/binfmt_misc/register
"""


@pytest.fixture
def emulator(engine, place):
    """Has the engine run programs for arm64."""
    _, name, kind, offset, magic, mask, *_ = (QEMU / "lib/binfmt.d/qemu-aarch64.conf").read_text().split(":")
    program = place / "qemu"
    program.write_bytes((QEMU / "bin/qemu-aarch64-static").read_bytes())
    program.chmod(0o755)
    pid = (engine.session / "dockerd-rootless" / "child_pid").read_text().strip()
    # With F, it is opened now, and not where it is needed.
    rule = ":".join(["", name, kind, offset, magic, mask, str(program), "F"])
    inside = ["nsenter", f"--target={pid}", "--user", "--mount"]
    subprocess.run([*inside, "sh", "-euc", REGISTER, "sh", rule], check=True)


@pytest.fixture
def image(engine, place, binaries):
    """An image with one program for arm64, which is nothing but static: our own."""
    assert (binaries / OTHER).exists(), f"no {OTHER}: packaging/build makes it, where Rust has aarch64-unknown-linux-musl"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(binaries / OTHER, "kernel")
    words = ["docker", "--host", engine.address, "import", "--change=LABEL jds.test=1", "-", IMAGE]
    subprocess.run(words, input=archive.getvalue(), check=True, capture_output=True)
    of_platform(engine, place, IMAGE, "arm64")
    return IMAGE


def ended(local, image):
    """The status and the output of a kernel that ends by itself."""
    local.install(image, "--kernel-command=/kernel {connection_file}")
    running = local.launch("k", until=None)
    try:
        return running.process.wait(60), running.log()
    finally:
        running.kill()


def test_without_an_emulator_it_is_told(engine, local, image):
    status, log = ended(local, image)
    assert status > 0 and f"the image `{IMAGE}` is for linux/arm64" in log, log


def test_the_bootstrap_for_it_starts_a_program_for_it(engine, local, image, emulator):
    status, log = ended(local, image)
    # That is the bootstrap once more, which finds nobody who speaks to it.
    assert "could not serve the kernel: not a pipe" in log, log
    assert status == 125 and "ended with exit status 125" in log, log
