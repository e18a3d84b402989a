"""Start the `gpumix` command: `python -m gpumix`, and the command that the wheel installs."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    from optimizer.commands.main import main as run

    run()


if __name__ == "__main__":
    main()
