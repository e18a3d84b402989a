"""Is there a way to place the classes on given nodes? A placement says yes, a cut says no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gpumix_referee.splitting.scaled import Cut, ScaledTraffic, cut_of

ROUNDS = 24
"""Steps in search of a violated cut; it is found in the first few or, mostly, not at all."""

FINENESS = (1 << 6, 1 << 12, 1 << 24)
"""Largest integer weight of a cut: small weights round up more, large ones follow the dual closer."""


@dataclass(frozen=True)
class Placement:
    """Nodes, and the share of each class on each type."""

    nodes: tuple[int, ...]
    shares: tuple[tuple[Fraction, ...], ...]


def place(case: ScaledTraffic, nodes: Sequence[int], weights: Sequence[float] | None = None) -> Placement | None:
    """Place the classes greedily, those first that would lose most elsewhere; None when they do not fit this way."""
    worth = weights or case.prices
    free = [count * case.scale for count in nodes]
    ways = []
    for number, row in enumerate(case.high):
        usable = sorted((worth[t] * one, t, one) for t, one in enumerate(row) if one is not None and free[t])
        if not usable:
            return None
        loss = math.inf if len(usable) == 1 else (usable[1][0] - usable[0][0]) / (usable[0][0] or 1)
        ways.append((-loss, number, usable))
    ways.sort()
    shares: list[tuple[Fraction, ...]] = [()] * len(case.high)
    for _, number, usable in ways:
        mine = [Fraction(0)] * len(nodes)
        left: int | Fraction = case.parts
        for _, t, one in usable:
            fits = free[t] // one if case.sliced else Fraction(free[t], one)
            taken = min(left, fits)
            free[t] -= taken * one  # type: ignore[assignment]
            mine[t] = Fraction(taken, case.parts)
            left -= taken
            if not left:
                break
        if left:
            return None
        shares[number] = tuple(mine)
    return Placement(tuple(nodes), tuple(shares))


def violated_cut(
    case: ScaledTraffic, nodes: Sequence[int], start: Sequence[float] = ()
) -> tuple[Cut | None, Sequence[float]]:
    """Climb towards weights whose cut the nodes break; return it, or None and the last weights.

    The weights of types that overflow when every class goes where it is weighted least rise, those of idle types fall.
    """
    weights = list(start) or [float(price) for price in case.prices]
    scale = case.scale / case.parts
    rows = [[None if one is None else one / scale for one in row] for row in case.low]
    best, kept = -math.inf, list(weights)
    for step in range(ROUNDS):
        loads, value = [0.0] * len(nodes), 0.0
        for row in rows:
            least, where = math.inf, 0
            for t, one in enumerate(row):
                if one is not None and one * weights[t] < least:
                    least, where = one * weights[t], t
            value += least
            loads[where] += row[where] or 0.0
        value -= sum(w * count for w, count in zip(weights, nodes, strict=True))
        if value > best:
            best, kept = value, list(weights)
        if value > -1e-9 * max(weights):
            cut = cut_against(case, nodes, weights)
            if cut is not None:
                return cut, weights
        excess = [(load - count) / (load + count + 0.5) for load, count in zip(loads, nodes, strict=True)]
        power = 2.0 / (1 + step / 3)
        weights = [max(w * math.exp(power * over), 1e-9) for w, over in zip(weights, excess, strict=True)]
        top = max(weights)
        weights = [w / top for w in weights]
    return None, kept


def cut_against(case: ScaledTraffic, nodes: Sequence[int], weights: Sequence[float]) -> Cut | None:
    """Return a cut of nearly these weights that the nodes break, with the smallest integers that do; None without."""
    top = max(weights)
    for fine in FINENESS:
        cut = cut_of(case, [round(fine * w / top) for w in weights])
        if cut.short(nodes):
            return cut
    return None
