"""This project's Python package, as it lies in an environment where its wheel was installed."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
GROUP = '[project.entry-points."jupyter_client.kernel_provisioners"]'


def site_packages(directory: Path):
    """Puts the package and its entry points there, and returns the directory, for PYTHONPATH."""
    shutil.copytree(ROOT / "python", directory, ignore=shutil.ignore_patterns("__pycache__"))
    project = (ROOT / "pyproject.toml").read_text()
    entries = project.partition(f"{GROUP}\n")[2].partition("\n[")[0]
    lines = [f"{name} = {value}" for name, value in re.findall(r'^(\S+) = "(.+)"$', entries, re.MULTILINE)]
    assert lines, entries
    metadata = directory / "jupyter_docker_spec-0.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyter-docker-spec\nVersion: 0.0.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[jupyter_client.kernel_provisioners]", *lines, ""]))
    return directory
