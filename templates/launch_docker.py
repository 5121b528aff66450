#!/usr/bin/env python3
# launch_docker.py of jupyter-docker-spec 0.1.0
"""Starts a Jupyter kernel as a Docker container or a Docker Swarm service.

The Jupyter server runs this through kernel.json. It is meant to be edited: `container_options` and
`service_options` are the arguments with which the kernel's container or service is created by the Docker SDK
for Python (https://docker-py.readthedocs.io), its only dependency.

It exits with 0 when the launch timeout has passed, or when the server has removed the kernel. If the kernel
cannot be started, or dies before that, it says why, leaves nothing behind and exits with 1.
"""

import argparse
import json
import os
import re
import select
import signal
import sys
import time
import uuid
from os import environ
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import EndpointSpec, Healthcheck, RestartPolicy


def container_options(kernel):
    """The arguments of `docker.containers.create`. Add volumes, devices, limits and the like here."""
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
        # "volumes": {
        #     "/usr/local/share/jupyter/kernels": {
        #         "bind": "/usr/local/share/jupyter/kernels",
        #         "mode": "ro",
        #     },
        # },
        # "mem_limit": "4g",
        # "device_requests": [docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])],
    }


def service_options(kernel):
    """The arguments of `docker.services.create`. Add mounts, constraints, limits and the like here.

    A Swarm expands templates, such as `{{.Node.Hostname}}`, in mounts, variables and the host name: pass text
    that is not your own through `literal`.
    """
    return {
        "name": kernel.name,
        "hostname": kernel.name,
        "user": kernel.user,
        "groups": kernel.groups,
        "labels": kernel.labels,
        "container_labels": kernel.labels,
        "env": {name: literal(value) for name, value in kernel.environment.items()},
        "workdir": kernel.working_dir,
        "networks": [kernel.network],
        # The server reaches the kernel at the address of its only task. Swarm must not restart the task, nor
        # kill it because of the image's health check, which is made for another command.
        "endpoint_spec": EndpointSpec(mode="dnsrr"),
        "restart_policy": RestartPolicy(condition="none"),
        "healthcheck": Healthcheck(test=["NONE"]),
        # "mounts": ["/usr/local/share/jupyter/kernels:/usr/local/share/jupyter/kernels:ro"],
        # "constraints": ["node.labels.gpu == true"],
        # "resources": docker.types.Resources(mem_limit=4 * 2**30),
    }


def literal(text):
    """Escapes a text for a service, so that Swarm does not expand it."""
    return text.replace("{{", '{{"{{"}}')


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)
ARGUMENTS = ("kernel-id", "port-range", "response-address", "public-key", "transport-encryption")
ARGUMENTS += ("kernel-class-name", "spark-context-initialization-mode")
YES_OR_NO = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class LaunchError(Exception):
    """The kernel cannot be launched; the text says why, and what to do."""


class TimeOver(LaunchError):
    """The launch timeout has passed."""


class Died(LaunchError):
    """The kernel ended by itself."""

    def __init__(self, kernel, how, output):
        lines = [line.rstrip()[:300] for line in output.decode(errors="replace").split("\n")]
        last = "\n".join([line for line in lines if line][-10:])
        said = f"Its last output:\n{last}" if last else "It wrote nothing."
        super().__init__(f"the kernel `{kernel.name}` of image `{kernel.image}` {how}. {said}")


