"""Starts one kernel as a server does, and tells how long what took, as JSON: see `bring.py`, which runs it."""

import docker
from client import PATIENCE, drive, started, timed


def measured(wanted):
    manager, client, ready = started(wanted["kernel"])
    containers = docker.from_env().containers
    (container,) = containers.list(filters={"label": f"kernel_id={manager.kernel_id}"})
    stats = container.stats(stream=False)
    result = {
        "ready": ready,
        "cpu": stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        "memory": stats["memory_stats"]["usage"] / 1024**2,
    }
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
    return result


drive(measured)
