"""The process proxies of Enterprise Gateway, which tell the client why a kernel could not be launched.

A specification names them below `metadata.process_proxy.class_name`.
"""

from enterprise_gateway.services.processproxies.docker_swarm import (
    DockerProcessProxy,
    DockerSwarmProcessProxy,
)

from .launch_errors import LaunchError, LauncherOutput


class _Reporting:
    async def launch_process(self, kernel_cmd, **kwargs):
        with LauncherOutput() as output:
            try:
                return await super().launch_process(kernel_cmd, **dict(kwargs, stderr=output.writer))
            except Exception as error:
                reason = await output.reason()
                if not reason:
                    raise
                raise LaunchError(reason, in_status=True) from error


class ReportingDockerProcessProxy(_Reporting, DockerProcessProxy):
    """Kernels as containers of one Docker Engine."""


class ReportingDockerSwarmProcessProxy(_Reporting, DockerSwarmProcessProxy):
    """Kernels as services of a Docker Swarm."""
