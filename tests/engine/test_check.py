"""`check`, with everything as it should be and with one thing wrong at a time."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bed.checking import BOOTSTRAP, faults, has, of_platform
from bed.kernels import PYTHON, R, SCALA, Application
from bed.patience import wait_for

TINY = "jds-test/tiny"


@pytest.fixture
def specification(application):
    """The directory of the specification that a test has installed for its user."""
    data = application.environment["JUPYTER_DATA_DIR"]
    return Path(data) / "kernels" / "docker_python"


def test_all_is_well(check, install, kernel_image, engine):
    install("--user", f"--image-name={kernel_image}")
    lines = check()
    assert not faults(lines), lines
    for words in [
        ("gateway_provisioners 0.5.0",),
        ("`jupyter-docker-spec` is",),
        ("version ", "API"),
        ("the launcher is native",),
        ("the network `bridge`",),
        (f"the engine has the image `{kernel_image}`",),
        ("the image has what starts the kernel",),
        ("containers on the network `bridge` reach 192.0.2.1",),
        ("the image has ipykernel",),
    ]:
        has(lines, "ok", *words)
    # What was made for looking has gone.
    wait_for(lambda: not engine.docker("ps", "--all", "--quiet"), "a container is left")


def test_launch(check, install, kernel_image, engine):
    install("--user", f"--image-name={kernel_image}")
    lines = check("docker_python", "--launch")
    assert not faults(lines), lines
    has(lines, "ok", "the kernel told", "that it runs, from")
    has(lines, "ok", "its ports are reached")
    has(lines, "ok", "nothing is left of the kernel")
    assert not engine.docker("ps", "--all", "--quiet")


def test_launch_for_enterprise_gateway(check, install, kernel_image, eg_env):
    install("--user", "--gateway=enterprise-gateway", f"--image-name={kernel_image}")
    path = f"{eg_env / 'bin'}:/usr/bin:/bin"
    # As the gateway, which does not hand it on.
    lines = check("docker_python", "--launch", PATH=path, status=1)
    has(lines, "warning", "does not pass DOCKER_HOST on", "EG_INHERITED_ENVS")
    has(lines, "error", "the kernel could not be started", "/var/run/docker.sock")
    lines = check("docker_python", "--launch", PATH=path, EG_INHERITED_ENVS="DOCKER_HOST")
    has(lines, "ok", "jupyter_enterprise_gateway 3.3.0 is there for jupyter-enterprisegateway")
    has(lines, "ok", "the network `bridge` (EG_DOCKER_NETWORK, which is not set here)")
    has(lines, "ok", "that it runs")
    has(lines, "ok", "nothing is left of the kernel")


def test_launch_in_a_swarm(check, install, kernel_image, swarm):
    network = swarm.network("jds-test-kernels", "--driver=overlay", "--attachable")
    install("--user", "--swarm", f"--image-name={kernel_image}")
    lines = check("docker_python", "--launch", GP_DOCKER_NETWORK=network)
    assert not faults(lines), lines
    has(lines, "ok", "the engine is a manager of a Swarm")
    has(lines, "ok", "the kernel told", "that it runs, from")
    assert not swarm.docker("service", "ls", "--quiet")


def test_launch_of_a_kernel_that_dies(check, install, engine, kernel_image):
    dying = engine.image("jds-test/dying", "CMD echo no kernel here; exit 3")
    install("--user", f"--image-name={dying}")
    lines = check("docker_python", "--launch", status=1)
    has(lines, "error", "the kernel could not be started", "no kernel here")
    has(lines, "ok", "nothing is left of the kernel")


def test_images(check, install, engine, kernel_image):
    install("--user", f"--image-name={TINY}")
    has(check(status=1), "error", f"the image `{TINY}` has no", "bootstrap-kernel.sh")
    install("--user", "--replace", "--image-name=jds-test/missing")
    has(check(status=1), "error", "does not have the image `jds-test/missing`")
    install("--user", "--language=R", "--kernel-name=r", f"--image-name={kernel_image}")
    has(check("r", status=1), "error", "has no /usr/local/bin/kernel-launchers/R")
    silent = engine.image("jds-test/silent", 'CMD ["sleep", "60"]')
    engine.docker("build", "--quiet", "--tag", silent, "-",
                  stdin=f'FROM {kernel_image}\nLABEL jds-test=1\nCMD ["sleep", "60"]\n')
    install("--user", "--replace", f"--image-name={silent}")
    has(check("docker_python", status=1), "error", "does not run bootstrap-kernel.sh")


# An image each that lacks one thing, how that is made, and what is said of it.
REMOVE = "RUN Rscript -e 'unlink(find.package(\"{}\"), recursive = TRUE)'"
PYTHON_WITH = "/opt/kernel/bin/python -W ignore -c"
JARS = "/usr/local/bin/kernel-launchers/scala/lib"
INCOMPLETE = [
    (PYTHON, "no-ipykernel", "RUN pip uninstall --yes --quiet ipykernel", "pip install ipykernel"),
    (PYTHON, "no-python", "ENV PATH=/usr/sbin", "no Python as `python`"),
    (R, "no-irkernel", REMOVE.format("IRkernel"), "no R package `IRkernel`"),
    (R, "no-pbdzmq", REMOVE.format("pbdZMQ"), "no R package `IRkernel` that works"),
    (R, "no-imp", f"RUN rm $({PYTHON_WITH} 'import imp; print(imp.__file__)')", "pip install zombie-imp"),
    (SCALA, "no-toree", f"RUN rm {JARS}/toree-assembly-*", "pip install apache_toree"),
    (SCALA, "no-spark", "ENV SPARK_HOME=/opt/none", "no `/opt/none/bin/spark-submit`"),
    (SCALA, "no-java", "ENV JAVA_HOME=/opt/none", "no Java as `/opt/none/bin/java`"),
]


@pytest.mark.parametrize("language", [PYTHON, R, SCALA], ids=str)
def test_images_without_the_kernel_are_told_from_good_ones(check, install, engine, language):
    install("--user", *language.install)
    good = check()
    assert not faults(good), good
    kernel = {"Python": "ipykernel", "R": "IRkernel", "Scala": "Toree and Spark"}[language.name]
    has(good, "ok", f"the image has {kernel}")

    expected = {}
    for of, name, line, message in INCOMPLETE:
        if of is language:
            image = engine.image(f"jds-test/{name}", line, base=language.image)
            install("--user", f"--kernel-name={name}", f"--language={of.name}", f"--image-name={image}")
            expected[image] = message
    lines = faults(check(*(image.removeprefix("jds-test/") for image in expected), status=1))
    assert len(lines) == len(expected), lines
    for image, message in expected.items():
        has(lines, "error", f"the image `{image}` has no ", message)
    # Whatever was run for looking is gone.
    assert not engine.docker("ps", "--all", "--quiet")


# An image each whose bootstrap is there and does not run, how that is made, and what is said of it.
UNABLE = [
    ("crlf", rf"RUN sed -i 's/$/\r/' {BOOTSTRAP}", "with line ends of Windows"),
    ("mode", f"RUN chmod 0644 {BOOTSTRAP}", "may not run"),
    ("of-root", f"RUN chmod 0700 {BOOTSTRAP}", "may not run"),
    ("interpreter", rf"RUN sed -i '1s,.*,#!/usr/local/bin/bash,' {BOOTSTRAP}", "`#!/usr/local/bin/bash`"),
    ("env", rf"RUN sed -i '1s,.*,#!/usr/bin/env bash5,' {BOOTSTRAP}", "`#!/usr/bin/env bash5`"),
    ("no-line", rf"RUN sed -i '1d' {BOOTSTRAP}", "without #!/bin/bash in its first line"),
    ("no-command", "ENTRYPOINT []\nCMD []", "it has no command"),
    ("no-bash", "USER root\nRUN rm -f /bin/bash /usr/bin/bash", "has no /bin/bash"),
]


@pytest.mark.parametrize(("name", "line", "message"), UNABLE, ids=[name for name, *_ in UNABLE])
def test_a_bootstrap_that_is_there_and_does_not_run(check, install, engine, name, line, message):
    image = engine.image(f"jds-test/unable-{name}", "USER root\n" + line, base=PYTHON.image)
    install("--user", f"--image-name={image}")
    lines = check(status=1)
    has(lines, "error", message)
    assert not any("has what starts the kernel" in line for line in lines), lines
    assert not engine.docker("ps", "--all", "--quiet")


def test_another_platform(check, install, engine, place):
    image = engine.image("jds-test/arm")
    of_platform(engine, place, image, "arm64")
    install("--user", f"--image-name={image}")
    has(check(status=1), "error", "is for linux/arm64, and the engine's host is linux/amd64")


def test_what_the_file_asks_of_the_host_is_said_at_once(check, install, specification, engine, kernel_image):
    install("--user", f"--image-name={kernel_image}")
    (specification / "scripts/launch_docker.toml").write_text("""
        volumes = ["/srv/none/{username}:/a", "/srv/other:/b:ro", "home-{username}:/home", "/srv:/c", "/${UID}:/d"]
        environment = ["A=${B}"]
        env_file = "none.env"
        networks = ["jds-none"]
        runtime = "none"
        mem_limits = "1g"
    """)
    lines = check(status=1, GP_DOCKER_NETWORK="jds-missing")
    for words in [
        ("`/srv/none/alice`", "not on the engine's host"),
        ("`/srv/other`", "not on the engine's host"),
        ("launch_docker.toml:2:", "needs the variable UID"),
        ("launch_docker.toml:3:", "needs the variable B"),
        ("launch_docker.toml:4:", "`env_file`", "cannot be read"),
        ("`jds-none` (launch_docker.toml) does not exist",),
        ("`jds-missing` (GP_DOCKER_NETWORK) does not exist",),
        ("unknown key `mem_limits`",),
    ]:
        has(lines, "error", *words)
    assert not engine.docker("ps", "--all", "--quiet")
    assert not engine.docker("volume", "ls", "--quiet")
    (specification / "scripts/launch_docker.toml").write_text('runtime = "none"\n')
    has(check(status=1), "error", "the engine refuses to create the kernel's container", "runtime")


def test_a_launch_is_the_users_and_leaves_no_volume(check, install, engine, kernel_image):
    install("--user", f"--image-name={kernel_image}", "--volume=home-{username}:/home/jovyan/work")
    engine.docker("volume", "create", "home-ann")
    try:
        lines = check("docker_python", "--launch")
        assert not faults(lines), lines
        has(lines, "ok", "a kernel is started for `alice` (KERNEL_USERNAME)")
        assert engine.docker("volume", "ls", "--quiet").split() == ["home-ann"]
        # What was there before is the user's.
        assert not faults(check("docker_python", "--launch", KERNEL_USERNAME="ann"))
        assert engine.docker("volume", "ls", "--quiet").split() == ["home-ann"]
    finally:
        engine.docker("volume", "rm", "home-ann")


def test_no_kernel_is_started_for_root(check, install, engine, kernel_image):
    install("--user", f"--image-name={kernel_image}")
    for words in [(), ("--launch",)]:
        lines = check("docker_python", *words, status=1, KERNEL_USERNAME="root")
        has(lines, "error", "the server starts no kernel for `root` (KERNEL_USERNAME)", "unauthorized")
        assert not any("that it runs" in line for line in lines), lines
    assert not faults(check(KERNEL_USERNAME="root", GP_UNAUTHORIZED_USERS="eve"))


def test_a_volume_may_bring_what_the_image_lacks(check, install, engine):
    image = engine.image("jds-test/no-irkernel", REMOVE.format("IRkernel"), base=R.image)
    volume = "--volume=/srv:/usr/local/lib/R/site-library:ro"
    install("--user", "--language=R", f"--image-name={image}", volume)
    has(check(), "warning", "no R package `IRkernel`", "unless one of the kernel's volumes has it")


def test_what_runs_before_the_bootstrap_runs_before_the_look(check, install, engine):
    """As in images whose entry point activates an environment; the command is a shell's."""
    image = engine.image(
        "jds-test/entry",
        r"""RUN printf '#!/bin/bash\nexport PATH=/opt/kernel/bin:/usr/bin:/bin\nexec "$@"' > /entry""",
        "RUN chmod 0755 /entry",
        "ENV PATH=/usr/sbin",
        'ENTRYPOINT ["/entry"]',
        "CMD /usr/local/bin/bootstrap-kernel.sh",
        base=PYTHON.image,
    )
    install("--user", f"--image-name={image}")
    lines = check()
    assert not faults(lines), lines
    has(lines, "ok", "the image has ipykernel")


