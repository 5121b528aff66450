"""Every link within the documentation leads somewhere: in the files, as a forge shows them, and in the book."""

import re
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest

from test_pages import ROOT, all_pages

BOOK = ROOT / "target" / "book"
FENCE = re.compile(r"^```.*?^```\n", re.M | re.S)
OUTSIDE = re.compile(r"[a-z]+:|//")


def anchors(page):
    """The anchors that a forge gives to the headings of a page."""
    seen = {}
    for heading in re.findall(r"^#+ (.+?)$", FENCE.sub("", page.read_text()), re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = seen[name] = seen.get(name, -1) + 1
        yield f"{name}-{count}" if count else name


def broken(page):
    """The links of a file in Markdown that lead nowhere."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href|srcset)=\"([^\"]+)\"", text)
    for link in links:
        if OUTSIDE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", all_pages())
def test_links_of_the_files(page):
    assert not list(broken(ROOT / page))


class Links(HTMLParser):
    """What an HTML page links to, and the anchors it has."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        link = given.get("href") or given.get("src")
        if link and tag in ("a", "img", "script", "link") and not OUTSIDE.match(link):
            self.links.append(urllib.parse.unquote(link))


@pytest.fixture(scope="module")
def book():
    """Every page of the book."""
    assert (BOOK / "index.html").exists(), f"no {BOOK}: tests/run book makes it"
    paths = [path for path in BOOK.rglob("*.html") if path.name not in ("print.html", "404.html")]
    return {path: Links(path) for path in paths}


def test_links_of_the_book(book):
    wrong = []
    for path, page in book.items():
        for link in page.links:
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            fits = not anchor or target.suffix != ".html" or anchor in book[target].anchors
            if not (target.is_file() and fits):
                wrong.append(f"{path.relative_to(BOOK)}: {link}")
    assert not wrong, "\n".join(wrong)


def test_the_book_has_every_page(book):
    """A page that nothing leads to is not in the book."""
    pages = {Path(page).relative_to("docs") for page in all_pages() if page.startswith("docs/")}
    pages -= {Path("SUMMARY.md"), Path("logos/README.md")}
    missing = {page for page in pages if BOOK / page.with_suffix(".html") not in book}
    assert not missing


def test_what_is_written_for_the_forge_is_linked_in_the_book(book):
    """The README is the first page, and what it links to in `docs` is beside it there."""
    links = book[BOOK / "introduction.html"].links
    assert "tutorial.html" in links and "reference/install.html" in links
    assert not [link for link in links if link.startswith("docs/") and ".css" not in link]
