"""Runs upstream's program again and again, with the Python of its environment: most of such a run is the import of
packages that are not upstream's, so those are imported once. Each run is a child of its own, which imports the rest,
since that may look at the environment.

Each line of standard input is a run: `{"argv": [...], "env": {...}, "cwd": DIRECTORY, "out": FILE, "err": FILE}`; the
line that answers it is its exit status.
"""

import gc
import json
import os
import runpy
import sys
import traceback

OWN = ("gateway_provisioners", "jupyter_client", "jupyter_core")


def prepare():
    import gateway_provisioners.cli.docker_specapp  # noqa: F401

    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]


def run(argv, env, cwd, out, err):
    """As the child, which ends here."""
    for number, path in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv[:] = argv
    sys.path[0] = os.path.dirname(argv[0])
    status = 0
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # To take apart what was imported would take as long as all the rest.
    os._exit(status)


prepare()
gc.freeze()
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(**json.loads(line))
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
