"""Specifications and launcher under the real Enterprise Gateway, which gives the launcher another
command line than `gateway_provisioners` does, and hardly any environment."""

import re

import pytest

from bed import broken
from bed.gateways import ContainerGateway, LocalGateway
from bed.kernels import PYTHON, R, SCALA
from bed.patience import wait_for
from bed.reporting import site_packages

GATEWAY = "--gateway=enterprise-gateway"
# An image with the kernel, and nothing of a gateway.
STOCK = ["--bring-bootstrap", "--image-name=jds-test/plain"]


@pytest.fixture
def gateway(engine, eg_env, place, jupyter):
    """A running gateway on this machine."""
    path = f"{eg_env / 'bin'}:/usr/bin:/bin"
    environment = jupyter | {"PATH": path, "DOCKER_HOST": engine.address}
    environment["PYTHONPATH"] = str(site_packages(place / "site"))
    with LocalGateway(eg_env, environment, place / "gateway.log") as running:
        yield running


@pytest.fixture
def install_for_gateway(install):
    """Installs a specification for the gateway on this machine."""
    return lambda *options: install("--user", GATEWAY, *options)


def check_life(result, language=PYTHON):
    """What the kernel's life must have shown, whatever it ran in."""
    assert result["first"] == result["again"] == ["42\n", False]
    who = result["who"]
    assert (who["uid"], who["gid"]) == (1000, 100)
    names = who["environment"]
    assert "NAMED_BY_THE_ADMINISTRATOR" in names
    server = {"NOT_NAMED", "DOCKER_HOST", "EG_DOCKER_MODE", "JUPYTER_DATA_DIR"}
    assert not server & set(names)
    said, failed = result["interrupted"]
    assert "asleep\n" in said
    assert (language.interrupted or "") in said and failed == bool(language.interrupted)
    assert result["restarted"]
    assert result["left"] == []
    # What the gateway gives to the launcher.
    assert {"KERNEL_ID", "EG_DOCKER_MODE", "EG_DOCKER_NETWORK"} <= set(result["launcher"])
    assert not {"PATH", "HOME", "NOT_NAMED"} & set(result["launcher"])


def test_kernel_lives_and_leaves_nothing(gateway, install_for_gateway, kernel_image):
    install_for_gateway(f"--image-name={kernel_image}")

    result = gateway.drive("docker_python")

    check_life(result)
    assert "DOCKER_HOST" in result["launcher"]
    # An address as a user's name has become part of a name that the engine takes.
    assert result["who"]["host"].startswith(f"ann-example-com-{result['kernel_id'][:20]}")
    assert "launch_docker]" not in gateway.log()


@pytest.mark.timeout(700)
@pytest.mark.parametrize(("sample", "language"), [("R_docker", R), ("scala_docker", SCALA)])
def test_kernel_of_a_sample_lives_and_leaves_nothing(gateway, install, sample, language):
    image = f"--image-name={language.image}"
    install("--user", f"--sample={sample}", "--no-swarm", image, *language.options)

    result = gateway.drive(sample, language)

    check_life(result, language)


def test_kernel_of_a_stock_image_lives_and_leaves_nothing(gateway, install_for_gateway, engine):
    """It says nothing of what it has been told, and ends when it is told to."""
    install_for_gateway(*STOCK, "--signals-from=server")

    check_life(gateway.drive("docker_python"))

    status, kernel = gateway.post("docker_python", KERNEL_USERNAME="ann")
    assert status == 201, f"{kernel}\n{gateway.log()}"
    (container,) = engine.docker("ps", "--quiet", f"--filter=label=kernel_id={kernel['id']}").split()
    said = engine.client("logs", container)
    assert not {"PUBLIC_KEY", "RESPONSE_ADDRESS", "conn_info"} & set(re.findall(r"\w+", said.stdout + said.stderr))
    # Else it would be killed after the time of the test.
    engine.docker("stop", "--time=100000", container)
    gateway.delete(kernel["id"])


@pytest.mark.parametrize("options", [[f"--image-name={PYTHON.image}"], STOCK], ids=["kernel", "stock"])
def test_kernel_lives_in_a_swarm_and_leaves_nothing(swarm, binaries, options):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    gateway = ContainerGateway(swarm, network)
    gateway.install(binaries, GATEWAY, "--swarm", *options)

    result = gateway.drive("docker_python")

    check_life(result)
    assert "DOCKER_HOST" not in result["launcher"]
    assert result["who"]["host"].startswith(f"ann-example-com-{result['kernel_id'][:20]}")
    assert "launch_docker]" not in gateway.log()


def test_the_client_may_be_told_the_reason_in_a_swarm(swarm, binaries, place):
    broken.exits(swarm)
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    gateway = ContainerGateway(swarm, network)
    packages = gateway.run("python", "-c", "import site; print(site.getsitepackages()[0])").stdout.strip()
    swarm.docker("cp", f"{site_packages(place / 'site')}/.", f"{gateway.container}:{packages}")
    for image, option, reason in [
        ("jds-test/broken", "--stop-timeout=1", "ended with exit status 3"),
        ("jds-test/tiny", "--constraint=node.labels.none==1", "no node of the Swarm can run the kernel"),
    ]:
        options = ("--swarm", "--show-launch-errors", "--replace", option)
        gateway.install(binaries, GATEWAY, f"--image-name={image}", *options)

        status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

        assert status == 500 and reason in answer["reason"], answer
        assert ("no such module" in answer["reason"]) == ("broken" in image), answer


