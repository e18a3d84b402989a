"""The nodes of a plan as rows for a spreadsheet."""

from __future__ import annotations

import csv
import io

from optimizer.reports.wording_of_time import nodes_by_hour
from optimizer.schema.plan import Plan

COLUMNS = ("problem", "status", "offer_id", "gpu_id", "gpu_count", "kind", "term_months", "provider", "region", "count",
           "usd_per_month", "price_as_of", "price_evidence", "source_url", "usd_per_hour_each", "usd_per_month_low",
           "usd_per_month_high", "from_overlay")
"""Added to, never renamed."""

TIME_COLUMNS = ("node_hours_per_month", "nodes_by_hour")
"""Of a plan with a timetable: the second lists the nodes that are there, hour after hour."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run text that starts so."""


def harmless(cell: object) -> object:
    """Keep a spreadsheet from running text as a formula, and from ending a row inside a cell.

    >>> harmless("=1+1"), harmless("aws"), harmless(-1.5)
    ("'=1+1", 'aws', -1.5)
    """
    if not isinstance(cell, str):
        return cell
    quoted = f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
    return quoted.replace("\r\n", "\n").replace("\r", "\n")  # the writer quotes only its own line ends


def rows_as_csv(columns: tuple[str, ...], rows: list[dict[str, object]]) -> str:
    """Write rows under a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(row.get(name, "")) for name in columns} for row in rows)
    return out.getvalue()


def render(plan: Plan) -> str:
    """Render a plan as CSV, one row for each offer; a plan without nodes has one row with its status.

    A plan hour by hour has two columns more.
    """
    base: dict[str, object] = {"problem": plan.problem, "status": plan.status}
    rows = [{**base, **node.model_dump(mode="json")} for node in plan.nodes] or [base]
    if plan.timetable is None:
        return rows_as_csv(COLUMNS, rows)
    by_hour = nodes_by_hour(plan.timetable)
    timed = [{**row, "nodes_by_hour": " ".join(map(str, by_hour[str(row["offer_id"])]))} for row in rows]
    return rows_as_csv((*COLUMNS, *TIME_COLUMNS), timed)
