"""A real browser, and the JupyterLab that it is shown.

The pictures are kept in `.test/screenshots`, to be looked at.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bed.patience import PATIENCE, wait_for

PICTURES = Path(__file__).parents[2] / ".test" / "screenshots"
# Nothing but the server is to be asked for anything.
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip

# How many seconds it may take to end its kernels and itself.
ENDING = 60
# JupyterLab would ask for its news, and whether it may.
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


@contextlib.contextmanager
def jupyterlab(begin, configuration, log):
    """The address of a JupyterLab; `begin` starts it with these words, and it writes into this log."""
    (configuration / "labconfig").mkdir()
    (configuration / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = [
        "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--IdentityProvider.token=", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        # It would look for many, and its end would wait for that.
        "--LanguageServerManager.autodetect=False",
    ]  # fmt: skip
    process = begin(*words)

    def listens():
        assert process.poll() is None, log.read_text()
        with contextlib.closing(socket.socket()) as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(listens, "JupyterLab does not listen")
        yield f"http://127.0.0.1:{port}/lab"
    finally:
        process.terminate()
        # One that is ended soon after its start may wait for ever for a thread of anyio's.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDING)
        process.kill()
        process.wait()


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

    def open(self, address, card="Docker Python"):
        """The launcher page, with a card of this name."""
        self.driver.get(address)
        self.see(f'.jp-LauncherCard[title="{card}"]')

    def start(self, name):
        self.see(f'.jp-LauncherCard[data-category="Notebook"][title="{name}"]').click()

    def type(self, code):
        """Types code into the last cell."""
        # A click in the middle may hit the buttons of a cell that is narrow.
        content = self.see(".jp-Notebook .jp-Cell:last-of-type .cm-content")
        self.driver.execute_script("arguments[0].focus()", content)
        webdriver.ActionChains(self.driver).send_keys(code).perform()

    def run(self, code):
        """Types code into the last cell, and has it run."""
        self.type(code)
        keys = webdriver.ActionChains(self.driver)
        keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

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

    def menu(self, name, item):
        """Chooses from the menu at the top."""
        self.see(".lm-MenuBar-item", name).click()
        self.see(".lm-Menu-item", item).click()
