"""`pull`, with a real registry."""

import json
import re
import time

import pytest

from bed import engines
from bed.credentials import TOKEN_WAYS, WAYS, add_helper, configure, tell
from bed.distribution import Line, TokenServer, assert_unsaid, passwords
from bed.proxy import Proxy
from bed.shelf import LAYERS

IMAGE = "team/kernel:1"
RECORD = re.compile(r"\[[IWE] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} DockerSpecInstaller\] \S")


@pytest.fixture
def home(application, place):
    return place / "home"


@pytest.fixture
def pull(application, binaries):
    """Runs `pull`. What it says is said in Jupyter's way, and tells no secret."""

    def run(*words, status=0, **environment):
        done = application.run(binaries / "jupyter-docker-spec", "pull", *words, **environment)
        assert done.returncode == status, done.stdout + done.stderr
        assert_unsaid(done.stdout, done.stderr)
        assert all(RECORD.match(line) for line in done.stderr.splitlines()), done.stderr
        assert not set("\x1b\r") & set(done.stdout + done.stderr), done.stderr
        return done

    return run


@pytest.fixture
def specification(install):
    """Installs a specification for an image."""

    def make(image, name="k", *options):
        install("--user", f"--kernel-name={name}", f"--image-name={image}", *options)

    return make


def said(done, *words):
    lines = done.stderr.splitlines()
    assert any(all(word in line for word in words) for line in lines), done.stderr


def test_pulled_and_up_to_date(engine, shelf, serve, specification, pull):
    digest = shelf.put(IMAGE, *LAYERS)
    registry = serve()
    image = f"{registry.host}/{IMAGE}"
    specification(image)
    [entry] = json.loads(pull("--json").stdout)
    path = entry.pop("path")
    assert path.endswith("/kernels/k")
    size = entry.pop("bytes")
    assert size > 3_000_000 if engines.chosen().tells_sizes else size is None
    id_ = engine.inspect(image)["Id"]
    expected = {"name": "k", "image": image, "platform": None, "status": "pulled"}
    expected |= {"reason": None, "digest": digest, "id": id_}
    assert entry == expected

    done = pull("k", "--json")
    [again] = json.loads(done.stdout)
    assert again == expected | {"status": "up-to-date", "bytes": 0, "path": path}
    said(done, "[I ", f"The image {image} of k is up to date")
    # The layers were not asked for again.
    assert registry.asked("/blobs/") == 4

    newer = shelf.put(IMAGE, *LAYERS)
    [entry] = json.loads(pull(path, "--json").stdout)
    assert entry["status"] == "pulled" and entry["digest"] == newer != digest


@pytest.mark.parametrize("way", WAYS)
def test_password(engine, shelf, serve, specification, pull, home, way):
    shelf.put(IMAGE, *LAYERS)
    registry = serve(passwords(shelf.directory))
    image = f"{registry.host}/{IMAGE}"
    specification(image)
    said(pull("k", **tell(way, home, registry.host)), "[I ", f"Pulled the image {image} of k")
    assert engine.has_image(image)


@pytest.mark.parametrize("way", ["auth", *TOKEN_WAYS])
def test_token(engine, shelf, serve, specification, pull, home, way):
    shelf.put(IMAGE, *LAYERS)
    with TokenServer(shelf.authority) as tokens:
        registry = serve(tokens.settings)
        image = f"{registry.host}/{IMAGE}"
        specification(image)
        pull("k", **tell(way, home, registry.host))
        assert set(tokens.given) == {"password" if way == "auth" else "identity token"}
    assert engine.has_image(image)


def test_no_password_and_a_wrong_one(engine, shelf, serve, specification, pull, home):
    shelf.put(IMAGE, *LAYERS)
    closed, opened = serve(passwords(shelf.directory)), serve()
    specification(f"{closed.host}/{IMAGE}", "closed")
    specification(f"{opened.host}/{IMAGE}", "opened")
    login = f"`docker login {closed.host}`"
    done = pull(status=1)
    said(done, "[E ", "closed could not be pulled", "there are no credentials", login)
    said(done, "[I ", "Pulled the image", "of opened")
    tell("auth", home, closed.host, password="wrong")
    said(pull("closed", status=1), "[E ", "they do not open it", login)
    assert not engine.has_image(f"{closed.host}/{IMAGE}")


def test_credentials_that_cannot_be_had(shelf, serve, specification, pull, home):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    specification(f"{registry.host}/{IMAGE}")
    configure(home, {"credsStore": "tests"})
    found = add_helper(home, "cat > /dev/null; echo the keyring is locked; exit 1")
    # The registry does not want any.
    done = pull("k", **found)
    said(done, "[W ", "Going on without credentials", "docker-credential-tests", "keyring is locked")
    said(done, "[I ", "Pulled the image")


def test_digests(engine, shelf, serve, specification, pull):
    digest = shelf.put(IMAGE, *LAYERS)
    # The tag is another image's now.
    shelf.put(IMAGE, "RUN echo newer > /data")
    registry = serve()
    specification(f"{registry.host}/team/kernel@{digest}", "a")
    specification(f"{registry.host}/{IMAGE}@{digest}", "b")
    first, second = json.loads(pull("a", "b", "--json").stdout)
    assert first["digest"] == second["digest"] == digest
    assert first["id"] == second["id"]
    assert sorted([first["status"], second["status"]]) in (["pulled", "pulled"], ["pulled", "up-to-date"])
    assert engine.inspect(f"{registry.host}/team/kernel@{digest}")["Id"] == first["id"]


