"""Listens to what a launcher writes to its standard error, and finds in it why a launch has failed."""

import asyncio
import collections
import contextlib
import os
import re
import sys
import threading

from tornado.web import HTTPError

# How the launchers write their messages: level, time and name in brackets. Further lines are indented.
MESSAGE = re.compile(r"\[(?P<level>[DIWE]) [^\]]*\] (?P<text>.*)")
INDENT = "    "

# A word, or a command in backquotes, which is to be copied and so stays in one piece.
WORD = re.compile(r"(?:`[^`]*`|\S)+")

# The characters of a line in the window that tells the user, which JupyterLab does not break by itself.
WIDTH = 100

# Seconds that a launcher may still take to say why, once the server has given the launch up.
LAST_WORDS = 1.5

# The last lines that are kept, and the most characters that somebody is shown.
LINES = 200
LONGEST = 4000


class LauncherOutput:
    """The standard error of a launcher, which goes on to that of the server as if nobody listened.

    To be used as a context around the launch, in which `writer` is what the launcher gets as its standard
    error. After that, what it still writes goes on to the server's.
    """

    def __init__(self):
        self._lines = collections.deque(maxlen=LINES)

    def __enter__(self):
        reader, self.writer = os.pipe()
        self._thread = threading.Thread(target=self._hand_on, args=[reader], daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._close()

    def _close(self):
        # Only the launcher shall hold it: the end of its output is the end of the launcher then.
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None

    def _hand_on(self, reader):
        with open(reader, "rb") as output:
            for line in output:
                self._lines.append(line.decode(errors="replace").rstrip())
                # The server's own may be closed; the launcher is not to suffer from it.
                with contextlib.suppress(OSError, ValueError):
                    os.write(sys.__stderr__.fileno(), line)

    async def reason(self):
        """Why the launch has failed, in the launcher's words; empty if it has said nothing."""
        self._close()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, LAST_WORDS)
        return reason_in(list(self._lines))


class LaunchError(HTTPError):
    """The kernel could not be launched; the text says why.

    Servers answer with the text as it is, which is the message of an HTTP error, or with what they add to
    the text of any exception. Enterprise Gateway has its clients read the `reason` of the status instead.
    """

    def __init__(self, text, in_status=False):
        if in_status:
            # What HTTP takes in the line with the status: one line, of ASCII.
            line = " ".join(text.split()).encode("ascii", "replace").decode()
            super().__init__(500, reason=line)
        else:
            text = "\n".join(map(wrapped, text.split("\n")))
            super().__init__(500, text)
        self.text = text

    def __str__(self):
        return self.text


def wrapped(line):
    """The line as several, if it is too long for one."""
    if len(line) <= WIDTH:
        return line
    lines = [""]
    for word in WORD.findall(line):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines)


def reason_in(lines):
    """The errors in what a launcher has written; its last line if it is not one of this project's, such as
    what the traceback of a Python program ends with."""
    errors, last = [], None
    for line in lines:
        message = MESSAGE.match(line)
        if message:
            last = [message["text"]]
            if message["level"] == "E":
                errors.append(last)
        elif last is not None and (line.startswith(INDENT) or not line):
            last.append(line[len(INDENT) :])
    text = "\n".join("\n".join(error) for error in errors)
    if not text:
        text = next((line for line in reversed(lines) if line and not MESSAGE.match(line)), "")
    text = text.strip()
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
