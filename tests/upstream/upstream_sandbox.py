"""Runs upstream's `jupyter-docker-spec` and ours in sandboxes that differ in nothing but the program.

Every path of a sandbox's own is written as a placeholder, in what goes in (`{prefix}`) and in what comes
out (`<root>`), so that the two results can be compared as they are.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from bed.programs import PROGRAMS

LOG_LINE = re.compile(
    r"^\[(?P<level>[DIWEC]) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?P<app>\w+)\] (?P<text>.*)$"
)


@dataclass
class Program:
    """One of the two programs: how to run it, and how its kernel.json calls its launcher."""

    name: str
    bin_dir: Path
    launcher: str  # relative to the kernelspec
    interpreter: tuple = ()  # what stands before the launcher in argv
    site_packages: Path | None = None  # for a program that belongs to a Python environment

    def environment(self, root):
        """Makes, under `root`, a Python environment that the program belongs to, and returns its bin directory."""
        bin_dir = root / "env" / "bin"
        bin_dir.mkdir(parents=True)
        if self.site_packages is None:
            (root / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n")
            for executable in PROGRAMS:
                shutil.copy2(self.bin_dir / executable, bin_dir)
            return bin_dir
        version = self.site_packages.parent.name
        shutil.copy(self.bin_dir.parent / "pyvenv.cfg", root / "env")
        own = root / "env" / "lib" / version / "site-packages"
        own.mkdir(parents=True)
        (own / "upstream.pth").write_text(f"{self.site_packages}\n")
        (bin_dir / "python").symlink_to((self.bin_dir / "python").resolve())
        script = (self.bin_dir / "jupyter-docker-spec").read_text().split("\n", 1)[1]
        wrapper = bin_dir / "jupyter-docker-spec"
        wrapper.write_text(f"#!{bin_dir}/python\n{script}")
        wrapper.chmod(0o755)
        return bin_dir


@dataclass
class Result:
    """What a command line left behind, with the sandbox's own paths replaced by placeholders."""

    status: int
    stdout: str
    stderr: str
    root: Path
    specs: dict = field(default_factory=dict)  # directory of a kernelspec -> its kernel.json, as text

    @property
    def failed(self):
        return self.status != 0

    @property
    def log(self):
        """The log's messages as (level, text) pairs; a line that is no part of one is a test's failure.

        Further lines of a message are indented, in Jupyter's format.
        """
        lines = []
        for line in self.stderr.splitlines():
            if lines and (line.startswith("    ") or not line):
                level, text = lines[-1]
                lines[-1] = (level, f"{text}\n{line[4:]}")
                continue
            match = LOG_LINE.match(line)
            assert match, f"not a log line: {line!r}\n{self.stderr}"
            assert match["app"] == "DockerSpecInstaller"
            lines.append((match["level"], match["text"]))
        return lines

    def spec(self):
        """The only kernelspec, parsed; its members keep their order."""
        assert len(self.specs) == 1, (self.specs, self.stderr)
        return json.loads(next(iter(self.specs.values())))

    def config(self):
        return self.spec()["metadata"]["kernel_provisioner"]["config"]


class Runs:
    """Runs of a program in Python one after the other, by a process that has imported what takes long; see
    `upstream_runs.py`. Threads have one each."""

    of_thread = threading.local()
    # What counts when Python starts.
    OF_PYTHON = ("PYTHON", "TRAITLETS", "LC_", "LANGUAGE")

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, Path(__file__).with_name("upstream_runs.py")],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @classmethod
    def fit(cls, environ):
        """Whether such a run is like one that begins with the start of Python."""
        return environ.get("LANG") == "C.UTF-8" and not any(name.startswith(cls.OF_PYTHON) for name in environ)

    @classmethod
    def of(cls, bin_dir):
        if not hasattr(cls.of_thread, "runs"):
            cls.of_thread.runs = cls(bin_dir / "python")
        return cls.of_thread.runs

    def run(self, command, environ, cwd):
        with tempfile.TemporaryDirectory() as directory:
            out, err = Path(directory, "out"), Path(directory, "err")
            wanted = {"argv": list(map(str, command)), "env": environ, "cwd": str(cwd), "out": str(out), "err": str(err)}
            self.process.stdin.write(json.dumps(wanted) + "\n")
            self.process.stdin.flush()
            status = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(command, status, out.read_text(), err.read_text())


