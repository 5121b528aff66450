"""Kernels of a Hub's users, whose servers it starts as docs/how-to/jupyterhub.md has it."""

import contextlib
import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bed import pages
from bed.gateways import LocalGateway
from bed.patience import end, wait_for

HUB = Path(__file__).parents[2] / ".test" / "venv" / "hub" / "bin"
PAGE = "docs/how-to/jupyterhub.md"
URL = "http://gateway.example.org:8888"
# What the tests need besides what the page says: no passwords, and a way in for themselves.
MORE = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.Spawner.args.append("--allow-root")
c.Spawner.env_keep.extend(["JUPYTER_PATH"])
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.services = [{"name": "tests", "api_token": "secret-of-the-tests"}]
scopes = ["admin:users", "admin:servers", "access:servers"]
c.JupyterHub.load_roles = [{"name": "tests", "scopes": scopes, "services": ["tests"]}]
"""


def ask(path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "token secret-of-the-tests"}
    request = urllib.request.Request(f"http://127.0.0.1:8000{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def answer(path):
    """What is there, or nothing."""
    try:
        return ask(path)
    except (OSError, urllib.error.HTTPError):
        return None


@contextlib.contextmanager
def hub(place, environment, configuration):
    """A Hub with the configuration of the page; its log."""
    (place / "jupyterhub_config.py").write_text(configuration + MORE)
    with (place / "log").open("w") as log:
        server = subprocess.Popen(
            [HUB / "jupyterhub"], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answer("/hub/api/"), (place / "log").read_text)
        yield place / "log"
    finally:
        end(server)


@pytest.fixture
def environment(engine, place):
    """What a Hub needs, or a gateway."""
    return {
        "PATH": f"{HUB}:/usr/bin:/bin",
        "HOME": str(place),
        "DOCKER_HOST": engine.address,
        "JUPYTER_PATH": str(place / "share" / "jupyter"),
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def install(binaries, place):
    """Makes a specification that servers find."""
    words = [binaries / "jupyter-docker-spec", "install", f"--prefix={place}", "--image-name=jds-test/kernel"]
    return lambda *more: subprocess.run([*words, *more], check=True, capture_output=True)


def live(engine, log, launcher_log):
    """Has a user of the Hub start a server and a kernel, and end both."""
    ask("/hub/api/users/ann", "POST")
    ask("/hub/api/users/ann/server", "POST")
    wait_for(lambda: answer("/user/ann/api/status"), log.read_text)
    kernel = ask("/user/ann/api/kernels", "POST", {"name": "docker_python"})
    name = f"ann-{kernel['id']}"
    assert name in engine.docker("ps", "--format={{.Names}}").split()
    assert "launch_docker]" not in launcher_log()
    ask(f"/user/ann/api/kernels/{kernel['id']}", "DELETE")
    engine.assert_no_kernels()
    ask("/hub/api/users/ann/server", "DELETE")


def test_kernels_of_the_users_own_servers(engine, place, environment, install):
    install()
    configuration, _ = [block.text for block in pages.blocks(PAGE) if block.file]
    with hub(place, environment, configuration) as log:
        live(engine, log, log.read_text)


def test_enterprise_gateway_in_between(engine, place, environment, install, eg_env):
    install("--gateway=enterprise-gateway")
    _, configuration = [block.text for block in pages.blocks(PAGE) if block.file]
    of_gateway = environment | {"PATH": f"{eg_env / 'bin'}:/usr/bin:/bin"}
    # The servers have no engine.
    del environment["DOCKER_HOST"], environment["JUPYTER_PATH"]
    with LocalGateway(eg_env, of_gateway, place / "gateway.log") as gateway:
        assert URL in configuration
        configuration = configuration.replace(URL, f"http://{gateway.address}")
        with hub(place, environment, configuration) as log:
            live(engine, log, gateway.log)
