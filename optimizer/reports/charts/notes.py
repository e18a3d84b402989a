"""The small print below a chart: what it rests on, and how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optimizer.frontier import Frontier
from optimizer.reports.charts.scales import Scales
from optimizer.reports.frontier_report import ROBUST, WORSE
from optimizer.reports.wording import counted
from optimizer.schema.base import EVIDENCE_ORDER


def notes_of(frontier: Frontier, outside: Sequence[str], scales: Scales) -> tuple[str, ...]:
    """Return the sentences below a chart, the sources last."""
    notes = [_verdict(frontier), f"{_evidence(frontier)} {_robust(frontier)}"]
    cut = ["Error bars that reach the edge go on outside."] if scales.bars_cut else []
    outer = [f"{text[0].upper()}{text[1:]} lies outside the picture." for text in outside]
    if cut or outer:
        notes.append(" ".join([*outer, *cut]))
    return (*notes, _sources(frontier))


def _verdict(frontier: Frontier) -> str:
    """Say whether the points are all there are."""
    found = counted(len(frontier.points), "plan")
    if not frontier.complete:
        return f"{found}, not complete: a limit was reached."
    return f"{found}, complete and proven: every other one {WORSE[frontier.axis]} or costs more."


def _evidence(frontier: Frontier) -> str:
    """Count the points by the worst evidence of the service's speeds."""
    found: Counter[str] = Counter()
    for point in frontier.points:
        mine = [d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id]
        found[max(mine, key=EVIDENCE_ORDER.index, default="estimated")] += 1
    told = ", ".join(f"{found[evidence]} {evidence}" for evidence in EVIDENCE_ORDER if found[evidence])
    bars = "; bars show the error" if found["estimated"] or found["interpolated"] else ""
    return f"Speeds by point: {told}{bars}."


def _robust(frontier: Frontier) -> str:
    """Say what robust means, or that no point is."""
    if any(point.robust for point in frontier.points):
        return f"{ROBUST[0].upper()}{ROBUST[1:]}."
    return "No point is robust: each error bar meets a neighbour's, so that measurements could change their order."


def _sources(frontier: Frontier) -> str:
    """Name catalog and version, and the dates of the prices."""
    inputs = frontier.points[0].plan.inputs
    dates = sorted({node.price_as_of for point in frontier.points for node in point.plan.nodes})
    span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    overlays = f", with {counted(len(inputs.overlays), 'overlay')}" if inputs.overlays else ""
    return f"Prices of {span}; catalog {inputs.catalog_sha256[:12]}{overlays}; gpumix {inputs.gpumix_version}."
