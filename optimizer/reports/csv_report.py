"""The nodes of a plan as rows for a spreadsheet."""

from __future__ import annotations

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.documents.document import Records
from optimizer.plan.hours import timetable_of
from optimizer.reports.quarters_report import COLUMNS as QUARTER_COLUMNS
from optimizer.reports.quarters_report import Quarters, csv_rows
from optimizer.schema.plan import Plan

COLUMNS = ("problem", "status", "offer_id", "gpu_id", "gpu_count", "kind", "term_months", "provider", "region", "count",
           "usd_per_month", "price_as_of", "price_evidence", "source_url", "usd_per_hour_each", "usd_per_month_low",
           "usd_per_month_high", "from_overlay")
"""Added to, never renamed."""

TIME_COLUMNS = ("node_hours_per_month", "nodes_by_hour")
"""Of a plan by the hour: the second lists the nodes that are there, hour after hour."""


def records_of(plan: Plan) -> Records:
    """Return one row for each offer of a plan; a plan without nodes has one row with its status.

    A plan hour by hour has two columns more; a budget plan has a row for each quarter instead.
    """
    shown = Quarters.of(plan)
    if shown is not None:
        return Records(QUARTER_COLUMNS, tuple(csv_rows(shown)))
    base: dict[str, object] = {"problem": plan.problem, "status": plan.status}
    rows = [{**base, **node.model_dump(mode="json")} for node in plan.nodes] or [base]
    table = timetable_of(plan)
    if table is None or plan.roadmap is not None:
        return Records(COLUMNS, tuple(rows))
    by_hour = table.nodes_by_hour()
    timed = ({**row, "nodes_by_hour": " ".join(map(str, by_hour[str(row["offer_id"])]))} for row in rows)
    return Records((*COLUMNS, *TIME_COLUMNS), tuple(timed))


def render(plan: Plan) -> str:
    """Render a plan as CSV."""
    found = records_of(plan)
    return rows_as_csv(found.columns, found.rows)
