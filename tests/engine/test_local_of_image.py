"""What `install --local` takes from images, and adds to them."""

import json
import os
import signal

import pytest

from bed.kernels import BASH_LINES
from bed.patience import wait_for
from bed.shelf import LAYERS

PLAIN = "jds-test/plain"
BARE = "jds-test/bare"

# As the images of docker-stacks: conda's Python, and kernels in several languages.
CONDA = "/opt/conda/share/jupyter/kernels"
STACKS = [
    "RUN mv /opt/kernel /opt/conda && sed -i 's:/opt/kernel:/opt/conda:' /opt/conda/bin/* /opt/conda/pyvenv.cfg",
    "RUN useradd --uid 1000 --gid 100 --create-home jovyan",
    "ENV PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/jovyan",
    "USER 1000",
]

# Packages come from the image, as there is no network.
OFFLINE = ("--build-arg=PIP_NO_INDEX=1", "--build-arg=PIP_FIND_LINKS=/wheels")
NETWORK = "--build-network=none"


def kernel_json(local, name):
    return json.loads((local.specification(name) / "kernel.json").read_text())


def options(local, name):
    return (local.specification(name) / "scripts" / "launch_docker.toml").read_text()


def assert_nothing_left(engine):
    assert engine.ask("/containers/json", all=True) == []
    assert engine.ask("/volumes")["Volumes"] in (None, [])


def test_the_python_of_an_image_like_those_of_docker_stacks(engine, local):
    julia = {"argv": ["/opt/julia/bin/julia", "{connection_file}"], "display_name": "Julia 1.10", "language": "julia"}
    image = engine.image(
        "jds-test/stacks",
        *STACKS[:1],
        f"RUN mkdir {CONDA}/julia-1.10 && echo '{json.dumps(julia)}' > {CONDA}/julia-1.10/kernel.json",
        *STACKS[1:],
        "VOLUME /home/jovyan",
        base=PLAIN,
    )
    refused = local.tool("install", "--local", "--user", f"--image-name={image}", "--image-kernelspec", status=1)
    assert "`julia-1.10` (Julia 1.10), `python3` (Python 3 (ipykernel))" in refused.stderr
    assert_nothing_left(engine)
    local.install(image, "--image-kernelspec=python3")
    assert_nothing_left(engine)
    found = kernel_json(local, "k")
    assert found["display_name"] == "Python 3 (ipykernel)"
    assert found["metadata"]["debugger"] is True
    assert 'command = ["/opt/conda/bin/python' in options(local, "k")
    files = {path.name for path in local.specification("k").iterdir()}
    assert {"logo-32x32.png", "logo-64x64.png"} <= files
    assert "logo-svg.svg" not in files
    assert local.ask("[os.sys.prefix, os.getuid()]") == ["/opt/conda", 1234]
    # Nobody has to be able to run one that is only taken.
    local.install(image, "--image-kernelspec=julia-1.10", name="julia")
    assert kernel_json(local, "julia")["language"] == "julia"


def test_a_kernel_in_another_language(engine, local):
    image = engine.image("jds-test/shell", *BASH_LINES, base=BARE)
    local.install(image, "--image-kernelspec=bash")
    found = kernel_json(local, "k")
    assert (found["language"], found["display_name"]) == ("bash", "Bash")
    # Its prompt, which is no variable.
    assert '"PS1=$$"' in options(local, "k")
    assert local.execute("echo $((6 * 7))") == ["42\n"]
    # The same by its name and command.
    command = "--kernel-command=python3 -m bash_kernel -f {connection_file}"
    local.tool("install", "--local", "--user", f"--image-name={image}", "--language=Bash", command)
    assert kernel_json(local, "docker_bash")["display_name"] == "Docker Bash"
    assert local.execute("echo $((6 * 7))", kernel="docker_bash") == ["42\n"]


def test_one_of_a_users_home_by_a_link(engine, local):
    image = engine.image(
        "jds-test/home",
        "RUN useradd --uid 1000 --create-home ann && mkdir -p /home/ann/.local/share/jupyter/kernels",
        "RUN mv /opt/kernel/share/jupyter/kernels/python3 /srv/python && rm -r /opt/kernel/share",
        "RUN ln -s ../../../../../../srv/python /home/ann/.local/share/jupyter/kernels/linked",
        "RUN cd /home/ann/.local/share/jupyter/kernels && ln -s loop loop && ln -s /etc etc",
        "RUN touch /usr/share/jupyter",
        "USER ann",
        base=PLAIN,
    )
    local.install(image, "--image-kernelspec")
    assert local.ask("6*7") == 42


