"""A kernel's life on a Swarm of one node, with the host application in a container of it."""

from bed.kernels import LIFE, check_life


def test_kernel_lives_and_leaves_nothing(swarm, start_application, put_programs, kernel_image):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    application = start_application(network=network, GP_DOCKER_NETWORK=network)
    put_programs(application)
    application.install("--swarm", f"--image-name={kernel_image}")

    values = application.drive("docker_python", LIFE).assert_done(LIFE)

    who = check_life(values, "jovyan-{kernel_id}")
    assert who["gid"] == 100
