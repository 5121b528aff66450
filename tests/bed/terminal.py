"""A program on a terminal, and what can be seen there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

from bed.patience import PATIENCE


class Terminal:
    """Runs a command on a terminal of its own, of which it is the only program."""

    def __init__(self, command, environment, columns=80, lines=24):
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        # Each different picture that could be seen.
        self.pictures = []
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.modes_before, self.modes_after = self.modes(), None
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env={"TERM": "xterm-256color"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.modes_after = self.modes()
        os.close(self._master)

    def modes(self):
        """What the terminal does with what is typed."""
        return termios.tcgetattr(self._master)[3]

    def rows(self):
        """The lines that are not empty."""
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def look(self, until=lambda: False, seconds=PATIENCE):
        """Looks until there is something to see, or the program has ended."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "\n".join(self.rows())
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # nobody has the terminal open
                return
            self.written += data
            self._stream.feed(data)
            if not self.pictures or self.rows() != self.pictures[-1]:
                self.pictures.append(self.rows())

    def press(self, keys):
        os.write(self._master, keys)
