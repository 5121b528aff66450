"""Reads launch_docker.toml for launch_docker.py.

From the keys of a service in the Compose specification to the arguments of the Docker SDK for Python, for
those keys for which it has arguments. Any other is refused by name: the native launcher has them all.
"""

import os
import re
import shlex
from pathlib import Path

from docker.types import DeviceRequest, DNSConfig, LogConfig, Mount, Resources, Ulimit
from docker.utils import parse_bytes

FILE = Path(__file__).resolve().with_name("launch_docker.toml")
OURS = ("kernel_id", "component", "app")
NANO = 1_000_000_000

# What a text may be filled with: only what the administrator says, also what the notebook's user says as
# one part of a path, or anything.
TRUSTED, PATH, ANY = range(3)


class OptionsError(Exception):
    """The file says something that is wrong."""


class Filler:
    """Fills in what is only known at a launch."""

    def __init__(self, kernel):
        self.environ = kernel.environ
        self.known = {
            "username": self.environ.get("KERNEL_USERNAME", ""),
            "kernel_id": kernel.id,
            "language": self.environ.get("KERNEL_LANGUAGE", "").lower(),
            "cwd": os.getcwd(),
        }

    def __call__(self, text, policy=TRUSTED):
        """The text with all of `{name}`, `${NAME}` and its forms replaced."""
        if not isinstance(text, str):
            return str(text).lower() if isinstance(text, bool) else str(text)
        # A template of Docker's own, `{{...}}`, stays as it is.
        pattern = r"\$\$|\$\{([^}]*)\}|\{\{.*?\}\}|\{([a-z_]+)\}"
        return re.sub(pattern, lambda match: self.part(match, policy), text)

    def part(self, match, policy):
        if match[1] is None and match[2] is None:
            return "$" if match[0] == "$$" else match[0]
        if match[2]:
            if match[2] not in self.known:
                raise OptionsError(
                    f"`{match[0]}` is not one of {{username}}, {{kernel_id}}, {{language}}, {{cwd}}"
                )
            value, of_user = self.known[match[2]], match[2] in ("username", "language")
        else:
            value, of_user = self.variable(match[1]), match[1].startswith("KERNEL_")
        if of_user and policy == TRUSTED:
            raise OptionsError(f"cannot have `{match[0]}`, about which the notebook's user decides")
        if of_user and policy == PATH and (value in ("", ".", "..") or "/" in value or "\0" in value):
            raise OptionsError(f"cannot have `{value}` for `{match[0]}`: it must be one part of a path")
        return value

    def variable(self, text):
        """`NAME`, `NAME:-default`, `NAME-default`, `NAME:?message` and `NAME?message`."""
        name, colon, sign, rest = re.fullmatch(r"([^:?-]*)(:?)([-?]?)(.*)", text, re.DOTALL).groups()
        value = self.environ.get(name)
        if value or (value == "" and not colon and sign):
            return value
        if sign == "-":
            return rest
        raise OptionsError(f"needs the variable {name}, which the server does not have. {rest}".strip())


def listed(value):
    """The items of a list, or the one in its place."""
    return value if isinstance(value, list) else [value]


def table(value, *known):
    """A table of which all names are known."""
    if not isinstance(value, dict):
        raise OptionsError("must be a table")
    for name in value:
        if known and name not in known:
            raise OptionsError(f"has `{name}`, which launch_docker.py does not support")
    return value


def pairs(value, fill, policy=ANY):
    """Names with values: a table, or a list of `NAME=VALUE`."""
    if isinstance(value, dict):
        return {name: fill(item, policy) for name, item in value.items()}
    split = (item.partition("=") for item in listed(value))
    return {name: fill(item, policy) for name, _, item in split}


def words(value, fill):
    return [fill(item) for item in listed(value)]


def command(value, fill):
    return [fill(word) for word in (shlex.split(value) if isinstance(value, str) else value)]


def size(value, fill):
    return parse_bytes(fill(value))


def nano(value, fill):
    return round(float(fill(value)) * NANO)


def nanoseconds(value, fill):
    units = {"ms": 1_000_000, "s": NANO, "m": 60 * NANO, "h": 3600 * NANO}
    parts = re.findall(r"([\d.]+)(ms|s|m|h)", fill(value))
    if "".join(number + unit for number, unit in parts) != value:
        raise OptionsError('must be a span of time with its unit, such as "10s"')
    return round(sum(float(number) * units[unit] for number, unit in parts))


def labels(value, fill):
    found = pairs(value, fill)
    if taken := [name for name in OURS if name in found]:
        raise OptionsError(f"cannot have `{taken[0]}`, by which the server finds its kernels")
    return found


