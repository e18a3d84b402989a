"""The signs of a chart of a frontier and what they mean, only those that occur."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.reports.charts import look
from optimizer.reports.charts.data import FrontierChart


@dataclass(frozen=True)
class Sign:
    """One entry of a legend: a marker, or a piece of a line."""

    text: str
    colour: str = look.MAIN
    marker: str = "o"
    filled: bool = False
    dotted: bool = False
    ring: bool = False
    line: bool = False
    line_width: float = 1.0
    line_style: str = "-"


def _guides(chart: FrontierChart) -> str:
    """Name the straight lines."""
    return ", ".join(guide.text.split(" ")[0] for guide in (chart.target, chart.budget) if guide)


def signs_of(chart: FrontierChart) -> list[Sign]:
    """List the signs that a chart uses."""
    evidence, say = {mark.evidence for mark in chart.marks}, chart.say
    offered = (
        (True, Sign(say("frontier"), line=True, line_width=2.0)),
        (any(mark.asked for mark in chart.marks), Sign(say("asked"), look.ACCENT, ring=True)),
        ("measured" in evidence, Sign(say("measured"), filled=True)),
        ("interpolated" in evidence, Sign(say("interpolated"), dotted=True)),
        ("estimated" in evidence, Sign(say("estimated"))),
        (any(mark.robust for mark in chart.marks), Sign(say("robust"), marker="D")),
        (any(mark.low < mark.high for mark in chart.marks), Sign(say("error bar"), line=True)),
        (bool(chart.curves), Sign(say("one GPU type"), look.BACKGROUND_LINES[0], line=True)),
        (bool(chart.target or chart.budget), Sign(_guides(chart), look.LIMIT, line=True, line_style="--")),
    )
    return [sign for used, sign in offered if used]
