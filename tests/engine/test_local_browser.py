"""What a user sees in JupyterLab of kernels that it starts by itself, in a real browser."""

from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from bed.browser import jupyterlab
from bed.patience import PATIENCE, wait_for
from bed.reporting import site_packages
from bed.waiting import rests, waiting

IMAGE = "jds-test/widgets"
NAME = "My image"
LAB = Path(__file__).parents[2] / ".test" / "venv" / "suites" / "bin"


@pytest.fixture
def lab(local, place):
    """Starts a JupyterLab, which has widgets and knows nothing of Docker; its address and log. This project's package
    is there for those who ask for it."""
    log = place / "lab.log"
    local.environment["PYTHONPATH"] = str(site_packages(place / "site"))
    application = replace(local, python=str(LAB / "python"), has_python=True)

    def begin(*words):
        with log.open("w") as output:
            return application.begin(application.program("jupyter-lab"), *words, output=output)

    local.install(IMAGE, f"--display-name={NAME}")
    with jupyterlab(begin, place / "config", log) as address:
        yield address, log


# A module beside the notebook. It draws without a library: what matters is that pixels arrive.
PLOT = """
import math, struct, zlib
from IPython.display import Image

WIDTH, HEIGHT, COLOURS = 480, 150, [(31, 119, 180), (255, 127, 14), (44, 160, 44)]

def waves():
    rows = [bytearray(b"\\xff" * 3 * WIDTH) for _ in range(HEIGHT)]
    for number, colour in enumerate(COLOURS):
        for step in range(8 * WIDTH):
            height = math.sin(step / 8 * (number + 2) * math.pi / WIDTH + number)
            middle = HEIGHT / 2 - height * (HEIGHT / 2 - 6)
            for y in range(int(middle) - 1, int(middle) + 2):
                rows[y][3 * (step // 8) : 3 * (step // 8) + 3] = bytes(colour)
    data = zlib.compress(b"".join(b"\\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return Image(b"\\x89PNG\\r\\n\\x1a\\n" + b"".join(chunks))
"""


