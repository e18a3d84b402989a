"""Rows of a CSV file as schema objects, every fault named by line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import Fault
from optimizer.load.faults import faults_of

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
    lines = text.splitlines() if keep else []
    if not text.strip():
        faults.append(Fault(label, "", "an empty file", f"a header line: {', '.join(model.model_fields)}"))
        return []
    numbers = [number for number, line in enumerate(lines[1:], 2) if keep and keep(line)]
    source: Any = [lines[0], *(lines[number - 1] for number in numbers)] if keep else io.StringIO(text, newline="")
    reader = csv.reader(source, strict=True)
    try:
        header = next(reader)
        if not _header_holds(header, label, model, faults):
            return []
        rows = []
        for index, cells in enumerate(reader):
            line = numbers[index] if keep else reader.line_num
            row = _row_of(cells, header, f"line {line}", label, model, faults)
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        faults.append(Fault(label, f"line {reader.line_num}", f"text that CSV cannot read ({error})", "RFC 4180 CSV"))
        return []
    return rows


def _header_holds(header: list[str], label: str, model: type[BaseModel], faults: list[Fault]) -> bool:
    known = model.model_fields
    unknown = [name for name in header if name not in known]
    twice = sorted({name for name in header if header.count(name) > 1})
    missing = [name for name, field in known.items() if field.is_required() and name not in header]
    if unknown:
        faults.append(Fault(label, "line 1", f"unknown columns {', '.join(map(repr, unknown))}", ", ".join(known)))
    if twice:
        faults.append(Fault(label, "line 1", f"columns {', '.join(twice)} twice", "each column once"))
    if missing:
        faults.append(Fault(label, "line 1", f"no column {', '.join(missing)}", "every required column"))
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
