"""A workbook under construction: formats, and cells that hold figures, text or formulas with their value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from optimizer.messages.catalog import catalog_of

MADE = datetime(1980, 1, 1)
"""The date that every workbook states, so that the same answer makes the same file."""

MOST_TEXT = 32_000
"""Characters that a cell can hold."""


WORDS = "book."
"""How the ids of the words of workbooks begin."""


@dataclass(frozen=True)
class Formula:
    """A formula, and what it comes to, for programs that show a file without working it out."""

    text: str
    value: float | str


Content = str | int | float | Formula | None


class Book:
    """A workbook."""

    def __init__(self, title: str, currency: str) -> None:
        self.stream = BytesIO()
        self.book = xlsxwriter.Workbook(self.stream, {
            "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
        self.book.set_properties({"title": title, "created": MADE})
        money = "#,##0" if currency == "JPY" else "#,##0.00"
        self.formats = {
            "": self._format(), "bold": self._format(bold=True), "title": self._format(bold=True, font_size=14),
            "header": self._format(bold=True, bg_color="#D9E1F2", text_wrap=True, valign="top", border=1),
            "wrap": self._format(text_wrap=True, valign="top"), "money": self._format(num_format=money),
            "total": self._format(num_format=money, bold=True, top=1), "usd": self._format(num_format="#,##0.00"),
            "rate": self._format(num_format="#,##0.0000"), "percent": self._format(num_format="0.0%"),
            "count": self._format(num_format="#,##0"), "month": self._format(num_format="yyyy-mm"),
        }
        self.inputs = {
            name: self._format(num_format=shape, font_color="#0000FF") for name, shape in (
                ("", "General"), ("money", money), ("usd", "#,##0.00"), ("rate", "#,##0.0000"), ("percent", "0.0%"),
                ("count", "#,##0"))
        }

    def _format(self, **shape: Any) -> Any:
        return self.book.add_format(shape)

    def sheet(self, name: str, widths: tuple[float, ...], header_row: int | None = 0) -> Sheet:
        """Add a sheet with columns of such widths; rows down to the header stay in sight."""
        made = self.book.add_worksheet(name)
        for column, width in enumerate(widths):
            made.set_column(column, column, width)
        if header_row is not None:
            made.freeze_panes(header_row + 1, 1)
        made.set_landscape()
        made.set_paper(9)
        made.fit_to_pages(1, 0)
        return Sheet(self, made, name)

    def name(self, name: str, place: str) -> None:
        """Give a cell a name that formulas use."""
        self.book.define_name(name, f"={place}")

    def done(self) -> bytes:
        """Return the file."""
        self.book.close()
        return self.stream.getvalue()


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook."""

    book: Book
    made: Any
    name: str

    def put(self, row: int, column: int, content: Content, shape: str = "", given: bool = False) -> None:
        """Write a cell; `given`: a figure that was put in, which anybody may change."""
        look = (self.book.inputs if given else self.book.formats)[shape]
        if isinstance(content, Formula):
            self.made.write_formula(row, column, f"={content.text}", look, content.value)
        elif isinstance(content, str):
            self.made.write_string(row, column, content[:MOST_TEXT], look)
        elif content is not None:
            self.made.write_number(row, column, content, look)
        else:
            self.made.write_blank(row, column, None, look)

    def header(self, row: int, words: list[str]) -> None:
        """Write a row of headings."""
        for column, word in enumerate(words):
            self.put(row, column, word, "header")

    def at(self, row: int, column: int) -> str:
        """Return a cell's address for formulas of other sheets."""
        return f"{self.quoted}!${column_name(column)}${row + 1}"

    def span(self, first: int, last: int, column: int) -> str:
        """Return the address of a column's rows for formulas of other sheets."""
        return f"{self.at(first, column)}:${column_name(column)}${last + 1}"

    @property
    def quoted(self) -> str:
        """Return the sheet's name as formulas write it."""
        return f"'{self.name}'"


def words_of(language: str) -> dict[str, str]:
    """Return the words of workbooks in a language, by the end of their ids in the catalogs."""
    forms = catalog_of(language).forms
    return {ident.removeprefix(WORDS): texts[0] for ident, texts in forms.items() if ident.startswith(WORDS)}


def column_name(column: int) -> str:
    """Return the letters of a column.

    >>> column_name(0), column_name(25), column_name(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    while column >= 0:
        letters = chr(ord("A") + column % 26) + letters
        column = column // 26 - 1
    return letters
