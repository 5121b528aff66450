"""Starts one kernel, and tells how long its first answers took, as JSON: see `warm.py`, which runs it."""

import json
import sys
import time

from jupyter_client.manager import KernelManager

PATIENCE = 120


def answered(client):
    """Returns when the kernel has answered to its first code."""
    request = client.execute("1 + 1")
    while client.get_shell_msg(timeout=PATIENCE)["parent_header"].get("msg_id") != request:
        pass


def measured(manager, begin, end):
    began = time.monotonic()
    begin()
    client = manager.client()
    client.start_channels()
    end(client)
    took = time.monotonic() - began
    client.stop_channels()
    return took


def main():
    wanted = json.loads(sys.argv[1])
    result = {}
    for name, end in (
        ("first", answered),
        ("ready", lambda client: client.wait_for_ready(timeout=PATIENCE)),
    ):
        manager = KernelManager(kernel_name=wanted["kernel"])
        result[name] = measured(manager, manager.start_kernel, end)
        # Until the next one waits.
        time.sleep(wanted["pause"])
        result[f"restart_{name}"] = measured(manager, lambda: manager.restart_kernel(now=True), end)
        time.sleep(wanted["pause"])
        manager.shutdown_kernel()
    print(json.dumps(result))


main()
