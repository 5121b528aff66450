"""This project's Python package beside the real ones: they find its classes, and it reads what launchers
write."""

import json
import os
import subprocess

import pytest

from bed.reporting import site_packages

# What launchers write, and what a user gets to see of it.
SAID = {
    "an error": ("[I 2026-01-01 10:00:00.000 launch_docker] Pulling\n[E 2026-01-01 10:00:01.000 launch_docker] no image `x`\n", "no image `x`"),
    "with the last lines of a container": (
        "[E 2026-01-01 10:00:01.000 launch_docker] it ended. Its last output:\n    one\n\n      two\n",
        "it ended. Its last output:\none\n\n  two",
    ),
    "what imitates one": ("[E 1 a] it wrote\n    [E 1 a] root's password\n", "it wrote\n[E 1 a] root's password"),
    "two": ("[E 1 a] first\n[W 1 a] between\n    of that\n[E 1 a] second\n", "first\nsecond"),
    "warnings alone": ("[W 1 a] careful\n[I 1 a] Started\n", ""),
    "a traceback": ("Traceback (most recent call last):\n  File\ndocker.errors.ImageNotFound: 404\n", "docker.errors.ImageNotFound: 404"),
    "an end without a line's": ("[E 1 a] cut", "cut"),
    "nothing": ("", ""),
    "no text": ("\ufffd\n", "\ufffd"),
    "more than anybody reads": ("[E 1 a] " + 5000 * "x", 4000 * "x" + "..."),
}  # fmt: skip

LISTEN = """
import asyncio, json, os, sys
from jupyter_docker_spec.launch_errors import LaunchError, LauncherOutput

async def heard(said):
    with LauncherOutput() as output:
        os.write(output.writer, said.encode())
        return await output.reason()

print(json.dumps([asyncio.run(heard(said)) for said in json.loads(sys.argv[1])]))
"""

# A launcher that has a lot to say, and why it fails in the end; and whoever listens to it.
TALK = """
import sys
for number in range(20000):
    print(f"[W 1 a] {number} " + 80 * "x", file=sys.stderr)
print("[E 1 a] no image", file=sys.stderr)
"""
LISTEN_TO_ONE = """
import asyncio, subprocess, sys
from jupyter_docker_spec.launch_errors import LauncherOutput

async def main():
    with LauncherOutput() as output:
        launcher = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stderr=output.writer)
    # It goes on when nobody is there for the launch any more.
    print(launcher.wait(60), await output.reason())

asyncio.run(main())
"""

ANSWER = """
import json, sys
from jupyter_docker_spec.launch_errors import LaunchError
texts = json.loads(sys.argv[1])
print(json.dumps([[str(LaunchError(text)), LaunchError(text).log_message] for text in texts]))
print(json.dumps([LaunchError(text, in_status=True).reason for text in texts]))
"""

# What a kernel has written itself, beside the launcher's error.
OUTPUT = """
import json, sys
from jupyter_docker_spec.launch_errors import output_in
print(json.dumps([output_in(lines) for lines in json.loads(sys.argv[1])]))
"""

# A kernel that lives and never opens its ports, or one that ends.
LAUNCH = """
import asyncio, os, sys
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_docker_spec.launch_errors import LaunchError
from jupyter_docker_spec.local import ReportingLocalProvisioner

async def main():
    spec = KernelSpec(argv=[sys.executable, "-c", sys.argv[1]])
    manager = AsyncKernelManager()
    manager._kernel_spec = spec
    provisioner = ReportingLocalProvisioner(kernel_id="k", kernel_spec=spec, parent=manager)
    words = await provisioner.pre_launch(env=dict(os.environ))
    try:
        connection = await provisioner.launch_kernel(words.pop("cmd"), **words)
    except LaunchError as error:
        print("failed:", error)
    else:
        print(bool(connection), await provisioner.poll())
        await provisioner.kill()
        await provisioner.wait()

asyncio.run(main())
"""

FIND = """
import json
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning import KernelProvisionerFactory
KernelProvisionerFactory.instance()
print(json.dumps(sorted(KernelSpecManager().get_all_specs())))
classes = KernelProvisionerFactory.instance().provisioners
for name in ("docker-provisioner", "docker-swarm-provisioner"):
    theirs, ours = classes[name].load(), classes["reporting-" + name].load()
    assert issubclass(ours, theirs), (ours, theirs)
"""


