"""The frontier as a document: its points, the ones a planner looks at, and what the columns mean."""

from __future__ import annotations

from optimizer.documents.cells import Amount, Money, Number, Word
from optimizer.documents.document import Document, Figure, Piece, Records, bullets, document, paragraph, section, table
from optimizer.frontier import Frontier, FrontierPoint, picks
from optimizer.frontier.picks import asked_value
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.reports.wording import mix_of

COLUMNS = ("tokens_per_s_per_user", "grade", "usd_per_month", "evidence", "robust", "nodes", "asked", "value",
           "value_low", "value_high", "picks", "change")
"""Added to, never renamed."""


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


def change_between(before: FrontierPoint | None, point: FrontierPoint) -> Message | str:
    """Say which nodes come and go from one point to the next."""
    if before is None:
        return ""
    old = {node.offer_id: node.count for node in before.plan.nodes}
    new = {node.offer_id: node.count for node in point.plan.nodes}
    parts = tuple(
        f"{new.get(offer, 0) - old.get(offer, 0):+d} {offer}"
        for offer in sorted(old.keys() | new.keys()) if new.get(offer, 0) != old.get(offer, 0))
    return Message("gives.survive", parts=parts) if parts else _engine_change(before, point)


def _engine_change(before: FrontierPoint, point: FrontierPoint) -> Message:
    """Say which setting changes on the same nodes."""
    def settings(plan_point: FrontierPoint) -> list[str]:
        """List engine, precision, tensor parallel of each deployment."""
        return sorted(f"{d.engine_id} {d.precision} tp {d.tp_size}" for d in plan_point.plan.deployments)

    if settings(before) == settings(point):
        return Message("frontier.same-nodes")
    return Message("frontier.same-nodes-other", settings=tuple(settings(point)))


def records(frontier: Frontier) -> list[dict[str, object]]:
    """Return a row for each point, cheapest first."""
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


def _range(frontier: Frontier) -> Message:
    """Say what was searched: service, values, budget."""
    told = {"service": frontier.service_id, "low": frontier.low, "unit": frontier.unit}
    found = Message("frontier.range-up", **told) if frontier.high is None else Message(
        "frontier.range", high=frontier.high, **told)
    budget = frontier.prepared.problem.limits.budget
    if budget is None:
        return found
    return Message("frontier.within", range=found, amount=budget.amount, currency=budget.currency, per=budget.per)


def _verdict(frontier: Frontier) -> Message:
    """Say what was found, and whether it is all."""
    if frontier.points:
        return Message(f"chart.complete-{frontier.axis}" if frontier.complete else "chart.incomplete",
                       n=len(frontier.points))
    return Message("frontier.none" if frontier.complete else "frontier.none-limit")


def frontier_document(frontier: Frontier, drawn: bool = False) -> Document:
    """Put a frontier into a document.

    Args:
        frontier: its points, and how they were found.
        drawn: whether there is a picture `frontier` of it.
    """
    answer, named, rows, points = _asked(frontier), picks(frontier), records(frontier), rising(frontier)
    local = points[0].plan.cost if points and points[0].plan.cost.fx_rate_per_usd else None
    rate = local.fx_rate_per_usd or 1.0 if local else 1.0
    cells: list[tuple[Piece | None, ...]] = [
        (Number(point.value, ",.0f" if shown(frontier, point.value).isdigit() else ",.1f"), str(row["grade"]) or None,
         Money(point.usd_per_month), *([Amount(point.usd_per_month * rate, local.currency)] if local else []),
         Word(str(row["evidence"])), Word(str(row["robust"])),
         Message("frontier.pick-names", names=tuple(pick.name for pick in named if pick.point is point))
         if row["picks"] else "*" if point is answer else "")
        for row, point in zip(rows, points, strict=True)]
    details = [Message("frontier.detail", mix=mix_of(point.plan.nodes), change=row["change"])
               if row["change"] else mix_of(point.plan.nodes) for row, point in zip(rows, points, strict=True)]
    header = (Message(f"frontier.head-{frontier.axis}"), *heads("grade", "usd-month"),
              *([Message("head.local-month", currency=local.currency)] if local else []),
              *heads("evidence", "robust", "pick"))
    told = [Message("frontier.pick", name=pick.name, value=shown(frontier, pick.point.value), unit=frontier.unit,
                    usd=pick.point.usd_per_month, why=pick.why) for pick in named]
    legend = [*told, Message("chart.some-robust" if any(point.robust for point in points) else "chart.none-robust")] \
        if points else []
    return document(
        Message(f"frontier.title-{frontier.axis}", problem=frontier.problem),
        [section("found", "", paragraph(_range(frontier)), paragraph(_verdict(frontier)),
                 Figure("frontier", "") if drawn else None),
         section("points", Message("frontier.points"), table(header, cells, details=details)),
         section("picks", Message("frontier.picks"), bullets(legend))],
        records=Records(COLUMNS, tuple(rows)), data=lambda: data(frontier))


def data(frontier: Frontier) -> dict[str, object]:
    """Return the frontier for other programs, with the picks by value."""
    named = [{"name": p.name, "rule": p.why, "value": p.point.value, "usd_per_month": p.point.usd_per_month}
             for p in picks(frontier)]
    return {**frontier.as_json(), "picks": named}
