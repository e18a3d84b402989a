"""Lay text out in 80 columns: for reports that are no documents yet."""

from __future__ import annotations

from optimizer.documents.terminal import BOLD, DIM, GREEN, RED, WIDTH, YELLOW, paint, wrapped

__all__ = ["BOLD", "DIM", "GREEN", "RED", "WIDTH", "YELLOW", "paint", "table", "wrap"]


def wrap(text: str, indent: str = "  ", first: str | None = None) -> list[str]:
    """Break a text at 80 columns; nothing makes no line."""
    return wrapped(text, indent, first) if text else []


def table(rows: list[tuple[str, ...]], right: tuple[int, ...] = ()) -> list[str]:
    """Lay rows out in columns; the columns in `right` are flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        sized = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in sized]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
