"""Tests of other projects, through gateways: a kernel whose bootstrap is brought passes all that one passes whose image
has the bootstrap of the gateways."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bed import gateway_suites, suites
from bed.gateway_suites import AUTHORIZATION
from bed.gateways import LocalGateway
from bed.kernels import PYTHON, R

GATEWAY = "--gateway=enterprise-gateway"
BRING = "--bring-bootstrap"
# What is started in an image without a bootstrap, and in one with that of the gateways.
KINDS = {"brought": (BRING, "--image-name=jds-test/plain"), "of the image": (f"--image-name={PYTHON.image}",)}
IN_R = {"brought": (BRING, *R.install), "of the image": R.install}


@pytest.fixture
def gateway(engine, eg_env, place, jupyter):
    environment = jupyter | {"PATH": f"{eg_env / 'bin'}:/usr/bin:/bin", "DOCKER_HOST": engine.address}
    with LocalGateway(eg_env, environment, place / "gateway.log") as running:
        yield running


def fails(gateway, place, suite, kernel):
    failed, number = gateway_suites.failures(gateway, place, suite, kernel)
    assert number >= 2
    return failed


def test_authorization_as_enterprise_gateway_tests_it(gateway, install, place):
    users = ("--authorized-users=bob,bad_guy", "--unauthorized-users=bad_guy")
    install("--user", GATEWAY, "--kernel-name=authorization_test", *users, *KINDS["brought"])

    failed = fails(gateway, place, AUTHORIZATION, "authorization_test")

    assert not failed, f"{failed}\n{gateway.log()}"


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", [PYTHON, R], ids=str)
def test_kernels_as_enterprise_gateway_tests_them(gateway, install, place, language):
    suite = gateway_suites.R if language is R else gateway_suites.PYTHON
    failed = {}
    for kind, options in (IN_R if language is R else KINDS).items():
        install("--user", GATEWAY, "--replace", *options)
        failed[kind] = fails(gateway, place, suite, language.kernel)
    print(f"{language}: {({kind: sorted(found) for kind, found in failed.items()})}")
    unexpected = failed["brought"].keys() - failed["of the image"].keys()
    assert not unexpected, f"{failed['brought']}\n{gateway.log()}"


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_the_messages_of_kernels_through_gateway_provisioners(install, application, gp_env, place):
    """With its packages, and the tests and what they need of the environment for suites."""
    (packages,) = Path(gp_env).glob("lib/python3*/site-packages")
    (suite,) = [suite for suite in suites.SUITES if str(suite) == "jupyter_kernel_test"]
    source = suites.unpacked(suite, place)
    failed = {}
    for kind, options in KINDS.items():
        install("--user", "--kernel-name=python3", "--replace", *options)
        environment = os.environ | application.environment | {"PYTHONPATH": str(packages)}
        words = [suites.PYTHON, "-m", "pytest", "-v", *suites.OPTIONS, *suite.whole]
        done = subprocess.run(words, cwd=source, env=environment, capture_output=True, text=True, timeout=900)
        assert "passed" in done.stdout, done.stdout + done.stderr
        lines = [line.split() for line in done.stdout.splitlines() if "::" in line]
        failed[kind] = {line[0] for line in lines if line[1:2] in (["FAILED"], ["ERROR"])}
        text = done.stdout
    print(json.dumps({kind: sorted(found) for kind, found in failed.items()}))
    assert not failed["brought"] - failed["of the image"], text
