"""The launcher under the real Enterprise Gateway, which gives it another command line than
`gateway_provisioners` does, and hardly any environment."""

import contextlib
import json
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bed.engine import wait_for

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "bed" / "gateway_drive.py"
PROXIES = "enterprise_gateway.services.processproxies"
OPTIONS = {
    "kernel-id": "{kernel_id}",
    "port-range": "{port_range}",
    "response-address": "{response_address}",
    "public-key": "{public_key}",
}


@pytest.fixture(scope="session")
def eg_env():
    """A virtual environment with Enterprise Gateway."""
    directory = ROOT / ".test" / "venv" / "eg"
    assert (directory / "bin" / "python").exists(), f"no {directory}: tests/run makes it"
    return directory


@pytest.fixture
def gateway(engine, eg_env, place, jupyter):
    """A running gateway; its address and its log."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = place / "gateway.log"
    environment = jupyter | {
        "PATH": f"{eg_env / 'bin'}:/usr/bin:/bin",
        "DOCKER_HOST": engine.address,
        "EG_INHERITED_ENVS": "DOCKER_HOST,NAMED_BY_THE_ADMINISTRATOR",
        "NAMED_BY_THE_ADMINISTRATOR": "1",
        "NOT_NAMED": "1",
    }
    process = subprocess.Popen(
        [eg_env / "bin" / "jupyter", "enterprisegateway", "--ip=127.0.0.1", f"--port={port}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_for(lambda: answers(port, process, log), f"the gateway does not answer: {log}")
        yield f"127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(port, process, log):
    """Whether the gateway is there yet."""
    assert process.poll() is None, log.read_text()
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/api").status == 200


def make_gateways(specification, image):
    """Turns a specification of ours into one with a process proxy."""
    path = specification / "kernel.json"
    spec = json.loads(path.read_text())
    spec["argv"] = spec["argv"][:1]
    for name, value in OPTIONS.items():
        spec["argv"] += [f"--RemoteProcessProxy.{name}", value]
    spec["metadata"] = {
        "process_proxy": {
            "class_name": f"{PROXIES}.docker_swarm.DockerProcessProxy",
            "config": {"image_name": image},
        }
    }
    path.write_text(json.dumps(spec))


def test_kernel_lives_and_leaves_nothing(gateway, install, jupyter, eg_env, kernel_image):
    address, log = gateway
    install("--user")
    specification = Path(jupyter["JUPYTER_DATA_DIR"]) / "kernels" / "docker_python"
    make_gateways(specification, kernel_image)

    command = [eg_env / "bin" / "python", DRIVER, address, "docker_python"]
    done = subprocess.run(command, env=jupyter, capture_output=True, text=True, timeout=200)

    assert done.returncode == 0, f"{done.stderr}\n{log.read_text()}"
    result = json.loads(done.stdout)
    assert result["first"] == result["again"] == ["42\n", False]
    uid, gid, names = result["who"]
    assert (uid, gid) == (1000, 100)
    assert "NAMED_BY_THE_ADMINISTRATOR" in names
    assert not {"NOT_NAMED", "DOCKER_HOST", "EG_DOCKER_MODE", "JUPYTER_DATA_DIR"} & set(names)
    assert "KeyboardInterrupt" in result["interrupted"][0] and result["interrupted"][1]
    assert result["restarted"]
    # An address as a user's name has become part of a name that the engine takes.
    assert f"Started the container ann-example-com-{result['kernel_id'][:20]}" in log.read_text()


def test_reason_of_a_failed_launch_is_in_the_log(gateway, install, jupyter, engine):
    address, log = gateway
    install("--user")
    image = engine.image("jds-test/broken", 'CMD ["sh", "-c", "echo no such module; exit 3"]')
    make_gateways(Path(jupyter["JUPYTER_DATA_DIR"]) / "kernels" / "docker_python", image)

    body = json.dumps({"name": "docker_python", "env": {"KERNEL_USERNAME": "ann"}}).encode()
    request = urllib.request.Request(f"http://{address}/api/kernels", body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request, timeout=60)

    assert failure.value.code == 500
    text = log.read_text()
    assert "ended with exit status 3" in text and "no such module" in text, text
    assert "Waited too long" not in text
