"""What a check of the whole catalog found, as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from optimizer.documents.cells import Number
from optimizer.documents.document import Box, Document, Records, Text, document, paragraph, section, table
from optimizer.integrity import Finding, Findings
from optimizer.messages import Message
from optimizer.reports.heads import heads

COLUMNS = ("severity", "table", "key", "message", "from_overlay")
"""Added to, never renamed."""

MOST_KEYS = 8
"""Rows named under one finding; CSV and JSON name them all."""


def _grouped(found: Iterable[Finding]) -> dict[tuple[str, str], list[str]]:
    """Group findings that say the same of several rows."""
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in found:
        groups.setdefault((finding.table, finding.message), []).append(finding.key)
    return groups


def _few(keys: list[str]) -> Text:
    """Write the first keys, and how many more there are."""
    more = len(keys) - MOST_KEYS
    return Message("catalog.keys", keys=tuple(keys)) if more <= 1 else Message(
        "catalog.keys-more", keys=tuple(keys[:MOST_KEYS]), count=more)


def _boxes(checked: Findings) -> Iterator[Box]:
    for tone, found in (("bad", checked.errors), ("warn", checked.warnings)):
        for (name, message), keys in _grouped(found).items():
            told = {"severity": found[0].severity, "table": name, "message": message, "count": len(keys)}
            head = Message("catalog.finding-several" if len(keys) > 1 else "catalog.finding", **told)
            found_of = paragraph(Message("catalog.found", head=head, keys=_few(keys)))
            yield Box("bad" if tone == "bad" else "warn", (found_of,))


def _overlaid_by_table(checked: Findings) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, key in checked.overlaid:
        named.setdefault(name, []).append(key)
    return named


def findings_document(checked: Findings) -> Document:
    """Put what was found into a document; its rows are the findings."""
    header = heads("table", "rows", "from-overlay") if checked.overlays else heads("table", "rows")
    sizes = [(size.table, Number(size.rows), Number(size.from_overlay or None))[: len(header)]
             for size in checked.tables]
    verdict = Message("catalog.broken" if checked.errors else "catalog.sound",
                      errors=Message("catalog.errors", n=len(checked.errors)),
                      warnings=Message("catalog.warnings", n=len(checked.warnings)))
    overlaid = [paragraph(Message("catalog.overlaid", table=name, keys=tuple(keys)))
                for name, keys in _overlaid_by_table(checked).items()]
    return document(
        Message("catalog.title", catalog=checked.sha256[:12]),
        [section("verdict", "", Box("bad" if checked.errors else "good", (paragraph(verdict),))),
         section("tables", Message("catalog.tables"), table(header, sizes), *overlaid),
         section("findings", Message("catalog.findings"), *_boxes(checked))],
        records=Records(COLUMNS, tuple(asdict(finding) for finding in checked.found)), data=lambda: data(checked))


def data(checked: Findings) -> dict[str, object]:
    """Return what was found for other programs."""
    return {
        "sound": not checked.errors, "catalog_sha256": checked.sha256, "overlays": list(checked.overlays),
        "tables": {size.table: {"rows": size.rows, "from_overlay": size.from_overlay} for size in checked.tables},
        "overlaid": _overlaid_by_table(checked), "findings": [asdict(finding) for finding in checked.found]}
