"""The frontier as a table, as CSV, and as JSON."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.frontier import Frontier
from optimizer.reports import json_report
from optimizer.reports.csv_report import rows_as_csv
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, wrap
from optimizer.reports.wording import mix_of, money

COLUMNS = ("tokens_per_s_per_user", "grade", "usd_per_month", "evidence", "robust", "nodes")


def _rows(frontier: Frontier) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for point in frontier.points:
        service = next(s for s in point.plan.services if s.service_id == frontier.service_id)
        evidence = sorted({d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id})
        rows.append({
            "tokens_per_s_per_user": f"{point.tokens_per_s_per_user:.2f}", "grade": service.grade or "-", "usd_per_month": f"{point.usd_per_month:.2f}",
            "evidence": "+".join(evidence), "robust": "yes" if point.robust else "no", "nodes": mix_of(point.plan.nodes),
        })
    return rows


def _range(frontier: Frontier) -> str:
    high = "the fastest" if frontier.high is None else f"{frontier.high:g}"
    whole = "complete and proven" if frontier.complete else "not complete: a limit was reached"
    return f"{frontier.service_id}, {frontier.low:g} tokens/s to {high}: {len(frontier.points)} plans, {whole}"


def text(frontier: Frontier) -> str:
    """Render the frontier for the terminal: one line a point, its nodes below."""
    lines = [paint(f"{frontier.problem}: cost against user speed", BOLD), *wrap(_range(frontier)), "",
             "   tokens/s  grade      USD/month  evidence      robust"]
    for row, point in zip(_rows(frontier), frontier.points, strict=True):
        lines.append(f"  {point.tokens_per_s_per_user:9.1f}  {row['grade']!s:<5}  {money(point.usd_per_month):>13}  {row['evidence']!s:<12}  {row['robust']}")
        lines += [paint(line, DIM) for line in wrap(str(row["nodes"]), "             ")]
    if not frontier.points:
        lines += wrap("no plan keeps every rule at any speed in this range")
    return "\n".join(lines) + "\n"


def csv_text(frontier: Frontier) -> str:
    """Render the frontier as CSV."""
    return rows_as_csv(COLUMNS, _rows(frontier))


def json_text(frontier: Frontier) -> str:
    """Render the frontier as JSON."""
    return json_report.dumps(frontier.as_json())


def markdown(frontier: Frontier) -> str:
    """Render the frontier as Markdown."""
    rows: list[tuple[object, ...]] = [tuple(row[name] for name in COLUMNS) for row in _rows(frontier)]
    return "\n".join([f"# {frontier.problem}: cost against user speed\n", f"{_range(frontier)}\n", *markdown_table(COLUMNS, rows)]) + "\n"


FRONTIER_REPORTS: dict[str, Callable[[Frontier], str]] = {"text": text, "json": json_text, "csv": csv_text, "markdown": markdown}
"""By the name that --format takes."""
