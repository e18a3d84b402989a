"""A command of version 0.1 that `gpumix solve` has taken over."""

from __future__ import annotations

from typing import Annotated

import typer

from optimizer.errors import Fault, InputError

app = typer.Typer()


@app.command(hidden=True, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def plan(problem: Annotated[str, typer.Argument()] = "PROBLEM") -> None:
    """Say what to write instead.

    Raises:
        InputError: always.
    """
    raise InputError([Fault("gpumix", "plan", "a command that is gone", f"gpumix solve {problem}")])
