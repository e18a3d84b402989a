"""Pieces of Markdown, for reports that are no documents yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.documents.cells import is_address
from optimizer.reports.wording import sources_of

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


def links(urls: str | None) -> str:
    """Write sources as links; what is no address stays text."""
    return ", ".join(_link(source) for source in sources_of(urls)) or "-"


def _link(source: str) -> str:
    return f"<{source}>" if is_address(source) else cell(source)
