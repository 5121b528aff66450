"""Measures the launcher of an installed specification, once for each line of standard input.

Runs in the container of a host application, started by `swarm.py`. Standard output gets the kernel's id
when a launch begins, and in the end when that was, its processor time, and the most memory that it had.
What the launcher creates is removed by the caller: that ends ours, while the one in Python ends when it
has created the service.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

SPECIFICATION = Path("/usr/local/share/jupyter/kernels/docker_python/kernel.json")
# A public key is only handed on; this one opens nothing.
VALUES = {
    "port_range": "0..0",
    "response_address": "192.0.2.1:8877",
    "public_key": "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",
    "transport_encryption": "",
}


def peak(pid):
    """The most memory that a process has had, in KiB; `None` when it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def launch(specification):
    kernel_id = str(uuid.uuid4())
    values = VALUES | {"kernel_id": kernel_id}
    words = specification["argv"]
    for name, value in values.items():
        words = [word.replace(f"{{{name}}}", value) for word in words]
    image = specification["metadata"]["kernel_provisioner"]["config"]["image_name"]
    variables = os.environ | {
        "KERNEL_ID": kernel_id,
        "KERNEL_IMAGE": image,
        "KERNEL_LANGUAGE": "python",
    }
    log = Path(f"/tmp/{kernel_id}.log")
    began = time.time_ns()
    with log.open("w") as output:
        process = subprocess.Popen(
            words, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    print(json.dumps({"began": kernel_id}), flush=True)
    memory = 0
    while True:
        memory = max(memory, peak(process.pid) or 0)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.002)
    assert status == 0, log.read_text()
    result = {
        "kernel_id": kernel_id,
        "began_ns": began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_kib": memory,
    }
    print(json.dumps(result), flush=True)


def main():
    specification = json.loads(SPECIFICATION.read_text())
    for _ in sys.stdin:
        launch(specification)


if __name__ == "__main__":
    main()
