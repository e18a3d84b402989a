"""A document in 80 columns, East Asian letters counted as two, in colour where the terminal has it.

Plain text rather than Rich: importing Rich alone costs more than the whole rendering.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from optimizer.documents.document import Block, Box, Bullets, Document, Heading, Line, Paragraph, Table, Verbatim, spans

WIDTH = 80

NO_BREAK = "\u00a0"

BOLD, DIM, GREEN, YELLOW, RED, RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"

TONES = {"good": GREEN, "warn": YELLOW, "bad": RED, "plain": ""}

NARROWEST = 16
"""Columns that a text needs at least to be broken inside a table."""

NEVER_FIRST = "、。）」』】〕？！ー・：％〜,.)]}"
"""Signs that no line begins with."""

NEVER_LAST = "（「『【〔([{"
"""Signs that no line ends with."""


def paint(text: str, *codes: str) -> str:
    """Colour a text; whoever prints strips the codes where colour is unwanted."""
    return f"{''.join(codes)}{text}{RESET}" if text and any(codes) else text


def width_of(text: str) -> int:
    """Return the columns that a text takes.

    >>> width_of("GPU構成")
    7
    """
    return len(text) if text.isascii() else sum(2 if _wide(letter) else 1 for letter in text)


@lru_cache(maxsize=8192)
def _wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def pieces(text: str) -> list[str]:
    """Part a text where a line may break: after blanks and between East Asian letters, but not before a full stop.

    >>> pieces("GPU構成。 two words")
    ['GPU', '構', '成。 ', 'two ', 'words']
    """
    found: list[str] = []
    for letter in text:
        if found and (letter in " \t" or _sticks(found[-1], letter)):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _sticks(before: str, letter: str) -> bool:
    """Say whether a letter belongs to what stands before it."""
    last = before[-1]
    if last in " \t":
        return False
    return letter in NEVER_FIRST or last in NEVER_LAST or (not _wide(last) and not _wide(letter))


def wrapped(text: str, indent: str = "", first: str | None = None, width: int = WIDTH) -> list[str]:
    """Break a text into lines; long ids and addresses, `2 x something` and `>= 40` stay whole."""
    start = indent if first is None else first
    for joined in (" x ", " × ", " >= ", " ≥ "):
        text = text.replace(joined, joined.replace(" ", NO_BREAK))
    if text.replace(NO_BREAK, "").isascii():
        lines = textwrap.wrap(text, width, initial_indent=start, subsequent_indent=indent, break_long_words=False,
                              break_on_hyphens=False)
        return [line.replace(NO_BREAK, " ") for line in lines] or [start.rstrip(" ")]
    lines, begun = [start], False
    for piece in pieces(text):
        if begun and width_of(lines[-1] + piece.rstrip(" \t")) > width:
            lines.append(indent)
        lines[-1] += piece
        begun = True
    return [line.rstrip(" \t").replace(NO_BREAK, " ") for line in lines]


def _plain(line: Line) -> str:
    """Return the text of a line; its notes belong to the whole document."""
    return "".join(span.text for span in spans(line) if not span.note)


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - width_of(text))
    return blank + text if right else text + blank


def table_lines(block: Table, comma: str = ", ", colon: str = ": ") -> Iterator[str]:
    """Yield a table: in columns where they fit, the longest text broken inside its column; else a paragraph a row."""
    header, body = [_plain(cell) for cell in block.header], [[_plain(cell) for cell in row] for row in block.rows]
    align = block.align
    details = [_plain(detail) for detail in block.details] or [""] * len(body)
    if any(len(row) > 1 and "://" in row[-1] and sum(map(width_of, row)) + 2 * len(row) > WIDTH for row in body):
        details = [" ".join((detail, row[-1])).strip() for row, detail in zip(body, details, strict=True)]
        header, body, align = header[:-1], [row[:-1] for row in body], align[:-1]  # each address on a line of its own
    widths = _fitting(header, body, align)
    if widths is None:
        yield from _as_paragraphs(header, body, details, comma, colon)
        return
    if any(header):
        titles = [wrapped(cell, width=width) for cell, width in zip(header, widths, strict=True)]
        yield from (paint(line, DIM) for line in _row(titles, widths, align))
    for row, detail in zip(body, details, strict=True):
        cells = [[cell] if width_of(cell) <= width else wrapped(cell, width=width)
                 for cell, width in zip(row, widths, strict=True)]
        yield from _row(cells, widths, align)
        for part in detail.split(" ; "):
            yield from (paint(line, DIM) for line in wrapped(part, "        ", "      ") if part)


def _fitting(header: list[str], body: list[list[str]], align: str) -> list[int] | None:
    """Return the widths of columns within the line, None where they do not fit.

    Where the longest texts are too wide, headings are broken, then the longest text inside its column.
    """
    titles = header or [""] * len(body[0])
    figures = [max(width_of(row[index]) for row in body) for index in range(len(titles))]
    whole = [max(width, width_of(title)) for width, title in zip(figures, titles, strict=True)]
    room = WIDTH - 2 * len(whole)
    if sum(whole) <= room:
        return whole
    widths = [max(width, *(width_of(piece.rstrip()) for piece in pieces(title) or [""]))
              for width, title in zip(figures, titles, strict=True)]
    for index in range(len(widths)):  # headings stay whole as far as there is room
        widths[index] += max(0, min(whole[index] - widths[index], room - sum(widths)))
    if sum(widths) <= room:
        return widths
    left = [index for index, side in enumerate(align) if side == "l"]
    longest = max(left, key=lambda index: widths[index], default=0)
    spare = room - sum(widths) + widths[longest]
    if not left or spare < min(NARROWEST, widths[longest]):
        return None
    return [spare if index == longest else width for index, width in enumerate(widths)]


def _row(cells: list[list[str]], widths: list[int], align: str) -> list[str]:
    """Set the cells of a row beside each other, each a few lines."""
    lines = []
    for number in range(max(len(cell) for cell in cells)):
        parts = [_padded(cell[number] if number < len(cell) else "", width, side == "r")
                 for cell, width, side in zip(cells, widths, align, strict=True)]
        lines.append("  " + "  ".join(parts).rstrip(" "))
    return lines


def _as_paragraphs(
    header: list[str], body: list[list[str]], details: list[str], comma: str, colon: str
) -> Iterator[str]:
    """Write each row as a sentence: its name, then each figure behind its heading."""
    names = header or [""] * len(body[0])
    for row, detail in zip(body, details, strict=True):
        named = [f"{name} {value}".strip() for name, value in zip(names[1:], row[1:], strict=True) if value != "-"]
        told = row[1] if len(row) == 2 else comma.join(named)
        yield from wrapped(f"{row[0]}{colon}{told}" if row[0] and told else row[0] or told, "      ", "  ")
        if detail:
            yield from (paint(line, DIM) for line in wrapped(detail, "        ", "      "))


def _block(block: Block, indent: str, marks: tuple[str, str]) -> Iterator[str]:
    if isinstance(block, Heading):
        yield from ("", paint(block.text, BOLD))
    elif isinstance(block, Paragraph):
        codes = {"lead": BOLD, "small": DIM}.get(block.style, "")
        yield from (paint(line, codes) for line in wrapped(_plain(block.line), indent, indent))
    elif isinstance(block, Bullets):
        for item in block.items:
            yield from wrapped(_plain(item), f"{indent}  ", f"{indent}- ")
    elif isinstance(block, Table):
        if block.caption:
            yield from ("", paint(f"  {block.caption}", DIM))
        yield from table_lines(block, *marks)
    elif isinstance(block, Box):
        mark = "! " if block.tone == "warn" else ""
        for number, inner in enumerate(block.blocks):
            lead = isinstance(inner, Paragraph) and inner.style == "lead"
            lines = wrapped(_plain(inner.line), "  ", mark) if isinstance(inner, Paragraph) else _block(
                inner, indent, marks)
            yield from (paint(line, BOLD if lead or (number == 0 and not mark) else "", TONES[block.tone])
                        for line in lines)
    elif isinstance(block, Verbatim):
        yield from (f"{indent}{line}" for line in block.text.split("\n"))


def render(document: Document) -> str:
    """Lay out for the terminal."""
    title = f"{document.title}: {document.subtitle}" if document.title and document.subtitle else document.title
    lines = [paint(line, BOLD) for line in wrapped(title, "  ", "")] if title else []
    for name, value in document.facts:
        lines += wrapped(f"{name}: {value}", "  ", "")
    marks = ("、", "：") if document.language == "ja" else (", ", ": ")
    for section in document.sections:
        if section.title:
            lines += [*([""] if lines else []), paint(section.title, BOLD)]
        for number, block in enumerate(section.blocks):
            if number and isinstance(block, Table) and isinstance(section.blocks[number - 1], Table):
                lines.append("")
            lines += _block(block, "  " if section.title else "", marks)
    return "\n".join(lines) + "\n"
