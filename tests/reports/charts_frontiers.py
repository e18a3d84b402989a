"""Frontiers for the tests of charts: shipped problems, and a tiny one made by hand."""

from __future__ import annotations

from functools import cache

from optimizer.frontier import Frontier, single_gpu_curves, trace_frontier
from optimizer.frontier.points import AxisName
from optimizer.load import load_catalog, load_problem
from optimizer.load.problem import with_known_shapes
from optimizer.reports.charts.curves import Curve, Vertex
from optimizer.reports.charts.data import FrontierChart, Mark, chart_data
from optimizer.reports.charts.scales import Guide, scales_of
from optimizer.solve import SolveSettings

SETTINGS = SolveSettings()


@cache
def shipped_frontier(name: str, axis: AxisName) -> tuple[Frontier, dict[str, tuple[Vertex, ...]]]:
    """Trace a shipped problem's frontier and its curves of single GPU types."""
    loaded = load_problem(name)
    catalog = load_catalog(references=None if loaded.own_models else {s.model for s in loaded.problem.services})
    if loaded.own_models:
        loaded = with_known_shapes(loaded, catalog)
    frontier = trace_frontier(loaded, catalog, SETTINGS, axis)
    return frontier, single_gpu_curves(frontier, SETTINGS)


def shipped_chart(name: str, axis: AxisName) -> FrontierChart:
    """Prepare the chart of a shipped problem."""
    return chart_data(*shipped_frontier(name, axis))


def mark(value: float, cost: float, **given: object) -> Mark:
    """Make a measured point of one A40."""
    plain: dict[str, object] = {
        "low": value, "high": value, "evidence": "measured", "robust": False, "asked": False, "picks": (),
        "mix": ("1 x A40 (Runpod)",), "details": ("1 x a40",),
    }
    return Mark(value=value, cost=cost, **{**plain, **given})  # type: ignore[arg-type]


def tiny(*marks: Mark, target: float | None = None, budget: float | None = None, **given: object) -> FrontierChart:
    """Make the chart of a few points."""
    guide, cap = target and Guide(target, f"target {target:g}"), budget and Guide(budget, f"budget {budget:g}")
    scales = scales_of([(m.value, m.low, m.high, m.cost) for m in marks], guide or None, cap or None, False)
    steps = tuple((m.value, m.cost) for m in marks)
    curves = (Curve("A40", steps),) if steps[1:] else ()
    plain: dict[str, object] = {
        "title": "desk: cost against user speed", "subtitle": "chat", "value_title": "tokens/s", "cost_title": "cost",
        "currency": "USD", "whole_values": False, "falling": False, "curves": curves,
        "curves_found": 1, "bands": (), "notes": ("2 plans.", "Prices of 2026."),
    }
    return FrontierChart(
        marks=marks, steps=steps, target=guide or None, budget=cap or None, scales=scales, **{**plain, **given}
    )  # type: ignore[arg-type]
