"""The real Jupyter reads what we install: its command line, its server, its provisioners."""

import hashlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from upstream_sandbox import Sandbox

PROBE = Path(__file__).with_name("jupyter_probe.py")
TOKEN = "a-token-for-the-tests"
LANGUAGES = {"python": "Python", "r": "R", "scala": "Scala"}
KINDS = {
    "docker": ("DockerProvisioner", "docker-provisioner"),
    "swarm": ("DockerSwarmProvisioner", "docker-swarm-provisioner"),
}
NAMES = [f"{engine}_{language}" for engine in KINDS for language in LANGUAGES]
ODD = "odd_one"
ODD_DISPLAY = 'Ünïcode "quotes" \\ $HOME {kernel_id} <b>\nand a line'


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory, ours, gp_env):
    """A Jupyter whose user has installed every kind of specification, and one with everything in it."""
    sandbox = Sandbox(tmp_path_factory.mktemp("jupyter").resolve(), ours)
    for name in NAMES:
        engine, language = name.split("_")
        swarm = ["--swarm"] if engine == "swarm" else []
        done = sandbox.run("install", "--user", f"--kernel-name={name}", f"--language={language}", *swarm)
        assert not done.failed, done.stderr
    done = sandbox.run(
        "install", "--user", f"--kernel-name={ODD}", f"--display-name={ODD_DISPLAY}", "--image-name=own/image:3",
        "--authorized-users=bob", "--authorized-users=eve", "--unauthorized-users=eve", "--unauthorized-users=root",
        "--port-range=40000..42000", "--launch-timeout=90", "--ipykernel-subclass-name=my.own.Kernel",
    )
    assert not done.failed, done.stderr
    return Jupyter(sandbox, gp_env)


