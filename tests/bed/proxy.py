"""A socket in front of an engine's: it lists the requests, and can hold back an answer.

With an answer held back a test can act at an instant that otherwise lasts a millisecond, such as
the one at which the engine has made a container and the launcher does not know yet.
"""

import re
import socket
import threading
from pathlib import Path

REQUEST = re.compile(
    rb"^([A-Z]+) (?:http://[^/ ]*)?(?:/v[0-9.]+)?(/\S*) HTTP/1\.1\r\n", re.MULTILINE
)


class Proxy:
    """Listens at `path` and passes everything to and from the engine's socket."""

    def __init__(self, path: Path, engine_socket: Path, hold=None):
        self.address = f"unix://{path}"
        self.requests = []
        # All that was sent to the engine, as it came.
        self.sent = b""
        self.held = threading.Event()
        self.release = threading.Event()
        self._hold = hold and re.compile(hold)
        # Both sides of each connection, with the requests that came on it.
        self._carried = []
        self._engine = str(engine_socket)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self._listener.close()

    def cut(self, request=""):
        """Breaks the connections on which such a request has come."""
        for requests, *sides in self._carried:
            if re.search(request, "\n".join(requests)):
                for side in sides:
                    close(side)

    def said(self, data):
        """What the engine is sent in the place of this; for those that change it."""
        return data

    def heard(self, data):
        """What the engine has just sent; for those that listen."""

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            try:
                engine.connect(self._engine)
            except OSError:  # it is not there, and so nothing is
                client.close()
                continue
            holding, requests = threading.Event(), []
            self._carried.append((requests, client, engine))
            up = (client, engine, holding, requests)
            threading.Thread(target=self._up, args=up, daemon=True).start()
            threading.Thread(target=self._down, args=(engine, client, holding), daemon=True).start()

    def _up(self, client, engine, holding, requests):
        for data in chunks(client):
            self.sent += data
            for method, path in REQUEST.findall(data):
                request = f"{method.decode()} {path.decode()}"
                self.requests.append(request)
                requests.append(request)
                if self._hold and self._hold.search(request):
                    holding.set()
            send(engine, self.said(data))
        close_writing(engine)

    def _down(self, engine, client, holding):
        for data in chunks(engine):
            self.heard(data)
            if holding.is_set():
                self.held.set()
                self.release.wait()
                holding.clear()
            send(client, data)
        close_writing(client)


def chunks(connection):
    """What arrives, until the other side closes."""
    while True:
        try:
            data = connection.recv(65536)
        except OSError:
            return
        if not data:
            return
        yield data


def send(connection, data):
    """Sends, unless nobody is there any more."""
    try:
        connection.sendall(data)
    except OSError:
        pass


def close_writing(connection, how=socket.SHUT_WR):
    """Hands on that the other side has closed."""
    try:
        connection.shutdown(how)
    except OSError:
        pass


def close(connection):
    """Ends a connection both ways, also for a thread that reads from it."""
    close_writing(connection, socket.SHUT_RDWR)
