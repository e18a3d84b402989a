"""The command that says what changed between two plans: spec diff."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.commands.options import OutputOption, emit
from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from optimizer.schema.plan import Plan

app = typer.Typer()

DIFF = "spec diff"
"""A command of two words; everything else after `spec` is a problem."""


class DiffFormat(StrEnum):
    """How the changes are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


@app.command(DIFF)
def spec_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="A plan saved with `gpumix solve --format json`.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="Another one.")],
    form: Annotated[DiffFormat, typer.Option("--format", help="How to write the changes.")] = DiffFormat.TEXT,
    output: OutputOption = None,
) -> None:
    """Say what changed between two plans: nodes, cost, prices, evidence, services, assumptions, warnings."""
    from optimizer.load.plan import read_plan
    from optimizer.replay import difference
    from optimizer.reports.difference_report import DIFFERENCE_REPORTS

    plans: list[Plan] = []
    faults: list[Fault] = []
    for path in (old, new):
        try:
            plans.append(read_plan(path))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    emit(DIFFERENCE_REPORTS[form.value](difference(plans[0], plans[1], str(old), str(new))), output)
