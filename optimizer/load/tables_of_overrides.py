"""A table of overrides on a template problem, CSV or Parquet: dotted keys as columns, one variant a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import Cells, first_faults, plain_rows
from optimizer.load.text import decode, read_bytes

NAME = "name"
"""Column that names the variants; without it they are numbered."""


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One variant: its name and what it sets."""

    name: str
    assignments: tuple[str, ...]


def read_override_rows(path: Path, template: str) -> list[OverrideRow]:
    """Read a table of overrides; empty cells leave the template as it is.

    Raises:
        InputError: with every fault: ragged rows, a column named twice, duplicate names, no rows, no Parquet reader.
    """
    label = str(path)
    if path.suffix.lower() == ".parquet":
        columns, rows = _parquet(path)
    else:
        columns, rows = plain_rows(decode(read_bytes(path, label), label), label)
    if all(column == NAME for column in columns):
        raise InputError([Fault(label, "", "no column with a key", "dotted keys as columns: services.0.slo.grade")])
    if not rows:
        raise InputError([Fault(label, "", "a header and no rows", "a row for each variant")])
    found = list(_named(columns, rows, template))
    _check_names(label, found, [row.place for row in rows])
    return found


def _named(columns: list[str], rows: list[Cells], template: str) -> Iterator[OverrideRow]:
    """Yield rows by name; those without one are numbered."""
    width = len(str(len(rows)))
    at = columns.index(NAME) if NAME in columns else None
    starts = [f"{column}=" for column in columns]
    for number, row in enumerate(rows, 1):
        name = "" if at is None else row.cells[at]
        set_here = (
            start + cell for place, (start, cell) in enumerate(zip(starts, row.cells, strict=True))
            if cell != "" and place != at
        )
        yield OverrideRow(name or f"{template}-{number:0{width}d}", tuple(set_here))


def _check_names(label: str, rows: Iterable[OverrideRow], places: list[str]) -> None:
    """Check that no name stands twice.

    Raises:
        InputError: with those that do.
    """
    seen: dict[str, str] = {}
    faults: list[Fault] = []
    for one, place in zip(rows, places, strict=True):
        if one.name in seen:
            faults.append(Fault(label, place, f"{NAME} {one.name!r} again (also {seen[one.name]})", "distinct names"))
        seen.setdefault(one.name, place)
    if faults:
        raise InputError(first_faults(faults, label))


def _parquet(path: Path) -> tuple[list[str], list[Cells]]:
    """Read a Parquet file; values are written as YAML reads them back."""
    label = str(path)
    raw = read_bytes(path, label)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        allowed = "CSV, or pip install 'gpumix[batch]'"
        raise InputError([Fault(label, "", "Parquet, and no reader for it is installed", allowed)]) from None
    try:
        table = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        found = f"no Parquet file ({str(error).splitlines()[0]})"
        raise InputError([Fault(label, "", found, "a table of overrides")]) from None
    columns = [str(name).strip() for name in table.column_names if not str(name).startswith("__index_level_")]
    twice = sorted({name for name in columns if columns.count(name) > 1 or not name})
    if twice:
        raise InputError([Fault(label, "columns", f"{name!r} twice or unnamed", "each column once") for name in twice])
    rows = [
        Cells(f"row {number}", tuple(_cell(values[name]) for name in columns))
        for number, values in enumerate((row for part in table.to_batches(10_000) for row in part.to_pylist()), 1)
    ]
    return columns, rows


def _cell(value: Any) -> str:
    """Write a cell as YAML reads it; a missing one is empty.

    >>> [_cell(value) for value in (None, 10.0, 2.5, float("nan"), True, "B", ["bf16"])]
    ['', '10', '2.5', '', 'true', 'B', '["bf16"]']
    """
    if value is None or value != value:  # NaN is no value
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()
