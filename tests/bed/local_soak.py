"""Many local kernels and their ends, those that go wrong among them, and what is left of all of them.

Beside them one kernel lives from the beginning to the end.
"""

import contextlib
import itertools
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bed.patience import PATIENCE, wait_for
from bed.soak import differences, files_open, memory, objects

IMAGE, MISSING = "jds-test/plain", "127.0.0.1:1/jds-test/none"
AT_ONCE = 4
BATCH = 40
# How each ends, with the options of `install`, and the exit status.
ENDS = {
    "asked to": ([f"--image-name={IMAGE}", "--read-only"], 128 + signal.SIGTERM),
    "by itself": ([f"--image-name={IMAGE}", "--kernel-command=sh -c 'exit 3' {connection_file}"], 3),
    "has no program": ([f"--image-name={IMAGE}", "--kernel-command=nothing {connection_file}"], 1),
    "has no image": ([f"--image-name={MISSING}"], 1),
    "killed": ([f"--image-name={IMAGE}", "--read-only"], -signal.SIGKILL),
    "stopped early": ([f"--image-name={IMAGE}"], 128 + signal.SIGTERM),
}


class LocalSoak:
    """Kernels of one application."""

    def __init__(self, local, engine, seed=1):
        self.local, self.engine = local, engine
        self.random = random.Random(seed)
        self.ends, self.peaks = Counter(), []
        for end, (options, _) in ENDS.items():
            local.tool("install", "--local", "--user", f"--kernel-name={self._name(end)}", *options)
        self._watched = local.launch(self._name("asked to"))

    @staticmethod
    def _name(end):
        return end.replace(" ", "-")

    def close(self):
        self._watched.kill()

    def one(self, end):
        pause = self.random.random()
        running = self.local.launch(self._name(end), until=None)
        try:
            if end == "asked to":
                wait_for(lambda: running.answers() or running.process.poll() is not None, running.log)
                self.peaks.append(memory(running.launcher, "VmHWM"))
            elif end in ("killed", "stopped early"):
                time.sleep(pause)
            number = signal.SIGKILL if end == "killed" else signal.SIGTERM
            if end in ("asked to", "killed", "stopped early"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.launcher, number)
            status = running.process.wait(PATIENCE)
            # A signal that comes before anybody listens for it ends any process.
            expected = {ENDS[end][1], -signal.SIGTERM} if end == "stopped early" else {ENDS[end][1]}
            assert status in expected, f"{end}: {status}\n{running.log()}"
        finally:
            running.kill()
        self.ends[end] += 1
        running.output.unlink()
        running.file.unlink()
        running.file.parent.rmdir()

    def batch(self, ends):
        """Launches some at the same time, until nothing is left of them."""
        self.random.shuffle(ends)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.one, end) for end in ends]:
                done.result()
        wait_for(lambda: len(self.engine.kernels()) == 1, lambda: f"left: {self.engine.kernels()}")

    def figures(self):
        return objects(self.engine, self.local.directory.parent) | {
            "files open in the engine": files_open(),
            "memory of the engine, KiB": memory(self.engine.process.pid, "VmRSS"),
            "memory of the launcher of a kernel all the time, KiB": memory(self._watched.launcher, "VmHWM"),
        }


def soak(bed, launches):
    """That many launches, of every kind the same number; returns what there was before and after."""
    bed.batch(list(ENDS))
    before, first = bed.figures(), len(bed.peaks)
    bed.ends.clear()
    todo = list(itertools.islice(itertools.cycle(ENDS), launches))
    begin = time.monotonic()
    for start in range(0, launches, BATCH):
        bed.batch(todo[start : start + BATCH])
    seconds = time.monotonic() - begin
    # Guards, and the engine, may be about to end what they do.
    wait_for(lambda: not list(differences(before, bed.figures())), lambda: "; ".join(differences(before, bed.figures())))
    assert bed._watched.answers(), "the kernel that was watched has ended"
    before["memory of the other launchers, KiB"] = max(bed.peaks[:first])
    after = bed.figures() | {"memory of the other launchers, KiB": max(bed.peaks[first:])}
    assert not list(differences(before, after)), "; ".join(differences(before, after))
    return {"seconds": seconds, "ends": dict(bed.ends), "before": before, "after": after}
