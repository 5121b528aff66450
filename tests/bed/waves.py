"""Starts many kernels in waves from one server, has each compute, and ends them all.

Runs with the Python of the host application, as `drive.py` does. The first line of standard input is
`{"kernel": NAME, "waves": [NUMBER, ...]}`; when all kernels run, they do so until it ends. Standard
output gets for each kernel how long it took to answer, for the waves how long they took together, and
how much processor time the launchers used.
"""

import asyncio
import contextlib
import json
import logging
import os
import resource
import sys
import time

from jupyter_client.manager import AsyncKernelManager

READY_TIMEOUT = 120
CODE = "print(6*7)"


class Kernel:
    """One of many."""

    def __init__(self, name):
        self.manager = AsyncKernelManager(kernel_name=name, log=logging.getLogger("waves"))
        self.client = None
        self.seconds = None

    async def start(self):
        """Until it has computed something."""
        began = time.monotonic()
        await self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=READY_TIMEOUT)
        self.seconds = round(time.monotonic() - began, 3)
        output = await self.compute()
        assert output == "42\n", output

    async def compute(self):
        wanted = self.client.execute(CODE)
        output = ""
        while True:
            message = await self.client.get_iopub_msg(timeout=READY_TIMEOUT)
            if message["parent_header"].get("msg_id") != wanted:
                continue
            if message["msg_type"] == "stream":
                output += message["content"]["text"]
            elif (
                message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            ):
                return output

    async def end(self):
        if self.client is not None:
            self.client.stop_channels()
        if self.manager.has_kernel:
            await self.manager.shutdown_kernel(now=False)


async def timed(work):
    """How long all of this takes together."""
    began = time.monotonic()
    await asyncio.gather(*work)
    return round(time.monotonic() - began, 3)


async def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    request = json.loads(sys.stdin.readline())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    kernels, starts, ends = [], [], []
    try:
        for number in request["waves"]:
            wave = [Kernel(request["kernel"]) for _ in range(number)]
            kernels += wave
            starts.append(await timed(kernel.start() for kernel in wave))
            print(f"done: {len(kernels)}", file=sys.stderr, flush=True)
        # All of them live at once, and the first still answer.
        outputs = await asyncio.gather(*(kernel.compute() for kernel in kernels))
        assert outputs == ["42\n"] * len(kernels), outputs
        print("done: all", file=sys.stderr, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        ends.append(await timed(kernel.end() for kernel in kernels))
    # The launchers, which are the only programs that the server runs, see that their kernels are gone.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = {
        "ready_seconds": [kernel.seconds for kernel in kernels],
        "wave_seconds": starts,
        "end_seconds": ends[0],
        "launchers_cpu_seconds": round(used, 3),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
