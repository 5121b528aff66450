"""What the log of a real Jupyter server, and its user, see of a launch that goes wrong.

By itself the server hands no reason on to the user, only that it went wrong: what counts for the user is
that this comes at once, and for the administrator that the log has the reason. With
`--show-launch-errors` the user sees it, too.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from bed import broken, servers
from bed.servers import SHOW, TOKEN, serving

DRIVER = Path(servers.__file__).with_name("server_drive.py")
# As long as the server may wait at most. A reason that comes later was not seen by it.
LONG = "--launch-timeout=100"


@pytest.fixture
def server(engine, gp_env, place, jupyter):
    with serving(engine, gp_env, place, jupyter) as server:
        yield server


@pytest.fixture
def swarm_server(swarm, gp_env, place, jupyter):
    """The same for kernels on a network of a Swarm, which it could not reach if they did run."""
    swarm.docker("network", "create", "--driver=overlay", "--attachable", "kernels")
    with serving(swarm, gp_env, place, jupyter | {"GP_DOCKER_NETWORK": "kernels"}) as server:
        yield server


def test_the_reason_is_in_the_log_and_the_user_is_told_at_once(engine, server, install):
    for image, reason in broken.all_of_them(engine):
        install("--user", "--replace", f"--image-name={image}", "--memory=16m", LONG)
        before = len(server.log.read_text())
        status, answer = server.post("/api/kernels", name="docker_python")
        log = server.log.read_text()[before:]
        assert status == 500, f"{answer}\n{log}"
        assert re.search(reason, log, re.DOTALL), log
        assert "Waited too long" not in log, log
        engine.assert_no_kernels()


def test_a_kernel_that_never_answers_is_gone_after_the_timeout(engine, server, install):
    image, reason = broken.silent(engine)
    install("--user", f"--image-name={image}", "--launch-timeout=4")
    status, answer = server.post("/api/kernels", name="docker_python")
    assert status == 500 and "Waited too long (4s)" in server.log.read_text(), answer
    engine.assert_no_kernels()
    engine.assert_no_launchers()
    log = server.log.read_text()
    assert re.search(rf"\[E [^]]* launch_docker\] [^[]*{reason}", log, re.DOTALL), log


@pytest.mark.parametrize("kind", ["kernel", "session"])
def test_the_user_may_see_the_reason(engine, server, install, kind):
    for image, reason in broken.all_of_them(engine):
        install("--user", "--replace", f"--image-name={image}", "--memory=16m", LONG, SHOW)
        before = len(server.log.read_text())
        seen = server.refusal(kind, "docker_python")
        assert re.search(reason, seen), seen
        assert "Waited too long" not in seen and "[E " not in seen, seen
        # The log has it as before.
        log = server.log.read_text()[before:]
        assert re.search(rf"\[E [^]]* launch_docker\] [^[]*({reason})", log, re.DOTALL), log
        engine.assert_no_kernels()


@pytest.mark.parametrize("kind", ["kernel", "session"])
def test_the_user_may_see_that_a_kernel_does_not_answer(engine, server, install, kind):
    image, reason = broken.silent(engine)
    install("--user", f"--image-name={image}", "--launch-timeout=4", SHOW)
    seen = server.refusal(kind, "docker_python")
    assert re.search(reason, seen) and "after its launch timeout of 4 s" in seen, seen


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--image-name=jds-test/broken", LONG), "status 3.*no such module"),
        (("--image-name=127.0.0.1:1/jds-test/none:1", LONG), "No such image: 127.0.0.1:1/jds-test/none:1"),
        (("--image-name=jds-test/tiny", "--constraint=node.labels.none==1", LONG), "no node of the Swarm can"),
        (("--image-name=jds-test/silent", "--launch-timeout=4"), "not heard from the kernel.*I am no kernel"),
    ],
)
def test_the_user_may_see_the_reason_of_a_swarm(swarm, swarm_server, install, options, reason):
    broken.exits(swarm)
    broken.silent(swarm)
    install("--user", "--swarm", SHOW, *options)
    seen = swarm_server.refusal("session", "docker_python")
    assert re.search(reason, seen), seen
    assert "Waited too long" not in seen, seen
    swarm.assert_no_kernels()


def test_the_launcher_in_python_is_heard_too(engine, server, install):
    install("--user", "--launcher=python", "--image-name=127.0.0.1:1/no:1", SHOW, LONG)
    assert "could not be pulled" in server.refusal("session", "docker_python")


def test_a_launcher_of_somebody_elses_is_heard_as_far_as_it_speaks(engine, server, install, place):
    launcher = place / "launcher"
    for script, seen in [
        ("exit 1", "Error occurred during launch"),
        ("echo 'Traceback (most recent call last):' >&2; echo 'E: why' >&2; exit 1", "E: why"),
    ]:
        launcher.write_text(f"#!/bin/sh\n{script}\n")
        launcher.chmod(0o755)
        install("--user", f"--launcher={launcher}", "--image-name=i", SHOW, "--replace")
        assert server.refusal("session", "docker_python").startswith(seen)


def test_a_kernel_lives_as_it_does_otherwise(engine, server, install, gp_env, kernel_image):
    install("--user", f"--image-name={kernel_image}", SHOW)
    url = f"http://127.0.0.1:{server.port}"
    command = [gp_env / "bin" / "python", DRIVER, url, TOKEN, "docker_python"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stderr}\n{server.log.read_text()}"
    result = json.loads(done.stdout)
    assert result["first"] == result["again"] == ["42\n", None]
    assert result["interrupted"][1] == "KeyboardInterrupt" and result["left"] == []
    assert "launch_docker]" not in server.log.read_text()
