"""Tests of other projects, those that start kernels, with a kernel in a container as `python3`."""

import os
import shutil
import tarfile
import xml.etree.ElementTree as xml
from dataclasses import dataclass, replace
from pathlib import Path

from bed.local import GID, UID

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".test" / "venv" / "suites" / "bin" / "python"
SDISTS = ROOT / ".test" / "sdist"
IMAGE = "jds-test/widgets"
# What they tell kernels by the environment.
PASSED = ["IPYKERNEL_CELL_NAME", "NBEXECUTE_TEST_PARALLEL_TMPDIR"]
# They ask for coverage, or a log of many megabytes; and they hold what another package has withdrawn for an error.
OPTIONS = ("-p", "no:cacheprovider", "-o", "addopts=", "-o", "log_cli=false", "-W", "ignore::DeprecationWarning")


@dataclass(frozen=True)
class Suite:
    """The tests of a release."""

    release: str
    # Those that start kernels.
    whole: tuple
    # Those of them that have shown most for the time that they take.
    few: tuple
    # What fails with a kernel that is elsewhere or later, with the reason.
    exceptions: dict

    def __str__(self):
        return self.release.rpartition("-")[0]


# A test gives a kernel a second to be ready after its restart, and the server leaves sockets behind then.
SECOND = "gives the kernel one second"
KERNELS = "tests/services/kernels"
EXECUTE = "papermill/tests/test_execute.py"
SUITES = [
    Suite("jupyter_kernel_test-0.7.0", ("test_ipykernel.py",), ("test_ipykernel.py",), {}),
    Suite(
        "jupyter_client-8.10.0",
        tuple(
            f"tests/test_{name}.py"
            for name in ("client", "connect", "consoleapp", "kernelmanager", "manager", "multikernelmanager")
            + ("provisioning", "restarter", "runapp", "transport_security")
        ),
        ("tests/test_client.py::TestAsyncKernelClient",),
        {},
    ),
    Suite(
        "jupyter_server-2.21.1",
        (KERNELS, "tests/services/sessions"),
        (f"{KERNELS}/test_api.py::test_main_kernel_handler", f"{KERNELS}/test_api.py::test_connection"),
        {
            f"tests.services.sessions.test_api::test_restart_kernel[jp_server_config{number}]": SECOND
            for number in range(4)
        },
    ),
    Suite(
        "nbclient-0.11.0",
        ("tests",),
        ("tests/test_client.py::test_parallel_notebooks", "tests/test_client.py::TestExecute::test_widgets")
        + ("tests/test_client.py::TestExecute::test_kernel_death_during_execution",),
        {},
    ),
    Suite(
        "papermill-2.7.0",
        tuple(
            f"papermill/tests/test_{name}.py"
            for name in ("autosave", "cli", "clientwrap", "engines", "execute", "inspect", "parameterize")
        ),
        (f"{EXECUTE}::TestCWD", f"{EXECUTE}::TestSysExit", f"{EXECUTE}::TestBrokenNotebook1"),
        {},
    ),
]


def failures(local, suite, tests, *, ours):
    """Those of these tests that fail, as `module::test`, with what they say. One that fails is tried once more by
    itself: the others of its process leave sockets and kernels behind."""
    source = unpacked(suite, local.directory.parent)
    for path in (source.parent, *source.parent.rglob("*")):
        os.chown(path, UID, GID)
    runner = replace(local, has_python=True, directory=source)
    found = _run(runner, tests, ours)
    return {name: says for name, (test, says) in found.items() if name in _run(runner, [test], ours)}


def unpacked(suite, place):
    """The directory of its sources, anew."""
    source = place / "suite"
    shutil.rmtree(source, ignore_errors=True)
    with tarfile.open(SDISTS / f"{suite.release}.tar.gz") as archive:
        archive.extractall(source, filter="data")
    return source / suite.release


def install(local):
    """The kernel that they get. What they write into temporary files is there, too."""
    place = local.directory.parent
    (place / "tmp").mkdir()
    os.chown(place / "tmp", UID, GID)
    local.install(IMAGE, f"--volume={place}:{place}", name="python3")
    file = local.specification("python3") / "scripts" / "launch_docker.toml"
    file.write_text(f"pass_environment = {PASSED}\n" + file.read_text())


def _run(runner, tests, ours):
    place = runner.directory.parents[1]
    environment = {
        "PATH": f"{PYTHON.parent}:/usr/bin:/bin",
        "TMPDIR": str(place / "tmp"),
        # They set the other directories of Jupyter themselves.
        "JUPYTER_PATH": runner.environment["JUPYTER_DATA_DIR"] if ours else "",
        "JUPYTER_DATA_DIR": str(place / "none"),
    }
    report = place / "runtime" / "report.xml"
    report.unlink(missing_ok=True)
    words = [PYTHON, "-m", "pytest", *OPTIONS, f"--junitxml={report}", *tests]
    done = runner.run(*words, timeout=3600, **environment)
    assert done.returncode in (0, 1), done.stdout[-5000:] + done.stderr[-5000:]
    cases = xml.parse(report).getroot().iter("testcase")
    found = {}
    for case in cases:
        wrong = [f"{each.get('message')}\n{each.text}" for each in case if each.tag in ("failure", "error")]
        if wrong:
            path, name = _path(runner.directory, case.get("classname")), case.get("name")
            found[f"{case.get('classname')}::{name}"] = (f"{path}::{name}", "\n".join(wrong))
    return found


def _path(directory, classname):
    """What pytest knows a module, or a class of it, by."""
    parts = classname.split(".")
    for number in range(len(parts), 0, -1):
        file = Path(*parts[:number]).with_suffix(".py")
        if (directory / file).exists():
            return "::".join([str(file), *parts[number:]])
    raise AssertionError(f"no module of {classname}")
