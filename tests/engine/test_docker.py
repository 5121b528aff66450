"""A kernel's life on Docker, with the host application on this machine."""

import pytest

from bed.kernels import PYTHON, R, SCALA, check_life


@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    ("language", "launcher"),
    [(PYTHON, "native"), (PYTHON, "python"), (R, "native"), (SCALA, "native")],
    ids=str,
)
def test_kernel_lives_and_leaves_nothing(install, application, language, launcher):
    install("--user", f"--launcher={launcher}", *language.install)

    values = application.live(language, CLOUD_TOKEN="secret")

    who = check_life(values, "ann-{kernel_id}", language)
    assert who["gid"] == 100
    assert who["environment"]["HOME"] == "/home/jovyan"
    assert not {"CLOUD_TOKEN", "DOCKER_HOST", "JUPYTER_DATA_DIR"} & set(who["environment"])
