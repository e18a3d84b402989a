"""The results of a batch as tables: the same bytes each time, timings left out, written as they are read."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from optimizer.batch.ledger import Ledger, unusable
from optimizer.batch.outcome import COLUMNS, MONEY
from optimizer.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that starts with one of these is read as a formula by spreadsheets (OWASP, CSV injection)."""

ROW_GROUP = 10_000
"""Rows of Parquet that are held in memory at a time."""

Record = dict[str, Any]


def column_of(key: str) -> str:
    """Name the column of a key that variants set; one that is called as a figure is told apart."""
    return f"set {key}" if key in COLUMNS else key


def columns_of(ledger: Ledger) -> list[str]:
    """List the columns: the figures, then the keys that variants set in the order in which they first appear."""
    return [*COLUMNS, *(column_of(key) for key in ledger.set_keys())]


def records_of(ledger: Ledger) -> Iterator[Record]:
    """Yield a row for each outcome: its figures, then the value of each key that its variant sets."""
    keys = {key: column_of(key) for key in ledger.set_keys()}
    empty = dict.fromkeys(keys.values(), "")
    for outcome, assignments in ledger.rows():
        values = (one.partition("=")[::2] for one in assignments)
        yield {**outcome.row(), **empty, **{keys[key]: value for key, value in values}}


def harmless(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run; numbers stay.

    >>> harmless("=1+1"), harmless("-5"), harmless("-")
    ("'=1+1", '-5', '-')
    """
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS) or value == "-":
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a file to write that takes its place when all went well, and is gone when not.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise InputError([unusable(path, error)]) from None
    finally:
        partial.unlink(missing_ok=True)


def write_csv(ledger: Ledger, path: Path) -> None:
    """Write results.csv whole or not at all.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    with _whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        _write_rows(ledger, file)
        file.flush()
        os.fsync(file.fileno())


def _write_rows(ledger: Ledger, file: IO[str]) -> None:
    writer = csv.DictWriter(file, columns_of(ledger), lineterminator="\n")
    writer.writeheader()
    for record in records_of(ledger):
        writer.writerow({key: harmless(value) for key, value in record.items()})


def write_parquet(ledger: Ledger, path: Path) -> bool:
    """Write results.parquet whole or not at all; say False where nothing that can write it is installed.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return False
    schema = pa.schema([(name, pa.float64() if name in MONEY else pa.string()) for name in columns_of(ledger)])
    records = records_of(ledger)
    with _whole(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        while group := list(islice(records, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))
    return True


def frame_of(ledger: Ledger) -> pd.DataFrame:
    """Return the results as a table, for notebooks."""
    import pandas as pd

    return pd.DataFrame(list(records_of(ledger)), columns=columns_of(ledger))


def number_in(value: Any) -> float | None:
    """Return a cell as a number, None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
