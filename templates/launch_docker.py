#!/usr/bin/env python3
# launch_docker.py of jupyter-docker-spec 0.1.0
"""Starts a Jupyter kernel as a Docker container or a Docker Swarm service.

The Jupyter server runs this through kernel.json. It is meant to be edited: what the kernel's container
or service gets is put together in `container_options` and `service_options`, in the words of the
Docker SDK for Python (https://docker-py.readthedocs.io), which is all that it needs. Then comes what
launch_docker.toml says, as far as the SDK has arguments for it.

It exits with 0 when the server has had its time to reach the kernel, or the server has removed it. When
the kernel cannot be started, or dies before that, it says why, leaves nothing behind and exits with 1:
the server gives the launch up when it sees that.
"""

import argparse
import collections
import json
import os
import queue
import re
import signal
import sys
import threading
import time
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import EndpointSpec, RestartPolicy

sys.dont_write_bytecode = True  # a launch changes nothing in the specification
import launch_docker_options  # noqa: E402

BEGIN = time.monotonic()
LEFTOVER_SECONDS = 5  # how long a container of the same kernel may take to go
UNPLACEABLE_SECONDS = 0.6  # how long no node of a Swarm may be fit for the kernel
TASK_IS_OVER = {"complete", "shutdown", "failed", "rejected", "orphaned", "remove"}
OPTIONS = (
    "kernel-id",
    "port-range",
    "response-address",
    "public-key",
    "transport-encryption",
    "kernel-class-name",
    "spark-context-initialization-mode",
)


def container_options(kernel):
    """What is given to `docker.containers.create`. Add volumes, devices, limits and the like here."""
    return {
        "name": kernel.name,
        "hostname": kernel.name,
        "user": kernel.user,
        "group_add": kernel.groups,
        "labels": kernel.labels,
        "environment": kernel.environment,
        "working_dir": kernel.working_dir,
        "network": kernel.network,
        "auto_remove": kernel.remove,
        # "volumes": ["/data:/data:ro"],
        # "mem_limit": "4g",
        # "device_requests": [docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])],
    }


def service_options(kernel):
    """What is given to `docker.services.create`. Add mounts, constraints, limits and the like here."""
    return {
        "name": kernel.name,
        "hostname": kernel.name,
        "user": kernel.user,
        "groups": kernel.groups,
        "labels": kernel.labels,
        "container_labels": kernel.labels,
        "env": kernel.environment,
        "workdir": kernel.working_dir,
        "networks": [kernel.network],
        # The server reaches the kernel at the address of its one task, which is not started again.
        "endpoint_spec": EndpointSpec(mode="dnsrr"),
        "restart_policy": RestartPolicy(condition="none"),
        # "mounts": ["/data:/data:ro"],
        # "constraints": ["node.labels.gpu == true"],
    }


class LaunchError(Exception):
    """The kernel cannot be launched; the text says why, and what to do."""


