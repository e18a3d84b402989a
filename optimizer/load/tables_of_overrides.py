"""A table of overrides on a template problem, CSV or Parquet: dotted keys as columns, one variant a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import plain_rows
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
        InputError: with every fault: ragged rows, a column named twice, duplicate names, no Parquet reader.
    """
    if path.suffix == ".parquet":
        columns, rows = _parquet(path)
    else:
        columns, rows = plain_rows(decode(read_bytes(path, str(path)), str(path)), str(path))
    keys = [column for column in columns if column != NAME]
    if not keys:
        raise InputError([Fault(str(path), "", "no column with a key", "dotted keys as columns: services.0.slo.grade")])
    width = len(str(len(rows)))
    found = [
        OverrideRow(
            row.get(NAME) or f"{template}-{number:0{width}d}",
            tuple(f"{key}={row[key]}" for key in keys if row[key] != ""),
        )
        for number, row in enumerate(rows, 1)
    ]
    seen: dict[str, int] = {}
    faults = []
    for number, one in enumerate(found, 2):
        if one.name in seen:
            found_twice = f"{NAME} {one.name!r} again (line {seen[one.name]})"
            faults.append(Fault(str(path), f"line {number}", found_twice, "distinct names"))
        seen.setdefault(one.name, number)
    if faults:
        raise InputError(faults)
    return found


def _parquet(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a Parquet file with pandas; numbers are written as YAML reads them back."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        allowed = "CSV, or pip install 'gpumix[batch]'"
        raise InputError([Fault(str(path), "", "Parquet, and no reader for it is installed", allowed)]) from None
    except FileNotFoundError:
        raise InputError([Fault(str(path), "", "no such file", "a CSV or Parquet file")]) from None
    except Exception as error:
        raise InputError([Fault(str(path), "", f"no Parquet file ({type(error).__name__})", "a table")]) from None
    columns = [str(column) for column in frame.columns]
    return columns, [
        {column: _cell(value) for column, value in zip(columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def _cell(value: Any) -> str:
    """Write a cell as YAML reads it; a missing one is empty."""
    if value is None or value != value:  # NaN is no value
        return ""
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)
