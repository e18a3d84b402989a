"""Rows of a CSV file as schema objects, every fault named by line and column."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of, shown

Row = TypeVar("Row", bound=BaseModel)

csv.field_size_limit(1_000_000)


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
        unclosed = str(error) == "unexpected end of data"
        why = "a quote that is never closed" if unclosed else f"text that CSV cannot read ({error})"
        allowed = "cells with a comma, quote or line break in double quotes, quotes inside doubled"
        faults.append(Fault(label, f"line {line}", why, allowed))
        return []
    return rows


def plain_rows(text: str, label: str) -> tuple[list[str], list[dict[str, str]]]:
    """Read a table whose columns are not known beforehand: its header, and each row by column.

    Raises:
        InputError: with every fault: no header, a column without or with a name that stands twice, ragged rows.
    """
    faults: list[Fault] = []
    rows: list[dict[str, str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header:
            faults.append(Fault(label, "", "an empty file", "a header line, then a row for each variant"))
        for name in sorted({name for name in header if header.count(name) > 1 or not name}):
            faults.append(Fault(label, "line 1", f"the column {shown(name)} twice or unnamed", "each column once"))
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                found = f"{len(cells)} cells"
                faults.append(Fault(label, f"line {reader.line_num}", found, f"{len(header)} cells, as in the header"))
                continue
            rows.append(dict(zip(header, (cell.strip() for cell in cells), strict=True)))
    except csv.Error as error:
        faults.append(Fault(label, f"line {reader.line_num}", f"text that CSV cannot read ({error})", "plain CSV"))
    if faults:
        raise InputError(faults)
    return header, rows


def columns_of(model: type[BaseModel]) -> list[str]:
    """List the columns of a table, its own before those that every table has."""
    inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", {})}
    return sorted(model.model_fields, key=lambda name: name in inherited)


def _header_holds(header: list[str], label: str, model: type[BaseModel], faults: list[Fault]) -> bool:
    known = {name: model.model_fields[name] for name in columns_of(model)}
    if len(header) == 1 and (other := next((sign for sign in ";\t|" if sign in header[0]), None)):
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
