"""How far the axes of a chart of costs reach, and whether cost is drawn on a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOG_FOLD = 20.0
"""Costs that differ by more than this are drawn on a log scale: on a linear one the cheap plans would lie on a line."""

REACH = 1.6
"""A target or budget farther off than this many times the largest point is told below the picture, not drawn in it."""

LOG_FOOT = 2.2
"""A log scale starts at this part of the least cost, so that the cheapest point can be named below."""

BAR_REACH = 1.5
"""Error bars are cut at this many times the largest value, so that one wide bar does not squeeze the picture."""

MARGIN = 0.05
"""Free part of the value axis at each end."""


@dataclass(frozen=True)
class Guide:
    """A straight line across the picture, with its name."""

    at: float
    text: str
    name: str = ""
    """In the legend."""


@dataclass(frozen=True)
class Scales:
    """What the axes span."""

    value_low: float
    value_high: float
    cost_low: float
    cost_high: float
    log_cost: bool
    bars_cut: bool
    """Whether an error bar goes on outside."""

    def holds_value(self, value: float) -> bool:
        """Say whether a value lies in the picture."""
        return self.value_low <= value <= self.value_high

    def holds_cost(self, cost: float) -> bool:
        """Say whether a cost lies in the picture."""
        return self.cost_low <= cost <= self.cost_high

    def along_value(self, value: float) -> float:
        """Return where a value lies: 0 at the left, 1 at the right."""
        return (value - self.value_low) / (self.value_high - self.value_low)

    def on_axis(self, cost: float) -> float:
        """Return a cost as the axis counts it: its logarithm to base 10 on a log scale."""
        return math.log10(cost) if self.log_cost else cost

    def along_cost(self, cost: float) -> float:
        """Return where a cost lies: 0 at the bottom, 1 at the top."""
        low, high = self.on_axis(self.cost_low), self.on_axis(self.cost_high)
        return (self.on_axis(cost) - low) / (high - low)


def scales_of(
    points: Sequence[tuple[float, float, float, float]], target: Guide | None, budget: Guide | None, whole: bool
) -> Scales:
    """Span (value, low, high, cost) of the points, and target and budget unless they lie far off.

    Args:
        points: at least one.
        target: a value asked for.
        budget: a cost not to be passed.
        whole: values are counts, a few of them: half a step is free at each end.
    """
    values, costs = [point[0] for point in points], [point[3] for point in points]
    most = max(values)
    lows, highs = [point[1] for point in points], [min(point[2], BAR_REACH * most) for point in points]
    near = [target.at] if target and min(values) / REACH <= target.at <= most * REACH else []
    low, high = min([*lows, *near]), max([*highs, *near, most])
    pad = 0.5 if whole else MARGIN * ((high - low) or abs(high) or 1.0)
    log = max(costs) > LOG_FOLD * min(costs) > 0
    top = max(costs) * (REACH if log else 1.15)
    if budget and budget.at <= max(costs) * REACH:
        top = max(top, budget.at * 1.06)
    return Scales(
        value_low=low - pad if whole or low < pad else max(0.0, low - pad),
        value_high=high + pad,
        cost_low=min(costs) / LOG_FOOT if log else 0.0,
        cost_high=top or 1.0,
        log_cost=log,
        bars_cut=any(point[2] > BAR_REACH * most for point in points),
    )
