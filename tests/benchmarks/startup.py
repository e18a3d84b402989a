"""Whole processes: `gpumix solve` against the bare import of CP-SAT's Python module."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.timing import paired

FLOOR = [sys.executable, "-c", "from ortools.sat.python import cp_model"]
PROBLEMS = ("helpdesk-llama3-8b", "measured-only-gpt-oss-120b", "chat-and-code")


def command(*arguments: str) -> list[str]:
    """Return the command line of gpumix in this very environment."""
    return [sys.executable, "-c", "import cli; cli.main()", *arguments]


def run(arguments: list[str]) -> None:
    """Run a process and throw its output away."""
    subprocess.run(arguments, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Print the table."""
    print("| whole process | seconds | import of CP-SAT | ratio |\n|---|---|---|---|")
    for problem in PROBLEMS:
        mine, floor, ratio = paired(lambda problem=problem: run(command("solve", problem)), lambda: run(FLOOR))
        print(f"| `gpumix solve {problem}` | {mine:.3f} | {floor:.3f} | {ratio:.2f} |")
    print()


if __name__ == "__main__":
    main()
