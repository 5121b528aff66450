"""What `launch_docker.toml` says, seen from inside the container or the task, or, for what this machine
cannot do, in what the engine holds."""

import json
import re
import subprocess
import uuid

import pytest

from bed.inside import Inside, cgroup, mounts
from bed.kernels import LIFE, check_life
from bed.patience import wait_for

IMAGE = "jds-test/tiny"


def file_limits(kernel):
    for line in kernel("cat", "/proc/1/limits").splitlines():
        if line.startswith("Max open files"):
            return line.split()[3:5]
    raise AssertionError("no limit of open files")


def test_files(inside, place, engine):
    data = place / "data"
    for user in ("ann", "bob"):
        (data / user).mkdir(parents=True)
        (data / user / "name").write_text(user)
    (place / "file").write_text("from the host")
    volume = f"jds-test-{uuid.uuid4()}"
    kernel = inside(
        f"--volume={data}/{{username}}:/work:ro",
        f"--volume={volume}:/scratch",
        f"--mount=type=bind,src={place / 'file'},dst=/etc/of-host,readonly",
        "--mount=type=tmpfs,dst=/fast,tmpfs-size=1m,tmpfs-mode=1777",
        "--tmpfs=/run/x:size=64k",
        "--workdir=/work",
        "--read-only",
        "--shm-size=2m",
    )
    try:
        assert kernel("cat", "/work/name") == "ann"
        assert kernel("cat", "/etc/of-host") == "from the host"
        found = mounts(kernel)
        assert "ro" in found["/work"][1] and "ro" in found["/etc/of-host"][1]
        assert "rw" in found["/scratch"][1] and "ro" in found["/"][1]
        assert found["/fast"][0] == "tmpfs" and "size=1024k" in found["/fast"][1]
        assert found["/run/x"][0] == "tmpfs" and "size=64k" in found["/run/x"][1]
        assert "size=2048k" in found["/dev/shm"][1]
        assert kernel("pwd") == "/work"
    finally:
        kernel.end()
        engine.docker("volume", "rm", volume)


def test_the_notebooks_directory(inside, launch):
    # The launcher of the tests runs in the directory of its specification.
    kernel = inside("--mount-cwd")
    directory = kernel("pwd")
    assert directory.endswith("/share/jupyter/kernels/k")
    assert kernel("ls", directory).split()[0] == "kernel.json"
    kernel.end()


