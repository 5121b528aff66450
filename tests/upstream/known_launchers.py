"""Prints what `src/kernelspec/known_launchers.txt` has of launchers: `known_launchers.py NAME=FILE...`.

A digest of the lines that do something - no comments, not empty - tells whether somebody has edited one.
"""

import hashlib
import sys
from pathlib import Path


def digest(text):
    """The digest of a launcher."""
    lines = (line.rstrip() for line in text.split("\n"))
    code = (line for line in lines if line and not line.lstrip().startswith("#"))
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


def main():
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        print(digest(Path(path).read_text(encoding="utf-8")), name, sep="  ")


if __name__ == "__main__":
    main()