@pytest.fixture
def python(gp_env, jupyter, place):
    """Runs a script with the Python of an environment that has our package too, or has it not."""
    site = str(site_packages(place / "site"))

    def run(script, *arguments, ours=True):
        environment = jupyter | ({"PYTHONPATH": site} if ours else {})
        command = [gp_env / "bin" / "python", "-c", script, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return done

    return run


def test_a_reason_is_found(python):
    done = python(LISTEN, json.dumps([said for said, _ in SAID.values()]))
    assert done.returncode == 0, done.stderr
    assert dict(zip(SAID, json.loads(done.stdout))) == {name: seen for name, (_, seen) in SAID.items()}
    # And all of it is where it was before.
    assert done.stderr == "".join(said for said, _ in SAID.values())


@pytest.mark.parametrize("state", ["closed", "broken", "unread"])
def test_nobody_waits_for_the_servers_own_standard_error(gp_env, jupyter, place, state):
    environment = jupyter | {"PYTHONPATH": str(site_packages(place / "site"))}
    listen = [gp_env / "bin" / "python", "-c", LISTEN_TO_ONE, TALK]
    if state == "closed":
        listen = ["sh", "-c", 'exec "$@" 2>&-', "sh", *listen]
    reader, writer = os.pipe()
    if state == "broken":
        os.close(reader)
    done = subprocess.run(
        listen, env=environment, stdout=subprocess.PIPE, stderr=writer, text=True, timeout=120
    )
    os.close(writer)
    if state != "broken":
        os.close(reader)
    assert done.stdout == "0 no image\n"


def test_a_reason_fits_where_it_is_shown(python):
    command = f"`docker pull {61 * 'x'}`"
    done = python(ANSWER, json.dumps([f"{45 * 'word '}{command}; then\n  again", "größer\n  than 9"]))
    assert done.returncode == 0, done.stderr
    (((first, message), second), statuses) = map(json.loads, done.stdout.splitlines())
    assert message == first
    assert [len(line) for line in first.split("\n")] == [99, 99, 24, len(command) + 6, 7], first
    assert first.endswith(f"\n{command}; then\n  again")
    assert second == ["größer\n  than 9"] * 2
    assert statuses == [f"{45 * 'word '}{command}; then again", "gr??er than 9"]


def test_the_output_of_a_kernel_fits_as_well(python):
    lines = [["[E 1 a] it ended", "    of that", "one", "two"], [9000 * "x" + "end"], list("abcdefghijklm")]
    done = python(OUTPUT, json.dumps(lines))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["one\ntwo", "..." + 3997 * "x" + "end", "\n".join("defghijklm")]


@pytest.mark.parametrize("limit", ["0.3", "-1"])
def test_a_silent_kernel_is_not_waited_for_without_end(python, jupyter, limit):
    jupyter["KERNEL_LAUNCH_TIMEOUT"] = limit
    done = python(LAUNCH, "import time; time.sleep(1000)")
    assert done.stdout == "True None\n", done.stderr


@pytest.mark.parametrize("limit", ["", "nan", "long", "50"])
def test_a_kernel_that_ends_is_told_of(python, jupyter, limit):
    jupyter["KERNEL_LAUNCH_TIMEOUT"] = limit
    done = python(LAUNCH, "raise SystemExit('no disk')")
    assert done.stdout == "failed: no disk\n", done.stderr


def test_jupyter_finds_the_provisioners(python, binaries, jupyter):
    for name, options in (("one", ()), ("two", ("--swarm",)), ("plain", None)):
        words = [] if options is None else ["--show-launch-errors", *options]
        tool = [binaries / "jupyter-docker-spec", "install", "--user", f"--kernel-name={name}", *words]
        subprocess.run(tool, env=jupyter, check=True, capture_output=True)
    done = python(FIND)
    assert done.returncode == 0, done.stderr
    assert {"one", "two", "plain"} <= set(json.loads(done.stdout.splitlines()[0]))
    # Without the package Jupyter does not offer what it could not start.
    done = python(FIND, ours=False)
    assert set(json.loads(done.stdout.splitlines()[0])) & {"one", "two", "plain"} == {"plain"}
    assert "reporting-docker-provisioner" in done.stderr


def test_check_tells_whether_the_package_is_there(binaries, jupyter, gp_env, place):
    tool = binaries / "jupyter-docker-spec"
    subprocess.run([tool, "install", "--user", "--show-launch-errors"], env=jupyter, check=True, capture_output=True)

    def check(**more):
        done = subprocess.run([tool, "check", "--json"], env=jupyter | more, capture_output=True, text=True)
        return [line for line in json.loads(done.stdout) if "jupyter-docker-spec" in line["message"]]

    def of_package(lines):
        return [line for line in lines if "import jupyter-docker-spec" in line["message"] or " is there for " in line["message"]]

    (line,) = of_package(check())
    assert line["level"] == "error", line
    assert "-m pip install 'jupyter-docker-spec'`, or install the specification without --show-launch-errors" in line["message"]
    (line,) = of_package(check(PYTHONPATH=str(site_packages(place / "site"))))
    assert line["level"] == "ok", line
