"""The command that says what changed between two plans: spec diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.commands.options import FormatOption, LanguageOption, OutputOption
from optimizer.commands.publishing import Out
from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from optimizer.schema.plan import Plan

app = typer.Typer()

DIFF = "spec diff"
"""A command of two words; everything else after `spec` is a problem."""


@app.command(DIFF)
def spec_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="A plan saved with `gpumix solve --format json`.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="Another one.")],
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Say what changed between two plans: nodes, cost, prices, evidence, services, assumptions, warnings."""
    from optimizer.load.plan import read_plan
    from optimizer.replay import difference
    from optimizer.reports.difference_report import difference_document

    out = Out.of(form, output, language)
    plans: list[Plan] = []
    faults: list[Fault] = []
    for path in (old, new):
        try:
            plans.append(read_plan(path))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    out.write(difference_document(difference(plans[0], plans[1], str(old), str(new))))
