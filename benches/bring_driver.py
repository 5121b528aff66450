"""Starts one kernel as a server does, and tells how long what took, as JSON: see `bring.py`, which runs it."""

import json
import sys
import time

import docker
from jupyter_client.manager import KernelManager

PATIENCE = 120


def timed(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main():
    wanted = json.loads(sys.argv[1])
    result = {}
    manager = KernelManager(kernel_name=wanted["kernel"])
    clients = []

    def ready():
        manager.start_kernel()
        clients.append(manager.client())
        clients[0].start_channels()
        clients[0].wait_for_ready(timeout=PATIENCE)

    result["ready"] = timed(ready)
    client = clients[0]
    containers = docker.from_env().containers
    (container,) = containers.list(filters={"label": f"kernel_id={manager.kernel_id}"})
    stats = container.stats(stream=False)
    result["cpu"] = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    result["memory"] = stats["memory_stats"]["usage"] / 1024**2
    if wanted["code"]:
        said = client.execute(wanted["code"])
        while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
            pass

        def interrupted():
            manager.interrupt_kernel()
            while client.get_shell_msg(timeout=PATIENCE)["parent_header"].get("msg_id") != said:
                pass

        result["interrupt"] = timed(interrupted)
    result["stop"] = timed(container.stop)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    print(json.dumps(result))


main()
