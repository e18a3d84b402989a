"""Write a document in any format and language; the formats that need libraries of their own load them here."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.documents.document import Document, Records, Table, blocks_of, plain, worded
from optimizer.documents.json_data import dumps
from optimizer.documents.pictures import Pictures
from optimizer.errors import Fault, InputError
from optimizer.messages import Voice

LIBRARIES: dict[str, tuple[str, ...]] = {
    "html": ("jinja2",), "docx": ("docx",), "pdf": ("typst", "matplotlib", "matplotlib_fontja"),
    "xlsx": ("xlsxwriter",),
}
"""What a format needs beside the standard library."""

EXTRAS = {"xlsx": "xlsx"}
"""The extra of the package that brings them; `spec` for all others."""

SUFFIXES: dict[str, str] = {
    ".txt": "text", ".md": "markdown", ".html": "html", ".htm": "html", ".csv": "csv", ".json": "json", ".docx": "docx",
    ".pdf": "pdf", ".xlsx": "xlsx",
}
"""The format that the ending of a file's name asks for."""

BINARY = ("docx", "pdf", "xlsx")
"""Formats that no terminal can show."""

LAYOUTS = {"html": "html", "markdown": "markdown", "docx": "word", "pdf": "pdf"}
"""The module that lays a format out."""


def check_libraries(form: str, option: str = "--format", more: tuple[str, ...] = ()) -> None:
    """Check, before anything is solved, that a format can be written.

    Raises:
        InputError: a library is missing.
    """
    needed = dict.fromkeys((*more, *LIBRARIES.get(form, ())))
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        found = f"{form} without {' and without '.join(missing)}"
        allowed = f"what pip install 'gpumix[{EXTRAS.get(form, 'spec')}]' adds"
        raise InputError([Fault("options", option, found, allowed)])


def published(
    document: Document, form: str, voice: Voice, pictures: Pictures | None = None, own: Mapping[str, str] | None = None
) -> str | bytes:
    """Write a document.

    Args:
        document: as a report built it.
        form: a format of `SUFFIXES`.
        voice: who words it, as for a terminal; other formats get the signs that terminals lack.
        pictures: what its figures show.
        own: a company's layouts, in place of the shipped ones of the same name.

    Raises:
        InputError: an own layout is broken.
    """
    if form == "json":
        return dumps({} if document.data is None else document.data())
    if form == "csv":
        return csv_of(document, voice)
    if form == "text":
        from optimizer.documents.terminal import render as as_text

        return as_text(worded(document, voice))
    voice = voice.for_print()
    if form == "xlsx":
        from optimizer.documents.workbook import render as as_workbook

        return as_workbook(document, worded(document, voice), voice)
    render = importlib.import_module(f"optimizer.documents.{LAYOUTS[form]}").render
    made: bytes = render(worded(document, voice), pictures or Pictures(), own or {})
    return made if form in BINARY else made.decode()


def csv_of(document: Document, voice: Voice) -> str:
    """Write the rows of a document for a spreadsheet: its records, else its first table as it is shown."""
    found = document.records or _first_table(worded(document, voice))
    return rows_as_csv(found.columns, found.rows)


def _first_table(document: Document) -> Records:
    tables = (block for part in document.sections for block in blocks_of(part) if isinstance(block, Table))
    first = next(tables, None)
    if first is None:
        return Records((), ())
    columns = tuple(plain(cell) or f"column_{number}" for number, cell in enumerate(first.header, 1))
    rows: list[dict[str, Any]] = [dict(zip(columns, map(plain, row), strict=True)) for row in first.rows]
    return Records(columns, tuple(rows))