def test_policies_and_each_image_once(engine, shelf, serve, specification, pull, place):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    image = f"{registry.host}/{IMAGE}"
    specification(image, "a")
    specification(image, "b", "--pull=always")
    specification(image, "c", "--pull=missing")
    specification(image, "d", "--pull=never")
    with Proxy(place / "proxy.sock", engine.socket) as proxy:
        done = pull("--json", DOCKER_HOST=proxy.address)
        pulls = [request for request in proxy.requests if "/images/create" in request]
    statuses = [entry["status"] for entry in json.loads(done.stdout)]
    assert statuses == ["pulled", "pulled", "pulled", "skipped"]
    assert len(pulls) == 1
    said(done, "Skipped the image", "of d", "`never`")
    before = len(registry.requests())
    said(pull("c", "d"), "Skipped the image", "of c", "the engine has it", "`missing`")
    assert len(registry.requests()) == before
    engine.docker("image", "rm", image)
    said(pull("d"), "Skipped the image", "of d")
    assert not engine.has_image(image)
    said(pull("c"), "Pulled the image", "of c")


def test_platform(engine, shelf, serve, specification, pull, place):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    specification(f"{registry.host}/{IMAGE}", "k", "--platform=linux/amd64")
    with Proxy(place / "proxy.sock", engine.socket) as proxy:
        [entry] = json.loads(pull("--json", DOCKER_HOST=proxy.address).stdout)
        assert any("platform=linux%2Famd64" in request for request in proxy.requests)
    assert (entry["status"], entry["platform"]) == ("pulled", "linux/amd64")


def test_swarm(shelf, serve, specification, pull):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    specification(f"{registry.host}/{IMAGE}", "k", "--swarm")
    done = pull("k")
    said(done, "For a Swarm (k)", "other nodes pull them by themselves")
    said(done, "Pulled the image")


def test_image_of_the_gateway(shelf, serve, specification, pull, application):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    specification("any", "k", "--gateway=enterprise-gateway")
    data = application.environment["JUPYTER_DATA_DIR"]
    application.run("sed", "-i", "s/\"image_name\": \"any\"/\"x\": 1/", f"{data}/kernels/k/kernel.json")
    done = pull("k", status=1)
    said(done, "[E ", "The image of k is not known", "EG_KERNEL_IMAGE")
    said(pull("k", EG_KERNEL_IMAGE=f"{registry.host}/{IMAGE}"), "Pulled the image", "of k")


def test_check_names_the_command(shelf, serve, specification, pull, application, binaries):
    shelf.put(IMAGE, *LAYERS)
    specification(f"{serve().host}/{IMAGE}")
    done = application.run(binaries / "jupyter-docker-spec", "check", "--json", "k")
    hint = re.search(r"it is pulled at .*; pull it with `jupyter-docker-spec (pull k)`", done.stdout)
    assert hint, done.stdout
    said(pull(*hint[1].split()[1:]), "Pulled the image")


def test_slow(engine, shelf, serve, specification, pull):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    with Line(registry, shelf.authority, speed=300_000) as line:
        image = f"{line.host}/{IMAGE}"
        specification(image)
        done = pull("k")
        line.mend()
        assert not pull("k", "--quiet").stderr
    amount = r", ([0-9.]+) of [0-9.+]+ MB" if engines.chosen().tells_sizes else ""
    progress = re.findall(rf"image \S+: (\d) of \d layers{amount}, (?:downloading|waiting)", done.stderr)
    # What an engine does not tell cannot be said, nor when.
    least = 0
    if engines.chosen().tells_sizes:
        least, progress = 2, [told for _, told in progress if float(told)]
    assert least <= len(progress) <= 10, done.stderr
    assert progress == sorted(progress, key=float)
    assert engine.has_image(image)


def test_broken_in_the_middle(engine, shelf, serve, specification, pull):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    with Line(registry, shelf.authority, breaks_after=1_500_000) as line:
        image = f"{line.host}/{IMAGE}"
        specification(image)
        done = pull("k", status=1)
        said(done, "[E ", f"The image {image} of k could not be pulled", "EOF")
        assert done.stderr.count("[E ") == 1
        assert not engine.has_image(image)
        line.mend()
        said(pull("k"), "Pulled the image")
    assert engine.has_image(image)


def test_registry_that_is_not_there(specification, pull):
    specification("192.0.2.1:1/team/kernel:1")
    said(pull("k", status=1), "[E ", "could not be pulled", "connection refused")


def test_terminated(engine, shelf, serve, specification, application, binaries):
    shelf.put(IMAGE, *LAYERS)
    registry = serve()
    with Line(registry, shelf.authority, speed=50_000) as line:
        image = f"{line.host}/{IMAGE}"
        specification(image)
        command = ["timeout", "--signal=TERM", "--preserve-status", "--kill-after=16", "4"]
        done = application.run(*command, binaries / "jupyter-docker-spec", "pull", "k")
        assert done.returncode == 143, done.stderr
        said(done, "[E ", "interrupted")
        line.mend()
        time.sleep(2)
    assert not engine.has_image(image)
