"""Commands that look at facts: memory, schema, catalog."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    FormatOption,
    LanguageOption,
    OutputOption,
    OverlayOption,
    emit,
    leave,
    overlays_of,
)
from optimizer.commands.publishing import Out
from optimizer.errors import ExitCode, Fault, InputError


class KvCache(StrEnum):
    """Precisions of the KV cache."""

    SIXTEEN = "16-bit"
    EIGHT = "fp8"


app = typer.Typer()
catalog_app = typer.Typer(
    help="Look at the catalog, check it, calibrate the estimate on it.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(catalog_app, name="catalog")


@app.command()
def memory(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model id or name, or path of a config.json.")],
    gpu: Annotated[
        str | None, typer.Option("--gpu", metavar="ID", help="GPU type; default: only what the model is.")
    ] = None,
    tp: Annotated[int, typer.Option("--tp", min=1, help="Tensor-parallel size.")] = 1,
    precision: Annotated[str | None, typer.Option("--precision", metavar="P", help="Default: the model's own.")] = None,
    kv_cache: Annotated[
        KvCache | None, typer.Option("--kv-cache", help="Precision of the KV cache; default: the checkpoint's.")
    ] = None,
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
    exact: Annotated[
        bool, typer.Option("--exact", help="Count parameters on the real architecture (needs gpumix[exact]).")
    ] = False,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Show what fits on a set of GPUs: weights, KV cache, requests; without --gpu, what the model is."""
    from optimizer.load import load_catalog
    from optimizer.reports import memory_report

    out = Out.of(form, output, language)
    facts = load_catalog(catalog, overlays_of(overlay), None if Path(model).exists() else {model})
    if gpu is None:
        out.write(memory_report.model_document(memory_report.model_facts(facts, model, exact)))
        return
    report = memory_report.memory_of(
        facts, model, gpu, tp, precision, engine, context, max_num_seqs, memory_fraction, engine_version,
        kv_cache.value if kv_cache else None, exact)
    out.write(memory_report.memory_document(report))
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
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """List the rows of one table; the workbook of offers recomputes its prices."""
    out = Out.of(form, output, language)
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    facts = load_catalog(catalog, overlays_of(overlay))
    if out.form == "xlsx" and table == "offers":
        from optimizer.reports.workbook.offers_book import offers_workbook

        out.put(offers_workbook(facts, out.voice.language))
    else:
        out.write(catalog_report.listing_document(facts, table))


@catalog_app.command("show")
def catalog_show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a GPU, model, engine, precision, offer or owned node.")
    ],
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Show everything known about one id, with its source."""
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    out = Out.of(form, output, language)
    facts = load_catalog(catalog, overlays_of(overlay))
    out.write(catalog_report.sheet_document(facts, name))


@catalog_app.command("check")
def catalog_check(
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = None,
    output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Check the whole catalog: schema, ids, prices, curves, the closed-loop identity, and that weights fit."""
    from optimizer.integrity import check_catalog
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    out = Out.of(form, output, language)
    findings = check_catalog(load_catalog(catalog, overlays_of(overlay)))
    out.write(catalog_report.findings_document(findings))
    broken = any(finding.severity == "error" for finding in findings.found)
    leave((ExitCode.BAD_INPUT if findings.from_overlay else ExitCode.BAD_CATALOG) if broken else ExitCode.PLAN)


@catalog_app.command("age")
def catalog_age(
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="Day to count from; default: today.")
    ] = None,
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = None,
    output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Show how old the prices are, by provider: oldest, newest, how many are older than half a year."""
    from optimizer.costs.age import ages
    from optimizer.load import load_catalog
    from optimizer.reports.market_report import age_document

    out = Out.of(form, output, language)
    day = (today or datetime.now(UTC)).date()
    found = ages(load_catalog(catalog, overlays_of(overlay), ()), day)
    out.write(age_document(found, day.isoformat()))


@catalog_app.command("diff")
def catalog_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of a catalog.")],
    new: Annotated[
        Path | None, typer.Argument(metavar="[NEW]", help="Folder of another; default: the shipped catalog.")
    ] = None,
    overlay: OverlayOption = None, form: FormatOption = None, output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Show what changed between two catalogs: offers that came and went, prices by percent, movement by GPU."""
    from optimizer.costs.catalog_difference import catalog_difference
    from optimizer.load import load_catalog
    from optimizer.reports.market_report import catalog_difference_document

    out = Out.of(form, output, language)
    found = catalog_difference(load_catalog(old, (), ()), load_catalog(new, overlays_of(overlay), ()))
    out.write(catalog_difference_document(found))


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
    check: Annotated[
        bool, typer.Option("--check", help="With --memory: exit code 6 where KV tokens are further off than promised.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw predicted against measured speeds.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.md", help="Write the accuracy page of the left-out rows.")
    ] = None,
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = None,
    output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Show how far predictions are from what was measured: shipped rows left out (minutes), own rows, or memory."""
    from optimizer.load import load_catalog

    out = Out.of(form, output, language)
    if memory is not None and (against is not None or plot is not None or report is not None):
        found_both = "--memory beside --against, --plot or --report"
        raise InputError([Fault("options", "--memory", found_both, "--memory alone: it is compared by itself")])
    if against is not None and report is not None:
        raise InputError([Fault("options", "--report", "--report beside --against", "one of them: the page is of the "
                                "catalog's own rows")])
    facts = load_catalog(catalog, overlays_of(overlay))
    if memory is not None:
        from optimizer.accuracy.memory import keeps_its_promise, memory_accuracy
        from optimizer.reports.memory_accuracy_report import memory_accuracy_document

        logs = memory_accuracy(facts, memory)
        out.write(memory_accuracy_document(logs))
        leave(ExitCode.CHECK_FAILED if check and not keeps_its_promise(logs) else ExitCode.PLAN)
        return
    from optimizer.accuracy.against import speed_against
    from optimizer.accuracy.speed import speed_accuracy
    from optimizer.reports import accuracy_report

    if plot is not None:
        accuracy_report.check_plot(plot)
    if against is not None:
        rows = speed_against(facts, against)
        written, pairs = accuracy_report.against_document(rows), accuracy_report.pairs_of(rows)
    else:
        found = speed_accuracy(facts)
        if report is not None:
            from optimizer.reports.accuracy_page import accuracy_page

            emit(accuracy_page(facts, found), report)
        written, pairs = accuracy_report.accuracy_document(found), accuracy_report.pairs_of(found)
    if plot is not None and pairs:
        accuracy_report.plot(pairs, plot)
    out.write(written)
    leave(ExitCode.PLAN if pairs else ExitCode.BAD_INPUT)
