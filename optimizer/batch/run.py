"""Run a batch: what is not in its ledger yet is solved, recorded as it comes, and written out at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from optimizer import __version__
from optimizer.batch.ledger import Ledger
from optimizer.batch.processes import Done
from optimizer.batch.results import write_csv, write_parquet
from optimizer.batch.solver import Facts
from optimizer.batch.variants import Variant, digest_of

RECORD_EVERY_S = 0.5
"""How long outcomes wait until they are written together."""

CSV_FILE, PARQUET_FILE = "results.csv", "results.parquet"


class Backend(Protocol):
    """Whatever solves variants."""

    def outcomes(self, tasks: Sequence[tuple[int, Variant]]) -> Iterator[Done]:
        """Yield an outcome for each task, in any order."""


@dataclass(frozen=True)
class Finished:
    """A batch that came to its end."""

    variants: int
    solved_now: int
    counts: dict[str, int]
    """Status -> variants."""
    csv: Path
    parquet: Path | None
    """None where nothing that can write Parquet is installed."""


def run_batch(
    variants: Sequence[Variant],
    facts: Facts,
    catalog_sha256: str,
    folder: Path,
    backend: Callable[[], Backend],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Finished:
    """Solve every variant that the folder's ledger does not know yet.

    Args:
        backend: makes what solves; only called when something is left to do.
        progress: is told how many of how many are done.

    Raises:
        InputError: the folder holds another batch or cannot be written, or the disk is full; nothing recorded is lost.
        KeyboardInterrupt: what was solved until then is recorded.
    """
    about = {
        "catalog": catalog_sha256,
        "version": __version__,
        "deterministic_limit": facts.settings.deterministic_limit,
        "seed": facts.settings.seed,
    }
    ledger = Ledger.open(folder, digest_of(variants, facts.sources, about), variants)
    try:
        known = ledger.done()
        tasks = [(number, variant) for number, variant in enumerate(variants) if number not in known]
        progress(len(known), len(variants))
        if tasks:
            _solve(ledger, tasks, backend(), len(known), len(variants), progress)
        return _written(ledger, folder, len(variants), len(tasks))
    finally:
        ledger.close()


def _solve(
    ledger: Ledger, tasks: Sequence[tuple[int, Variant]], backend: Backend, known: int, total: int,
    progress: Callable[[int, int], None],
) -> None:
    """Record outcomes in bundles, the last one also when interrupted."""
    bundle: list[Done] = []
    last, done = time.monotonic(), known
    try:
        for one in backend.outcomes(tasks):
            bundle.append(one)
            done += 1
            if time.monotonic() - last > RECORD_EVERY_S:
                ledger.record(bundle)
                bundle, last = [], time.monotonic()
                progress(done, total)
    finally:
        ledger.record(bundle)
        progress(done, total)


def _written(ledger: Ledger, folder: Path, total: int, now: int) -> Finished:
    write_csv(ledger, folder / CSV_FILE)
    parquet = write_parquet(ledger, folder / PARQUET_FILE)
    counts: dict[str, int] = {}
    for outcome in ledger.outcomes():
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    return Finished(total, now, counts, folder / CSV_FILE, folder / PARQUET_FILE if parquet else None)
