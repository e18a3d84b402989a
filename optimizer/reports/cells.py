"""Text in the cells of a terminal, where an East Asian letter takes two."""

from __future__ import annotations

import re
import unicodedata

NEVER_FIRST = "、。）」』】：,.)]}%円"
"""Signs that no line begins with."""


def width_of(text: str) -> int:
    """Return the cells that a text takes.

    >>> width_of("GPU構成")
    7
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    """Fill a text up with blanks to a width in cells."""
    return text + " " * max(0, width - width_of(text))


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Break a text into lines of at most so many cells, after blanks and between East Asian letters.

    >>> wrapped("1 x RTX 5090 own room", 12)
    ['1 x RTX 5090', 'own room']
    """
    lines = [""]
    for piece in _pieces(text):
        start = indent if len(lines) > 1 else ""
        if lines[-1].strip() and width_of(lines[-1] + piece.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent + piece.lstrip())
        else:
            lines[-1] += piece if lines[-1] else start + piece
    return [line.rstrip() for line in lines]


def _pieces(text: str) -> list[str]:
    found: list[str] = []
    for run in re.findall(r"\s+|[^\s]", text):
        letter = run[0]
        breaks = found and (found[-1][-1].isspace() or _wide(letter) or _wide(found[-1][-1]))
        if found and (letter.isspace() or letter in NEVER_FIRST or not breaks):
            found[-1] += run
        else:
            found.append(run)
    return found


def _wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"
