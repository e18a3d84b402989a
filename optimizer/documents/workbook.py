"""A document as a workbook: what it says on the first sheet, then each table on one, figures as figures."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

from optimizer.documents.cells import Cell
from optimizer.documents.document import Document, Heading, Line, Paragraph, Table, blocks_of, line_in, plain
from optimizer.messages import Voice

MADE = datetime(1980, 1, 1)
"""The date that every workbook states, so that the same answer makes the same file."""

MOST_TEXT = 32_000
"""Letters that a cell can hold."""

LONGEST_NAME = 31
"""Letters of a sheet's name, none of `[]:*?/\\`."""

WIDEST = 60.0


def render(document: Document, said: Document, voice: Voice) -> bytes:
    """Write a workbook.

    Args:
        document: as it was built: its cells hold figures.
        said: the same, worded.
        voice: who words the cells that are no figures.
    """
    import xlsxwriter

    stream = BytesIO()
    book = xlsxwriter.Workbook(stream, {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    book.set_properties({"title": said.title, "created": MADE})
    sheets = _Sheets(book, voice)
    sheets.summary(said)
    for part, told in zip(document.sections, said.sections, strict=True):
        for block, shown in zip(blocks_of(part), blocks_of(told), strict=True):
            if isinstance(block, Table) and isinstance(shown, Table):
                sheets.table(shown.caption or told.title or said.title, block, shown)
    book.close()
    return stream.getvalue()


class _Sheets:
    """Adds sheets to a workbook."""

    def __init__(self, book: Any, voice: Voice) -> None:
        self.book, self.voice, self.names = book, voice, set[str]()
        self.header = book.add_format(
            {"bold": True, "bg_color": "#D9E1F2", "text_wrap": True, "valign": "top", "border": 1})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.bold = book.add_format({"bold": True})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.shapes: dict[str, Any] = {}

    def sheet(self, title: str) -> Any:
        """Add a sheet whose name no other has."""
        bare = "".join(" " if sign in "[]:*?/\\'" else sign for sign in title).strip()[:LONGEST_NAME] or "-"
        name, number = bare, 1
        while name.lower() in self.names:
            number += 1
            name = f"{bare[:LONGEST_NAME - 3]} {number}"
        self.names.add(name.lower())
        made = self.book.add_worksheet(name)
        made.set_landscape()
        made.set_paper(9)
        made.fit_to_pages(1, 0)
        return made

    def summary(self, said: Document) -> None:
        """Write title, facts and every paragraph."""
        made = self.sheet(said.title)
        made.set_column(0, 0, 28.0)
        made.set_column(1, 1, 90.0)
        made.write_string(0, 0, said.title, self.title)
        row = 1
        for name, value in ((said.subtitle, ""), *said.facts):
            if name:
                made.write_string(row, 0, name, self.bold)
                made.write_string(row, 1, value[:MOST_TEXT], self.text)
                row += 1
        for part in said.sections:
            texts = [text for block in blocks_of(part) for text in _texts(block)]
            for number, text in enumerate(texts):
                made.write_string(row, 0, part.title if number == 0 else "", self.bold)
                made.write_string(row, 1, text[:MOST_TEXT], self.text)
                row += 1

    def table(self, title: str, block: Table, shown: Table) -> None:
        """Write a table on a sheet of its own; details stand in the last column."""
        made = self.sheet(title)
        has_details = any(plain(detail) for detail in shown.details)
        header = [plain(cell) for cell in shown.header]
        first = 1 if any(header) else 0
        for column, text in enumerate(header):
            made.write_string(0, column, text, self.header)
        for index, row in enumerate(block.rows):
            details = (block.details[index],) if has_details else ()
            for column, cell in enumerate((*row, *details)):
                self.put(made, first + index, column, cell)
        for column in range(len(block.rows[0]) + has_details):
            lines = [*([shown.header] if header else []), *shown.rows]
            longest = max(len(plain(line[column])) for line in lines) if column < len(block.rows[0]) else WIDEST
            made.set_column(column, column, min(WIDEST, max(9.0, longest * 1.15)))
        made.freeze_panes(first, 1)

    def put(self, made: Any, row: int, column: int, line: Line) -> None:
        """Write a cell: a figure with its shape, anything else as text."""
        cell = line[0] if len(line) == 1 else None
        if isinstance(cell, Cell) and cell.shape and isinstance(cell.value, int | float):
            if cell.shape not in self.shapes:
                self.shapes[cell.shape] = self.book.add_format({"num_format": cell.shape, "valign": "top"})
            made.write_number(row, column, cell.value, self.shapes[cell.shape])
        else:
            made.write_string(row, column, plain(line_in(line, self.voice))[:MOST_TEXT], self.text)


def _texts(block: Any) -> list[str]:
    if isinstance(block, Heading):
        return [block.text]
    if isinstance(block, Paragraph):
        return [plain(block.line)]
    return [plain(item) for item in getattr(block, "items", ())]
