"""A kernel's life on a Swarm of one node, with the host application in a container of it."""

import pytest

from bed.kernels import PYTHON, R, SCALA, check_life


@pytest.mark.timeout(700)
@pytest.mark.parametrize("language", [PYTHON, R, SCALA], ids=str)
def test_kernel_lives_and_leaves_nothing(swarm, start_application, put_programs, language):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    application = start_application(network=network, GP_DOCKER_NETWORK=network)
    put_programs(application)
    application.install("--swarm", *language.install)

    values = application.live(language)

    who = check_life(values, "jovyan-{kernel_id}", language)
    assert who["gid"] == 100
