"""A table across a batch: the least of a figure for each combination of row and column keys, and how many it is of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.batch.ledger import Ledger
from optimizer.batch.results import Record, columns_of, number_in, records_of
from optimizer.errors import Fault, InputError

Label = tuple[str, ...]
"""Values of several keys."""


@dataclass(frozen=True)
class Cell:
    """What the variants of one row and column say."""

    least: float | None
    """None where none of them has the figure."""
    variants: int
    with_figure: int


@dataclass(frozen=True)
class Pivot:
    """The table; a combination that no variant has is no cell."""

    row_keys: Label
    column_keys: Label
    values: str
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    cells: dict[tuple[Label, Label], Cell]
    done: int
    total: int


def pivot_of(ledger: Ledger, rows: Sequence[str], columns: Sequence[str], values: str) -> Pivot:
    """Go once over the results of a batch, finished or not.

    Args:
        ledger: of the batch.
        rows: keys down the side.
        columns: keys across; none gives one column.
        values: whose least is taken.

    Raises:
        InputError: with each key that is no column of the results, or is the end of several.
    """
    known = columns_of(ledger)
    faults: list[Fault] = []
    down, across, (figure, *_) = (
        tuple(_column(option, key, known, faults) for key in keys)
        for option, keys in (("--rows", rows), ("--columns", columns), ("--values", (values,)))
    )
    if not rows:
        faults.append(Fault("options", "--rows", "nothing", f"one of {', '.join(known)}"))
    if faults:
        raise InputError(faults)
    cells = _cells(records_of(ledger), down, across, figure)
    return Pivot(
        down, across, figure, _sorted({row for row, _ in cells}), _sorted({column for _, column in cells}), cells,
        sum(ledger.counts().values()), ledger.count(),
    )


def _cells(
    records: Iterable[Record], down: Label, across: Label, figure: str
) -> dict[tuple[Label, Label], Cell]:
    cells: dict[tuple[Label, Label], Cell] = {}
    for record in records:
        place = _label(record, down), _label(record, across)
        number = number_in(record[figure])
        before = cells.get(place, Cell(None, 0, 0))
        known = [one for one in (before.least, number) if one is not None]
        cells[place] = Cell(min(known, default=None), before.variants + 1, before.with_figure + (number is not None))
    return cells


def _label(record: Record, keys: Label) -> Label:
    return tuple(str(record[key]) for key in keys)


def _column(option: str, key: str, known: Sequence[str], faults: list[Fault]) -> str:
    """Find the column that a key names: whole, or by its last parts (`slo.grade` for `services.0.slo.grade`)."""
    if key in known:
        return key
    ends = [column for column in known if column.endswith(f".{key}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        faults.append(Fault("options", option, f"{key!r}, the end of several columns", f"one of {', '.join(ends)}"))
        return key
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"{close[0]!r} (did you mean that?), or " if close else ""
    faults.append(Fault("options", option, f"{key!r}, no column of the results", f"{hint}one of {', '.join(known)}"))
    return key


def _sorted(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Sort labels: numbers by size, before text by letters, before nothing."""

    def order(label: Label) -> list[tuple[int, Any]]:
        """Return what to compare."""
        numbers = [number_in(part) for part in label]
        return [
            (0, number) if number is not None else (1 if part else 2, part)
            for part, number in zip(label, numbers, strict=True)
        ]

    return tuple(sorted(labels, key=lambda label: (order(label), label)))
