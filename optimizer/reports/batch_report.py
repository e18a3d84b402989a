"""A pivot of a batch as a document; cells without a variant are shown as such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.batch.pivot import Cell, Label, Pivot
from optimizer.documents.cells import Number
from optimizer.documents.document import Document, Piece, Records, document, paragraph, section, table
from optimizer.messages import Message


def _shown(cell: Cell | None) -> Piece | None:
    """Return a cell: the least, and of how many variants where that is not one."""
    if cell is None:
        return None
    if (cell.variants, cell.with_figure) == (1, 1):
        return Number(cell.least, ",.2f")
    return Message("batch.none-of" if cell.least is None else "batch.least-of", least=cell.least,
                   count=cell.with_figure, variants=cell.variants)


def _label(label: Label) -> str:
    return " / ".join(part or Message("batch.empty") for part in label)


def pivot_document(pivot: Pivot) -> Document:
    """Put a pivot into a document; its rows are the cells that the batch has."""
    header = [*pivot.row_keys, *(map(_label, pivot.columns) if pivot.column_keys else [pivot.values])]
    rows = [[*(part or Message("batch.empty") for part in row),
             *(_shown(pivot.cells.get((row, column))) for column in pivot.columns)] for row in pivot.rows]
    ident = "batch.least-across" if pivot.column_keys else "batch.least"
    open_note = Message("batch.open", done=pivot.done, total=pivot.total)
    names = _distinct([*pivot.row_keys, *pivot.column_keys, f"min {pivot.values}", "variants", "with_figure"])
    records = [dict(zip(names, [*one["row"], *one["column"], "" if one["least"] is None else one["least"],
                                one["variants"], one["with_figure"]], strict=True)) for one in _cells(pivot)]
    return document(
        Message(ident, values=pivot.values, rows=pivot.row_keys, columns=pivot.column_keys),
        [section("cells", "", paragraph(Message("batch.legend")),
                 paragraph(open_note) if pivot.done < pivot.total else None, table(header, rows))],
        records=Records(tuple(names), tuple(records)), data=lambda: data(pivot))


def _cells(pivot: Pivot) -> list[dict[str, Any]]:
    """Return a record for each cell."""
    return [
        {"row": list(row), "column": list(column), "least": cell.least, "variants": cell.variants,
         "with_figure": cell.with_figure}
        for row in pivot.rows for column in pivot.columns if (cell := pivot.cells.get((row, column))) is not None
    ]


def data(pivot: Pivot) -> dict[str, Any]:
    """Return what another program reads: a record for each cell that the batch has."""
    return {
        "schema_version": 1, "rows": list(pivot.row_keys), "columns": list(pivot.column_keys),
        "values": pivot.values, "aggregate": "min", "variants": pivot.total, "done": pivot.done,
        "cells": _cells(pivot)}


def _distinct(names: Sequence[str]) -> list[str]:
    """Number a name that stands again."""
    return [name if name not in names[:place] else f"{name} {place + 1}" for place, name in enumerate(names)]
