"""Pieces of Markdown, for reports that are no documents yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

ESCAPED = str.maketrans({
    "&": "&amp;", "<": "&lt;", "|": "\\|", "`": "\\`", "*": "\\*", "[": "\\[", "]": "\\]", "\\": "\\\\", "\n": " ",
})
"""What would end a table cell, open a tag, a link or an emphasis."""


def cell(text: object) -> str:
    """Make a text safe inside a Markdown table and against HTML.

    >>> cell("a|b <i>")
    'a\\\\|b &lt;i>'
    """
    return str(text).translate(ESCAPED)


def table(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell(value) for value in row)} |"