class Sandbox:
    """A home, a data directory and a prefix of its own, and nothing of the caller's environment."""

    def __init__(self, root, program, in_environment=False):
        self.root = root
        self.program = program
        self.shares_runs = program.site_packages is not None and not in_environment
        self.bin_dir = program.environment(root) if in_environment else program.bin_dir
        for directory in ("home", "data", "prefix", "work", "tmp"):
            (root / directory).mkdir(parents=True)

    def expand(self, text):
        """Fills in `{root}`, `{prefix}`, `{data}`, `{home}` and `{work}`, and leaves every other brace alone."""
        for name in ("home", "data", "prefix", "work"):
            text = text.replace("{" + name + "}", str(self.root / name))
        return text.replace("{root}", str(self.root))

    def environ(self, extra=None, unset=()):
        environ = {
            "PATH": f"{self.bin_dir}:/usr/bin:/bin",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "LANG": "C.UTF-8",
        }
        environ.update({name: self.expand(value) for name, value in (extra or {}).items()})
        for name in unset:
            environ.pop(name, None)
        return environ

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def snapshot(self):
        """Every file of the sandbox with its content, but for the Python environment and what IPython makes."""
        files = {}
        for path in self.root.rglob("*"):
            here = path.relative_to(self.root)
            if here.parts[0] == "env" or ".ipython" in here.parts:
                continue
            content = path.read_bytes() if path.is_file() else None
            # There are hundreds of these, with launchers in them.
            files[str(here)] = content if len(content or b"") < 64 * 1024 else hashlib.sha256(content).digest()
        return files

    def run(self, *args, env=None, unset=()):
        """Runs `jupyter-docker-spec ARGS` in an environment of only what `environ` gives."""
        command = [self.bin_dir / "jupyter-docker-spec", *(self.expand(arg) for arg in args)]
        environ = self.environ(env, unset)
        if self.shares_runs and Runs.fit(environ):
            return self._result(Runs.of(self.bin_dir).run(command, environ, self.root / "work"))
        done = subprocess.run(
            command,
            env=environ,
            cwd=self.root / "work",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return self._result(done)

    def _result(self, done):
        result = Result(done.returncode, self._hide(done.stdout), self._hide(done.stderr), self.root)
        for path in sorted(self.root.rglob("kernel.json")):
            here = path.parent.relative_to(self.root)
            if here.parts[0] != "tmp" and "site-packages" not in here.parts:
                result.specs[str(here)] = self._normalise(path.parent)
        return result

    def _hide(self, text):
        return text.replace(str(self.root), "<root>")

    def _normalise(self, directory):
        """kernel.json as text in one layout, members in the order of the file, and the launcher as a placeholder."""
        text = (directory / "kernel.json").read_text(encoding="utf-8")
        try:
            spec = json.loads(text)
        except ValueError:
            return self._hide(text)
        launcher = [*self.program.interpreter, str(directory / self.program.launcher)]
        argv = spec.get("argv", [])
        if argv[: len(launcher)] == launcher:
            spec["argv"] = ["<launcher>", *argv[len(launcher) :]]
        return self._hide(json.dumps(spec, indent=2, ensure_ascii=False))


def upstream_program(gp_env):
    """Upstream's program in the environment `gp_env`."""
    env = Path(gp_env)
    (site_packages,) = env.glob("lib/python3*/site-packages")
    return Program(
        "upstream",
        env / "bin",
        launcher="scripts/launch_docker.py",
        interpreter=("python",),
        site_packages=site_packages,
    )


def our_program(binaries):
    """Ours, from the directory with the executables."""
    return Program("ours", Path(binaries), launcher="scripts/launch_docker")