def test_limits(inside):
    kernel = inside(
        "--memory=64m",
        "--memory-swap=64m",
        "--memory-reservation=32m",
        "--cpus=0.5",
        "--cpu-shares=512",
        "--cpuset-cpus=0",
        "--pids-limit=50",
        "--ulimit=nofile=100:200",
    )
    assert cgroup(kernel, "memory/memory.limit_in_bytes", "memory.max") == str(64 * 2**20)
    assert cgroup(kernel, "pids/pids.max", "pids.max") == "50"
    quota = cgroup(kernel, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0]
    assert quota == "50000"
    assert cgroup(kernel, "cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    assert file_limits(kernel) == ["100", "200"]
    host = kernel.container["HostConfig"]
    assert host["MemoryReservation"] == 32 * 2**20 and host["CpuShares"] == 512
    kernel.end()


def test_names_and_networks(inside, engine):
    other = engine.network(f"jds-test-{uuid.uuid4().hex[:8]}")
    kernel = inside("--dns=192.0.2.53", "--dns-search=example.org")
    resolv = kernel("cat", "/etc/resolv.conf")
    assert "nameserver 192.0.2.53" in resolv and "search example.org" in resolv
    kernel.end()
    kernel = inside(
        "--hostname=kernel-{username}",
        "--domainname=example.org",
        "--add-host=fileserver:192.0.2.9",
        f"--network={other}",
        "--label=team=research",
        "--label=who={username}",
    )
    assert kernel("hostname") == "kernel-ann"
    assert re.search(r"192\.0\.2\.9\s+fileserver", kernel("cat", "/etc/hosts"))
    container = kernel.container
    # The server's network is still there, and is the one it looks at.
    assert set(container["NetworkSettings"]["Networks"]) == {"bridge", other}
    labels = container["Config"]["Labels"]
    assert labels["team"] == "research" and labels["who"] == "ann"
    assert labels["kernel_id"] == kernel.launch.kernel_id
    kernel.end()


def test_rights(inside):
    kernel = inside(
        "--group-add=4242",
        "--cap-add=SYS_PTRACE",
        "--cap-drop=NET_RAW",
        "--security-opt=no-new-privileges:true",
        "--sysctl=net.core.somaxconn=77",
        "--device=/dev/null:/dev/of-host:r",
        "--init",
        "--ipc=private",
        "--stop-timeout=1",
        "--log-driver=json-file",
        "--log-opt=max-size=1m",
    )
    assert "4242" in kernel("id", "-G").split()
    assert kernel("cat", "/proc/sys/net/core/somaxconn") == "77"
    assert kernel.sh("test -c /dev/of-host && echo device") == "device"
    status = dict(line.split(":\t") for line in kernel("cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert status["NoNewPrivs"].strip() == "1"
    bounding = int(status["CapBnd"], 16)
    assert bounding >> 19 & 1 and not bounding >> 13 & 1
    assert "init" in kernel("cat", "/proc/1/comm") or "tini" in kernel("cat", "/proc/1/comm")
    container = kernel.container
    assert container["Config"]["StopTimeout"] == 1
    assert container["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert container["HostConfig"]["IpcMode"] == "private"
    kernel.end()


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_what_comes_from_a_user_is_no_template_of_a_swarm(network, inside, launcher):
    given = 'Hello {{ name }}, {{.Node.Hostname}}, {{{{print "x"}}}}, {{"{{"}}, {{- 1 -}} }}'
    kernel = inside(f"--launcher={launcher}", service=True, GP_DOCKER_NETWORK=network, KERNEL_PROMPT=given)
    assert f"KERNEL_PROMPT={given}" in kernel("cat", "/proc/1/environ").split("\0")
    kernel.end()


def test_devices_that_the_engine_does_not_have(edit):
    text = "gpus = [{ driver = 'other', count = 1, capabilities = ['gpu'] }]"
    edit(text).end().assert_error('could not select device driver "other"')


def test_environment(inside, place):
    (place / "kernel.env").write_text("# comment\nOF_FILE='as it is' \nBOTH=file\n\n")
    kernel = inside(
        f"--env-file={place / 'kernel.env'}",
        "--env=BOTH=option",
        "--env=FOR={username} on {language}",
        "--env=REGION",
        "--env=MISSING",
        AWS_SECRET_ACCESS_KEY="secret",
        REGION="eu",
        JUPYTERHUB_API_TOKEN="secret",
        HTTPS_PROXY="http://user:secret@proxy",
    )
    found = dict(
        line.split("=", 1) for line in kernel("cat", "/proc/1/environ").strip("\0").split("\0")
    )
    image = {"PATH", "HOME", "HOSTNAME"}
    expected = {
        "OF_FILE": "'as it is' ",
        "BOTH": "option",
        "FOR": "ann on python",
        "REGION": "eu",
        "KERNEL_ID": kernel.launch.kernel_id,
        "KERNEL_LANGUAGE": "python",
        "KERNEL_USERNAME": "ann",
        "KERNEL_UID": "1000",
        "KERNEL_GID": "100",
        "KERNEL_CLASS_NAME": "ipykernel.ipkernel.IPythonKernel",
        "KERNEL_SPARK_CONTEXT_INIT_MODE": "none",
        "PORT_RANGE": "0..0",
    }
    assert {name: found[name] for name in expected} == expected
    others = {"KERNEL_IMAGE", "KERNEL_EXECUTOR_IMAGE", "PUBLIC_KEY", "RESPONSE_ADDRESS"}
    assert set(found) - image == set(expected) | others
    kernel.end()


def test_environment_under_enterprise_gateway(inside):
    """The gateway has filtered: what is left of its own is known by its names."""
    kernel = inside(
        GP_DOCKER_MODE="",
        GP_DOCKER_NETWORK="",
        EG_DOCKER_MODE="docker",
        EG_DOCKER_NETWORK="bridge",
        EG_IMPERSONATION_ENABLED="False",
        EG_INHERITED_ENVS="DOCKER_HOST,NAMED",
        KERNEL_GATEWAY="1",
        KG_AUTH_TOKEN="secret",
        NAMED="by the administrator",
    )
    lines = kernel("cat", "/proc/1/environ").strip("\0").split("\0")
    found = dict(line.split("=", 1) for line in lines)
    assert found["NAMED"] == "by the administrator"
    assert set(found) == {
        *("PATH", "HOME", "HOSTNAME"),  # the image's and the engine's
        *("NAMED", "PORT_RANGE", "PUBLIC_KEY", "RESPONSE_ADDRESS"),
        *(f"KERNEL_{name}" for name in ("CLASS_NAME", "EXECUTOR_IMAGE", "GATEWAY", "GID", "ID", "IMAGE")),
        *(f"KERNEL_{name}" for name in ("LANGUAGE", "SPARK_CONTEXT_INIT_MODE", "UID", "USERNAME")),
    }
    assert found["HOME"] != kernel.launch.environment["HOME"]
    kernel.end()


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("mem_limit = '64q'", {}, r"launch_docker\.toml:1:13: `mem_limit` must be an amount"),
        ("volumes = ['/x/{username}:/y']", {"KERNEL_USERNAME": "../.."}, r"must be one part of a path"),
        ("env_file = 'missing'", {}, r"`env_file` cannot be read"),
        ("volumes = ['/nonexistent/x:/y']", {}, r"bind source path does not exist"),
        ("networks = ['jds-test-none']", {}, r"network `jds-test-none` of launch_docker.toml"),
        ("pull_policy = 'never'", {"KERNEL_IMAGE": "jds-test/none"}, r"pull_policy .* is `never`"),
        (
            "client_overrides = { memory = '1g' }",
            {"KERNEL_MEMORY": "2g"},
            r"`KERNEL_MEMORY` of `2g` is above the 1g",
        ),
        (
            "client_overrides = { image = ['good/*'] }",
            {"KERNEL_IMAGE": "bad/image"},
            r"the image `bad/image` \(KERNEL_IMAGE\) is not one that this kernel may have: good/\*",
        ),
    ],
)
def test_what_is_wrong_is_said_at_the_launch(engine, edit, text, environment, message):
    edit(text, **environment).end().assert_error(message)


def test_the_user_may_change_what_is_allowed(engine, edit):
    kernel = Inside(
        engine,
        edit(
            "client_overrides = { memory = '1g', cpus = 2, working_dir = ['/tm*'] }",
            KERNEL_MEMORY="64m",
            KERNEL_CPUS="0.5",
            KERNEL_WORKING_DIR="/tmp",
            KERNEL_GPUS="8",
        ),
    )
    host = kernel.container["HostConfig"]
    assert host["Memory"] == 64 * 2**20 and host["NanoCpus"] == 500_000_000
    assert not host["DeviceRequests"]
    assert kernel("pwd") == "/tmp"
    kernel.end()


def test_service(swarm, network, inside, place):
    (place / "data" / "ann").mkdir(parents=True)
    (place / "data" / "ann" / "name").write_text("ann")
    for kind in ("secret", "config"):
        swarm.docker(kind, "create", f"jds-test-{kind}", "-", stdin="of the swarm")
    try:
        kernel = inside(
            f"--volume={place}/data/{{username}}:/work:ro",
            "--tmpfs=/fast:size=1m,mode=1777",
            "--shm-size=2m",
            "--memory=64m",
            "--cpus=0.5",
            "--pids-limit=50",
            "--ulimit=nofile=100:200",
            "--hostname=kernel-{username}",
            "--add-host=fileserver:192.0.2.9",
            "--dns=192.0.2.53",
            "--cap-drop=NET_RAW",
            "--read-only",
            "--init",
            "--group-add=4242",
            "--label=team=research",
            "--env=A=1",
            "--constraint=node.role==manager",
            "--placement-pref=spread=node.labels.zone",
            "--secret=source=jds-test-secret,target=password,uid=1000,mode=0400",
            service=True,
            GP_DOCKER_NETWORK=network,
        )
        found = mounts(kernel)
        assert kernel("cat", "/work/name") == "ann" and "ro" in found["/work"][1]
        assert "size=1024k" in found["/fast"][1] and "size=2048k" in found["/dev/shm"][1]
        assert "ro" in found["/"][1]
        assert cgroup(kernel, "memory/memory.limit_in_bytes", "memory.max") == str(64 * 2**20)
        assert cgroup(kernel, "pids/pids.max", "pids.max") == "50"
        assert file_limits(kernel) == ["100", "200"]
        assert kernel("hostname") == "kernel-ann"
        assert re.search(r"192\.0\.2\.9\s+fileserver", kernel("cat", "/etc/hosts"))
        assert "4242" in kernel("id", "-G").split()
        assert kernel("cat", "/run/secrets/password") == "of the swarm"
        service = swarm.inspect(kernel.launch.name)
        task = service["Spec"]["TaskTemplate"]
        assert task["Placement"]["Constraints"] == ["node.role==manager"]
        assert service["Spec"]["Labels"]["team"] == "research"
        assert "A=1" in task["ContainerSpec"]["Env"]
        kernel.end()
    finally:
        for kind in ("secret", "config"):
            wait_for(
                lambda kind=kind: swarm.client(kind, "rm", f"jds-test-{kind}").returncode == 0,
                f"the {kind} is still in use",
            )


def test_service_errors(swarm, network, launch):
    ended = launch(IMAGE, "--swarm", "--secret=jds-none", GP_DOCKER_NETWORK=network).end()
    ended.assert_error("the Swarm has no secret `jds-none`")
    ended = launch(
        IMAGE, "--swarm", "--constraint=node.labels.none==1", GP_DOCKER_NETWORK=network
    ).end()
    ended.assert_error("no node of the Swarm can run the kernel")
    ended = launch(IMAGE, "--swarm", "--generic-resource=GPU=2", GP_DOCKER_NETWORK=network).end()
    ended.assert_error("no node of the Swarm can run the kernel")


def test_a_kernel_runs_with_it(install, application, kernel_image):
    """A whole life with the options that a kernel notices most."""
    install(
        "--user",
        f"--image-name={kernel_image}",
        "--init",
        "--memory=512m",
        "--pids-limit=200",
        "--tmpfs=/scratch",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges:true",
        "--env=OF_THE_FILE=1",
    )
    who = check_life(application.drive("docker_python", LIFE).assert_done(LIFE), "ann-{kernel_id}")
    assert who["environment"]["OF_THE_FILE"] == "1"


def test_a_dry_run_asks_for_the_same(engine, binaries, place):
    """Json of the request that a launch would send."""
    done = subprocess.run(
        [binaries / "jupyter-docker-spec", "install", f"--prefix={place}", "--dry-run", "--gpus=2"],
        env={}, check=True, capture_output=True, text=True,
    )
    request = json.loads(done.stdout.split("bob`:\n")[1])
    assert request["HostConfig"]["DeviceRequests"] == [{"Count": 2, "Capabilities": [["gpu"]]}]
