"""The wheel: by itself, for every kind of Linux, and beside the package that has a command of the
same name."""

import json
import subprocess
import zipfile

import pytest

from conftest import APPLICATION, ROOT, SYSTEM

PIP = "python3 -m pip --quiet --disable-pip-version-check"
INSTALL = f"{PIP} install --no-index --no-deps --root-user-action=ignore"
UNINSTALL = f"{PIP} uninstall --yes --root-user-action=ignore"
OURS = f"{INSTALL} /dist/jupyter_docker_spec-*.whl"
THEIRS = f"{INSTALL} --force-reinstall /wheels/gateway_provisioners-*.whl"


def test_it_is_all_that_pip_needs(system, version):
    root = system(SYSTEM)
    root.run("python3 -m venv /env && /env/bin/pip install --quiet --no-index /dist/*.whl")
    for name in ("jupyter-docker-spec", "jupyter-docker-spec-native"):
        assert root.run(f"/env/bin/{name} --version") == f"jupyter-docker-spec {version}\n"
    assert root.run("/env/bin/launch_docker --version") == f"launch_docker {version}\n"
    said = root.run("/env/bin/jupyter-docker-spec install --sys-prefix")
    assert "Installed kernelspec docker_python in /env/share/jupyter/kernels/docker_python" in said
    root.run("cmp /env/bin/launch_docker /env/share/jupyter/kernels/docker_python/scripts/launch_docker")
    root.installs_local("/env/bin/jupyter-docker-spec")
    completions = "/env/share/bash-completion/completions/jupyter-docker-spec"
    root.run(f"/env/bin/jupyter-docker-spec completions bash | cmp - {completions}")
    root.run("/env/bin/jupyter-docker-spec man install | cmp - /env/share/man/man1/jupyter-docker-spec-install.1")
    root.run("/env/bin/pip uninstall --quiet --yes jupyter-docker-spec")
    assert root.run("ls /env/bin | grep -cE 'docker|bootstrap' || true") == "0\n"
    assert not root.has(completions)


def test_jupyter_finds_it(system):
    root = system(APPLICATION)
    root.run(f"{UNINSTALL} gateway_provisioners; {OURS}")
    said = root.run("jupyter docker-spec install --language=R --image-name=my/r")
    assert "Installed kernelspec docker_r in /usr/local/share/jupyter/kernels/docker_r" in said
    assert "docker-spec" in root.run("jupyter --help").split()
    assert root.run("jupyter docker-spec show docker_r --json")


def test_it_brings_what_shows_launch_errors(system):
    root = system(APPLICATION)
    root.run(OURS)
    listed = root.run("jupyter kernelspec provisioners")
    for name in ("docker-provisioner", "docker-swarm-provisioner"):
        assert f" reporting-{name} " in f" {' '.join(listed.split())} ", listed
    root.run("jupyter docker-spec install --show-launch-errors")
    assert "docker_python" in root.run("jupyter kernelspec list")
    said = root.run("jupyter docker-spec-native check --json 2> /dev/null || true")
    assert "jupyter-docker-spec 0" in said and "cannot import jupyter-docker-spec" not in said, said
    root.run(f"{UNINSTALL} jupyter-docker-spec")
    assert "docker_python" not in root.run("jupyter kernelspec list 2> /dev/null")
    assert root.run("python3 -c 'import jupyter_docker_spec' 2>&1 || true").strip().endswith(
        "No module named 'jupyter_docker_spec'"
    )


