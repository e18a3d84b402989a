"""Commands of step 6: put a proposal under load and bring the figures back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
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
    SetOption,
    TimeOption,
    leave,
    load_inputs,
    overlays_of,
    solve_settings,
    tell,
)
from optimizer.commands.publishing import Out
from optimizer.errors import ExitCode, Fault, InputError, printable

if TYPE_CHECKING:
    from optimizer.load import Catalog
    from optimizer.loadtest.importing import Imported, ImportedLevel
    from optimizer.loadtest.setup import SetUp

app = typer.Typer(
    help="Put a proposal under load, bring the figures back, see what they change.", no_args_is_help=True,
    rich_markup_mode=None)

ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="ID", help="Model id, its Hugging Face name, or its config.json.")]
GpuOption = Annotated[str | None, typer.Option("--gpu", metavar="ID", help="GPU type under load.")]
GpuCountOption = Annotated[int | None, typer.Option("--gpu-count", min=1, metavar="N", help="GPUs of one replica.")]
TpOption = Annotated[int | None, typer.Option("--tp", min=1, metavar="N", help="Tensor-parallel size.")]
LayoutOption = Annotated[
    str | None, typer.Option("--layout", metavar="L", help="Such as tp1-pp4, where the GPUs are more than --tp.")]
PrecisionOption = Annotated[str | None, typer.Option("--precision", metavar="P", help="Precision as served.")]
EngineOption = Annotated[str | None, typer.Option("--engine", metavar="E", help="Engine behind the endpoint.")]
VersionOption = Annotated[str | None, typer.Option("--engine-version", metavar="V", help="Its version.")]

class EndpointKind(StrEnum):
    """The paths of an OpenAI-compatible endpoint."""

    COMPLETIONS = "completions"
    CHAT = "chat"


MOST_USERS = 10_000
"""Of one level: more than any replica carries."""

DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@app.command("import")
def import_results(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files, of any known tool.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="User catalog that the rows are written to.")],
    model: ModelOption = None, gpu: GpuOption = None, gpu_count: GpuCountOption = None, tp: TpOption = None,
    layout: LayoutOption = None, precision: PrecisionOption = None, engine: EngineOption = None,
    engine_version: VersionOption = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, metavar="C", help="Requests in flight, if no file says.")
    ] = None,
    isl: Annotated[int | None, typer.Option("--isl", min=1, metavar="TOKENS", help="Nominal input tokens.")] = None,
    osl: Annotated[int | None, typer.Option("--osl", min=1, metavar="TOKENS", help="Nominal output tokens.")] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="DAY", help="Day of the measurement.")] = None,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="Name of the test: its levels are one curve.")
    ] = "loadtest",
    failures: Annotated[
        float, typer.Option("--failures", min=0.0, max=1.0, help="Largest share of failed requests.")
    ] = 0.05,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="A column of any CSV; once for each.")
    ] = None,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Write the other levels where some are refused.")
    ] = False,
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = None,
    output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Write what load tests measured as rows of a user catalog, for --overlay."""
    out = Out.of(form, output, language)
    from optimizer.loadtest.formats.mapped_csv import mapping_of
    from optimizer.loadtest.importing import import_files
    from optimizer.loadtest.setup import SetUp
    from optimizer.reports.loadtest_import_report import imported_document

    _check_names(day, source)
    given = SetUp(model, gpu, gpu_count, tp, layout, precision, engine, engine_version, concurrency, isl, osl, day)
    place = into / "throughput" / f"{source}.csv"
    named = mapping_of(columns or [])
    found = import_files(
        files, given, _catalog(catalog, overlay, into), _text_of(place), str(place), source, failures, named)
    if found.refused and not skip_refused:
        raise InputError([_refused(level) for level in found.refused])
    _write(place, found, into)
    out.write(imported_document(found))


