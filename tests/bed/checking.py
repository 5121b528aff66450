"""What `check` has said, and images with which it is not content."""

import json
import subprocess

BOOTSTRAP = "/usr/local/bin/bootstrap-kernel.sh"


def faults(lines):
    """What is wrong, but for one thing: the Python tool lies beside the `jupyter` of the tests."""
    beside = "warning: `jupyter docker-spec` is the Python tool"
    return [line for line in lines if not line.startswith(("ok", beside))]


def has(lines, level, *words):
    found = [line for line in lines if line.startswith(f"{level}: ")]
    assert any(all(word in line for word in words) for line in found), lines


def of_platform(engine, place, image, architecture):
    """Makes the engine's image one for another architecture, of which only its configuration tells."""
    saved = place / "image"
    saved.mkdir()
    command = ["docker", "-H", engine.address, "save", image]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", saved], input=archive, check=True)
    (manifest,) = json.loads((saved / "manifest.json").read_text())
    configuration = saved / manifest["Config"]
    described = json.loads(configuration.read_text()) | {"architecture": architecture}
    configuration.write_text(json.dumps(described))
    archive = subprocess.run(["tar", "-c", "-C", saved, "."], check=True, capture_output=True).stdout
    subprocess.run(["docker", "-H", engine.address, "load"], input=archive, check=True, capture_output=True)
