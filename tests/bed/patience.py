"""How long tests wait for what has to come. These limits only end what hangs, so they are generous: nothing is to
fail because a machine is slow. Where a limit is what a test is about, it stands in the test."""

import os
import time

PATIENCE = float(os.environ.get("JDS_PATIENCE", "180"))


def wait_for(condition, what, seconds=PATIENCE):
    """Waits until condition() is true, or fails with a text, given or made by a function."""
    begin = time.monotonic()
    while not condition():
        waited = time.monotonic() - begin
        if waited > seconds:
            text = what() if callable(what) else what
            raise AssertionError(f"waited {seconds:g} s in vain: {text}")
        # To look costs a process most of the time, and whoever looks all the time slows down what is waited for.
        time.sleep(min(0.05 + waited / 10, 0.5))


def end(process):
    """Ends a server that a test has started. Whatever comes of it, it is gone then: one that went on would hold
    its port, and the tests after it would find somebody there who waits for kernels."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
