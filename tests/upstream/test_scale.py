"""What docs/scale.md has servers set, they know."""

import subprocess

from bed import pages

PROGRAM = """
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from traitlets.config import Config

c = Config()
exec({text!r})
((name, value),) = [setting for table in c.values() for setting in table.items()]
restarter = ServerKernelManager().restarter_class
assert getattr(restarter(), name) == 3
assert getattr(restarter(config=c), name) == value
"""


def test_how_often_a_server_looks(gp_env):
    (text,) = [block.text for block in pages.blocks("docs/scale.md") if block.language == "python"]
    subprocess.run([gp_env / "bin/python", "-c", PROGRAM.format(text=text)], check=True)
