"""Staircases of cost, and which curves of single GPU types stand behind a frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optimizer.reports.charts.scales import Scales

Vertex = tuple[float, float]
"""A value and its cost."""

MOST_CURVES = 6
"""More thin lines than this cannot be told apart."""

NEAR = 1.5
"""A curve is near the frontier when it costs at most this many times as much somewhere."""

LEVEL_END = 2.0
"""The level start of a curve is not drawn where it costs more than this many times the frontier."""

FAR = 3.0
"""What a curve counts as where it costs more than this many times the frontier, or does not reach."""


@dataclass(frozen=True)
class Curve:
    """The cheapest plans of one GPU type."""

    name: str
    steps: tuple[Vertex, ...]

    def ends(self, falling: bool) -> tuple[Vertex, ...]:
        """Return where its name may stand: where it leaves the picture on its dear side, then ever farther inside."""
        inwards = self.steps if falling else self.steps[::-1]
        return inwards[: max(2, len(inwards) // 2)]


def cost_at(corners: Sequence[Vertex], value: float, falling: bool) -> float | None:
    """Return the least cost that keeps a value: of the points at it or stricter; None when none is."""
    kept = [cost for at, cost in corners if (at <= value if falling else at >= value)]
    return min(kept, default=None)


def staircase(corners: Sequence[Vertex], scales: Scales, loosest: float, falling: bool) -> tuple[Vertex, ...]:
    """Return the line of the least cost for each value, inside the picture.

    It runs level from just above one point to the next stricter one, and from the cheapest point to the loosest value.
    """
    ordered = sorted(corners)
    line: list[Vertex] = []
    if falling:
        for (value, cost), (following, _) in pairwise([*ordered, (max(loosest, ordered[-1][0]), 0.0)]):
            line += [(value, cost), (following, cost)]
    else:
        left = loosest
        for value, cost in ordered:
            line += [(min(left, value), cost), (value, cost)]
            left = value
    return _inside(line, scales)


def _inside(line: Sequence[Vertex], scales: Scales) -> tuple[Vertex, ...]:
    """Cut a staircase at the edges; it crosses the upper one only upright, and the sides only level."""
    kept: list[Vertex] = []
    for (value, cost), (_, other) in zip(line, [*line[1:], line[-1]], strict=True):
        at = min(max(value, scales.value_low), scales.value_high)
        if cost <= scales.cost_high:
            kept.append((at, cost))
            if other > scales.cost_high:
                kept.append((at, scales.cost_high))
        elif other <= scales.cost_high:
            kept.append((at, scales.cost_high))
    return tuple(dict.fromkeys(kept))


def _loosest(cheapest: Vertex, frontier: Sequence[Vertex], loosest: float, falling: bool) -> float:
    """Return the loosest value at which a curve is drawn: its level end is cut where it costs over LEVEL_END."""
    value, cost = cheapest
    steps = sorted(frontier, reverse=falling)
    for i, (_, best) in enumerate(steps):
        if cost <= best * LEVEL_END:
            start = steps[i - 1][0] if i else loosest
            return max(start, value) if falling else min(start, value)
    return value


def _ratio(cost: float | None, best: float) -> float:
    """Return how many times the least cost another one is, FAR at most."""
    if cost is None or cost > FAR * best:
        return FAR
    return cost / best if best else 1.0


def nearest_curves(
    found: Mapping[str, Sequence[Vertex]], frontier: Sequence[Vertex], scales: Scales, loosest: float, falling: bool
) -> tuple[Curve, ...]:
    """Return the few curves that lie nearest the frontier, nearest first."""
    ranked = []
    for name, corners in found.items():
        costs = [(cost_at(corners, value, falling), cost) for value, cost in frontier]
        ratios = [_ratio(mine, best) for mine, best in costs]
        if min(ratios) <= NEAR:
            ranked.append((sum(ratios) / len(ratios), name, corners))
    curves = []
    for _, name, corners in sorted(ranked)[:MOST_CURVES]:
        cheapest = min(corners, key=lambda vertex: vertex[1])
        steps = staircase(corners, scales, _loosest(cheapest, frontier, loosest, falling), falling)
        if len(steps) > 1:
            curves.append(Curve(name, steps))
    return tuple(curves)
