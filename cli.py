"""The `gpumix` command: parse, call one library function, render, exit."""

from __future__ import annotations

import gc
import os
import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from optimizer.errors import ExitCode, Fault, GpumixError, InputError

os.environ.setdefault(
    "PYDANTIC_DISABLE_PLUGINS", "__all__"
)  # else pydantic searches every installed package for plugins
gc.set_threshold(
    200_000, 50, 100
)  # a short process that builds many small objects once: collecting them costs a tenth of it

if TYPE_CHECKING:
    from optimizer.load import Catalog, LoadedProblem
    from optimizer.solve import SolveSettings


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


app = typer.Typer(
    help="Which GPUs to buy or rent, and which inference engine: the proven cheapest node mix for an LLM service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
catalog_app = typer.Typer(
    help="Look at the catalog, check it, calibrate the estimate on it.", no_args_is_help=True, rich_markup_mode=None
)
problems_app = typer.Typer(help="The problems that come with gpumix.", no_args_is_help=True, rich_markup_mode=None)
referee_app = typer.Typer(
    help="Solve other tools' problem instances exactly.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(catalog_app, name="catalog")
app.add_typer(problems_app, name="problems")
app.add_typer(referee_app, name="referee")

ProblemArg = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="Path of a problem file, or the name of a shipped one.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: services.0.slo.grade=B. Repeatable."),
]
CatalogOption = Annotated[
    Path | None,
    typer.Option("--catalog", envvar="GPUMIX_CATALOG", metavar="DIR", help="Catalog in place of the shipped one."),
]
OverlayOption = Annotated[
    list[Path] | None,
    typer.Option("--overlay", metavar="DIR", help="Own catalog rows over it. Repeatable; also GPUMIX_OVERLAY."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there instead of the terminal.")
]
TimeOption = Annotated[
    float | None, typer.Option("--time-limit", metavar="S", help="Stop after S seconds with the best plan so far.")
]
DeterministicOption = Annotated[
    float | None,
    typer.Option("--deterministic-limit", metavar="D", help="The same in the solver's own time: repeatable."),
]


def _overlays(given: list[Path] | None) -> list[Path]:
    """List the overlays: those of the environment first, so that options lie above them."""
    named = os.environ.get("GPUMIX_OVERLAY", "")
    return [Path(part) for part in named.split(os.pathsep) if part] + list(given or [])


def _load(
    problem: str, overrides: list[str] | None, catalog: Path | None, overlay: list[Path] | None
) -> tuple[LoadedProblem, Catalog]:
    """Load a problem and the catalog rows that it needs; a catalog or overlay that is named is validated whole."""
    from optimizer.load import load_catalog, load_problem

    loaded = load_problem(problem, tuple(overrides or ()))
    references = {service.model for service in loaded.problem.services} - set(loaded.own_models)
    everything = bool(loaded.own_models)
    found = load_catalog(catalog, _overlays(overlay), None if everything else references)
    if loaded.own_models:
        from optimizer.load.problem import with_known_shapes

        loaded = with_known_shapes(loaded, found)
    return loaded, found


def _settings(time_limit: float | None, deterministic_limit: float | None) -> SolveSettings:
    from optimizer.solve import SolveSettings

    faults = [
        Fault("options", name, f"{value}", "a number above 0")
        for name, value in (("--time-limit", time_limit), ("--deterministic-limit", deterministic_limit))
        if value is not None and not 0 < value < float("inf")
    ]
    if faults:
        raise InputError(faults)
    return SolveSettings(time_limit_s=time_limit, deterministic_limit=deterministic_limit)


def _emit(text: str, output: Path | None) -> None:
    """Print a result, or write it to a file."""
    if output is not None:
        from optimizer.reports.output import write_atomically

        write_atomically(output, _plain(text))
    else:
        typer.echo(text, nl=False, color=False if os.environ.get("NO_COLOR") else None)


def _plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@app.command()
def solve(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also list what was rejected, by reason.")] = False,
) -> None:
    """Find the proven cheapest nodes and engine for a problem."""
    settings = _settings(time_limit, deterministic_limit)
    loaded, facts = _load(problem, overrides, catalog, overlay)
    from optimizer.answer import answer
    from optimizer.reports import REPORTS, markdown, terminal

    plan = answer(loaded, facts, settings)
    text = REPORTS[form.value](plan)
    if explain and form is Format.TEXT:
        text += terminal.rejections(plan)
    if explain and form is Format.MARKDOWN:
        text += markdown.rejections(plan)
    _emit(text, output)
    _exit({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(plan.status, ExitCode.PLAN))


@app.command()
def pareto(
    problem: ProblemArg,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    speeds: Annotated[
        str | None, typer.Option("--range", metavar="LOW:HIGH", help="Speeds in tokens/s; HIGH may be left out.")
    ] = None,
    service: Annotated[
        str | None, typer.Option("--service", metavar="ID", help="Whose speed; default the first interactive service.")
    ] = None,
) -> None:
    """Find every plan that no other beats in both cost and user speed."""
    settings = _settings(time_limit, deterministic_limit)
    low, high = _speed_range(speeds)
    loaded, facts = _load(problem, overrides, catalog, overlay)
    from optimizer.frontier import cost_speed_frontier
    from optimizer.reports.frontier_report import FRONTIER_REPORTS

    frontier = cost_speed_frontier(loaded, facts, settings, low, high, service)
    _emit(FRONTIER_REPORTS[form.value](frontier), output)
    _exit(ExitCode.PLAN if frontier.points else (ExitCode.INFEASIBLE if frontier.complete else ExitCode.LIMIT))


def _speed_range(text: str | None) -> tuple[float | None, float | None]:
    if text is None:
        return None, None
    low, _, high = text.partition(":")
    try:
        found = float(low), float(high) if high else None
    except ValueError:
        found = float("nan"), None
    if not all(value is None or 0 < value < float("inf") for value in found):
        raise InputError([Fault("options", "--range", repr(text), "LOW:HIGH in tokens/s, such as 15:80")])
    return found


@app.command()
def check(
    problem: ProblemArg, overrides: SetOption = None, catalog: CatalogOption = None, overlay: OverlayOption = None
) -> None:
    """Validate a problem, and every name in it, without solving."""
    loaded, facts = _load(problem, overrides, catalog, overlay)
    from optimizer.candidates.enumerate import check_names
    from optimizer.costs import priced_offers

    check_names(loaded.problem, facts, priced_offers(facts, loaded.problem), loaded.own_models)
    services = len(loaded.problem.services)
    typer.echo(f"{problem}: valid ({services} service{'s' if services > 1 else ''})")


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
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
) -> None:
    """Show what fits on a set of GPUs: weights, KV cache, requests."""
    from optimizer.load import load_catalog
    from optimizer.reports import memory_report

    facts = load_catalog(catalog, _overlays(overlay), None if model.endswith(".json") else {model})
    report = memory_report.memory_of(facts, model, gpu, tp, precision, engine, context, max_num_seqs, memory_fraction)
    _emit(memory_report.MEMORY_REPORTS[form.value](report), output)
    _exit(ExitCode.PLAN if report.fits else ExitCode.INFEASIBLE)


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

    facts = load_catalog(catalog, _overlays(overlay))
    _emit(catalog_report.listing(facts, table, form.value), output)


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

    facts = load_catalog(catalog, _overlays(overlay))
    _emit(catalog_report.details(facts, name, form.value), None)


@catalog_app.command("check")
def catalog_check(
    catalog: CatalogOption = None, overlay: OverlayOption = None, form: FormatOption = Format.TEXT
) -> None:
    """Check the whole catalog: schema, ids, prices, curves, the closed-loop identity, and that weights fit."""
    from optimizer.integrity import check_catalog
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report

    findings = check_catalog(load_catalog(catalog, _overlays(overlay)))
    _emit(catalog_report.findings(findings, form.value), None)
    broken = any(finding.severity == "error" for finding in findings.found)
    _exit((ExitCode.BAD_INPUT if findings.from_overlay else ExitCode.BAD_CATALOG) if broken else ExitCode.PLAN)


@catalog_app.command("calibrate")
def catalog_calibrate(
    catalog: CatalogOption = None, overlay: OverlayOption = None, output: OutputOption = None
) -> None:
    """Fit the speed estimate on the measured rows; write the result over calibration.yaml or into an overlay."""
    from optimizer.load import load_catalog
    from optimizer.reports import catalog_report
    from optimizer.throughput.calibrate import calibrate

    fitted = calibrate(load_catalog(catalog, _overlays(overlay)))
    _emit(catalog_report.calibration_yaml(fitted), output)


@problems_app.command("list")
def problems_list() -> None:
    """List the shipped problems."""
    from optimizer.load import load_problem, shipped_problem_names

    for name in shipped_problem_names():
        typer.echo(name)
        typer.echo(
            "\n".join(
                textwrap.wrap(
                    load_problem(name).problem.description, 76, initial_indent="    ", subsequent_indent="    "
                )
            )
        )


@problems_app.command("copy")
def problems_copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a shipped problem.")],
    target: Annotated[Path | None, typer.Argument(metavar="TARGET", help="Where to; default NAME.yaml here.")] = None,
) -> None:
    """Copy a shipped problem, to start from; an existing file is kept."""
    from optimizer.load import load_problem, problem_text, read_bytes
    from optimizer.load.problem import shipped_problem_names
    from optimizer.reports.output import write_atomically

    if name.removesuffix(".yaml") not in shipped_problem_names():
        raise InputError([Fault("problems copy", name, "no shipped problem", ", ".join(shipped_problem_names()))])
    path = target or Path(f"{name.removesuffix('.yaml')}.yaml")
    path = path / f"{name.removesuffix('.yaml')}.yaml" if path.is_dir() else path
    text, source = problem_text(name.removesuffix(".yaml"))
    files = {
        path: text,
        **{path.parent / own: read_bytes(source.parent / own).decode() for own in load_problem(name).own_models},
    }
    kept = [str(file) for file in files if file.exists()]
    if kept:
        raise InputError([Fault("problems copy", file, "an existing file", "a new file name") for file in kept])
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
        typer.echo(f"wrote {file}")


