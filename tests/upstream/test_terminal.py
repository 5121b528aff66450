"""What people see on a terminal of 80 columns, and what a pipe gets of the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from wcwidth import wcswidth

from bed.terminal import Terminal

COLOUR = re.compile(rb"\x1b\[3[0-7]m")
LONG = "registry.example.com/a-team-with-a-name/an-image-with-a-name:of-this-release"


@pytest.fixture
def program(binaries, jupyter):
    """The program and its environment, with three specifications and no engine."""
    environment = jupyter | {"DOCKER_HOST": f"unix://{jupyter['HOME']}/no.sock"}
    installer = binaries / "jupyter-docker-spec"
    for options in (
        ("--display-name=Python 日本語", "--memory=1g"),
        ("--language=R", f"--image-name={LONG}"),
        ("--swarm", "--kernel-name=python_swarm", "--display-name=Python in the Swarm"),
    ):
        subprocess.run(
            [installer, "install", "--user", *options], env=environment, check=True, capture_output=True
        )
    return installer, environment


def on_terminal(program, *words, columns=80, **environment):
    """What can be seen, row by row, and what was written for it."""
    installer, base = program
    with Terminal([installer, *words], base | environment, columns, 60) as terminal:
        terminal.look()
        terminal.process.wait(60)
    return terminal.rows(), terminal.written


def lines(written):
    """What was written, line by line, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).split("\r\n")


def piped(program, *words):
    installer, environment = program
    done = subprocess.run([installer, *words], env=environment, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_a_table_that_is_too_wide_goes_on_below(program):
    rows, _ = on_terminal(program, "list")

    # There may be others on this machine, after ours.
    heading = rows[: next(number for number, row in enumerate(rows) if row.startswith("docker_"))]
    assert heading[0].split()[0] == "NAME" and all(row.startswith("    ") for row in heading[1:])
    assert " ".join(heading).split() == piped(program, "list")[0].split()
    # Cells are below their headings, also after letters of two columns each.
    title = next(row for row in rows if row.startswith("docker_r "))
    assert title.index("Docker R") == heading[0].index("DISPLAY NAME")
    assert any(LONG in row for row in rows)

    wide, _ = on_terminal(program, "list", columns=250)
    assert [row.split() for row in wide] == [line.split() for line in piped(program, "list")]
    listed = [line for line in piped(program, "list") if " GP " in line]
    assert len(listed) >= 3 and len({wcswidth(line[: line.index(" GP ")]) for line in listed}) == 1


def test_lines_of_a_check_break_between_words(program):
    _, written = on_terminal(program, "check")

    assert COLOUR.findall(written)
    seen = lines(written)
    for line in seen:
        # A command, and a path, can be copied in one piece.
        in_one_piece = re.fullmatch(r" *(`[^`]+`|\S+)[.,;:]?", line)
        assert len(line) <= 80 or in_one_piece, line
        assert re.match(r"\S|  (ok|warning|error) +\S| {11}\S|$", line), line
    commands = {one for line in piped(program, "check") for one in re.findall("`ln -sf [^`]+`", line)}
    assert commands <= {line.strip() for line in seen} and commands


def test_a_command_that_is_shown_breaks_between_its_words(program):
    _, written = on_terminal(program, "show", "docker_python")

    seen = lines(written)
    assert max(map(len, seen)) <= 80
    begin, end = seen.index("Command:"), seen.index("launch_docker.toml:")
    shown = piped(program, "show", "docker_python")
    assert " ".join(" ".join(seen[begin + 1 : end]).split()) == shown[shown.index("Command:") + 1].strip()
    assert not COLOUR.findall(written)


def test_after_an_install_the_next_step_is_told_on_a_terminal_only(program, gp_env):
    installer, base = program
    # A `jupyter` whose Python has no provisioners, and the Python tool beside it.
    tools = Path(base["HOME"], "bin")
    tools.mkdir()
    (tools / "jupyter").write_text(f"#!{sys.executable}\n")
    (tools / "jupyter-docker-spec").write_text("#!/bin/sh\n# gateway_provisioners\n")
    for name in ("jupyter", "jupyter-docker-spec"):
        (tools / name).chmod(0o755)
    install = ["install", "--user", "--replace", "--launch-timeout=40"]

    _, written = on_terminal(program, *install, columns=1000, PATH=str(tools))
    seen = lines(written)
    following = [line.split("] ", 1)[1] for line in seen if "]" in line]
    assert following[-1] == (
        "Next: `jupyter-docker-spec check docker_python --launch`, or choose 'Docker Python' in JupyterLab"
    )
    assert any("jupyter does not offer it, because its Python" in line for line in following), seen
    assert any("`jupyter docker-spec` is the Python tool at" in line for line in following), seen

    # Where all is well there is nothing but that, and of several it is one line.
    _, written = on_terminal(program, *install, "--samples", columns=1000, PATH=str(gp_env / "bin"))
    assert lines(written)[-2].endswith("Next: `jupyter-docker-spec check`, or choose one of them in JupyterLab")
    assert not any("does not offer" in line for line in lines(written))

    # Logs and builds of images have no terminal.
    done = subprocess.run([installer, *install], env=base | {"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 0 and "Next" not in done.stderr and "offer" not in done.stderr, done.stderr

    # What is told next can be typed.
    for command in re.findall(r"`jupyter-docker-spec ([^`]+)`", following[-1]):
        done = subprocess.run([installer, *command.split()], env=base, capture_output=True, text=True)
        assert done.returncode == 1 and "Docker Engine" in done.stdout, done


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colours_where_they_are_not_wanted(program, environment):
    for words in (("check",), ("list",), ("show", "no-such-name"), ("instal",)):
        _, written = on_terminal(program, *words, **environment)
        assert b"\x1b" not in written, words


def test_errors_are_coloured_at_the_bracket_only(program):
    _, written = on_terminal(program, "show", "docker_pyton")

    assert re.fullmatch(rb"\x1b\[31m\[E [^]]+\]\x1b\[0m [^\x1b]+", written.rstrip()), written