def test_a_notebook_from_the_launcher_page_to_its_end(lab, browse, engine, local):
    (local.directory / "plot.py").write_text(PLOT)
    browser = browse()
    browser.open(lab[0], NAME)
    (image,) = browser.all(f'.jp-LauncherCard[data-category="Notebook"][title="{NAME}"] img')
    wait_for(lambda: image.get_property("naturalWidth"), "no logo")
    browser.start(NAME)
    browser.see("#jp-main-statusbar", f"{NAME} | Idle")
    browser.run_first("answer = 6*7; print('it is', answer)", "it is 42")
    browser.run("from plot import waves; waves()")
    plot = browser.see(".jp-OutputArea-output img")
    wait_for(lambda: plot.get_property("naturalWidth") == 480, "no plot")
    browser.run("import ipywidgets; ipywidgets.interact(lambda n: f'{n} x {n} = {n * n}', n=7);")
    browser.see(".jp-OutputArea-output", "7 x 7 = 49")
    # What the widget shows then, the kernel has computed.
    browser.see(".jupyter-widgets .noUi-handle").send_keys(Keys.ARROW_RIGHT)
    browser.see(".jp-OutputArea-output", "8 x 8 = 64")
    browser.picture("local")
    browser.run("while True: pass")
    browser.see('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    browser.press("interrupt")
    browser.see(".jp-OutputArea-output", "KeyboardInterrupt")
    (before,) = engine.kernels()
    browser.press("restart")
    browser.see(".jp-Dialog .jp-mod-accept").click()
    wait_for(lambda: engine.kernels() and before not in engine.kernels(), "no new kernel")
    browser.see('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    browser.run("print('answer' in dir())")
    browser.see(".jp-OutputArea-output", "False")
    browser.menu("Kernel", "Shut Down Kernel")
    wait_for(lambda: not engine.kernels(), lambda: f"left: {engine.kernels()}")
    browser.see("#jp-main-statusbar", "No Kernel")


# Clicks on the card of a kernel, and tells how many ms later the status bar says that it is idle.
CLICK = """
const [card, shown, done] = arguments, begin = performance.now();
document.querySelector(card).click();
const look = setInterval(() => {
    const bar = document.querySelector("#jp-main-statusbar");
    if (bar && bar.textContent.includes(shown)) {
        clearInterval(look);
        done(performance.now() - begin);
    }
}, 5);
"""


def until_idle(browser, address, name):
    # Without the notebooks of before.
    browser.open(f"{address}?reset", name)
    browser.driver.set_script_timeout(PATIENCE)
    card = f'.jp-LauncherCard[data-category="Notebook"][title="{name}"]'
    took = browser.driver.execute_async_script(CLICK, card, f"{name} | Idle")
    browser.run_first("print('it is', 6*7)", "it is 42")
    return took


def test_from_the_click_until_idle(lab, browse, engine, local):
    local.tool("set", "k", "--warm")
    browser = browse()
    cold = until_idle(browser, lab[0], NAME)
    wait_for(lambda: waiting(engine), "none is prepared")
    ((host, container),) = waiting(engine).items()
    browser.menu("Kernel", "Shut Down Kernel")
    wait_for(lambda: len(engine.kernels()) == 1 and rests(engine, container), lambda: f"left: {engine.kernels()}")
    waited = until_idle(browser, lab[0], NAME)
    browser.run("import socket; socket.gethostname()")
    browser.see(".jp-OutputArea-output", host)
    browser.picture("local-waited")
    browser.menu("Kernel", "Shut Down Kernel")
    without = until_idle(browser, lab[0], "Python 3 (ipykernel)")
    print(f"ms from the click until idle: {cold:.0f} when wanted, {waited:.0f} waited, {without:.0f} without a container")
    local.tool("remove", "--yes", "k")
    wait_for(lambda: not engine.kernels(), lambda: f"left: {engine.kernels()}")


def test_the_debugger(lab, browse):
    browser = browse()
    browser.open(lab[0], NAME)
    browser.start(NAME)
    browser.see("#jp-main-statusbar", f"{NAME} | Idle")
    browser.run_first("one = 1; print('there')", "there")
    browser.see('[data-jp-item-name="debugger-icon"], .jp-DebuggerBugButton').click()
    browser.see(".jp-DebuggerSidebar")
    cell = ".jp-Notebook .jp-Cell:last-of-type"
    browser.type("print('two is', one + 1)")
    browser.see(f"{cell} .cm-breakpoint-gutter .cm-gutterElement:last-child").click()
    browser.see(".jp-DebuggerBreakpoint")
    browser.run("")
    browser.see(".jp-DebuggerCallstackFrame", "module")
    browser.see(".jp-DebuggerVariables-body", "one")
    assert not any("two is" in output.text for output in browser.all(".jp-OutputArea-output"))
    browser.picture("debugger")
    browser.see('[data-command="debugger:continue"]').click()
    browser.see(".jp-OutputArea-output", "two is 2")


# Options of `install`, and the reason that they are.
FAILURES = {
    "no image": (["--image-name=127.0.0.1:1/jds-test/none:1"], "is not on the engine and could not be pulled"),
    "no ipykernel": (["--image-name=jds-test/away"], "No module named ipykernel_launcher"),
    "bad command": (["--kernel-command=ruby kernel.rb {connection_file}"], "the image has no program `ruby`"),
}


@pytest.mark.parametrize(("options", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_kernel_that_cannot_start_shows_its_reason(lab, browse, local, engine, options, reason):
    engine.image("jds-test/away", "RUN mv /opt/kernel/lib /opt/kernel/away", base=IMAGE)
    image = [] if "--image-name" in options[0] else [f"--image-name={IMAGE}"]
    name = ["--kernel-name=wrong", "--display-name=Wrong"]
    local.tool("install", "--local", "--user", "--show-launch-errors", *name, *image, *options)
    browser = browse()
    browser.open(lab[0], "Wrong")
    browser.start("Wrong")
    browser.see(".jp-Dialog", "Error Starting Kernel")
    browser.see(".jp-Dialog", reason)
    browser.picture("local-reason" if "ruby" in reason else "local-failed")
    assert reason in lab[1].read_text()


def test_one_that_shows_reasons_lives_as_any_other(lab, browse, local, engine):
    local.install(IMAGE, "--show-launch-errors", "--display-name=Telling", name="telling")
    browser = browse()
    browser.open(lab[0], "Telling")
    browser.start("Telling")
    browser.see("#jp-main-statusbar", "Telling | Idle")
    browser.run_first("print('it is', 6*7)", "it is 42")
    (before,) = engine.kernels()
    browser.press("restart")
    browser.see(".jp-Dialog .jp-mod-accept").click()
    wait_for(lambda: engine.kernels() and before not in engine.kernels(), "no new kernel")
    browser.see("#jp-main-statusbar", "Telling | Idle")
    browser.run("print('and', 7*7)")
    browser.see(".jp-OutputArea-output", "and 49")