def built(local, engine, image, *options, status=0, network=NETWORK):
    words = ["install", "--local", "--user", "--kernel-name=k", f"--image-name={image}", "--add-kernel"]
    done = local.tool(*words, *OFFLINE, network, *options, status=status)
    assert "\x1b" not in done.stderr
    assert_nothing_left(engine)
    return done


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # The Python of a distribution, which pip leaves alone by itself.
        ([], "/usr/bin/python3"),
        (["USER jovyan"], "/usr/bin/python3"),
        # One without pip, which has ensurepip.
        (["RUN python3 -m venv --without-pip /opt/own", "ENV PATH=/opt/own/bin:$PATH"], "/opt/own/bin/python"),
        # One with neither, whose distribution has a package.
        (["RUN rm -r /usr/lib/python3/dist-packages/pip* /usr/lib/python3.*/ensurepip"], "/usr/bin/python3"),
    ],
    ids=["pip", "user", "ensurepip", "apt"],
)
def test_a_kernel_for_an_image_without(engine, local, lines, expected):
    image = engine.image(
        "jds-test/without:1",
        # What the image has can be imported, and is not replaced.
        "RUN echo x = 42 > /usr/lib/python3/dist-packages/own.py",
        *lines,
        base=BARE,
    )
    done = built(local, engine, image)
    assert f"Building the image {image}-ipykernel of this Dockerfile:\n    FROM {image}\n" in done.stderr
    assert f"Built the image {image}-ipykernel" in done.stderr
    user = "jovyan" if "USER jovyan" in lines else ""
    assert engine.inspect(f"{image}-ipykernel")["Config"]["User"] == user
    assert local.ask("os.sys.executable") == expected
    if expected == "/usr/bin/python3":
        assert local.ask("__import__('own').x") == 42
    # It has one now, and nothing is built on it.
    again = local.tool(
        *("install", "--local", "--user", "--kernel-name=again", f"--image-name={image}-ipykernel", "--add-kernel")
    )
    assert f"Adding nothing to the image {image}-ipykernel" in again.stderr
    assert local.ask("6*7", kernel="again") == 42


def test_a_kernel_in_r(engine, local):
    image = engine.image("jds-test/without:2", "USER 1000", base=BARE)
    built(local, engine, image, "--language=R", "--container-user=image")
    assert local.execute("cat(6 * 7)") == ["42"]


@pytest.mark.parametrize(
    ("option", "network", "reason"),
    [
        ("--build-arg=PIP_FIND_LINKS=/none", NETWORK, "No matching distribution found for ipykernel"),
        ("--build-arg=A=1", "--build-network=nothing-of-this-name", "nothing-of-this-name"),
    ],
    ids=["package", "network"],
)
def test_a_build_that_fails(engine, local, option, network, reason):
    image = engine.image("jds-test/without:3", base=BARE)
    done = built(local, engine, image, option, status=1, network=network)
    assert reason in done.stderr.rsplit("[E ", 1)[1]
    assert not local.specification("k").exists()
    assert not engine.has_image(f"{image}-ipykernel")


def test_r_without_a_repository(engine, local):
    image = engine.image("jds-test/without:4", "RUN ln -s /usr/bin/R /usr/local/bin/R", base=BARE)
    done = built(local, engine, image, "--language=R", status=1)
    assert "IRkernel" in done.stderr.rsplit("[E ", 1)[1]


def test_an_interrupted_build(engine, local):
    """The engine ends it with the connection."""
    stuck = "RUN printf '#!/bin/sh\\nexec sleep 600\\n' > /usr/local/bin/python && chmod 755 /usr/local/bin/python"
    image = engine.image("jds-test/without:5", stuck, base=BARE)
    words = ["install", "--local", "--user", "--kernel-name=k", f"--image-name={image}", "--add-kernel"]
    output = local.directory / "log"
    with output.open("w") as log:
        process = local.begin(local.binaries / "jupyter-docker-spec", *words, output=log)
    try:
        wait_for(lambda: engine.ask("/containers/json"), lambda: f"no step runs: {output.read_text()}")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT, output.read_text()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert "interrupted: nothing was installed" in output.read_text()
    wait_for(lambda: not engine.ask("/containers/json", all=True), "the step of the build is left")
    assert not local.specification("k").exists()


def test_check_proposes_to_add_a_kernel(engine, local):
    image = engine.image("jds-test/without:6", base=BARE)
    local.install(image)
    done = local.tool("check", "k", "--launch", status=1)
    (advice,) = [line for line in done.stdout.splitlines() if "--add-kernel" in line]
    command = advice.split("`")[-2]
    assert command.startswith("jupyter-docker-spec install "), advice
    environment = {"PATH": f"{local.binaries}:{os.environ['PATH']}"}
    repaired = local.run("sh", "-c", " ".join([command, *OFFLINE, NETWORK]), **environment)
    assert repaired.returncode == 0, repaired.stderr
    assert local.ask("6*7") == 42


def test_one_that_the_engine_does_not_have(engine, local):
    refused = local.tool(
        *("install", "--local", "--user", "--image-name=registry.invalid/none:1", "--image-kernelspec"), status=1
    )
    assert "the image `registry.invalid/none:1` is not on the engine and could not be pulled" in refused.stderr
    assert not list(local.specification("k").parent.glob("*"))


def test_one_that_is_pulled_for_it(engine, local, shelf, serve):
    """With progress, and with nothing of it run."""
    kernel = {"argv": ["/run", "{connection_file}"], "display_name": "Own", "language": "own"}
    directory = "/usr/local/share/jupyter/kernels/own"
    write = f"RUN mkdir -p {directory} && echo '{json.dumps(kernel)}' > {directory}/kernel.json"
    shelf.put("team/own:1", write, *LAYERS, 'ENTRYPOINT ["/nothing"]')
    image = f"{serve().host}/team/own:1"
    done = local.install(image, "--image-kernelspec")
    assert f"Pulling the image {image}" in done.stderr
    assert kernel_json(local, "k")["display_name"] == "Own"
    assert_nothing_left(engine)
