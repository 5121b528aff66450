"""The provisioners of `gateway_provisioners`, which show the user why a kernel could not be launched.

They are entry points of `jupyter_client.kernel_provisioners`: `reporting-docker-provisioner` and
`reporting-docker-swarm-provisioner`.
"""

from gateway_provisioners.docker_swarm import DockerProvisioner, DockerSwarmProvisioner

from .launch_errors import LaunchError, LauncherOutput


class _Reporting:
    async def launch_kernel(self, cmd, **kwargs):
        with LauncherOutput() as output:
            try:
                return await super().launch_kernel(cmd, **dict(kwargs, stderr=output.writer))
            except Exception as error:
                reason = await output.reason()
                if not reason:
                    raise
                raise LaunchError(reason) from error


class ReportingDockerProvisioner(_Reporting, DockerProvisioner):
    """Kernels as containers of one Docker Engine."""


class ReportingDockerSwarmProvisioner(_Reporting, DockerSwarmProvisioner):
    """Kernels as services of a Docker Swarm."""
