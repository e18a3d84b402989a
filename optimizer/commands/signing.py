"""The command that vouches for a plan: sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optimizer.errors import InputError

app = typer.Typer()

ENDING = ".sig"
"""What a signature's file is called after the plan's."""


def signature_of(plan: Path) -> Path:
    """Return where the signature of a plan lies unless an option says otherwise."""
    return plan.with_name(plan.name + ENDING)


@app.command()
def sign(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="A plan saved with `gpumix solve --format json --output`.")
    ],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Ed25519 private key, PEM or OpenSSH.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: PLAN.json.sig beside the plan.")
    ] = None,
) -> None:
    """Sign the digest of a saved plan, for `gpumix verify --signed-by`."""
    from optimizer.commands.options import emit
    from optimizer.load.plan import read_saved_plan
    from optimizer.load.signatures import read_private_key, sign
    from optimizer.reports.json_report import dumps

    private, saved = read_private_key(key), read_saved_plan(plan)
    if saved.altered is not None:
        raise InputError([saved.altered])
    place = output or signature_of(plan)
    emit(dumps(sign(saved.sha256, private).as_data()), place)
    emit(f"{place}: signs plan_sha256 {saved.sha256}\n", None)
