"""Kernels that wait for the next notebook, as an engine has them."""

import time
from pathlib import Path


def waiting(engine):
    """The kernels that wait: the ids of their containers, by the host names."""
    found = engine.ask("/containers/json", filters={"label": ["warm"], "status": ["running"]})
    ids = [container["Id"] for container in found if "waiting-" in container["Names"][0]]
    # One that has just gone is not told of.
    inspected = filter(None, (engine.ask(f"/containers/{each}/json") for each in ids))
    return {container["Config"]["Hostname"]: container["Id"] for container in inspected}


def processes(engine, container):
    """The numbers of the processes in a container: of the bootstrap, and of the kernel."""
    return [int(process) for (process,) in engine.ask(f"/containers/{container}/top", ps_args="-o pid")["Processes"]]


def rests(engine, container):
    """Whether the processes of a container do nothing for a while: the kernel has come to where it waits."""
    ids = processes(engine, container)

    def used():
        # The time in the kernel's own code, and in the system.
        return [Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13] for process in ids]

    try:
        before = used()
        time.sleep(0.5)
        return len(ids) > 1 and used() == before
    except (FileNotFoundError, ProcessLookupError):
        # One that has ended meanwhile, as it has done something.
        return False
