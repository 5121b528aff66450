"""What the programs say: the documented lines, in the documented form, and the same as upstream's."""

import os
import pty
import re
import subprocess

import pytest

from upstream_sandbox import Sandbox

INSTALLING = ("I", "Installing kernel specification for 'Docker Python'")
INSTALLED = ("I", "Installed kernelspec docker_python in <root>/data/kernels/docker_python")
KEEPING = ("I", "Keeping existing kernelspec in <root>/data/kernels/docker_python, which is the same")
REMOVING = ("I", "Removing existing kernelspec in <root>/data/kernels/docker_python")

OUTSIDE = re.compile(r"Installing to (?P<kernels>.*), which is not in (?P<path>\[.*\])\. The kernelspec may not be found\.")
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\(B")


@pytest.fixture
def both(tmp_path, upstream, ours):
    """Runs a command line with both programs, in sandboxes."""

    def run(*args, env=None, before=(), in_environment=False):
        results = []
        for program in (upstream, ours):
            root = tmp_path.resolve() / program.name
            root.mkdir()
            sandbox = Sandbox(root, program, in_environment)
            for earlier in before:
                assert not sandbox.run(*earlier, env=env).failed
            results.append(sandbox.run(*args, env=env))
        return results

    return run


def said(result):
    """The log, without what is only said for debugging; what lies outside the search path in a comparable form."""
    lines = []
    for level, text in result.log:
        if level == "D":
            continue
        outside = OUTSIDE.fullmatch(text)
        if outside:
            text = f"outside: {outside['kernels']}"
        lines.append((level, text))
    return lines


def searched(result):
    """The directories that the warning names, but for two: only upstream asks IPython for its own, and
    whether the user's site counts depends on the Python that runs upstream."""
    (path,) = [match["path"] for level, text in result.log if (match := OUTSIDE.fullmatch(text))]
    found = re.findall(r"'([^']*)'", path)
    assert str(found) == path
    return [entry for entry in found if ".ipython" not in entry and "/home/.local/" not in entry]


def test_an_install_says_the_two_documented_lines(both):
    upstream, ours = both("install", "--user")
    assert said(ours) == [INSTALLING, INSTALLED]
    assert said(ours) == said(upstream)
    assert ours.stdout == upstream.stdout == ""


def test_names_are_said_as_they_are_written(both):
    upstream, ours = both("install", "--user", "--language=R", "--kernel-name=My R", "--display-name=Ada's $R {x} ü")
    assert said(ours) == [
        ("I", "Installing kernel specification for 'Ada's $R {x} ü'"),
        ("I", "Installed kernelspec my_r in <root>/data/kernels/my_r"),
    ]
    assert said(ours) == said(upstream)


def test_replacing_says_that_the_old_one_goes_and_what_changes(both):
    """Theirs says nothing of the image that is another one now."""
    before = [("install", "--user", "--image-name=other")]
    upstream, ours = both("install", "--user", "--replace", before=before)
    changes = "Replacing kernelspec docker_python changes image_name: `other` -> `elyra/kernel-py:0.5.0`. "
    advice = "`jupyter-docker-spec set` changes only what is named."
    assert said(ours) == [INSTALLING, ("W", changes + advice), REMOVING, INSTALLED]
    assert said(upstream) == [INSTALLING, REMOVING, INSTALLED]


def test_replacing_by_the_same_says_that_it_stays(both):
    """Theirs writes all of it again."""
    upstream, ours = both("install", "--user", "--replace", before=[("install", "--user")])
    assert said(ours) == [INSTALLING, KEEPING, INSTALLED]
    assert said(upstream) == [INSTALLING, REMOVING, INSTALLED]


def test_replacing_nothing_says_nothing_of_it(both):
    upstream, ours = both("install", "--user", "--replace")
    assert said(ours) == [INSTALLING, INSTALLED]
    assert said(ours) == said(upstream)


def test_a_destination_that_jupyter_does_not_search_is_a_warning(both):
    upstream, ours = both("install", "--prefix={prefix}", in_environment=True)
    assert said(ours) == [
        INSTALLING,
        ("W", "outside: <root>/prefix/share/jupyter/kernels"),
        ("I", "Installed kernelspec docker_python in <root>/prefix/share/jupyter/kernels/docker_python"),
    ]
    assert said(ours) == said(upstream)
    assert sorted(searched(ours)) == sorted(searched(upstream))


def test_the_warning_names_all_that_is_searched(both):
    env = {"JUPYTER_PATH": "{root}/one:{root}/two", "JUPYTER_PREFER_ENV_PATH": "0"}
    upstream, ours = both("install", "--prefix={prefix}", env=env, in_environment=True)
    assert said(ours) == said(upstream)
    assert sorted(searched(ours)) == sorted(searched(upstream))
    assert "<root>/one/kernels" in searched(ours)


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (["--prefix={prefix}"], {"JUPYTER_PATH": "{root}/one:{prefix}/share/jupyter"}),
        (["--prefix={prefix}"], {"JUPYTER_DATA_DIR": "{prefix}/share/jupyter"}),
        (["--sys-prefix"], {}),
        ([], {"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_DIRS": "{root}/xdg:/usr/share"}),
    ],
    ids=["jupyter-path", "data-dir", "sys-prefix", "platform-dirs"],
)
def test_a_destination_that_jupyter_searches_is_no_warning(both, args, env):
    upstream, ours = both("install", *args, env=env, in_environment=True)
    assert [level for level, _ in said(ours)] == ["I", "I"]
    assert said(ours) == said(upstream)


