"""The launcher in Python with the real Docker SDK, and an engine that only notes what it is asked for."""

import json
import os
import re
import signal
import socketserver
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest

KERNEL_ID = "8a4e1f2c-0000-4000-8000-000000000001"
NAME = f"ann-{KERNEL_ID}"
ADDRESS = "192.0.2.1:8877"


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers as an engine that has the image; `present` is what has the kernel's name, if anything."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path, present=None, output=b"", creates=None):
        self.asked, self.created, self.present, self.output = [], [], present, output
        # What a creation waits for before anything is there.
        self.creates = creates
        self.path = path
        super().__init__(str(path), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def names(self, method):
        return [path for asked, path in self.asked if asked == method]


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "launcher"

    def log_message(self, *_):
        pass

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, content=b""):
        """Goes on until the launcher has gone."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        self.rfile.read(1)
        self.close_connection = True

    def do(self):
        engine = self.server
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "null")
        path = re.sub(r"^/v[\d.]+", "", self.path)
        engine.asked.append((self.command, path))
        name = path.split("/")[2].split("?")[0] if path.count("/") > 1 else ""
        if path == "/version":
            self.answer(200, {"ApiVersion": "1.41", "Version": "20.10.24", "MinAPIVersion": "1.12"})
        elif name == "create":
            if engine.present:
                self.answer(409, {"message": "Conflict. The name is already in use"})
            else:
                if engine.creates:
                    engine.creates.wait()
                engine.created.append(body)
                self.answer(201, {"Id": "new", "ID": "new"})
        elif self.command == "DELETE":
            engine.present = None
            self.answer(204)
        elif path.startswith(("/containers/json", "/services?")):
            created = [one for one in engine.created if f"launch={one['Labels']['launch']}" in unquote(path)]
            self.answer(200, [self.described("new", {}, [], "running") for _ in created])
        elif path.startswith("/events"):
            self.stream()
        elif "/attach" in path:
            frames = b"".join(b"\1\0\0\0" + len(line).to_bytes(4, "big") + line for line in [engine.output])
            self.stream(frames if engine.output else b"")
        elif "/start" in path:
            self.answer(204)
        elif path.startswith("/tasks"):
            present = engine.present or {}
            self.answer(200, [{"ID": "task", "Status": {"State": present.get("task", "running")}}])
        elif name == "new":
            self.answer(200, self.described(name, {}, [], "running"))
        elif engine.present and name in (NAME, "old"):
            present = engine.present
            described = self.described("old", present["labels"], present["env"], present.get("status"))
            self.answer(200, described)
        else:
            self.answer(404, {"message": "no such thing"})

    do_GET = do_POST = do_DELETE = do

    def described(self, id, labels, env, status):
        """As a container and as a service at once."""
        return {
            "Id": id,
            "ID": id,
            "Name": f"/{NAME}",
            "Config": {"Labels": labels, "Env": env, "Tty": False},
            "State": {"Status": status},
            "Spec": {"Name": NAME, "Labels": labels, "TaskTemplate": {"ContainerSpec": {"Env": env}}},
        }


@pytest.fixture
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("launch")


@pytest.fixture
def engine(place):
    engines = []

    def start(**options):
        engines.append(Engine(place / "docker.sock", **options))
        return engines[-1]

    yield start
    for one in engines:
        one.shutdown()
        one.server_close()


@pytest.fixture
def launcher(place, binaries, gp_env):
    """The command and the environment of a launch."""

    def prepared(swarm=False, kernel_id=KERNEL_ID, public_key="KEY", timeout=2, **variables):
        done = subprocess.run(
            [
                f"{binaries}/jupyter-docker-spec",
                "install",
                "--prefix=p",
                "--kernel-name=k",
                "--launcher=python",
                "--replace",
                f"--launch-timeout={timeout}",
            ],
            cwd=place,
            env={"HOME": str(place)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        script = place / "p/share/jupyter/kernels/k/scripts/launch_docker.py"
        command = [f"{gp_env}/bin/python", script, f"--kernel-id={kernel_id}"]
        command += ["--port-range=0..0", f"--response-address={ADDRESS}", f"--public-key={public_key}"]
        environment = {
            "DOCKER_HOST": f"unix://{place}/docker.sock",
            "GP_DOCKER_MODE": "swarm" if swarm else "docker",
            "GP_DOCKER_NETWORK": "kernels",
            "KERNEL_IMAGE": "image:1",
            "KERNEL_USERNAME": "ann",
            "KERNEL_UID": "1000",
            "KERNEL_GID": "100",
        } | variables
        return {"args": command, "env": {k: v for k, v in environment.items() if v is not None}}

    return prepared


def run(command):
    return subprocess.run(
        **command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60
    )


def refused(command):
    """The one line of the log that says why."""
    done = run(command)
    assert done.returncode == 1, done
    assert done.stdout == "" and done.stderr.startswith("[E ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("swarm", [False, True])
def test_a_launch_that_succeeds_says_nothing(engine, launcher, swarm):
    started = engine()
    done = run(launcher(swarm))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(started.created) == 1 and started.names("DELETE") == []


def test_what_a_user_decides_reaches_a_service_as_it_is(engine, launcher):
    started = engine()
    given = 'bob{{print "/../alice"}} {{.Node.Hostname}} {{{ }} {'
    run(launcher(True, KERNEL_USERNAME=given, KERNEL_PROMPT="Hello {{ name }}"))
    (service,) = started.created
    container = service["TaskTemplate"]["ContainerSpec"]
    variables = dict(text.split("=", 1) for text in container["Env"])
    assert variables["KERNEL_PROMPT"] == 'Hello {{"{{"}} name }}'
    assert variables["KERNEL_USERNAME"].replace('{{"{{"}}', "<") == (
        'bob<print "/../alice"}} <.Node.Hostname}} <{ }} {'
    )
    assert "{{" not in container["Hostname"] + service["Name"]
    assert container["Healthcheck"]["Test"] == ["NONE"]


def test_in_a_container_there_are_no_templates(engine, launcher):
    started = engine()
    run(launcher(KERNEL_PROMPT="Hello {{ name }}"))
    assert "KERNEL_PROMPT=Hello {{ name }}" in started.created[0]["Env"]


IDS = ["", "00", "+0", "-0", "007", " 0", "1_0", "0x0", "٣", "1.0", "2147483648", b"\xff"]


@pytest.mark.parametrize(
    ("name", "value"), [*(("KERNEL_UID", value) for value in IDS), ("KERNEL_GID", ""), ("KERNEL_GID", "00")]
)
def test_what_is_no_id_is_none(engine, launcher, name, value):
    started = engine()
    assert f"`{name}` of `" in refused(launcher(**{name: value}))
    assert started.asked == []


def test_ids_that_are_given_are_used(engine, launcher):
    started = engine()
    run(launcher(KERNEL_UID="0", KERNEL_GID="2147483647"))
    run(launcher(KERNEL_UID="5", KERNEL_GID=None))
    run(launcher(KERNEL_UID=None))
    users = [(one.get("User"), one["HostConfig"]["GroupAdd"]) for one in started.created]
    assert users == [("0:2147483647", ["2147483647", "100"]), ("5", ["100"]), (None, ["100"])]


@pytest.mark.parametrize("value", ["1e19", "inf", "nan", "-1", "0", "1e9999", "soon"])
def test_what_is_no_time_is_refused(engine, launcher, value):
    started = engine()
    variables = {"GP_DOCKER_MODE": None, "EG_DOCKER_MODE": "docker", "KERNEL_LAUNCH_TIMEOUT": value}
    assert f"`KERNEL_LAUNCH_TIMEOUT` of `{value}` must be a number of seconds" in refused(launcher(**variables))
    assert started.asked == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GP_DOCKER_MODE": "swam"}, "`GP_DOCKER_MODE` of `swam` must be one of swarm, docker"),
        ({"REMOVE_CONTAINER": "nein"}, "`REMOVE_CONTAINER` of `nein` must be one of true, 1, yes, on, false, 0, no, off"),
        ({"GP_DOCKER_NETWORK": "host"}, "`docker network create`, and name it in GP_DOCKER_NETWORK"),
        ({"kernel_id": "{kernel_id}"}, "`{kernel_id}` was not filled in: start the kernel from a Jupyter server"),
        ({"kernel_id": ""}, "--kernel-id is required"),
        ({"public_key": "{public_key}"}, "`{public_key}` was not filled in: start the kernel"),
    ],
)
def test_what_cannot_be_understood_is_said(engine, launcher, variables, said):
    started = engine()
    assert said in refused(launcher(**variables))
    assert started.asked == []


def test_the_spelling_of_the_one_server_does_not_outweigh_the_mode_of_the_other(engine, launcher):
    """Or all of a server's environment, which gateway_provisioners hands on, would reach the kernel."""
    started = engine()
    for variables in ({}, {"EG_DOCKER_MODE": "docker"}, {"GP_DOCKER_MODE": None, "EG_DOCKER_MODE": "docker"}):
        command = launcher(SECRET="s", KERNEL_LAUNCH_TIMEOUT="2", **variables)
        words = [re.sub("^--", "--RemoteProcessProxy.", str(word)) for word in command["args"]]
        run(command | {"args": words})
    found = [(one["Labels"]["app"], "SECRET=s" in one["Env"]) for one in started.created]
    assert found == [("gateway-provisioners", False)] * 2 + [("enterprise-gateway", True)]


