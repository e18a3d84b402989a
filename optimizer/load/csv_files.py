"""Rows of a CSV file as schema objects, every fault named by line and column."""

from __future__ import annotations

import csv
import difflib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of, shown

Row = TypeVar("Row", bound=BaseModel)

csv.field_size_limit(1_000_000)

MOST_FAULTS = 20
"""Faults of one table of any columns that are listed."""


def parse_rows(
    text: str, label: str, model: type[Row], faults: list[Fault], keep: Callable[[str], bool] | None = None
) -> list[Row]:
    """Read rows into `model`; `keep` looks at a raw line first, so that what is not wanted is never parsed.

    Args:
        text: the file's content, first line the header.
        label: how faults name the file.
        model: schema type of one row.
        faults: every fault found is appended here.
        keep: raw line -> whether to read it; only sound for files without line breaks inside cells.
    """
    lines = text.split("\n") if keep else []
    if not text.strip():
        faults.append(Fault(label, "", "an empty file", f"a header line: {', '.join(columns_of(model))}"))
        return []
    numbers = [number for number, line in enumerate(lines[1:], 2) if keep and keep(line)]
    source: Any = [lines[0], *(lines[number - 1] for number in numbers)] if keep else io.StringIO(text, newline="")
    reader = csv.reader(source, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        header = next(reader)
        if not _header_holds(header, label, model, faults):
            return []
        line = reader.line_num + 1
        for index, cells in enumerate(reader):
            row = _row_of(cells, header, f"line {numbers[index] if keep else line}", label, model, faults)
            line = reader.line_num + 1
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        faults.append(_unreadable(error, label, line))
        return []
    return rows


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table whose columns are not known beforehand."""

    place: str
    """Where it stands: `line 3`."""
    cells: tuple[str, ...]


def plain_rows(text: str, label: str) -> tuple[list[str], list[Cells]]:
    """Read a table whose columns are not known beforehand: its header, and the rows that are not empty.

    Raises:
        InputError: with every fault: no header, a column without or with a name that stands twice, ragged rows.
    """
    faults: list[Fault] = []
    rows: list[Cells] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        faults += _plain_header_faults(header, label)
        line = reader.line_num + 1
        for found in reader:
            if any(found) and len(found) != len(header):
                allowed = f"{len(header)} cells, as in the header"
                faults.append(Fault(label, f"line {line}", f"{len(found)} cells", allowed))
            elif any(found):
                rows.append(Cells(f"line {line}", tuple(sys.intern(cell.strip()) for cell in found)))
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(_unreadable(error, label, line))
    if faults:
        raise InputError(first_faults(faults, label))
    return header, rows


def first_faults(faults: list[Fault], label: str) -> list[Fault]:
    """Shorten a long list of faults of one table, and say how many more there are."""
    more = len(faults) - MOST_FAULTS
    return faults if more <= 0 else [*faults[:MOST_FAULTS], Fault(label, "", f"{more:,} more faults", "none")]


def _plain_header_faults(header: list[str], label: str) -> list[Fault]:
    """List what is wrong with a header of any columns."""
    if not any(header):
        return [Fault(label, "line 1", "no header", "a header line, then the rows")]
    if (other := _other_separator(header)) is not None:
        return [Fault(label, "line 1", f"cells parted by {shown(other)}", "cells parted by commas")]
    wrong = sorted({name for name in header if header.count(name) > 1 or not name})
    return [Fault(label, "line 1", f"the column {shown(name)} twice or unnamed", "each column once") for name in wrong]


def _other_separator(header: list[str]) -> str | None:
    """Return what parts the cells when it is no comma."""
    return next((sign for sign in ";\t|" if len(header) == 1 and sign in header[0]), None)


def _unreadable(error: csv.Error, label: str, line: int) -> Fault:
    """Say what in a file is no CSV."""
    unclosed = str(error) == "unexpected end of data"
    why = "a quote that is never closed" if unclosed else f"text that CSV cannot read ({error})"
    allowed = "cells with a comma, quote or line break in double quotes, quotes inside doubled"
    return Fault(label, f"line {line}", why, allowed)


def columns_of(model: type[BaseModel]) -> list[str]:
    """List the columns of a table, its own before those that every table has."""
    inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", {})}
    return sorted(model.model_fields, key=lambda name: name in inherited)


def _header_holds(header: list[str], label: str, model: type[BaseModel], faults: list[Fault]) -> bool:
    known = {name: model.model_fields[name] for name in columns_of(model)}
    if (other := _other_separator(header)) is not None:
        allowed = f"cells parted by commas: {', '.join(known)}"
        faults.append(Fault(label, "line 1", f"cells parted by {shown(other)}", allowed))
        return False
    unknown = list(dict.fromkeys(name for name in header if name not in known))
    twice = sorted({name for name in header if header.count(name) > 1})
    missing = [name for name, field in known.items() if field.is_required() and name not in header]
    if unknown:
        hint = ""
        for name in unknown:
            guess = difflib.get_close_matches(name.strip(), list(known), n=1)
            hint += f"{guess[0]!r} (did you mean that for {name!r}?), " if guess else ""
        found = f"the unknown column{'s' if len(unknown) > 1 else ''} {', '.join(map(shown, unknown))}"
        faults.append(Fault(label, "line 1", found, f"{hint}{'or ' if hint else ''}one of {', '.join(known)}"))
    if twice:
        faults.append(Fault(label, "line 1", f"the column {', '.join(map(shown, twice))} twice", "each column once"))
    if missing:
        faults.append(Fault(label, "line 1", f"no column {', '.join(missing)}", "every required column, once"))
    return not (unknown or twice or missing)


def _row_of(
    cells: list[str], header: list[str], place: str, label: str, model: type[Row], faults: list[Fault]
) -> Row | None:
    if not any(cells):
        return None
    if len(cells) != len(header):
        faults.append(Fault(label, place, f"{len(cells)} cells", f"{len(header)} cells, as in the header"))
        return None
    given = {name: cell for name, cell in zip(header, cells, strict=True) if cell != ""}
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        faults.extend(faults_of(error, label, model, place))
        return None
