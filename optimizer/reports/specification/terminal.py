"""A document in 80 columns, East Asian letters counted as two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from optimizer.reports.specification.document import (
    Block,
    Box,
    Bullets,
    Document,
    Heading,
    Line,
    Paragraph,
    Table,
    blocks_of,
)
from optimizer.reports.terminal import BOLD, GREEN, RED, WIDTH, YELLOW, paint

COLOURS = {"good": GREEN, "warn": YELLOW, "bad": RED, "plain": ""}

NEVER_FIRST = "、。）」』】〕？！ー・：％〜,.)]}"
"""Signs that no line begins with."""

NEVER_LAST = "（「『【〔([{"
"""Signs that no line ends with."""


def width_of(text: str) -> int:
    """Return the columns that a text takes.

    >>> width_of("GPU構成")
    7
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def pieces(text: str) -> list[str]:
    """Part a text where a line may break: after blanks and between East Asian letters, but not before a full stop.

    >>> pieces("GPU構成。 two words")
    ['GPU', '構', '成。 ', 'two ', 'words']
    """
    found: list[str] = []
    for run in re.findall("[ \t]+|[^ \t]", text):
        if found and (run.strip(" \t") == "" or _sticks(found[-1], run)):
            found[-1] += run
        else:
            found.append(run)
    return found


def _sticks(before: str, letter: str) -> bool:
    """Say whether a letter belongs to what stands before it."""
    last = before[-1]
    if letter in NEVER_FIRST or last in NEVER_LAST:
        return last not in " \t"
    return last not in " \t" and not _wide(last) and not _wide(letter)


def wrapped(text: str, indent: str, first: str) -> list[str]:
    """Break a text into lines of at most 80 columns."""
    lines, start = [first], True
    for piece in pieces(text):
        if not start and width_of(lines[-1] + piece.rstrip()) > WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += piece
        start = False
    return [line.rstrip().replace("\u00a0", " ") for line in lines]


def _plain(line: Line) -> str:
    """Return the text of a line; its notes belong to the whole document."""
    return "".join(span.text for span in line if not span.note)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield from ("", paint(block.text, BOLD))
    elif isinstance(block, Paragraph):
        yield from wrapped(_plain(block.line), "", "")
    elif isinstance(block, Bullets):
        for item in block.items:
            yield from wrapped(_plain(item), "  ", "- ")
    elif isinstance(block, Table):
        yield ""
        for row in block.rows:
            name, value = _plain(row[0]), " | ".join(_plain(cell) for cell in row[1:])
            yield from wrapped(f"{name}: {value}", "    ", "  ")
    elif isinstance(block, Box):
        for number, inner in enumerate(block.blocks):
            for line in _block(inner):
                yield paint(line, *([BOLD] if number == 0 else []), COLOURS[block.tone])


def render(document: Document) -> str:
    """Lay out for the terminal."""
    lines: list[str] = []
    for section in document.sections:
        inside = [block for box in section.blocks if isinstance(box, Box) for block in box.blocks]
        lines += [paint(section.title, BOLD), ""]
        for block in blocks_of(section):
            if block not in inside:
                lines += _block(block)
    return "\n".join(lines) + "\n"
