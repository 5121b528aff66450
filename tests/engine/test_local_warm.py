"""Kernels that wait for the next notebook."""

import contextlib
import json
import os
import random
import re
import shlex
import signal
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bed.kernels import PYTHON, R
from bed.patience import PATIENCE, wait_for
from bed.terminal import Terminal
from bed.waiting import processes, rests, waiting

PLAIN = "jds-test/plain"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "warm.md"

# What a kernel knows of itself. Its ports, its session and its host name are different for each.
SELF = """
import json, os, pathlib, sys, ipykernel
connection = json.loads(ipykernel.get_connection_info())
kernel = get_ipython().kernel
print(json.dumps({
    "environment": {name: value for name, value in os.environ.items() if name != "HOSTNAME"},
    "path": sys.path, "argv": [word.replace("kernel-0", "kernel-N") for word in sys.argv],
    "directory": os.getcwd(), "user": os.getuid(),
    "command": pathlib.Path("/proc/self/cmdline").read_text().split("\\0"),
    "input": os.readlink("/proc/self/fd/0"), "group": os.getpgid(0) == os.getpid(),
    "main": sys.modules["__main__"].__name__, "count": get_ipython().execution_count,
    "connection": {name: value for name, value in connection.items() if not name.endswith(("_port", "key"))},
    "same_key": connection["key"].encode() == kernel.session.key,
}, sort_keys=True))
"""
HOST = "__import__('socket').gethostname()"
RANDOM = "[__import__('random').random(), hash('text'), os.urandom(4).hex(), str(__import__('uuid').uuid4())]"


@pytest.fixture
def warm(local, engine):
    """The application; at the end nothing may wait any more."""
    yield local
    local.tool("prune", "--yes", "--older-than=0s")
    assert not waiting(engine)


def listed(application):
    return json.loads(application.tool("ps", "--json").stdout)


def prepare(local, engine, number=1, **environment):
    """Has a kernel of the specification `k` prepare the next ones; returns the host names of those."""
    local.environment.update(environment)
    running = local.launch("k")
    try:
        wait_for(lambda: len(waiting(engine)) == number, lambda: f"{waiting(engine)} wait: {running.log()}")
    finally:
        running.kill()
    wait_for(lambda: all(rests(engine, each) for each in waiting(engine).values()), "they do not come to wait")
    return waiting(engine)


def test_the_next_kernel_is_one_that_waited(warm, engine):
    warm.install(PLAIN, "--warm")
    (name,) = prepare(warm, engine)
    assert warm.ask(HOST) == name
    assert warm.ask(HOST) not in waiting(engine)


def test_nobody_has_to_say_who_starts_it(warm, engine):
    del warm.environment["USER"]
    warm.install(PLAIN, "--warm")
    (name,) = prepare(warm, engine)
    assert "ann" not in name
    assert warm.ask(HOST) == name


def test_it_lives_as_any_other(warm, engine):
    warm.install(PLAIN, "--warm=2")
    prepare(warm, engine, 2)
    steps = PYTHON.life
    values = warm.drive("k", steps).assert_done(steps)
    _, first, _, interrupted, _, again, alive = values
    assert first == again == {"stdout": "42\n", "error": None}
    assert interrupted == {"stdout": "asleep\n", "error": "KeyboardInterrupt"}
    assert not alive


@pytest.mark.parametrize(
    "options", [(), ("--read-only", "--no-mount-cwd"), ("--env=PYTHONPATH=/opt/more",)], ids=["plain", "read only", "path"]
)
def test_it_knows_what_a_cold_one_knows(warm, engine, options):
    warm.install(PLAIN, "--warm", *options)
    session = {"JPY_SESSION_NAME": "/home/ann/a.ipynb"}
    cold = json.loads(warm.execute(SELF, **session)[0])
    (name,) = prepare(warm, engine)
    host, found = warm.execute(f"print({HOST})", SELF, **session)
    assert host.strip() == name
    found = json.loads(found)
    assert found.pop("count") - 1 == cold.pop("count")
    assert found == cold
    assert cold["same_key"] and cold["environment"]["JPY_SESSION_NAME"] == "/home/ann/a.ipynb"


def test_nothing_random_is_shared(warm, engine):
    warm.install(PLAIN, "--warm=2")
    prepare(warm, engine, 2)
    first, second = warm.ask(RANDOM), warm.ask(RANDOM)
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_a_language_without_a_hook(warm, engine):
    warm.install(R.image, "--language=R", "--warm")
    running = warm.launch("k")
    wait_for(lambda: waiting(engine), running.log)
    running.kill()
    (name,) = waiting(engine)
    (answer,) = warm.execute(R.answer)
    assert answer == "42\n"
    wait_for(lambda: name not in waiting(engine), "it was not taken")


