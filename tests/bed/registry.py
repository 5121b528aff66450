"""A registry of one image, on a free port of the loopback interface, or of another address.

It can be slow, ask for a password, or never answer; an engine speaks plain HTTP to 127.0.0.1.
"""

import base64
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CHUNK = 32 * 1024


class Registry:
    """Serves an image that it takes from the engine, under any name and tag."""

    def __init__(
        self, engine, image, seconds=0.0, credentials=None, hangs=False, address="127.0.0.1"
    ):
        self.seconds, self.hangs = seconds, hangs
        self.expected = None
        if credentials:
            self.expected = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
        self.closing = threading.Event()
        self.blobs = {}
        self.manifest = self._load(engine, image)
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer((address, 0), handler)
        self.host = f"{address}:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _load(self, engine, image):
        saved = subprocess.run(
            ["docker", "--host", engine.address, "save", image], capture_output=True, check=True
        )
        # What the engine still had it would not pull.
        engine.docker("image", "rm", image)
        with tarfile.open(fileobj=io.BytesIO(saved.stdout)) as archive:
            index = json.load(archive.extractfile("manifest.json"))[0]
            config = self._add(archive.extractfile(index["Config"]).read(), CONFIG)
            layers = [
                self._add(gzip.compress(archive.extractfile(name).read(), 1), LAYER)
                for name in index["Layers"]
            ]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return json.dumps(manifest).encode()

    def _add(self, data, media_type):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": media_type, "size": len(data), "digest": digest}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def do_GET(self):
        registry = self.registry
        if registry.hangs:
            registry.closing.wait()
            self.close_connection = True
        elif registry.expected and self.headers["Authorization"] != registry.expected:
            self._answer(401, b"{}", challenge='Basic realm="test"')
        elif self.path == "/v2/":
            self._answer(200, b"{}")
        elif "/no-such/" in self.path:
            errors = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            self._answer(404, json.dumps(errors).encode())
        elif "/manifests/" in self.path:
            self._answer(200, registry.manifest, MANIFEST)
        elif blob := registry.blobs.get(self.path.rsplit("/", 1)[-1]):
            self._answer(200, blob, "application/octet-stream", registry.seconds)
        else:
            self._answer(404, b"{}")

    do_HEAD = do_GET

    def _answer(self, status, body, media_type="application/json", seconds=0.0, challenge=None):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if media_type == MANIFEST:
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            self.send_header("Docker-Content-Digest", digest)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        if self.command == "HEAD":
            return
        pause = seconds * CHUNK / max(len(body), CHUNK)
        for start in range(0, len(body), CHUNK):
            if self.registry.closing.wait(pause):
                break
            self.wfile.write(body[start : start + CHUNK])

    def log_message(self, *_):
        """Says nothing: the tests look at the launcher's log."""
