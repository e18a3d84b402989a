"""The signs of a chart of a frontier and what they mean, only those that occur."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.messages import Message
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
    return ", ".join(guide.name for guide in (chart.target, chart.budget) if guide)


def signs_of(chart: FrontierChart) -> list[Sign]:
    """List the signs that a chart uses."""
    evidence, say = {mark.evidence for mark in chart.marks}, chart.say
    offered = (
        (True, Sign(say(Message("chart.frontier")), line=True, line_width=2.0)),
        (any(mark.asked for mark in chart.marks), Sign(say(Message("pick.name-asked")), look.ACCENT, ring=True)),
        ("measured" in evidence, Sign(say(Message("chart.measured")), filled=True)),
        ("interpolated" in evidence, Sign(say(Message("chart.interpolated")), dotted=True)),
        ("estimated" in evidence, Sign(say(Message("chart.estimated")))),
        (any(mark.robust for mark in chart.marks), Sign(say(Message("chart.robust")), marker="D")),
        (any(mark.low < mark.high for mark in chart.marks), Sign(say(Message("chart.error-bar")), line=True)),
        (bool(chart.curves), Sign(say(Message("chart.one-type")), look.BACKGROUND_LINES[0], line=True)),
        (bool(chart.target or chart.budget), Sign(_guides(chart), look.LIMIT, line=True, line_style="--")),
    )
    return [sign for used, sign in offered if used]