# With which R has loaded its kernel by the time that somebody wants it, as the page says it.
(OF_R,) = re.findall(r"^```toml\n(warm_command = .*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
WARM_R = shlex.join(tomllib.loads(OF_R)["warm_command"])


def test_a_command_that_prepares(warm, engine):
    """R loads its kernel while it waits, knows at last what the notebook is, and lives as any other."""
    warm.install(R.image, "--language=R", "--warm", f"--warm-command={WARM_R}")
    loaded = 'cat("IRkernel" %in% loadedNamespaces(), Sys.getenv("JPY_SESSION_NAME"), Sys.info()[["nodename"]])'
    (name,) = prepare(warm, engine)
    (answer,) = warm.execute(loaded, JPY_SESSION_NAME="/home/ann/a.ipynb")
    assert answer == f"TRUE /home/ann/a.ipynb {name}"
    prepare(warm, engine)
    values = warm.drive("k", R.life, R.patience).assert_done(R.life)
    assert values[1]["stdout"] == values[5]["stdout"] == "42\n"


@pytest.mark.parametrize("change", ["set", "replace", "directory", "variable"])
def test_one_that_was_made_from_something_else_is_not_taken(warm, engine, change):
    warm.install(PLAIN, "--warm", "--env=COLOUR" if change == "variable" else "--env=COLOUR=red")
    (name,) = prepare(warm, engine, COLOUR="red")
    match change:
        case "set":
            warm.tool("set", "k", "--env=COLOUR=blue")
        case "replace":
            warm.install(PLAIN, "--warm", "--env=COLOUR=blue", "--replace")
        case "directory":
            warm.directory = warm.directory / "below"
            warm.directory.mkdir(mode=0o777)
        case "variable":
            warm.environment["COLOUR"] = "blue"
    host, colour, directory = warm.ask(f"[{HOST}, os.environ['COLOUR'], os.getcwd()]")
    assert host != name
    assert colour == ("red" if change == "directory" else "blue")
    assert directory == str(warm.directory)
    assert name in waiting(engine)


@pytest.mark.parametrize("how", ["stopped", "paused", "busy"])
def test_one_that_does_not_answer_is_left(warm, engine, how):
    warm.install(PLAIN, "--warm")
    ((name, container),) = prepare(warm, engine).items()
    match how:
        case "stopped":
            engine.docker("kill", container)
        case "paused":
            engine.docker("pause", container)
        case "busy":
            os.kill(processes(engine, container)[-1], signal.SIGSTOP)
    assert warm.ask(HOST) != name
    with contextlib.suppress(AssertionError):
        engine.docker("unpause", container)
    # One that was not taken is one to be taken by others, when it goes on.
    wait_for(lambda: (name in waiting(engine)) == (how == "paused"), lambda: f"{waiting(engine)} wait")


def test_each_is_taken_by_one(warm, engine):
    warm.install(PLAIN, "--warm=3")
    waited = prepare(warm, engine, 3)
    with ThreadPoolExecutor() as pool:
        hosts = list(pool.map(lambda _: warm.ask(HOST), range(6)))
    assert len(set(hosts)) == 6
    assert set(waited) & set(hosts)


def test_of_many_that_do_not_answer_one_is_waited_for(warm, engine):
    warm.install(PLAIN, "--warm=3")
    for container in prepare(warm, engine, 3).values():
        os.kill(processes(engine, container)[-1], signal.SIGSTOP)
    before = set(waiting(engine))
    assert warm.ask(HOST) not in before
    assert len(before & set(waiting(engine))) == 2


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [5, pytest.param(20, marks=pytest.mark.full)])
@pytest.mark.parametrize("all_wait", [True, False], ids=["as many", "one"])
def test_many_begin_at_once(warm, engine, number, all_wait):
    """With as many that wait, and with one. Whoever prepares together, as many wait at the end as are to."""
    wanted = number if all_wait else 1
    warm.install(PLAIN, f"--warm={wanted}")
    waited = prepare(warm, engine, wanted)
    running = []
    try:
        running = [warm.launch("k", until=None) for _ in range(number)]
        wait_for(lambda: all(each.answers() for each in running), lambda: "".join(each.log() for each in running))
        of_them = engine.ask("/containers/json", filters={"label": ["component=kernel"]})
        taken = [container for container in of_them if container["Id"] in waited.values()]
        print(f"{len(taken)} of {wanted} that waited were taken by {number}")
        assert len(taken) <= wanted and (taken or not all_wait)
        wait_for(lambda: len(waiting(engine)) == wanted, lambda: f"{waiting(engine)} wait")
        # All have prepared what they may, then.
        time.sleep(3)
        assert len(waiting(engine)) == wanted
        assert len(engine.kernels()) == number + wanted, engine.kernels()
        assert "claimed" not in str(engine.kernels()), "they have the names of their kernels by now"
    finally:
        for each in running:
            each.kill()
    wait_for(lambda: len(engine.kernels()) == wanted, lambda: f"left: {engine.kernels()}")


