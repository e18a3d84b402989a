"""A pivot of a batch as text, Markdown, CSV or JSON; cells without a variant are shown as such."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from optimizer.batch.pivot import Cell, Label, Pivot
from optimizer.batch.results import harmless

NO_VARIANT = "-"
"""A combination that the batch does not have."""

NOTHING = "(none)"
"""Shown for an empty value of a key."""


def _figure(number: float) -> str:
    """Write a figure as money is written.

    >>> _figure(1825.0), _figure(0.1234)
    ('1,825.00', '0.12')
    """
    return f"{number:,.2f}"


def _shown(cell: Cell | None) -> str:
    """Write a cell: the least, and of how many variants where that is not one.

    >>> _shown(Cell(1825.0, 1, 1)), _shown(Cell(1825.0, 4, 3)), _shown(Cell(None, 2, 0)), _shown(None)
    ('1,825.00', '1,825.00 (3 of 4)', 'none (0 of 2)', '-')
    """
    if cell is None:
        return NO_VARIANT
    least = "none" if cell.least is None else _figure(cell.least)
    return least if (cell.variants, cell.with_figure) == (1, 1) else f"{least} ({cell.with_figure} of {cell.variants})"


def _label(label: Label) -> str:
    return " / ".join(part or NOTHING for part in label)


def _grid(pivot: Pivot) -> list[list[str]]:
    """Return header and rows as text."""
    heads = [_label(column) for column in pivot.columns] if pivot.column_keys else [pivot.values]
    return [[*pivot.row_keys, *heads]] + [
        [*(part or NOTHING for part in row), *(_shown(pivot.cells.get((row, column))) for column in pivot.columns)]
        for row in pivot.rows
    ]


def _said(pivot: Pivot) -> list[str]:
    """Say what the cells are."""
    across = f" by {', '.join(pivot.column_keys)}" if pivot.column_keys else ""
    lines = [
        f"Least {pivot.values} by {', '.join(pivot.row_keys)}{across}",
        f"(3 of 4): 4 variants, 3 of them with this figure; {NO_VARIANT}: no variant",
    ]
    if pivot.done < pivot.total:
        lines.append(f"The batch is not finished: {pivot.done:,} of {pivot.total:,} variants are in it")
    return lines


def text(pivot: Pivot) -> str:
    """Write columns that stand under each other."""
    grid = _grid(pivot)
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    keys = len(pivot.row_keys)
    lines = [
        "  ".join(
            cell.ljust(width) if place < keys else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in grid
    ]
    return "\n".join([*_said(pivot), "", *lines]) + "\n"


def markdown(pivot: Pivot) -> str:
    """Write a table of Markdown."""
    header, *rows = ([cell.replace("|", "\\|") for cell in row] for row in _grid(pivot))
    rule = ["---"] * len(pivot.row_keys) + ["---:"] * (len(header) - len(pivot.row_keys))
    lines = [f"| {' | '.join(row)} |" for row in (header, rule, *rows)]
    return "\n".join([*("\n\n".join(_said(pivot)).splitlines()), "", *lines]) + "\n"


def _records(pivot: Pivot) -> list[dict[str, Any]]:
    """Return a record for each cell."""
    return [
        {"row": list(row), "column": list(column), "least": cell.least, "variants": cell.variants,
         "with_figure": cell.with_figure}
        for row in pivot.rows for column in pivot.columns if (cell := pivot.cells.get((row, column))) is not None
    ]


def as_json(pivot: Pivot) -> str:
    """Write what another program reads: a record for each cell that the batch has."""
    data = {
        "schema_version": 1, "rows": list(pivot.row_keys), "columns": list(pivot.column_keys),
        "values": pivot.values, "aggregate": "min", "variants": pivot.total, "done": pivot.done,
        "cells": _records(pivot),
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_csv(pivot: Pivot) -> str:
    """Write a line for each cell that the batch has."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = _distinct([*pivot.row_keys, *pivot.column_keys, f"min {pivot.values}", "variants", "with_figure"])
    writer.writerow(names)
    for one in _records(pivot):
        least = "" if one["least"] is None else one["least"]
        keys = map(harmless, [*one["row"], *one["column"]])
        writer.writerow([*keys, least, one["variants"], one["with_figure"]])
    return stream.getvalue()


def _distinct(names: Sequence[str]) -> list[str]:
    """Number a name that stands again."""
    return [name if name not in names[:place] else f"{name} {place + 1}" for place, name in enumerate(names)]


PIVOTS: dict[str, Callable[[Pivot], str]] = {"text": text, "markdown": markdown, "json": as_json, "csv": as_csv}
"""By the name that --format takes."""
