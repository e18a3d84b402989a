"""Commands about money over time: cost, compare."""

from __future__ import annotations

from pathlib import Path
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
from optimizer.commands.planning import DEFAULT_WIDTH_PX, check_chart_files
from optimizer.commands.workbooks import check_library, wants_workbook
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()


PLAIN = "helpdesk-llama3-8b"
"""The shipped problem whose figures count when none is named: dollars, twelve months, the catalog's own figures."""


@app.command()
def cost(
    offer: Annotated[str, typer.Argument(metavar="OFFER", help="Id of an offer, or of an owned node at a site.")],
    problem: Annotated[
        str, typer.Option("--problem", metavar="PROBLEM", help="Whose horizon, currency and own figures count.")
    ] = PLAIN,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
) -> None:
    """Show what one node costs, line by line, with formulas and sources; owned ones with their fiscal years."""
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.costs.statement import cost_statement
    from optimizer.reports.cost_report import COST_REPORTS

    emit(COST_REPORTS[form.value](cost_statement(offer, facts, loaded.problem)), output)


@app.command()
def compare(
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
        typer.Option("--chart", metavar="FILE", help="Also draw the payments: .png, .svg or .html. Repeatable."),
    ] = None,
    chart_width: Annotated[
        int, typer.Option("--chart-width", metavar="PIXELS", help="Width of the charts.")
    ] = DEFAULT_WIDTH_PX,
) -> None:
    """Rent, own, or both, and each provider alone: cost over years, break-even, and what would change the verdict."""
    settings = solve_settings(time_limit, deterministic_limit)
    check_chart_files(chart, chart_width, output)
    if wants_workbook(output):
        if form is not TextFormat.TEXT:
            raise InputError([Fault("options", "--output", f"a workbook with --format {form.value}", "one of them")])
        check_library()
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.compare import compare as compared
    from optimizer.reports.compare_report import COMPARE_REPORTS

    found = compared(loaded, facts, settings)
    if chart and found.verdict is None:
        typer.echo("gpumix: no chart is drawn: there is no plan", err=True)
    elif chart:
        from optimizer.reports.charts.compare_charts import write_compare_charts

        write_compare_charts(found, chart, chart_width)
    if wants_workbook(output) and output is not None:
        from optimizer.documents.output import write_atomically
        from optimizer.reports.workbook.compare_book import compare_workbook

        write_atomically(output, compare_workbook(found))
    emit(COMPARE_REPORTS[form.value](found), None if wants_workbook(output) else output)
    unknown = any(one.status == "unknown" for one in found.variants)
    leave(ExitCode.PLAN if found.verdict else (ExitCode.LIMIT if unknown else ExitCode.INFEASIBLE))
