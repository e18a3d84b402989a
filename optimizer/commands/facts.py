"""Commands that look at facts: memory, schema, catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    Format,
    FormatOption,
    OutputOption,
    OverlayOption,
    emit,
    leave,
    overlays_of,
)
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()
catalog_app = typer.Typer(
    help="Look at the catalog, check it, calibrate the estimate on it.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(catalog_app, name="catalog")


@app.command()
def memory(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model id, or path of a config.json.")],
    gpu: Annotated[str, typer.Option("--gpu", metavar="ID", help="GPU type.")],
    tp: Annotated[int, typer.Option("--tp", min=1, help="Tensor-parallel size.")] = 1,
    precision: Annotated[str | None, typer.Option("--precision", metavar="P", help="Default: the model's own.")] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="E", help="Inference engine.")] = "vllm",
    context: Annotated[
        int | None,
        typer.Option("--context", min=1, metavar="TOKENS", help="Tokens a request holds; default: the model's limit."),
    ] = None,
    max_num_seqs: Annotated[
        int | None, typer.Option("--max-num-seqs", min=1, help="Default: the engine's own.")
    ] = None,
    memory_fraction: Annotated[
        float | None, typer.Option("--memory-fraction", min=0.01, max=1.0, help="Share of the memory the engine takes.")
    ] = None,
    engine_version: Annotated[
        str | None, typer.Option("--engine-version", metavar="V", help="Such as 0.16.0; default: the catalog's.")
    ] = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
) -> None:
    """Show what fits on a set of GPUs: weights, KV cache, requests."""
    from optimizer.load import load_catalog
    from optimizer.reports import memory_report

    facts = load_catalog(catalog, overlays_of(overlay), None if model.endswith(".json") else {model})
    report = memory_report.memory_of(
        facts, model, gpu, tp, precision, engine, context, max_num_seqs, memory_fraction, engine_version)
    emit(memory_report.MEMORY_REPORTS[form.value](report), output)
    leave(ExitCode.PLAN if report.fits else ExitCode.INFEASIBLE)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a problem file, for editors."""
    from optimizer.load.problem import problem_schema_json

    typer.echo(problem_schema_json())


@catalog_app.command("list")
def catalog_list(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="gpus, models, engines, precisions, offers, owned or throughput.")
    ],
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
) -> None:
    """List the rows of one table."""
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    facts = load_catalog(catalog, overlays_of(overlay))
    emit(catalog_report.listing(facts, table, form.value), output)


@catalog_app.command("show")
def catalog_show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a GPU, model, engine, precision, offer or owned node.")
    ],
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show everything known about one id, with its source."""
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    facts = load_catalog(catalog, overlays_of(overlay))
    emit(catalog_report.details(facts, name, form.value), None)


@catalog_app.command("check")
def catalog_check(
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = Format.TEXT
) -> None:
    """Check the whole catalog: schema, ids, prices, curves, the closed-loop identity, and that weights fit."""
    from optimizer.integrity import check_catalog
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    findings = check_catalog(load_catalog(catalog, overlays_of(overlay)))
    emit(catalog_report.findings(findings, form.value), None)
    broken = any(finding.severity == "error" for finding in findings.found)
    leave((ExitCode.BAD_INPUT if findings.from_overlay else ExitCode.BAD_CATALOG) if broken else ExitCode.PLAN)


@catalog_app.command("calibrate")
def catalog_calibrate(
    catalog: CatalogOption = None, overlay: OverlayOption = None, output: OutputOption = None
) -> None:
    """Fit the speed estimate on the measured rows; write calibration.yaml, and kin_weights.csv beside it."""
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report
    from optimizer.throughput.calibrate import calibrate
    from optimizer.throughput.kin import kin_weights

    facts = load_catalog(catalog, overlays_of(overlay))
    fitted = calibrate(facts)
    emit(catalog_report.calibration_yaml(fitted), output)
    if output is not None:
        emit(catalog_report.kin_weights_csv(kin_weights(facts, fitted)), output.with_name("kin_weights.csv"))


@catalog_app.command("accuracy")
def catalog_accuracy(
    memory: Annotated[
        Path | None, typer.Option("--memory", metavar="CSV", help="Start-up logs of vLLM to hold memory against.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="CSV", help="Measured rows that the catalog does not have.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw predicted against measured speeds.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.md", help="Write the accuracy page of the left-out rows.")
    ] = None,
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = Format.TEXT,
    output: OutputOption = None,
) -> None:
    """Show how far predictions are from what was measured: shipped rows left out (minutes), own rows, or memory."""
    from optimizer.load import load_catalog

    if memory is not None and (against is not None or plot is not None or report is not None):
        found_both = "--memory beside --against, --plot or --report"
        raise InputError([Fault("options", "--memory", found_both, "--memory alone: it is compared by itself")])
    if against is not None and report is not None:
        raise InputError([Fault("options", "--report", "--report beside --against", "one of them: the page is of the "
                                "catalog's own rows")])
    facts = load_catalog(catalog, overlays_of(overlay))
    if memory is not None:
        from optimizer.accuracy.memory import memory_accuracy
        from optimizer.reports.memory_accuracy_report import MEMORY_ACCURACY_REPORTS

        emit(MEMORY_ACCURACY_REPORTS[form.value](memory_accuracy(facts, memory)), output)
        return
    from optimizer.accuracy.against import speed_against
    from optimizer.accuracy.speed import speed_accuracy
    from optimizer.reports import accuracy_report

    if plot is not None:
        accuracy_report.check_plot(plot)
    if against is not None:
        rows = speed_against(facts, against)
        text, pairs = accuracy_report.AGAINST_REPORTS[form.value](rows), accuracy_report.pairs_of(rows)
    else:
        found = speed_accuracy(facts)
        if report is not None:
            from optimizer.reports.accuracy_page import accuracy_page

            emit(accuracy_page(facts, found), report)
        text, pairs = accuracy_report.ACCURACY_REPORTS[form.value](found), accuracy_report.pairs_of(found)
    if plot is not None and pairs:
        accuracy_report.plot(pairs, plot)
    emit(text, output)
    leave(ExitCode.PLAN if pairs else ExitCode.BAD_INPUT)
