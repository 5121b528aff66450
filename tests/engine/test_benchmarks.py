"""The benchmarks of launches work. How fast something is is not asserted."""

import argparse
import os
import subprocess
from pathlib import Path

import bring
import launch
import local
import measure
import pytest
import reasons
import report
import scale
import scale_model
import warm

from bed import pages

QUICK = argparse.Namespace(quick=True, rounds=None)
PARTS = ["container", "service", "no daemon", "told docker", "waves/1", "waves/3"]


def test_launches(engine):
    result = {"machine": measure.machine(engine)} | launch.measured(engine, QUICK)
    for path in PARTS:
        samples = report.find(result, path)
        for arm in (measure.OURS, measure.THEIRS, measure.FLOOR):
            (sample,) = samples[arm]
            assert all(value > 0 for value in sample.values()), (path, sample)
    assert all(sample["seconds"] > 0 for arm in result["ready docker"].values() for sample in arm)
    text = report.text(result)
    for title in ("running container", "service that exists", "without an engine", "until it is ready"):
        assert title in text, text
    assert "Docker " in text
    assert "benchmarks-launches.svg" in report.plots(result)


def test_local_kernels(engine):
    result = local.measured(engine, QUICK)
    for name, (sample,) in result.items():
        if name == local.ENGINE:
            assert set(sample) == {"burst"}
            continue
        assert sample["ready"] > sample["execute"] > 0, result
    text = local.tables(result)
    for title in ("until it is ready", "display_data", "times `docker run` by hand", "memory of the launcher", local.ENGINE):
        assert title in text, text


def test_kernels_that_waited(engine):
    result = warm.measured(engine, QUICK)
    assert all(sample["first"] > 0 for (sample,) in result.values()), result
    text = warm.tables(result)
    for title in ("until its first answer", "restarted, until it is ready", "memory of one that waits", warm.COLD):
        assert title in text, text


def test_kernels_with_a_bootstrap_that_is_brought(engine):
    result = bring.measured(engine, QUICK)
    for samples in result.values():
        assert all(value > 0 for (sample,) in samples.values() for value in sample.values()), result
    text = bring.tables(result)
    for title in ("Python: until it is ready", "R: memory of the container", "interrupted", "`docker stop`"):
        assert title in text, text


def test_reasons_of_containers(engine):
    result = dict(reasons.on_one_engine(engine, Path(os.environ["JDS_RUN"]), 1))
    assert all(sample["user"] > sample["log"] for (sample,) in result.values()), result
    assert len(reasons.table(result).splitlines()) == 2 + 6


def grown(measured):
    """The first and the last level of what was measured, as far as it is the same everywhere."""
    first, last = measured["levels"].values()
    assert last["addresses"] - first["addresses"] == 2, measured
    for level in (first, last):
        assert all(value > 0 for sample in level["launches"] for value in sample.values()), measured
        assert all(value > 0 for name, value in level["server"].items() if name != "kib"), measured
    return first, last


def test_many_kernels(engine):
    result = {"machine": measure.machine(engine), "engine": scale.on_one_engine(engine, QUICK)}
    grown(result["engine"])
    text = scale_model.text(result)
    for title in ("requests of the launcher", "addresses on the network", "What breaks first", "files open"):
        assert title in text, text


@pytest.mark.full
def test_many_kernels_in_a_swarm(engine, swarm):
    measured = scale.in_a_swarm([swarm], QUICK)
    _, last = grown(measured)
    assert last["services"] == last["tasks"] == 3, last
    # One kernel starts with some entries, and ends with fewer.
    assert 0 < measured["log of an end"]["entries"] < measured["log of a start"]["entries"] < 50, measured
    assert measured["log of a start"]["bytes"] > 1000, measured
    small = scale.on_a_small_network(swarm, QUICK)
    # Of eight addresses the network itself has three, and the node one.
    assert small["kernels"] == 4
    text = scale_model.text({"machine": measure.machine(engine), "swarm": measured, "small network": small})
    for title in ("entries of a start and an end", "has no address left", "kernels need a `/", "A `/29` took 4"):
        assert title in text, text


def test_what_grows_is_told_from_what_does_not():
    line = scale_model.Line({1: 12, 10: 30, 100: 210})
    assert (line.grows, line.at(1000), line.at(10000)) == (True, 2010, 20010)
    line = scale_model.Line({1: 10, 10: 11, 100: 12})
    assert (line.grows, line.at(1000)) == (False, 11)
    assert [scale_model.subnet(number) for number in (253, 254, 1000, 65533)] == [24, 23, 22, 16]
    assert scale_model.first(lambda kernels: kernels**2 < 1000) == 31


def test_the_network_for_many_kernels(swarm):
    for block in pages.blocks("docs/scale.md"):
        if block.is_typed:
            subprocess.run(["sh", "-euc", block.text], env=os.environ | {"DOCKER_HOST": swarm.address}, check=True)
    (ipam,) = swarm.inspect("kernels")["IPAM"]["Config"]
    assert ipam["Subnet"] == "10.100.0.0/16"
    swarm.docker("network", "rm", "kernels")
