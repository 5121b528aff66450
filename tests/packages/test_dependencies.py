"""docs/dependencies.md has every dependency, and nothing else."""

import re
import sys

from conftest import PROGRAMS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())
TEXT = (ROOT / "docs/dependencies.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| (.*?) ?\| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)


def test_the_table_is_current():
    named = [row for row in ROWS if row[0].startswith("`")]
    assert [row[0].strip("`") for row in named] == sorted(MANIFEST["dependencies"])
    for name, purpose, *_ in named:
        assert purpose, name
    for name in MANIFEST["dev-dependencies"]:
        assert f"`{name}`" in TEXT


def test_the_sizes_add_up(built):
    """They were measured for executables of about this size: `packaging/sizes` measures again."""
    for column, name in zip((2, 3), PROGRAMS[::-1], strict=True):
        sizes = sum(int(row[column]) for row in ROWS) * 1000
        assert abs(sizes - len(built[name])) < 0.1 * len(built[name]), name
