"""Runs in the environment of the real Jupyter, and tells what it makes of the kernelspecs it finds.

    python jupyter_probe.py specs           what KernelSpecManager reads
    python jupyter_probe.py launch NAME     what the provisioner of NAME would run, and how it is configured
    python jupyter_probe.py ports RANGE...  which port ranges the provisioner accepts

The answer is JSON on stdout. No engine is needed: where the Docker SDK asks one for its version as it connects, a
few lines here answer.
"""

import asyncio
import json
import os
import sys
import threading
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer


class Version(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"ApiVersion": "1.41", "Version": "20.10.0"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def answer_for_an_engine():
    server = HTTPServer(("127.0.0.1", 0), Version)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.server_port}"


def specs():
    from jupyter_client.kernelspec import KernelSpecManager

    manager = KernelSpecManager()
    return {
        name: {
            "to_dict": manager.get_kernel_spec(name).to_dict(),
            "resource_dir": manager.get_kernel_spec(name).resource_dir,
            "listed": name in manager.get_all_specs(),
        }
        for name in manager.find_kernel_specs()
    }


def provisioner_of(spec):
    from jupyter_client.provisioning import KernelProvisionerFactory

    factory = KernelProvisionerFactory.instance()
    assert factory.is_provisioner_available(spec)
    return factory.create_provisioner_instance(str(uuid.uuid4()), spec, parent=None)


def launch(name):
    from jupyter_client.kernelspec import KernelSpecManager

    provisioner = provisioner_of(KernelSpecManager().get_kernel_spec(name))
    answer = {
        "class": type(provisioner).__name__,
        "unauthorized_users": sorted(provisioner.unauthorized_users),
        "authorized_users": sorted(provisioner.authorized_users),
        "image_name": provisioner.image_name,
        "port_range": provisioner.port_range,
        "launch_timeout": provisioner.launch_timeout,
        "users": {},
    }
    for user in ("alice", "bob", "eve", "root"):
        try:
            prepared = asyncio.run(provisioner.pre_launch(env={"KERNEL_USERNAME": user}))
            answer["users"][user] = True
            answer.update(cmd=prepared["cmd"], env=prepared["env"], kernel_id=provisioner.kernel_id)
        except PermissionError:
            answer["users"][user] = False
    return answer


def ports(*ranges):
    from jupyter_client.kernelspec import KernelSpec

    accepted = {}
    for text in ranges:
        stanza = {"provisioner_name": "docker-provisioner", "config": {"image_name": "x", "port_range": text}}
        try:
            provisioner_of(KernelSpec(argv=["x"], display_name="x", metadata={"kernel_provisioner": stanza}))
            accepted[text] = True
        except (ValueError, IndexError, RuntimeError):
            accepted[text] = False
    return accepted


if __name__ == "__main__":
    answer_for_an_engine()
    function = {"specs": specs, "launch": launch, "ports": ports}[sys.argv[1]]
    try:
        json.dump(function(*sys.argv[2:]), sys.stdout)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    sys.stdout.flush()
    os._exit(0)  # the provisioner's listening thread would keep the process
