"""Starts one kernel, and tells how long its first answers took, as JSON: see `warm.py`, which runs it."""

import time

from client import PATIENCE, drive, timed
from jupyter_client.manager import KernelManager


def answered(client):
    """Returns when the kernel has answered to its first code."""
    request = client.execute("1 + 1")
    while client.get_shell_msg(timeout=PATIENCE)["parent_header"].get("msg_id") != request:
        pass


def until(manager, begin, end):
    """How long it takes from `begin` until `end` returns."""
    clients = []

    def work():
        begin()
        clients.append(manager.client())
        clients[0].start_channels()
        end(clients[0])

    took = timed(work)
    clients[0].stop_channels()
    return took


def measured(wanted):
    result = {}
    for name, end in (
        ("first", answered),
        ("ready", lambda client: client.wait_for_ready(timeout=PATIENCE)),
    ):
        manager = KernelManager(kernel_name=wanted["kernel"])
        result[name] = until(manager, manager.start_kernel, end)
        # Until the next one waits.
        time.sleep(wanted["pause"])
        result[f"restart_{name}"] = until(manager, lambda: manager.restart_kernel(now=True), end)
        time.sleep(wanted["pause"])
        manager.shutdown_kernel()
    return result


drive(measured)
