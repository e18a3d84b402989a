"""Read what a template wrote, a small XML of sections, paragraphs, lists and tables, as a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast, get_args
from xml.etree import ElementTree

from optimizer.documents.document import (
    Block,
    Box,
    Bullets,
    Document,
    Figure,
    Heading,
    Labels,
    Line,
    Paragraph,
    Section,
    Span,
    Table,
    Tone,
    Verbatim,
)
from optimizer.errors import Fault, InputError

ALLOWED = "section, h, p, ul, li, table, tr, td, figure, pre, box, b, code, a, note"
"""Elements that a template may write."""

DEEPEST = 40
"""Levels of elements beyond this are no document."""

LONGEST_NUMBER = 4
"""Digits of a number that an attribute states."""


class _Reader:
    """Reads elements; numbers tables and figures as they come."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tables = self.figures = 0

    def refused(self, element: str, where: str) -> InputError:
        """Say that an element is not known there."""
        return InputError([Fault(self.source, where, f"<{element}>", f"text and {ALLOWED}, each in its place")])

    def whole(self, element: ElementTree.Element, name: str, default: str) -> int:
        """Return an attribute that is a whole number."""
        return self.number(name, element.get(name, default))

    def number(self, name: str, text: str) -> int:
        """Read a whole number of an attribute.

        Raises:
            InputError: it is none.
        """
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
            raise InputError([Fault(self.source, name, repr(text), f"a number of at most {LONGEST_NUMBER} digits")])
        return int(text)

    def line(self, element: ElementTree.Element) -> Line:
        """Read the text inside an element, its white space as one blank each."""
        spans = tuple(self._spans(element, Span("")))
        squeezed = [replace(span, text=re.sub(r"[ \t\r\n]+", " ", span.text)) for span in spans]
        for index in range(1, len(squeezed)):
            if squeezed[index - 1].text.endswith(" ") and squeezed[index].text.startswith(" "):
                squeezed[index] = replace(squeezed[index], text=squeezed[index].text[1:])
        if squeezed:
            squeezed[0] = replace(squeezed[0], text=squeezed[0].text.lstrip(" "))
            squeezed[-1] = replace(squeezed[-1], text=squeezed[-1].text.rstrip(" "))
        return tuple(span for span in squeezed if span.text or span.note)

    def _spans(self, element: ElementTree.Element, style: Span) -> Iterator[Span]:
        """Yield the runs of text inside an element."""
        if element.text:
            yield replace(style, text=element.text)
        for child in element:
            if child.tag == "note":
                yield Span("", note=self.whole(child, "n", "0"))
            elif child.tag in ("b", "code", "a"):
                yield from self._spans(child, self._styled(child, style))
            else:
                raise self.refused(child.tag, f"inside <{element.tag}>")
            if child.tail:
                yield replace(style, text=child.tail)

    def _styled(self, child: ElementTree.Element, style: Span) -> Span:
        """Return the style that an inline element asks for."""
        return replace(style, bold=style.bold or child.tag == "b", code=style.code or child.tag == "code",
                       href=child.get("href", "") if child.tag == "a" else style.href)

    def blocks(self, parent: ElementTree.Element) -> Iterator[Block]:
        """Yield the blocks inside a section or box; an empty paragraph, list or table is left out."""
        for child in parent:
            block = self.block(child, parent.tag)
            if block is not None:
                yield block

    def block(self, child: ElementTree.Element, where: str) -> Block | None:
        """Read one block, None when there is nothing in it."""
        if child.tag == "h":
            return Heading(_text(child))
        if child.tag == "p":
            line = self.line(child)
            return Paragraph(line, cast(Any, child.get("style", ""))) if line else None
        if child.tag == "ul":
            items = tuple(self.line(item) for item in child)
            return Bullets(items) if items else None
        if child.tag == "table":
            return self.table(child)
        if child.tag == "figure":
            self.figures += 1
            return Figure(child.get("name", ""), child.get("caption", ""), self.figures)
        if child.tag == "pre":
            return Verbatim((child.text or "").strip("\n"))
        if child.tag == "box":
            tone = child.get("tone", "plain")
            known = cast(Tone, tone if tone in get_args(Tone) else "plain")
            return Box(known, tuple(self.blocks(child)))
        raise self.refused(child.tag, f"inside <{where}>")

    def table(self, element: ElementTree.Element) -> Table | None:
        """Read a table; rows that are marked as head come first."""
        rows = [(row.get("head") == "1", tuple(self.line(cell) for cell in row)) for row in element]
        body = tuple(cells for head, cells in rows if not head)
        if not body:
            return None
        header = next((cells for head, cells in rows if head), ())
        columns = len(body[0])
        if any(len(cells) != columns for _, cells in rows):
            found = f"rows of {sorted({len(cells) for _, cells in rows})} cells"
            raise InputError([Fault(self.source, f"table {element.get('caption', '')!r}", found, "rows of one length")])
        self.tables += 1
        stated = [part for part in element.get("widths", "").split(",") if part]
        widths = tuple(self.number("widths", part) for part in stated) or (1,) * columns
        if len(widths) != columns:
            raise InputError([Fault(self.source, "widths", f"{len(widths)} for {columns} columns", "one a column")])
        align = element.get("align", "l" * columns)
        return Table(element.get("caption", ""), header, body, align.ljust(columns, "l"), widths, self.tables,
                     element.get("tall") == "1")


def _depth(root: ElementTree.Element) -> int:
    """Count the levels of elements, one after the other instead of by recursion."""
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
    return depth


def _text(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def read_document(markup: str, source: str) -> Document:
    """Read a document from what a template wrote.

    Args:
        source: the template, for messages.

    Raises:
        InputError: it is no well-formed markup, or holds an element that is not known.
    """
    try:
        root = ElementTree.fromstring(markup)
    except ElementTree.ParseError as error:
        line = error.position[0]
        found = f"markup that does not close what it opens ({error.msg})"
        raise InputError([Fault(source, f"line {line} of what it wrote", found, f"the elements {ALLOWED}")]) from None
    if _depth(root) > DEEPEST:
        raise InputError([Fault(source, "", f"more than {DEEPEST} levels of elements", f"the elements {ALLOWED}")])
    reader = _Reader(source)
    sections = []
    for number, element in enumerate(root.iter("section"), 1):
        blocks = tuple(reader.blocks(element))
        sections.append(Section(element.get("id", ""), element.get("title", ""), blocks, number,
                                element.get("new-page") == "1"))
    facts = tuple((fact.get("name", ""), _text(fact)) for fact in root.iter("fact"))
    labels = Labels(*(root.get(name, "") for name in ("table", "figure", "contents", "page")))
    language = cast(Any, root.get("language", "en"))
    return Document(language, root.get("title", ""), root.get("subtitle", ""), facts, labels, tuple(sections))
