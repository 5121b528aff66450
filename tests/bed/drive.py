"""Drives one kernel as a Jupyter server does, and reports what happened as JSON.

Runs with the Python of the host application, on this machine or inside a container, so it imports
nothing but what `gateway_provisioners` brings along. Standard input holds `{"kernel": NAME,
"steps": [[STEP, ARGUMENT...], ...], "patience": SECONDS}`; standard output gets one result per step. The
log of the application and of its launcher goes to standard error, as it does for a server.
"""

import asyncio
import json
import logging
import queue
import sys
import time

from jupyter_client.manager import AsyncKernelManager


class Driver:
    """A kernel and a client connected to it; what takes longer than its patience has failed."""

    def __init__(self, kernel_name, patience, **options):
        self.patience = patience
        log = logging.getLogger("drive")
        self.manager = AsyncKernelManager(kernel_name=kernel_name, log=log, **options)
        self.client = None

    async def start(self):
        await self.manager.start_kernel()
        await self._connect()
        return self.manager.kernel_id

    async def restart(self, now=False):
        self.client.stop_channels()
        await self.manager.restart_kernel(now=now)
        await self._connect()

    async def wait_until_dead(self, seconds):
        """Asks as a server does every few seconds, until it is told that the kernel is no more."""
        deadline = time.monotonic() + seconds
        while await self._is_alive():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the kernel is said to live after {seconds} s")
            await asyncio.sleep(0.2)

    async def _is_alive(self):
        """An error is logged and the question asked again, as by a server's restarter. `gateway_provisioners`
        asks for the service and then for its tasks: in between the launcher may remove it."""
        try:
            return await self.manager.is_alive()
        except Exception:
            logging.getLogger("drive").warning("Could not be asked", exc_info=True)
            return True

    async def shutdown(self):
        self.client.stop_channels()
        await self.manager.shutdown_kernel(now=False)
        return await self.manager.is_alive()

    async def execute(self, code):
        """Runs code to its end."""
        return await self._finish(self.client.execute(code))

    async def interrupt(self, code):
        """Runs code that announces itself on stdout, interrupts it then, and waits for its end."""
        return await self._finish(self.client.execute(code), interrupt=True)

    async def close(self):
        """Takes away what a failed step has left."""
        if self.client is not None:
            self.client.stop_channels()
        if self.manager.has_kernel:
            await self.manager.shutdown_kernel(now=True)

    async def _connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=self.patience)

    async def _finish(self, message_id, interrupt=False):
        result = {"stdout": "", "error": None}
        async for kind, content in self._messages(message_id, result):
            if kind == "stream":
                result["stdout"] += content["text"]
                if interrupt:
                    await self.manager.interrupt_kernel()
                    interrupt = False
            elif kind == "error":
                result["error"] = content["ename"]
        # What went wrong is in the reply too, and Toree may send it there first.
        reply = await self.client.get_shell_msg(timeout=self.patience)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = await self.client.get_shell_msg(timeout=self.patience)
        result["error"] = result["error"] or reply["content"].get("ename")
        return result

    async def _messages(self, message_id, result):
        """What is published of an execution, to its end."""
        idle = False
        while not (idle and (result["stdout"] or result["error"])):
            try:
                # Toree may send what was printed after it has said that it is done.
                message = await self.client.get_iopub_msg(timeout=10 if idle else self.patience)
            except queue.Empty:
                if not idle:
                    raise
                return
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
            yield kind, content


async def main():
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    request = json.load(sys.stdin)
    driver = Driver(request["kernel"], request["patience"], **request.get("options", {}))
    results = []
    try:
        for step, *arguments in request["steps"]:
            started = time.monotonic()
            value = await getattr(driver, step)(*arguments)
            seconds = round(time.monotonic() - started, 3)
            results.append({"step": step, "value": value, "seconds": seconds})
            print(f"done: {step}", file=sys.stderr, flush=True)
    finally:
        await driver.close()
        json.dump(results, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
