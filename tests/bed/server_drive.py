"""Takes a kernel of a Jupyter server through its life from outside, and reports it as JSON.

Runs with the Python of an environment that has Jupyter: `server_drive.py URL TOKEN KERNELSPEC`. What a
notebook in a browser does: the kernel is started, interrupted, restarted and deleted through the REST
API, and runs code over the websocket.
"""

import asyncio
import json
import sys
import uuid
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

SLEEP = "import time; print('asleep', flush=True); time.sleep(600)"
WHO = "import os, socket; print(os.getuid(), os.getgid(), socket.gethostname())"


class Server:
    """The REST API of a server."""

    def __init__(self, url, token):
        self.url, self.query = url, urlencode({"token": token})

    async def call(self, method, path, body=None):
        """The answer to a request."""
        body = json.dumps(body) if method == "POST" else None
        request = HTTPRequest(
            f"{self.url}/api/{path}?{self.query}", method=method, body=body, request_timeout=90
        )
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else None

    async def connect(self, kernel_id):
        """The websocket of a kernel."""
        address = self.url.replace("http", "ws", 1)
        return await websocket_connect(f"{address}/api/kernels/{kernel_id}/channels?{self.query}")


async def execute(server, kernel_id, code, interrupt=False):
    """Runs code; what it prints, and the name of the exception that it ends with."""
    socket = await server.connect(kernel_id)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"username": "", "session": uuid.uuid4().hex, "date": "2026-01-01T00:00:00Z"}
    content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
    content |= {"user_expressions": {}, "allow_stdin": False}
    request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps(request | {"channel": "shell", "buffers": []}))
    printed, error, parts = "", None, {"reply", "idle"}
    while parts:
        text = await asyncio.wait_for(socket.read_message(), 90)
        assert text is not None, "the server has closed the websocket"
        message = json.loads(text)
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            printed += content["text"]
            if interrupt and printed.endswith("\n"):
                interrupt = False
                await server.call("POST", f"kernels/{kernel_id}/interrupt", {})
        elif kind == "execute_reply":
            parts.discard("reply")
            error = content.get("ename")
        elif kind == "status" and content["execution_state"] == "idle":
            parts.discard("idle")
    socket.close()
    return [printed, error]


async def life(url, token, name):
    server = Server(url, token)
    kernel = await server.call("POST", "kernels", {"name": name})
    path = f"kernels/{kernel['id']}"
    result = {"kernel_id": kernel["id"]}
    try:
        result["first"] = await execute(server, kernel["id"], "print(6*7)")
        result["who"] = (await execute(server, kernel["id"], WHO))[0].split()
        result["interrupted"] = await execute(server, kernel["id"], SLEEP, interrupt=True)
        await server.call("POST", f"{path}/restart", {})
        result["again"] = await execute(server, kernel["id"], "print(6*7)")
    finally:
        await server.call("DELETE", path)
    result["left"] = await server.call("GET", "kernels")
    return result


if __name__ == "__main__":
    json.dump(asyncio.run(life(*sys.argv[1:])), sys.stdout)