def test_a_look_that_does_not_end_is_ended(check, install, engine):
    line = r"RUN printf '#!/bin/sh\necho hanging >&2\nsleep 600' > /opt/kernel/bin/python"
    image = engine.image("jds-test/hanging", line, base=PYTHON.image)
    install("--user", f"--image-name={image}")
    has(check(), "warning", "could not look for ipykernel", "did not finish", "hanging")
    assert not engine.docker("ps", "--all", "--quiet")


def test_networks(check, install, engine, kernel_image):
    install("--user", f"--image-name={kernel_image}")
    has(check(status=1, GP_DOCKER_NETWORK="jds-none"), "error", "`jds-none`", "does not exist")
    has(check(status=1, GP_DOCKER_NETWORK="host"), "error", "`host`", "no address of its own")
    has(check(status=1, GP_DOCKER_NETWORK="default"), "error", "name `bridge` there")
    # What the engine takes for a network is none to the server, which looks for it by name.
    network = engine.network("jds-test-kernels")
    (identity,) = engine.docker("network", "ls", "--quiet", "--no-trunc", "--filter=name=jds-test-kernels").split()
    assert not faults(check(GP_DOCKER_NETWORK=network))
    for alias in (identity, identity[:12]):
        has(check(status=1, GP_DOCKER_NETWORK=alias), "error", f"name `{network}` there")
    has(check(status=1, DOCKER_NETWORK=network), "error", f"start kernels on the network `{network}`", "`bridge`")
    # A server that is told nothing takes another's for nothing too.
    has(check(EG_DOCKER_NETWORK=network), "ok", "the network `bridge` (GP_DOCKER_NETWORK, which is not set here)")


