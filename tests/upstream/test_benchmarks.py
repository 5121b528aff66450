"""The benchmarks work, and what they have measured becomes tables, plots and a page. How fast something
is is not asserted."""

import argparse
import shutil
import xml.etree.ElementTree
from pathlib import Path

import install
import instructions
import measure
import report

QUICK = argparse.Namespace(quick=True, rounds=None)


def test_install(tmp_path, monkeypatch):
    result = {"machine": measure.machine(), "quick": True} | install.measured(QUICK)
    for arm in (measure.OURS, measure.THEIRS, measure.FLOOR):
        for path in ("install", "install changed", "list", "growth of install/3"):
            (sample,) = report.find(result, path)[arm]
            assert all(sample[key] > 0 for key in ("seconds", "cpu_seconds", "peak_kib")), sample
    assert result["install"]["ours"][0]["calls"] < result["install"]["theirs"][0]["calls"]

    page = Path(shutil.copy(report.PAGE, tmp_path))
    monkeypatch.setattr(report, "PICTURES", tmp_path)
    report.fill(page, result)
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `install --replace`")]
    assert len(rows) == 8 and all("| |" not in row for row in [*rows[:3], *rows[4:7]]), text
    # What stood between the marks is replaced, and the rest is as it was.
    report.fill(page, result)
    assert page.read_text() == text
    end = "<!-- end of figures -->"
    assert text.split(end)[1] == report.PAGE.read_text().split(end)[1]
    picture = xml.etree.ElementTree.parse(tmp_path / "benchmarks-install.svg")
    assert sum(1 for _ in picture.iter("{http://www.w3.org/2000/svg}circle")) == 6
    assert "(pictures/benchmarks-install.svg)" in text


def test_a_count_that_is_off_is_told():
    written = {"compiler": "rustc 1", "counts": {"a": 1000}}
    for count, rustc, well, words in [
        (1040, "rustc 1", True, "+4.0 %"),
        (1060, "rustc 1", False, "more than 5 % above"),
        (1060, "rustc 2", True, "counted with rustc 2"),
        (1210, "rustc 2", False, "more than 20 % above"),
        (940, "rustc 1", False, "more than 5 % below"),
        (700, "rustc 2", True, "more than 20 % below"),
    ]:
        lines, found = instructions.compared(written, {"a": count}, rustc)
        assert found == well and words in "\n".join(lines), (count, rustc, lines)
    lines, found = instructions.compared(written, {"b": 1}, "rustc 1")
    assert not found and instructions.RENEW in lines[0]
