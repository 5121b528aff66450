"""Listens to what a launcher writes to its standard error, and finds in it why a launch has failed."""

import asyncio
import collections
import contextlib
import os
import re
import sys
import threading
import time

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

# The last lines that are kept, the most characters that somebody is shown, and the most lines that wait for
# the server's standard error to take them, with the most bytes of one.
LINES = 200
LONGEST = 4000
WAITING_LINES = 2000
LONGEST_LINE = 8 * 1024

# How many lines of a kernel's own somebody is shown.
LAST_LINES = 10


class LauncherOutput:
    """The standard error of a launcher, which goes on to that of the server as if nobody listened.

    To be used as a context around the launch, in which `writer` is what the launcher gets as its standard
    error. After that, what it still writes goes on to the server's. The launcher never waits for it, and it is
    read to its end: a program that nobody listens to any more dies of what it says.
    """

    def __init__(self):
        self.writer = None
        self._lines = collections.deque(maxlen=LINES)
        self._onward = Onward()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._reader, writer = os.pipe()
        try:
            self._thread.start()
        except RuntimeError:
            # There may be no more threads: the launcher then has the server's standard error.
            os.close(self._reader)
            os.close(writer)
        else:
            self.writer = writer
        return self

    def __exit__(self, *_):
        self._close()

    def _close(self):
        # Only the launcher shall hold it: the end of its output is the end of the launcher then.
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None

    def _read(self):
        with self._onward as onward, open(self._reader, "rb") as output:
            while line := output.readline(LONGEST_LINE):
                self._lines.append(line.decode(errors="replace").rstrip())
                onward.put(line)

    def _join(self):
        if self._thread.ident is not None:
            until = time.monotonic() + LAST_WORDS
            self._thread.join(LAST_WORDS)
            self._onward.join(max(0, until - time.monotonic()))

    async def reason(self):
        """Why the launch has failed, in the launcher's words; empty if it has said nothing."""
        await self._end()
        return reason_in(list(self._lines))

    async def reason_and_output(self):
        """The same, and the last that the kernel itself has written."""
        await self._end()
        lines = list(self._lines)
        reason, output = reason_in(lines), output_in(lines)
        if not output or output in reason:
            return reason
        return f"{reason}\nIts last output:\n{output}"

    async def _end(self):
        self._close()
        await asyncio.get_running_loop().run_in_executor(None, self._join)


class Onward:
    """What a launcher writes on its way to the server's standard error, which may be closed, or have nobody who
    reads it: then the oldest lines are lost, and nobody waits."""

    def __init__(self):
        self._lines = collections.deque(maxlen=WAITING_LINES)
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self):
        with contextlib.suppress(RuntimeError):
            self._thread.start()
        return self

    def __exit__(self, *_):
        with self._changed:
            self._ended = True
            self._changed.notify()

    def put(self, line):
        with self._changed:
            self._lines.append(line)
            self._changed.notify()

    def join(self, seconds):
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _write(self):
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._ended)
                if not self._lines:
                    return
                line = self._lines.popleft()
            # There may be none, or one that is closed.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                while line:
                    line = line[os.write(sys.__stderr__.fileno(), line) :]


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


def output_in(lines):
    """The last lines that are not a launcher's own."""
    others, is_message = [], False
    for line in lines:
        is_message = bool(MESSAGE.match(line)) or (is_message and line.startswith(INDENT))
        if not is_message:
            others.append(line)
    text = "\n".join(others[-LAST_LINES:]).strip()
    return text if len(text) <= LONGEST else "..." + text[-LONGEST:]


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