class Kernel:
    """What is to be launched, from the command line, the environment and kernel.json."""

    def __init__(self, arguments, environ, spec):
        self.environ = environ
        self.id = arguments["kernel_id"]
        if not re.fullmatch("[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", self.id or ""):
            raise LaunchError("--kernel-id is required, such as a UUID; a Jupyter server gives it")
        self.image = environ.get("KERNEL_IMAGE")
        if not self.image:
            raise LaunchError(
                "ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!"
            )
        marked = environ.get("EG_DOCKER_MODE") or arguments["gateway_spelling"]
        self.gateway = bool(marked) and not environ.get("GP_DOCKER_MODE")
        self.swarm = self.first("DOCKER_MODE", default="swarm").lower() == "swarm"
        self.network = self.first("DOCKER_NETWORK", default="bridge")
        self.network_variable = "EG_DOCKER_NETWORK" if self.gateway else "GP_DOCKER_NETWORK"
        self.check_network()
        uid, gid = self.number("KERNEL_UID"), self.number("KERNEL_GID")
        # With its group: the engine would take root's for a user whom the image does not know.
        self.user = f"{uid}:{gid}" if uid and gid else uid
        self.groups = sorted({gid or "100", "100"}, key=lambda group: group == "100")
        self.working_dir = environ.get("KERNEL_WORKING_DIR") or None
        remove = self.first("REMOVE_CONTAINER", default="true")
        self.remove = remove.lower() in ("true", "1", "yes", "on")
        self.labels = {
            "kernel_id": self.id,
            "component": "kernel",
            "app": "enterprise-gateway" if self.gateway else "gateway-provisioners",
            "kernelspec": Path(__file__).resolve().parents[1].name,
        }
        # Valid as the name of a container, a service and a host. The server goes by the label.
        user_name = re.sub("[^A-Za-z0-9_]", "-", environ.get("KERNEL_USERNAME", "")).lstrip("-_")
        user_name = user_name[: max(0, 62 - len(self.id))].rstrip("-_")
        self.name = f"{user_name}-{self.id}" if user_name else self.id
        self.environment = self.kernel_environment(arguments, spec)
        self.deadline = BEGIN + self.timeout(spec)

    def first(self, name, default):
        """The value of the first variable that is set, with the prefixes in their order."""
        names = (name, f"GP_{name}", f"EG_{name}")
        return next((self.environ[name] for name in names if self.environ.get(name)), default)

    def number(self, name):
        """The id in a variable, as text; None if there is none."""
        value = self.environ.get(name) or None
        if value and not (re.fullmatch("[0-9]+", value) and int(value) < 2**31):
            raise LaunchError(f"`{name}` of `{value}` must be a number from 0 to {2**31 - 1}")
        return value

    def check_network(self):
        """Refuses networks on which the server cannot find a kernel."""
        if self.swarm and self.network in ("bridge", "host", "none"):
            raise LaunchError(
                f"the network `{self.network}` exists on one node only and cannot carry a Swarm "
                "service: create one that spans the Swarm, `docker network create --driver overlay "
                f"--attachable NAME`, attach the server to it, and name it in {self.network_variable}"
            )
        if not self.swarm and re.fullmatch("host|none|container:.*", self.network):
            raise LaunchError(
                f"the server cannot reach a kernel on the network `{self.network}`, where a container "
                f"has no address of its own: name another network in {self.network_variable}"
            )

    def kernel_environment(self, arguments, spec):
        """The variables that the kernel gets."""
        environment = {"KERNEL_SPARK_CONTEXT_INIT_MODE": "none"}
        for name, value in self.environ.items():
            if self.is_for_kernel(name, spec):
                environment[name] = value
        given = {
            "KERNEL_ID": self.id,
            "PORT_RANGE": arguments["port_range"],
            "PUBLIC_KEY": arguments["public_key"],
            "RESPONSE_ADDRESS": arguments["response_address"],
            "KERNEL_SPARK_CONTEXT_INIT_MODE": arguments["spark_context_initialization_mode"],
            "KERNEL_CLASS_NAME": arguments["kernel_class_name"],
            "TRANSPORT_ENCRYPTION": arguments["transport_encryption"],
        }
        self.given = {name: value for name, value in given.items() if value}
        return environment | self.given

    def is_for_kernel(self, name, spec):
        """Whether a variable of the launcher's own environment is meant for the kernel."""
        if name == "PATH" or name.startswith(("DOCKER_", "JPY_")):
            return False
        if name.startswith(("KERNEL_", "LC_")) or name in ("LANG", "TZ", *spec.get("env", {})):
            return True
        if re.fullmatch("((GP|EG)_)?(LOG_LEVEL|MIN_PORT_RANGE_SIZE|MAX_PORT_RANGE_RETRIES)", name):
            return True
        # Enterprise Gateway passes on what its administrator has named, gateway_provisioners all.
        return self.gateway and name != "HOME" and not name.startswith(("EG_", "GP_", "KG_"))

    def with_file(self, options):
        """The options with what launch_docker.toml says."""
        try:
            return launch_docker_options.add(options, self)
        except launch_docker_options.OptionsError as error:
            raise LaunchError(error) from error

    def timeout(self, spec):
        """For how many seconds the server waits for the kernel."""
        if self.gateway:
            of_spec, names = None, ("KERNEL_LAUNCH_TIMEOUT", "EG_KERNEL_LAUNCH_TIMEOUT")
        else:
            provisioner = spec.get("metadata", {}).get("kernel_provisioner", {})
            of_spec = provisioner.get("config", {}).get("launch_timeout")
            names = ("GP_LAUNCH_TIMEOUT", "KERNEL_LAUNCH_TIMEOUT")
        of_variable = next((self.environ[name] for name in names if self.environ.get(name)), 30)
        return float(of_spec or of_variable)

    def time_left(self):
        """The seconds until the server gives the kernel up."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise LaunchError(f"the launch timeout passed before the kernel `{self.name}` was started")
        return left


class Container:
    """A kernel as a container of one engine."""

    def __init__(self, client, kernel):
        self.client, self.kernel, self.created = client, kernel, None
        self.happenings = queue.Queue()
        self.last_lines = collections.deque(maxlen=10)

    def launch(self):
        """Starts the kernel and watches it until the server's time is over."""
        container = self.create()
        self.created = container.id
        # Before the start, so that nothing is missed of a container that is removed at its end.
        filters = {"container": container.id, "event": ["oom", "kill", "die", "destroy"]}
        events = self.client.events(since=1, filters=filters, decode=True)
        threading.Thread(target=self.read_events, args=[events], daemon=True).start()
        pieces = container.attach(stream=True, logs=True)
        output = threading.Thread(target=self.read_output, args=[pieces], daemon=True)
        output.start()
        self.kernel.time_left()
        try:
            container.start()
        except APIError as error:
            if "network" in error.explanation and "not found" in error.explanation:
                raise LaunchError(
                    f"the network `{self.kernel.network}` does not exist; create it with `docker"
                    f" network create {self.kernel.network}`, or name another one in"
                    f" {self.kernel.network_variable}: {error.explanation}"
                ) from error
            raise
        log("I", f"Started the container {self.kernel.name} of image {self.kernel.image}")
        started, killed, out_of_memory = time.monotonic(), False, False
        while True:
            try:
                action, attributes = self.happenings.get(timeout=self.kernel.time_left())
            except (queue.Empty, LaunchError):
                return
            killed = killed or action == "kill"
            out_of_memory = out_of_memory or action == "oom"
            if action == "destroy" or (action == "die" and killed):
                return  # by the server, which shuts the kernel down
            if action == "die":
                output.join(timeout=0.5)
                reason = "was killed for using more memory than it may" if out_of_memory else "ended"
                raise LaunchError(
                    f"the container `{self.kernel.name}` of image `{self.kernel.image}` {reason} (exit"
                    f" status {attributes['exitCode']}) {time.monotonic() - started:.1f} s after its"
                    f" start. {last_output(self.last_lines)}"
                )

    def create(self):
        """Creates the container, pulling its image and making way for it if need be."""
        patience = time.monotonic() + LEFTOVER_SECONDS
        options = self.kernel.with_file(container_options(self.kernel))
        while True:
            self.kernel.time_left()
            try:
                return self.client.containers.create(self.kernel.image, **options)
            except ImageNotFound:
                self.pull(options.get("platform"))
            except APIError as error:
                if error.status_code != 409:
                    raise
                self.make_way(patience)

    def pull(self, platform):
        """Pulls the image, within the time that the server waits."""
        image = self.kernel.image
        log("I", f"Pulling the image {image}, which the engine does not have")
        name, tag = docker.utils.parse_repository_tag(image)
        reported = time.monotonic()
        try:
            for line in self.client.api.pull(
                name, tag=tag or "latest", platform=platform, stream=True, decode=True
            ):
                if "error" in line:
                    raise LaunchError(line["error"])
                self.kernel.time_left()
                if time.monotonic() > reported + 3:
                    reported = time.monotonic()
                    log("I", f"Pulling the image {image}: {line.get('status')} {line.get('id', '')}")
        except (LaunchError, APIError) as error:
            raise LaunchError(
                f"the engine does not have the image `{image}`, and it could not be pulled; pull it"
                f" beforehand with `docker pull {image}`, or correct the image name in kernel.json:"
                f" {error}"
            ) from error

    def make_way(self, patience):
        """Deals with the container that has the name: one of the same kernel may go or be removed."""
        try:
            present = self.client.containers.get(self.kernel.name)
            if present.labels.get("kernel_id") != self.kernel.id:
                raise LaunchError(
                    f"the name `{self.kernel.name}` is taken by a container that is not of this kernel;"
                    f" see it with `docker inspect {self.kernel.name}`, and rename or remove it"
                )
            if present.status != "removing" or time.monotonic() > patience:
                log("W", f"Removing the container {self.kernel.name}, left over from this kernel")
                remove(present)
        except NotFound:
            return
        time.sleep(0.05)

    def read_output(self, pieces):
        """Keeps the last lines that the container writes."""
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            self.last_lines.extend(lines)
        self.last_lines.append(rest)

    def read_events(self, events):
        """Hands on what happens to the container."""
        for event in events:
            self.happenings.put((event["Action"], event["Actor"]["Attributes"]))

    def clean_up(self):
        """Removes what a failed launch has left: by name if its id never came, as the name may be the
        next launch's already when a kernel is restarted."""
        try:
            present = self.client.containers.get(self.created or self.kernel.name)
            if present.labels.get("kernel_id") == self.kernel.id:
                if self.kernel.remove or present.status != "exited":
                    remove(present)
        except NotFound:
            pass


