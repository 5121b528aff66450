"""The pages of the documentation, whose commands are tested: they are typed as they stand there.

A page has sections, and a section has blocks in fences. What a block is, its language says:

    sh           commands, which have to succeed
    console      commands after `$ `, each with what it prints
    dockerfile   the file `Dockerfile`
    toml, yaml   a file, named in a comment on the first line; without one it is only shown
    text, json   only shown
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parents[2]
BLOCK = re.compile(r"^#+ (?P<heading>.+?)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass
class Block:
    """What stands in a fence, and below which heading."""

    section: str
    language: str
    text: str

    @property
    def file(self):
        """The name of the file that this is, if it is one."""
        if self.language == "dockerfile":
            return "Dockerfile"
        named = re.match(r"# ([\w.-]+\.(?:toml|yml|yaml))\n", self.text)
        return named[1] if named and self.language in ("toml", "yaml") else None

    def examples(self):
        """The commands of a console, each with what it prints."""
        assert self.language == "console"
        for example in self.text.split("$ ")[1:]:
            command, _, output = example.partition("\n")
            yield command, output


def blocks(page):
    """The blocks of a page, in their order."""
    section = ""
    for found in BLOCK.finditer((PAGES / page).read_text()):
        if found["heading"]:
            section = found["heading"]
        else:
            yield Block(section, found["language"], found["text"])


class Page:
    """A page whose commands are typed, section by section, at a workplace."""

    def __init__(self, page, workplace):
        self.blocks = list(blocks(page))
        self.workplace = workplace
        self.done = set()

    def follow(self, section, **environment):
        """Does what a section says; what its commands have printed."""
        found = [block for block in self.blocks if block.section == section]
        assert found, f"no commands below {section!r}"
        self.done.add(section)
        printed = ""
        for block in found:
            if block.file:
                (self.workplace.directory / block.file).write_text(block.text)
            elif block.language == "sh":
                printed += self.workplace.sh(block.text, **environment)
        return printed


def sections(page):
    """The sections that say what to type."""
    return {block.section for block in blocks(page) if block.language == "sh" or block.file}
