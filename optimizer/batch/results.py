"""The results of a batch as tables: the same bytes each time, timings left out."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.batch.ledger import Ledger
from optimizer.batch.outcome import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that starts with one of these is read as a formula by spreadsheets (OWASP, CSV injection)."""


def varying_keys(ledger: Ledger) -> list[str]:
    """List the keys that variants set, in the order in which they first appear."""
    keys: dict[str, None] = {}
    for assignments in ledger.overrides():
        keys.update(dict.fromkeys(one.partition("=")[0] for one in assignments))
    return list(keys)


def rows_of(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Yield a row for each outcome: its figures, then the value of each key that varies."""
    keys = varying_keys(ledger)
    for outcome, assignments in zip(ledger.outcomes(), ledger.overrides(), strict=True):
        values = dict(one.partition("=")[::2] for one in assignments)
        yield {**outcome.row(), **{key: values.get(key, "") for key in keys}}


def _harmless(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) and value != "-" else value


def write_csv(ledger: Ledger, path: Path) -> None:
    """Write results.csv whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    columns = [*COLUMNS, *varying_keys(ledger)]
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows_of(ledger):
            writer.writerow({key: _harmless(value) for key, value in row.items()})
    os.replace(partial, path)


def frame_of(ledger: Ledger) -> pd.DataFrame:
    """Return the results as a table."""
    import pandas as pd

    return pd.DataFrame(list(rows_of(ledger)), columns=[*COLUMNS, *varying_keys(ledger)])


def write_parquet(ledger: Ledger, path: Path) -> bool:
    """Write results.parquet; say False where nothing that can write it is installed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        frame_of(ledger).to_parquet(partial, index=False)
    except ImportError:
        return False
    os.replace(partial, path)
    return True