def test_one_that_a_notebook_has_taken_meanwhile_is_not_removed(warm, engine):
    """While `prune` asks whether it is to be removed."""
    warm.install(PLAIN, "--warm")
    ((name, container),) = prepare(warm, engine).items()
    tool = warm.binaries / "jupyter-docker-spec"
    with Terminal(warm.words(tool, "prune", "--older-than=0s"), warm.environment, columns=200) as terminal:
        terminal.look(lambda: "Remove?" in " ".join(terminal.rows()))
        running = warm.launch("k")
        try:
            terminal.press(b"y\r")
            terminal.look()
            assert terminal.process.wait(PATIENCE) == 0
            assert running.answers() and engine.inspect(container)["State"]["Running"]
        finally:
            running.kill()


def test_it_ends_by_itself(warm, engine):
    warm.install(PLAIN, "--warm", "--warm-time=3s")
    prepare(warm, engine)
    wait_for(lambda: not waiting(engine), "it waits on")


def test_ps_and_remove_know_it(warm, engine):
    warm.install(PLAIN, "--warm")
    prepare(warm, engine)
    wait_for(lambda: len(listed(warm)) == 1, "there are others")
    (row,) = listed(warm)
    assert (row["waits"], row["specification"]) == (True, "k")
    assert " waiting " in warm.tool("ps").stdout
    kernel_id = "6f5c4c1e-0ff5-4b9c-9d0e-0d8f3e5a6b7c"
    running = warm.launch("k", kernel_id=kernel_id)
    wait_for(
        lambda: any(row["kernel_id"] == kernel_id and not row["waits"] for row in listed(warm)),
        "its id is not known",
    )
    wait_for(lambda: waiting(engine), "no other is prepared")
    running.kill()
    warm.tool("remove", "--yes", "k")
    wait_for(lambda: not waiting(engine), "it waits on")


def test_who_does_not_ask_for_it_has_none(local, engine):
    local.install(PLAIN)
    running = local.launch("k")
    try:
        # The next one is prepared after a second.
        before = engine.ask("/containers/json", filters={"label": ["component=kernel"]})
        time.sleep(3)
        assert len(engine.ask("/containers/json", filters={"label": ["component=kernel"]})) == len(before) == 1
    finally:
        running.kill()


@dataclass
class Places:
    """Some directories in which kernels are started, one after the other in each; all at once."""

    warm: object
    engine: object
    random: random.Random
    taken: int = 0

    def of_notebooks(self, place):
        """The containers of that directory that do not wait."""
        listed = self.engine.ask("/containers/json", filters={"label": ["component=kernel"]})
        here = [each for each in listed if any(mount["Source"] == str(place) for mount in each["Mounts"])]
        return [each for each in here if "-waiting-" not in each["Names"][0]]

    def start(self, place, colour):
        """Starts a kernel there, and sees whose it is."""
        running = replace(self.warm, directory=place).launch("k")
        try:
            # One that was taken in vain is about to end.
            wait_for(lambda: len(self.of_notebooks(place)) == 1, lambda: f"{self.of_notebooks(place)} are there")
            (own,) = self.of_notebooks(place)
            environment = self.engine.inspect(own["Id"])["Config"]["Env"]
            assert f"COLOUR={colour}" in environment, "it was made for what is no more"
            self.taken += "claimed" in own["Names"][0]
            # Some end before the next one is prepared, and some while it is.
            time.sleep(self.random.choice([0, 1.2, 1.7, 2.5]))
            os.kill(running.launcher, signal.SIGTERM)
            assert running.process.wait(PATIENCE) == 128 + signal.SIGTERM, running.log()
        finally:
            running.kill()
        # Of those that are prepared by then, some are ready.
        time.sleep(self.random.choice([0, 2]))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("number", [8, pytest.param(1000, marks=pytest.mark.full)])
def test_none_is_lost_or_left_or_stale(warm, engine, number):
    places = [warm.directory / str(place) for place in range(4)]
    for place in places:
        place.mkdir()
        place.chmod(0o777)
    bed = Places(warm, engine, random.Random(1))
    warm.install(PLAIN, "--warm", "--env=COLOUR=0")
    with ThreadPoolExecutor(len(places)) as pool:
        for colour in range(10 if number > 100 else 2):
            if colour:
                warm.tool("set", "k", f"--env=COLOUR={colour}")
            for _ in range(number // len(places) // (10 if number > 100 else 2)):
                list(pool.map(lambda place: bed.start(place, colour), places))
    print(f"{bed.taken} of {number} had waited")
    assert bed.taken > number / 10 or number < 100
    others = lambda: len(engine.kernels()) - len(waiting(engine))
    wait_for(lambda: others() == 0, lambda: f"left: {engine.kernels()}")
    assert len(waiting(engine)) <= 32
