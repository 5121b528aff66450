"""What the drivers of single kernels share. They run in environments that have `jupyter_client`, and little else."""

import json
import sys
import time

from jupyter_client.manager import KernelManager

PATIENCE = 120


def timed(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def started(name):
    """Starts a kernel; returns its manager and its client, and how long it took until it was ready."""
    manager = KernelManager(kernel_name=name)
    clients = []

    def ready():
        manager.start_kernel()
        clients.append(manager.client())
        clients[0].start_channels()
        clients[0].wait_for_ready(timeout=PATIENCE)

    took = timed(ready)
    return manager, clients[0], took


def drive(measured):
    """Tells, as JSON, what was measured of what the command line asks for."""
    print(json.dumps(measured(json.loads(sys.argv[1]))))
