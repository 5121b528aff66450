"""Has links that are written for the forge lead to the same place in the book: a preprocessor of mdBook.

A link is relative to the file that it stands in, which may be one outside of this directory that a chapter
includes. What is not in the book is linked to where the sources are published, if `git-repository-url` says
where, and else loses its link.
"""

import json
import os.path
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
INCLUDED = re.compile(r"\{\{#include (\S+)\}\}\n?")
# A link, or a fence in which there are none.
LINK = re.compile(r"^```.*?^```|\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)", re.M | re.S)


def chapters(items):
    """All chapters below these items of a book."""
    for item in items:
        if isinstance(item, dict) and (chapter := item.get("Chapter")):
            yield chapter
            yield from chapters(chapter["sub_items"])


def source(page):
    """The file that a page of the book is written in, by its path in the repository."""
    text = (DOCS / page).read_text()
    if included := INCLUDED.fullmatch(text):
        return os.path.normpath(f"docs/{included[1]}")
    return f"docs/{page}"


def in_book(text, page, pages, repository):
    """The text of a page with links of the book; `pages` has the page of each file."""
    file = source(page)

    def link(found):
        if found["path"] is None:
            return found[0]
        target = os.path.normpath(os.path.join(os.path.dirname(file), found["path"]))
        anchor = found["anchor"] or ""
        if target in pages:
            path = os.path.relpath(pages[target], os.path.dirname(page) or ".")
        elif target.startswith("docs/") and (ROOT / target).is_file():
            path = os.path.relpath(target, os.path.dirname(f"docs/{page}"))
        elif repository:
            path = f"{repository.rstrip('/')}/blob/HEAD/{target}"
        else:
            return found["text"]
        return f"[{found['text']}]({path}{anchor})"

    return LINK.sub(link, text)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    html = context["config"].get("output", {}).get("html", {})
    found = [chapter for chapter in chapters(book.get("items") or book["sections"]) if chapter["path"]]
    pages = {source(chapter["path"]): chapter["path"] for chapter in found}
    for chapter in found:
        repository = html.get("git-repository-url")
        chapter["content"] = in_book(chapter["content"], chapter["path"], pages, repository)
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