def test_two_networks_of_one_name(check, install, engine, kernel_image):
    """Which only the API makes: the client looks before."""
    install("--user", f"--image-name={kernel_image}")
    name = engine.network("jds-test-twice")
    create = ["curl", "-fsS", "--unix-socket", str(engine.socket), "-H", "Content-Type: application/json"]
    create += ["-d", json.dumps({"Name": name}), "http://d/v1.41/networks/create"]
    second = json.loads(subprocess.run(create, check=True, capture_output=True).stdout)["Id"]
    try:
        has(check(status=1, GP_DOCKER_NETWORK=name), "error", f"`{name}`", "is ambiguous")
    finally:
        engine.docker("network", "rm", second)


def test_the_address_for_answers(check, install, engine, kernel_image):
    install("--user", f"--image-name={kernel_image}")
    lines = check(GP_RESPONSE_IP="127.0.0.1", status=1)
    has(lines, "error", "does not reach 127.0.0.1", "(Connection refused)", "GP_RESPONSE_IP")
    has(check(GP_RESPONSE_IP="198.51.100.7"), "warning", "198.51.100.7 cannot be told")
    rule = ["INPUT", "-i", "docker0", "-p", "tcp", "--syn", "-j", "DROP"]
    subprocess.run(["iptables", "--insert", *rule], check=True)
    try:
        has(check(status=1), "error", "does not reach 192.0.2.1", "(no answer within 20 s)", "firewall")
    finally:
        subprocess.run(["iptables", "--delete", *rule], check=True)
    wait_for(lambda: not engine.docker("ps", "--all", "--quiet"), "a container is left")


