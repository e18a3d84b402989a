"""Commands of earlier versions: each says what to write instead."""

from __future__ import annotations

from typing import NoReturn

import typer

from optimizer.errors import Fault, InputError

app = typer.Typer()

ANY = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Takes whatever the command took."""


def _gone(command: str, instead: str) -> NoReturn:
    raise InputError([Fault(command, "", "a command that is gone", instead)])


@app.command(hidden=True, context_settings=ANY)
def fleet(context: typer.Context) -> None:
    """Say how to plan services that share nodes."""
    _gone("fleet", "gpumix solve PROBLEM with `sharing: nodes` in the problem; --shed cuts services")


@app.command(hidden=True, context_settings=ANY)
def plan(context: typer.Context) -> None:
    """Say how to plan a budget over years."""
    _gone("plan", "gpumix solve PROBLEM with `roadmap:` in the problem")
