"""Starts one kernel, and tells how long what took, as JSON: see `local.py`, which runs it."""

import os
import statistics
from pathlib import Path

from client import PATIENCE, drive, started, timed

BURST = "from IPython.display import display\nfor _ in range({}): display({{'text/plain': 'x' * 1000000}}, raw=True)"


def used(process):
    """The processor time of a process in seconds, and its memory in KiB."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return ticks / os.sysconf("SC_CLK_TCK"), int(status["VmRSS"].split()[0])


def measured(wanted):
    manager, client, ready = started(wanted["kernel"])
    result = {"ready": ready}
    if wanted["launcher"]:
        result["cpu"], result["memory"] = used(manager.provisioner.pid)

    def execute(code):
        client.execute_interactive(code, timeout=PATIENCE, output_hook=lambda message: None)

    result["execute"] = statistics.median(timed(lambda: execute("1 + 1")) for _ in range(30))
    result["burst"] = timed(lambda: execute(BURST.format(wanted["size"])))
    if wanted["restart"]:

        def restart():
            manager.restart_kernel(now=True)
            client.wait_for_ready(timeout=PATIENCE)

        result["restart"] = timed(restart)
    client.stop_channels()
    manager.shutdown_kernel()
    return result


drive(measured)
