"""Looks after kernels as a server does that waits for their end, and tells what it takes, as JSON: see `scale.py`,
which runs it.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from gateway_provisioners.docker_swarm import DockerProvisioner, DockerSwarmProvisioner


def resident():
    """The memory of this process in kiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def look_at(kernels):
    for kernel in kernels:
        assert await kernel.poll() is None


def main():
    wanted = json.loads(sys.argv[1])
    make = DockerSwarmProvisioner if wanted["swarm"] else DockerProvisioner
    # What is loaded by the first is the server's own.
    asyncio.run(look_at([make(kernel_id=wanted["ids"][0], assigned_host="there")]))
    before, opened = resident(), files()
    kernels = [make(kernel_id=kernel_id, assigned_host="there") for kernel_id in wanted["ids"]]
    asyncio.run(look_at(kernels))
    print(json.dumps({"kib": resident() - before, "files": files() - opened}), flush=True)
    sys.stdin.readline()
    some = random.choices(kernels, k=wanted["lookups"])
    began, used = time.monotonic(), time.process_time()
    asyncio.run(look_at(some))
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    print(json.dumps({"seconds": seconds / len(some), "cpu": cpu / len(some)}), flush=True)
    sys.stdin.read()


main()
