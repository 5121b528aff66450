"""Jupyter's directories: those that our program searches are those of the real `jupyter --paths`, in their order."""

import json
import os
import re
import shutil
import subprocess

import pytest

OWN = "jupyter_docker_spec_config.json"
SEARCHED = re.compile(r"Installing to .*, which is not in \[(.*)\]\. The kernelspec may not be found\.")
# Where somebody may have put files, whether or not this Jupyter looks there.
EVERYWHERE = (
    "first/etc",
    "second/etc",
    "config",
    "home/.jupyter",
    "home/.config/jupyter",
    "home/.local/etc/jupyter",
    "base/etc/jupyter",
    "xdg/jupyter",
    "env/etc/jupyter",
    "work/relative",
)

# How the program comes to its Python environment.
ENVIRONMENTS = {
    "active": {"VIRTUAL_ENV": "{env}", "PATH": "{env}/bin:/usr/bin:/bin"},
    "first on the PATH": {"PATH": "{env}/bin:/usr/bin:/bin"},
    "active, with the packages of the system": {"VIRTUAL_ENV": "{env}", "PATH": "{env}/bin:/usr/bin:/bin"},
    "the program is in it": {"PATH": "/usr/bin:/bin"},
    "none": {"PATH": "{python}:/usr/bin:/bin", "PYTHONPATH": "{packages}"},
}

