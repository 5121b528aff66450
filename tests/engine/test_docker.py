"""A kernel's life on Docker, with the host application on this machine."""

import pytest

from bed.kernels import LIFE, check_life


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_kernel_lives_and_leaves_nothing(install, application, kernel_image, launcher):
    install("--user", f"--launcher={launcher}", f"--image-name={kernel_image}")

    drive = application.drive("docker_python", LIFE, CLOUD_TOKEN="secret")

    who = check_life(drive.assert_done(LIFE), "ann-{kernel_id}")
    assert who["gid"] == 100
    assert who["environment"]["HOME"] == "/home/jovyan"
    assert not {"CLOUD_TOKEN", "DOCKER_HOST", "JUPYTER_DATA_DIR"} & set(who["environment"])
