"""Rows for a spreadsheet, as comma-separated values that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run text that starts so."""


def harmless(cell: object) -> object:
    """Keep a spreadsheet from running text as a formula, and from ending a row inside a cell.

    >>> harmless("=1+1"), harmless("aws"), harmless(-1.5)
    ("'=1+1", 'aws', -1.5)
    """
    if not isinstance(cell, str):
        return cell
    quoted = f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
    return quoted.replace("\r\n", "\n").replace("\r", "\n")  # the writer quotes only its own line ends


def rows_as_csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> str:
    """Write rows under a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(row.get(name, "")) for name in columns} for row in rows)
    return out.getvalue()
