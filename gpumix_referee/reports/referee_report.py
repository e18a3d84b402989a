"""Verdicts on other tools' instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpumix_referee.verdict import RoutedVerdict, Verdict
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, wrap

COLUMNS = ("name", "status", "usd_per_hour", "bound", "stated_optimum_usd_per_hour", "nodes")
ROUTED_COLUMNS = (*COLUMNS, "seconds")


def _mix(verdict: Verdict) -> str:
    return " + ".join(f"{count} x {name}" for name, count in verdict.nodes.items()) or "-"


def _agreement(verdict: Verdict) -> str:
    if verdict.stated_optimum_usd_per_hour is None:
        return ""
    same = verdict.usd_per_hour is not None and abs(verdict.usd_per_hour - verdict.stated_optimum_usd_per_hour) < 1e-5
    return "as stated" if same else f"file states {verdict.stated_optimum_usd_per_hour:g}"


def _notes(verdict: Verdict) -> list[str]:
    """Return the lines under a verdict: its nodes, where classes go that are split, and what nothing can serve."""
    lines = [_mix(verdict)]
    if isinstance(verdict, RoutedVerdict):
        split = [
            f"{name}: {', '.join(f'{share:.1%} on {one}' for one, share in row.items())}"
            for name, row in verdict.routing.items() if len(row) > 1
        ]
        lines += [f"split: {'; '.join(split)}"] if split else []
        lines += [f"no GPU can serve {', '.join(verdict.unserved)}"] if verdict.unserved else []
    return lines


def text(verdicts: Sequence[Verdict]) -> str:
    """Render for the terminal."""
    lines = [paint("instance: status, US dollars an hour, proof", BOLD)]
    for verdict in verdicts:
        cost = "-" if verdict.usd_per_hour is None else f"${verdict.usd_per_hour:,.6f}/h"
        proof = "" if verdict.bound is None else f"bound ${verdict.bound:,.6f}/h"
        lines += wrap(f"{verdict.name}: {verdict.status} {cost} {proof} {_agreement(verdict)}".rstrip(), "    ", "  ")
        lines += [paint(line, DIM) for note in _notes(verdict) for line in wrap(note, "      ")]
    return "\n".join(lines) + "\n"


def _columns(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    return ROUTED_COLUMNS if any(isinstance(verdict, RoutedVerdict) for verdict in verdicts) else COLUMNS


def _rows(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    return [{**verdict.as_json(), "nodes": _mix(verdict)} for verdict in verdicts]


def _markdown(verdicts: Sequence[Verdict]) -> str:
    columns = _columns(verdicts)
    return "\n".join(markdown_table(columns, [tuple(row[c] for c in columns) for row in _rows(verdicts)])) + "\n"


REFEREE_REPORTS: dict[str, Callable[[Sequence[Verdict]], str]] = {
    "text": text,
    "json": lambda verdicts: json_report.dumps([verdict.as_json() for verdict in verdicts]),
    "csv": lambda verdicts: rows_as_csv(_columns(verdicts), _rows(verdicts)),
    "markdown": _markdown,
}
"""By the name that --format takes."""
