"""The commands that solve other tools' instances, loaded when one is asked for: their package is not in the wheel."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from optimizer.errors import Fault, InputError

PACKAGE = "gpumix_referee"


def _is_there() -> bool:
    """Say whether the package is installed."""
    try:
        return find_spec(PACKAGE) is not None
    except ValueError:  # marked as absent
        return False


class Instances(TyperGroup):
    """Knows the commands of `gpumix_referee` once it is asked for one of them."""

    @cached_property
    def _loaded(self) -> Any:
        """Load the commands.

        Raises:
            InputError: the package that has them is not installed.
        """
        if not _is_there():
            allowed = "an installation from a checkout of gpumix (pip install -e . there), as the wheel leaves it out"
            raise InputError([Fault("gpumix referee", PACKAGE, "no such package", allowed)])
        from gpumix_referee.commands import app as commands

        return typer.main.get_command(commands)

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands in the order of their definition."""
        return list(self._loaded.list_commands(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command by its name."""
        return self._loaded.get_command(ctx, cmd_name)


app = typer.Typer(
    help="Solve other tools' problem instances exactly.", no_args_is_help=True, rich_markup_mode=None, cls=Instances
)


@app.callback()
def referee() -> None:
    """Solve other tools' problem instances exactly."""
