"""Tests of other projects: none fails with a kernel in a container that passes with one on the host, but those that
say themselves why. `tests/run` runs a choice of them, and `tests/run full` all that start kernels."""


import pytest

from bed import suites
from bed.suites import SUITES


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_few(local, suite):
    suites.install(local)
    wrong = suites.failures(local, suite, suite.few, ours=True)
    unexpected = {name: says for name, says in wrong.items() if name not in suite.exceptions}
    assert not unexpected, "\n\n".join(unexpected.values())


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_whole(local, suite):
    suites.install(local)
    anyway = suites.failures(local, suite, suite.whole, ours=False)
    wrong = suites.failures(local, suite, suite.whole, ours=True)
    print(f"{suite}: of a kernel on the host {sorted(anyway)}, of ours {sorted(wrong)}")
    unexpected = wrong.keys() - anyway.keys() - suite.exceptions.keys()
    assert not unexpected, "\n\n".join(wrong[name] for name in unexpected)
