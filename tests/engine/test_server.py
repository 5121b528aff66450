"""What the log of a real Jupyter server, and its user, see of a launch that goes wrong.

The server hands no reason on to the user, only that it went wrong: what counts for the user is that this
comes at once, and for the administrator that the log has the reason.
"""

import contextlib
import json
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from bed.engine import wait_for

TOKEN = "of-the-tests"
# As long as the server may wait at most. A reason that comes later was not seen by it.
LONG = "--launch-timeout=100"


class Server:
    """A running Jupyter server."""

    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log

    def post(self, path, **body):
        """The status of the answer, and what it says."""
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.port}/api"
            return urllib.request.urlopen(url, timeout=5).status == 200


@pytest.fixture
def server(engine, gp_env, place, jupyter):
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = place / "server.log"
    words = ["--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    process = subprocess.Popen(
        [gp_env / "bin" / "jupyter", "server", *words, f"--IdentityProvider.token={TOKEN}"],
        env=jupyter | {"DOCKER_HOST": engine.address, "KERNEL_USERNAME": "ann"},
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    server = Server(process, port, log)
    try:
        wait_for(server.answers, f"the server does not answer: {log}")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def images(engine):
    """Images whose kernels do not come up, and what the log has to say about each."""
    foreign = r"\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000\001"
    yield engine.image("jds-test/broken", "CMD echo no such module; exit 3"), "status 3.*no such module"
    yield engine.image("jds-test/greedy", "CMD tail /dev/zero"), "more memory than it may"
    yield engine.image("jds-test/no-command", 'CMD ["/no/such/command"]'), "/no/such/command"
    program = f"RUN printf '{foreign}' > /program && chmod 0755 /program"
    yield engine.image("jds-test/foreign", program, 'CMD ["/program"]'), "another architecture"
    yield "127.0.0.1:1/jds-test/none:1", "could not be pulled"


def test_the_reason_is_in_the_log_and_the_user_is_told_at_once(engine, server, install):
    for image, reason in images(engine):
        install("--user", "--replace", f"--image-name={image}", "--memory=16m", LONG)
        before = len(server.log.read_text())
        status, answer = server.post("/api/kernels", name="docker_python")
        log = server.log.read_text()[before:]
        assert status == 500, f"{answer}\n{log}"
        assert re.search(reason, log, re.DOTALL), log
        assert "Waited too long" not in log, log
        engine.assert_no_kernels()


def test_a_kernel_that_never_answers_is_gone_after_the_timeout(engine, server, install):
    install("--user", "--replace", "--image-name=jds-test/tiny", "--launch-timeout=4")
    status, answer = server.post("/api/kernels", name="docker_python")
    log = server.log.read_text()
    assert status == 500 and "Waited too long (4s)" in log, f"{answer}\n{log}"
    engine.assert_no_kernels()
    engine.assert_no_launchers()
