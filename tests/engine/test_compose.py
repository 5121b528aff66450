"""Enterprise Gateways and Jupyter servers as people deploy them: by the Compose files that `compose`
writes, the programs that read those, and the commands of the documentation."""

import contextlib
import json
import re
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest

from bed import pages
from bed.deployments import IMAGES, DeployedGateway, Workplace
from bed.pages import Page
from bed.patience import end, wait_for

SERVER_DRIVER = Path(pages.__file__).with_name("server_drive.py")
EG_PAGE, PAGE = "docs/enterprise-gateway.md", "docs/compose.md"
SERVER = ("A Jupyter server", "A Jupyter server in a Swarm")
OTHER_KIND = ("Kernels of the other kind",)
TOKEN = ("Who reaches the server",)
VOLUME = (
    "Specifications on a volume",
    "Changed by an option",
    "Changed in an editor",
    "Changed on a volume",
)
# What the tests type of each page.
SECTIONS = {
    EG_PAGE: (
        "An image with the specifications",
        "On one engine",
        "When a kernel does not start",
        "Taking it down",
        "In a Swarm",
        "Taking the stack down",
    ),
    PAGE: (*TOKEN, *SERVER, *OTHER_KIND, *VOLUME),
}


@pytest.fixture
def workplace(engine, place, binaries):
    """A directory to deploy from. Nothing that was deployed may be left."""
    for name, image in IMAGES.items():
        # Other engines than the distribution's have fewer.
        if engine.has_image(image):
            engine.docker("tag", image, name)

    def networks():
        found = engine.docker("network", "ls", "--format={{.Name}}").split()
        return set(found) - {"docker_gwbridge", "ingress"}

    before = networks()
    try:
        # Without IPVS in its kernel a machine cannot publish a port at all nodes of a Swarm.
        yield Workplace(engine, place, binaries, PUBLISH_MODE="host")
        wait_for(
            lambda: not engine.docker("ps", "--all", "--quiet", "--filter=label=app"),
            lambda: engine.docker("ps", "--all"),
        )
        # A Swarm removes a network some time after the last task on it has gone.
        wait_for(lambda: networks() <= before, lambda: networks() - before)
    finally:
        images = engine.docker("images", "--format={{.Repository}}:{{.Tag}}", "my/*").split()
        engine.clean()
        engine.client("image", "rm", "--force", *images, *IMAGES)
        for kind in ("network", "volume"):
            for name in ("enterprise-gateway", "jupyter-kernels", "kernelspecs", "notebooks"):
                engine.client(kind, "rm", name)


@pytest.fixture
def gateway(engine, eg_env):
    """Looks for the gateway that has been deployed."""
    return lambda port=8888, token="": DeployedGateway(engine, eg_env, port, token)


def check_life(result, engine):
    """What the life of a kernel must have shown to the client, and left."""
    assert result["first"] == result["again"] == ["42\n", False]
    who = result["who"]
    assert (who["uid"], who["gid"]) == (1000, 100)
    assert "KeyboardInterrupt" in result["interrupted"][0] and result["interrupted"][1]
    assert result["restarted"] and result["left"] == []
    assert "EG_KERNEL_LAUNCH_TIMEOUT" in result["launcher"]
    assert not {"PATH", "HOME", "DOCKER_HOST"} & set(result["launcher"])
    assert not {"EG_KERNEL_LAUNCH_TIMEOUT", "EG_DOCKER_NETWORK"} & set(who["environment"])
    engine.assert_no_kernels()


def health(engine, container):
    return engine.inspect(container)["State"]["Health"]


