"""A whole kernel in one file, for tests that run many at once.

It tells the server where it is as the images' bootstrap does, listens for the server's signals, and
speaks as much of the messaging protocol as a notebook's cell needs: https://jupyter-client.readthedocs.io
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import threading
import traceback
import uuid
from datetime import datetime, timezone

import zmq
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

DELIMITER = b"<IDS|MSG>"
KEY = uuid.uuid4().hex.encode()


def sealed(information):
    """The connection information, as only the server can read it."""
    key = os.urandom(16)
    public = load_der_public_key(base64.b64decode(os.environ["PUBLIC_KEY"]))
    padder = padding.PKCS7(128).padder()
    padded = padder.update(json.dumps(information).encode()) + padder.finalize()
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    parts = {
        "key": public.encrypt(key, PKCS1v15()),
        "conn_info": cipher.update(padded) + cipher.finalize(),
    }
    encoded = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return base64.b64encode(json.dumps({"version": 1, **encoded}).encode())


def listen(listener):
    """Does what the server asks for by other ways than the channels: signals, and to end."""
    while True:
        connection, _ = listener.accept()
        with connection:
            request = json.loads(b"".join(iter(lambda: connection.recv(1024), b"")) or b"{}")
        if request.get("signum"):
            os.kill(os.getpid(), request["signum"])
        if request.get("shutdown"):
            os._exit(0)


def beat(heart):
    """The server hears its own words: the kernel is there."""
    while True:
        heart.send(heart.recv())


class Stream:
    """What code prints, sent to the notebook."""

    encoding = "utf-8"

    def __init__(self, kernel, name):
        self.kernel, self.name = kernel, name

    def write(self, text):
        if text:
            self.kernel.publish("stream", {"name": self.name, "text": text})
        return len(text)

    def flush(self):
        """Nothing waits."""


class Kernel:
    """The channels, and the names that code has given to things."""

    def __init__(self):
        self.context = zmq.Context()
        self.ports = {}
        self.shell = self.bind("shell", zmq.ROUTER)
        self.control = self.bind("control", zmq.ROUTER)
        self.iopub = self.bind("iopub", zmq.PUB)
        self.stdin = self.bind("stdin", zmq.ROUTER)
        heart = self.bind("hb", zmq.REP)
        threading.Thread(target=beat, args=(heart,), daemon=True).start()
        self.parent = {}
        self.count = 0
        self.names = {"__name__": "__main__"}
        self.busy = False
        signal.signal(signal.SIGINT, self.interrupt)

    def bind(self, channel, kind):
        bound = self.context.socket(kind)
        self.ports[f"{channel}_port"] = bound.bind_to_random_port("tcp://0.0.0.0")
        return bound

    def interrupt(self, *_):
        if self.busy:
            raise KeyboardInterrupt

    def send(self, channel, kind, content, to=()):
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "username": "kernel",
            "session": KEY.decode(),
            "date": datetime.now(timezone.utc).isoformat(),
            "version": "5.3",
        }
        parts = [json.dumps(part).encode() for part in (header, self.parent, {}, content)]
        channel.send_multipart([*to, DELIMITER, sign(parts), *parts])

    def publish(self, kind, content):
        self.send(self.iopub, kind, content, [kind.encode()])

    def run(self):
        poller = zmq.Poller()
        poller.register(self.shell, zmq.POLLIN)
        poller.register(self.control, zmq.POLLIN)
        while True:
            for channel, _ in poller.poll():
                self.answer(channel)

    def answer(self, channel):
        """Takes one request, and answers it if it is known."""
        words = channel.recv_multipart()
        start = words.index(DELIMITER)
        parts = words[start + 2 : start + 6]
        if not hmac.compare_digest(words[start + 1], sign(parts)):
            return
        self.parent, _, _, content = map(json.loads, parts)
        kind = self.parent["msg_type"]
        answer = getattr(self, kind, None)
        self.publish("status", {"execution_state": "busy"})
        if answer and kind.endswith("_request"):
            reply = answer(content)
            self.send(channel, kind.replace("_request", "_reply"), reply, words[:start])
        self.publish("status", {"execution_state": "idle"})
        if kind == "shutdown_request":
            self.context.destroy(linger=500)
            sys.exit(0)

    def kernel_info_request(self, _):
        version = sys.version.split()[0]
        language = {"name": "python", "version": version, "mimetype": "text/x-python"}
        return {
            "status": "ok",
            "protocol_version": "5.3",
            "implementation": "small",
            "implementation_version": "1",
            "language_info": language | {"file_extension": ".py"},
            "banner": "A small kernel",
        }

    def shutdown_request(self, content):
        return {"status": "ok", "restart": content.get("restart", False)}

    def execute_request(self, content):
        self.count += 1
        streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Stream(self, "stdout"), Stream(self, "stderr")
        try:
            self.busy = True
            exec(compile(content["code"], "<cell>", "exec"), self.names)
            self.busy = False
            return {"status": "ok", "execution_count": self.count, "payload": []}
        except BaseException as error:  # noqa: BLE001, what code raises is the notebook's business
            self.busy = False
            lines = traceback.format_exc().splitlines()
            told = {"ename": type(error).__name__, "evalue": str(error), "traceback": lines}
            self.publish("error", told)
            return {"status": "error", "execution_count": self.count, **told}
        finally:
            sys.stdout, sys.stderr = streams


def sign(parts):
    return hmac.new(KEY, b"".join(parts), hashlib.sha256).hexdigest().encode()


def main():
    kernel = Kernel()
    listener = socket.create_server(("0.0.0.0", 0))
    information = {
        "transport": "tcp",
        "ip": "0.0.0.0",
        "signature_scheme": "hmac-sha256",
        "key": KEY.decode(),
        **kernel.ports,
        "pid": os.getpid(),
        "pgid": os.getpgid(0),
        "comm_port": listener.getsockname()[1],
        "kernel_id": os.environ["KERNEL_ID"],
    }
    host, port = os.environ["RESPONSE_ADDRESS"].split(":")
    with socket.create_connection((host, int(port)), timeout=30) as server:
        server.sendall(sealed(information))
    threading.Thread(target=listen, args=(listener,), daemon=True).start()
    kernel.run()


if __name__ == "__main__":
    main()
