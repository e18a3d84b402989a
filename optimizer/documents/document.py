"""A document before anyone lays it out: every format is drawn from this and from nothing else.

Reports build it of messages and cells, in no language; `worded` turns it into one whose texts are all plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from optimizer.documents.cells import Cell, is_address
from optimizer.messages import Voice

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


Text = str
"""A message, which is worded; or a plain text, which stays as it is."""

Piece = Text | Span | Cell

Line = tuple[Piece, ...]
"""Text of one paragraph, list item or cell."""


def spans(line: Line) -> tuple[Span, ...]:
    """Return the runs of a line of a worded document."""
    return cast("tuple[Span, ...]", line)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: Text


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

    caption: Text
    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    align: str
    """`l` or `r` for each column."""
    widths: tuple[int, ...]
    """Shares of the width, one for each column."""
    number: int = 0
    tall: bool = False
    """Whether the rows leave room for handwriting."""
    details: tuple[Line, ...] = ()
    """A line about each row: terminals and workbooks show it below, others beside it; none where it is empty."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture by its name, with its caption."""

    name: str
    caption: Text
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
    """A section; one without a title goes on where the last one ended."""

    ident: str
    """The same in every language."""
    title: Text
    blocks: tuple[Block, ...]
    number: int = 0
    """0: sections are not numbered."""
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
class Records:
    """The rows that a spreadsheet gets: columns are added to, never renamed."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that is written, in order."""

    language: str
    title: Text
    subtitle: Text
    facts: tuple[tuple[Text, Text], ...]
    """Name and value of what stands below the title."""
    labels: Labels
    sections: tuple[Section, ...]
    records: Records | None = None
    data: Callable[[], Any] | None = field(default=None, compare=False)
    """Gives the same result for other programs."""


def document(
    title: Text, sections: Iterable[Section | None], subtitle: Text = "", facts: Iterable[tuple[Text, Text]] = (),
    records: Records | None = None, data: Callable[[], Any] | None = None,
) -> Document:
    """Build a document in no language; sections that are None or empty are left out."""
    kept = tuple(one for one in sections if one is not None and one.blocks)
    return Document("", title, subtitle, tuple(facts), Labels("", "", "", ""), kept, records, data)


def section(ident: str, title: Text, *blocks: Block | None) -> Section:
    """Build a section; blocks that are None are left out."""
    return Section(ident, title, tuple(block for block in blocks if block is not None))


def paragraph(*pieces: Piece, style: Literal["", "lead", "small"] = "") -> Paragraph:
    """Build a paragraph of some pieces."""
    return Paragraph(pieces, style)


def bullets(items: Iterable[Piece]) -> Bullets | None:
    """Build a list, None where there is nothing to list."""
    found = tuple((item,) for item in items)
    return Bullets(found) if found else None


def table(
    header: Iterable[Text], rows: Iterable[Iterable[Piece | None]], caption: Text = "", details: Iterable[Piece] = ()
) -> Table | None:
    """Build a table, None where it has no row.

    Columns of figures are flush right; a None is a dash; an empty header names no column.
    """
    body = tuple(tuple(("-",) if piece is None else (piece,) for piece in row) for row in rows)
    if not body:
        return None
    columns = [[row[index][0] for row in body] for index in range(len(body[0]))]
    align = "".join(
        "r" if all(piece == "-" or (isinstance(piece, Cell) and piece.right) for piece in column)
        and any(isinstance(piece, Cell) for piece in column) else "l" for column in columns)
    return Table(caption, tuple((text,) for text in header), body, align, (), details=tuple((one,) for one in details))


def warnings(texts: Iterable[Text]) -> Box | None:
    """Build the box of what a reader must know first, None where there is nothing."""
    found = tuple(paragraph(text) for text in texts)
    return Box("warn", found) if found else None


def worded(one: Document, voice: Voice) -> Document:
    """Return a document in one language, its texts plain and its lines made of spans."""
    labels = one.labels if one.labels.page else Labels(
        *(voice.words(f"layout.{name}") for name in ("table", "figure", "contents", "page")))
    return replace(
        one, language=voice.language, title=voice.say(one.title), subtitle=voice.say(one.subtitle), labels=labels,
        facts=tuple((voice.say(name), voice.say(value)) for name, value in one.facts),
        sections=tuple(
            replace(part, title=voice.say(part.title), blocks=tuple(_worded(block, voice) for block in part.blocks))
            for part in one.sections))


def _worded(block: Block, voice: Voice) -> Block:
    if isinstance(block, Heading):
        return Heading(voice.say(block.text))
    if isinstance(block, Paragraph):
        return replace(block, line=line_in(block.line, voice))
    if isinstance(block, Bullets):
        return Bullets(tuple(line_in(item, voice) for item in block.items))
    if isinstance(block, Box):
        return replace(block, blocks=tuple(_worded(inner, voice) for inner in block.blocks))
    if isinstance(block, Figure):
        return replace(block, caption=voice.say(block.caption))
    if isinstance(block, Table):
        rows = tuple(tuple(line_in(cell, voice) for cell in row) for row in block.rows)
        header = tuple(line_in(cell, voice) for cell in block.header)
        details = tuple(line_in(detail, voice) for detail in block.details)
        return replace(block, caption=voice.say(block.caption), header=header, rows=rows, details=details,
                       widths=block.widths or _widths(header, rows))
    return block


def line_in(line: Line, voice: Voice) -> tuple[Span, ...]:
    """Word a line."""
    found = []
    for piece in line:
        if isinstance(piece, Span):
            found.append(replace(piece, text=voice.say(piece.text)))
        elif isinstance(piece, Cell):
            found.append(Span(piece.words(voice), href=piece.href if is_address(piece.href) else ""))
        else:
            found.append(Span(voice.say(piece)))
    return tuple(found)


WIDEST, NARROWEST, PADDING = 42, 4, 3
"""Letters that a column's share of the width is counted between, and what its edges take beside them."""


def _widths(header: tuple[Line, ...], rows: tuple[tuple[Line, ...], ...]) -> tuple[int, ...]:
    """Share the width of a table by the longest text of each column."""
    every = [*([header] if header else []), *rows]
    return tuple(
        PADDING + min(WIDEST, max(NARROWEST, *(sum(2 if ord(letter) > 0x2E7F else 1 for letter in plain(row[index]))
                                               for row in every)))
        for index in range(len(every[0])))


def with_details(block: Table) -> Table:
    """Return a table whose details stand in a column of their own."""
    if not any(plain(detail) for detail in block.details):
        return replace(block, details=())
    rows = tuple((*row, detail) for row, detail in zip(block.rows, block.details, strict=True))
    header = (*block.header, ()) if block.header else ()
    widths = (*block.widths, min(WIDEST, max(len(plain(detail)) for detail in block.details)))
    return replace(block, header=header, rows=rows, align=f"{block.align}l", widths=widths, details=())


def blocks_of(part: Section) -> Iterator[Block]:
    """Yield every block of a section, those inside boxes too."""
    for block in part.blocks:
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
        yield from block.details
    elif isinstance(block, Box):
        for inner in block.blocks:
            yield from lines_of(inner)


def plain(line: Line) -> str:
    """Return the text of a worded line without its styles; a note is its number in brackets.

    >>> plain((Span("440 USD", bold=True), Span("", note=2)))
    '440 USD[2]'
    """
    return "".join(f"[{span.note}]" if span.note else span.text for span in spans(line))