class Jupyter:
    def __init__(self, sandbox, env):
        self.sandbox, self.bin_dir = sandbox, Path(env) / "bin"
        self.kernels = sandbox.root / "data" / "kernels"
        self.environ = sandbox.environ({"JUPYTER_RUNTIME_DIR": "{root}/runtime", "JUPYTER_TOKEN": TOKEN})
        self.environ["PATH"] = f"{self.bin_dir}:/usr/bin:/bin"

    def output(self, *command):
        done = subprocess.run(
            command, env=self.environ, cwd=self.sandbox.root / "work", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def probe(self, *args):
        return json.loads(self.output(self.bin_dir / "python", PROBE, *args))


def digest(data):
    return hashlib.sha256(data).hexdigest()


# --- the command line --------------------------------------------------------------------------------------


def test_kernelspec_list_has_them_all(jupyter):
    listed = json.loads(jupyter.output(jupyter.bin_dir / "jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert {*NAMES, ODD} <= set(listed)
    for name in (*NAMES, ODD):
        assert listed[name]["resource_dir"] == str(jupyter.kernels / name)
        assert listed[name]["spec"] == json.loads((jupyter.kernels / name / "kernel.json").read_text())
    # Nothing but what was installed: no staging, no backup.
    of_the_user = {name for name, spec in listed.items() if spec["resource_dir"].startswith(str(jupyter.sandbox.root))}
    assert of_the_user == {*NAMES, ODD}


def test_kernelspec_remove_takes_all_of_it_away(jupyter):
    assert not jupyter.sandbox.run("install", "--user", "--kernel-name=short_lived").failed
    jupyter.output(jupyter.bin_dir / "jupyter", "kernelspec", "remove", "-f", "short_lived")
    assert sorted(os.listdir(jupyter.kernels)) == sorted([*NAMES, ODD])


# --- jupyter_client ----------------------------------------------------------------------------------------


def test_the_kernelspec_manager_reads_what_is_written(jupyter):
    specs = jupyter.probe("specs")
    for name in (*NAMES, ODD):
        spec = specs[name]
        assert spec["listed"], "jupyter_client knows no provisioner for it"
        assert spec["resource_dir"] == str(jupyter.kernels / name)
        # Every member that jupyter_client knows is there, and no other.
        assert spec["to_dict"] == json.loads((jupyter.kernels / name / "kernel.json").read_text())
    assert specs[ODD]["to_dict"]["display_name"] == ODD_DISPLAY
    assert specs["swarm_r"]["to_dict"]["language"] == "R"


# --- the provisioners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_provisioner_runs_the_installed_launcher(jupyter, name):
    engine, language = name.split("_")
    prepared = jupyter.probe("launch", name)
    assert prepared["class"] == KINDS[engine][0]

    launcher, *words = prepared["cmd"]
    assert launcher == str(jupyter.kernels / name / "scripts" / "launch_docker")
    assert os.access(launcher, os.X_OK)
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["--kernel-id"] == prepared["kernel_id"]
    assert given["--port-range"] == "0..0"
    assert not [word for word in words if "{" in word], "the provisioner has left a placeholder"
    python_only = {"--transport-encryption", "--kernel-class-name"}
    assert python_only & set(given) == (python_only if language == "python" else set())

    assert prepared["env"]["KERNEL_IMAGE"] == f"elyra/kernel-{'py' if language == 'python' else language}:0.5.0"
    assert prepared["env"]["KERNEL_LANGUAGE"] == language
    assert prepared["env"]["GP_DOCKER_MODE"] == engine
    assert prepared["launch_timeout"] == 30
    assert prepared["users"] == {"alice": True, "bob": True, "eve": True, "root": False}


def test_the_provisioner_takes_every_setting(jupyter):
    prepared = jupyter.probe("launch", ODD)
    assert prepared["image_name"] == prepared["env"]["KERNEL_IMAGE"] == "own/image:3"
    assert (prepared["port_range"], prepared["launch_timeout"]) == ("40000..42000", 90)
    assert prepared["authorized_users"] == ["bob", "eve"]
    assert prepared["unauthorized_users"] == ["eve", "root"]
    assert prepared["users"] == {"alice": False, "bob": True, "eve": False, "root": False}
    assert prepared["cmd"][-2:] == ["--kernel-class-name", "my.own.Kernel"]


RANGES = [
    "0..0", "1..1", "80..80", "5000..5000", "1024..2024", "1024..2023", "1023..5000", "0..5000", "40000..41000",
    "40000..40999", "41000..40000", "64535..65535", "64000..65536", "40000..99999", "70000..70000", "40000",
    "40000-42000", "a..b", "40000..", "..42000", "..", "-1..4000", "40000...42000", "40000..42000..44000",
]


def test_install_accepts_the_port_ranges_that_the_provisioner_accepts(jupyter):
    theirs = jupyter.probe("ports", *RANGES)
    ours = {}
    for text in RANGES:
        done = jupyter.sandbox.run("install", "--prefix={prefix}", "--replace", f"--port-range={text}")
        ours[text] = not done.failed
    # A range that starts right but has something behind it is accepted there, and means something else than it says.
    # Port 70000 does not exist, but as a range of no size it is not looked at.
    different = {text for text in RANGES if ours[text] != theirs[text]}
    assert different <= {"40000..42000..44000", "70000..70000"}
    assert not any(ours[text] and not theirs[text] for text in RANGES)


# --- the server --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(jupyter):
    """A running jupyter_server: a function that asks it for a path, and returns type and bytes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log_path = jupyter.sandbox.root / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                jupyter.bin_dir / "python", "-m", "jupyter_server", "--allow-root", "--no-browser",
                "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            ],
            env=jupyter.environ,
            cwd=jupyter.sandbox.root / "work",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def get(path, token=TOKEN):
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.headers.get_content_type(), response.read()

    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                get("/api/status")
                break
            except OSError:
                assert process.poll() is None, log_path.read_text()
                assert time.monotonic() < deadline, log_path.read_text()
                time.sleep(0.1)
        yield get
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "Traceback" not in log_path.read_text()


def test_the_server_lists_every_specification(jupyter, server):
    listed = json.loads(server("/api/kernelspecs")[1])["kernelspecs"]
    for name in NAMES:
        engine, language = name.split("_")
        spec = listed[name]["spec"]
        assert spec["display_name"] == f"Docker {LANGUAGES[language]}"
        assert spec["language"] == ("R" if language == "r" else language)
        assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == KINDS[engine][1]
        assert spec["metadata"]["debugger"] is True
        assert spec["metadata"].get("supported_encryption") == (["curve"] if language == "python" else None)
    assert listed[ODD]["spec"]["display_name"] == ODD_DISPLAY
    assert json.loads(server(f"/api/kernelspecs/{ODD}")[1]) == listed[ODD]


@pytest.mark.parametrize("name", NAMES)
def test_the_server_hands_out_the_installed_logos(jupyter, server, name):
    resources = json.loads(server(f"/api/kernelspecs/{name}")[1])["resources"]
    expected = {
        "logo-64x64": ("logo-64x64.png", "image/png"),
        "logo-32x32": ("logo-32x32.png", "image/png"),
        "logo-svg": ("logo-svg.svg", "image/svg+xml"),
    }
    if name.endswith("_r"):
        expected["kernel.js"] = ("kernel.js", None)  # the media type is the system's: text or application
    assert set(resources) == set(expected)
    for resource, (file, media_type) in expected.items():
        assert resources[resource] == f"/kernelspecs/{name}/{file}"
        got_type, data = server(resources[resource])
        assert digest(data) == digest((jupyter.kernels / name / file).read_bytes())
        assert got_type == media_type or (media_type is None and got_type.endswith("/javascript"))


def test_the_logos_are_images_of_their_size_and_all_different(jupyter):
    seen = set()
    for name in NAMES:
        for size in (64, 32):
            data = (jupyter.kernels / name / f"logo-{size}x{size}.png").read_bytes()
            assert data[:8] == b"\x89PNG\r\n\x1a\n"
            assert data[12:16] == b"IHDR"
            width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
            assert (width, height) == (size, size)
            assert len(data) < 2000
            seen.add(digest(data))
        svg = (jupyter.kernels / name / "logo-svg.svg").read_text()
        assert 'viewBox="0 0 64 64"' in svg
        assert "<text" not in svg, "a font may not be there"
        seen.add(digest(svg.encode()))
    assert len(seen) == 3 * len(NAMES), "two kinds of kernels look the same"


def test_what_jupyter_cannot_read_is_not_there(jupyter, server):
    """A member that one front end refuses is a kernel that nobody can start: only what KernelSpec has."""
    known = {"argv", "env", "display_name", "language", "interrupt_mode", "metadata", "kernel_protocol_version"}
    for name, listed in json.loads(server("/api/kernelspecs")[1])["kernelspecs"].items():
        if name in (*NAMES, ODD):
            assert set(listed["spec"]) == known


def test_users_of_the_server_can_read_the_whole_specification(jupyter, server):
    """So nothing in it may be secret, `scripts` included. Without a token there is nothing to read."""
    path = f"/kernelspecs/{ODD}/scripts/launch_docker"
    assert digest(server(path)[1]) == digest((jupyter.kernels / ODD / "scripts" / "launch_docker").read_bytes())
    with pytest.raises(urllib.error.HTTPError) as refused:
        server(f"/api/kernelspecs/{ODD}", token=None)
    assert refused.value.code == 403