def environment(value, fill):
    """Like `pairs`, but a name alone in a list has the server's value."""
    alone = {item for item in listed(value) if isinstance(item, str) and "=" not in item}
    found = {name: fill.environ.get(name) for name in alone} if isinstance(value, list) else {}
    rest = value if isinstance(value, dict) else [item for item in value if item not in alone]
    return {name: item for name, item in (found | pairs(rest, fill)).items() if item is not None}


def mounts(value, fill):
    """The short syntax. It is split before it is filled, so that nothing that comes in is another part."""
    found = []
    for item in listed(value):
        if not isinstance(item, str):
            raise OptionsError('has a table; launch_docker.py supports "SOURCE:TARGET:OPTIONS" only')
        parts = [fill(part, PATH) for part in re.split(r":(?![^{]*\})", item)]
        if len(parts) == 1:
            parts.insert(0, None)
        source, target, options, *rest = [*parts, ""]
        if any(rest) or not set(options.split(",")) <= {"", "ro", "rw"}:
            raise OptionsError('must be of the form "SOURCE:TARGET" or "SOURCE:TARGET:ro"')
        kind = "bind" if source and source.startswith("/") else "volume"
        found.append(Mount(target, source, type=kind, read_only="ro" in options.split(",")))
    return found


def tmpfs(value, fill):
    split = (item.partition(":") for item in listed(value))
    return {fill(target, PATH): fill(options) for target, _, options in split}


def tmpfs_of_service(value, fill):
    found = []
    for target, options in tmpfs(value, fill).items():
        given = dict(option.split("=", 1) for option in options.split(",") if option not in ("", "rw"))
        mode = given.pop("mode", None)
        mode = int(mode, 8) if mode else None
        found.append(Mount(target, None, type="tmpfs", tmpfs_size=given.pop("size", None), tmpfs_mode=mode))
        table(given, "size", "mode")
    return found


def hosts(value, fill):
    """Names of hosts with their addresses."""
    if isinstance(value, dict):
        return {name: fill(address) for name, address in value.items()}
    split = (re.split("[=:]", fill(item), maxsplit=1) for item in listed(value))
    return {name: address.strip("[]") for name, address in split}


def gpus(value, fill):
    if not isinstance(value, list):
        return [DeviceRequest(count=-1 if value == "all" else value, capabilities=[["gpu"]])]
    known = ("driver", "count", "device_ids", "capabilities", "options")
    found = []
    for request in (dict(table(item, *known)) for item in value):
        request["capabilities"] = [request.get("capabilities", ["gpu"])]
        if "device_ids" not in request:
            count = request.get("count", "all")
            request["count"] = -1 if count == "all" else count
        found.append(DeviceRequest(**request))
    return found


def ulimits(value, fill):
    limits = {
        name: limit if isinstance(limit, dict) else {"soft": limit, "hard": limit}
        for name, limit in table(value).items()
    }
    return [Ulimit(name=name, **table(limit, "soft", "hard")) for name, limit in limits.items()]


def logging(value, fill):
    given = table(value, "driver", "options")
    return LogConfig(type=given.get("driver"), config=pairs(given.get("options", {}), fill))


def logging_of_service(value, fill):
    given = table(value, "driver", "options")
    return {
        "log_driver": given.get("driver"),
        "log_driver_options": pairs(given.get("options", {}), fill),
    }


def preferences(value, fill):
    return [("spread", fill(table(item, "spread")["spread"])) for item in listed(value)]


def plain(value, fill):
    return value


def text(value, fill):
    return fill(value)


def name(value, fill):
    return fill(value, PATH)


