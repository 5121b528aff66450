"""What a user sees of our kernels in JupyterLab, in a real browser."""

import subprocess
import urllib.request
from pathlib import Path

import pytest

from bed.browser import jupyterlab
from bed.engine import KERNEL
from bed.patience import wait_for
from bed.reporting import site_packages

ROOT = Path(__file__).parents[2]
LAB = ROOT / ".test" / "venv" / "lab" / "bin"
KERNELS = {
    "Docker Python": (),
    "Docker R": ("--language=R",),
    "Docker Scala": ("--language=Scala",),
    "Python in the Swarm": ("--swarm", "--kernel-name=swarm", "--display-name=Python in the Swarm"),
}
LOGOS = {
    "Docker Python": "python/docker",
    "Docker R": "r/docker",
    "Docker Scala": "scala/docker",
    "Python in the Swarm": "python/swarm",
}
MISSING = "127.0.0.1:1/jds-test/none:1"


@pytest.fixture
def lab(engine, place, jupyter, install, kernel_image):
    """The address and the log of a JupyterLab with our specifications."""
    environment = jupyter | {
        "PATH": f"{LAB}:/usr/bin:/bin", "DOCKER_HOST": engine.address, "KERNEL_USERNAME": "ann",
        "PYTHONPATH": str(site_packages(place / "site")),
    }  # fmt: skip
    for options in KERNELS.values():
        install("--user", f"--image-name={kernel_image}", *options)
    work, log = place / "work", place / "lab.log"
    work.mkdir()

    def begin(*words):
        return subprocess.Popen(
            [LAB / "jupyter-lab", *words],
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    with jupyterlab(begin, place / "config", log) as address:
        yield address, log


@pytest.mark.parametrize("scale", [1, 2])
def test_the_launcher_page_shows_a_logo_for_each(lab, browse, scale):
    browser = browse(scale)
    browser.open(lab[0])
    for name, logo in LOGOS.items():
        card = f'.jp-LauncherCard[data-category="Notebook"][title="{name}"]'
        browser.see(card)
        (image,) = browser.all(f"{card} img")
        wait_for(lambda image=image: image.get_property("naturalWidth"), f"no logo of {name}")
        with urllib.request.urlopen(image.get_property("src"), timeout=60) as response:
            assert response.read() == (ROOT / "templates" / logo / "logo-svg.svg").read_bytes(), name
    browser.picture(f"launcher-{scale}x")


def containers(engine):
    return engine.docker("ps", "--quiet", f"--filter=label={KERNEL}")


def test_a_notebook_computes_is_interrupted_and_restarted(lab, browse, engine):
    browser = browse()
    browser.open(lab[0])
    browser.start("Docker Python")
    browser.see('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    browser.run_first("answer = 6*7; print('it is', answer)", "it is 42")
    browser.run("while True: pass")
    browser.see('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    browser.press("interrupt")
    browser.see(".jp-OutputArea-output", "KeyboardInterrupt")
    browser.picture("notebook")
    before = containers(engine)
    browser.press("restart")
    browser.see(".jp-Dialog .jp-mod-accept").click()
    wait_for(lambda: containers(engine) not in ("", before), "no new kernel")
    browser.see('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    browser.run("print('answer' in dir())")
    browser.see(".jp-OutputArea-output", "False")


def test_a_launch_that_fails_is_told(lab, browse, install):
    address, log = lab
    install("--user", f"--image-name={MISSING}", "--kernel-name=none", "--display-name=No image")
    browser = browse()
    browser.open(address)
    browser.start("No image")
    browser.see(".jp-Dialog", "Error Starting Kernel")
    browser.picture("failed")
    assert "could not be pulled" in log.read_text()


def test_a_launch_that_fails_shows_its_reason(lab, browse, install):
    address, log = lab
    options = (f"--image-name={MISSING}", "--kernel-name=none", "--display-name=No image")
    install("--user", "--show-launch-errors", *options)
    browser = browse()
    browser.open(address)
    browser.start("No image")
    browser.see(".jp-Dialog", "Error Starting Kernel")
    browser.see(".jp-Dialog", f"the image `{MISSING}` is not on the engine and could not be pulled")
    browser.picture("reason")
    assert "could not be pulled" in log.read_text()
