"""An engine that is none: it says yes to everything, and keeps what it is asked to create."""

import json
import socketserver
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

ID = "c" * 64


class Recorder:
    """Listens on `path` until it is closed. `created` is the body of the last request that creates something,
    `connected` are those that attach it to networks."""

    def __init__(self, path):
        self.host = f"unix://{path}"
        self.forget()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                recorder.answer(self)

            do_GET = do_HEAD = do_POST = do_DELETE = answer

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                request, _ = super().get_request()
                return request, ("client", 0)

        self.server = Server(str(path), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        self.created, self.platform, self.connected = None, None, {}

    def answer(self, request):
        body = json.loads(read_body(request) or b"null")
        target = urllib.parse.urlsplit(request.path)
        path = target.path.split("/")
        path = "/".join(path[2:] if path[1].startswith("v1.") else path[1:])
        query = dict(urllib.parse.parse_qsl(target.query))
        status, answer = 200, {}
        if path in ("containers/create", "services/create"):
            self.created, self.platform = body, query.get("platform")
            status, answer = 201, {"Id": ID, "ID": ID, "Warnings": []}
        elif path.startswith("networks/") and path.endswith("/connect"):
            self.connected[path.split("/")[1]] = body["EndpointConfig"]
        elif path.startswith("networks/"):
            answer = {"Id": path.split("/")[1], "Name": path.split("/")[1], "Scope": "swarm"}
        elif path == "secrets":
            names = json.loads(query["filters"])["name"]
            answer = [{"ID": f"id-{name}", "Spec": {"Name": name}} for name in names]
        elif path.startswith("images/") and path.endswith("/json"):
            answer = {"Id": ID}
        elif path == "info":
            answer = {"OSType": "linux", "Swarm": {"ControlAvailable": True}}
        elif path != "_ping":
            # A launch ends here: that is all that was wanted of it.
            status, answer = 404, {"message": "no such object"}
        text = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Api-Version", "1.50")
        request.send_header("Ostype", "linux")
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(text)


def read_body(request):
    if "chunked" not in request.headers.get("Transfer-Encoding", ""):
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    return body
