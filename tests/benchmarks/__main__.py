"""Time gpumix against its floor and against other solvers, in one run, and print the tables of docs/benchmarks.md.

python -m tests.benchmarks            # needs gpumix[bench]
"""

from __future__ import annotations

import os
import platform

from tests.benchmarks import solver, startup, tradeoff


def main() -> None:
    """Run every benchmark in turn."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    startup.main()
    solver.main()
    print()
    tradeoff.main()


if __name__ == "__main__":
    main()
