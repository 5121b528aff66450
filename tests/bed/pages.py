"""The pages of the documentation, whose commands are tested: they are typed as they stand there.

A page has sections, and a section has blocks in fences. What a block is, its language says:

    sh                   commands, which have to succeed; `sh NODE` where they are typed in a Swarm
    console              commands after `$ `, each with what it prints; `...` in that is anything
    dockerfile           the file `Dockerfile`; only shown if it is a part of one
    toml, yaml, python   a file, named in a comment on the first line; without one it is only shown
    text, json           only shown

Commands that no test types have the reason in front, which readers do not see:

    <!-- not run: needs an account at a registry -->

`tests/book` looks whether each command of each page is typed or has a reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^#+ (?P<heading>.+?)$"
    r"|(?:^<!-- not run: (?P<reason>(?:(?!-->).)+?) -->\n+)?"
    r"^```(?P<language>\w+)(?: (?P<node>\S+))?\n(?P<text>.*?)^```$",
    re.M | re.S,
)
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


@dataclass
class Block:
    """What stands in a fence, and below which heading."""

    section: str
    language: str
    node: str | None
    reason: str | None
    text: str

    @property
    def has_commands(self):
        """Whether there is something in it to type."""
        return self.language in ("sh", "console")

    @property
    def is_typed(self):
        """Whether a test has to type it."""
        return self.has_commands and not self.reason

    @property
    def file(self):
        """The name of the file that this is, if it is one."""
        if self.language == "dockerfile":
            return "Dockerfile" if re.match(r"FROM|ARG", self.text) else None
        named = re.match(r"# ([\w.-]+\.(?:toml|yml|yaml|py))\n", self.text)
        return named[1] if named and self.language in ("toml", "yaml", "python") else None

    def examples(self):
        """The commands of a console, each with what it prints."""
        assert self.language == "console"
        for command, output in re.findall(
            r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", self.text, re.M
        ):
            yield command, output


def blocks(page):
    """The blocks of a page, in their order."""
    section = ""
    for found in BLOCK.finditer((PAGES / page).read_text()):
        if found["heading"]:
            section = found["heading"]
        else:
            yield Block(section, *found.group("language", "node", "reason", "text"))


def agree(shown, printed):
    """Whether a command has printed what a page shows, at whatever time."""
    shown, printed = (TIME.sub("TIME", text).strip() for text in (shown, printed))
    pattern = ".*".join(map(re.escape, shown.split("...")))
    return re.fullmatch(pattern, printed, re.S) is not None


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
        return "".join(self._do(block, environment) for block in found if not block.reason)

    def follow_all(self):
        """Does what the page says, from its beginning to its end."""
        for section in dict.fromkeys(block.section for block in self.blocks):
            self.follow(section)

    def _do(self, block, environment):
        if block.file:
            (self.workplace.directory / block.file).write_text(block.text)
        elif block.language == "sh":
            return self.workplace.sh(block.text, **environment)
        elif block.language == "console":
            return "".join(self._compare(*example, environment) for example in block.examples())
        return ""

    def _compare(self, command, shown, environment):
        done = self.workplace.attempt(command, **environment)
        assert agree(shown, done.stdout), f"$ {command}\n{done.stdout}\nand the page has\n{shown}"
        # What fails shows an error.
        assert done.returncode == 0 or re.search(r"\[E |\berrors?\b", shown), done
        return done.stdout


def sections(page):
    """The sections that say what to type."""
    return {block.section for block in blocks(page) if block.is_typed or block.file}
