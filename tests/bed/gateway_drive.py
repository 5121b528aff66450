"""Takes a kernel through its life with Enterprise Gateway's own client, and reports it as JSON.

Runs with the Python of the gateway's environment, where the gateway runs: `gateway_drive.py HOST:PORT
KERNELSPEC CODE`, where the last is a JSON object with code in the kernel's language (see `kernels.py`). The
client starts, interrupts, restarts and deletes the kernel through the REST API, and runs code over the
websocket, naming the token in `TOKEN` if there is one. Standard output gets the kernel's id and what each step came to.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
import websocket
from enterprise_gateway.client.gateway_client import GatewayClient, KernelClient


def launchers():
    """The launchers that run, with the names of the variables that the gateway has given to each."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if any(b"/scripts/launch_docker" in word for word in words[:2]):
                variables = (process / "environ").read_bytes().split(b"\0")
                found[process.name] = sorted(one.split(b"=")[0].decode() for one in variables if one)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for_launcher(before):
    """What a launcher that is not one of those before was given, which may end before its kernel answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process, names in launchers().items():
            if process not in before:
                return names
        time.sleep(0.05)
    raise TimeoutError("no launcher")


def interrupted(kernel, code):
    """Runs code that announces itself, and interrupts it then: the client's own thread does so after a time
    that may be too short for a busy machine."""
    receive, accepted = kernel._get_response, []

    def receive_and_interrupt(*words):
        message = receive(*words)
        if message and message["msg_type"] == "stream":
            kernel._get_response = receive
            accepted.append(kernel.interrupt())
        return message

    kernel._get_response = receive_and_interrupt
    result = kernel.execute(code)
    # The client keeps what goes wrong meanwhile to itself.
    if accepted != [True]:
        raise RuntimeError(f"it was not interrupted: {result}")
    return result


def authorize(token):
    """Has the client, which knows of none, name a token with all that it sends."""
    send, connect, header = requests.Session.send, websocket.create_connection, f"token {token}"

    def send_with_token(session, request, **options):
        request.headers["Authorization"] = header
        return send(session, request, **options)

    def connect_with_token(url, **options):
        return connect(url, header={"Authorization": header}, **options)

    requests.Session.send, websocket.create_connection = send_with_token, connect_with_token


def main():
    if os.environ.get("TOKEN"):
        authorize(os.environ["TOKEN"])
    code = json.loads(sys.argv[3])
    if "scala" in sys.argv[2]:
        # Toree compiles before it runs, and may send what was printed after it has said that it is done.
        KernelClient.POST_IDLE_TIMEOUT = 10
    client = GatewayClient(sys.argv[1])
    with ThreadPoolExecutor() as pool:
        launcher = pool.submit(wait_for_launcher, launchers())
        kernel = client.start_kernel(sys.argv[2], username="ann@example.com")
    try:
        result = {
            "kernel_id": kernel.kernel_id,
            "launcher": launcher.result(),
            "first": kernel.execute(code["answer"]),
            "who": json.loads(kernel.execute(code["who"])[0]),
        }
        result["interrupted"] = interrupted(kernel, code["loop"])
        result["restarted"] = kernel.restart()
        result["again"] = kernel.execute(code["answer"])
    finally:
        client.shutdown_kernel(kernel)
    result["left"] = requests.get(f"http://{sys.argv[1]}/api/kernels", timeout=60).json()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