class Kernel:
    """The settings of a launch, from the command line, the environment and kernel.json."""

    def __init__(self, arguments, of_gateway, spec):
        for name in ("KERNEL_ID", "RESPONSE_ADDRESS", "PUBLIC_KEY"):
            if arguments.get(name) == f"{{{name.lower()}}}":
                raise LaunchError(
                    f"`{arguments[name]}` was not filled in: start the kernel from a Jupyter server with"
                    " jupyter_client 7 or later, or by Enterprise Gateway 2.6 or later"
                )
        self.id, self.image = arguments.get("KERNEL_ID", ""), environ.get("KERNEL_IMAGE")
        if not re.fullmatch("[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", self.id):
            raise LaunchError("--kernel-id is required, such as a UUID; a Jupyter server gives it")
        if not self.image:
            raise LaunchError("ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!")
        # gateway_provisioners hands on all variables of its server, even those for Enterprise Gateway.
        self.of_gateway = (of_gateway or bool(environ.get("EG_DOCKER_MODE"))) and not environ.get("GP_DOCKER_MODE")
        self.swarm = chosen("DOCKER_MODE", {"swarm": True, "docker": False})
        self.remove = chosen("REMOVE_CONTAINER", YES_OR_NO)
        _, self.network = first(environ, "bridge", "DOCKER_NETWORK", "GP_DOCKER_NETWORK", "EG_DOCKER_NETWORK")
        if self.network in ("host", "none") or (self.swarm and self.network == "bridge"):
            raise LaunchError(f"no server reaches a kernel on the network `{self.network}`{self.network_hint()}")
        uid, gid = number("KERNEL_UID"), number("KERNEL_GID")
        # With a group, because the engine would take root's for a user who is not in the image.
        self.user = f"{uid}:{gid}" if uid and gid else uid
        self.groups = ["100"] if gid in (None, "100") else [gid, "100"]
        self.working_dir = environ.get("KERNEL_WORKING_DIR") or None
        # The last label distinguishes this launch from the next one of the same kernel.
        app = "enterprise-gateway" if self.of_gateway else "gateway-provisioners"
        self.labels = {"kernel_id": self.id, "component": "kernel", "app": app}
        self.labels |= {"kernelspec": Path(__file__).resolve().parents[1].name, "launch": str(uuid.uuid4())}
        # Valid as the name of a container, a service and a host. The server goes by the label.
        user_name = re.sub("[^A-Za-z0-9_]", "-", environ.get("KERNEL_USERNAME", "")).lstrip("-_")
        self.name = f"{user_name[: max(0, 62 - len(self.id))].rstrip('-_')}-{self.id}".lstrip("-")
        self.environment = {"KERNEL_SPARK_CONTEXT_INIT_MODE": "none"}
        self.environment |= {name: value for name, value in environ.items() if self.gets(name, spec)} | arguments

    def gets(self, name, spec):
        """Whether the kernel gets a variable of the launcher's environment."""
        if name == "PATH" or name.startswith(("DOCKER_", "JPY_")):
            return False
        if name.startswith(("KERNEL_", "LC_")) or name in ("LANG", "TZ", *spec.get("env", {})):
            return True
        if re.fullmatch("((GP|EG)_)?(LOG_LEVEL|MIN_PORT_RANGE_SIZE|MAX_PORT_RANGE_RETRIES)", name):
            return True
        # Enterprise Gateway passes on what its administrator names, gateway_provisioners everything.
        return self.of_gateway and name != "HOME" and not name.startswith(("EG_", "GP_", "KG_"))

    def network_hint(self):
        """What to do if the network is missing or unsuitable."""
        create = f"docker network create{' --driver=overlay --attachable' if self.swarm else ''}"
        variable = f"{'EG' if self.of_gateway else 'GP'}_DOCKER_NETWORK"
        return f": create one with `{create}`, and name it in {variable}"

    def timeout(self, spec):
        """How many seconds the server waits for the kernel."""
        names = ("launch_timeout", "GP_LAUNCH_TIMEOUT", "KERNEL_LAUNCH_TIMEOUT")
        if self.of_gateway:
            names = ("KERNEL_LAUNCH_TIMEOUT", "EG_KERNEL_LAUNCH_TIMEOUT")
        config = spec.get("metadata", {}).get("kernel_provisioner", {}).get("config", {})
        name, value = first({**environ, **config}, 30, *names)
        try:
            if 0 < float(value) <= 10**9:  # more than that, Python cannot wait
                return float(value)
        except (TypeError, ValueError):
            pass
        raise LaunchError(f"`{name}` of `{value}` must be a number of seconds, at most 1000000000")


