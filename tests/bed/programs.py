"""The executables, which lie beside each other wherever they are."""

import os
from pathlib import Path

# For this architecture.
OWN = ["jupyter-docker-spec", "launch_docker", "bootstrap_kernel"]

# For images of the other one; where Rust cannot build it there is none.
OTHER = "bootstrap_kernel-arm64"

PROGRAMS = [*OWN, *(name for name in [OTHER] if (Path(os.environ["JDS_BIN"]) / name).exists())]
