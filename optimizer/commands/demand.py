"""Commands of step 2: how much comes, from what was measured."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import Format, FormatOption, OutputOption, emit
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of requests: time, input and output tokens.")],
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
    form: FormatOption = Format.TEXT, output: OutputOption = None,
) -> None:
    """Turn a trace of requests into classes, rates, an hourly profile and the lines of a problem file."""
    from optimizer.load.trace import Columns, read_trace
    from optimizer.reports.trace_report import TRACE_REPORTS
    from optimizer.traffic.profile import profile

    if not 1 <= window <= 1e9:
        raise InputError([Fault("options", "--window", f"{window}", "seconds, 1 or more")])
    columns = Columns(
        time_column, input_column, output_column, time_unit.value if time_unit else None, time_format, timezone)
    found = profile(read_trace(file, columns), classes, window)
    emit(TRACE_REPORTS[form.value](found, level.value), output)
