"""Host applications: where a Jupyter server would run, and kernels driven from there.

An application knows how to run a command in its place with its environment. `drive` starts a kernel
by the name of its specification and takes it through steps (see `drive.py`).
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

DRIVER = Path(__file__).with_name("drive.py")

# Steps that together are the life of a kernel.
WHO = (
    "import json, os, socket; print(json.dumps({'host': socket.gethostname(), 'uid': os.getuid(),"
    " 'gid': os.getgid(), 'groups': os.getgroups(), 'environment': dict(os.environ)}))"
)
SLEEP = "import time; print('asleep', flush=True); time.sleep(60)"
LIFE = [
    ["start"],
    ["execute", "print(6*7)"],
    ["execute", WHO],
    ["interrupt", SLEEP],
    ["restart"],
    ["execute", "print(6*7)"],
    ["shutdown"],
]


@dataclass
class Drive:
    """What came of a drive: the value of each step that was done, and the log."""

    status: int
    values: list
    log: str

    def assert_done(self, steps):
        """All steps were done; else the log says why not."""
        assert self.status == 0 and len(self.values) == len(steps), f"{self.values}\n{self.log}"
        return self.values


@dataclass
class Application:
    """A host application on this machine."""

    python: str
    environment: dict = field(default_factory=dict)

    def run(self, *command, stdin=None, **environment):
        """Runs a command as the application would, with a clean environment."""
        return subprocess.run(
            [str(part) for part in command],
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def drive(self, kernel, steps, **environment):
        """Takes a kernel through steps."""
        request = json.dumps({"kernel": kernel, "steps": steps})
        done = self.run(self.python, self.driver, stdin=request, **environment)
        values = [result["value"] for result in json.loads(done.stdout or "[]")]
        return Drive(done.returncode, values, done.stderr)

    @property
    def driver(self):
        return DRIVER


@dataclass
class ContainerApplication(Application):
    """A host application in a container, with the engine's socket mounted."""

    engine: object = None
    container: str = ""

    def run(self, *command, stdin=None, **environment):
        variables = self.environment | environment
        options = [f"--env={name}={value}" for name, value in variables.items()]
        command = [*options, self.container, *command]
        return self.engine.client("exec", "--interactive", *command, stdin=stdin)

    def install(self, *options):
        """Runs the command that is installed in the container, as its administrator."""
        command = ["jupyter", "docker-spec", "install", *options]
        return self.engine.docker("exec", "--user=0", self.container, *command)

    @property
    def driver(self):
        return "/opt/drive.py"


def check_life(values, host):
    """What LIFE must have shown, for a kernel whose container has this name."""
    kernel_id, first, who, interrupted, _, again, alive = values
    assert first == {"stdout": "42\n", "error": None}
    who = json.loads(who["stdout"])
    assert who["host"] == host.format(kernel_id=kernel_id)
    assert who["uid"] == 1000
    assert 100 in who["groups"]
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert again == {"stdout": "42\n", "error": None}
    assert not alive
    return who
