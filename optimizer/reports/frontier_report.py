"""The frontier as a table, as CSV, and as JSON."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.frontier import Frontier, FrontierPoint, picks
from optimizer.frontier.picks import asked_value
from optimizer.reports import json_report
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, wrap
from optimizer.reports.wording import counted, local_amount, mix_of, money

COLUMNS = ("tokens_per_s_per_user", "grade", "usd_per_month", "evidence", "robust", "nodes", "asked", "value",
           "value_low", "value_high", "picks", "change")
"""Added to, never renamed."""

TITLES = {
    "speed": "cost against user speed", "users": "cost against demand", "losses": "cost against lost nodes survived",
    "ttft": "cost against time to first token",
}

HEADERS = {"speed": "tokens/s", "users": "demand", "losses": "lost nodes", "ttft": "TTFT ms"}

ROBUST = "robust: no error bar of a neighbour meets this one, so that no measurement can change their order"

WORSE = {
    "speed": "is slower", "users": "serves fewer", "losses": "survives fewer losses", "ttft": "answers later"
}


def rising(frontier: Frontier) -> tuple[FrontierPoint, ...]:
    """Return the points from the cheapest on."""
    return frontier.points[::-1] if frontier.axis == "ttft" else frontier.points


def shown(frontier: Frontier, value: float) -> str:
    """Write a value of the axis."""
    whole = frontier.axis in ("users", "losses") and value == int(value)
    return f"{value:,.0f}" if whole or frontier.axis == "ttft" else f"{value:,.3f}" if frontier.axis == "users" \
        else f"{value:.1f}"


def _asked(frontier: Frontier) -> FrontierPoint | None:
    """Return the cheapest point that keeps what the problem asks for."""
    asked = asked_value(frontier)
    return None if asked is None else frontier.point_at(asked)


def change_between(before: FrontierPoint | None, point: FrontierPoint) -> str:
    """Say which nodes come and go from one point to the next."""
    if before is None:
        return ""
    old = {node.offer_id: node.count for node in before.plan.nodes}
    new = {node.offer_id: node.count for node in point.plan.nodes}
    parts = [
        f"{new.get(offer, 0) - old.get(offer, 0):+d} {offer}"
        for offer in sorted(old.keys() | new.keys()) if new.get(offer, 0) != old.get(offer, 0)
    ]
    return ", ".join(parts) or _engine_change(before, point)


def _engine_change(before: FrontierPoint, point: FrontierPoint) -> str:
    """Say which setting changes on the same nodes."""
    def settings(plan_point: FrontierPoint) -> list[str]:
        """List engine, precision, tensor parallel of each deployment."""
        return sorted(f"{d.engine_id} {d.precision} tp {d.tp_size}" for d in plan_point.plan.deployments)

    return "the same nodes" if settings(before) == settings(point) else "the same nodes: " + ", ".join(settings(point))


def _rows(frontier: Frontier) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    answer, named = _asked(frontier), picks(frontier)
    before = None
    for point in rising(frontier):
        service = next(s for s in point.plan.services if s.service_id == frontier.service_id)
        evidence = sorted({d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id})
        rows.append({
            "tokens_per_s_per_user": "" if point.tokens_per_s_per_user is None else
            f"{point.tokens_per_s_per_user:.2f}",
            "grade": service.grade or "",
            "usd_per_month": f"{point.usd_per_month:.2f}", "evidence": "+".join(evidence),
            "robust": "yes" if point.robust else "no", "nodes": mix_of(point.plan.nodes),
            "asked": "yes" if point is answer else "no",
            "value": f"{point.value:.6g}",
            "value_low": f"{point.value_low:.6g}", "value_high": f"{point.value_high:.6g}",
            "picks": ", ".join(pick.name for pick in named if pick.point is point),
            "change": change_between(before, point),
        })
        before = point
    return rows


def _range(frontier: Frontier) -> str:
    """Say what was searched: service, values, budget."""
    high = "up" if frontier.high is None else f"to {frontier.high:g}"
    budget = frontier.prepared.problem.limits.budget
    cap = f", within the budget of {budget.amount:,.0f} {budget.currency} a {budget.per}" if budget else ""
    return f"{frontier.service_id}: from {frontier.low:g} {high} ({frontier.unit}){cap}"


def _verdict(frontier: Frontier) -> str:
    """Say what was found, and whether it is all."""
    if frontier.points:
        found = counted(len(frontier.points), "plan")
        whole = f"{found}, complete and proven: every other one {WORSE[frontier.axis]} or costs more"
        return whole if frontier.complete else f"{found}, not complete: a limit was reached"
    return "no plan keeps every rule anywhere in this range: proven" if frontier.complete \
        else "a limit was reached before any plan was found"


def _legend(frontier: Frontier) -> list[str]:
    """Name the points a planner looks at, and say what the columns mean."""
    if not frontier.points:
        return []
    notes = []
    for pick in picks(frontier):
        value, cost = shown(frontier, pick.point.value), money(pick.point.usd_per_month)
        notes.append(f"{pick.name}: {value} {frontier.unit} at {cost} ({pick.why})")
    return [*notes, ROBUST]


def text(frontier: Frontier) -> str:
    """Render the frontier for the terminal: one line a point, its nodes and what changes below."""
    lines = [paint(f"{frontier.problem}: {TITLES[frontier.axis]}", BOLD)]
    lines += [*wrap(_range(frontier)), *wrap(_verdict(frontier))]
    answer = _asked(frontier)
    local = bool(frontier.points) and local_amount(frontier.points[0].plan.cost, 1.0) is not None
    if frontier.points:
        currency = f"  {frontier.points[0].plan.cost.currency + '/month':>15}" if local else ""
        lines += ["", f"  {HEADERS[frontier.axis]:>10}  grade      USD/month{currency}  evidence      robust"]
    for row, point in zip(_rows(frontier), rising(frontier), strict=True):
        amount = f"  {local_amount(point.plan.cost, point.usd_per_month):>15}" if local else ""
        mark = "*" if point is answer else " "
        value = f"{mark}{shown(frontier, point.value):>11}  {row['grade'] or '-'!s:<5}"
        lines.append(f"{value}  {money(point.usd_per_month):>13}{amount}  {row['evidence']!s:<12}  {row['robust']}")
        lines += [paint(line, DIM) for line in wrap(str(row["nodes"]), "        ", "      ")]
    star = ["*: the cheapest plan that keeps what the problem asks for"] if answer else []
    legend = [line for note in (*star, *_legend(frontier)) for line in wrap(note, "    ", "  ")]
    return "\n".join([*lines, *([""] if legend else []), *legend]) + "\n"


def csv_text(frontier: Frontier) -> str:
    """Render the frontier as CSV."""
    return rows_as_csv(COLUMNS, _rows(frontier))


def json_text(frontier: Frontier) -> str:
    """Render the frontier as JSON, with the picks by value."""
    named = [{"name": p.name, "rule": p.why, "value": p.point.value, "usd_per_month": p.point.usd_per_month}
             for p in picks(frontier)]
    return json_report.dumps({**frontier.as_json(), "picks": named})


def markdown(frontier: Frontier) -> str:
    """Render the frontier as Markdown."""
    names = ("value", "grade", "usd_per_month", "evidence", "robust", "nodes", "change", "picks")
    rows: list[tuple[object, ...]] = [tuple(row[name] or "-" for name in names) for row in _rows(frontier)]
    header = (frontier.unit, "grade", "USD/month", "evidence", "robust", "nodes", "change", "pick")
    lines = [f"# {cell(frontier.problem)}: {TITLES[frontier.axis]}\n"]
    lines += [f"{cell(_range(frontier))}\n", f"{_verdict(frontier)}\n"]
    if rows:
        lines += [*markdown_table(header, rows), "", *(f"- {cell(note)}" for note in _legend(frontier))]
    return "\n".join(lines) + "\n"


FRONTIER_REPORTS: dict[str, Callable[[Frontier], str]] = {
    "text": text, "json": json_text, "csv": csv_text, "markdown": markdown,
}
"""By the name that --format takes."""
