"""Predicted against logged memory: errors by group, and log by log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields

from optimizer.accuracy.memory import LoggedMemory, MemoryAccuracy, MemoryErrors
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint, table, wrap
from optimizer.reports.wording import counted

HEAD = ("logs of", "logs", "weights", "p90", "KV tokens", "p90", "unsure")
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


def _total_row(total: MemoryErrors) -> tuple[str, ...]:
    named = {"engine_version": f"version {total.name}"}.get(total.group, total.name)
    return (named, f"{total.rows}", _percent(total.weights_median_error_fraction),
            _percent(total.weights_p90_error_fraction), _percent(total.kv_median_error_fraction),
            _percent(total.kv_p90_error_fraction), f"{total.uncertain}")


def _worst(found: MemoryAccuracy) -> list[LoggedMemory]:
    certain = [row for row in found.rows if row.kv_error_fraction is not None and not row.uncertain]
    return sorted(certain, key=lambda row: -abs(row.kv_error_fraction or 0.0))[:WORST]


def _said(row: LoggedMemory) -> str:
    """Say what a log and its prediction differ in."""
    logged, predicted, unit = row.logged_kv_tokens, float(row.predicted_kv_tokens), "tokens"
    if logged is None:
        return (f"{row.case_id}: {row.model_id} at {row.precision} on {row.tp_size} x {row.gpu_id}: "
                f"{row.predicted_kv_gib:.2f} GiB of cache, logged {row.logged_kv_gib:.2f} "
                f"({_percent(row.kv_error_fraction)})")
    return (f"{row.case_id}: {row.model_id} at {row.precision} on {row.tp_size} x {row.gpu_id}: "
            f"{predicted:,.0f} {unit}, logged {logged:,} ({_percent(row.kv_error_fraction)})")


def _text(found: MemoryAccuracy) -> str:
    totals = [_total_row(total) for total in found.totals]
    right = tuple(range(1, len(HEAD)))
    lines = [paint(f"memory: {counted(len(found.rows), 'start-up log')} of {found.file}", BOLD)]
    lines += table([HEAD, *totals], right)
    lines += wrap("median and 90th percentile of the errors; unsure: what the log does not state, or what the engine's "
                  "own share varies by, would decide; left out of the errors of KV tokens")
    if worst := _worst(found):
        lines += ["", paint("Farthest from the log", BOLD)]
        lines += [line for row in worst for line in wrap(_said(row), "    ", "  ")]
    if found.unused:
        lines += ["", paint("Not compared", BOLD)]
        lines += [line for log in found.unused for line in wrap(f"{log.case_id}: {log.reason}", "    ", "  ")]
    return "\n".join(lines) + "\n"


def _json(found: MemoryAccuracy) -> str:
    overall = next((total for total in found.totals if total.group == "all"), None)
    return json_report.dumps({
        "file": found.file,
        "rows": [asdict(row) for row in found.rows],
        "unused": [asdict(log) for log in found.unused],
        "totals": {
            "median_error_fraction": overall.kv_median_error_fraction if overall else None,
            "p90_error_fraction": overall.kv_p90_error_fraction if overall else None,
            "groups": [asdict(total) for total in found.totals],
        },
    })


def _csv(found: MemoryAccuracy) -> str:
    return rows_as_csv(tuple(field.name for field in fields(LoggedMemory)), [asdict(row) for row in found.rows])


def _markdown_lines(found: MemoryAccuracy) -> Iterator[str]:
    yield f"**{counted(len(found.rows), 'start-up log')}** of {found.file}\n"
    yield from markdown_table(HEAD, [_total_row(total) for total in found.totals])
    yield ""
    rows = [(row.case_id, row.model_id, row.precision, f"{row.tp_size} x {row.gpu_id}",
             _percent(row.weights_error_fraction), row.predicted_kv_tokens, row.logged_kv_tokens or "-",
             _percent(row.kv_error_fraction), "yes" if row.uncertain else "no") for row in found.rows]
    head = ("log", "model", "precision", "GPUs", "weights", "predicted tokens", "logged tokens", "KV tokens", "unsure")
    yield from markdown_table(head, rows)
    if found.unused:
        yield ""
        yield from markdown_table(("log", "not compared"), [(log.case_id, log.reason) for log in found.unused])


MEMORY_ACCURACY_REPORTS: dict[str, Callable[[MemoryAccuracy], str]] = {
    "text": _text, "json": _json, "csv": _csv,
    "markdown": lambda found: "\n".join(_markdown_lines(found)) + "\n",
}
"""By the name that --format takes."""