OWN = {"kernel_id": KERNEL_ID, "component": "kernel"}


@pytest.mark.parametrize("swarm", [False, True])
@pytest.mark.parametrize(
    ("labels", "status"),
    [({}, "exited"), ({"kernel_id": "other"}, "exited"), (OWN, "running"), (OWN, "paused")],
)
def test_what_is_in_use_or_somebody_elses_is_left_alone(engine, launcher, swarm, labels, status):
    started = engine(present={"labels": labels, "env": [], "status": status})
    message = refused(launcher(swarm))
    assert "name is already in use" in message if swarm else f"`{NAME}` is taken" in message
    assert started.names("DELETE") == [] and started.created == []


@pytest.mark.parametrize("status", ["exited", "removing"])
def test_what_has_ended_of_the_kernel_makes_way(engine, launcher, status):
    started = engine(present={"labels": OWN, "env": [], "status": status})
    done = run(launcher())
    assert (done.returncode, done.stderr) == (0, "") and len(started.created) == 1
    assert len(started.names("DELETE")) == 1


@pytest.mark.parametrize("swarm", [False, True])
def test_what_is_stopped_leaves_nothing(engine, launcher, swarm):
    started = engine()
    process = subprocess.Popen(**launcher(swarm, timeout=100), stderr=subprocess.PIPE, text=True)
    while not started.created:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1 and "stopped by SIGTERM" in message and message.count("\n") == 1
    assert [path.split("?")[0] for path in started.names("DELETE")] == [f"/{'services' if swarm else 'containers'}/new"]