@app.command("run")
def run_test(
    url: Annotated[str, typer.Option("--url", metavar="URL", help="The endpoint, such as http://localhost:8000.")],
    users: Annotated[
        str, typer.Option("--users", metavar="N,N,...", help="Levels: users with one request in flight each.")
    ] = "1,2,4,8",
    isl: Annotated[int | None, typer.Option("--isl", min=1, metavar="TOKENS", help="Input tokens.")] = None,
    osl: Annotated[int | None, typer.Option("--osl", min=2, metavar="TOKENS", help="Output tokens.")] = None,
    problem: Annotated[
        str | None, typer.Option("--problem", metavar="PROBLEM", help="Take the lengths from a problem.")
    ] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="ID", help="Which of its services.")] = None,
    request_class: Annotated[
        int, typer.Option("--request-class", min=1, metavar="N", help="Which entry of its workload.")
    ] = 1,
    endpoint: Annotated[EndpointKind, typer.Option("--endpoint", help="The path asked.")] = EndpointKind.COMPLETIONS,
    served_model: Annotated[
        str, typer.Option("--served-model", metavar="NAME", help="Its name at the endpoint; default: ask there.")
    ] = "",
    until: Annotated[
        float, typer.Option("--until", min=0.001, max=1.0, help="A level ends when TPOT is known this well.")
    ] = 0.05,
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=9, help="Runs of each level; one more when two differ.")
    ] = 2,
    time_limit: Annotated[float, typer.Option("--time-limit", min=1.0, metavar="S", help="For each run.")] = 600.0,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, metavar="S", help="For each answer.")] = 300.0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="Processes that make the load; default: as needed.")
    ] = None,
    cacert: Annotated[
        str | None, typer.Option("--cacert", metavar="FILE", help="Authorities of the endpoint's certificate, in PEM.")
    ] = None,
    prefix_cached: Annotated[
        float, typer.Option("--prefix-cached", min=0.0, max=0.99, metavar="FRACTION",
                            help="Share of every prompt that is the same, for the engine's prefix cache.")
    ] = 0.0,
    records: Annotated[
        Path | None, typer.Option("--records", metavar="FILE", help="Raw records; default: loadtest-TIME.jsonl.")
    ] = None,
    model: ModelOption = None, gpu: GpuOption = None, gpu_count: GpuCountOption = None, tp: TpOption = None,
    layout: LayoutOption = None, precision: PrecisionOption = None, engine: EngineOption = None,
    engine_version: VersionOption = None, catalog: CatalogOption = None, overlay: OverlayOption = None,
    form: FormatOption = None, output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Put an endpoint under load, level by level, and measure what users see."""
    out = Out.of(form, output, language)
    from optimizer.loadtest.level import Schedule
    from optimizer.loadtest.running import Endpoint, check_installed, endpoint_url, run_levels
    from optimizer.loadtest.setup import SetUp
    from optimizer.reports.loadtest_run_report import run_document

    levels, address = _users(users), endpoint_url(url)
    isl, osl = _lengths(isl, osl, problem, service, request_class)
    check_installed()
    if any(name is not None for name in (model, gpu, precision, engine)):
        _check_set_up(SetUp(model, gpu, gpu_count, tp, layout, precision, engine), catalog, overlay)
    place = records or Path(f"loadtest-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
    set_up = {"model": model, "gpu": gpu, "gpu_count": gpu_count, "tp_size": tp, "layout": layout,
              "precision": precision, "engine": engine, "engine_version": engine_version}
    target = Endpoint(address, endpoint.value, served_model, isl, osl, timeout, workers, cacert, prefix_cached)
    found = run_levels(target, Schedule(levels, until, runs, time_limit), set_up, place, _say)
    for line in found.trouble:
        tell(line)
    out.write(run_document(found, str(place)))
    leave(ExitCode.INTERRUPTED if found.interrupted else ExitCode.CHECK_FAILED if found.trouble else ExitCode.PLAN)


def _check_set_up(given: SetUp, catalog: Path | None, overlay: list[Path] | None) -> None:
    """Hold names against the catalog before anything is measured, or an hour of testing could not be imported."""
    from optimizer.load import load_catalog
    from optimizer.loadtest.own_parts import with_own_models
    from optimizer.loadtest.setup import check_options

    own = with_own_models(load_catalog(catalog, overlays_of(overlay)), [given.model], Path())
    check_options(own.catalog, given)


def _say(line: str) -> None:
    typer.echo(f"  {printable(line)}", err=True)


def _users(text: str) -> tuple[int, ...]:
    """Read the levels."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 9 and 1 <= int(part) <= MOST_USERS for part in parts):
        raise InputError([Fault("options", "--users", repr(text), f"numbers from 1 to {MOST_USERS:,}, as 1,2,4,8")])
    return tuple(dict.fromkeys(int(part) for part in parts))


