"""The engines that the tests can run on, beside the one that this machine's distribution has: those of Debian's next
releases, whose programs `tests/run` unpacks into `.test/engines/SUITE`.

`JDS_ENGINE` names the one of a run. It has a directory of its own for its data, into which it loads the images that
the distribution's own has made.
"""

import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bed.engine import CGROUPS, Engine
from bed.local import GID, UID

ROOT = Path(__file__).parents[2]
ENGINES = ROOT / ".test" / "engines"
SUITE = Path(__file__).with_name("suite")
ROOTLESS = Path(__file__).with_name("rootless")
# The images that they have, as an archive, and what tells those from older ones of the same names.
ARCHIVE = ENGINES / "images.tar"
CONTENTS = ENGINES / "images.json"
IMAGES = [f"jds-test/{name}" for name in ("kernel", "plain", "small", "tiny", "app", "gateway")]


def save(engine: Engine):
    """Writes the archive of an engine's images, unless it is there."""
    contents = json.dumps({image: engine.inspect(image)["Id"] for image in IMAGES})
    if not ARCHIVE.exists() or not CONTENTS.exists() or CONTENTS.read_text() != contents:
        ENGINES.mkdir(exist_ok=True)
        CONTENTS.unlink(missing_ok=True)
        engine.docker("save", "--output", ARCHIVE, *IMAGES)
        CONTENTS.write_text(contents)


@dataclass(frozen=True)
class Kind:
    """An engine that people have."""

    name: str
    # What it is called where people read it.
    title: str
    suite: str = ""
    # Whether images are in the store of containerd, as is the default of Docker 29.
    has_containerd_store: bool = False
    # The oldest version of the API that it speaks, if another than its own.
    oldest: str = ""
    is_podman: bool = False
    # Whether it belongs to an ordinary user.
    is_rootless: bool = False

    @property
    def tells_sizes(self):
        """Whether what it tells of a pull has the sizes of small layers."""
        return not self.has_containerd_store

    @property
    def root(self):
        """Where its programs are."""
        return ENGINES / self.suite


OWN = Kind("", "the distribution's own")
KINDS = {
    kind.name: kind
    for kind in (
        OWN,
        Kind("26", "Docker 26", "trixie"),
        Kind("26store", "Docker 26, images in containerd's store", "trixie", has_containerd_store=True),
        Kind("29like", "as Docker 29: images in containerd's store, API 1.44 or later", "trixie", True, "1.44"),
        Kind("28", "Docker 28", "sid"),
        Kind("28like29", "Docker 28 as Docker 29", "sid", True, "1.44"),
        Kind("podman", "Podman 5", "trixie", is_podman=True),
        Kind("docker-rootless", "Docker 26, rootless", "trixie", is_rootless=True),
        Kind("podman-rootless", "Podman 5, rootless", "trixie", is_podman=True, is_rootless=True),
    )
}


def chosen():
    """The kind that this run is on."""
    return KINDS[os.environ.get("JDS_ENGINE", "")]


class Suite(Engine):
    """An engine of another distribution than this machine's."""

    def __init__(self, kind: Kind, run: Path, data: Path, options=()):
        super().__init__(run, data, options)
        self.kind = kind
        self.wrapper = (SUITE, kind.root)
        assert (kind.root / "done").exists(), f"no {kind.root}: tests/run makes it"
        use_client(kind, run)

    def __enter__(self):
        super().__enter__()
        try:
            self._load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _load(self):
        loaded = self.data / "images.json"
        if not loaded.exists() or loaded.read_text() != CONTENTS.read_text():
            self.docker("load", "--quiet", "--input", ARCHIVE)
            shutil.copy(CONTENTS, loaded)


class Docker(Suite):
    """A Docker Engine."""

    def __init__(self, kind: Kind, run: Path, data: Path, options=()):
        super().__init__(kind, run, data, options)
        # With containerd's store it trusts servers of tokens as the system does, and not by the registry's certificates.
        variables = [f"SSL_CERT_FILE={run / 'registries' / 'tls' / 'ca.pem'}"]
        if kind.oldest:
            variables.append(f"DOCKER_MIN_API_VERSION={kind.oldest}")
        self.wrapper = (*self.wrapper, "env", *variables)
        file = run / "daemon.json"
        file.write_text(json.dumps({"features": {"containerd-snapshotter": kind.has_containerd_store}}))
        self.options = [*options, f"--config-file={file}"]


