"""Commands that answer a problem: solve, pareto, check."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    QuarterOption,
    SetOption,
    TimeOption,
    emit,
    leave,
    load_inputs,
    solve_settings,
)
from optimizer.commands.publishing import Out
from optimizer.errors import ExitCode, Fault, InputError

if TYPE_CHECKING:
    from optimizer.documents.pictures import Pictures
    from optimizer.frontier import Frontier
    from optimizer.load import Catalog, LoadedProblem
    from optimizer.schema.plan import Plan
    from optimizer.solve import SolveSettings

DEFAULT_WIDTH_PX = 1200
"""Of a chart; here, so that the command line needs nothing of the charts before one is asked for."""

app = typer.Typer()


class Against(StrEnum):
    """What a frontier sets against cost."""

    SPEED = "speed"
    USERS = "users"
    LOSSES = "losses"
    TTFT = "ttft"


@app.command()
def solve(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: FormatOption = None,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    details: Annotated[bool, typer.Option("--details", help="Print the whole report in place of one screen.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="The same, and what was rejected, by reason.")] = False,
    language: LanguageOption = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print the page that the specification begins with instead.")
    ] = False,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE",
                     help="Also write why nothing cheaper exists: .md for people (.ja.md in Japanese), else JSON."),
    ] = None,
    chart: Annotated[
        list[Path] | None,
        typer.Option("--chart", metavar="FILE", help="Also draw nodes and cash by quarter, of a problem with roadmap: "
                     ".png or .svg. Repeatable."),
    ] = None,
    chart_width: Annotated[
        int, typer.Option("--chart-width", metavar="PIXELS", help="Width of the charts.")
    ] = DEFAULT_WIDTH_PX,
    shed: Annotated[
        bool, typer.Option("--shed", help="Where not all can be served, cut services, the least important first.")
    ] = False,
) -> None:
    """Find the proven cheapest nodes and engine for a problem: at a peak, by the hour, or over a budget's quarters.

    One screen: the cheapest, the robust and the measured plan side by side, which to take, and what would change the
    bill most. `--details` prints everything.
    """
    settings, out = solve_settings(time_limit, deterministic_limit), Out.of(form, output, language)
    if chart or chart_width != DEFAULT_WIDTH_PX:
        from optimizer.reports.charts.quarters_chart import check_quarters_charts

        check_quarters_charts(chart or [], chart_width, output)
    if summary:
        _check_summary(out, explain)
    if out.form == "xlsx" and explain:
        raise InputError([Fault("options", "--output", "a workbook with --explain", "a workbook alone")])
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    if certificate is not None:
        from optimizer.solve.certify import check_certifiable

        check_certifiable(loaded)
    if chart and loaded.problem.roadmap is None:
        allowed = "a problem with roadmap; gpumix pareto --chart draws its trade-off"
        raise InputError([Fault("options", "--chart", "a problem without roadmap", allowed)])
    from optimizer.answer import answer

    whole = details or explain or summary or loaded.problem.roadmap is not None  # quarters fill more than one screen
    brief = out.form == "text" and not whole
    plan = answer(loaded, facts, settings, shed, brief)
    _draw_quarters(plan, chart or [], chart_width)
    if summary:
        out.put(_summary(loaded, facts, plan, out.voice.language))
    elif out.form == "xlsx":
        from optimizer.reports.plan_report import plan_document
        from optimizer.reports.workbook.plan_book import plan_workbook

        out.put(plan_workbook(plan, loaded.problem, facts, out.voice.language))
        replace(out, form="text", output=None).write(plan_document(plan))
    elif brief:
        out.put(screen(plan, loaded, facts, out.voice.language))
    else:
        from optimizer.reports.plan_report import plan_document

        out.write(plan_document(plan, explain))
    if certificate is not None:
        from optimizer.commands.proving import write_certificate

        japanese = out.voice.language == "ja" or certificate.name.endswith(".ja.md")
        write_certificate(loaded, facts, settings, certificate, "ja" if japanese else "en")
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(plan.status, ExitCode.PLAN))


def screen(plan: Plan, loaded: LoadedProblem, facts: Catalog, language: str) -> str:
    """Write the first screen."""
    from optimizer.costs import rate_per_usd
    from optimizer.messages import voice_of
    from optimizer.reports.first_screen import first_screen

    problem = loaded.problem
    rate = float(rate_per_usd(facts, problem, problem.currency))
    services = tuple(one.service_id for one in problem.services)
    return first_screen(plan, voice_of(language, problem.currency, rate, services), loaded.label)


def _draw_quarters(plan: Plan, chart: list[Path], width_px: int) -> None:
    """Write the charts of a budget plan, or say why there are none."""
    if not chart:
        return
    from optimizer.reports.charts.quarters_chart import write_quarters_charts
    from optimizer.reports.quarters_report import Quarters

    shown = Quarters.of(plan)
    if shown is None:
        typer.echo("gpumix: no chart is drawn: there is no plan", err=True)
    else:
        write_quarters_charts(shown, chart, width_px)


def _check_summary(out: Out, explain: bool) -> None:
    """Refuse a summary page that cannot be written, before anything is solved."""
    beside = [f"--format {out.form}"] if out.form != "text" else []
    beside += ["--explain"] if explain else []
    if beside:
        allowed = "--summary alone; gpumix spec writes the whole document"
        raise InputError([Fault("options", "--summary", f"{' and '.join(beside)} beside it", allowed)])
    from optimizer.documents.publish import check_libraries

    check_libraries("text", "--summary", ("jinja2",))


def _summary(loaded: LoadedProblem, facts: Catalog, plan: Plan, language: str) -> str:
    """Write the page that the specification begins with."""
    from optimizer.reports.specification import summary_text
    from optimizer.reports.specification.findings import findings_of_plan

    return summary_text(findings_of_plan(loaded, facts, plan), language)


@app.command()
def pareto(
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
    against: Annotated[
        Against, typer.Option("--against", help="The promise that cost is set against.")
    ] = Against.SPEED,
    span: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW:HIGH", help="In the promise's unit; HIGH may be left out."),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="ID", help="Whose promise; default the first interactive service."),
    ] = None,
    quarter: QuarterOption = None,
    chart: Annotated[
        list[Path] | None,
        typer.Option("--chart", metavar="FILE", help="Also draw it: .png, .svg or .html (interactive). Repeatable."),
    ] = None,
    chart_width: Annotated[
        int, typer.Option("--chart-width", metavar="PIXELS", help="Width of the charts.")
    ] = DEFAULT_WIDTH_PX,
) -> None:
    """Find every plan that no other beats in both cost and a promise: user speed, users, lost nodes or TTFT."""
    settings, out = solve_settings(time_limit, deterministic_limit), Out.of(form, output, language)
    low, high = _range(span)
    check_chart_files(chart, chart_width, output)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.frontier import trace_frontier
    from optimizer.reports.frontier_report import frontier_document

    frontier = trace_frontier(loaded, facts, settings, against.value, low, high, service, quarter)
    if chart:
        _draw(frontier, settings, chart, chart_width)
    pictures = _pictures(frontier, settings, out)
    out.write(frontier_document(frontier, drawn=pictures is not None), pictures)
    leave(ExitCode.PLAN if frontier.points else (ExitCode.INFEASIBLE if frontier.complete else ExitCode.LIMIT))


def check_chart_files(chart: list[Path] | None, width_px: int, output: Path | None) -> None:
    """Refuse charts that cannot be drawn or written, before anything is solved."""
    if chart or width_px != DEFAULT_WIDTH_PX:
        from optimizer.reports.charts import check_charts

        check_charts(chart or [], width_px, output)


def _pictures(frontier: Frontier, settings: SolveSettings, out: Out) -> Pictures | None:
    """Draw the frontier for the formats that hold pictures; None where there is none, or nothing to draw with."""
    if out.form not in ("html", "docx", "pdf") or not frontier.points or find_spec("matplotlib") is None:
        return None
    from optimizer.documents.pictures import Pictures
    from optimizer.reports.charts import frontier_picture

    return Pictures({"frontier": frontier_picture(frontier, settings, out.voice.for_print())})


def _draw(frontier: Frontier, settings: SolveSettings, chart: list[Path], width_px: int) -> None:
    """Write the charts, or say why there are none."""
    if frontier.points:
        from optimizer.reports.charts import write_frontier_charts

        write_frontier_charts(frontier, settings, chart, width_px)
    else:
        typer.echo("gpumix: no chart is drawn: there is no plan in this range", err=True)


def _range(text: str | None) -> tuple[float | None, float | None]:
    """Read LOW:HIGH."""
    if text is None:
        return None, None
    low, _, high = text.partition(":")
    try:
        found = float(low), float(high) if high else None
    except ValueError:
        found = float("nan"), None
    if not all(value is None or 0 <= value < float("inf") for value in found):
        raise InputError([Fault("options", "--range", repr(text), "LOW:HIGH with 0 <= LOW <= HIGH, such as 15:80")])
    return found


@app.command()
def explain(
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
    alternatives: Annotated[
        int, typer.Option("--alternatives", metavar="K", help="How many next best plans of another structure to show.")
    ] = 5,
    within: Annotated[
        float, typer.Option("--within", metavar="FRACTION", help="How much dearer than the best they may be.")
    ] = 0.1,
    tests: Annotated[
        bool, typer.Option("--tests", help="Also say which measurements would change the plan, most decisive first.")
    ] = False,
    quarter: QuarterOption = None,
) -> None:
    """Say why each other GPU and engine lost, what binds, what would change the plan, or why there is none."""
    settings, out = solve_settings(time_limit, deterministic_limit), Out.of(form, output, language)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.explain import explain as explained
    from optimizer.reports.explain_report import explain_document

    found = explained(loaded, facts, settings, alternatives, within, tests, quarter)
    out.write(explain_document(found))
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(found.plan.status, ExitCode.PLAN))


@app.command()
def check(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
) -> None:
    """Validate a problem, and every name in it, without solving."""
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.candidates import Market
    from optimizer.candidates.names import check_names
    from optimizer.costs import priced_offers

    market = Market.of(priced_offers(facts, loaded.problem), loaded.problem.limits)
    check_names(loaded.problem, facts, market, loaded.own_models)
    services = len(loaded.problem.services)
    emit(f"{problem}: valid ({services} service{'s' if services > 1 else ''})\n", None)
