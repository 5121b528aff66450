"""What a launcher takes of a machine: nothing while its kernel idles, and little while clients do not read."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from bed.local import UID
from bed.local_soak import ENDS, LocalSoak, soak

IMAGE = "jds-test/plain"
MIB = 1024  # kB
# A client that connects to iopub, subscribes to all, and never reads.
STALLED = """
import json, sys, time, zmq
from jupyter_client import BlockingKernelClient

file, pieces, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
connection = json.load(open(file))
stalled = zmq.Context().socket(zmq.SUB)
stalled.rcvhwm, stalled.rcvbuf = 1, 4096
stalled.subscribe(b"")
stalled.connect(f"tcp://127.0.0.1:{connection['iopub_port']}")
client = BlockingKernelClient(connection_file=file)
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=120)
seen = 0
def see(message):
    global seen
    if message["msg_type"] == "stream":
        seen += len(message["content"]["text"])
code = f"import sys\\nfor _ in range({pieces}): sys.stdout.write('x' * {size}); sys.stdout.flush()"
begin = time.monotonic()
client.execute_interactive(code, output_hook=see, timeout=240)
# Each of the other channels still answers.
client.kernel_info(reply=True, timeout=60)
answer = []
client.execute_interactive("print(input())", stdin_hook=lambda _: client.input("typed"), timeout=60,
    allow_stdin=True, output_hook=lambda message: answer.append(message["content"].get("text")))
request = client.session.msg("kernel_info_request")
client.control_channel.send(request)
control = client.get_control_msg(timeout=60)["msg_type"]
print(json.dumps([seen, "typed\\n" in answer, control, client.hb_channel.is_beating(), time.monotonic() - begin]))
"""


def memory(process, what):
    return int(re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())[1])


def ticks(process):
    """The processor time that it has used until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_an_idle_kernel_costs_nothing(engine, local):
    local.install(IMAGE)
    running = local.launch("k")
    try:
        before = ticks(running.launcher)
        assert before <= 5, "a launch takes little time"
        time.sleep(5)
        used, resident = ticks(running.launcher) - before, memory(running.launcher, "VmRSS")
        print(f"{used} ticks in 5 s, {resident} kB")
        assert used <= 1
        assert resident <= 6 * MIB
        # It has nobody beside it any more.
        children = Path(f"/proc/{running.launcher}/task/{running.launcher}/children").read_text()
        assert children == ""
    finally:
        running.kill()


def test_a_client_that_does_not_read(engine, local):
    local.install(IMAGE)
    running = local.launch("k")
    pieces, size = 50, 1 << 20
    try:
        done = local.run(local.python, "-c", STALLED, running.file, pieces, size, timeout=600)
        assert done.returncode == 0, done.stderr + running.log()
        seen, typed, control, beats, seconds = json.loads(done.stdout)
        peak, resident = memory(running.launcher, "VmHWM"), memory(running.launcher, "VmRSS")
        print(f"{seen} bytes in {seconds:.1f} s, at most {peak} kB, {resident} kB at last")
        assert (seen, typed, control, beats) == (pieces * size, True, "kernel_info_reply", True)
        assert peak <= 40 * MIB
    finally:
        running.kill()


def test_connections_that_end_leave_nothing(engine, local):
    """Clients come and go for as long as a kernel lives, and many of them say nothing."""
    local.install(IMAGE)
    running = local.launch("k")
    try:
        files = lambda: len(os.listdir(f"/proc/{running.launcher}/fd"))
        before, resident = files(), memory(running.launcher, "VmRSS")
        for _ in range(600):
            assert running.answers()
        for _ in range(100):
            if files() <= before + 1:
                break
            time.sleep(0.1)
        print(f"{before} files before, {files()} after; {resident} and {memory(running.launcher, 'VmRSS')} kB")
        assert files() <= before + 1
        assert memory(running.launcher, "VmRSS") <= 6 * MIB
        assert local.ask("os.getuid()") == UID
    finally:
        running.kill()


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.full)])
def test_nothing_stays_and_nothing_grows(engine, local, rounds):
    bed = LocalSoak(local, engine)
    try:
        result = soak(bed, rounds * len(ENDS))
    finally:
        bed.close()
    print(f"{sum(result['ends'].values())} launches in {result['seconds']:.0f} s")
    for name, before in result["before"].items():
        print(f"{name}: {before} before, {result['after'][name]} after")
    assert set(result["ends"].values()) == {rounds}
