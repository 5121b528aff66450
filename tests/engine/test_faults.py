"""Whatever goes wrong between a launcher and the engine, with any request of a launch: the launch ends in
time, in a kernel that runs or in one paragraph that says why not, and then nothing is left.

Many launches go on at once, since most of what they do is to wait.
"""

import itertools
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest

from bed.faults import AT_LAST, FAULTS, HARMLESS, LASTING, LATE, FaultProxy, Step
from bed.launch import BROUGHT, bootstrap, prune
from bed.patience import PATIENCE, wait_for

IMAGE = "jds-test/tiny"
# Long enough for a service to start while many others do, on a machine that has other tests to run.
TIMEOUT = 12
AT_ONCE = 14
# The launch, what may be added for cleaning up, and patience with a machine that has others to do.
LIMIT = TIMEOUT + 60
# A machine that stands still for a moment has a launcher do without its last requests.
ATTEMPTS = 3
LEFT = "may be left over"
LABELS = {"component": "kernel", "app": "gateway-provisioners", "kernelspec": "k"}


@dataclass(frozen=True)
class Case:
    """What goes wrong with which request, after which other; for ever or once."""

    step: Step
    before: Step | None
    fault: str
    lasting: bool = False

    def __str__(self):
        return f"{self.step}: {self.fault}{', and from then on' if self.lasting else ''}"


class Bed:
    """Launches kernels of one kind through proxies."""

    def __init__(self, engine, launch, place, binaries, options, environment):
        self.engine, self.place = engine, place
        self._launch, self._binaries = launch, binaries
        self._options, self._environment = options, environment
        self.brought = BROUGHT[0] in options
        self._count = itertools.count()

    def states(self, kernel_id):
        """The states of the kernel's containers, and the services that it has."""
        label = f"label=kernel_id={kernel_id}"
        found = self.engine.docker("ps", "--all", "--filter", label, "--format={{.State}}").split()
        if "--swarm" in self._options:
            found += self.engine.docker("service", "ls", "--filter", label, "--quiet").split()
        return found

    def labels(self, kernel_id):
        """The labels of all that the kernel has."""
        kind = "service" if "--swarm" in self._options else "container"
        words = ["service", "ls"] if kind == "service" else ["ps", "--all"]
        ids = self.engine.docker(*words, "--filter", f"label=kernel_id={kernel_id}", "--quiet").split()
        found = json.loads(self.engine.docker(kind, "inspect", *ids)) if ids else []
        return [each.get("Spec", each.get("Config"))["Labels"] for each in found]

    def remove(self, name):
        kind = ["service", "rm"] if "--swarm" in self._options else ["rm", "--force"]
        return self.engine.client(*kind, name)

    def run(self, proxy):
        options = [f"--launch-timeout={TIMEOUT}", *self._options]
        environment = self._environment | {"DOCKER_HOST": proxy.address}
        if self.brought:
            # To an engine it is large; the Swarm gets many, and keeps them.
            environment["bootstrap"] = bootstrap(0 if "--swarm" in self._options else 800_000)
        running = self._launch(IMAGE, *options, kernel_id=str(uuid.uuid4()), **environment)
        ended = running.end(LIMIT)
        proxy.gone.set()
        return running, ended

    def proxy(self, **arguments):
        return FaultProxy(self.place / f"{next(self._count)}.sock", self.engine.socket, **arguments)

    def steps(self):
        """The requests of a launch with which nothing goes wrong; of those that repeat, three."""
        with self.proxy() as proxy:
            running, ended = self.run(proxy)
        assert ended.status == 0, ended.log
        assert "running" in self.states(running.kernel_id), ended.log
        assert self.remove(running.name).returncode == 0
        return [step for step in proxy.steps if step.number <= 3]

    def check(self, case):
        """Runs one case; returns what is wrong with its end, if anything, and its exit status."""
        for _ in range(ATTEMPTS):
            proxy = self.proxy(step=case.step, fault=case.fault, lasting=case.lasting)
            with proxy.before(case.before):
                running, ended = self.run(proxy)
                forwarded = proxy.struck and (case.fault not in LATE or proxy.finished.wait(PATIENCE))
            # Only a launch that was well may have had no time for it.
            if proxy.struck or ended.status != 0:
                break
            self.remove(running.name)
        try:
            assert proxy.struck, f"it was never asked for this: {proxy.steps}"
            assert forwarded, "it was never forwarded"
            assert len(proxy.steps) < 150, f"{len(proxy.steps)} requests"
            if ended.status == 0:
                assert "running" in self.states(running.kernel_id), "no kernel, but exit status 0"
                assert " E " not in ended.log and "[E " not in ended.log, "an error, but status 0"
                assert self.remove(running.name).returncode == 0, "it could not be removed"
                return None, 0
            ended.assert_error()
            assert case.fault not in HARMLESS, "the kernel did not come up"
            self.check_nothing_left(case, running, ended)
        except AssertionError as error:
            return f"{case}: {str(error).splitlines()[0]}\n{ended.log}", ended.status
        return None, ended.status

    def check_nothing_left(self, case, running, ended):
        # A config is nobody's: another launch takes it.
        if case.fault in LATE and case.step.what in ("POST /containers/create", "POST /services/create"):
            return self.check_late(case, running)
        if case.lasting and LEFT in ended.log:
            # Nobody could have removed it.
            self.remove(running.name)
        left = partial(self.states, running.kernel_id)
        wait_for(lambda: not left(), lambda: f"left behind: {left()}")
        return None

    def check_late(self, case, running):
        """What is created when the launcher has gone is not its to remove; while it cleans up it may see
        it in time. A container is not started then; a service, which the Swarm starts by itself, and a
        container have what `prune` goes by."""
        found = self.labels(running.kernel_id)
        assert found or case.fault != AT_LAST, "nothing was created late"
        for labels in found:
            assert labels.items() >= (LABELS | {"kernel_id": running.kernel_id}).items(), labels
        if "--swarm" not in self._options:
            assert set(self.states(running.kernel_id)) <= {"created"}

    def prune(self):
        """Removes what no launcher could."""
        prune(self.engine, self._binaries, self.place)
        wait_for(lambda: not self.engine.kernels(), lambda: f"not pruned: {self.engine.kernels()}")


