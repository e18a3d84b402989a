"""Commands of step 2: how much comes, from what was measured."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import FormatOption, LanguageOption, OutputOption
from optimizer.commands.publishing import Out
from optimizer.errors import Fault, InputError

app = typer.Typer(
    help="Demand and request classes from what was measured.", no_args_is_help=True, rich_markup_mode=None)


class Level(StrEnum):
    """Which rate becomes the demand."""

    PEAK = "peak"
    P99_9 = "p99.9"
    P99 = "p99"
    P95 = "p95"
    P90 = "p90"


class TimeUnit(StrEnum):
    """What a number of time counts."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


@app.callback()
def demand() -> None:
    """Hold the group together while it has one command."""


@app.command("from-trace")
def from_trace(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Requests, one a row: CSV, JSON lines or Parquet.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=NAME", help="Column of time, input or output: time=startTime. Repeatable."),
    ] = None,
    time_column: Annotated[str | None, typer.Option("--time-column", metavar="NAME", help="Default: found.")] = None,
    input_column: Annotated[str | None, typer.Option("--input-column", metavar="NAME", help="Default: found.")] = None,
    output_column: Annotated[
        str | None, typer.Option("--output-column", metavar="NAME", help="Default: found.")
    ] = None,
    time_unit: Annotated[
        TimeUnit | None, typer.Option("--time-unit", help="Of times that are numbers; default: by their size.")
    ] = None,
    time_format: Annotated[
        str | None, typer.Option("--time-format", metavar="F", help="Such as '%d/%b/%Y:%H:%M:%S %z'; default ISO 8601.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="TZ", help="Of times without an offset, and of the hours shown.")
    ] = "UTC",
    classes: Annotated[int, typer.Option("--classes", min=1, max=64, help="Most classes of requests.")] = 4,
    window: Annotated[float, typer.Option("--window", metavar="S", help="Seconds over which a rate is taken.")] = 60.0,
    level: Annotated[Level, typer.Option("--level", help="Which rate becomes the demand.")] = Level.PEAK,
    form: FormatOption = None, output: OutputOption = None, language: LanguageOption = None,
) -> None:
    """Turn a trace of requests into classes, rates, an hourly profile and the lines of a problem file."""
    from optimizer.load.trace import Columns, read_trace
    from optimizer.reports.trace_report import trace_document
    from optimizer.traffic.profile import profile

    out = Out.of(form, output, language)
    if not 1 <= window <= 1e9:
        raise InputError([Fault("options", "--window", f"{window}", "seconds, 1 or more")])
    roles = _roles(mapped, {"time": time_column, "input": input_column, "output": output_column})
    columns = Columns(
        roles["time"], roles["input"], roles["output"], time_unit.value if time_unit else None, time_format, timezone)
    found = profile(read_trace(file, columns), classes, window)
    out.write(trace_document(found, level.value))


def _roles(mapped: list[str] | None, stated: dict[str, str | None]) -> dict[str, str | None]:
    """Return the column of each role that options state.

    Raises:
        InputError: with each `--map` that is none, or that states a role again.
    """
    faults = []
    for one in mapped or ():
        role, sign, name = one.partition("=")
        if role not in stated or not sign or not name:
            faults.append(Fault("options", "--map", repr(one), f"ROLE=NAME, ROLE one of {', '.join(stated)}"))
        elif stated[role] is not None:
            faults.append(Fault("options", "--map", f"{role} a second time", "each role once"))
        else:
            stated[role] = name
    if faults:
        raise InputError(faults)
    return stated