def first(known, default, *names):
    """The first of these that is set, and its value."""
    return next(((name, known[name]) for name in names if known.get(name)), (names[0], default))


def chosen(name, meanings):
    """The meaning of a variable, which may have a prefix."""
    name, value = first(environ, next(iter(meanings)), name, f"GP_{name}", f"EG_{name}")
    if value.lower() not in meanings:
        raise LaunchError(f"`{name}` of `{value}` must be one of {', '.join(meanings)}")
    return meanings[value.lower()]


def number(name):
    """The id in a variable, as text; None if it is not set. Anything else is an error: the servers compare the
    text with the ids that they refuse."""
    value = environ.get(name)
    if value is not None and not (re.fullmatch("0|[1-9][0-9]{0,9}", value) and int(value) < 2**31):
        raise LaunchError(f"`{name}` of `{value}` must be a number from 0 to {2**31 - 1}")
    return value


def launch(client, kernel):
    """Starts the kernel and watches it until the launch timeout. Leaves nothing if that fails."""
    try:
        (launch_service if kernel.swarm else launch_container)(client, kernel)
    except BaseException as failure:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(failure, Died) and not (kernel.remove or kernel.swarm):
            raise  # a container that was to stay
        try:
            filters = {"label": f"launch={kernel.labels['launch']}"}
            if kernel.swarm:
                left, options = client.services.list(filters=filters), {}
            else:
                left, options = client.containers.list(all=True, filters=filters), {"force": True, "v": True}
            for one in left:
                remove(one, **options)
        except (DockerException, OSError) as error:
            if getattr(error, "status_code", None) != 503:  # without a Swarm there is no service either
                log("E", f"`{kernel.name}` may be left over and must be removed by hand: {error}")
        raise


def launch_container(client, kernel):
    """Starts the container; raises an error if it ends before the launch timeout."""
    options, container = container_options(kernel), None
    while not container:
        try:
            container = whole(client.containers.create, kernel.image, **options)
        except ImageNotFound:
            try:
                client.images.pull(kernel.image, platform=options.get("platform"))
            except APIError as error:
                raise LaunchError(f"the image `{kernel.image}` could not be pulled: {error}") from error
        except APIError as error:
            if error.status_code != 409:
                raise
            make_way(client, kernel)
    # Before the start, so that nothing is missed of a container that is removed when it ends.
    filters = {"container": container.id, "event": ["oom", "kill", "die", "destroy"]}
    events, output = client.events(since=1, filters=filters, decode=True), b""
    pieces = container.attach(stream=True)
    container.start()
    try:
        for piece in pieces:  # until it ends
            output = (output + piece)[-10000:]
        seen = set()
        for event in events:
            seen.add(event["Action"])
            if "destroy" in seen or seen >= {"kill", "die"}:
                return  # the server shuts the kernel down
            if "die" in seen:
                how = "was killed for exceeding the memory limit" if "oom" in seen else "ended"
                raise Died(kernel, f"{how} (exit status {event['Actor']['Attributes']['exitCode']})", output)
    except TimeOver:
        return  # nothing failed until then
    except LaunchError:
        raise
    except Exception:
        return  # the connection may fail when the engine is restarted


def whole(create, *arguments, **options):
    """Creates something without being interrupted: the engine would go on creating it, and what does not exist
    yet cannot be removed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        return create(*arguments, **options)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def make_way(client, kernel):
    """Removes the container with the kernel's name, if it belongs to this kernel and has ended."""
    try:
        found = client.containers.get(kernel.name)
        if found.labels.get("kernel_id") != kernel.id or found.status not in ("exited", "dead", "removing"):
            raise LaunchError(
                f"the name `{kernel.name}` is taken; see by what with `docker inspect {kernel.name}`, and rename or"
                " remove it, or shut the kernel down where it was started"
            )
        remove(found, v=True)
    except NotFound:
        return
    time.sleep(0.05)


