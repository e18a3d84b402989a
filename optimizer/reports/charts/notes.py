"""The small print below a chart: what it rests on, and how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optimizer.frontier import Frontier
from optimizer.messages import Message
from optimizer.reports.charts.scales import Scales
from optimizer.schema.base import EVIDENCE_ORDER


def notes_of(frontier: Frontier, outside: Sequence[str], scales: Scales) -> tuple[Message, ...]:
    """Return the sentences below a chart, the sources last."""
    notes = [_verdict(frontier), Message("chart.both", first=_evidence(frontier), second=_robust(frontier))]
    outer = [Message("chart.outside", text=text) for text in outside]
    if scales.bars_cut:
        outer.append(Message("chart.bars-cut"))
    if outer:
        joined = outer[0]
        for following in outer[1:]:
            joined = Message("chart.both", first=joined, second=following)
        notes.append(joined)
    return (*notes, _sources(frontier))


def _verdict(frontier: Frontier) -> Message:
    """Say whether the points are all there are."""
    ident = f"chart.complete-{frontier.axis}" if frontier.complete else "chart.incomplete"
    return Message(ident, n=len(frontier.points))


def _evidence(frontier: Frontier) -> Message:
    """Count the points by the worst evidence of the service's speeds."""
    found: Counter[str] = Counter()
    for point in frontier.points:
        mine = [d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id]
        found[max(mine, key=EVIDENCE_ORDER.index, default="estimated")] += 1
    told = tuple(Message(f"chart.count-{evidence}", count=found[evidence])
                 for evidence in EVIDENCE_ORDER if found[evidence])
    bars = found["estimated"] or found["interpolated"]
    return Message("chart.speeds-bars" if bars else "chart.speeds", told=told)


def _robust(frontier: Frontier) -> Message:
    """Say what robust means, or that no point is."""
    if any(point.robust for point in frontier.points):
        return Message("chart.some-robust")
    return Message("chart.none-robust")


def _sources(frontier: Frontier) -> Message:
    """Name catalog and version, and the dates of the prices."""
    inputs = frontier.points[0].plan.inputs
    dates = sorted({node.price_as_of for point in frontier.points for node in point.plan.nodes})
    span = Message("chart.span", first=dates[0], last=dates[-1]) if len(dates) > 1 else Message.quoted(dates[0])
    catalog = Message.quoted(inputs.catalog_sha256[:12])
    if inputs.overlays:
        catalog = Message("chart.catalog-overlays", n=len(inputs.overlays), catalog=catalog)
    return Message("chart.sources", span=span, catalog=catalog, version=inputs.gpumix_version)
