"""The JSON Schema of `launch_docker.toml` and the installer, asked about the same files."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

try:
    import tomllib
except ImportError:
    import tomli as tomllib

from upstream_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/launch_docker.schema.json").read_text())


@pytest.fixture
def is_right(tmp_path, ours):
    """What `check` says of a file."""
    sandbox = Sandbox(tmp_path.resolve(), ours)
    words = ["--prefix={prefix}", "--replace"]

    def ask(text, *options):
        done = sandbox.run("install", *words, *options)
        assert not done.failed, done.stderr
        (name,) = done.specs
        directory = sandbox.root / name
        (directory / "scripts/launch_docker.toml").write_text(text)
        # `check` looks as the server does: a variable that a value names is there.
        done = sandbox.run("check", "--json", str(directory), env={"LIMIT": "64m"})
        lines = json.loads(done.stdout)
        (line,) = [line for line in lines if "launch_docker.toml" in line["message"]]
        return line["level"] == "ok"

    return ask


def by_schema(text):
    validator = jsonschema.Draft7Validator(SCHEMA)
    return validator.is_valid(tomllib.loads(text))


def examples():
    """The lines of the template that set something, one file each."""
    text = (ROOT / "templates/launch_docker.toml").read_text()
    text = re.sub(r"\[\n(#    .*\n)+#\]", lambda match: re.sub(r"\n#\s*", "", match[0]), text)
    found = [line[1:] for line in text.splitlines() if re.match(r"#[a-z_.]+ = ", line)]
    table = found.index('memory = "16g"')
    return found[:table] + ["[client_overrides]\n" + "\n".join(found[table:])]


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert len(examples()) >= 70


@pytest.mark.parametrize("text", examples())
def test_what_the_template_shows_is_right(text):
    assert by_schema(text)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense = 1",
        "image = 1",
        "mem_limit = '64q'",
        "mem_limit = -1",
        "healthcheck = { test = 1 }",
        "healthcheck = { interval = 'soon' }",
        "mem_limit = true",
        "cpus = []",
        "pids_limit = '5'",
        "init = 'yes'",
        "volumes = '/a:/b'",
        "volumes = [{ type = 'bind', source = '/a' }]",
        "volumes = [{ type = 'other', target = '/a' }]",
        "volumes = [{ type = 'bind', source = '/a', target = '/b', what = 1 }]",
        "ulimits = { nofile = 'x' }",
        "ulimits = { nofile = { soft = 1 } }",
        "gpus = 'some'",
        "gpus = [{ count = 0 }]",
        "stop_grace_period = 'soon'",
        "platform = 'linux'",
        "logging = { name = 'x' }",
        "environment = 1",
        "environment_mode = 'all'",
        "pull_policy = 'daily'",
        "mount_cwd = 1",
        "client_overrides = { disk = 1 }",
        "deploy = 1",
        "deploy.replicas = 2",
        "networks = { n = { address = 'x' } }",
        "env_file = [{ required = true }]",
    ],
)
def test_both_refuse_the_same(is_right, text):
    assert not by_schema(text)
    assert not is_right(text)


@pytest.mark.parametrize(
    "text",
    [
        "mem_limit = 64000000",
        "mem_limit = 0",
        "healthcheck = { test = ['CMD', 'true'], interval = '1m30s', retries = 3, disable = false }",
        "mem_limit = '1.5GiB'",
        "mem_limit = '${LIMIT}'",
        "memswap_limit = -1",
        "cpus = '1.5'",
        "environment = ['A=1', 'B']",
        "environment = { A = true, B = 1.5 }",
        "command = ['a', 'b']",
        "gpus = 2",
        "extra_hosts = ['a:192.0.2.1']",
        "networks = { n = { aliases = ['a'] } }",
        "env_file = [{ path = 'x', required = false }]",
        "mount_cwd = '/work'",
        "volumes = ['/a']",
    ],
)
def test_both_take_the_same(is_right, text):
    assert by_schema(text)
    assert is_right(text)
