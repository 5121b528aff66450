"""Prints what `src/kernelspec/known_launchers.txt` has of launchers: `known_launchers.py NAME=FILE...`.

Of each line that does something - no comment, not empty - the beginning of a digest, which is enough to
tell whether and where somebody has changed a launcher.
"""

import hashlib
import sys
from pathlib import Path


def digests(text):
    """The digests of the lines of a launcher."""
    lines = (line.rstrip() for line in text.split("\n"))
    code = (line for line in lines if line and not line.lstrip().startswith("#"))
    return [hashlib.sha256(line.encode()).hexdigest()[:16] for line in code]


def main():
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        print(name, *digests(Path(path).read_text(encoding="utf-8")), sep="\n  ")


if __name__ == "__main__":
    main()
