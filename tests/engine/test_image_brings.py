"""What an image brings along for what it is made for otherwise - HEALTHCHECK, VOLUME, STOPSIGNAL, ENTRYPOINT, USER -
and a kernel in it."""

import pytest

from bed.patience import wait_for


LINES = (
    "HEALTHCHECK --interval=1s --timeout=1s --retries=1 CMD exit 1",
    "VOLUME /data /more",
    # What a program does not end by, unless it says so.
    "STOPSIGNAL SIGWINCH",
    "USER 1234:1234",
    # It ends by SIGTERM only.
    'ENTRYPOINT ["/bin/sh", "-c", "trap \'exit 0\' TERM; while :; do sleep 0.1; done"]',
    'CMD ["of-the-image"]',
)


@pytest.fixture
def image(engine):
    return engine.image("jds-test/brings", *LINES)


def volumes(engine):
    return set(engine.docker("volume", "ls", "--quiet").split())


def test_a_container_has_no_check_and_ends_by_sigterm(engine, inside, image):
    before = volumes(engine)
    kernel = inside(image=image)
    container = kernel.container
    assert container["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert "Health" not in container["State"]
    assert container["Config"]["StopSignal"] == "SIGTERM"
    # The entry point is the image's, the user the server's.
    assert container["Path"] == "/bin/sh" and container["Args"][-1] == "of-the-image"
    assert kernel("id", "-u") == "1000"
    # A minute is far longer than it takes, and would be over if the signal were the image's.
    engine.docker("stop", "--time=60", kernel.id)
    assert kernel.launch.end().status == 0
    wait_for(lambda: volumes(engine) == before, "the volumes of the image outlive the kernel")


def test_a_failed_launch_leaves_no_volume(engine, launch, image):
    before = volumes(engine)
    ended = launch(image, "--entrypoint=/nowhere").end()
    assert ended.status == 1, ended.log
    wait_for(lambda: volumes(engine) == before, "the volumes of the image outlive the launch")


def test_a_check_that_is_asked_for(inside, image):
    kernel = inside("--health-cmd=true", "--health-interval=1s", image=image)
    assert kernel.container["Config"]["Healthcheck"]["Test"] == ["CMD-SHELL", "true"]
    wait_for(lambda: kernel.container["State"]["Health"]["Status"] == "healthy", "the check is not made")
    kernel.end()


def test_a_service_has_no_check_and_leaves_no_volume(engine, network, inside, image):
    before = volumes(engine)
    kernel = inside(image=image, service=True, GP_DOCKER_NETWORK=network)
    container = kernel.container
    assert container["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert "Health" not in container["State"]
    assert container["Config"]["StopSignal"] == "SIGTERM"
    assert len(volumes(engine) - before) == 2
    kernel.end()
    wait_for(lambda: volumes(engine) == before, "the volumes of the image outlive the kernel")


def of_kernel(engine, kernel):
    """The volumes that have the labels of this kernel."""
    labels = ["component=kernel", "app=gateway-provisioners", f"kernel_id={kernel.launch.kernel_id}"]
    filters = [f"--filter=label={label}" for label in labels]
    return set(engine.docker("volume", "ls", "--quiet", *filters).split())


def test_volumes_that_a_server_leaves_are_pruned(engine, application, binaries, inside):
    """Which removes containers without their volumes."""
    image = engine.image("jds-test/filled", *LINES, "USER 0", "RUN mkdir /full && echo x > /full/x", "VOLUME /full")
    before = volumes(engine)
    kernel = inside(image=image)
    assert kernel("cat", "/full/x") == "x"
    own = of_kernel(engine, kernel)
    assert len(own) == 3 and volumes(engine) - before == own

    def prune(*words):
        done = application.run(binaries / "jupyter-docker-spec", "prune", "-y", *words)
        assert done.returncode == 0, done.stdout + done.stderr

    kernel.end()
    # They are young; then somebody else has one of them.
    prune()
    assert of_kernel(engine, kernel) == own
    user = engine.container("jds-test/tiny", "sleep", "600", options=[f"--volume={min(own)}:/used"])
    prune("--older-than=0s")
    assert of_kernel(engine, kernel) == {min(own)}
    engine.docker("rm", "--force", user)
    prune("--older-than=0s")
    assert volumes(engine) == before
