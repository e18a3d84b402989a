"""A foreign price list, row by row: a row that cannot be read is kept with the reason, so that it refuses no other."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown

MOST = 1e9
"""No price, count or memory is as large."""


@dataclass
class ForeignRow:
    """One line of a foreign table."""

    place: str
    """Where it stands: `line 3`."""
    cells: Mapping[str, str] = field(default_factory=dict)
    """Column -> text."""
    fault: str = ""
    """Why the row, or the first of its cells that was asked for, cannot be read; empty: it can."""

    def number(self, column: str) -> float | None:
        """Read a number from 0; None when the cell is empty or no number (then `fault` says so)."""
        text = self.cells.get(column, "")
        if text in ("", "None", "nan"):
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < MOST:
            self.fault = self.fault or f"{column} {shown(text)} is no number from 0"
            return None
        return value


def foreign_rows(text: str, columns: Iterable[str], label: str, what: str) -> Iterator[ForeignRow]:
    """Read a table line by line; blank lines are passed over.

    Cells beyond the header's belong to its last column: SkyPilot's Azure file writes `V1,V2` there without quotes.

    Args:
        text: the file's content, first line the header.
        columns: columns without which a row means nothing.
        label: how a fault names the file.
        what: what the file should be, for the fault.

    Raises:
        InputError: a column is missing, or no line stands in the file.
    """
    first, *lines = text.splitlines() or [""]
    header = [name.strip() for name in next(csv.reader([first]), [])]
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError([Fault(label, "line 1", f"no column {', '.join(missing)}", f"the columns of {what}")])
    needed = max(header.index(name) for name in columns)
    for number, line in enumerate(lines, 2):
        if line.strip(" ,"):
            yield _row(f"line {number}", line, header, needed)


def _row(place: str, line: str, header: list[str], needed: int) -> ForeignRow:
    """Read one line; `needed` is the position of the last column that must not be lost."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error:
        return ForeignRow(place, fault="quotes that do not close")
    if len(cells) > len(header) > needed + 1:
        cells[len(header) - 1:] = [",".join(cells[len(header) - 1:])]
    if len(cells) != len(header):
        return ForeignRow(place, fault=f"{len(cells)} cells where the header has {len(header)}")
    return ForeignRow(place, dict(zip(header, cells, strict=True)))
