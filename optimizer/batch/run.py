"""Run a batch: what is not in its ledger yet is solved, recorded as it comes, and written out at the end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from optimizer import __version__
from optimizer.batch.ledger import FILE, Ledger, Task, alone, unusable
from optimizer.batch.results import write_csv, write_parquet
from optimizer.batch.solver import Facts
from optimizer.batch.variants import Variants, digest_of
from optimizer.batch.waiting import Done
from optimizer.errors import InputError

RECORD_EVERY_S = 0.5
"""How long outcomes wait until they are written together."""

CSV_FILE, PARQUET_FILE = "results.csv", "results.parquet"


class Backend(Protocol):
    """Whatever solves variants."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        """Yield an outcome for each of so many tasks, in any order."""


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
    variants: Variants,
    facts: Facts,
    folder: Path,
    backend: Callable[[], Backend],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Finished:
    """Solve every variant that the folder's ledger does not know yet.

    Args:
        variants: of the batch.
        facts: what every worker is given.
        folder: of the ledger and the results.
        backend: makes what solves; only called when something is left to do.
        progress: is told how many of how many are done.

    Raises:
        InputError: a key that no problem has, a folder that holds another batch or cannot be written, or a full disk;
            nothing recorded is lost.
        KeyboardInterrupt: what was solved until then is recorded.
    """
    variants.check_keys(facts.sources)
    about: dict[str, object] = {
        "catalog": facts.catalog_sha256,
        "version": __version__,
        "deterministic_limit": facts.settings.deterministic_limit,
        "seed": facts.settings.seed,
    }
    digest = digest_of(variants, facts.sources, about)
    with alone(folder):
        ledger = Ledger.open(folder, digest, variants)
        try:
            now = _solve(ledger, backend, progress)
            return _written(ledger, folder, now)
        except sqlite3.Error as error:
            raise InputError([unusable(folder / FILE, error)]) from None
        finally:
            ledger.close()


def _solve(ledger: Ledger, backend: Callable[[], Backend], progress: Callable[[int, int], None]) -> int:
    """Record outcomes in bundles, the last one also when interrupted; return how many there were to find."""
    total, done = ledger.count(), sum(ledger.counts().values())
    left = total - done
    progress(done, total)
    if not left:
        return 0
    bundle: list[Done] = []
    last = time.monotonic()
    try:
        for one in backend().outcomes(ledger.left(), left):
            bundle.append(one)
            done += 1
            if time.monotonic() - last > RECORD_EVERY_S:
                ledger.record(bundle)
                bundle, last = [], time.monotonic()
                progress(done, total)
    finally:
        ledger.record(bundle)
        progress(done, total)
    return left


def _written(ledger: Ledger, folder: Path, now: int) -> Finished:
    ledger.check()
    write_csv(ledger, folder / CSV_FILE)
    parquet = write_parquet(ledger, folder / PARQUET_FILE)
    counts = ledger.counts()
    return Finished(
        sum(counts.values()), now, counts, folder / CSV_FILE, folder / PARQUET_FILE if parquet else None
    )