@pytest.mark.parametrize("swarm", [False, True])
def test_what_is_stopped_while_the_engine_creates_leaves_nothing(engine, launcher, swarm):
    creates = threading.Event()
    started = engine(creates=creates)
    process = subprocess.Popen(**launcher(swarm, timeout=100), stderr=subprocess.PIPE, text=True)
    while not any("/create" in path for path in started.names("POST")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    # The signal has arrived, and is kept waiting.
    status, term = Path(f"/proc/{process.pid}/status"), 1 << (signal.SIGTERM - 1)
    masks = r"^(?:ShdPnd|SigBlk):\s*(\w+)"
    while not all(int(mask, 16) & term for mask in re.findall(masks, status.read_text(), re.M)):
        if process.poll() is not None:
            break
        time.sleep(0.01)
    creates.set()
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1 and "stopped by SIGTERM" in message
    while not started.created:
        time.sleep(0.01)
    assert [path.split("?")[0] for path in started.names("DELETE")] == [f"/{'services' if swarm else 'containers'}/new"]


@pytest.mark.parametrize("swarm", [False, True])
def test_a_log_that_is_closed_changes_nothing(engine, launcher, swarm):
    for closing in ("2>&-", "2> >(exec <&-; sleep 0.1)"):
        started = engine()
        command = launcher(swarm)
        shell = ["/bin/bash", "-c", f'"$@" {closing}', "bash", *map(str, command["args"])]
        done = run(command | {"args": shell, "env": command["env"] | {"PATH": os.defpath}})
        assert (done.returncode, done.stdout) == (0, "") and len(started.created) == 1
        started.shutdown()
        started.server_close()
        started.path.unlink()
        # Nor does it keep a failure from being one.
        command = launcher(swarm, KERNEL_IMAGE=None)
        shell = ["/bin/bash", "-c", f'"$@" {closing}', "bash", *map(str, command["args"])]
        assert run(command | {"args": shell, "env": command["env"] | {"PATH": os.defpath}}).returncode == 1


def full_pipe():
    """The ends of a pipe that takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, 4096 * b"x")
    except BlockingIOError:
        os.set_blocking(writer, True)
        return reader, writer


def test_a_log_that_nobody_reads_holds_nobody_up(engine, launcher):
    started = engine(output=100_000 * b"line\n")
    reader, writer = full_pipe()
    for stop in (False, True):
        command = launcher(timeout=100 if stop else 10)
        process = subprocess.Popen(**command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
        if stop:
            # Since then it knows what it has created.
            while sum("/start" in path for path in started.names("POST")) < 2:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == (1 if stop else 0)
    assert len(started.names("DELETE")) == 1  # what was stopped
    os.close(reader)
    os.close(writer)


def test_a_directory_that_is_gone_is_no_other_one(engine, launcher, place):
    """The launcher mounts nothing of itself, and needs no directory; a relative path is of none then."""
    started = engine()
    command = launcher()
    script = Path(command["args"][1]).relative_to(place)
    gone = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    for path, status in ((command["args"][1], 0), (script, 2)):
        words = [str(word) for word in (command["args"][0], path, *command["args"][2:])]
        shell = ["/bin/sh", "-c", gone, "sh", *words]
        done = run(command | {"args": shell, "cwd": place, "env": command["env"] | {"PATH": os.defpath}})
        assert done.returncode == status, done.stderr
    assert len(started.created) == 1 and "Mounts" not in started.created[0]["HostConfig"]