def _lengths(
    isl: int | None, osl: int | None, problem: str | None, service: str | None, request_class: int
) -> tuple[int, int]:
    """Return the lengths of the requests: as options say, else those of the problem."""
    if problem is not None:
        from optimizer.load import load_problem
        from optimizer.loadtest.planning import request_of

        request = request_of(load_problem(problem).problem, service, request_class)
        isl, osl = isl or request.isl_tokens, osl or request.osl_tokens
    if isl is None or osl is None:
        raise InputError([Fault("options", "--isl, --osl", "nothing", "both, or --problem PROBLEM")])
    return isl, osl


def _refused(level: ImportedLevel) -> Fault:
    """Say why a level is no row."""
    allowed = "levels that are rows; --skip-refused writes the others"
    return Fault(f"{level.file} {level.place}".strip(), "", f"a refused level: {level.reason}", allowed)


@app.command("plan")
def plan_test(
    problem: ProblemArg,
    overrides: SetOption = None,
    own: Annotated[str, typer.Option("--into", metavar="DIR", help="Where the commands import to.")] = "own",
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The endpoint to be tested; default: the engine's port.")
    ] = None,
    catalog: CatalogOption = None, overlay: OverlayOption = None, allow_outside: OutsideOption = False,
    form: FormatOption = None, output: OutputOption = None, language: LanguageOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Say which tests would tell whether the plan of a problem holds, with ready commands."""
    out = Out.of(form, output, language)
    settings = solve_settings(time_limit, deterministic_limit)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.load.serving import load_serving
    from optimizer.loadtest.planning import Asked, plan_tests
    from optimizer.reports.loadtest_plan_report import planned_document

    asked = Asked(problem, own, url, tuple(str(path) for path in overlays_of(overlay)),
                  None if catalog is None else str(catalog), tuple(overrides or ()))
    found = plan_tests(loaded, facts, settings, asked, load_serving(catalog, overlays_of(overlay)))
    out.write(planned_document(found))
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(found.status, ExitCode.PLAN))


@app.command("compare")
def compare_test(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None, overlay: OverlayOption = None, allow_outside: OutsideOption = False,
    form: FormatOption = None, output: OutputOption = None, language: LanguageOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Hold own measurements against predictions and the promise, and solve again with them."""
    out = Out.of(form, output, language)
    settings = solve_settings(time_limit, deterministic_limit)
    if not overlays_of(overlay):
        raise InputError([Fault("options", "--overlay", "nothing", "the folder with your measured rows")])
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.load import load_catalog
    from optimizer.loadtest.comparing import compare, without_own_rows
    from optimizer.reports.loadtest_compare_report import comparison_document

    models = {service.model for service in loaded.problem.services}
    bare = load_catalog(catalog, (), None if loaded.own_models else models)
    found = compare(loaded, without_own_rows(facts, bare), facts, settings)
    out.write(comparison_document(found))
    leave(ExitCode.CHECK_FAILED if found.broken else ExitCode.PLAN)


def _check_names(day: str | None, source: str) -> None:
    faults = []
    if day is not None and not DAY.fullmatch(day):
        faults.append(Fault("options", "--date", repr(day), "a day as 2026-11-22"))
    if not SOURCE.fullmatch(source):
        allowed = "lower-case letters, digits, '.', '_' and '-', at most 80"
        faults.append(Fault("options", "--source", repr(source), allowed))
    if faults:
        raise InputError(faults)


def _catalog(catalog: Path | None, overlay: list[Path] | None, into: Path) -> Catalog:
    """Load the catalog whose names are known, the user catalog that is written to included."""
    from optimizer.load import load_catalog

    overlays = overlays_of(overlay)
    named = {path.resolve() for path in overlays}
    if into.is_dir() and into.resolve() not in named and (any(into.glob("*.*")) or any(into.glob("*/*.csv"))):
        overlays.append(into)
    return load_catalog(catalog, overlays)


def _text_of(place: Path) -> str | None:
    """Return the text of the own file, None when there is none yet."""
    from optimizer.load import read_bytes
    from optimizer.load.text import decode

    return decode(read_bytes(place), str(place)) if place.exists() else None


def _write(place: Path, found: Imported, into: Path) -> None:
    """Write the own file, and the model and GPU rows that it needs, whole or not at all, and only what is new."""
    from optimizer.documents.output import write_atomically
    from optimizer.loadtest.own_parts import own_files

    if not found.added:
        return
    beside = own_files(into, found.added, found.own.catalog, found.own.models)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError([Fault("--into", str(place.parent), f"a place that cannot be written ({why})", "a folder")
                          ]) from None
    for path, text in beside.items():
        write_atomically(path, text, "--into")
    write_atomically(place, found.text, "--into")
