"""The picture of a terminal in the README is what the programs print.

It is kept in `.test/screenshots`; where it says something else, copy it to `docs/pictures`.
"""

import shlex
from pathlib import Path

from bed import picture
from bed.deployments import IMAGES
from bed.patience import PATIENCE
from bed.terminal import Terminal

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "pictures" / "terminal.svg"
MADE = ROOT / ".test" / "screenshots" / KEPT.name
IMAGE = "elyra/kernel-py:0.5.0"
COMMANDS = [
    f"jupyter docker-spec install --user --image-name={IMAGE} --memory=4g",
    "jupyter docker-spec check docker_python --launch",
    "echo 'print(6 * 7)' | jupyter run --kernel=docker_python 2> log",
]


def script():
    """Types the commands: each stands after a prompt, and is done."""
    prompt = r"printf '\033[1;32m$\033[0m \033[1m%s\033[0m\n' "
    return "\n".join(f"{prompt}{shlex.quote(command)}\n{command}" for command in COMMANDS)


def test_the_terminal_of_the_readme(engine, start_application, put_programs):
    engine.docker("tag", IMAGES[IMAGE], IMAGE)
    application = start_application()
    put_programs(application)
    command = ["docker", "exec", "--tty", application.container, "sh", "-c", script()]
    environment = {"DOCKER_HOST": engine.address, "PATH": "/usr/bin:/bin", "HOME": str(engine.run)}
    with Terminal(command, environment, columns=118, lines=40) as terminal:
        terminal.look(until=lambda: terminal.process.poll() is not None, seconds=PATIENCE)
        terminal.look(until=lambda: True)
        assert terminal.process.wait() == 0, terminal.rows()
    engine.docker("image", "rm", IMAGE)
    title = "A kernelspec is installed and checked, and a kernel in a container answers"
    MADE.parent.mkdir(exist_ok=True)
    MADE.write_text(picture.svg(terminal.screen, title))
    made, kept = picture.words(MADE.read_text()), picture.words(KEPT.read_text())
    assert "42" in terminal.rows() and made == kept, f"copy {MADE} to {KEPT.parent}"
