"""The benchmarks of launches work. How fast something is is not asserted."""

import argparse
import os
from pathlib import Path

import bring
import launch
import local
import measure
import reasons
import report
import warm

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