def test_swarm(check, install, swarm, kernel_image):
    install("--user", "--swarm", f"--image-name={kernel_image}")
    has(check(status=1), "error", "`bridge`", "on one node only")
    local = swarm.network("jds-test-local")
    has(check(status=1, GP_DOCKER_NETWORK=local), "error", "does not span the Swarm")
    network = swarm.network("jds-test-kernels", "--driver=overlay")
    assert not faults(check(GP_DOCKER_NETWORK=network))
    install("--user", "--kernel-name=plain", f"--image-name={kernel_image}")
    lines = check("plain", status=1, GP_DOCKER_NETWORK=network)
    has(lines, "error", "containers cannot be attached", "--attachable")


def test_no_swarm(check, install, engine, kernel_image):
    install("--user", "--swarm", f"--image-name={kernel_image}")
    has(check(status=1), "error", "in no Swarm", "docker swarm init")


def test_engines(check, install, engine, place, kernel_image):
    install("--user", f"--image-name={kernel_image}")
    nowhere = f"unix://{place}/none.sock"
    has(check(status=1, DOCKER_HOST=nowhere), "error", "found no Docker Engine")


def test_specifications(check, install, specification, kernel_image, binaries):
    def again():
        install("--user", "--replace", f"--image-name={kernel_image}")

    again()
    launcher = specification / "scripts/launch_docker"
    launcher.chmod(0o644)
    has(check(status=1), "error", "is not executable")
    again()
    program = bytearray(launcher.read_bytes())
    program[18:20] = (183).to_bytes(2, "little")
    launcher.write_bytes(program)
    has(check(status=1), "error", "the launcher is for aarch64")
    again()
    (specification / "kernel.json").write_text("{")
    has(check(status=1), "error", "could not understand")
    again()
    moved = specification.with_name("moved")
    shutil.copytree(specification, moved)
    shutil.rmtree(specification)
    has(check("moved", status=1), "error", "kernel.json runs", "not part of it")
    shutil.rmtree(moved)
    again()
    (specification / "logo-64x64.png").unlink()
    has(check(), "warning", "logo-64x64.png")
    again()
    (specification / "scripts/launch_docker.toml").write_text("\nmem_limit = 'x'\n")
    has(check(status=1), "error", "launch_docker.toml:2:13", "`mem_limit`")


