"""docs/dependencies.md has every dependency, and nothing else."""

import re
import sys

from bed.programs import OWN
from conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANIFEST, BOOTSTRAP = (tomllib.loads((ROOT / each).read_text()) for each in ("Cargo.toml", "bootstrap/Cargo.toml"))
TEXT = (ROOT / "docs/dependencies.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| (.*?) ?\| (\d+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)


def test_the_table_is_current():
    named = [row for row in ROWS if row[0].startswith("`")]
    assert [row[0].strip("`") for row in named] == sorted(MANIFEST["dependencies"])
    # In the list of components of the wheel, which is the installer's, those of the bootstrap are therefore, too.
    assert set(BOOTSTRAP["dependencies"]) < set(MANIFEST["dependencies"])
    assert "dev-dependencies" not in BOOTSTRAP
    for name, purpose, *_ in named:
        assert purpose, name
    for name in MANIFEST["dev-dependencies"]:
        assert f"`{name}`" in TEXT


def test_the_sizes_add_up(built):
    """They were measured for executables of about this size: `packaging/sizes` measures again."""
    (header,) = re.findall(r"^\| crate \| for \| (.*) \|$", TEXT, re.MULTILINE)
    names = header.split(" | ")
    assert set(names) == set(OWN)
    for column, name in enumerate(names, start=2):
        sizes = sum(int(row[column]) for row in ROWS) * 1000
        assert abs(sizes - len(built[name])) < 0.1 * len(built[name]), name
