"""The picture of a specification: the frontier's chart in the document's language."""

from __future__ import annotations

from optimizer.documents.pictures import Picture
from optimizer.messages import Voice
from optimizer.reports.specification.findings import Findings
from optimizer.solve import SolveSettings

WIDTH_PX, PIXELS = 1000, 1300
"""Widths of the chart, drawn and as pixels: at the 174 mm of an A4 page its labels are about 7 points high."""


def draw_frontier(found: Findings, settings: SolveSettings, voice: Voice) -> Picture | None:
    """Draw the frontier in the language of a document; None where there is none."""
    if found.frontier is None:
        return None
    from optimizer.frontier import single_gpu_curves
    from optimizer.reports.charts.data import chart_data
    from optimizer.reports.charts.frontier_chart import render

    chart = chart_data(found.frontier, single_gpu_curves(found.frontier, settings)).said_by(voice.say)
    return Picture(render(chart, "svg", WIDTH_PX), render(chart, "png", PIXELS))
