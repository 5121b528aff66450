"""What image authors, users, and whoever stands in the place of the engine may try; see docs/security.md.

What needs no engine is in `tests/cli/`.
"""

import base64
import contextlib
import json
import re
import socket
import ssl
import threading
import uuid
from urllib.parse import unquote_plus

import pytest

from bed import tls
from bed.inside import Inside
from bed.launch import RECORD
from bed.patience import wait_for

TINY = "jds-test/tiny"
EVIL = "x\n[I 2026-01-01 00:00:00.000 App] fine\r\x1b[2J\x07\x9b1m\u202ey"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def assert_harmless(log):
    """One record after the other, in which nothing can reach a terminal."""
    assert not RAW.search(log), repr(log)
    for line in log.splitlines():
        assert not line or line.startswith("    ") or "launch_docker] " in line, repr(line)
    assert all("launch_docker]" in match[0] for match in RECORD.finditer(log)), log


@pytest.fixture(params=["native", "python"])
def launcher(request):
    return f"--launcher={request.param}"


# TLS.


class Server:
    """Something with a certificate that listens in the engine's place."""

    def __init__(self, directory, authority=None, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        if authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority / "ca.pem")
        if version:
            context.maximum_version = version
        self.context, self.told = context, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self.context.wrap_socket(plain, server_side=True) as it:
                self.told += it.recv(4096)
                it.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def authority(place):
    tls.authority(place / "authority")
    tls.certificate(place / "client", place / "authority", "extendedKeyUsage=clientAuth\n")
    return place / "authority"


def served(place, name, signer, make=tls.certificate, names="IP:127.0.0.1", **options):
    make(place / name, signer, f"subjectAltName={names}\n")
    return Server(place / name, **options)


def test_tls_with_anybody_but_the_engine(launch, place, authority):
    foreign = place / "foreign"
    tls.authority(foreign)
    cases = [
        (served(place, "own", authority), "does not answer as a Docker Engine"),
        (served(place, "old", authority, tls.expired), "has expired"),
        (served(place, "other", foreign), "not signed by an authority in ca.pem"),
        (served(place, "name", authority, names="DNS:engine.example"), "is for .*, not for"),
        (served(place, "strict", authority, authority=foreign), "refused the certificate in cert.pem"),
        (served(place, "v12", authority, version=ssl.TLSVersion.TLSv1_2), "TLS"),
    ]
    for server, pattern in cases:
        variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(place / "client")}
        ended = launch(TINY, DOCKER_HOST=server.host, **variables).end()
        server.listener.close()
        ended.assert_error(pattern)
        assert_harmless(ended.log)
        # Nothing of a request is told to somebody else.
        assert bool(server.told) == (server is cases[0][0]), ended.log
        assert "PRIVATE KEY" not in ended.log


# Authors of images.


def test_output_of_a_kernel_is_marked_and_harmless(engine, launch, launcher):
    script = (
        r"printf 'a\n[I 2026-01-01 00:00:00.000 launch_docker] Started\r\033[2J\033]0;x\007\302\2331m\n';"
        r" printf '\n\n\n[E 2026-01-01 00:00:00.000 ServerApp] forged\n' 1>&2;"
        r" head -c 3000000 /dev/zero | tr '\0' 'x'; head -c 4000 /dev/urandom; printf '\nlast\n'; exit 3"
    )
    image = engine.image("jds-test/evil", f"CMD {script}")
    ended = launch(image, launcher).end()
    ended.assert_error("last", r"\b3\b")
    assert not RAW.search(ended.log) and len(ended.log) < 50_000, repr(ended.log)
    for line in ended.log.splitlines():
        assert not line.startswith(("[E 2026-01-01", "[I 2026-01-01")), ended.log


def test_an_image_that_imitates_what_is_ours(engine, launch):
    image = engine.image(
        "jds-test/imitates",
        'LABEL kernel_id=other component=none app=evil kernelspec="\x1b[2J"',
        "ENV KERNEL_USERNAME=root KERNEL_ID=other PUBLIC_KEY=evil RESPONSE_ADDRESS=192.0.2.99:1",
        "USER root",
        "CMD exec sleep 600",
    )
    kernel = Inside(engine, launch(image))
    config = kernel.container["Config"]
    labels = {name: config["Labels"][name] for name in ("kernel_id", "component", "app", "kernelspec")}
    assert labels == {
        "kernel_id": kernel.launch.kernel_id,
        "component": "kernel",
        "app": "gateway-provisioners",
        "kernelspec": "k",
    }
    variables = dict(line.split("=", 1) for line in kernel("cat", "/proc/1/environ").strip("\0").split("\0"))
    assert variables["KERNEL_USERNAME"] == "ann" and variables["KERNEL_ID"] == kernel.launch.kernel_id
    assert variables["RESPONSE_ADDRESS"] == "192.0.2.1:8877" and variables["PUBLIC_KEY"] != "evil"
    assert kernel("id", "-u") == "1000"
    kernel.end()


def test_check_believes_no_image_but_prints_it_harmlessly(
    engine, install, application, binaries, gp_env, kernel_image
):
    said = r"jupyter-docker-spec: no module \033[2J\302\2331m\r\njupyter-docker-spec: that is all\n"
    script = base64.b64encode(f"#!/bin/sh\nprintf '{said}'\n".encode()).decode()
    lies = engine.image(
        "jds-test/lies",
        "USER root",
        f"RUN echo {script} | base64 -d > /lies && chmod 0755 /lies",
        'ENTRYPOINT ["/lies"]',
        'CMD ["/usr/local/bin/bootstrap-kernel.sh"]',
        base=kernel_image,
    )
    install("--user", f"--image-name={lies}")
    application.environment["PATH"] = f"{binaries}:{gp_env / 'bin'}:/usr/bin:/bin"
    for words in ([], ["--json"]):
        done = application.run(binaries / "jupyter-docker-spec", "check", *words)
        assert not RAW.search(done.stdout + done.stderr), repr(done.stdout)
        assert "no Python module" in done.stdout, done.stdout
    assert not engine.docker("ps", "--all", "--quiet", "--filter=label=component=check")


