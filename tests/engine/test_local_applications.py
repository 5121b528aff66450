"""The applications that people start kernels with, none of which knows of Docker: each does with ours what it does
with a kernel of its own, and writes no more on standard error."""

import contextlib
import json
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from bed import servers
from bed.local import GID, UID
from bed.patience import end, wait_for
from bed.servers import TOKEN, Server

IMAGE = "jds-test/plain"
ANSWER = "import os; print(6 * 7, os.path.exists('/opt/kernel'))"
NOTEBOOK = {
    "cells": [
        {"id": "a", "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ANSWER}
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
NBCLIENT = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read("in.ipynb", 4)
NotebookClient(notebook, kernel_name=sys.argv[1]).execute()
print(notebook.cells[0].outputs[0].text)
"""
MANAGER = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1])
client.execute_interactive(sys.argv[2])
manager.interrupt_kernel()
manager.restart_kernel(now=True)
client.wait_for_ready()
client.execute_interactive(sys.argv[2])
client.stop_channels()
manager.shutdown_kernel()
"""
# The words of each, and what it reads; what it prints, or writes to out.ipynb, has the answer.
APPLICATIONS = {
    "nbclient": (["python", "-c", NBCLIENT, "{k}"], None),
    "jupyter execute": (["jupyter-execute", "--kernel_name={k}", "--output=out", "in.ipynb"], None),
    "nbconvert": (
        ["jupyter-nbconvert", "--to=notebook", "--execute", "--ExecutePreprocessor.kernel_name={k}"]
        + ["--output=out", "in.ipynb"],
        None,
    ),
    "papermill": (["papermill", "--kernel={k}", "--no-progress-bar", "in.ipynb", "out.ipynb"], None),
    "jupyter run": (["jupyter-run", "--kernel={k}", "in.py"], None),
    "jupyter console": (["jupyter-console", "--kernel={k}", "--simple-prompt"], ANSWER + "\nexit\n"),
    "KernelManager": (["python", "-c", MANAGER, "{k}", ANSWER], None),
}


# What debugpy says of the Python that it finds, and tornado of an event that comes as a websocket is closed.
ANYWAY = re.compile(r"N\.Ns - |.* Got events for closed stream ")


def without_what_varies(log):
    """Lines without times, numbers and names of kernels."""
    lines = re.sub(r"[0-9a-f-]{8,}|\d+", "N", re.sub(r"\b(k|python3)\b", "KERNEL", log)).splitlines()
    return {line for line in lines if line.strip() and not ANYWAY.match(line)}


@pytest.mark.parametrize(("words", "stdin"), APPLICATIONS.values(), ids=APPLICATIONS)
def test_it_executes(local, words, stdin):
    local.install(IMAGE)
    (local.directory / "in.ipynb").write_text(json.dumps(NOTEBOOK))
    (local.directory / "in.py").write_text(ANSWER)
    out = local.directory / "out.ipynb"
    said = {}
    for kernel, is_ours in (("python3", "False"), ("k", "True")):
        out.unlink(missing_ok=True)
        program, *rest = (word.replace("{k}", kernel) for word in words)
        application = replace(local, has_python=kernel == "python3")
        done = application.run(local.program(program), *rest, stdin=stdin)
        assert done.returncode == 0, done.stderr
        made = out.read_text() if out.exists() else done.stdout
        assert f"42 {is_ours}" in made, f"{done.stdout}\n{done.stderr}"
        said[kernel] = without_what_varies(done.stderr)
    assert sorted(said["k"] - said["python3"]) == []


@contextlib.contextmanager
def jupyter_server(local, log):
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = ["--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    words.append(f"--IdentityProvider.token={TOKEN}")
    with log.open("w") as output:
        process = local.begin(local.program("jupyter-server"), *words, output=output)
    try:
        server = Server(process, port, log)
        wait_for(server.answers, f"the server does not answer: {log}")
        yield server
    finally:
        end(process)
        process.stdout.close()


def test_jupyter_server(local, engine, place):
    local.install(IMAGE)
    driver = Path(servers.__file__).with_name("server_drive.py")
    said = {}
    for kernel in ("python3", "k"):
        log = place / f"{kernel}.log"
        with jupyter_server(replace(local, has_python=kernel == "python3"), log) as server:
            done = local.run(local.python, driver, f"http://127.0.0.1:{server.port}", TOKEN, kernel)
            assert done.returncode == 0, done.stderr + log.read_text()
            told = json.loads(done.stdout)
            assert told["first"] == told["again"] == ["42\n", None]
            assert told["who"][:2] == [str(UID), str(GID)]
            assert told["interrupted"] == ["asleep\n", "KeyboardInterrupt"]
            assert told["left"] == []
        said[kernel] = without_what_varies(log.read_text())
    assert sorted(said["k"] - said["python3"]) == []


def test_a_server_that_is_killed_leaves_nothing(local, engine, place):
    local.install(IMAGE)
    with jupyter_server(local, place / "log") as server:
        status, answer = server.post("/api/kernels", name="k")
        assert status == 201, answer
        wait_for(engine.kernels, "no kernel")
        server.process.kill()
        engine.assert_no_kernels()
        engine.assert_no_launchers()


def test_a_server_that_is_told_to_stop_leaves_nothing(local, engine, place):
    local.install(IMAGE)
    with jupyter_server(local, place / "log") as server:
        assert server.post("/api/kernels", name="k")[0] == 201
        wait_for(engine.kernels, "no kernel")
        server.process.terminate()
        server.process.wait(60)
        assert not engine.kernels()


def test_why_a_kernel_does_not_start_is_in_the_log_of_the_server(local, engine, place):
    local.install(IMAGE, "--kernel-command=nothing {connection_file}")
    log = place / "log"
    with jupyter_server(local, log) as server:
        server.post("/api/kernels", name="k")
        wait_for(lambda: "the image has no program `nothing`" in log.read_text(), log.read_text)
