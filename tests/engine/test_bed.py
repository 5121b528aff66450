"""The bed itself: a kernel of the Python tools alone, so that a failure elsewhere is ours."""

import subprocess

import pytest

from bed import patience
from bed.kernels import LIFE, check_life


def test_upstream_kernel_runs(engine, application, gp_env, kernel_image):
    tool = gp_env / "bin" / "jupyter-docker-spec"
    done = application.run(tool, "install", "--user", f"--image-name={kernel_image}")
    assert done.returncode == 0, done.stderr
    values = application.drive("docker_python", LIFE).assert_done(LIFE)
    check_life(values, "ann-{kernel_id}")


def test_upstream_kernel_runs_in_swarm(swarm, start_application, kernel_image):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    # Their launcher does not look at GP_DOCKER_NETWORK, hence the variable of another project.
    variables = {"GP_DOCKER_NETWORK": network, "EG_DOCKER_NETWORK": network}
    application = start_application(network=network, **variables)
    application.install("--swarm", f"--image-name={kernel_image}")
    values = application.drive("docker_python", LIFE).assert_done(LIFE)
    check_life(values, "jovyan-{kernel_id}")


def test_a_server_that_does_not_end_is_told_of_and_ended(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 0.1)
    words = ["sh", "-c", "trap '' TERM; echo; while true; do sleep 1; done"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout.read(1)
    with pytest.raises(subprocess.TimeoutExpired):
        patience.end(process)
    assert process.returncode == -9


def test_memory_limit_is_reported(engine):
    image = engine.image("jds-test/greedy", "CMD dd if=/dev/zero of=/dev/null bs=200M count=1")
    with engine.memory_limit(64 * 2**20):
        container = engine.container(image)
        assert engine.docker("wait", container) == "137"
    assert engine.inspect(container)["State"]["OOMKilled"]
