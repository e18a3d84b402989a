"""Commands for many problems at once: batch, and its report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    OverlayOption,
    emit,
    overlays_of,
    solve_settings,
)
from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from optimizer.batch.run import Backend, Finished
    from optimizer.batch.solver import Facts

app = typer.Typer()


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
    facts = Facts(Sources.read(named), catalog, tuple(layers), settings, digest)
    with _progress() as told:
        finished = run_batch(variants, facts, out, lambda: _backend(backend, facts, workers, address), told)
    emit(_summary(finished), None)


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
                typer.echo(f"gpumix: {done:,} of {total:,} variants are done; the same command goes on", err=True)
            raise
