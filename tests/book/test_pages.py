"""Every command that the documentation shows is typed by a test, or says why not."""

import re
import subprocess
from pathlib import Path

import pytest

from bed import pages

ROOT = Path(__file__).parents[2]
LISTING = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
# The test that types all commands of a page which have no mark.
TYPED = {
    "README.md": "engine/test_readme.py",
    "docs/any-image.md": "engine/test_docs.py",
    "docs/how-to/any-language.md": "engine/test_docs.py",
    "docs/compose.md": "engine/test_compose.py",
    "docs/enterprise-gateway.md": "engine/test_compose.py",
    "docs/languages.md": "engine/test_languages.py",
    "docs/scale.md": "engine/test_benchmarks.py",
    "docs/swarm.md": "engine/test_docs_swarm.py",
    "docs/tutorial.md": "engine/test_docs.py",
} | {
    f"docs/how-to/{name}.md": "engine/test_docs.py"
    for name in (
        "change",
        "any-image-for-a-gateway",
        "gpu",
        "kernel-does-not-start",
        "limits",
        "migrate",
        "mount-data",
        "private-registry",
        "proxy",
        "pycharm",
        "python-image",
        "pytorch",
        "r",
        "sandbox",
        "several-specifications",
        "ssh",
        "swarm-placement",
        "switch-from-python",
        "vs-code",
        "warm",
    )
}
LANGUAGES = {"sh", "console", "dockerfile", "toml", "yaml", "python", "text", "json"}


def all_pages():
    """Every file in Markdown that there is, by its path in the repository."""
    listed = subprocess.run(LISTING, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.splitlines() if (ROOT / path).exists()]


@pytest.mark.parametrize("page", all_pages())
def test_commands_are_typed_or_say_why_not(page):
    blocks = [block for block in pages.blocks(page) if block.has_commands]
    assert all(block.reason is None or len(block.reason) > 10 for block in blocks)
    typed = [block.text for block in blocks if block.is_typed]
    assert bool(typed) == (page in TYPED), f"no test types these, and no mark says why: {typed}"


@pytest.mark.parametrize("page, test", TYPED.items())
def test_there_is_a_test_that_types_them(page, test):
    text = (ROOT / "tests" / test).read_text()
    assert f'"{page}"' in text and re.search(r"^from bed(\.pages)? import .*\b([pP]ages?)\b", text, re.M)


@pytest.mark.parametrize("page", all_pages())
def test_every_fence_is_read(page):
    text = (ROOT / page).read_text()
    fences = re.findall(r"^```(.*)$", text, re.M)
    blocks = list(pages.blocks(page))
    assert len(fences) == 2 * len(blocks), "a fence without a language, or within a list"
    assert {block.language for block in blocks} <= LANGUAGES
    marked = [block for block in blocks if block.reason]
    assert len(marked) == len(re.findall(r"<!-- not run\b", text)), "a mark without a fence after it"


def test_a_page_is_read(tmp_path):
    (tmp_path / "page.md").write_text(
        "# One\n```sh manager\nls\n```\n## Two\n<!-- not run: there\nis none -->\n```console\n"
        "$ a \\\n    b\nout\nmore\n$ c\n```\n<!-- a note -->\n```yaml\n# file.yml\na: b\n```\n"
    )
    one, two, file = pages.blocks(tmp_path / "page.md")
    assert (one.section, one.node, one.text, one.is_typed) == ("One", "manager", "ls\n", True)
    assert (two.section, two.reason, two.is_typed) == ("Two", "there\nis none", False)
    assert list(two.examples()) == [("a \\\n    b", "out\nmore\n"), ("c", "")]
    assert (file.file, file.reason) == ("file.yml", None)


@pytest.mark.parametrize(
    "shown, printed, expected",
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a ... c\n", "a b\nb c\n", True),
        ("a ... c\n", "a b\n", False),
        ("[I 2023-02-15 14:10:17.305 x] y", "[I 2026-01-01 00:00:00.000 x] y\n", True),
        ("(.*)", "anything", False),
    ],
)
def test_what_is_printed_is_compared(shown, printed, expected):
    assert pages.agree(shown, printed) is expected
