"""Host applications: where a Jupyter server would run, and kernels driven from there.

An application knows how to run a command in its place with its environment. `drive` starts a kernel
by the name of its specification and takes it through steps (see `drive.py`).
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from bed.patience import PATIENCE, wait_for


DRIVER = Path(__file__).with_name("drive.py")
WAVES = Path(__file__).with_name("waves.py")


@dataclass(frozen=True)
class Language:
    """A language, and the code that does in it what is done in every kernel's life."""

    name: str
    # Prints 42.
    answer: str
    # Prints where it runs and as whom, as JSON.
    who: str
    # Announces itself, and goes on until it is interrupted.
    loop: str
    # What the kernel calls it then; R says nothing.
    interrupted: str | None
    image: str
    # What its specifications need besides the image.
    options: tuple = ()
    # How many seconds a kernel may take for one thing, on a machine that has others to do.
    patience: int = 60

    def __str__(self):
        return self.name

    @property
    def kernel(self):
        """The name of its specification."""
        return f"docker_{self.name.lower()}"

    @property
    def install(self):
        """The options of `install`."""
        return (f"--language={self.name}", f"--image-name={self.image}", *self.options)

    @property
    def life(self):
        """Steps that together are the life of a kernel."""
        return [
            ["start"],
            ["execute", self.answer],
            ["execute", self.who],
            ["interrupt", self.loop],
            ["restart"],
            ["execute", self.answer],
            ["shutdown"],
        ]


PYTHON = Language(
    "Python",
    answer="print(6*7)",
    who="import json, os, socket; print(json.dumps({'host': socket.gethostname(), 'uid': os.getuid(),"
    " 'gid': os.getgid(), 'groups': os.getgroups(), 'environment': dict(os.environ)}))",
    loop="import time; print('asleep', flush=True); time.sleep(600)",
    interrupted="KeyboardInterrupt",
    image="jds-test/kernel",
)
R = Language(
    "R",
    answer=r'cat(6 * 7, "\n", sep = "")',
    who="""
        ids <- function(option) as.integer(strsplit(system(paste("id", option), intern = TRUE), " ")[[1]])
        cat(jsonlite::toJSON(auto_unbox = TRUE, list(
            host = Sys.info()[["nodename"]], uid = ids("-u"), gid = ids("-g"), groups = I(ids("-G")),
            environment = as.list(Sys.getenv()))))
    """,
    loop=r'cat("asleep\n"); repeat Sys.sleep(0.1)',
    interrupted=None,
    image="jds-test/r",
)
SCALA = Language(
    "Scala",
    answer="println(6 * 7)",
    # In braces, because the kernel shows what is defined outside of them.
    who="""{
        val (me, who) = (new com.sun.security.auth.module.UnixSystem, new java.util.HashMap[String, Any])
        who.put("host", java.net.InetAddress.getLocalHost.getHostName)
        who.put("uid", me.getUid)
        who.put("gid", me.getGid)
        who.put("groups", me.getGroups)
        who.put("environment", System.getenv)
        println(new com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(who))
    }""",
    loop='println("asleep"); while (true) Thread.sleep(100)',
    interrupted="java.lang.InterruptedException",
    image="jds-test/scala",
    # Without Spark's context Toree cannot interrupt anything.
    options=("--launch-timeout=120", "--env=KERNEL_SPARK_CONTEXT_INIT_MODE=eager"),
    patience=150,
)
# Neither Python nor R to the server, and none that a gateway knows of.
BASH = Language(
    "Bash",
    answer="echo $((6 * 7))",
    who=f'python3 -c "{PYTHON.who}"',
    loop="echo asleep; sleep 600",
    interrupted=None,
    image="jds-test/shell",
    options=("--kernel-command=python3 -m bash_kernel -f {connection_file}",),
)
# How its image is made, from one with the packages.
BASH_LINES = (
    "RUN pip install --quiet --no-index --find-links=/wheels --break-system-packages bash_kernel"
    " && python3 -m bash_kernel.install",
)
LIFE = PYTHON.life


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


