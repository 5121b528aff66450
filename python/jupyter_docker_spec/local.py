"""The provisioner of kernels that `install --local --show-launch-errors` makes: it shows the user why one could not be
launched. It is an entry point of `jupyter_client.kernel_provisioners`: `reporting-local-provisioner`.
"""

import asyncio
import contextlib
import math
import os
import time

from jupyter_client.provisioning import LocalProvisioner

from .launch_errors import LaunchError, LauncherOutput

# Seconds between two looks at whether the launcher has ended.
LOOK = 0.1

# Seconds after which a kernel that lives and does not answer counts as launched, as it always does for Jupyter: whoever
# starts it has waited long enough, and its clients can still wait. The variable is that of gateways.
PATIENCE = "KERNEL_LAUNCH_TIMEOUT"
DEFAULT_PATIENCE = 60

# With this ZeroMQ greets whoever connects. The launcher accepts connections before there is a kernel.
GREETING = b"\xff"


class ReportingLocalProvisioner(LocalProvisioner):
    """A kernel is launched when it answers, or has not ended for long enough."""

    async def launch_kernel(self, cmd, **kwargs):
        until = time.monotonic() + _patience(kwargs.get("env") or os.environ)
        with LauncherOutput() as output:
            connection = await super().launch_kernel(cmd, **dict(kwargs, stderr=output.writer))
            try:
                if await self._lives(connection, until):
                    return connection
            except BaseException:
                await self.kill()
                raise
            reason = await output.reason_and_output()
        raise LaunchError(reason or f"the launcher ended with exit status {self.process.returncode}")

    async def _lives(self, connection, until):
        """Waits until the kernel answers, the launcher has ended, or it is late."""
        greeting = asyncio.ensure_future(_greeting(connection))
        try:
            while not greeting.done() and time.monotonic() < until:
                if await self.poll() is not None:
                    return False
                await asyncio.wait([greeting], timeout=LOOK)
            return await self.poll() is None
        finally:
            greeting.cancel()


def _patience(environment):
    with contextlib.suppress(ValueError):
        seconds = float(environment.get(PATIENCE, ""))
        if math.isfinite(seconds):
            return seconds
    return DEFAULT_PATIENCE


async def _greeting(connection):
    """Returns when the kernel's heartbeat greets."""
    ip, port = connection["ip"], connection["hb_port"]
    while True:
        try:
            if connection["transport"] == "ipc":
                reader, writer = await asyncio.open_unix_connection(f"{ip}-{port}")
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1" if ip == "*" else ip, port)
        except OSError:
            await asyncio.sleep(LOOK)
            continue
        try:
            if await reader.read(1) == GREETING:
                return
        except OSError:
            pass
        finally:
            writer.close()
        await asyncio.sleep(LOOK)
