"""What changed between two plans, as a document."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.names import one_line
from optimizer.documents.cells import Cell, Money, Number, Share, Word
from optimizer.documents.document import Document, Piece, Records, Section, document, paragraph, section, table
from optimizer.messages import Message
from optimizer.replay import Difference
from optimizer.replay.difference import Change, Value
from optimizer.replay.difference import Section as Changes
from optimizer.reports.heads import heads

COLUMNS = ("section", "subject", "figure", "old", "new", "change_percent")
"""Added to, never renamed."""

SHA = "sha256"


def shown(figure: str, value: Value) -> Piece:
    """Return a value the way its figure is read.

    >>> shown("usd_per_month", 1234.5), shown("load_fraction", 0.25)
    (Money(usd=1234.5, digits=2, signed=False), Share(fraction=0.25, digits=1, signed=False))
    """
    if value is None:
        return Message("diff.nothing")
    if isinstance(value, bool):
        return Word("yes" if value else "no")
    if isinstance(value, int):
        return Number(value)
    if isinstance(value, float):
        return _figure(figure, value)
    return value[:12] if figure.endswith(SHA) else value if isinstance(value, Message) else one_line(value)


def _figure(figure: str, value: float) -> Cell:
    if "usd" in figure and not figure.startswith("fx"):
        return Money(value, 4 if "hour" in figure else 2)
    return Share(value, 1) if figure.endswith("_fraction") else Number(value, ",.6g")


def _told(change: Change) -> Piece:
    """Return what a change without figures says: that something is there no more, or new."""
    text = change.old if change.new is None else change.new
    told = text if isinstance(text, Message) else Message.quoted(one_line(str(text)))
    return Message("diff.gone" if change.new is None else "diff.new", text=told)


def _section(one: Changes) -> Section:
    sentences = [paragraph(_told(change)) for change in one.changes if change.figure in ("warning", "reason")]
    rows = [(one_line(change.subject), Message("diff.figure", figure=change.figure.replace("_", " ")),
             shown(change.figure, change.old), shown(change.figure, change.new),
             "" if change.change_percent is None else Share(change.change_percent / 100, 1, signed=True))
            for change in one.changes if change.figure not in ("warning", "reason")]
    return section(one.name, Message(f"diff.{one.name.replace(' ', '-')}"), *sentences, table(
        heads("of", "figure", "old", "new", "change"), rows))


def difference_document(found: Difference) -> Document:
    """Put the changes into a document; its rows are the changes."""
    same = section("same", "", paragraph(Message("diff.same"))) if found.same else None
    rows = tuple({"section": one.name, **_row(change)} for one in found.sections for change in one.changes)
    return document(Message("diff.title", old=found.old, new=found.new),
                    [same, *(_section(one) for one in found.sections)], records=Records(COLUMNS, rows),
                    data=lambda: data(found))


def _row(change: Change) -> dict[str, Any]:
    return {"subject": change.subject, "figure": change.figure, "old": change.old, "new": change.new,
            "change_percent": change.change_percent}


def data(found: Difference) -> dict[str, Any]:
    """Return the changes for other programs."""
    return {
        "schema_version": 1, "old": found.old, "new": found.new, "same": found.same,
        "sections": [{"name": one.name, "changes": [_row(change) for change in one.changes]} for one in found.sections]}