def remove(found, **options):
    """Removes a container or service, unless the engine is doing so already."""
    try:
        found.remove(**options)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def launch_service(client, kernel):
    """Creates the service; raises an error if its task ends before the launch timeout."""
    service = whole(client.services.create, kernel.image, **service_options(kernel))
    over = {"complete", "shutdown", "failed", "rejected", "orphaned", "remove"}
    try:
        while True:
            states = [task["Status"] for task in service.tasks()]
            if states and all(state["State"] in over for state in states):
                code = states[0].get("ContainerStatus", {}).get("ExitCode")
                ran = states[0]["State"] != "rejected"
                output = b"".join(service.logs(stdout=True, stderr=True, tail=10)) if ran else b""
                reason = states[0].get("Err") or states[0].get("Message")
                raise Died(kernel, f"ended (exit status {code}): {reason}", output)
            time.sleep(0.4)
    except (TimeOver, NotFound):
        return  # nothing failed until then, or the server has shut the kernel down


def log(level, message):
    """Writes to the server's log, in its format. Text from outside cannot forge a line. A log that is closed,
    or that nobody reads, blocks neither the launcher nor the kernel."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03}"
    text = "".join(c if c in "\n\t" or c.isprintable() else ascii(c)[1:-1] for c in str(message))
    lines = text.strip().replace("\n", "\n    ")
    rest = f"[{level} {stamp} launch_docker] {lines}\n".encode()
    # If it was closed before Python started, its number may be that of another file.
    while sys.stderr and rest:
        try:
            if not select.select([], [2], [], 1)[1]:
                return
            rest = rest[os.write(2, rest[: select.PIPE_BUF]) :]
        except OSError:
            return


def parse(words):
    """The arguments, by the variables that the kernel gets, and whether they were in Enterprise Gateway's spelling,
    which counts only if the plain one is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], allow_abbrev=False)
    for option in ARGUMENTS:
        variable = option.replace("-", "_").upper()
        variable = {"SPARK_CONTEXT_INITIALIZATION_MODE": "KERNEL_SPARK_CONTEXT_INIT_MODE"}.get(variable, variable)
        parser.add_argument(f"--{option}", dest=variable, nargs="?")
        parser.add_argument(f"--RemoteProcessProxy.{option}", dest=f"EG_{variable}", nargs="?", help=argparse.SUPPRESS)
    found = {name: value for name, value in vars(parser.parse_args(words)).items() if value}
    of_gateway = {name[3:]: found.pop(name) for name in list(found) if name.startswith("EG_")}
    return of_gateway | found, bool(of_gateway)


def interrupt(number, _frame):
    """Ends the launch when the launcher is told to stop, or at the launch timeout."""
    if number == signal.SIGALRM:
        raise TimeOver("the launch timeout passed before the kernel was started")
    raise LaunchError(f"the launcher was stopped by {signal.Signals(number).name}")


def main():
    """Launches the kernel, and reports errors."""
    arguments, of_gateway = parse(sys.argv[1:])
    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        # Fails if the specification was removed meanwhile.
        path = Path(__file__).resolve(strict=True).parents[1] / "kernel.json"
        spec = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        kernel = Kernel(arguments, of_gateway, spec)
        seconds = kernel.timeout(spec)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            client = docker.from_env(timeout=seconds)
        except DockerException as error:
            host = environ.get("DOCKER_HOST") or "/var/run/docker.sock"
            raise LaunchError(
                f"found no Docker Engine at {host} ({error}): start it, or set DOCKER_HOST to where it listens; the"
                " account of the Jupyter server must be allowed to use it, as a member of the group `docker` or root"
            ) from error
        launch(client, kernel)
    except (LaunchError, DockerException, OSError, ValueError) as failure:
        missing = "network" in str(failure) and "not found" in str(failure)
        log("E", f"{failure}{kernel.network_hint() if missing else ''}")
        sys.exit(1)


if __name__ == "__main__":
    main()
