"""What a user sees of our kernels in JupyterLab, in a real browser.

The pictures are kept in `.test/screenshots`, to be looked at.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bed.engine import KERNEL
from bed.patience import PATIENCE, end, wait_for
from bed.reporting import site_packages

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".test" / "screenshots"
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
# Nothing but the server is to be asked for anything.
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture
def lab(engine, place, jupyter, install, kernel_image):
    """The address and the log of a JupyterLab with our specifications."""
    environment = jupyter | {
        "PATH": f"{LAB}:/usr/bin:/bin", "DOCKER_HOST": engine.address, "KERNEL_USERNAME": "ann",
        "PYTHONPATH": str(site_packages(place / "site")),
    }  # fmt: skip
    # JupyterLab would ask for its news, and whether it may.
    settings = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (place / "config" / "labconfig").mkdir()
    (place / "config" / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(settings))
    for options in KERNELS.values():
        install("--user", f"--image-name={kernel_image}", *options)
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    work, log = place / "work", place / "lab.log"
    work.mkdir()
    words = [
        "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--IdentityProvider.token=", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    process = subprocess.Popen(
        [LAB / "jupyter-lab", *words],
        env=environment,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def listens():
        assert process.poll() is None, log.read_text()
        with contextlib.closing(socket.socket()) as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(listens, "JupyterLab does not listen")
        yield f"http://127.0.0.1:{port}/lab", log
    finally:
        end(process)


class Browser:
    """A Chromium with a profile of its own."""

    def __init__(self, place, scale):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
        profile = place / f"profile-{scale}"
        for word in (*QUIET, "--window-size=1100,760", f"--force-device-scale-factor={scale}"):
            options.add_argument(word)
        options.add_argument(f"--user-data-dir={profile}")
        service = webdriver.ChromeService(shutil.which("chromedriver"), env=os.environ | {"HOME": str(place)})
        self.driver = webdriver.Chrome(options, service)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def see(self, selector, text="", seconds=PATIENCE):
        """Waits for an element that is shown and has this text in it."""
        found = []

        def there():
            with contextlib.suppress(StaleElementReferenceException):
                found[:] = [e for e in self.all(selector) if e.is_displayed() and text in e.text]
            return found

        wait_for(there, lambda: f"no {text!r} in {selector}: {self.picture('missing')}", seconds)
        return found[-1]

    def picture(self, name):
        PICTURES.mkdir(exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def open(self, address):
        """The launcher page."""
        self.driver.get(address)
        self.see('.jp-LauncherCard[title="Docker Python"]')

    def start(self, name):
        self.see(f'.jp-LauncherCard[data-category="Notebook"][title="{name}"]').click()

    def run(self, code):
        """Types code into the last cell, and has it run."""
        self.see(".jp-Notebook .jp-Cell:last-of-type .cm-content").click()
        keys = webdriver.ActionChains(self.driver)
        keys.send_keys(code).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    def run_first(self, code, output):
        """The same for the first cell, until its output comes: what is typed before JupyterLab is connected
        to the kernel may be lost, whatever it shows."""
        for attempt in range(6):
            self.run(code)
            with contextlib.suppress(AssertionError):
                return self.see(".jp-OutputArea-output", output, 15 + 5 * attempt)
        raise AssertionError(f"no {output!r}: {self.picture('missing')}")

    def press(self, item):
        self.see(f'[data-jp-item-name="{item}"]').click()


@pytest.fixture
def browse(place):
    running = []

    def start(scale=1):
        running.append(Browser(place, scale))
        return running[-1]

    yield start
    for browser in running:
        browser.driver.quit()


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
