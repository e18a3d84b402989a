"""Verdicts on other tools' instances."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.referee.llmpilot import Verdict
from optimizer.reports import json_report
from optimizer.reports.csv_report import rows_as_csv
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, wrap

COLUMNS = ("name", "status", "usd_per_hour", "bound", "stated_optimum_usd_per_hour", "nodes")


def _mix(verdict: Verdict) -> str:
    return " + ".join(f"{count} x {name}" for name, count in verdict.nodes.items()) or "-"


def _agreement(verdict: Verdict) -> str:
    if verdict.stated_optimum_usd_per_hour is None:
        return ""
    same = verdict.usd_per_hour is not None and abs(verdict.usd_per_hour - verdict.stated_optimum_usd_per_hour) < 1e-5
    return "as stated" if same else f"file states {verdict.stated_optimum_usd_per_hour:g}"


def text(verdicts: list[Verdict]) -> str:
    """Render for the terminal."""
    lines = [paint("instance: status, US dollars an hour, proof", BOLD)]
    for verdict in verdicts:
        cost = "-" if verdict.usd_per_hour is None else f"${verdict.usd_per_hour:,.6f}/h"
        proof = "" if verdict.bound is None else f"bound ${verdict.bound:,.6f}/h"
        lines += wrap(f"{verdict.name}: {verdict.status} {cost} {proof} {_agreement(verdict)}".rstrip(), "    ", "  ")
        lines += [paint(line, DIM) for line in wrap(_mix(verdict), "      ")]
    return "\n".join(lines) + "\n"


def _rows(verdicts: list[Verdict]) -> list[dict[str, object]]:
    return [{**verdict.as_json(), "nodes": _mix(verdict)} for verdict in verdicts]


REFEREE_REPORTS: dict[str, Callable[[list[Verdict]], str]] = {
    "text": text,
    "json": lambda verdicts: json_report.dumps([verdict.as_json() for verdict in verdicts]),
    "csv": lambda verdicts: rows_as_csv(COLUMNS, _rows(verdicts)),
    "markdown": lambda verdicts: (
        "\n".join(markdown_table(COLUMNS, [tuple(row[c] for c in COLUMNS) for row in _rows(verdicts)])) + "\n"
    ),
}
"""By the name that --format takes."""
