"""Predicted against logged memory: errors by group, and log by log."""

from __future__ import annotations

from dataclasses import asdict, fields

from optimizer.accuracy.memory import LoggedMemory, MemoryAccuracy, MemoryErrors
from optimizer.documents.cells import Number, Word
from optimizer.documents.document import Document, Piece, Records, bullets, document, paragraph, section, table
from optimizer.messages import Message
from optimizer.reports.heads import heads

WORST = 8
"""Logs named one by one in a text: those with the largest errors of the cache."""


def _percent(fraction: float | None) -> str:
    """Write an error.

    >>> _percent(0.0419), _percent(-5.0), _percent(None)
    ('4.2%', '-500%', '-')
    """
    if fraction is None:
        return "-"
    return f"{100 * fraction:.0f}%" if abs(fraction) >= 1 else f"{100 * fraction:.1f}%"


def _total_row(total: MemoryErrors) -> tuple[Piece | None, ...]:
    named = Message("accuracy.version", version=total.name) if total.group == "engine_version" else total.name
    return (named, Number(total.rows), *map(_percent, (
        total.weights_median_error_fraction, total.weights_p90_error_fraction, total.kv_median_error_fraction,
        total.kv_p90_error_fraction)), Number(total.uncertain))


def _worst(found: MemoryAccuracy) -> list[LoggedMemory]:
    certain = [row for row in found.rows if row.kv_error_fraction is not None and not row.uncertain]
    return sorted(certain, key=lambda row: -abs(row.kv_error_fraction or 0.0))[:WORST]


def _said(row: LoggedMemory) -> Message:
    """Say what a log and its prediction differ in."""
    told = {"case": row.case_id, "model": row.model_id, "precision": row.precision, "size": row.tp_size,
            "gpu": row.gpu_id, "error": _percent(row.kv_error_fraction)}
    if row.logged_kv_tokens is None:
        return Message("accuracy.cache-gib", predicted=row.predicted_kv_gib, logged=row.logged_kv_gib, **told)
    return Message("accuracy.cache-tokens", predicted=row.predicted_kv_tokens, logged=row.logged_kv_tokens, **told)


def memory_accuracy_document(found: MemoryAccuracy) -> Document:
    """Put predicted against logged memory into a document; its rows are the logs."""
    rows = [(row.case_id, row.model_id, row.precision, f"{row.tp_size} x {row.gpu_id}",
             _percent(row.weights_error_fraction), Number(row.predicted_kv_tokens), Number(row.logged_kv_tokens),
             _percent(row.kv_error_fraction), Word("yes" if row.uncertain else "no")) for row in found.rows]
    return document(
        Message("accuracy.memory", n=len(found.rows), file=found.file),
        [section("totals", "", table(heads("logs-of", "logs", "weights", "p90", "kv-tokens", "p90", "unsure"),
                                     map(_total_row, found.totals)), paragraph(Message("accuracy.memory-note"))),
         section("worst", Message("accuracy.farthest"), bullets(map(_said, _worst(found)))),
         section("unused", Message("accuracy.not-compared"), bullets(
             Message("accuracy.unused", case=log.case_id, reason=log.reason) for log in found.unused)),
         section("logs", Message("accuracy.log-by-log"), table(
             heads("log", "model", "precision", "gpus", "weights", "predicted", "logged", "kv-tokens", "unsure"),
             rows))],
        records=Records(tuple(field.name for field in fields(LoggedMemory)), tuple(asdict(row) for row in found.rows)),
        data=lambda: data(found))


def data(found: MemoryAccuracy) -> dict[str, object]:
    """Return everything for other programs."""
    overall = next((total for total in found.totals if total.group == "all"), None)
    return {
        "file": found.file,
        "rows": [asdict(row) for row in found.rows],
        "unused": [asdict(log) for log in found.unused],
        "totals": {
            "median_error_fraction": overall.kv_median_error_fraction if overall else None,
            "p90_error_fraction": overall.kv_p90_error_fraction if overall else None,
            "groups": [asdict(total) for total in found.totals],
        },
    }
