"""What an import of load-test results did, level by level."""

from __future__ import annotations

from optimizer.documents.document import Document, Records, Section, Text, bullets, document, section
from optimizer.loadtest.importing import Imported, ImportedLevel
from optimizer.messages import Message

COLUMNS = ("file", "place", "tool", "outcome", "model_id", "gpu_id", "gpu_count", "tp_size", "precision", "engine_id",
           "isl_tokens", "osl_tokens", "concurrency", "ttft_ms", "tpot_ms", "tokens_per_s_per_user",
           "output_tokens_per_s", "use", "reason")
"""Added to, never renamed."""


def _outcome(level: ImportedLevel) -> str:
    return "refused" if level.row is None else "known already" if level.known else "added"


def _figures(level: ImportedLevel) -> Message | str:
    """Write the figures of a row in a line."""
    row = level.row
    if row is None or row.tpot_ms is None:
        return ""
    tpot = Message("loadtest.mean", value=row.tpot_ms) if row.tpot_error_fraction is None else Message(
        "loadtest.mean-bar", value=row.tpot_ms, error=row.tpot_error_fraction)
    return Message("loadtest.figures" if row.ttft_ms is None else "loadtest.figures-ttft", count=row.concurrency,
                   isl=row.isl_tokens, osl=row.osl_tokens, tpot=tpot, speed=1000 / row.tpot_ms, ttft=row.ttft_ms)


def _row(level: ImportedLevel) -> dict[str, object]:
    facts = {} if level.row is None else level.row.model_dump(mode="json")
    speed = 1000 / level.row.tpot_ms if level.row is not None and level.row.tpot_ms else None
    own = {"file": level.file, "place": level.place, "tool": level.tool, "outcome": _outcome(level),
           "tokens_per_s_per_user": speed, "reason": level.reason}
    merged = {**{name: facts.get(name) for name in COLUMNS}, **own}
    return {name: "" if merged[name] is None else merged[name] for name in COLUMNS}


def _file(file: str, levels: list[ImportedLevel]) -> Section:
    """Return what became of the levels of one file, its remarks first."""
    lines: list[Text] = []
    for remark in dict.fromkeys(remark for level in levels for remark in level.remarks):
        places = tuple(level.place for level in levels if remark in level.remarks)
        lines.append(remark if len(places) == len(levels) else Message(
            "loadtest.remark-at", places=places, remark=remark))
    for level in levels:
        outcome = Message(f"loadtest.{_outcome(level).replace(' ', '-')}")
        told = Message.quoted(level.reason or "") if level.row is None else _figures(level)
        lines.append(Message("loadtest.outcome-at" if level.place else "loadtest.outcome", outcome=outcome,
                             place=level.place, told=told))
    return section(file, Message("loadtest.file", file=file, tool=levels[0].tool), bullets(lines))


def imported_document(found: Imported) -> Document:
    """Put what an import did into a document; its rows are the levels."""
    files = dict.fromkeys(level.file for level in found.levels)
    parts = [Message("loadtest.rows-added", n=len(found.added))]
    known = sum(level.known for level in found.levels)
    parts += [Message("loadtest.rows-known", count=known)] if known else []
    parts += [Message("loadtest.rows-refused", n=len(found.refused))] if found.refused else []
    return document(
        Message("gives.survive", parts=tuple(parts)),
        [_file(file, [level for level in found.levels if level.file == file]) for file in files],
        records=Records(COLUMNS, tuple(map(_row, found.levels))), data=lambda: data(found))


def data(found: Imported) -> dict[str, object]:
    """Return everything for other programs."""
    levels = [{**_row(level), "remarks": list(level.remarks)} for level in found.levels]
    return {"schema_version": 1, "added": len(found.added), "refused": len(found.refused), "levels": levels}
