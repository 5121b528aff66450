"""A proxy in front of an engine that does one thing wrong with one request of a launch.

Each launch has a proxy of its own, which knows the requests by what they ask for and their number:
the ids, the version and the query are left out.
"""

import contextlib
import json
import re
import select
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bed.proxy import send

VERSION = re.compile(r"^/v[0-9.]+/")
ID = re.compile(r"^(/(?:containers|services|tasks|networks)/)(?!create\b)[^/]+")
# How long an engine is away that refuses connections: less than a launcher waits for it.
AWAY = 1.0
STATUSES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Step:
    """A request of a launch: the `number`th that asks for this."""

    what: str
    number: int

    def __str__(self):
        return f"{self.what} #{self.number}"


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    data: bytes

    @property
    def what(self):
        """What it asks for; a version is asked for in one way or the other."""
        path = ID.sub(r"\1ID", VERSION.sub("/", self.path.partition("?")[0]))
        return path if path == "/_ping" else f"{self.method} {path}"


@dataclass
class Answer:
    """The beginning of the engine's answer, and whether more of it is to come."""

    head: bytes
    body: bytes
    endless: bool


class Closed(Exception):
    """The other side has gone."""


def receive(connection):
    try:
        data = connection.recv(65536)
    except OSError as error:
        raise Closed from error
    if not data:
        raise Closed
    return data


def head_and_rest(connection, data=b""):
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, end, rest = data.partition(b"\r\n\r\n")
    return head + end, rest


def header(head, name):
    match = re.search(rb"(?im)^" + name + rb": *([^\r\n]*)", head)
    return match[1].decode() if match else None


def read_request(client):
    head, body = head_and_rest(client)
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    length = int(header(head, b"content-length") or 0)
    while len(body) < length:
        body += receive(client)
    return Request(method, path, head + body)


def read_answer(engine, request):
    """Reads an answer; of one that does not end, what has come with its head."""
    head, body = head_and_rest(engine)
    status = int(head.split(b" ", 2)[1])
    length = header(head, b"content-length")
    if request.method == "HEAD" or status in (204, 304):
        return Answer(head, b"", endless=False)
    if length is not None:
        while len(body) < int(length):
            body += receive(engine)
        return Answer(head, body, endless=False)
    if header(head, b"transfer-encoding") == "chunked" and "/events" not in request.path:
        while not body.endswith(b"0\r\n\r\n"):
            body += receive(engine)
        return Answer(head, body, endless=False)
    return Answer(head, body, endless=True)


class Connection:
    """One connection of a launcher, and what is passed on from it to the engine."""

    def __init__(self, client, engine_socket, gone):
        self.client = client
        self.engine = socket.socket(socket.AF_UNIX)
        self.engine.connect(str(engine_socket))
        # Whether the engine is to pass for one that knows versions which it does not.
        self.newer = False
        # Set when the launcher has ended.
        self.gone = gone

    def close(self):
        for each in (self.client, self.engine):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def forward(self, request):
        """Has the engine do it, and returns its answer."""
        data = re.sub(rb"^(\w+) /v[0-9.]+/", rb"\1 /", request.data) if self.newer else request.data
        self.engine.sendall(data)
        return read_answer(self.engine, request)

    def wait_for_end(self):
        """Says nothing until the launcher has had enough."""
        with contextlib.suppress(Closed):
            while True:
                receive(self.client)

    def pass_on(self, answer, pace=None):
        """Gives the launcher an answer, and what still comes of it."""
        self.say(answer.head + answer.body, pace)
        while answer.endless:
            ready, _, _ = select.select([self.client, self.engine], [], [])
            if self.client in ready:
                receive(self.client)
            if self.engine in ready:
                self.say(receive(self.engine), pace)

    def say(self, data, pace=None):
        if pace is None:
            return send(self.client, data)
        for byte in data:
            send(self.client, bytes([byte]))
            time.sleep(pace)
        return None


def plain(status, reason, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} {reason}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def refusal(status, message="the proxy says no"):
    body = json.dumps({"message": message}).encode() + b"\n"
    return plain(status, STATUSES[status], body, "Content-Type: application/json")


# What can go wrong. Each is told the connection and the request, and returns whether the connection
# can be used again.


def hang(connection, request):
    connection.wait_for_end()


def hang_after(connection, request):
    connection.forward(request)
    connection.wait_for_end()


def forward_late(connection, request):
    """The engine gets to know when the launcher has given up, while it may be cleaning up."""
    connection.wait_for_end()
    connection.forward(request)


def forward_at_last(connection, request):
    """The engine gets to know when nobody is left to clean up."""
    connection.wait_for_end()
    connection.gone.wait()
    connection.forward(request)


def close_before(connection, request):
    pass


def close_after(connection, request):
    connection.forward(request)


