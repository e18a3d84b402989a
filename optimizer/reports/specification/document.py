"""A written document before anyone lays it out: every format is drawn from this and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style."""

    text: str
    bold: bool = False
    code: bool = False
    href: str = ""
    """An address; empty for none."""
    note: int = 0
    """Number of the note that this run refers to; 0 for none."""


Line = tuple[Span, ...]
"""Text of one paragraph, list item or cell."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a `lead` is larger, `small` is fine print."""

    line: Line
    style: Literal["", "lead", "small"] = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; no header where the first column names the rows."""

    caption: str
    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    align: str
    """`l` or `r` for each column."""
    widths: tuple[int, ...]
    """Shares of the width, one for each column."""
    number: int = 0
    tall: bool = False
    """Whether the rows leave room for handwriting."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture by its name, with its caption."""

    name: str
    caption: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text to be shown as it stands, line by line."""

    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """Blocks set apart, with a colour that says how to take them."""

    tone: Tone
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Bullets | Table | Figure | Verbatim | Box


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered section."""

    ident: str
    """The same in every language."""
    title: str
    blocks: tuple[Block, ...]
    number: int = 0
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Labels:
    """The few words that the layout itself needs, in the document's language."""

    table: str
    figure: str
    contents: str
    page: str
    """With `{page}` and `{pages}`."""


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that is written, in order."""

    language: Literal["en", "ja"]
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    """Name and value of what stands below the title."""
    labels: Labels
    sections: tuple[Section, ...]


def blocks_of(section: Section) -> Iterator[Block]:
    """Yield every block of a section, those inside boxes too."""
    for block in section.blocks:
        yield block
        if isinstance(block, Box):
            yield from block.blocks


def lines_of(block: Block) -> Iterator[Line]:
    """Yield the lines of text of a block, inside boxes too; captions and headings are no lines."""
    if isinstance(block, Paragraph):
        yield block.line
    elif isinstance(block, Bullets):
        yield from block.items
    elif isinstance(block, Table):
        yield from block.header
        for row in block.rows:
            yield from row
    elif isinstance(block, Box):
        for inner in block.blocks:
            yield from lines_of(inner)


def plain(line: Line) -> str:
    """Return the text of a line without its styles; a note is its number in brackets.

    >>> plain((Span("440 USD", bold=True), Span("", note=2)))
    '440 USD[2]'
    """
    return "".join(f"[{span.note}]" if span.note else span.text for span in line)