@referee_app.command("llmpilot")
def referee_llmpilot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="LLM-Pilot instances (JSON).")],
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the overlay and problem of each instance there.")
    ] = None,
) -> None:
    """Solve LLM-Pilot's instances (users and cost by node type)."""
    from optimizer.referee.llmpilot import judge
    from optimizer.reports.referee_report import REFEREE_REPORTS

    verdicts = [judge(file, keep) for file in files]
    _emit(REFEREE_REPORTS[form.value](verdicts), output)
    _exit(ExitCode.PLAN if all(v.status == "optimal" for v in verdicts) else ExitCode.INFEASIBLE)


def _version(asked: bool) -> None:
    if asked:
        from optimizer import __version__

        typer.echo(f"gpumix {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold options that belong to no single command."""


def _exit(code: ExitCode) -> None:
    if code is not ExitCode.PLAN:
        raise typer.Exit(int(code))


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"gpumix: {line}", err=True)
    sys.exit(code)


def main() -> NoReturn:
    """Run the command; every failure is a message and an exit code, never a traceback (unless GPUMIX_DEBUG is set)."""
    try:
        code = app(prog_name="gpumix", standalone_mode=False)
        sys.stdout.flush()
    except GpumixError as error:
        _fail(str(error), int(error.exit_code))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", int(ExitCode.INTERRUPTED))
    except (
        BrokenPipeError,
        SystemExit,
    ):  # the reader went away; the command line library turns that into an exit of its own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(int(ExitCode.PLAN))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(
            f"output: found {error.strerror or error}; allowed: a place with room that can be written",
            int(ExitCode.BAD_INPUT),
        )
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(str(error))
            sys.exit(int(ExitCode.BAD_INPUT))
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a usage error of the command line
            _fail(error.format_message().replace("Value error, ", ""), int(ExitCode.BAD_INPUT))
        if os.environ.get("GPUMIX_DEBUG"):
            raise
        _fail(
            f"our own fault: {type(error).__name__}: {error} (GPUMIX_DEBUG=1 shows the details; please report it)",
            int(ExitCode.OWN_FAULT),
        )
    if code == ExitCode.INTERRUPTED:
        _fail("interrupted", int(ExitCode.INTERRUPTED))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