def cut_head(connection, request):
    answer = connection.forward(request)
    connection.say(answer.head[: len(answer.head) // 2])


def cut_body(connection, request):
    """Of an answer without a body this leaves all, and closes the connection."""
    answer = connection.forward(request)
    connection.say(answer.head + answer.body[: len(answer.body) // 2])


def delay(connection, request):
    connection.pass_on(connection.forward(request), pace=0.001)
    return True


def refuse_with(status):
    def fault(connection, request):
        connection.say(refusal(status))
        return True

    return fault


def refuse_after(connection, request):
    """The engine does it, and what stands before it says that it did not."""
    connection.forward(request)
    connection.say(refusal(500))


def garbage(connection, request):
    connection.say(bytes(range(256)) * 4)


def garbage_after(connection, request):
    connection.forward(request)
    connection.say(bytes(range(255, -1, -1)) * 4)


def garbage_body(connection, request):
    connection.forward(request)
    connection.say(plain(200, "OK", b"\x1b[31m<html>\0\xff</html>\r\n"))


def empty_body(connection, request):
    connection.forward(request)
    connection.say(plain(200, "OK"))


def other_json(connection, request):
    connection.forward(request)
    connection.say(plain(200, "OK", b'[{"Id": null, "ID": 7}, null]\n'))


def endless(beginning, piece):
    def fault(connection, request):
        connection.forward(request)
        with contextlib.suppress(OSError):
            connection.client.sendall(beginning)
            # More than any limit, and not for ever where nobody reads.
            connection.client.settimeout(30)
            for _ in range(1024):
                connection.client.sendall(piece)

    return fault


huge_body = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n[", b" " * 65536)
huge_line = endless(b'HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"', b"x" * 65536)
huge_head = endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536)


def old_version(connection, request):
    if request.what == "/_ping":
        connection.say(plain(200, "OK", b"", "Api-Version: 1.24"))
    else:
        message = "client version 1.47 is too new. Maximum supported API version is 1.24"
        connection.say(refusal(400, message))


def future_version(connection, request):
    answer = connection.forward(request)
    answer.head = re.sub(rb"(?i)(api-version): [0-9.]+", rb"\1: 9.99", answer.head)
    connection.pass_on(answer)
    return True


AT_LAST = "forwards it after the end"
LATE = {"forwards it late": forward_late, AT_LAST: forward_at_last}
FAULTS = {
    "refuses connections": None,
    "hangs": hang,
    "hangs after it": hang_after,
    **LATE,
    "closes before it": close_before,
    "closes after it": close_after,
    "cuts the head": cut_head,
    "cuts the body": cut_body,
    "delays each byte": delay,
    **{f"answers {status}": refuse_with(status) for status in STATUSES},
    "answers 500 after it": refuse_after,
    "garbage": garbage,
    "garbage after it": garbage_after,
    "garbage for a body": garbage_body,
    "no body": empty_body,
    "other JSON": other_json,
    "huge body": huge_body,
    "huge line": huge_line,
    "huge head": huge_head,
    "old version": old_version,
    "future version": future_version,
}
# What a launcher does not even notice.
HARMLESS = {"delays each byte", "future version"}
# What can go on for ever without an end of its own.
# An engine that says of all that it does not exist is believed: that is what it says of what others
# have removed.
LASTING = ["hangs", "closes before it", "answers 403", "answers 409", "answers 500", "answers 503", "garbage"]


class FaultProxy:
    """Listens at `path`, and does `fault` to the request `step`: once, or to `all` from then on."""

    def __init__(self, path: Path, engine_socket: Path, step=None, fault=None, lasting=False):
        self.address = f"unix://{path}"
        self.steps = []
        self.struck = False
        # Whether what was to go wrong has come to its end.
        self.finished = threading.Event()
        # To be set when the launcher has ended.
        self.gone = threading.Event()
        self._path, self._engine_socket = path, engine_socket
        self._step, self._fault, self._lasting = step, fault, lasting
        self._before = None
        self._lock = threading.Lock()
        self._connections = []
        self._listener = self._accepting = None
        self._over = False

    def before(self, step):
        """Names the request after which the proxy goes away for a while, `None` for the start."""
        self._before = step
        return self

    def __enter__(self):
        if FAULTS.get(self._fault, self._fault) is None and self._step and self._before is None:
            self._go_away()
        else:
            self._listen()
        return self

    def __exit__(self, *_):
        with self._lock:
            self._over = True
            self._stop_listening()
            for connection in self._connections:
                connection.close()
        # For a thread that still waits for it, and finds its connection closed.
        self.gone.set()

    def _listen(self):
        with self._lock:
            if self._over:
                return
            self._path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            self._listener.listen()
            self._accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
            self._accepting.start()

    def _stop_listening(self):
        if self._listener is not None:
            # Closing alone would not wake the thread. It must have ended before that: the number of the
            # closed file may be that of another proxy's listener next, whose connection it would take.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._accepting.join()
            self._listener.close()
            self._listener = None

    def _go_away(self):
        """Nothing listens for a while; what is open stays so."""
        self.struck = True
        with self._lock:
            self._stop_listening()
        timer = threading.Timer(AWAY, self._listen)
        timer.daemon = True
        timer.start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            connection = Connection(client, self._engine_socket, self.gone)
            connection.newer = self._fault == "future version"
        except OSError:
            client.close()
            return
        with self._lock:
            self._connections.append(connection)
        with contextlib.suppress(Closed, OSError, ValueError):
            while self._one(connection, read_request(client)):
                pass
        connection.close()

    def _one(self, connection, request):
        with self._lock:
            number = 1 + sum(step.what == request.what for step in self.steps)
            step = Step(request.what, number)
            self.steps.append(step)
            strikes = step == self._step or (self._lasting and self.struck)
            fault = FAULTS[self._fault] if strikes and self._fault else None
            self.struck = self.struck or fault is not None
        if fault is not None:
            try:
                return fault(connection, request)
            finally:
                self.finished.set()
        if self._before is not None and step == self._before:
            self._go_away()
            answer = connection.forward(request)
            connection.pass_on(answer)
            return False
        connection.pass_on(connection.forward(request))
        return True