@pytest.mark.parametrize("platform", ["manylinux1_x86_64", "manylinux2014_x86_64", "musllinux_1_1_x86_64"])
@pytest.mark.parametrize("python", ["3.8", "3.14"])
def test_pip_takes_it_for(package, place, platform, python):
    pip = ROOT / ".test/venv/packages/bin/pip"
    wheel = package(".whl")
    words = ["--no-index", f"--find-links={wheel.parent}", f"--platform={platform}"]
    words += [f"--python-version={python}", "--only-binary=:all:", f"--dest={place}"]
    done = subprocess.run(
        [pip, "download", *words, "jupyter-docker-spec"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [file.name for file in place.iterdir()] == [wheel.name]


def test_metadata(package, version):
    with zipfile.ZipFile(package(".whl")) as wheel:
        directory = f"jupyter_docker_spec-{version}.dist-info"
        metadata = wheel.read(f"{directory}/METADATA").decode()
        licences = [name for name in wheel.namelist() if "/licenses/" in name]
        components = json.loads(wheel.read(f"{directory}/sboms/jupyter-docker-spec.cyclonedx.json"))
    assert f"\nVersion: {version}\n" in metadata and "Requires-Dist" not in metadata
    assert len(licences) == 2
    assert components == json.loads(package(".cdx.json").read_text())
    names = {component["name"] for component in components["components"]}
    assert {"hyper", "ring", "clap", "yamux"} <= names
    assert str(ROOT) not in json.dumps(components)


def who(root, command="jupyter docker-spec"):
    """Who answers to a command."""
    said = root.run(f"{command} --version || true")
    if said.startswith("jupyter-docker-spec "):
        return "ours"
    return "theirs" if said.strip() == "0.5.0" else said


def check(root, command="jupyter docker-spec-native"):
    """What `check` says of the programs."""
    lines = json.loads(root.run(f"{command} check --json 2> /dev/null || true"))
    return [f"{line['level']}: {line['message']}" for line in lines if "docker-spec`" in line["message"]]


def mended(root, lines):
    """Does what `check` says."""
    (warning,) = [line for line in lines if "`ln -sf " in line and "`jupyter docker-spec`" in line]
    root.run(warning.split("`")[-2])
    assert who(root) == "ours"
    assert all(line.startswith("ok: ") for line in check(root)), check(root)


def test_theirs_then_ours(system):
    root = system(APPLICATION)
    assert who(root) == "theirs"
    root.run(OURS)
    assert who(root) == "ours"
    # Nothing is wrong, but what may become so is said.
    lines = check(root, "jupyter docker-spec")
    assert all(line.startswith("ok: ") for line in lines), lines
    assert any("gateway_provisioners 0.5.0, which is there too" in line for line in lines), lines
    assert any("run `jupyter docker-spec-native check` afterwards" in line for line in lines), lines


def test_ours_then_theirs(system):
    root = system(APPLICATION)
    root.run(f"{UNINSTALL} gateway_provisioners; {OURS}")
    assert not any("gateway_provisioners" in line for line in check(root))
    root.run(THEIRS)
    assert who(root) == "theirs" and who(root, "jupyter docker-spec-native") == "ours"
    lines = check(root)
    assert any(line.startswith("warning: `jupyter docker-spec` is the Python tool at") for line in lines)
    mended(root, lines)
    # Over what the mending has put there, too, and without harm to what that leads to.
    root.run(THEIRS)
    assert who(root) == "theirs" and who(root, "jupyter docker-spec-native") == "ours"


def test_theirs_goes(system):
    root = system(APPLICATION)
    root.run(f"{OURS}; {UNINSTALL} gateway_provisioners")
    assert not root.has("/opt/app/bin/jupyter-docker-spec")
    lines = check(root)
    assert any("/opt/app/bin/jupyter-docker-spec is gone" in line for line in lines), lines
    mended(root, lines)


@pytest.mark.parametrize("order", [f"{OURS}", f"{OURS}; {THEIRS}"], ids=["theirs, ours", "ours, theirs"])
def test_ours_goes(system, order):
    """pip takes the file away, whoever has written it last; what brings it back is in the manual."""
    root = system(APPLICATION)
    root.run(f"{order}; {UNINSTALL} jupyter-docker-spec")
    assert "not found" in who(root)
    manual = (ROOT / "docs/packages.md").read_text()
    assert "pip install --force-reinstall --no-deps gateway_provisioners" in manual
    root.run(THEIRS)
    assert who(root) == "theirs"