CASES = {
    "nothing": {},
    "JUPYTER_PATH": {"JUPYTER_PATH": "{root}/first:{root}/second/"},
    "JUPYTER_PATH, relative and with a system's directory": {"JUPYTER_PATH": "relative:/usr/share/jupyter"},
    "JUPYTER_PATH is empty": {"JUPYTER_PATH": ""},
    "JUPYTER_DATA_DIR": {"JUPYTER_DATA_DIR": "{root}/data"},
    "JUPYTER_DATA_DIR, relative": {"JUPYTER_DATA_DIR": "relative"},
    "JUPYTER_CONFIG_DIR": {"JUPYTER_CONFIG_DIR": "{root}/config"},
    "JUPYTER_CONFIG_DIR is empty": {"JUPYTER_CONFIG_DIR": ""},
    "JUPYTER_CONFIG_PATH": {"JUPYTER_CONFIG_PATH": "{root}/first/etc:{root}/second/etc/"},
    "JUPYTER_CONFIG_PATH has the user's directory": {"JUPYTER_CONFIG_PATH": "{root}/first/etc:{root}/home/.jupyter"},
    "JUPYTER_NO_CONFIG": {"JUPYTER_NO_CONFIG": "1"},
    "JUPYTER_NO_CONFIG is empty": {"JUPYTER_NO_CONFIG": ""},
    "JUPYTER_PREFER_ENV_PATH": {"JUPYTER_PREFER_ENV_PATH": "1"},
    "JUPYTER_PREFER_ENV_PATH=0": {"JUPYTER_PREFER_ENV_PATH": "0"},
    "JUPYTER_PREFER_ENV_PATH=No": {"JUPYTER_PREFER_ENV_PATH": "No"},
    "JUPYTER_PREFER_ENV_PATH is empty": {"JUPYTER_PREFER_ENV_PATH": ""},
    "JUPYTER_PLATFORM_DIRS": {"JUPYTER_PLATFORM_DIRS": "1"},
    "JUPYTER_PLATFORM_DIRS=off": {"JUPYTER_PLATFORM_DIRS": "off", "XDG_CONFIG_HOME": "{root}/xdg"},
    "JUPYTER_PLATFORM_DIRS and XDG": {
        "JUPYTER_PLATFORM_DIRS": "1",
        "XDG_DATA_HOME": "{root}/xdg",
        "XDG_CONFIG_HOME": "{root}/xdg",
        "XDG_DATA_DIRS": "{root}/first:{root}/second",
        "XDG_CONFIG_DIRS": "{root}/first/etc",
    },
    "JUPYTER_PLATFORM_DIRS and relative XDG": {
        "JUPYTER_PLATFORM_DIRS": "1",
        "XDG_DATA_HOME": "relative",
        "XDG_CONFIG_HOME": "relative",
        "XDG_DATA_DIRS": "relative",
    },
    "JUPYTER_PLATFORM_DIRS and empty XDG": {
        "JUPYTER_PLATFORM_DIRS": "1",
        "XDG_DATA_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_DATA_DIRS": "",
    },
    "XDG": {"XDG_DATA_HOME": "{root}/xdg", "XDG_CONFIG_HOME": "{root}/xdg", "XDG_DATA_DIRS": "{root}/first"},
    "XDG, relative": {"XDG_DATA_HOME": "relative"},
    "PYTHONUSERBASE": {"PYTHONUSERBASE": "{root}/base"},
    "PYTHONUSERBASE is the user's directory": {"PYTHONUSERBASE": "{root}/home/.local"},
    "PYTHONNOUSERSITE": {"PYTHONNOUSERSITE": "1"},
    "PYTHONNOUSERSITE is empty": {"PYTHONNOUSERSITE": ""},
    "no HOME": {"HOME": None},
    "HOME is a symbolic link": {"HOME": "{root}/link"},
    "an environment of conda": {"CONDA_PREFIX": "{env}", "CONDA_DEFAULT_ENV": "mine"},
    "the base environment of conda": {"CONDA_PREFIX": "{env}", "CONDA_DEFAULT_ENV": "base"},
}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request, tmp_path, gp_env, binaries):
    """A directory with a Python environment and a home; our program, a Python, and variables to fill in."""
    root = tmp_path.resolve()
    for directory in ("home", "work", *EVERYWHERE):
        (root / directory).mkdir(parents=True, exist_ok=True)
        (root / directory / OWN).write_text("{}")
    (root / "link").symlink_to(root / "home")
    (packages,) = gp_env.glob("lib/python3*/site-packages")
    python = (gp_env / "bin" / "python3").resolve()
    env = root / "env"
    (env / "bin").mkdir()
    (env / "bin" / "python3").symlink_to(python)
    system = str("system" in request.param).lower()
    (env / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = {system}\n")
    own = env / "lib" / packages.parent.name / "site-packages"
    own.mkdir(parents=True)
    (own / "upstream.pth").write_text(f"{packages}\n")
    tool = binaries / "jupyter-docker-spec"
    if request.param == "none":
        # As conda's are: one without a file that says so.
        env = python.parent.parent
    if "program" in request.param:
        tool = shutil.copy2(tool, env / "bin")
    places = {"root": root, "env": env, "python": python.parent, "packages": packages}
    uses = python.parent / "python3" if request.param == "none" else env / "bin" / "python3"
    given = {"HOME": "{root}/home"} | ENVIRONMENTS[request.param]

    def run(variables, *command):
        variables = {name: value.format(**places) for name, value in (given | variables).items() if value is not None}
        words = {"jupyter": [uses, "-m", "jupyter"], "ours": [tool]}[command[0]]
        done = subprocess.run(
            [*words, *command[1:]], env=variables, cwd=root / "work", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done

    return root, run


def distinct(root, paths):
    """The paths in one form, each at its first place."""
    return list(dict.fromkeys(os.path.normpath(root / "work" / path) for path in paths))


@pytest.mark.parametrize("variables", CASES.values(), ids=CASES)
def test_directories_are_jupyters(environment, variables):
    root, run = environment
    theirs = json.loads(run(variables, "jupyter", "--paths", "--json").stdout)

    done = run(variables, "ours", "install", f"--prefix={root}/elsewhere", "--launcher=python")
    (searched,) = SEARCHED.findall(done.stderr)
    kernels = distinct(root, (f"{path}/kernels" for path in theirs["data"]))
    assert re.findall(r"'([^']*)'", searched) == kernels

    shown = json.loads(run(variables, "ours", "install", "--show-config-json").stdout)
    # The file that is read last is that of the directory that comes first.
    read = distinct(root, (os.path.dirname(path) for path in reversed(shown["files"])))
    with_files = [path for path in distinct(root, theirs["config"]) if os.path.exists(f"{path}/{OWN}")]
    assert read == with_files