class Service:
    """A kernel as a service of a Docker Swarm."""

    def __init__(self, client, kernel):
        self.client, self.kernel, self.created = client, kernel, None

    def launch(self):
        """Creates the service and watches it until the server's time is over."""
        service = self.create()
        self.created = service.id
        log("I", f"Created the service {self.kernel.name} of image {self.kernel.image}")
        unplaceable_since = None
        while time.monotonic() < self.kernel.deadline:
            try:
                tasks = service.tasks()
                task = next((task for task in tasks if not is_over(task)), (tasks or [None])[0])
                if task and is_over(task):
                    service.reload()
                    self.fail(service, task["Status"])
            except NotFound:
                return  # removed by the server, which shuts the kernel down
            status = task["Status"] if task else {}
            if status.get("State") == "pending" and status.get("Err"):
                unplaceable_since = unplaceable_since or time.monotonic()
                if time.monotonic() > unplaceable_since + UNPLACEABLE_SECONDS:
                    raise LaunchError(
                        f"no node of the Swarm can run the kernel: {status['Err']}; see `docker node"
                        " ls`, and the resources and placement that the launcher asks for"
                    )
            else:
                unplaceable_since = None
            time.sleep(1 if status.get("State") == "running" else 0.2)

    def create(self):
        """Creates the service, removing one that is left over from the same kernel."""
        while True:
            self.kernel.time_left()
            try:
                return self.client.services.create(
                    self.kernel.image, **self.kernel.with_file(service_options(self.kernel))
                )
            except APIError as error:
                if error.status_code == 409:
                    self.make_way()
                else:
                    raise self.explained(error) from error

    def explained(self, error):
        """The engine's refusal, with the way out where it is known."""
        network = self.kernel.network
        if error.status_code == 503:
            return LaunchError(
                "the engine is not a manager of a Docker Swarm; make it one with `docker swarm init`,"
                " set DOCKER_HOST to a manager, or install the specification without --swarm:"
                f" {error.explanation}"
            )
        if "network" in error.explanation and "not found" in error.explanation:
            return LaunchError(
                f"the network `{network}` does not exist in the Swarm; create it with `docker network"
                f" create --driver overlay --attachable {network}`, or name another one in"
                f" {self.kernel.network_variable}: {error.explanation}"
            )
        return error

    def make_way(self):
        """Removes the service that has the name, if it is of the same kernel."""
        try:
            present = self.client.services.get(self.kernel.name)
            if present.attrs["Spec"]["Labels"].get("kernel_id") != self.kernel.id:
                raise LaunchError(
                    f"the name `{self.kernel.name}` is taken by a service that is not of this kernel;"
                    f" see it with `docker service inspect {self.kernel.name}`"
                )
            log("W", f"Removing the service {self.kernel.name}, left over from this kernel")
            present.remove()
        except NotFound:
            return
        time.sleep(0.2)

    def fail(self, service, status):
        """Says why the task has ended."""
        what = f"the service `{self.kernel.name}` of image `{self.kernel.image}`"
        reason = status.get("Err") or status.get("Message")
        if status["State"] == "rejected":
            raise LaunchError(f"{what} was rejected: {reason}")
        code = status.get("ContainerStatus", {}).get("ExitCode")
        lines = b"".join(service.logs(stdout=True, stderr=True, tail=10)).split(b"\n")
        raise LaunchError(f"{what} ended with exit status {code} ({reason}). {last_output(lines)}")

    def clean_up(self):
        """Removes what a failed launch has left: by name if its id never came, as the name may be the
        next launch's already when a kernel is restarted."""
        try:
            present = self.client.services.get(self.created or self.kernel.name)
            if present.attrs["Spec"]["Labels"].get("kernel_id") == self.kernel.id:
                present.remove()
        except NotFound:
            pass
        except APIError as error:
            if error.status_code != 503:  # without a Swarm there is no service either
                raise


