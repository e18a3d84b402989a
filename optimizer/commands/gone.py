"""Commands of earlier versions: each says what to write instead."""

from __future__ import annotations

import typer

from optimizer.errors import Fault, InputError

app = typer.Typer()

ANY = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Takes whatever the command took."""


@app.command(hidden=True, context_settings=ANY)
def fleet(context: typer.Context) -> None:
    """Say how to plan services that share nodes."""
    instead = "gpumix solve PROBLEM --set sharing=nodes (or `sharing: nodes` in the problem; --shed cuts services)"
    raise InputError([Fault("gpumix", "", "the command `fleet`, which is no longer there", instead)])
