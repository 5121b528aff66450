"""Every key of `launch_docker.toml` that the other tests have no need of: from inside the container or the
task, and where there is nothing to be seen there, in what the engine holds of it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from bed.inside import Inside, cgroup, mounts

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "docs" / "launch_docker.schema.json"
CONTAINER_OPTIONS = HERE.parents[1] / "src" / "options" / "container_options.rs"
OTHERS = HERE / "test_options.py"


def capabilities(kernel):
    """What a process in it may be given at most."""
    (line,) = re.findall(r"CapBnd:\s*(\w+)", kernel("cat", "/proc/1/status"))
    return int(line, 16)


def variables(kernel):
    lines = kernel("cat", "/proc/1/environ").strip("\0").split("\0")
    return dict(line.split("=", 1) for line in lines)


def options_of_resolver(kernel):
    (line,) = re.findall(r"^options (.*)$", kernel("cat", "/etc/resolv.conf"), re.MULTILINE)
    return line.split()


def host(name):
    """A setting that the engine holds."""
    return lambda kernel: kernel.container["HostConfig"][name]


def config(name):
    return lambda kernel: kernel.container["Config"][name]


def propagation(kernel):
    """Whether mounts of the host come through to a place."""
    (line,) = (line for line in kernel("cat", "/proc/self/mountinfo").splitlines() if " /p " in line)
    return "master:" in line


# What the file says, how to look, and what is to be seen.
CONTAINERS = [
    ("privileged = true", lambda kernel: capabilities(kernel) >> 21 & 1, 1),
    ("cap_add = ['SYS_ADMIN']", lambda kernel: capabilities(kernel) >> 21 & 1, 1),
    ("cap_drop = ['ALL']", capabilities, 0),
    ("user = '1234:567'", lambda kernel: kernel("id", "-u") + ":" + kernel("id", "-g"), "1234:567"),
    ("oom_score_adj = 500", lambda kernel: kernel("cat", "/proc/1/oom_score_adj"), "500"),
    (
        "cpu_period = 50000\ncpu_quota = 25000",
        lambda kernel: cgroup(kernel, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0],
        "25000",
    ),
    ("mem_swappiness = 7", host("MemorySwappiness"), 7),
    ("dns_opt = ['ndots:3']", options_of_resolver, ["ndots:3"]),
    ("pid = 'host'", lambda kernel: kernel.sh("ps | grep -c '[d]ockerd'") != "0", True),
    ("ipc = 'shareable'", host("IpcMode"), "shareable"),
    ("userns_mode = 'host'", host("UsernsMode"), "host"),
    ("runtime = 'runc'", host("Runtime"), "runc"),
    ("device_cgroup_rules = ['c 10:200 rwm']", host("DeviceCgroupRules"), ["c 10:200 rwm"]),
    ("cgroup_parent = '/{cgroup}/of-the-file'", host("CgroupParent"), "/{cgroup}/of-the-file"),
    ("stop_signal = 'SIGUSR1'", config("StopSignal"), "SIGUSR1"),
    ("stop_grace_period = '1m5s'", config("StopTimeout"), 65),
    ("healthcheck = { test = 'true', retries = 2 }", config("Healthcheck"), {"Test": ["CMD-SHELL", "true"], "Retries": 2}),
    ("platform = 'linux/amd64'", lambda kernel: kernel("uname", "-m"), "x86_64"),
    (
        "entrypoint = ['/bin/sh', '-c']\ncommand = ['echo it is $0; sleep 600', 'me']",
        lambda kernel: kernel.engine.docker("logs", kernel.id),
        "it is me",
    ),
    ("command = 'sleep 55'", lambda kernel: kernel("cat", "/proc/1/cmdline"), "sleep\x0055\x00"),
    ("pass_environment = ['MLFLOW_*']", lambda kernel: variables(kernel).get("MLFLOW_URI"), "u"),
    ("pass_environment = ['MLFLOW_*']", lambda kernel: "AWS_KEY" in variables(kernel), False),
    ("environment_mode = 'inherit'", lambda kernel: variables(kernel).get("AWS_KEY"), "k"),
    ("volumes = ['{place}/shared:/p:rslave']", propagation, True),
    ("volumes = ['{place}/shared:/p:rprivate']", propagation, False),
    (
        "volumes = [{ type = 'volume', target = '/v', volume = { driver = 'local', driver_opts = "
        "{ type = 'tmpfs', device = 'tmpfs', o = 'size=1m' } } }]",
        lambda kernel: "size=1024k" in mounts(kernel)["/v"][1],
        True,
    ),
    ("mount_cwd = { target = '/w', read_only = true }", lambda kernel: kernel("ls", "/w/kernel.json"), "/w/kernel.json"),
    ("mount_cwd = { target = '/w', read_only = true }", lambda kernel: "ro" in mounts(kernel)["/w"][1], True),
    (
        "mount_cwd = { target = '/w', paths = { '{place}' = '{place}/of-host' } }",
        lambda kernel: kernel.container["HostConfig"]["Mounts"][0]["Source"].rpartition("/tmp")[0],
        "{place}/of-host",
    ),
    ("deploy.resources.limits.memory = '64m'", host("Memory"), 64 << 20),
    ("deploy.resources.limits.cpus = 0.5", host("NanoCpus"), 500_000_000),
    ("deploy.resources.limits.pids = 50", lambda kernel: cgroup(kernel, "pids/pids.max", "pids.max"), "50"),
    ("deploy.resources.reservations.memory = '32m'", host("MemoryReservation"), 32 << 20),
    ("gpus = 'all'", host("DeviceRequests"), [{"Count": -1, "Capabilities": [["gpu"]]}]),
    ("gpus = 2", host("DeviceRequests"), [{"Count": 2, "Capabilities": [["gpu"]]}]),
    (
        "deploy.resources.reservations.devices = "
        "[{ driver = 'nvidia', device_ids = ['0', '2'], capabilities = ['gpu', 'compute'] }]",
        host("DeviceRequests"),
        [{"Driver": "nvidia", "DeviceIDs": ["0", "2"], "Capabilities": [["gpu", "compute"]]}],
    ),
    ("client_overrides = { gpus = 2 }", host("DeviceRequests"), [{"Count": 1, "Capabilities": [["gpu"]]}]),
]

# What this engine cannot do, and says in its own words.
REFUSED = [
    ("storage_opt = { size = '1g' }", "storage-opt is supported only for overlay over xfs"),
    ("platform = 'linux/s390x'", "does not (match|provide) the specified platform|could not be pulled"),
    ("volumes = [{ type = 'image', source = 'jds-test/tiny', target = '/i' }]", "mount type unknown|image"),
    ("runtime = 'of-nobody'", "of-nobody"),
    ("ipc = 'container:of-nobody'", "of-nobody"),
]

# What an engine of this age does not tell again.
UNTOLD = {"annotations"}

# Keys whose effect fills a file of its own, and the option by which it is asked for there.
ELSEWHERE = {
    "bring_bootstrap": ("test_bring.py", "--bring-bootstrap"),
    "engine": ("test_local_ssh.py", "ssh://"),
    "image": ("test_local.py", "local.install("),
    "pull_policy": ("test_registries.py", "--pull"),
    "signals_from": ("test_bring.py", "--signals-from"),
    "warm": ("test_local_warm.py", "--warm"),
    "warm_command": ("test_local_warm.py", "--warm-command"),
    "warm_time": ("test_local_warm.py", "--warm-time"),
}

SERVICES = [
    ("user = '1234:567'", lambda kernel: kernel("id", "-u") + ":" + kernel("id", "-g"), "1234:567"),
    ("dns_search = ['example.org']\ndns_opt = ['ndots:3']", options_of_resolver, ["ndots:3"]),
    ("cap_add = ['SYS_ADMIN']", lambda kernel: capabilities(kernel) >> 21 & 1, 1),
    ("sysctls = { 'net.core.somaxconn' = 77 }", lambda kernel: kernel("cat", "/proc/sys/net/core/somaxconn"), "77"),
    ("stop_signal = 'SIGUSR1'", config("StopSignal"), "SIGUSR1"),
    ("healthcheck = { test = ['CMD', 'true'] }", config("Healthcheck"), {"Test": ["CMD", "true"]}),
    ("stop_grace_period = '3s'", lambda kernel: container_spec(kernel)["StopGracePeriod"], 3_000_000_000),
    ("platform = 'linux/amd64'", lambda kernel: task(kernel)["Placement"]["Platforms"], [{"Architecture": "amd64", "OS": "linux"}]),
    (
        "entrypoint = ['/bin/sh', '-c']\ncommand = ['sleep 55; exit', 'me']",
        lambda kernel: kernel("cat", "/proc/1/cmdline"),
        "/bin/sh\0-c\0sleep 55; exit\0me\0",
    ),
    ("configs = [{ source = 'jds-test-key', target = '/of-swarm' }]", lambda kernel: kernel("cat", "/of-swarm"), "of the swarm"),
    ("logging = { driver = 'json-file', options = { max-size = '1m' } }", host("LogConfig"), {"Type": "json-file", "Config": {"max-size": "1m"}}),
    ("deploy.labels = { team = 'research' }", lambda kernel: service(kernel)["Labels"]["team"], "research"),
    ("deploy.placement.preferences = [{ spread = 'node.labels.z' }]", lambda kernel: task(kernel)["Placement"]["Preferences"], [{"Spread": {"SpreadDescriptor": "node.labels.z"}}]),
    ("deploy.resources.limits.memory = '64m'", lambda kernel: cgroup(kernel, "memory/memory.limit_in_bytes", "memory.max"), str(64 << 20)),
    ("deploy.resources.limits.pids = 50", lambda kernel: cgroup(kernel, "pids/pids.max", "pids.max"), "50"),
    (
        "deploy.resources.limits.cpus = 0.5\ndeploy.resources.reservations.cpus = 0.25",
        lambda kernel: (task(kernel)["Resources"]["Limits"], task(kernel)["Resources"]["Reservations"]),
        ({"NanoCPUs": 500_000_000}, {"NanoCPUs": 250_000_000}),
    ),
    ("mem_reservation = '16m'", lambda kernel: task(kernel)["Resources"]["Reservations"], {"MemoryBytes": 16 << 20}),
    (
        "deploy.resources.reservations.generic_resources = [{ discrete_resource_spec = { kind = 'GPU', value = 1 } }]",
        lambda kernel: variables(kernel).get("DOCKER_RESOURCE_GPU"),
        "1",
    ),
    ("working_dir = '/tmp'", lambda kernel: kernel("pwd"), "/tmp"),
]


def service(kernel):
    return kernel.engine.inspect(kernel.launch.name)["Spec"]


def task(kernel):
    return service(kernel)["TaskTemplate"]


def container_spec(kernel):
    return task(kernel)["ContainerSpec"]


def without_empty(value):
    """The answers of engines have all fields of an object, also those that are not set."""
    if isinstance(value, dict):
        return {name: without_empty(item) for name, item in value.items() if item not in (None, "", [], {}, 0)}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


def check(kernel, look, expected):
    try:
        found = without_empty(look(kernel)) if isinstance(expected, (dict, list)) else look(kernel)
        assert found == expected
    finally:
        kernel.end()


@pytest.fixture
def fill(engine, place):
    """Fills in what is only known when the tests run."""
    # The place under another name, as the host of a server in a container has it.
    (place / "of-host").symlink_to(place)
    shared = place / "shared"
    shared.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared], check=True)
    subprocess.run(["mount", "--make-shared", shared], check=True)
    yield lambda text: text.replace("{cgroup}", engine.cgroup).replace("{place}", str(place))
    subprocess.run(["umount", shared], check=True)


@pytest.mark.parametrize(("text", "look", "expected"), CONTAINERS)
def test_in_a_container(engine, edit, fill, text, look, expected):
    kernel = Inside(engine, edit(fill(text), MLFLOW_URI="u", AWS_KEY="k", KERNEL_GPUS="1"))
    check(kernel, look, fill(expected) if isinstance(expected, str) else expected)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_the_engine_refuses(edit, text, reason):
    edit(text).end().assert_error(reason)


def test_in_a_service(swarm, network, edit):
    swarm.docker("config", "create", "jds-test-key", "-", stdin="of the swarm")
    try:
        for text, look, expected in SERVICES:
            running = edit(text, "--swarm", GP_DOCKER_NETWORK=network)
            check(Inside(swarm, running, service=True), look, expected)
    finally:
        swarm.docker("config", "rm", "jds-test-key")


def test_no_key_is_left_out():
    def names(properties, prefix=""):
        for name, schema in properties.items():
            name = prefix + name
            if name.startswith("deploy") and "properties" in schema:
                yield from names(schema["properties"], f"{name}.")
            else:
                yield name

    keys = set(names(json.loads(SCHEMA.read_text())["properties"]))
    assert len(keys) > 60
    rows = "\n".join(text for text, *_ in (*CONTAINERS, *REFUSED, *SERVICES))
    here = {key for key in keys if re.search(rf"^{re.escape(key)} = ", rows, re.MULTILINE)}
    # The others are said by options of `install`.
    flags = re.findall(r'option\("([\w-]+)", [^"]*?, "([\w.]+)"', CONTAINER_OPTIONS.read_text())
    used = set(re.findall(r'"--([\w-]+)', OTHERS.read_text()))
    by_option = {key for flag, key in flags if flag in used}
    elsewhere = {key for key, (file, text) in ELSEWHERE.items() if text in (HERE / file).read_text()}
    assert keys - here - by_option == UNTOLD | elsewhere
