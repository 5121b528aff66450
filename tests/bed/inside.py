"""Looks at a kernel's container from inside, and at what the engine holds of it."""

from bed.patience import wait_for


class Inside:
    """A kernel's container that runs."""

    def __init__(self, engine, launch, service=False):
        self.engine = engine
        self.launch = launch
        self.service = service
        label = f"label=kernel_id={launch.kernel_id}"
        wait_for(
            lambda: launch.process.poll() is not None
            or engine.docker("ps", "--quiet", "--filter", label),
            "the container does not run",
        )
        assert launch.process.poll() is None, launch.log()
        self.id = engine.docker("ps", "--quiet", "--no-trunc", "--filter", label).strip()

    def __call__(self, *command):
        return self.engine.docker("exec", self.id, *command).strip()

    def sh(self, script):
        return self("sh", "-c", script)

    @property
    def container(self):
        return self.engine.inspect(self.id)

    def end(self):
        """Removes it as the server does, after which the launcher is content."""
        if self.service:
            self.engine.docker("service", "rm", self.launch.name)
        else:
            self.engine.docker("rm", "--force", self.id)
        ended = self.launch.end()
        assert ended.status == 0, ended.log
        return ended


def mounts(kernel):
    """What is mounted: device, type and options by place."""
    lines = (line.split() for line in kernel("cat", "/proc/mounts").splitlines())
    return {place: (kind, options.split(",")) for _, place, kind, options, *_ in lines}


def cgroup(kernel, version_1, version_2):
    """A value of the kernel's control group, by either version's name."""
    return kernel.sh(f"cat /sys/fs/cgroup/{version_2} 2>/dev/null || cat /sys/fs/cgroup/{version_1}")
