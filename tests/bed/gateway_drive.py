"""Takes a kernel through its life with Enterprise Gateway's own client, and reports it as JSON.

Runs with the Python of the gateway's environment, where the gateway runs: `gateway_drive.py HOST:PORT
KERNELSPEC CODE`, where the last is a JSON object with code in the kernel's language (see `kernels.py`). The
client starts, interrupts, restarts and deletes the kernel through the REST API, and runs code over the
websocket. Standard output gets the kernel's id and what each step came to.
"""

import json
import sys
from pathlib import Path

import requests
from enterprise_gateway.client.gateway_client import GatewayClient, KernelClient


def launcher_environment(kernel_id):
    """The names of the variables that the gateway has given to the launcher, which still runs."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            is_launcher = any(b"/scripts/launch_docker" in word for word in words[:2])
            if is_launcher and kernel_id.encode() in words:
                variables = (process / "environ").read_bytes().split(b"\0")
                return sorted(one.split(b"=")[0].decode() for one in variables if one)
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise RuntimeError("the launcher has gone already")


def main():
    code = json.loads(sys.argv[3])
    if "scala" in sys.argv[2]:
        # Toree compiles before it runs, and may send what was printed after it has said that it is done.
        KernelClient.POST_IDLE_TIMEOUT = interrupt_after = 5
    else:
        interrupt_after = KernelClient.DEFAULT_INTERRUPT_WAIT
    client = GatewayClient(sys.argv[1])
    kernel = client.start_kernel(sys.argv[2], username="ann@example.com")
    try:
        result = {
            "kernel_id": kernel.kernel_id,
            "launcher": launcher_environment(kernel.kernel_id),
            "first": kernel.execute(code["answer"]),
            "who": json.loads(kernel.execute(code["who"])[0]),
        }
        kernel.start_interrupt_thread(interrupt_after)
        result["interrupted"] = kernel.execute(code["loop"])
        kernel.terminate_interrupt_thread()
        result["restarted"] = kernel.restart()
        result["again"] = kernel.execute(code["answer"])
    finally:
        client.shutdown_kernel(kernel)
    result["left"] = requests.get(f"http://{sys.argv[1]}/api/kernels", timeout=60).json()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
