"""`DOCKER_HOST` as the servers' Docker SDK reads it: the same engine, or an error where the SDK has one."""

import json
import re
import subprocess

PARSE = """
import json, sys
from docker.transport.unixconn import UnixHTTPAdapter
from docker.utils import parse_host
found = {}
for address in json.loads(sys.argv[1]):
    try:
        url = parse_host(address)
    except Exception:
        url = None
    if url and url.startswith("http+unix://"):
        # Where it will look for the socket.
        url = "unix://" + UnixHTTPAdapter(url).socket_path.replace("//", "/")
    elif url and url.startswith("http://"):
        url = url.replace("http://", "tcp://")
    elif url:
        url = None
    found[address] = url
print(json.dumps(found))
"""

ADDRESSES = [
    "unix://",
    "unix:",
    "unix:/",
    "unix:///",
    "unix:/none/docker.sock",
    "unix://none/docker.sock",
    "unix:///none/docker.sock",
    "unix:///none/docker.sock/",
    " unix:///none/docker.sock ",
    "UNIX:///none/Docker.sock",
    "http+unix:///none/docker.sock",
    "http+unix:/none/docker.sock",
    "unix:none/docker.sock",
    "unix:///none/docker.sock?x",
    "unix:///none/docker.sock#x",
    "unix:///none/a:b@c",
    "/none/docker.sock",
    "none/docker.sock",
    "127.0.0.1:1",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:x",
    "localhost:1",
    "no-1.localhost:1",
    ":1",
    "[::1]:1",
    "[::1]",
    "tcp://",
    "tcp:",
    "tcp:127.0.0.1:1",
    "tcp:/127.0.0.1:1",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:1",
    "tcp://127.0.0.1:1/",
    "tcp://127.0.0.1:+1",
    "tcp://127.0.0.1:1:2",
    "tcp://127.0.0.1:1/prefix",
    "tcp://127.0.0.1:1/prefix/of/it/",
    "tcp://127.0.0.1:1?x",
    "tcp://127.0.0.1:1/#x",
    "tcp://user:password@127.0.0.1:1",
    "tcp://:1",
    "tcp://[::1]:1",
    "TCP://127.0.0.1:1",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "fd://",
    "fd://3",
    "file:///none/docker.sock",
    "udp://127.0.0.1:1",
    "   ",
    "://",
    "unix",
    "tcp",
]


def test_the_same_engine_is_meant(binaries, gp_env, jupyter):
    parse = [gp_env / "bin" / "python", "-c", PARSE, json.dumps(ADDRESSES)]
    theirs = json.loads(subprocess.run(parse, check=True, capture_output=True, text=True, timeout=60).stdout)

    def found(address):
        command = [binaries / "jupyter-docker-spec", "ps"]
        environment = jupyter | {"DOCKER_HOST": address}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, done.stdout
        if "] DOCKER_HOST is `" in done.stderr:
            return None
        return re.search("found no Docker Engine at `(.*?)`", done.stderr)[1]

    # The default socket may be there.
    assert theirs.pop("unix://") == "unix:///var/run/docker.sock"
    assert {address: found(address) for address in theirs} == theirs