def remove(container):
    """Removes a container, unless the engine is doing so already."""
    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def is_over(task):
    """Whether a task is in one of the states after which nothing comes."""
    return task["Status"]["State"] in TASK_IS_OVER


def last_output(lines):
    """The sentence that ends a message about a kernel that is gone."""
    lines = [line.decode(errors="replace").rstrip()[:300] for line in lines]
    lines = [line for line in lines if line][-10:]
    return "Its last output:\n" + "\n".join(lines) if lines else "It wrote nothing."


def log(level, message):
    """Writes to the server's log, in its format. What comes from outside cannot forge a line."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03}"
    text = "".join(c if c in "\n\t" or c.isprintable() else ascii(c)[1:-1] for c in str(message))
    lines = text.strip().replace("\n", "\n    ")
    print(f"[{level} {stamp} launch_docker] {lines}", file=sys.stderr, flush=True)


def parse(words):
    """The options, by name; Enterprise Gateway's spelling counts where the plain one is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], allow_abbrev=False)
    for option in OPTIONS:
        parser.add_argument(f"--{option}", nargs="?")
        parser.add_argument(
            f"--RemoteProcessProxy.{option}", nargs="?", dest=f"eg-{option}", help=argparse.SUPPRESS
        )
    found = vars(parser.parse_args(words))
    names = {option: option.replace("-", "_") for option in OPTIONS}
    arguments = {name: found[name] or found[f"eg-{option}"] for option, name in names.items()}
    arguments["gateway_spelling"] = any(found[f"eg-{option}"] for option in OPTIONS)
    return arguments


