"""Configuration files and class forms: the same ones given to upstream's program and to ours."""

import json

import pytest

from upstream_sandbox import Sandbox

OWN = "jupyter_docker_spec_config"
USER = "home/.jupyter"
FIRST = "first"  # comes before the user's directory: JUPYTER_CONFIG_PATH


def section(name, **values):
    return json.dumps({name: values})


# Files, and the words after `install`.
CASES = {
    "own file": ({f"{USER}/{OWN}.json": section("DockerSpecInstaller", image_name="a/b:1")}, ()),
    "shared file, with another application's section": (
        {
            f"{USER}/jupyter_config.json": json.dumps(
                {"ServerApp": {"port": 1}, "BaseSpecApp": {"display_name": "Shared"}}
            )
        },
        (),
    ),
    "own file before the shared one": (
        {
            f"{USER}/jupyter_config.json": section("BaseSpecApp", display_name="Shared"),
            f"{USER}/{OWN}.json": section("BaseSpecApp", display_name="Own"),
        },
        (),
    ),
    "own file of a later directory before the shared one of an earlier": (
        {
            f"{FIRST}/jupyter_config.json": section("BaseSpecApp", display_name="Shared"),
            f"{USER}/{OWN}.json": section("BaseSpecApp", display_name="Own"),
        },
        (),
    ),
    "earlier directory before a later one": (
        {
            f"{FIRST}/{OWN}.json": section("BaseSpecApp", display_name="First"),
            f"{USER}/{OWN}.json": section("BaseSpecApp", display_name="User"),
        },
        (),
    ),
    "derived class before its base, in whichever file": (
        {
            f"{FIRST}/{OWN}.json": section("BaseSpecApp", kernel_name="base"),
            f"{USER}/{OWN}.json": section("DockerSpecInstaller", kernel_name="derived"),
        },
        (),
    ),
    "JSON before Python in one directory": (
        {
            f"{USER}/{OWN}.json": section("BaseSpecApp", display_name="JSON"),
            f"{USER}/{OWN}.py": 'c.BaseSpecApp.display_name = "Python"\n',
        },
        (),
    ),
    "Python": (
        {
            f"{USER}/{OWN}.py": "import os\n"
            "print('noise')\n"
            "c.DockerSpecInstaller.image_name = 'a/' + 'b' * 3\n"
            "c.DockerSpecInstaller.swarm = True\n"
            "c.RemoteProvisionerConfigMixin.authorized_users = {'bob'}\n"
            "c.BaseSpecApp.launch_timeout = 45\n"
        },
        (),
    ),
    "Python that adds to a set": (
        {f"{USER}/{OWN}.py": "c.DockerSpecInstaller.authorized_users.update({'bob'})\n"},
        (),
    ),
    "Python that loads another file": (
        {
            f"{USER}/{OWN}.py": "load_subconfig('other.py')\n",
            f"{USER}/other.py": "c.DockerSpecInstaller.image_name = 'other/image'\n",
        },
        (),
    ),
    "every trait": (
        {
            f"{USER}/{OWN}.json": json.dumps(
                {
                    "version": 1,
                    "DockerSpecInstaller": {"image_name": "i", "swarm": True},
                    "BaseSpecApp": {
                        "kernel_name": "k",
                        "display_name": "D",
                        "language": "scala",
                        "replace": True,
                    },
                    "RemoteProvisionerConfigMixin": {
                        "authorized_users": ["bob"],
                        "unauthorized_users": ["eve"],
                        "port_range": "2000..4000",
                        "launch_timeout": 99,
                    },
                    "JupyterApp": {"answer_yes": True},
                    "Application": {"log_level": "INFO"},
                }
            )
        },
        (),
    ),
    "command line before a file": (
        {f"{USER}/{OWN}.json": section("DockerSpecInstaller", image_name="file", swarm=True)},
        ("--image-name=line",),
    ),
    "file before the environment": (
        {f"{USER}/{OWN}.json": section("DockerSpecInstaller", launch_timeout=44)},
        (),
    ),
    "a file of one's own in place of those of the directories": (
        {
            f"{USER}/{OWN}.json": section("BaseSpecApp", display_name="Directory"),
            f"{USER}/jupyter_config.json": section("DockerSpecInstaller", image_name="shared"),
            "work/mine.json": section("BaseSpecApp", kernel_name="mine"),
        },
        ("--config={work}/mine.json",),
    ),
    "class forms": (
        {},
        (
            "--DockerSpecInstaller.image_name=a/b",
            "--DockerSpecInstaller.swarm=True",
            "--BaseSpecApp.kernel_name=forms",
            "--DockerSpecInstaller.display_name=From a form",
            "--RemoteProvisionerConfigMixin.launch_timeout=12",
            "--BaseSpecApp.authorized_users=bob",
        ),
    ),
    "class forms before files": (
        {f"{USER}/{OWN}.json": section("DockerSpecInstaller", swarm=True)},
        ("--DockerSpecInstaller.swarm=False",),
    ),
    "a flag before its class form": ({}, ("--DockerSpecInstaller.swarm=False", "--swarm")),
    "the file that a class form names": (
        {"work/mine.json": section("BaseSpecApp", kernel_name="mine")},
        ("--JupyterApp.config_file={work}/mine.json",),
    ),
}

# What upstream takes, warns of or says nothing about, and installs its defaults.
REFUSED = {
    "unknown class": ({f"{USER}/{OWN}.json": section("DockerSpecInstaler", swarm=True)}, ()),
    "unknown trait": ({f"{USER}/{OWN}.json": section("DockerSpecInstaller", swram=True)}, ()),
    "broken JSON": ({f"{USER}/{OWN}.json": "{"}, ()),
    "broken Python": ({f"{USER}/{OWN}.py": "c.DockerSpecInstaller.swarm = 1 / 0\n"}, ()),
    "missing file": ({}, ("--config={work}/missing.json",)),
    "unknown version": ({f"{USER}/{OWN}.json": '{"version": 9}'}, ()),
}


@pytest.fixture
def install(upstream, ours, gp_env, tmp_path):
    """Installs with both programs, with the same files; results of upstream's and ours."""

    def run(files, words):
        for program in (upstream, ours):
            sandbox = Sandbox(tmp_path / program.name, program)
            for path, text in files.items():
                sandbox.write(path, text)
            environment = {
                "PATH": f"{sandbox.bin_dir}:{gp_env / 'bin'}:/usr/bin:/bin",
                "JUPYTER_CONFIG_PATH": f"{{root}}/{FIRST}",
                "KERNEL_LAUNCH_TIMEOUT": "33",
            }
            yield sandbox.run("install", "--user", *words, env=environment)

    return run


@pytest.mark.parametrize("files, words", CASES.values(), ids=CASES)
def test_same_result(install, files, words):
    theirs, mine = install(files, words)
    assert not theirs.failed and not mine.failed, f"{theirs.stderr}\n{mine.stderr}"
    assert mine.specs == theirs.specs
    assert mine.specs


@pytest.mark.parametrize("files, words", REFUSED.values(), ids=REFUSED)
def test_refused_where_upstream_installs_something_else(install, files, words):
    theirs, mine = install(files, words)
    assert theirs.specs, f"upstream refuses it as well\n{theirs.stderr}"
    assert mine.status == 1 and not mine.specs, mine.stderr
    assert [level for level, _ in mine.log] == ["E"]
