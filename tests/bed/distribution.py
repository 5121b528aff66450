"""The registry that Docker's own tools come from, `docker-registry`, as people run it: with TLS, with
passwords or tokens, and behind lines that are slow or break.

It listens on the address that the tests have beside the loopback interface, because an engine takes
what is on 127.0.0.1 without looking at its certificate.
"""

import base64
import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bed import tls
from bed.patience import wait_for

ADDRESS = "192.0.2.1"
# Where an engine looks for the authorities of registries. `bed/namespace` has made it the tests' own.
TRUSTED = Path("/etc/docker/certs.d")

USER = "ann"
PASSWORD = "correct-horse-9d3f"
IDENTITY = "identity-token-71c2"
# The password again, as bcrypt writes it down.
HASH = "$2b$04$.w7sbAs/yiHRiPK1/j02legih0RGV71wvBTTx6g4nyka3XmTYBeXe"

SERVICE = "registry of the tests"
ACCESS = re.compile(r'"(GET|HEAD) (/v2/\S*) HTTP/[0-9.]+" (\d+) ')


def encoded(user=USER, password=PASSWORD):
    """A user and a password as `docker login` writes them down."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def assert_unsaid(*texts):
    """None of the secrets has been told."""
    secrets = [PASSWORD, IDENTITY, encoded(), base64.b64encode(PASSWORD.encode()).decode().rstrip("=")]
    for text in texts:
        for secret in secrets:
            assert secret not in text, f"{secret} is told in:\n{text}"


class Authority:
    """Signs for the servers of a run, and has engines trust them."""

    def __init__(self, directory: Path):
        self.directory = directory
        tls.authority(directory / "authority")
        tls.certificate(directory, directory / "authority", f"subjectAltName=IP:{ADDRESS}\n")
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"

    def trust(self, host):
        """Has engines take this authority for a host."""
        place = TRUSTED / host
        place.mkdir(parents=True, exist_ok=True)
        (place / "ca.crt").write_bytes((self.directory / "ca.pem").read_bytes())


class Distribution:
    """One `docker-registry`. Several can have the same storage."""

    def __init__(self, program, run: Path, storage: Path, authority=None, auth=None):
        address = ADDRESS if authority else "127.0.0.1"
        with socket.create_server((address, 0)) as free:
            self.port = free.getsockname()[1]
        self.host = f"{address}:{self.port}"
        if authority:
            authority.trust(self.host)
        http = {"addr": self.host, "secret": "of the tests"}
        if authority:
            http["tls"] = {"certificate": str(authority.certificate), "key": str(authority.key)}
        configuration = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(storage)}},
            "http": http,
        }
        if auth:
            configuration["auth"] = auth
        name = run / f"registry-{self.port}"
        self._log = name.with_suffix(".log")
        # JSON is YAML as well.
        name.with_suffix(".yml").write_text(json.dumps(configuration))
        self._process = subprocess.Popen(
            [program, "serve", name.with_suffix(".yml")],
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(self._listens, lambda: f"no registry\n{self._log.read_text()}")
        except BaseException:
            self.stop()
            raise

    def _listens(self):
        assert self._process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(self.host.rsplit(":", 1), 1):
            return True
        return False

    def stop(self):
        self._process.kill()
        self._process.wait()

    def requests(self):
        """What it was asked, and the status of its answer: `GET /v2/...` and 200."""
        found = ACCESS.findall(self._log.read_text())
        return [(f"{method} {path}", int(status)) for method, path, status in found]

    def asked(self, what):
        """How many answers it has given that were neither refusals nor errors."""
        return sum(what in request and status == 200 for request, status in self.requests())


def passwords(directory: Path):
    """The settings by which a registry knows one user by a password."""
    file = directory / "htpasswd"
    file.write_text(f"{USER}:{HASH}\n")
    return {"htpasswd": {"realm": "tests", "path": str(file)}}


class TokenServer:
    """Gives tokens for a registry: for a password, and for an identity token.
    https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self, authority):
        self._authority = authority
        self.given = []
        handler = type("Handler", (_TokenHandler,), {"server_of_tokens": self})
        self._server = ThreadingHTTPServer((ADDRESS, 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate, authority.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.settings = {
            "token": {
                "realm": f"https://{ADDRESS}:{self._server.server_port}/token",
                "service": SERVICE,
                "issuer": "tests",
                "rootcertbundle": str(authority.certificate),
            }
        }

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def token(self, scope):
        """A token for pulling from one repository: a JSON Web Token, signed as RS256."""
        certificate = self._authority.certificate.read_text().split("-----")[2]
        now = int(time.time())
        claims = {
            "iss": "tests",
            "sub": USER,
            "aud": SERVICE,
            "exp": now + 600,
            "nbf": now - 60,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "access": [],
        }
        if scope:
            kind, name, _ = scope.split(":")
            claims["access"] = [{"type": kind, "name": name, "actions": ["pull"]}]
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(certificate.split())]}
        signed = ".".join(_url(json.dumps(part).encode()) for part in (header, claims))
        sign = ["openssl", "dgst", "-sha256", "-sign", self._authority.key]
        signature = subprocess.run(sign, input=signed.encode(), capture_output=True, check=True)
        return f"{signed}.{_url(signature.stdout)}"


def _url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _TokenHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_tokens = None

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        right = self.headers["Authorization"] == f"Basic {encoded()}"
        self._answer("password", right, query.get("scope"), "token")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = urllib.parse.parse_qs(body)
        right = form.get("grant_type") == ["refresh_token"] and form["refresh_token"] == [IDENTITY]
        self._answer("identity token", right, form.get("scope"), "access_token")

    def _answer(self, kind, right, scope, field):
        server = self.server_of_tokens
        answer = {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}
        if right:
            server.given.append(kind)
            answer = {field: server.token(scope and scope[0]), "expires_in": 600}
        body = json.dumps(answer).encode()
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing: the tests look at what is said by others."""


class Line:
    """A line to a registry that brings so many bytes a second, and breaks after so many."""

    def __init__(self, registry, authority, speed=None, breaks_after=None):
        self.speed, self.left = speed, breaks_after
        self._registry = registry
        self._closing, self._turns, self._free_at = threading.Event(), threading.Lock(), 0.0
        self._listener = socket.create_server((ADDRESS, 0))
        self.host = f"{ADDRESS}:{self._listener.getsockname()[1]}"
        authority.trust(self.host)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        # Closing alone would not wake the thread that waits for a connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def mend(self):
        """Has it break no more, and bring as much as it can."""
        self.left = self.speed = None

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._registry.host.rsplit(":", 1))
            for source, target, down in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, target, down), daemon=True).start()

    def _waits(self, size):
        """All connections share the line, and each has its turn."""
        speed = self.speed
        if not speed:
            return self._closing.is_set()
        with self._turns:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + size / speed
            pause = self._free_at - now
        return self._closing.wait(pause)

    def _pass(self, source, target, down):
        with contextlib.suppress(OSError):
            while data := source.recv(16 * 1024):
                if down and self.left is not None:
                    self.left -= len(data)
                    if self.left < 0:
                        break
                if down and self._waits(len(data)):
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
