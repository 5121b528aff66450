"""Makes the images that the tests run, without a registry.

The base is the distribution of this machine, put together by debootstrap, or the image that
JDS_BASE_IMAGE names where one can be pulled. This needs the network of the machine while the tests
need one of their own, hence a program for itself: an engine without any network builds, with `RUN`
lines in the machine's network, and the engine of the tests finds the images in the same directory.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bed import engines, pages
from bed.engine import Engine

HERE = Path(__file__).parent
DOCUMENTED = HERE.parents[1] / "docs" / "images"
BASE = "jds-test/base"
PREPARED = "jds-test/prepared"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates,libzmq5,busybox-static"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PASSED_ON = ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
OFFLINE = ("--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")


def main():
    with Engine(Path(os.environ["JDS_RUN"]), Path(sys.argv[1]), OFFLINE) as engine:
        base = pulled(engine) or bootstrapped(engine)
        build(engine, HERE / "images" / "prepared", base)
        # The images that the documentation shows how to make take minutes, hence first. A few at a time:
        # each waits for its downloads, then for its disk.
        images = [(DOCUMENTED / name, PREPARED) for name in ("scala", "r")]
        images += [
            (HERE / "images" / name, base)
            for name in ("kernel", "plain", "bare", "app", "gateway", "small", "haproxy", "tiny")
        ]
        with ThreadPoolExecutor(3) as pool:
            for building in [pool.submit(build, engine, *image) for image in images]:
                building.result()
        build(engine, HERE / "images" / "widgets", "jds-test/plain")
        of_tutorial(engine)
        engines.save(engine)


def of_tutorial(engine):
    """What the tutorial builds, so that the tests, without a network, have its layers in the engine's cache."""
    (dockerfile,) = [block.text for block in pages.blocks("docs/tutorial.md") if block.file]
    (public,) = re.findall(r"^FROM (\S+)$", dockerfile, re.M)
    source = engine.run / "tutorial"
    source.mkdir()
    (source / "Dockerfile").write_text(dockerfile)
    engine.docker("tag", PREPARED, public)
    build(engine, source, PREPARED)
    engine.docker("image", "rm", public)


def pulled(engine):
    """The base image that the caller asks for, if any."""
    if name := os.environ.get("JDS_BASE_IMAGE"):
        if not engine.has_image(name):
            engine.docker("pull", name)
        return name
    return None


def bootstrapped(engine):
    """A base image from the packages of the distribution that this machine runs."""
    if engine.has_image(BASE):
        return BASE
    release, mirror = distribution()
    with tempfile.TemporaryDirectory(dir=engine.data.parent) as directory:
        root = Path(directory, "root")
        options = ["--variant=minbase", f"--include={PACKAGES}", "--components=main,universe"]
        log = engine.run / "debootstrap.log"
        with log.open("w") as output:
            done = subprocess.run(
                ["debootstrap", *options, release, root, mirror], stdout=output, stderr=output
            )
        if done.returncode != 0:
            raise SystemExit(f"debootstrap failed:\n{log.read_text()[-2000:]}")
        # As in the images of Debian: a layer is made anew if it is lost, so that dpkg need not wait for the disk.
        (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        skip = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*"]
        tar = subprocess.Popen(["tar", "-C", root, *skip, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(
            ["docker", "--host", engine.address, "import", "-", BASE], stdin=tar.stdout, check=True
        )
        if tar.wait() != 0:
            raise SystemExit("tar could not read the base system")
    return BASE


def distribution():
    """The code name of this distribution, and the mirror that apt is configured to use for it."""
    listing = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
    lines = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    system = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    codename = system.get("VERSION_CODENAME", "").strip('"')
    for release, component, mirror in map(str.split, lines):
        if (release, component) == (codename, "main"):
            return release, mirror
    raise SystemExit(f"apt knows no mirror for the release {codename!r}; set JDS_BASE_IMAGE")


def build(engine, source, base):
    """Builds the image of a directory; the engine's cache makes a repetition cheap."""
    name = source.name
    with tempfile.TemporaryDirectory() as directory:
        context = shutil.copytree(source, Path(directory, "context"))
        requirements = HERE.parent.glob("requirements-*.txt")
        for file in (CERTIFICATES, *requirements, *HERE.glob("*drive.py")):
            shutil.copy2(file, context)
        arguments = {"BASE": base}
        arguments |= {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        engine.docker("build", "--network=host", f"--tag=jds-test/{name}", *options, context)


if __name__ == "__main__":
    main()
