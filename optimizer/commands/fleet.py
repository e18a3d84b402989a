"""The command that plans one fleet for several services."""

from __future__ import annotations

from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    ProblemArg,
    SetOption,
    TextFormat,
    TextFormatOption,
    TimeOption,
    emit,
    leave,
    load_inputs,
    solve_settings,
)
from optimizer.errors import ExitCode

app = typer.Typer()


@app.command()
def fleet(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    shed: Annotated[
        bool, typer.Option("--shed", help="Where not all can be served, cut services, the least important first.")
    ] = False,
) -> None:
    """Plan one fleet for all services of a problem: they may share the GPUs of a node."""
    settings = solve_settings(time_limit, deterministic_limit)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.fleet import answer_fleet
    from optimizer.reports.fleet_report import FLEET_REPORTS

    plan = answer_fleet(loaded, facts, settings, shed)
    emit(FLEET_REPORTS[form.value](plan), output)
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(plan.status, ExitCode.PLAN))
