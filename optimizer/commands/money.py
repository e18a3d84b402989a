"""Commands about money over time: cost, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    FormatOption,
    LanguageOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    ProblemArg,
    SetOption,
    TimeOption,
    leave,
    load_inputs,
    solve_settings,
)
from optimizer.commands.planning import DEFAULT_WIDTH_PX, check_chart_files
from optimizer.commands.publishing import Out
from optimizer.errors import ExitCode

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
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Show what one node costs, line by line, with formulas and sources; owned ones with their fiscal years."""
    out = Out.of(form, output, language)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.costs.statement import cost_statement
    from optimizer.reports.cost_report import cost_document

    out.write(cost_document(cost_statement(offer, facts, loaded.problem)))


@app.command()
def compare(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
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
    settings, out = solve_settings(time_limit, deterministic_limit), Out.of(form, output, language)
    check_chart_files(chart, chart_width, output)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.compare import compare as compared
    from optimizer.reports.compare_report import compare_document

    found = compared(loaded, facts, settings)
    if chart and found.verdict is None:
        typer.echo("gpumix: no chart is drawn: there is no plan", err=True)
    elif chart:
        from optimizer.reports.charts.compare_charts import write_compare_charts

        write_compare_charts(found, chart, chart_width)
    if out.form == "xlsx":
        from optimizer.reports.workbook.compare_book import compare_workbook

        out.put(compare_workbook(found, out.voice.language))
    else:
        out.write(compare_document(found))
    unknown = any(one.status == "unknown" for one in found.variants)
    leave(ExitCode.PLAN if found.verdict else (ExitCode.LIMIT if unknown else ExitCode.INFEASIBLE))
