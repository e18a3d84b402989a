"""Commands for many problems at once: batch, and its report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    FormatOption,
    LanguageOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    emit,
    overlays_of,
    solve_settings,
    tell,
)
from optimizer.commands.planning import DEFAULT_WIDTH_PX
from optimizer.commands.publishing import Out
from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from optimizer.batch.run import Backend, Finished
    from optimizer.batch.solver import Facts

app = typer.Typer()

REPORT = "batch report"
"""A command of two words; everything else after `batch` is a problem."""


class TwoWords(TyperGroup):
    """Knows commands of two words: `batch report DIR` beside `batch PROBLEM...`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first words name."""
        words = " ".join(args[:2])
        return super().resolve_command(ctx, [words, *args[2:]] if words in self.commands else args)


class BackendName(StrEnum):
    """What solves the variants."""

    PROCESSES = "processes"
    RAY = "ray"


@app.command()
def batch(
    sources: Annotated[
        list[str], typer.Argument(metavar="PROBLEM...", help="Problem files, folders of them, or shipped names.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Ledger and results; an unfinished batch goes on.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUES", help="Sweep a key: A,B,C or FROM:TO:STEP. Repeatable."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--overrides", metavar="FILE", help="CSV or Parquet: dotted keys as columns, a variant a row."),
    ] = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Default: one for each core.")] = None,
    backend: Annotated[BackendName, typer.Option("--backend", help="Where to solve.")] = BackendName.PROCESSES,
    address: Annotated[
        str | None, typer.Option("--address", help="Of a Ray cluster; default: one started here.")
    ] = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Solve many variants; one row each, and running it again goes on where it stopped."""
    settings = solve_settings(None, deterministic_limit)
    if address is not None and backend is not BackendName.RAY:
        raise InputError([Fault("options", "--address", address, "--backend ray beside it")])
    from optimizer.batch import Facts, Sources, expanded_sources, run_batch, variants_of
    from optimizer.batch.variants import stem
    from optimizer.load import load_catalog
    from optimizer.load.tables_of_overrides import read_override_rows

    named = expanded_sources(sources)
    rows = None if table is None else read_override_rows(table, stem(named[0]))
    variants = variants_of(named, overrides or (), rows, str(table))
    layers = overlays_of(overlay)
    digest = load_catalog(catalog, layers).sha256
    facts = Facts(Sources.read(named), catalog, tuple(layers), settings, digest, allow_outside)
    with _progress() as told:
        finished = run_batch(variants, facts, out, lambda: _backend(backend, facts, workers, address), told)
    emit(_summary(finished), None)


@app.command(REPORT)
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of a batch, finished or not.")],
    rows: Annotated[
        list[str], typer.Option("--rows", metavar="KEY", help="Down the side: KEY or KEY,KEY. Repeatable.")
    ],
    columns: Annotated[
        list[str] | None, typer.Option("--columns", metavar="KEY", help="Across: KEY or KEY,KEY. Repeatable.")
    ] = None,
    values: Annotated[str, typer.Option("--values", metavar="KEY", help="Whose least is shown.")] = "usd_per_month",
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
    chart: Annotated[
        list[Path] | None,
        typer.Option("--chart", metavar="FILE", help="Also draw cost per variant: .png, .svg or .html. Repeatable."),
    ] = None,
    chart_width: Annotated[
        int, typer.Option("--chart-width", metavar="PIXELS", help="Width of the charts.")
    ] = DEFAULT_WIDTH_PX,
) -> None:
    """Pivot the results of a batch: the least cost by one key against another; a workbook has formulas."""
    from optimizer.batch.ledger import open_existing
    from optimizer.batch.pivot import pivot_of
    from optimizer.reports.batch_report import pivot_document

    out = Out.of(form, output, language)
    if chart or chart_width != DEFAULT_WIDTH_PX:
        from optimizer.reports.charts import check_charts

        check_charts(chart or [], chart_width, output)
    ledger = open_existing(folder)
    try:
        ledger.check()
        pivot = pivot_of(ledger, _keys(rows), _keys(columns), values)
        if out.form == "xlsx":
            from optimizer.batch.results import columns_of, records_of
            from optimizer.reports.workbook.batch_book import batch_workbook

            out.put(batch_workbook(pivot, columns_of(ledger), records_of(ledger), out.voice.language))
        else:
            out.write(pivot_document(pivot))
        if chart:
            from optimizer.reports.charts.batch_charts import write_batch_charts

            write_batch_charts(ledger, chart, chart_width)
    finally:
        ledger.close()


def _keys(given: list[str] | None) -> list[str]:
    return [key.strip() for one in given or () for key in one.split(",") if key.strip()]


def _backend(name: BackendName, facts: Facts, workers: int | None, address: str | None) -> Backend:
    """Make what solves."""
    if name is BackendName.RAY:
        from optimizer.batch.on_ray import RayCluster

        return RayCluster(facts, address, workers)
    from optimizer.batch.processes import Processes

    return Processes(facts, workers or _cores())


def _cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _summary(finished: Finished) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(finished.counts.items()))
    lines = [f"{finished.variants:,} variants: {counts}", f"wrote {finished.csv}"]
    if finished.parquet is None:
        lines.append("no results.parquet: pip install 'gpumix[batch]' to have it")
    else:
        lines.append(f"wrote {finished.parquet}")
    return "\n".join(lines) + "\n"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar with rate and time left on a terminal, elsewhere a line now and then; say what an interruption left.

    The rate is that of this run: what the ledger knew already does not count.
    """
    from optimizer.reports.progress import shown_progress

    state = (0, 0)
    with shown_progress(sys.stderr) as show:

        def told(done: int, total: int) -> None:
            """Pass it on."""
            nonlocal state
            state = (done, total)
            show(done, total)

        try:
            yield told
        except KeyboardInterrupt:
            done, total = state
            if total:
                tell(f"{done:,} of {total:,} variants are done; the same command goes on")
            raise