def test_a_specification_with_a_launcher_in_python_lives_before_and_after_it_is_converted(
    gateway, install_for_gateway, application, binaries, kernel_image
):
    install_for_gateway("--launcher=python", f"--image-name={kernel_image}")
    check_life(gateway.drive("docker_python"))

    done = application.run(binaries / "jupyter-docker-spec", "convert", "docker_python")

    assert done.returncode == 0, done.stderr
    # The gateway reads kernel.json again for the next kernel.
    result = gateway.drive("docker_python")
    check_life(result)
    assert "launch_docker]" not in gateway.log()


def test_what_the_specification_says_reaches_the_kernel(
    gateway, install_for_gateway, engine, kernel_image
):
    install_for_gateway(
        f"--image-name={kernel_image}",
        "--executor-image-name=executors:1",
        "--port-range=40000..41000",
        "--launch-timeout=50",
        "--ipykernel-subclass-name=ipykernel.ipkernel.IPythonKernel",
        "--memory=600m",
    )

    status, kernel = gateway.post("docker_python", KERNEL_USERNAME="ann")

    assert status == 201, f"{kernel}\n{gateway.log()}"
    (container,) = engine.docker("ps", "--quiet", f"--filter=label=kernel_id={kernel['id']}").split()
    found = engine.inspect(container)
    assert found["Config"]["Labels"]["app"] == "enterprise-gateway"
    assert found["HostConfig"]["Memory"] == 600 << 20
    variables = found["Config"]["Env"]
    assert "KERNEL_EXECUTOR_IMAGE=executors:1" in variables
    assert "KERNEL_LAUNCH_TIMEOUT=50" in variables
    assert "PORT_RANGE=40000..41000" in variables
    gateway.delete(kernel["id"])


def test_users_who_may_not_start_it_get_403(gateway, install_for_gateway, kernel_image):
    image = f"--image-name={kernel_image}"
    install_for_gateway(image, "--authorized-users=bob,ann", "--unauthorized-users=eve,ann")
    for user, reason in [
        ("eve", "is not authorized to start"),
        ("ann", "is not authorized to start"),
        ("root", "is not authorized to start"),
        ("carl", "is not in the set of users authorized to start"),
    ]:
        status, answer = gateway.post("docker_python", KERNEL_USERNAME=user)
        assert status == 403, answer
        assert f"User '{user}' {reason} kernel 'Docker Python'" in answer["reason"], answer
    status, kernel = gateway.post("docker_python", KERNEL_USERNAME="bob")
    assert status == 201, f"{kernel}\n{gateway.log()}"
    gateway.delete(kernel["id"])


def test_reason_of_a_failed_launch_is_in_the_log(gateway, install_for_gateway, engine):
    image, _ = broken.exits(engine)
    install_for_gateway(f"--image-name={image}")

    status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

    # The gateway tells the client what it has seen itself first: how the container went, or that the
    # launcher has failed.
    assert status == 500
    seen = ("Error starting kernel container; status: ", "Error occurred during launch of KernelID")
    assert answer["reason"].startswith(seen), answer
    # Which may be before the launcher has removed the container, and says why.
    wait_for(lambda: "ended with exit status 3" in gateway.log(), gateway.log)
    text = gateway.log()
    assert "no such module" in text and "Waited too long" not in text, text


def test_a_launch_that_comes_to_nothing_sends_the_client_to_the_log(gateway, install_for_gateway):
    install_for_gateway("--image-name=jds-test/missing", "--pull=never")

    status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

    assert status == 500
    assert "Error occurred during launch of KernelID" in answer["reason"], answer
    assert "Check Enterprise Gateway log" in answer["reason"], answer
    assert "jds-test/missing" in gateway.log().partition("launch_docker]")[2]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("jds-test/broken", "ended with exit status 3"),
        ("127.0.0.1:1/jds-test/none:1", "could not be pulled"),
    ],
)
def test_the_client_may_be_told_the_reason(gateway, install_for_gateway, engine, image, reason):
    engine.image("jds-test/broken", 'CMD ["sh", "-c", "echo 100% no such module; exit 3"]')
    install_for_gateway(f"--image-name={image}", "--show-launch-errors")

    status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

    assert status == 500 and reason in answer["reason"], answer
    assert ("100% no such module" in answer["reason"]) == ("broken" in image), answer
    assert "\n" not in answer["reason"]
    assert reason in gateway.log().partition("launch_docker]")[2]
    # Who may not start it is told by the gateway, as ever.
    status, answer = gateway.post("docker_python", KERNEL_USERNAME="root")
    assert status == 403 and "not authorized" in answer["reason"], answer


def test_the_launch_timeout_is_that_of_the_specification(gateway, install_for_gateway):
    install_for_gateway("--image-name=jds-test/tiny", "--launch-timeout=4")

    status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

    assert status == 500
    assert "Waited too long (4.0s) to get connection file" in answer["reason"], answer


def test_the_client_may_be_told_that_a_kernel_does_not_answer(gateway, install_for_gateway, engine):
    image, reason = broken.silent(engine)
    install_for_gateway(f"--image-name={image}", "--launch-timeout=4", "--show-launch-errors")

    status, answer = gateway.post("docker_python", KERNEL_USERNAME="ann")

    assert status == 500 and re.search(reason, answer["reason"]), answer