@pytest.fixture
def drive_server(gp_env):
    """Takes a kernel of a Jupyter server through its life, from this machine."""

    def drive(name, address="127.0.0.1:8888"):
        wait_for(lambda: answers(address), "no Jupyter server")
        words = [gp_env / "bin" / "python", SERVER_DRIVER, f"http://{address}", "change-me", name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["first"] == result["again"] == ["42\n", None]
        assert result["interrupted"] == ["asleep\n", "KeyboardInterrupt"]
        assert result["who"][:2] == ["1000", "100"] and result["left"] == []
        return result

    return drive


def answers(address):
    """Whether a server is there."""
    with contextlib.suppress(OSError):
        with urllib.request.urlopen(f"http://{address}/api", timeout=5) as answer:
            return answer.status == 200


def drive_notebook_server(gp_env, environment, drive_server):
    """A kernel's life through a Jupyter server that has its kernels from the gateway."""
    options = ["--gateway-url=http://127.0.0.1:8888", "--allow-root", "--no-browser"]
    options += ["--ServerApp.token=change-me", "--port=9999", "--ServerApp.port_retries=0"]
    server = subprocess.Popen(
        [gp_env / "bin" / "jupyter", "server", *options],
        env=environment | {"KERNEL_USERNAME": "alice"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return drive_server("python_docker", "127.0.0.1:9999")
    finally:
        end(server)


def test_enterprise_gateway_in_a_container_and_in_a_swarm_as_its_page_says(
    swarm, workplace, gateway, engine, gp_env, jupyter, drive_server
):
    page = Page(EG_PAGE, workplace)
    page.follow("An image with the specifications")

    # On one engine.
    printed = page.follow("On one engine", EG_UNAUTHORIZED_USERS="eve,root", KG_PORT="8888")
    assert '"python_docker"' in printed and '"r_docker"' in printed
    assert "alice-" in printed and ": elyra/kernel-py:3.3.0\n" in printed
    running = gateway()
    check_life(running.drive("python_docker"), engine)
    result = drive_notebook_server(gp_env, jupyter, drive_server)
    assert result["who"][2].startswith("alice-")
    status, answer = running.post("python_docker", KERNEL_USERNAME="eve")
    assert status == 403 and "not authorized" in answer["reason"]
    (container,) = running.containers()
    wait_for(lambda: health(engine, container)["Status"] == "healthy", "it is not healthy")
    ids = engine.docker("exec", container, "sh", "-c", "id -u; id -G; grep CapEff /proc/1/status")
    gid = workplace.environment["DOCKER_GID"]
    assert ids.split() == ["1000", gid, "CapEff:", "0000000000000000"]
    printed = page.follow("When a kernel does not start")
    assert re.search(r"Up.*\(healthy\)", printed) and "GET /api" in printed
    # A kernel that still runs goes with the gateway.
    assert running.post("python_docker", KERNEL_USERNAME="ann")[0] == 201
    page.follow("Taking it down")
    assert not engine.kernels()

    # In a Swarm, with kernels of both kinds.
    printed = page.follow("In a Swarm")
    assert '"python_swarm"' in printed and "1/1" in printed and "is available at" in printed
    running = gateway(token="change-me")
    check_life(running.drive("python_swarm"), engine)
    result = running.drive("python_docker")
    check_life(result, engine)
    # That one was no service.
    assert "DockerProcessProxy: kernel launched" in running.log()
    assert running.post("python_swarm", KERNEL_USERNAME="ann")[0] == 201
    done = workplace.attempt("docker stack rm enterprise-gateway")
    assert "is in use" in done.stdout, done
    engine.assert_no_kernels()
    workplace.take_down("docker stack rm enterprise-gateway")
    page.follow("Taking the stack down")
    wait_for(lambda: not running.containers(), "the gateway does not end")
    assert page.done == set(SECTIONS[EG_PAGE])


@pytest.mark.parametrize("page", SECTIONS)
def test_all_commands_of_a_page_are_typed(page):
    assert pages.sections(page) == set(SECTIONS[page])


def test_a_token_is_made_as_the_page_says(workplace):
    Page(PAGE, workplace).follow(TOKEN[0])


def test_jupyter_server_in_a_container_and_in_a_swarm_as_the_page_says(
    swarm, workplace, drive_server
):
    page = Page(PAGE, workplace)

    # The test bed's Jupyter has no JupyterLab.
    printed = page.follow(SERVER[0], JUPYTER_APP="server")

    assert "Successfully tagged my/jupyter:1.0" in printed
    result = drive_server("docker_python")
    assert result["who"][2] == f"jovyan-{result['kernel_id']}"
    page.follow(SERVER[1], JUPYTER_APP="server")
    drive_server("docker_python")
    workplace.take_down("docker stack rm jupyter")
    assert page.done == set(SERVER)


def test_gateway_in_a_container_starts_services(swarm, workplace, gateway):
    Page(EG_PAGE, workplace).follow(SECTIONS[EG_PAGE][0])
    page = Page(PAGE, workplace)

    page.follow(OTHER_KIND[0])

    check_life(gateway().drive("python_swarm"), swarm)
    workplace.take_down("docker compose down")


def next_kernel(running, engine):
    """The memory, in megabytes, and the configuration of the next kernel's container."""
    status, kernel = running.post(
        "python_docker", KERNEL_USERNAME="ann", KERNEL_WORKING_DIR="/var/tmp"
    )
    assert status == 201, f"{kernel}\n{running.log()}"
    (container,) = engine.docker("ps", "--quiet", f"--filter=label=kernel_id={kernel['id']}").split()
    found = engine.inspect(container)
    running.delete(kernel["id"])
    return found["HostConfig"]["Memory"] >> 20, found["Config"]


def test_specifications_on_a_volume_are_changed_while_the_gateway_runs(
    workplace, gateway, engine
):
    page = Page(PAGE, workplace)

    # At first with the group of another host.
    page.follow(VOLUME[0], EG_MIRROR_WORKING_DIRS="True", DOCKER_GID="1")
    (container,) = gateway().containers()
    wait_for(lambda: health(engine, container)["Log"], "its health is not looked at")
    assert "Permission denied" in health(engine, container)["Log"][0]["Output"]
    workplace.sh("docker compose up --detach", EG_MIRROR_WORKING_DIRS="True")
    assert 'o: "addr=nfs.example.com,ro"' in (workplace.directory / "nfs.yml").read_text()
    running = gateway()
    memory, configuration = next_kernel(running, engine)
    assert memory == 0 and configuration["WorkingDir"] == "/var/tmp"
    page.follow(VOLUME[1])
    assert next_kernel(running, engine)[0] == 600
    page.follow(VOLUME[2])
    assert next_kernel(running, engine)[0] == 700
    replace_all_the_time(workplace, running, engine)
    # What the gateway has only options for comes from variables too.
    settings = {"EG_CULL_IDLE_TIMEOUT": "4", "EG_CULL_INTERVAL": "1"}
    page.follow(VOLUME[3], EG_ALLOWED_KERNELS="['other']", **settings)
    running = gateway()
    memory, configuration = next_kernel(running, engine)
    assert memory == 0 and "FROM=volume" in configuration["Env"]
    # That is for the gateway to decide, and here it has not been told to.
    assert configuration["WorkingDir"] == "/home/jovyan"
    assert running.get("kernelspecs")["kernelspecs"] == {}
    assert running.post("python_docker", KERNEL_USERNAME="ann")[0] == 201
    engine.assert_no_kernels()

    workplace.take_down("docker compose down")
    assert page.done == set(VOLUME)


def replace_all_the_time(workplace, running, engine):
    """Replaces a specification while it is read, and while kernels are started by it."""
    install = (
        "jupyter-docker-spec install --prefix=$PWD/jupyter --gateway=enterprise-gateway --replace "
        "--kernel-name=python_docker --image-name=elyra/kernel-py:3.3.0 "
        "--display-name=$n --env=ONE=$n --env=TWO=$n"
    )
    enough = workplace.directory / "enough"
    writer = threading.Thread(
        target=lambda: workplace.sh(f"n=0; while [ ! -e enough ]; do n=$((n + 1)); {install}; done")
    )
    seen, kernels = set(), 0
    writer.start()
    try:
        while len(seen) < 10 or kernels < 2:
            spec = running.get("kernelspecs")["kernelspecs"]["python_docker"]["spec"]
            assert Path(spec["argv"][0]).exists()
            seen.add(spec["display_name"])
            if len(seen) >= 3 * (kernels + 1):
                _, configuration = next_kernel(running, engine)
                variables = dict(one.split("=", 1) for one in configuration["Env"])
                assert variables["ONE"] == variables["TWO"]
                kernels += 1
    finally:
        enough.touch()
        writer.join()


VALUES = [
    "plain",
    "$HOME $$ ${HOME} ${A:-b}",
    "a: 'b' \"c\" \\ #d",
    "line\n\tline\n",
    "\x7f\x85\ufeff\u2028é\U0001f600",
    "{}",
    "~",
    "null",
    "0x1f",
    "12:30:45",
    "-",
    "",
]


def test_values_arrive_as_they_are(swarm, workplace):
    """Whatever a value is, both programs that read the file hand it on."""
    given = {f"V{number}": value for number, value in enumerate(VALUES)}
    # Of the variables that the file has itself.
    given |= {"EG_AUTH_TOKEN": VALUES[1], "EG_LIST_KERNELS": "a}b", "EG_RESPONSE_PORT": VALUES[2]}
    given |= {"EG_ALLOWED_KERNELS": VALUES[1]}
    words = ["compose", "--image=jds-test/tiny", "--output=docker-compose.yml", "--replace"]
    words += [f"--env={name}={value}" for name, value in given.items()]
    words.append("--env=EG_LOG_LEVEL=$x}'\"")

    def write(*options):
        command = [workplace.directory / "jupyter-docker-spec", *words, *options]
        subprocess.run(command, cwd=workplace.directory, check=True, capture_output=True)

    def check(environment, command):
        found = dict(variable.split("=", 1) for variable in environment if "=" in variable)
        assert {name: found.get(name) for name in given} == given
        assert "--log-level=$x}'\"" in command
        # What nobody has set is not there.
        assert "EG_AUTHORIZED_USERS" not in found

    write()
    for program in ("docker compose", "docker-compose"):
        printed = workplace.sh(f"{program} config --quiet")
        assert not printed
        workplace.sh(f"{program} up --no-start")
        (container,) = swarm.docker("ps", "--all", "--quiet", "--filter=label=app").split()
        found = swarm.inspect(container)
        check(found["Config"]["Env"], found["Config"]["Cmd"])
        assert found["HostConfig"]["Binds"] or found["HostConfig"]["Mounts"]
        workplace.sh(f"{program} down")

    write("--swarm", "--constraint=node.labels.a == $b")
    workplace.sh("docker stack config -c docker-compose.yml")
    workplace.sh("docker stack deploy -c docker-compose.yml values")
    task = swarm.inspect("values_enterprise-gateway")["Spec"]["TaskTemplate"]
    check(task["ContainerSpec"]["Env"], task["ContainerSpec"]["Args"])
    assert task["Placement"]["Constraints"] == ["node.labels.a == $b"]
    workplace.take_down("docker stack rm values")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--swarm",
        "--swarm --no-haproxy --kernelspecs=specs",
        "--swarm --stats-port=9088 --publish-mode=host --volume-opt=type=nfs --kernelspecs=specs",
        "--gateway=gateway-provisioners --kernelspecs=./kernels --external-network",
        "--gateway=gateway-provisioners --swarm --volume=a:/b --volume=/c:/d:ro",
        "--env=DOCKER_HOST=tcp://engine:2376 --publish=[::1]:80 --network-driver=overlay",
        "--auth-token",
    ],
)
def test_the_programs_accept_what_options_make(workplace, options):
    workplace.sh(f"jupyter-docker-spec compose {options} --output=docker-compose.yml")
    if "--swarm" in options:
        readers = ["docker stack config -c docker-compose.yml"]
    else:
        readers = ["docker compose config", "docker-compose config"]
    # A Jupyter server has no image of its own accord, and a gateway that others reach no token.
    wanted = {}
    if "provisioners" in options:
        wanted["GATEWAY_IMAGE"] = ("my/jupyter:1.0", "gateway_provisioners[docker]")
    if ("--swarm" in options and "provisioners" not in options) or "token" in options:
        wanted["EG_AUTH_TOKEN"] = ("x", "set it to a token")
    given = {name: value for name, (value, _) in wanted.items()}
    for reader in readers:
        for name, (_, reason) in wanted.items():
            done = workplace.attempt(reader, **{one: value for one, value in given.items() if one != name})
            assert done.returncode and reason in done.stdout, done.stdout
        done = workplace.attempt(f"{reader} >/dev/null", **given)
        assert (done.returncode, done.stdout) == (0, ""), done
