"""Stands in front of the module of this name where a kernel is started before anybody wants it.

It does what that module does. Just before the kernel would begin to serve, it says on its standard input, a
socket, that it is ready, waits there for what it is wanted for, a line of JSON, and says that it has read that.
"""

import importlib.util
import json
import os
import runpy
import socket
import sys


def main():
    forget_this_directory()
    from ipykernel.kernelapp import IPKernelApp

    start = IPKernelApp.start

    def wait_and_start(application):
        IPKernelApp.start = start
        wait(application)
        start(application)

    IPKernelApp.start = wait_and_start
    real = importlib.util.find_spec("ipykernel_launcher").origin
    sys.argv[0] = real
    runpy.run_path(real, run_name="__main__")


def forget_this_directory():
    """Leaves the search path as it is without this module."""
    here = os.path.dirname(__file__)
    if here in sys.path:
        sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    _, separator, others = os.environ["PYTHONPATH"].partition(os.pathsep)
    if separator:
        os.environ["PYTHONPATH"] = others
    else:
        del os.environ["PYTHONPATH"]


def wait(application):
    line = socket.socket(fileno=os.dup(0))
    with line, line.makefile("rb") as lines:
        line.sendall(b"r")
        wanted = lines.readline()
        if not wanted:
            sys.exit(0)
        wanted = json.loads(wanted)
        os.environ.update(wanted["environment"])
        application.session.key = wanted["key"].encode()
        application.session.signature_scheme = wanted["signature_scheme"]
        # Only now may clients come: to each that subscribes to its output, a signed message says so.
        line.sendall(b"r")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


main()
