"""The command that plans a budget over years."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from optimizer.schema.budget_plan import BudgetPlan

DEFAULT_WIDTH_PX = 1200

app = typer.Typer()


@app.command()
def plan(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    chart: Annotated[
        list[Path] | None,
        typer.Option("--chart", metavar="FILE", help="Also draw nodes and cash by quarter: .png or .svg. Repeatable."),
    ] = None,
    chart_width: Annotated[
        int, typer.Option("--chart-width", metavar="PIXELS", help="Width of the charts.")
    ] = DEFAULT_WIDTH_PX,
) -> None:
    """Plan a budget over years: what to buy, rent, keep and retire in each quarter, at least total cost."""
    settings = solve_settings(time_limit, deterministic_limit)
    if chart or chart_width != DEFAULT_WIDTH_PX:
        from optimizer.reports.charts.roadmap_chart import check_roadmap_charts

        check_roadmap_charts(chart or [], chart_width, output)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.reports.roadmap_report import ROADMAP_REPORTS
    from optimizer.roadmap.answer import budget_plan

    found = budget_plan(loaded, facts, settings)
    _draw(found, chart or [], chart_width)
    emit(ROADMAP_REPORTS[form.value](found), output)
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(found.status, ExitCode.PLAN))


def _draw(found: BudgetPlan, chart: list[Path], width_px: int) -> None:
    """Write the charts, or say why there are none."""
    if chart and found.quarters:
        from optimizer.reports.charts.roadmap_chart import write_roadmap_charts

        write_roadmap_charts(found, chart, width_px)
    elif chart:
        typer.echo("gpumix: no chart is drawn: there is no plan", err=True)
