"""What every test needs: the executables, a place of its own, and no silent skips."""

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

# So that what a helper asserts tells as much when it fails.
pytest.register_assert_rewrite("bed")

from bed.programs import PROGRAMS  # noqa: E402

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "target/packages/x86_64-unknown-linux-gnu/release"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that did not run proves nothing, so a skip counts as a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure here: {report.longrepr[-1]}"
    return report


def pytest_terminal_summary(terminalreporter):
    """How long each test took, with what was made for it, for the summary of `tests/run`."""
    if file := os.environ.get("JDS_DURATIONS"):
        seconds = Counter()
        for report in (one for reports in terminalreporter.stats.values() for one in reports):
            if hasattr(report, "duration"):
                seconds[report.nodeid.removesuffix("@nodes")] += report.duration
        with open(file, "a") as lines:
            lines.writelines(f"{each:.1f} {name}\n" for name, each in seconds.items())


@pytest.fixture(scope="session")
def binaries():
    """The directory that holds the static executables."""
    directory = Path(os.environ.get("JDS_BIN", STATIC))
    for name in PROGRAMS:
        assert os.access(directory / name, os.X_OK), f"no {directory / name}: packaging/build binaries"
    return directory


@pytest.fixture(scope="session")
def gp_env():
    """A virtual environment with gateway_provisioners[docker] and jupyter_server."""
    directory = Path(os.environ.get("JDS_GP_ENV", ROOT / ".test" / "venv" / "gp"))
    assert (directory / "bin" / "python").exists(), f"no {directory}: tests/run makes it"
    return directory


@pytest.fixture
def place():
    """An empty directory that other users may enter, gone after the test; its path is short."""
    directory = Path(tempfile.mkdtemp(prefix="jds-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def jupyter(place, gp_env):
    """The environment of a Jupyter that has its data, configuration and home to itself."""
    home = place / "home"
    for directory in (home, place / "data", place / "config", place / "runtime"):
        directory.mkdir()
    return {
        "PATH": f"{gp_env / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "JUPYTER_DATA_DIR": str(place / "data"),
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
    }