# For each key, the argument and what makes its value: of `containers.create`, of `services.create`. None
# where there is no such argument. `part.name` is an argument of what the service is put together of.
KEYS = {
    "cap_add": (("cap_add", words), ("cap_add", words)),
    "cap_drop": (("cap_drop", words), ("cap_drop", words)),
    "cgroup_parent": (("cgroup_parent", text), None),
    "command": (("command", command), ("args", command)),
    "cpu_period": (("cpu_period", plain), None),
    "cpu_quota": (("cpu_quota", plain), None),
    "cpu_shares": (("cpu_shares", plain), None),
    "cpus": (("nano_cpus", nano), ("resources.cpu_limit", nano)),
    "cpuset": (("cpuset_cpus", text), None),
    "deploy.labels": (None, ("labels", labels)),
    "deploy.placement.constraints": (None, ("constraints", words)),
    "deploy.placement.preferences": (None, ("preferences", preferences)),
    "deploy.resources.limits.cpus": (("nano_cpus", nano), ("resources.cpu_limit", nano)),
    "deploy.resources.limits.memory": (("mem_limit", size), ("resources.mem_limit", size)),
    "deploy.resources.limits.pids": (("pids_limit", plain), None),
    "deploy.resources.reservations.cpus": (None, ("resources.cpu_reservation", nano)),
    "deploy.resources.reservations.devices": (("device_requests", gpus), None),
    "deploy.resources.reservations.memory": (("mem_reservation", size), ("resources.mem_reservation", size)),
    "device_cgroup_rules": (("device_cgroup_rules", words), None),
    "devices": (("devices", words), None),
    "dns": (("dns", words), ("dns_config.nameservers", words)),
    "dns_opt": (("dns_opt", words), ("dns_config.options", words)),
    "dns_search": (("dns_search", words), ("dns_config.search", words)),
    "domainname": (("domainname", name), None),
    "entrypoint": (("entrypoint", command), ("command", command)),
    "environment": (("environment", environment), ("env", environment)),
    "extra_hosts": (("extra_hosts", hosts), ("hosts", hosts)),
    "gpus": (("device_requests", gpus), None),
    "group_add": (("group_add", words), ("groups", words)),
    "hostname": (("hostname", name), ("hostname", name)),
    "init": (("init", plain), ("init", plain)),
    "ipc": (("ipc_mode", text), None),
    "labels": (("labels", labels), ("labels container_labels", labels)),
    "logging": (("log_config", logging), ("", logging_of_service)),
    "mem_limit": (("mem_limit", size), ("resources.mem_limit", size)),
    "mem_reservation": (("mem_reservation", size), ("resources.mem_reservation", size)),
    "mem_swappiness": (("mem_swappiness", plain), None),
    "memswap_limit": (("memswap_limit", size), None),
    "oom_score_adj": (("oom_score_adj", plain), None),
    "pid": (("pid_mode", text), None),
    "pids_limit": (("pids_limit", plain), None),
    "platform": (("platform", text), None),
    "privileged": (("privileged", plain), None),
    "read_only": (("read_only", plain), ("read_only", plain)),
    "runtime": (("runtime", text), None),
    "security_opt": (("security_opt", words), None),
    "shm_size": (("shm_size", size), None),
    "stop_grace_period": (None, ("stop_grace_period", nanoseconds)),
    "stop_signal": (("stop_signal", text), ("stop_signal", text)),
    "storage_opt": (("storage_opt", pairs), None),
    "sysctls": (("sysctls", pairs), ("sysctls", pairs)),
    "tmpfs": (("tmpfs", tmpfs), ("mounts", tmpfs_of_service)),
    "ulimits": (("ulimits", ulimits), None),
    "user": (("user", text), ("user", text)),
    "userns_mode": (("userns_mode", text), None),
    "volumes": (("mounts", mounts), ("mounts", mounts)),
    "working_dir": (("working_dir", name), ("workdir", name)),
}


def read():
    """What the file says, by key; empty if there is none."""
    if not FILE.exists():
        return {}
    try:
        import tomllib
    except ImportError:
        try:
            import tomli as tomllib
        except ImportError:
            raise OptionsError(
                f"{FILE} cannot be read: Python has had a reader for TOML since 3.11, for this one install"
                " `tomli`, or remove the file"
            ) from None
    try:
        return flattened(tomllib.loads(FILE.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionsError(f"{FILE}: {error}") from error


def flattened(tree, prefix=""):
    """The keys with points for the tables that they are in."""
    found = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        below = any(known.startswith(f"{path}.") for known in KEYS)
        found |= flattened(value, f"{path}.") if below and isinstance(value, dict) else {path: value}
    return found


def add(options, kernel):
    """Lays what the file says over the arguments of `containers.create` or `services.create`."""
    fill = Filler(kernel)
    parts = {"resources": {}, "dns_config": {}}
    for key, value in read().items():
        target = KEYS.get(key, (None, None))[kernel.swarm]
        if target is None:
            raise OptionsError(
                f"{FILE}: `{key}` is not supported by launch_docker.py"
                f"{' in a Swarm' if KEYS.get(key) else ''}; say it in `container_options` or"
                " `service_options`, or install the specification with the native launcher"
            )
        argument, convert = target
        try:
            converted = convert(value, fill)
        except (OptionsError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise OptionsError(f"{FILE}: `{key}` {error}") from error
        if not argument:
            options.update(converted)
        for place in argument.split():
            part, _, inner = place.partition(".")
            merge(parts[part] if inner else options, inner or part, converted)
    # What the server says of this launch is not for the file to change.
    options["env" if kernel.swarm else "environment"].update(kernel.given)
    if parts["resources"]:
        options["resources"] = Resources(**parts["resources"])
    if parts["dns_config"]:
        options["dns_config"] = DNSConfig(**parts["dns_config"])
    return options


def merge(options, argument, value):
    """Lists grow, tables are merged, anything else is replaced."""
    present = options.get(argument)
    if isinstance(present, list) and isinstance(value, list):
        value = present + value
    elif isinstance(present, dict) and isinstance(value, dict):
        value = present | value
    options[argument] = value
