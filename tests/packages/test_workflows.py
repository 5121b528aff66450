"""The workflows: that they are well formed, ask for little, and run what is run here."""

import json
import re
import subprocess

import pytest

from bed.programs import OTHER, OWN
from conftest import ROOT, TEST

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TOOLS = TEST / "venv/packages/bin"


def read(path):
    """A workflow as values; its `on` is a word for YAML 1.2, which this reader follows."""
    script = "import json, sys; from ruamel.yaml import YAML; json.dump(YAML(typ='safe').load(sys.stdin), sys.stdout)"
    with path.open() as file:
        done = subprocess.run([TOOLS / "python", "-c", script], stdin=file, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_they_are_workflows():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]
    command = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_they_ask_for_little(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        # What may write is only what an administrator lets run.
        assert not writes or job["environment"] == "release", name
        assert "uses" in job or "timeout-minutes" in job, name
        for step in job.get("steps", []):
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|release/v\d+|[0-9a-f]{40})", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name
            # Words of an event are no part of a script.
            assert "${{" not in step.get("run", ""), name


def test_needs_are_there():
    for path in WORKFLOWS:
        jobs = read(path)["jobs"]
        for job in jobs.values():
            needs = job.get("needs", [])
            assert set([needs] if isinstance(needs, str) else needs) <= set(jobs)


def test_ci_runs_the_tests():
    steps = read(ROOT / ".github/workflows/ci.yml")["jobs"]["tests"]["steps"]
    assert steps[-1]["run"] == ".ci/run"
    jobs = read(ROOT / ".github/workflows/release.yml")["jobs"]
    assert jobs["packages"]["steps"][-1]["run"] == ".ci/run release"
    published = [name for name, job in jobs.items() if job.get("environment") == "release"]
    assert len(published) >= 4
    for name in published:
        assert {"ci", "packages"} <= set(jobs[name]["needs"]), name


def test_releases_are_built_by_the_script():
    """With the kinds it has, the files it makes, and the Rust that the crate asks for at least."""
    text = (ROOT / ".github/workflows/release.yml").read_text()
    script = (ROOT / "packaging/build").read_text()
    for kinds in re.findall(r"packaging/build ([a-z ]+)$", text, re.MULTILINE):
        assert all(f"\n{kind}() {{" in script for kind in kinds.split()), kinds
    assert len(re.findall("packaging/build ", text)) >= 3
    # What is built again is what is released.
    assert "packaging/build crate sources\n" in text and "tar -xzf dist/*-sources.tar.gz -C /elsewhere" in text
    assert f"for name in {' '.join([*OWN, OTHER])}; do" in text
    for arch in ("x86_64", "aarch64"):
        assert f"arch: {arch}\n" in text
        assert f"sbom-path: dist/jupyter-docker-spec-{arch}-linux.cdx.json" in text
    (rust,) = set(re.findall(r"container: rust:(\d+\.\d+)\.\d+-bookworm", text))
    (least,) = re.findall(r'^rust-version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert [int(part) for part in rust.split(".")] >= [int(part) for part in least.split(".")]


def test_both_architectures_are_built_alike():
    aliases = (ROOT / ".cargo/config.toml").read_text()
    flags = dict(re.findall(r"target\.(\w+)-unknown-linux-gnu\.rustflags=\[(.*)\]", aliases))
    assert set(flags) == {"x86_64", "aarch64"}
    # Those of the bootstrap are for both.
    assert """target.'cfg(target_env="musl")'.rustflags=[""" in aliases
    assert flags["aarch64"].replace("'-Clink-arg=-fuse-ld=lld', ", "") == flags["x86_64"]
