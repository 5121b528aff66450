"""Each kind of server, on each kind of engine, with each kind of kernel whose bootstrap is brought: it starts, executes, is
interrupted, is started again and ends, and nothing is left. `tests/run` has some of these in other files."""

import json

import pytest

from bed.gateways import ContainerGateway, LocalGateway
from bed.kernels import BASH, BASH_LINES, PYTHON, R
from bed.nodes import NETWORK_OF_KERNELS

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

PLAIN = "jds-test/plain"
BARE = "jds-test/bare"
IRKERNEL = "RUN apt-get install -y --no-download --no-install-recommends r-cran-irkernel"
NO_SHELL = "RUN rm -f /bin/sh /bin/bash /bin/dash"
# The language, the image it is in and what makes another one of that, options of its own, and who it runs as.
KERNELS = {
    "Python": (PYTHON, PLAIN, [], [], 1000),
    "Python as root": (PYTHON, PLAIN, [], ["--container-user=image"], 0),
    "Python, read-only, without a shell": (PYTHON, PLAIN, [NO_SHELL], ["--read-only", "--tmpfs=/tmp"], 1000),
    "R with IRkernel": (R, BARE, [IRKERNEL], [], 1000),
    "Bash": (BASH, BARE, list(BASH_LINES), [], 1000),
}
# Of three nodes, kernels run on one where the server is not.
NODES_HAVE = {"manager": ["jds-test/gateway"], "worker-1": [PLAIN, BARE]}
ELSEWHERE = ["--swarm", "--launch-timeout=100", "--constraint=node.hostname==worker-1"]


@pytest.fixture(params=KERNELS)
def kernel(request):
    """A language, the options of `install`, the user, and what makes its image on an engine."""
    language, base, lines, options, uid = KERNELS[request.param]
    image = f"jds-test/matrix-{list(KERNELS).index(request.param)}" if lines else base

    def build(engine):
        if lines:
            engine.image(image, *lines, base=base)

    words = ["--bring-bootstrap", f"--language={language.name}", f"--image-name={image}", *options]
    words += [word for word in language.options if word.startswith("--kernel-command")]
    return language, words, uid, build


def check(who, uid, first, interrupted, again, language):
    assert who["uid"] == uid
    assert first == again == "42\n"
    text, failed = interrupted
    assert "asleep\n" in text and (language.interrupted is None or failed), interrupted


def check_gp(application, language, uid):
    _, first, who, interrupted, _, again, alive = application.live(language)
    assert not alive and first["error"] is again["error"] is None
    said = interrupted["stdout"], interrupted["error"] == language.interrupted
    check(json.loads(who["stdout"]), uid, first["stdout"], said, again["stdout"], language)


def check_eg(gateway, language, uid):
    result = gateway.drive(language.kernel, language)
    assert result["restarted"] and result["left"] == []
    (first, _), (again, _) = result["first"], result["again"]
    check(result["who"], uid, first, result["interrupted"], again, language)


def test_gateway_provisioners_on_one_engine(install, application, engine, kernel):
    language, options, uid, build = kernel
    build(engine)
    install("--user", *options)
    check_gp(application, language, uid)


def test_gateway_provisioners_in_a_swarm(swarm, start_application, put_programs, network, kernel):
    language, options, uid, build = kernel
    build(swarm)
    application = start_application(network=network, GP_DOCKER_NETWORK=network)
    put_programs(application)
    application.install("--swarm", *options)
    check_gp(application, language, uid)


def test_gateway_provisioners_on_three_nodes(nodes, application_on_manager, kernel):
    language, options, uid, build = kernel
    build(nodes["worker-1"])
    application_on_manager.install(*ELSEWHERE, *options)
    check_gp(application_on_manager, language, uid)


def test_enterprise_gateway_on_one_engine(engine, install, eg_env, place, jupyter, kernel):
    language, options, uid, build = kernel
    build(engine)
    environment = jupyter | {"PATH": f"{eg_env / 'bin'}:/usr/bin:/bin", "DOCKER_HOST": engine.address}
    with LocalGateway(eg_env, environment, place / "gateway.log") as gateway:
        install("--user", "--gateway=enterprise-gateway", *options)
        check_eg(gateway, language, uid)


def test_enterprise_gateway_in_a_swarm(swarm, network, binaries, kernel):
    language, options, uid, build = kernel
    build(swarm)
    gateway = ContainerGateway(swarm, network)
    gateway.install(binaries, "--gateway=enterprise-gateway", "--swarm", *options)
    check_eg(gateway, language, uid)


def test_enterprise_gateway_on_three_nodes(nodes, binaries, kernel):
    language, options, uid, build = kernel
    build(nodes["worker-1"])
    gateway = ContainerGateway(nodes.manager, NETWORK_OF_KERNELS, nodes.manager.address_of_node)
    gateway.install(binaries, "--gateway=enterprise-gateway", *ELSEWHERE, *options)
    check_eg(gateway, language, uid)