def test_users(check, install, kernel_image):
    install("--user", f"--image-name={kernel_image}", "--authorized-users=ann", "--unauthorized-users=ann")
    has(check(), "warning", "`ann` is both")
    has(check(), "warning", "no kernel for `alice` (KERNEL_USERNAME)", "not an authorized user")
    has(check(status=1, KERNEL_USERNAME="ann"), "error", "no kernel for `ann`", "unauthorized")
    lines = check(status=1, KERNEL_UID="0", KERNEL_GID="0")
    has(lines, "error", "KERNEL_UID of 0 is prohibited")
    has(lines, "error", "KERNEL_GID of 0 is prohibited")


def test_jupyter(check, install, kernel_image, place, gp_env, binaries):
    install("--user", f"--image-name={kernel_image}")
    empty = place / "empty"
    empty.mkdir()
    (empty / "jupyter-server").write_text("#!/usr/bin/python3\n")
    lines = check(status=1, PATH=f"{binaries}:{empty}:/usr/bin:/bin")
    has(lines, "error", "cannot import gateway_provisioners", "pip install")
    has(check(PATH=f"{binaries}:/usr/bin:/bin"), "warning", "on PATH")
    # The Python tool is before ours.
    lines = check(PATH=f"{gp_env / 'bin'}:{binaries}:/usr/bin:/bin")
    has(lines, "warning", "`jupyter-docker-spec` on PATH is the Python tool")
    has(lines, "warning", "`jupyter docker-spec` is the Python tool")


def test_for_people(install, application, binaries, kernel_image, engine, gp_env):
    install("--user", f"--image-name={kernel_image}")
    path = f"{binaries}:{gp_env / 'bin'}:{os.environ['PATH']}"
    host = Application(application.python, application.environment | {"PATH": path, "KERNEL_USERNAME": "alice"})
    done = host.run(binaries / "jupyter-docker-spec", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Jupyter" and "Docker Engine" in lines
    assert lines[-1].startswith("0 errors, ")
    done = host.run(binaries / "jupyter-docker-spec", "check", "none", "docker_python", "nothing")
    assert done.returncode == 1 and "2 errors" in done.stdout, done.stdout
    assert "there is no kernelspec `none`" in done.stdout and "has ipykernel" in done.stdout