def cases(steps):
    for before, step in zip([None, *steps], steps, strict=False):
        for fault in FAULTS:
            yield Case(step, before if FAULTS[fault] is None else None, fault)
        for fault in LASTING:
            yield Case(step, None, fault, lasting=True)


@pytest.fixture
def containers(engine, launch, place, binaries):
    return Bed(engine, launch, place, binaries, [], {})


@pytest.fixture
def services(swarm, network, launch, place, binaries):
    return Bed(swarm, launch, place, binaries, ["--swarm"], {"GP_DOCKER_NETWORK": network})


@pytest.fixture
def brought_containers(engine, launch, place, binaries):
    return Bed(engine, launch, place, binaries, BROUGHT, {})


@pytest.fixture
def brought_services(swarm, network, launch, place, binaries):
    return Bed(swarm, launch, place, binaries, ["--swarm", *BROUGHT], {"GP_DOCKER_NETWORK": network})


# What there is only where a bootstrap is brought.
OF_BOOTSTRAP = ("/archive", "/configs")


# Hundreds of launches, each of which has its own limit.
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "kind",
    [
        *("containers", "services"),
        *(pytest.param(name, marks=pytest.mark.full) for name in ("brought_containers", "brought_services")),
    ],
)
def test_every_fault_of_every_request(request, kind):
    bed = request.getfixturevalue(kind)
    steps = bed.steps()
    assert len(steps) >= 4, steps
    check_all(bed, kind, steps, list(cases(steps)))


# One of each kind: of the connection, of the answer's meaning, and of its form.
SOME = ("closes after it", "answers 403", "answers 500", "garbage")


@pytest.mark.parametrize("kind", ["brought_containers", "brought_services"])
def test_some_faults_of_the_requests_for_a_bootstrap(request, kind):
    bed = request.getfixturevalue(kind)
    steps = bed.steps()
    todo = [case for case in cases(steps) if any(part in case.step.what for part in OF_BOOTSTRAP)]
    assert todo, steps
    check_all(bed, kind, [], [case for case in todo if case.fault in SOME and not case.lasting])


def check_all(bed, kind, steps, todo):
    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(bed.check, todo))
    # What does no harm may do so beside many others, on a machine that is too slow for them: by itself it does not.
    for number, case in enumerate(todo):
        if results[number][0] and case.fault in HARMLESS:
            results[number] = bed.check(case)
    # Before anything fails: what is left would have all tests after this one fail.
    bed.prune()
    wrong = [text for text, _ in results if text]
    survived = sum(status == 0 for _, status in results)
    seconds = time.monotonic() - begin
    requests = ", ".join(map(str, steps))
    print(f"{kind}: {len(todo)} cases, {survived} survived, in {seconds:.0f} s ({requests})")
    assert not wrong, f"{len(wrong)} of {len(todo)} cases:\n" + "\n".join(wrong)
    assert survived >= len(steps) * len(HARMLESS)


@pytest.mark.parametrize("kind", ["containers", "services"])
def test_engine_that_denies_all_after_the_creation(request, kind):
    """The launcher believes it, and can do nothing; what is left is found by its labels."""
    bed = request.getfixturevalue(kind)
    after = next(step for step in bed.steps() if step.what in ("GET /events", "GET /tasks"))
    with bed.proxy(step=after, fault="answers 404", lasting=True) as proxy:
        running, ended = bed.run(proxy)
    if kind == "containers":
        ended.assert_error()
        assert bed.states(running.kernel_id) == ["created"]
    else:
        assert ended.status == 0, ended.log
    (labels,) = bed.labels(running.kernel_id)
    assert labels.items() >= (LABELS | {"kernel_id": running.kernel_id}).items()
    bed.prune()