class Podman(Suite):
    """Podman's service, which speaks the API of Docker."""

    # Where it writes, whatever it is told.
    PLACES = [Path("/var/lib/containers"), *(Path("/run") / name for name in ("netns", "containers", "libpod", "crun"))]

    def __enter__(self):
        self.made = [place for place in self.PLACES if not place.exists()]
        for place in self.made:
            place.mkdir()
        # Of the containers of a run before, in whose directory they were.
        for file in self.data.glob("db.sql*"):
            file.unlink()
        try:
            return super().__enter__()
        except BaseException:
            self._remove_places()
            raise

    def command(self):
        home = self.run / "home"
        configuration = home / ".config" / "containers"
        file = configured(configuration, self.run)
        return [
            *self.wrapper,
            *("env", f"HOME={home}", f"CONTAINERS_CONF={file}"),
            *(f"CONTAINERS_REGISTRIES_CONF={configuration / 'registries.conf'}",),
            *("podman", f"--root={self.data}", f"--runroot={self.run / 'exec'}"),
            *("system", "service", "--time=0", self.address),
        ]

    def start(self):
        super().start()
        # As that of Docker: for its group, too.
        self.socket.chmod(0o660)

    def stop(self):
        with contextlib.suppress(OSError):
            self.clean()
        super().stop()

    def __exit__(self, *_):
        super().__exit__()
        self._remove_places()

    def _remove_places(self):
        for place in self.made:
            with contextlib.suppress(OSError):
                place.rmdir()

    @property
    def in_swarm(self):
        return False

    def _cgroups(self):
        for top in CGROUPS.glob("*/libpod_parent"):
            yield from (path for path in top.glob("**") if path.is_dir())

    def remove_container(self, identity):
        # To remove one it asks it to stop, for ten seconds.
        self.ask(f"/containers/{identity}/kill", "POST", signal="KILL")
        super().remove_container(identity)


def configured(directory, run):
    """Writes Podman's files into a directory, so that it looks for none of the machine's; what leads to the others."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    (directory / "registries.conf").write_text("")
    file = directory / "containers.conf"
    lines = ["[network]", f'network_config_dir = "{run / "networks"}"']
    lines += ["[engine]", 'cgroup_manager = "cgroupfs"', 'events_logger = "file"', f'tmp_dir = "{run / "tmp"}"']
    lines += [f'image_copy_tmp_dir = "{run}"']
    file.write_text("\n".join(lines) + "\n")
    return file


class Rootless(Suite):
    """An engine that belongs to the user who runs the applications of the tests; see `rootless`."""

    def __init__(self, kind: Kind, run: Path, data: Path):
        super().__init__(kind, run, data)
        self.home = run / "home"
        # The directory of the user's session.
        self.session = self.home / "xdg"
        self.socket = self.session / ("podman/podman.sock" if kind.is_podman else "docker.sock")
        self.address = f"unix://{self.socket}"

    def command(self):
        self.home.mkdir(exist_ok=True)
        words = [*self.wrapper, ROOTLESS, self.home, self.data, UID, GID]
        root, executing = self.home / "data", self.session / "exec"
        if not self.kind.is_podman:
            words += ["/usr/share/docker.io/contrib/dockerd-rootless.sh", f"--host={self.address}"]
            words += [f"--data-root={root}", f"--exec-root={executing}", f"--pidfile={self.session / 'docker.pid'}"]
            return list(map(str, words))
        file = configured(self.home / ".config" / "containers", self.session)
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        words += ["env", f"CONTAINERS_CONF={file}", f"CONTAINERS_REGISTRIES_CONF={file.with_name('registries.conf')}"]
        words += ["podman", f"--root={root}", f"--runroot={executing}", "system", "service", "--time=0", self.address]
        return list(map(str, words))

    def stop(self):
        with contextlib.suppress(OSError):
            self.clean()
        super().stop()

    @property
    def in_swarm(self):
        return False

    def remove_container(self, identity):
        self.ask(f"/containers/{identity}/kill", "POST", signal="KILL")
        super().remove_container(identity)


def use_client(kind, run):
    """Has the tests take the suite's client of Docker: an older one may speak no version that the engine does. It is
    run by the suite's own linker, as the machine may have older libraries."""
    directory = run / "client"
    if directory.exists():
        return
    directory.mkdir()
    (linker,) = kind.root.glob("usr/lib64/ld-linux-*")
    libraries = ":".join(map(str, (kind.root / "usr/lib").glob("*-linux-gnu")))
    client = directory / "docker"
    words = f'"{linker}" --library-path "{libraries}" "{kind.root}/usr/bin/docker"'
    client.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    client.chmod(0o755)
    os.environ["PATH"] = f"{directory}:{os.environ['PATH']}"


def of_session(run: Path, number, options):
    """The engine of this run; `number` is that of the process."""
    kind = chosen()
    suffix = "" if number == 1 else f"-{number}"
    if kind is OWN:
        return Engine(run, ROOT / ".test" / f"docker{suffix}", options)
    if kind.is_rootless:
        return Rootless(kind, run, ENGINES / f"{kind.name}{suffix}")
    make = Podman if kind.is_podman else Docker
    return make(kind, run, ENGINES / f"{kind.name}{suffix}", options)
