"""`convert` of what the real tools make: the Python tool's specifications, and those that come with Enterprise
Gateway, which the real Jupyter then reads as before."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from known_launchers import digest
from upstream_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("jupyter_probe.py")
VERSION = "3.3.0"
SAMPLES = ["R_docker", "python_docker", "python_tf_docker", "python_tf_gpu_docker", "scala_docker"]
OPTIONS = ["--authorized-users=bob", "--authorized-users=eve", "--unauthorized-users=eve", "--port-range=40000..42000"]


@pytest.fixture(scope="session")
def gateway_source(tmp_path_factory):
    """The source distribution of Enterprise Gateway, which has its kernelspecs in it."""
    archive = ROOT / ".test" / "sdist" / f"jupyter_enterprise_gateway-{VERSION}.tar.gz"
    assert archive.exists(), f"no {archive}: tests/run gets it"
    directory = tmp_path_factory.mktemp("gateway")
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    return directory / f"jupyter_enterprise_gateway-{VERSION}" / "etc"


@pytest.fixture
def sandbox(tmp_path, upstream):
    """Where the Python tool installs."""
    return Sandbox((tmp_path / "box").resolve(), upstream, in_environment=True)


@pytest.fixture
def run(sandbox, binaries):
    """Runs a command of ours in the sandbox."""

    def run(*words):
        command = [binaries / "jupyter-docker-spec", *(sandbox.expand(word) for word in words)]
        done = subprocess.run(
            command, env=sandbox.environ(), cwd=sandbox.root / "work", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60,
        )
        return sandbox._result(done)

    return run


def install(sandbox, *words):
    """Has the Python tool install a specification; its directory."""
    done = sandbox.run("install", "--user", *words)
    assert not done.failed, done.stderr
    (path,) = (sandbox.root / "data" / "kernels").glob("*")
    return path


def read(specification):
    return json.loads((specification / "kernel.json").read_text())


def probe(sandbox, gp_env, name):
    """What the real provisioner makes of a specification."""
    done = subprocess.run(
        [Path(gp_env) / "bin" / "python", PROBE, "launch", name],
        env=sandbox.environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    # What is another at each launch.
    del answer["kernel_id"], answer["env"]
    answer["cmd"] = [word if word.startswith("-") else "" for word in answer["cmd"]]
    return answer


@pytest.mark.parametrize("language", ["Python", "R", "Scala"])
@pytest.mark.parametrize("mode", [[], ["--swarm"]])
def test_what_the_python_tool_makes(sandbox, run, gp_env, language, mode):
    path = install(sandbox, f"--language={language}", *mode, *OPTIONS)
    before, files = read(path), {file.name for file in path.rglob("*")}
    seen = probe(sandbox, gp_env, path.name)

    done = run("convert", path.name)

    assert not done.failed, done.stderr
    assert "which had the launcher of gateway_provisioners 0.5.0" in done.stderr
    assert before["argv"][:2] == ["python", str(path / "scripts" / "launch_docker.py")]
    before["argv"][:2] = [str(path / "scripts" / "launch_docker")]
    after = read(path)
    assert after == before
    assert list(after) == list(before)
    files_now = {file.name for file in path.rglob("*")}
    assert files_now == files - {"launch_docker.py"} | {"launch_docker", "launch_docker.toml"}
    launcher = subprocess.run([after["argv"][0], "--version"], capture_output=True, text=True, timeout=60)
    assert launcher.stdout.startswith("launch_docker ")
    seen["cmd"].pop(0)
    assert probe(sandbox, gp_env, path.name) == seen


def test_a_launcher_that_was_edited_as_the_documentation_says(sandbox, run):
    path = install(sandbox)
    launcher = path / "scripts" / "launch_docker.py"
    text = launcher.read_text()
    edited = text.replace("# kwargs['mounts'] = mounts ", "kwargs['mounts'] = ['/data:/data:ro'] ")
    assert edited != text
    launcher.write_text(edited.replace('    kwargs["hostname"] = container_name\n', ""))
    before = sandbox.snapshot()

    done = run("convert", path.name)

    assert done.status == 1
    assert sandbox.snapshot() == before
    ((level, said),) = done.log
    assert level == "E"
    assert said.startswith(f"nothing was converted: the launcher of `{path.name}` has been edited, or is none")
    assert not run("convert", path.name, "--force").failed
    assert (path / "scripts" / "launch_docker.py.replaced").read_text() == launcher_text(before, path)


def launcher_text(snapshot, path):
    (text,) = (text for name, text in snapshot.items() if name.endswith("scripts/launch_docker.py"))
    return text.decode()


def test_what_comes_with_enterprise_gateway(sandbox, run, gateway_source):
    kernels = sandbox.root / "data" / "kernels"
    launcher = (gateway_source / "kernel-launchers" / "docker" / "scripts" / "launch_docker.py").read_text()
    shipped = {}
    for name in SAMPLES:
        text = (gateway_source / "kernelspecs" / name / "kernel.json").read_text().replace("VERSION", VERSION)
        sandbox.write(f"data/kernels/{name}/kernel.json", text)
        sandbox.write(f"data/kernels/{name}/scripts/launch_docker.py", launcher)
        shipped[name] = json.loads(text)

    # Jupyter knows them in small letters, and their directories have what they have.
    done = run("convert", "r_docker", *(f"{{data}}/kernels/{name}" for name in SAMPLES[1:]))

    assert not done.failed, done.stderr
    assert done.stderr.count(f"which had the launcher of Enterprise Gateway {VERSION}") == len(SAMPLES)
    converted = {}
    for name, before in shipped.items():
        before["argv"][:2] = [str(kernels / name / "scripts" / "launch_docker")]
        converted[name] = read(kernels / name)
        assert converted[name] == before

    # Our own samples are the same, but for what Jupyter supplies where it is not there.
    done = run("install", "--samples", "--user", "--replace")
    assert not done.failed, done.stderr
    assert sorted(path.name for path in kernels.iterdir()) == sorted(SAMPLES)
    for name, before in converted.items():
        assert read(kernels / name) == before | {"interrupt_mode": "signal", "kernel_protocol_version": ""}


def test_the_launchers_are_those_that_are_known(gateway_source, gp_env):
    (package,) = Path(gp_env).glob("lib/python3*/site-packages/gateway_provisioners")
    path = Path("kernel-launchers", "docker", "scripts", "launch_docker.py")
    known = (ROOT / "src" / "kernelspec" / "known_launchers.txt").read_text()
    for name, file in [
        ("gateway_provisioners 0.5.0", package / path), (f"Enterprise Gateway {VERSION}", gateway_source / path),
    ]:
        assert f"{digest(file.read_text())}  {name}\n" in known