def read_spec():
    """The kernel.json of the specification that this launcher is part of; empty if there is none."""
    path = Path(__file__).resolve().parent.parent / "kernel.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def stop(number, _frame):
    """Ends the launch when the launcher is told to stop."""
    raise LaunchError(f"the launcher was stopped by {signal.Signals(number).name}")


def main():
    """Launches the kernel, and tells how that went."""
    arguments = parse(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    attempt = None
    try:
        kernel = Kernel(arguments, os.environ, read_spec())
        try:
            client = docker.from_env()
        except DockerException as error:
            host = os.environ.get("DOCKER_HOST") or "its default place"
            raise LaunchError(
                f"found no Docker Engine at {host} ({error}): start it, or set DOCKER_HOST to where it "
                "listens; in a container, mount its socket with `--volume "
                "/var/run/docker.sock:/var/run/docker.sock`; the account that runs the Jupyter server "
                "must be allowed to use the socket, as a member of the group `docker` or as root"
            ) from error
        attempt = (Service if kernel.swarm else Container)(client, kernel)
        attempt.launch()
    except (LaunchError, DockerException, OSError) as failure:
        log("E", failure)
        if attempt:
            try:
                attempt.clean_up()
            except (DockerException, OSError) as error:
                log("E", f"`{kernel.name}` may be left over and must be removed by hand: {error}")
        # Threads that still listen to the engine must not keep the launcher alive.
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
