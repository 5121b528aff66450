"""A Docker Engine that belongs to the tests alone.

It has its own socket, data and process, so that nothing of a user's engine is seen or changed. The
data directory is kept between runs, because it holds the images; everything else goes.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.parse
from pathlib import Path

from bed.patience import PATIENCE, wait_for

# Every object the tests make carries this label, or that of a kernel.
LABEL = "jds.test"
KERNEL = "component=kernel"
CGROUPS = Path("/sys/fs/cgroup")
# How long what is being removed may take. After a test that has failed this is waited in vain.
LEFT = min(PATIENCE, 90)


def launchers():
    """The launchers that run now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(b"/scripts/launch_docker" in word for word in words[:2]):
            found.append(process.name)
    return found


class Engine:
    """One private `dockerd`, and the `docker` client that talks to it."""

    # What `dockerd` is run by, if it is to be somewhere else than the tests are.
    wrapper = ()

    def __init__(self, run: Path, data: Path, options=()):
        self.run, self.data, self.options = run, data, options
        self.socket = run / "docker.sock"
        self.log = run / "dockerd.log"
        self.address = f"unix://{self.socket}"
        # The cgroup of all containers is named after the run, so that it can be found and removed.
        self.cgroup = run.name
        self.process = None

    def __enter__(self):
        self.data.mkdir(parents=True, exist_ok=True)
        # A run that was killed may have been in a Swarm, whose address is not there now. Its networks
        # would be made again, and be left where the engine has no network namespace of its own.
        for directory in ("swarm", "network"):
            shutil.rmtree(self.data / directory, ignore_errors=True)
        self.start()
        return self

    def command(self):
        return [
            *self.wrapper,
            "dockerd",
            f"--data-root={self.data}",
            f"--exec-root={self.run / 'exec'}",
            f"--pidfile={self.run / 'docker.pid'}",
            f"--host={self.address}",
            f"--cgroup-parent=/{self.cgroup}",
            # systemd's own driver would look for our processes in another namespace.
            "--exec-opt=native.cgroupdriver=cgroupfs",
            *self.options,
        ]

    def start(self):
        """Starts `dockerd`, and waits until it answers."""
        # In a session of its own, an interrupt from the terminal does not end it before the tests.
        self.process = subprocess.Popen(
            self.command(),
            # Where Podman's helpers leave a file.
            cwd=self.run,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(self._ready, lambda: f"the engine does not answer\n{self._log_end()}")
        except BaseException:
            self.__exit__()
            raise

    def stop(self):
        """Ends `dockerd`, and with it the containers."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_):
        self.stop()
        # What is still busy does no harm; `tests/run` looks for it once more.
        with contextlib.suppress(OSError):
            for path in sorted(self._cgroups(), reverse=True):
                path.rmdir()

    def _cgroups(self):
        for top in (*CGROUPS.glob(self.cgroup), *CGROUPS.glob(f"*/{self.cgroup}")):
            yield from (path for path in top.glob("**") if path.is_dir())

    @contextlib.contextmanager
    def memory_limit(self, size):
        """Limits all containers together: each of them that is killed for it is told so."""
        one, two = CGROUPS / "memory" / self.cgroup, CGROUPS / self.cgroup
        # The cgroup exists as soon as a container has run in it.
        self.docker("run", "--rm", "jds-test/tiny", "true")
        limits = [
            (one / "memory.limit_in_bytes", size, -1),
            (one / "memory.memsw.limit_in_bytes", size, -1),
            (two / "memory.max", size, "max"),
            (two / "memory.swap.max", 0, "max"),
        ]
        limits = [limit for limit in limits if limit[0].exists()]
        for file, limit, _ in limits:
            file.write_text(str(limit))
        try:
            yield
        finally:
            for file, _, unlimited in reversed(limits):
                file.write_text(str(unlimited))

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the engine ended with {self.process.returncode}\n{self._log_end()}")
        return self.socket.exists() and self.client("version").returncode == 0

    def _log_end(self):
        return "\n".join(self.log.read_text().splitlines()[-20:])

    def client(self, *arguments, stdin=None):
        """Runs the docker client and returns the finished process."""
        # The engine's own builder: the newer one is a plug-in that packages may lack.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.run),
            "DOCKER_HOST": self.address,
            "DOCKER_BUILDKIT": "0",
        }
        return subprocess.run(
            ["docker", *map(str, arguments)],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def docker(self, *arguments, stdin=None):
        """Runs the docker client and returns its output; a failure shows both streams."""
        done = self.client(*arguments, stdin=stdin)
        command = " ".join(map(str, arguments))
        assert done.returncode == 0, f"docker {command}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def inspect(self, *arguments):
        """What the engine knows about one object."""
        return json.loads(self.docker("inspect", *arguments))[0]

    def has_image(self, name):
        return bool(self.docker("images", "--quiet", name))

    def image(self, name, *lines, base="jds-test/tiny"):
        """A small image for one test, from the lines of a Dockerfile after `FROM`."""
        text = "\n".join([f"FROM {base}", f"LABEL {LABEL}=1", *lines, ""])
        self.docker("build", "--quiet", "--tag", name, "-", stdin=text)
        return name

    def container(self, image, *command, options=()):
        """A container that belongs to a test; removed after it."""
        return self.docker("run", "--detach", "--label", LABEL, *options, image, *command)

    def network(self, name, *options):
        """A network that belongs to a test; removed after it."""
        self.docker("network", "create", "--label", LABEL, *options, name)
        return name

    def ask(self, path, method="GET", **query):
        """Asks the engine itself, which takes a hundredth of the time that a client takes to start; what it
        answers, or nothing if it refuses. Each test does this some times, so it counts."""
        words = {name: word if isinstance(word, str) else json.dumps(word) for name, word in query.items()}
        connection = http.client.HTTPConnection("engine")
        connection.sock = socket.socket(socket.AF_UNIX)
        with contextlib.closing(connection):
            connection.sock.connect(str(self.socket))
            connection.request(method, f"{path}?{urllib.parse.urlencode(words)}")
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body or "true") if answer.status < 300 else None

    @property
    def in_swarm(self):
        return self.ask("/info")["Swarm"]["LocalNodeState"] == "active"

    def leave_swarm(self):
        """Makes the engine a plain one again."""
        if self.in_swarm:
            self.docker("swarm", "leave", "--force")
            wait_for(lambda: not self.in_swarm, "the engine does not leave its Swarm")

    def kernels(self):
        """The containers and services that launchers have made, in any state."""
        of_kernels = {"label": [KERNEL]}
        containers = self.ask("/containers/json", all=True, filters=of_kernels)
        services = (self.in_swarm and self.ask("/services", filters=of_kernels)) or []
        found = [f"{container['Names']} {container['Status']}" for container in containers]
        return found + [service["Spec"]["Name"] for service in services]

    def assert_no_kernels(self):
        """Waits for removals that are under way (a Swarm gives tasks 10 s to end), then insists."""
        wait_for(lambda: not self.kernels(), lambda: f"left behind: {self.kernels()}", LEFT)

    @staticmethod
    def assert_no_launchers():
        """Waits for launchers that are about to end, then insists."""
        wait_for(lambda: not launchers(), "launchers are still running", LEFT)

    def clean(self):
        """Removes every object but the images that all tests share, and whoever could make more of them: what
        a test leaves that fails is not to make the next one fail."""
        for process in launchers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        for service in (self.in_swarm and self.ask("/services")) or []:
            self.ask(f"/services/{service['ID']}", "DELETE")
        for container in self.ask("/containers/json", all=True):
            self.remove_container(container["Id"])
        # Those that a server has left, and those with a name.
        for volume in self.ask("/volumes")["Volumes"] or []:
            self.ask(f"/volumes/{volume['Name']}", "DELETE", force=True)
        of_tests = {"label": [LABEL]}
        wait_for(
            lambda: self.ask("/networks/prune", "POST", filters=of_tests)
            and not self.ask("/networks", filters=of_tests),
            "networks of the tests are still in use",
        )
        wait_for(self._without_images, "images of the tests are still in use")

    def remove_container(self, identity):
        """Removes one at once, with its volumes."""
        self.ask(f"/containers/{identity}", "DELETE", force=True, v=True)

    def _without_images(self):
        """Removes the images of tests, as far as no other is built on them. Their turn comes with the next call:
        images are listed from the newest, but those of one second in any order."""
        images = self.docker("images", "--quiet", "--filter", f"label={LABEL}").split()
        return not images or self.client("image", "rm", "--force", *dict.fromkeys(images)).returncode == 0