# Users.


def test_what_a_user_says_is_data_on_a_real_engine(engine, launch):
    kernel = Inside(engine, launch(TINY, "--label=user={username}", KERNEL_USERNAME=EVIL, KERNEL_X=EVIL))
    config, host = kernel.container["Config"], kernel.container["HostConfig"]
    assert config["Labels"]["user"] == EVIL and config["Labels"]["kernel_id"] == kernel.launch.kernel_id
    assert f"KERNEL_USERNAME={EVIL}" in config["Env"] and f"KERNEL_X={EVIL}" in config["Env"]
    assert not host["Binds"] and not host.get("Mounts") and not host["Privileged"] and not host["CapAdd"]
    kernel.launch.name = kernel.id
    assert_harmless(kernel.end().log)


# Another user's directory, and a template that does not work, for whoever expands them.
TEMPLATE = r'bob{{print "\x2f..\x2falice"}}'
BROKEN = "Hello {{ name }}"


def test_what_a_user_says_is_no_template_in_a_swarm(swarm, network, launch, place):
    for user in (TEMPLATE, "alice"):
        (place / "homes" / user).mkdir(parents=True)
        (place / "homes" / user / "name").write_text(user)
    settings = f"""
        hostname = 'slot-{{{{.Task.Slot}}}}'
        labels.who = '{{username}}'
        mount_cwd = '/notebooks'
        volumes = [
            '{place}/homes/{{username}}:/work:ro',
            {{ type = 'volume', source = 'jds-test-{{{{.Task.ID}}}}', target = '/x', volume.labels.who = '{{username}}' }},
        ]
        [environment]
        HERE = '{{{{.Task.Slot}}}}{{username}}'
    """
    running = launch(
        TINY,
        "--swarm",
        settings=settings,
        notebooks=place / "homes" / TEMPLATE,
        GP_DOCKER_NETWORK=network,
        KERNEL_USERNAME=TEMPLATE,
        KERNEL_PROMPT=BROKEN,
        KERNEL_HOST="{{.Node.Hostname}}",
    )
    kernel = Inside(swarm, running, service=True)
    volumes = []
    try:
        assert kernel("cat", "/work/name") == kernel("cat", "/notebooks/name") == TEMPLATE
        assert kernel("hostname") == "slot-1" and kernel("pwd") == "/notebooks"
        config = kernel.container["Config"]
        given = dict(entry.split("=", 1) for entry in config["Env"])
        assert (given["KERNEL_USERNAME"], given["KERNEL_PROMPT"]) == (TEMPLATE, BROKEN)
        assert given["KERNEL_HOST"] == "{{.Node.Hostname}}" and given["HERE"] == f"1{TEMPLATE}"
        assert config["Labels"]["who"] == TEMPLATE
        volumes = [mount["Name"] for mount in kernel.container["Mounts"] if mount["Type"] == "volume"]
        (volume,) = json.loads(swarm.docker("volume", "inspect", *volumes))
        assert volume["Name"].startswith("jds-test-") and volume["Labels"] == {"who": TEMPLATE}
    finally:
        label = f"label=kernel_id={running.kernel_id}"
        running.name = swarm.docker("service", "ls", "--filter", label, "--format={{.Name}}").strip()
        assert_harmless(kernel.end().log)
        wait_for(lambda: not kernel_containers(swarm, running), "the container stays")
        swarm.docker("volume", "rm", *volumes)


def kernel_containers(engine, running):
    return engine.docker("ps", "--all", "--quiet", f"--filter=label=kernel_id={running.kernel_id}")


def test_what_a_user_says_is_no_template_of_a_log(engine, launch):
    settings = """
        command = ['sh', '-c', 'echo said; exec sleep 600']
        logging = { driver = 'json-file', options.tag = '{{.ImageName}}/{username}' }
    """
    kernel = Inside(engine, launch(TINY, settings=settings, KERNEL_USERNAME=TEMPLATE))
    wait_for(lambda: "said" in engine.docker("logs", kernel.id), "it says nothing")
    said = unquote_plus(engine.docker("logs", "--details", kernel.id))
    assert said.strip() == f"tag={TINY}/{TEMPLATE} said"
    kernel.launch.name = kernel.id
    kernel.end()


@pytest.mark.parametrize("variable", ["KERNEL_USERNAME", "KERNEL_LANGUAGE", "KERNEL_X"])
def test_what_a_user_says_leads_nowhere_else(launch, place, variable):
    template = {
        "KERNEL_USERNAME": "{username}",
        "KERNEL_LANGUAGE": "{language}",
        "KERNEL_X": "${KERNEL_X}",
    }[variable]
    settings = f"volumes = ['{place}/in/{template}:/x']\n"
    for value in ("..", "../..", "a/../../etc"):
        ended = launch(TINY, settings=settings, **{variable: value}).end()
        ended.assert_error("one part of a path")


def test_an_image_that_a_user_names(launch, launcher, engine):
    for name in (EVIL, "$(id)", "../x", "-v", "a b", "", "x" * 5000):
        kernel_id = str(uuid.uuid4())
        ended = launch(TINY, launcher, kernel_id=kernel_id, KERNEL_IMAGE=name).end()
        ended.assert_error()
        assert not RAW.search(ended.log), repr(ended.log)
        assert not engine.docker("ps", "--all", "--quiet", f"--filter=label=kernel_id={kernel_id}")