def driven(status, stdout, log):
    values = [result["value"] for result in json.loads(stdout or "[]")]
    return Drive(status, values, log)


class Driving:
    """A drive that goes on while the test does something else, up to where it reads more if it is `held`."""

    def __init__(self, command, request, log: Path, held=False):
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        if not held:
            self.go_on()

    def go_on(self):
        """There is nothing more to read."""
        self.process.stdin.close()
        self.process.stdin = None

    def wait_for(self, words, seconds=PATIENCE):
        """Waits until the log has these words in it."""

        def there():
            text = self.log.read_text()
            assert words in text or self.process.poll() is None, text
            return words in text

        wait_for(there, lambda: f"no {words!r} in\n{self.log.read_text()}", seconds)

    def end(self, seconds=PATIENCE):
        """Waits for its end."""
        stdout, _ = self.process.communicate(timeout=seconds)
        return driven(self.process.returncode, stdout, self.log.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()


@dataclass
class Application:
    """A host application on this machine."""

    python: str
    environment: dict = field(default_factory=dict)

    def run(self, *command, stdin=None, timeout=240, **environment):
        """Runs a command as the application would, with a clean environment."""
        return subprocess.run(
            [str(part) for part in command],
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def drive(self, kernel, steps, patience=60, **environment):
        """Takes a kernel through steps."""
        request = json.dumps({"kernel": kernel, "steps": steps, "patience": patience})
        limit = 4 * patience
        done = self.run(self.python, self.driver, stdin=request, timeout=limit, **environment)
        return driven(done.returncode, done.stdout, done.stderr)

    def live(self, language, **environment):
        """Takes a kernel of a language through its life."""
        life = language.life
        drive = self.drive(language.kernel, life, language.patience, **environment)
        return drive.assert_done(life)

    @property
    def driver(self):
        return DRIVER


@dataclass
class ContainerApplication(Application):
    """A host application in a container, with the engine's socket mounted."""

    engine: object = None
    container: str = ""

    def run(self, *command, stdin=None, timeout=None, **environment):
        variables = self.environment | environment
        options = [f"--env={name}={value}" for name, value in variables.items()]
        command = [*options, self.container, *command]
        return self.engine.client("exec", "--interactive", *command, stdin=stdin)

    def begin(self, kernel, steps, log):
        """Takes a kernel through steps while the test goes on."""
        request = json.dumps({"kernel": kernel, "steps": steps, "patience": 60})
        command = ["docker", "--host", self.engine.address, "exec", "--interactive"]
        return Driving([*command, self.container, self.python, self.driver], request, log)

    def begin_waves(self, kernel, waves, log, **environment):
        """Starts many kernels, which live until the test goes on; see `waves.py`."""
        self.engine.docker("cp", WAVES, f"{self.container}:/opt/waves.py")
        request = json.dumps({"kernel": kernel, "waves": waves})
        command = ["docker", "--host", self.engine.address, "exec", "--interactive"]
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        words = [*command, *variables, self.container, self.python, "/opt/waves.py"]
        return Driving(words, request, log, held=True)

    def install(self, *options):
        """Runs the command that is installed in the container, as its administrator."""
        command = ["jupyter", "docker-spec", "install", *options]
        return self.engine.docker("exec", "--user=0", self.container, *command)

    @property
    def driver(self):
        return "/opt/drive.py"


def check_life(values, host, language=PYTHON):
    """What a life must have shown, for a kernel whose container has this name."""
    kernel_id, first, who, interrupted, _, again, alive = values
    assert first == {"stdout": "42\n", "error": None}
    who = json.loads(who["stdout"])
    assert who["host"] == host.format(kernel_id=kernel_id)
    assert who["uid"] == 1000
    assert 100 in who["groups"]
    # Bash goes on on another line.
    assert interrupted["stdout"].strip() == "asleep" and interrupted["error"] == language.interrupted
    assert again == {"stdout": "42\n", "error": None}
    assert not alive
    return who
