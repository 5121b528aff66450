"""An engine on TCP, where both sides show certificates."""

import pytest

from bed import tls
from bed.kernels import LIFE, check_life


@pytest.fixture
def certificates(engine):
    """The directory of the client's certificates."""
    return engine.run / "tls" / "client"


def test_kernel_lives_and_leaves_nothing(install, application, kernel_image, certificates):
    install("--user", f"--image-name={kernel_image}")
    drive = application.drive(
        "docker_python",
        LIFE,
        DOCKER_HOST=tls.HOST,
        DOCKER_TLS_VERIFY="1",
        DOCKER_CERT_PATH=str(certificates),
    )
    check_life(drive.assert_done(LIFE), "ann-{kernel_id}")


def test_certificates_that_do_not_fit(launch, certificates, place):
    foreign = place / "foreign"
    tls.authority(foreign)
    tls.certificate(foreign, foreign, "extendedKeyUsage=clientAuth\n")
    half = place / "half"
    half.mkdir()
    (half / "ca.pem").write_bytes((certificates / "ca.pem").read_bytes())

    for directory, verify, *patterns in (
        (foreign, "1", "TLS", "authority|issuer|certificate"),
        (half, "1", r"half/cert\.pem"),
        (certificates, None, "DOCKER_TLS_VERIFY"),
    ):
        launcher = launch(
            "jds-test/tiny",
            DOCKER_HOST=tls.HOST,
            DOCKER_TLS_VERIFY=verify,
            DOCKER_CERT_PATH=str(directory),
        )
        launcher.end().assert_error(*patterns)


def test_without_tls(launch):
    launch("jds-test/tiny", DOCKER_HOST=tls.HOST).end().assert_error("TLS|HTTPS")
