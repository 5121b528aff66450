"""A real Jupyter server on this machine, and what somebody gets to see who asks it for a kernel."""

import contextlib
import json
import socket
import subprocess
import urllib.error
import urllib.request

from bed import reporting
from bed.patience import end, wait_for

TOKEN = "of-the-tests"
# With this, users see why a launch has failed.
SHOW = "--show-launch-errors"


class Server:
    """A running Jupyter server."""

    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log

    def post(self, path, /, **body):
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

    def refusal(self, kind, name):
        """Asks for a kernel that does not come up, as gateways' clients do or as notebooks do; what the
        client gets to see."""
        if kind == "kernel":
            status, answer = self.post("/api/kernels", name=name)
        else:
            kernel = {"name": name}
            status, answer = self.post("/api/sessions", path="a", name="a", type="notebook", kernel=kernel)
        assert status == 500, answer
        # Where its lines are broken is of no interest here.
        return " ".join(answer["message"].split())


@contextlib.contextmanager
def serving(engine, gp_env, place, environment):
    """A running server with our Python package."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = place / "server.log"
    words = ["--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    process = subprocess.Popen(
        [gp_env / "bin" / "jupyter", "server", *words, f"--IdentityProvider.token={TOKEN}"],
        env={"DOCKER_HOST": engine.address, "KERNEL_USERNAME": "ann"}
        | environment
        | {"PYTHONPATH": str(reporting.site_packages(place / "site"))},
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
        end(process)