def test_user_and_prefix_are_one_too_many(both):
    upstream, ours = both("install", "--user", "--prefix={prefix}")
    assert upstream.status == ours.status == 1
    assert said(ours) == [("E", "Can't specify both user and prefix. Please choose one or the other.")]
    assert said(ours) == said(upstream)


def test_a_specification_that_exists_is_named(both):
    upstream, ours = both("install", "--user", before=[("install", "--user")])
    assert upstream.status == ours.status == 1
    # Upstream says it outside of its log.
    assert said(ours) == [("E", upstream.stderr.rstrip("\n"))]
    assert "A kernel specification exists at '<root>/data/kernels/docker_python' and '--replace' " in ours.stderr


def test_a_class_that_is_not_used_is_a_warning(both):
    upstream, ours = both("install", "--user", "--language=R", "--ipykernel-subclass-name=my.own.Kernel")
    assert [level for level, _ in said(ours)] == [level for level, _ in said(upstream)] == ["W", "I", "I"]
    assert "will be ignored since --language is not Python." in said(ours)[0][1]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("10", "IWI"), ("20", "IWI"), ("INFO", "IWI"), ("30", "W"), ("WARN", "W"), ("ERROR", ""), ("CRITICAL", "")],
)
def test_the_log_level_is_the_least_that_is_said(both, level, expected):
    upstream, ours = both("install", "--prefix={prefix}", f"--log-level={level}", in_environment=True)
    assert "".join(level for level, _ in said(ours)) == expected
    assert said(ours) == said(upstream)


def test_an_error_is_said_at_the_level_of_errors(both):
    upstream, ours = both("install", "--user", "--prefix={prefix}", "--log-level=ERROR")
    assert [level for level, _ in said(ours)] == ["E"]
    assert said(ours) == said(upstream)


def test_debugging_says_more_but_the_same_lines(both):
    upstream, ours = both("install", "--user", "--debug")
    assert said(ours) == said(upstream)
    assert any(level == "D" for level, _ in upstream.log)


def test_without_a_subcommand_there_is_a_list(both):
    upstream, ours = both()
    assert upstream.status == ours.status == 1
    expected = "No subcommand specified. Must specify one of: ['install'"
    assert upstream.stdout.startswith(expected)
    assert expected in ours.stdout + ours.stderr


@pytest.mark.parametrize("args", [["--help"], ["install", "--help"], ["install", "-h"], ["--version"]], ids=" ".join)
def test_help_and_version_are_data(both, args):
    for result in both(*args):
        assert (result.status, result.stderr) == (0, "")
        assert result.stdout


def test_misspelt_options_are_answered_with_the_right_ones(both):
    _, ours = both("install", "--user", "--image-nane=foo")
    assert ours.status == 2
    ((level, text),) = ours.log
    assert level == "E"
    assert "--image-nane" in text
    assert "--image-name" in text


def test_files_that_go_with_the_old_one_are_named(tmp_path, ours):
    sandbox = Sandbox(tmp_path.resolve(), ours)
    assert not sandbox.run("install", "--user").failed
    sandbox.write("data/kernels/docker_python/scripts/notes of mine.txt", "x")
    sandbox.write("data/kernels/docker_python/logo-64x64.png", "changed, but not a file of its own")
    result = sandbox.run("install", "--user", "--replace")
    warnings = [text for level, text in result.log if level == "W"]
    assert len(warnings) == 1, result.stderr
    assert "notes of mine.txt" in warnings[0]


def on_a_terminal(sandbox, *args, env):
    """Runs a command line with a terminal as its standard error, and returns what came out of it."""
    terminal, end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as output:
        process = subprocess.Popen(
            [sandbox.bin_dir / "jupyter-docker-spec", *args],
            env=sandbox.environ(env),
            stdin=subprocess.DEVNULL,
            stdout=end,
            stderr=end,
        )
        os.close(end)
        text = b""
        try:
            while chunk := output.read(4096):
                text += chunk
        except OSError:
            pass  # the last process has closed the terminal
        assert process.wait(60) == 0
    return text.decode().replace("\r\n", "\n").replace(str(sandbox.root), "<root>")


def test_only_the_bracket_is_coloured_on_a_terminal(tmp_path, upstream, ours):
    texts = []
    for program in (upstream, ours):
        root = tmp_path.resolve() / program.name
        root.mkdir()
        text = on_a_terminal(Sandbox(root, program), "install", "--user", env={"TERM": "xterm"})
        for line in text.splitlines():
            assert re.match(r"\x1b\[[0-9;]+m\[I [^]]*\](\x1b\[[0-9;]*m|\x1b\(B)+ [^\x1b]*$", line), line
        texts.append([line.split("] ", 1)[1] for line in COLOUR.sub("", text).splitlines()])
    assert texts[0] == [INSTALLING[1], INSTALLED[1]]
    # Who sits in front of one is told how to go on, too.
    *said, following = texts[1]
    assert said == texts[0] and following.startswith("Next: ")


@pytest.mark.parametrize("env", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no-color", "dumb"])
def test_colour_can_be_had_without(tmp_path, ours, env):
    text = on_a_terminal(Sandbox(tmp_path.resolve(), ours), "install", "--user", env=env)
    assert text.count("\n") == 3
    assert "\x1b" not in text
