"""All benchmarks but that of the Swarm of three nodes, and the page that shows them.

    tests/run bench all [--rounds=N] [--quick]

The figures go to target/bench/all.json; the page of the documentation gets the tables and plots, unless it
was quick.
"""

import argparse

import install
import launch
import report
from measure import options


def main():
    wanted = options(argparse.ArgumentParser(description=__doc__.splitlines()[0])).parse_args()
    # The quick ones first; an engine that runs would do its own work meanwhile.
    result = install.measured(wanted)
    result = launch.run(wanted) | result
    report.write("all", result)
    print(report.text(result))
    if not wanted.quick:
        report.fill(report.PAGE, result)
        print(f"{report.PAGE} has them too.")


if __name__ == "__main__":
    main()
