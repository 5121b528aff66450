"""Launches and shutdowns of an hour or more in a few minutes: does anything stay, or grow?

    tests/run bench soak [--launches=600]

Containers and services, most of which end in one of the ways that are not meant to be. A table with what
there was before and after goes to standard output.
"""

import argparse
import os
import tempfile
from pathlib import Path

from bed.engine import Engine
from bed.soak import Soak, soak

ROOT = Path(__file__).parent.parent
ADDRESS = "192.0.2.1"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--launches", type=int, default=600)
    wanted = parser.parse_args()
    run = Path(os.environ["JDS_RUN"])
    with Engine(run, ROOT / ".test" / "docker") as engine:
        engine.clean()
        engine.docker("swarm", "init", f"--advertise-addr={ADDRESS}")
        network = engine.network("jds-test-kernels", "--driver=overlay", "--attachable")
        place = Path(tempfile.mkdtemp(dir=run))
        with Soak(engine, network, place, Path(os.environ["JDS_BIN"])) as bed:
            result = soak(bed, wanted.launches)
        engine.assert_no_kernels()
        engine.clean()
        engine.leave_swarm()
    number = sum(result["ends"].values())
    print(f"{number} launches in {result['seconds']:.0f} s:")
    print("; ".join(f"{number} {kind}" for kind, number in sorted(result["ends"].items())))
    print("\n| | before | after |\n| --- | ---: | ---: |")
    for name, before in result["before"].items():
        print(f"| {name} | {before} | {result['after'][name]} |")


if __name__ == "__main__":
    main()
