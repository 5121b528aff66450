"""How things are measured: in turns, by a clock that is small, with medians and their spread."""

import json
import os
import platform
import shutil
import statistics
import subprocess
import uuid
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
# Where the figures of a run go.
RESULTS = ROOT / "target" / "bench"
BINARIES = Path(os.environ.get("JDS_BIN", ROOT / "target/packages/x86_64-unknown-linux-gnu/release"))
GP = Path(os.environ.get("JDS_GP_ENV", ROOT / ".test/venv/gp"))
# What is compared: ours, upstream's, and the least that any program would have to do.
OURS, THEIRS, FLOOR = "ours", "theirs", "floor"


class Running:
    """A command that the clock runs."""

    def __init__(self, process, file, log):
        self.process, self.file, self.log = process, file, log

    def end(self, seconds=120, status=0):
        """What it has used, when it has ended as it should."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"does not end: {self.log.read_text()}") from None
        used = json.loads(self.file.read_text())
        self.file.unlink()
        assert used.pop("status") == status, f"{self.process.args}\n{self.log.read_text()}"
        return used


class Clock:
    """Runs commands, and tells what they have used; see `clock.c`."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.program = directory / "clock"
        compiler = ["cc", "-O2", "-static", "-o", self.program, HERE / "clock.c"]
        subprocess.run(compiler, check=True)

    def start(self, command, environment, directory=None):
        name = self.directory / uuid.uuid4().hex
        log = name.with_suffix(".log")
        with log.open("w") as output:
            process = subprocess.Popen(
                [self.program, name, *map(str, command)],
                env=environment,
                cwd=directory or self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return Running(process, name, log)

    def run(self, command, environment, status=0):
        """Runs a command to its end."""
        running = self.start(command, environment)
        used = running.end(status=status)
        running.log.unlink()
        return used

    def calls(self, command, environment):
        """How many system calls a command makes, with the programs that it runs."""
        counted = self.directory / "calls"
        strace = ["strace", "--follow-forks", "--summary-only", f"--output={counted}"]
        subprocess.run(
            [*strace, *map(str, command)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        total = counted.read_text().splitlines()[-1].split()
        assert total[-1] == "total", total
        return int(total[3])


def turns(arms, wanted, usual, warm=True):
    """Runs each arm once a round, the next round the other way about. The first round warms up, and
    does not count, and neither does what came to nothing."""
    warm = warm and not wanted.quick
    rounds = 1 if wanted.quick else min(wanted.rounds or usual, usual)
    samples = {name: [] for name in arms}
    for turn in range(rounds + warm):
        for name in list(arms) if turn % 2 == 0 else reversed(arms):
            sample = arms[name]()
            if turn >= warm and sample is not None:
                samples[name].append(sample)
    return samples


def spread(values):
    """The median, with the first and the third quartile."""
    if len(values) == 1:
        return [values[0]] * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return [middle, low, high]


def of(samples, measure):
    """One measure of all the turns of an arm."""
    return [sample[measure] for sample in samples if measure in sample]


def ratios(above, below):
    """The ratios of two arms, turn by turn; where they have not as many, to the other's median."""
    if len(above) == len(below):
        return [one / other for one, other in zip(above, below)]
    middle = statistics.median(below)
    return [one / middle for one in above]


def machine(engine=None):
    """What the figures depend on."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.split(":", 1)[1].strip() for line in processors if line.startswith("model name")}
    memory = Path("/proc/meminfo").read_text().split()[1]
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    python = subprocess.run([GP / "bin/python", "--version"], capture_output=True, text=True)
    found = {
        "processor": ", ".join(sorted(models)) or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{int(memory) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": system,
        "Python of gateway_provisioners": python.stdout.split()[-1],
    }
    if engine is not None:
        found["engine"] = "Docker " + engine.docker("version", "--format", "{{.Server.Version}}")
        found["curl"] = subprocess.check_output(["curl", "--version"], text=True).split()[1]
    return found


def options(parser):
    """What all benchmarks can be told."""
    parser.add_argument("--rounds", type=int, help="how often each is measured at most")
    parser.add_argument("--quick", action="store_true", help="only whether it works")
    return parser


def empty(directory):
    """The directory, with nothing in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
