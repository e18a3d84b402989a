"""A document as Markdown, for a wiki or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from optimizer.documents.document import (
    Block,
    Box,
    Bullets,
    Document,
    Figure,
    Heading,
    Line,
    Paragraph,
    Span,
    Table,
    Verbatim,
    spans,
    with_details,
)
from optimizer.documents.pictures import Pictures

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#$~&!])")
"""What Markdown, its dialects with formulas, and HTML inside it would take for more than text."""

PLAIN_ENDS = re.compile(r"\w|\w.*\w", re.DOTALL)

STARTS = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$|[-=+])")
"""What makes a line a list, a rule or a heading."""


def text_of(text: str) -> str:
    """Make a text mean itself.

    >>> text_of("<b> $x$ a_b"), text_of("- a")
    ('\\\\<b\\\\> \\\\$x\\\\$ a\\\\_b', '\\\\- a')
    """
    escaped = SPECIAL.sub(r"\\\1", " ".join(text.splitlines()))
    return STARTS.sub(lambda found: f"{found.group(1)}{found.group(2)[:-1]}\\{found.group(2)[-1]}", escaped)


def _span(span: Span) -> str:
    if span.note:
        return f"[\\[{span.note}\\]](#note-{span.note})"
    if span.href:
        return f"<{span.href}>"
    if span.code:
        ticks = "`" * (max((len(run) for run in re.findall("`+", span.text)), default=0) + 1)
        padded = f" {span.text} " if span.text.startswith("`") or span.text.endswith("`") else span.text
        return f"{ticks}{padded}{ticks}".replace("|", "\\|")
    if not span.bold:
        return text_of(span.text)
    # beside Japanese brackets the stars would not count as bold
    return f"**{text_of(span.text)}**" if PLAIN_ENDS.fullmatch(span.text) else f"<b>{text_of(span.text)}</b>"


def line_of(line: Line) -> str:
    """Write a line of text."""
    return "".join(_span(span) for span in spans(line))


def _table(block: Table, document: Document, notes: bool) -> Iterator[str]:
    block = with_details(block)
    if block.caption:
        yield f"**{_caption(document.labels.table, block.number, block.caption, document)}**\n"
    header = [line_of(cell) for cell in block.header] or [""] * len(block.rows[0])
    yield f"| {' | '.join(header)} |"
    yield f"|{''.join('---:|' if side == 'r' else '---|' for side in block.align)}"
    for number, row in enumerate(block.rows, 1):
        cells = [line_of(cell) for cell in row]
        if notes:
            cells[0] = f'<a id="note-{number}"></a>{cells[0]}'
        yield f"| {' | '.join(cells)} |"
    yield ""


def _caption(word: str, number: int, caption: str, document: Document) -> str:
    if not number:
        return text_of(caption)
    blank, stop = ("", "　") if document.language == "ja" else (" ", ". ")
    return f"{word}{blank}{number}{stop}{text_of(caption)}"


def _block(block: Block, document: Document, pictures: Pictures, notes: bool) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"### {text_of(block.text)}\n"
    elif isinstance(block, Paragraph):
        yield f"{line_of(block.line)}\n"
    elif isinstance(block, Bullets):
        yield from (f"- {line_of(item)}" for item in block.items)
        yield ""
    elif isinstance(block, Table):
        yield from _table(block, document, notes)
    elif isinstance(block, Figure):
        caption = _caption(document.labels.figure, block.number, block.caption, document)
        name = pictures.file_names.get(block.name)
        yield f"![{caption}](<{name}>)\n\n**{caption}**\n" if name else f"**{caption}** `{pictures.command}`\n"
    elif isinstance(block, Verbatim):
        fence = "`" * max(3, max((len(run) for run in re.findall("`+", block.text)), default=0) + 1)
        yield f"{fence}text\n{block.text}\n{fence}\n"
    elif isinstance(block, Box):
        for inner in block.blocks:
            for part in _block(inner, document, pictures, notes=False):
                yield "\n".join(f"> {one}" if one else ">" for one in part.split("\n"))
        yield ""


def _lines(document: Document, pictures: Pictures) -> Iterator[str]:
    yield f"# {text_of(document.title)}{f': {text_of(document.subtitle)}' if document.subtitle else ''}\n"
    yield from (f"- **{text_of(name)}**: {text_of(value)}" for name, value in document.facts)
    for section in document.sections:
        if section.number:
            yield f'\n<a id="{section.ident}"></a>\n\n## {section.number}. {text_of(section.title)}\n'
        elif section.title:
            yield f"\n## {text_of(section.title)}\n"
        for block in section.blocks:
            yield from _block(block, document, pictures, section.ident == "sources")


def render(document: Document, pictures: Pictures, own: Mapping[str, str]) -> bytes:
    """Write a document as Markdown; own templates have no say in the layout."""
    return (re.sub(r"\n{3,}", "\n\n", "\n".join(_lines(document, pictures))).strip() + "\n").encode()
