"""Traffic in whole numbers, and the cuts that every number of nodes must keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gpumix_referee.splitting.split import Traffic

SCALE_BITS = 40
"""Loads are rounded to this fine a part of a node where no smaller common denominator makes them whole."""

LOAD_BITS = 60
"""The whole load stays below this many bits: the solver's integers have 63."""


@dataclass(frozen=True)
class ScaledTraffic:
    """Integers of one question; `low` <= exact load <= `high`, equal where `exact`."""

    prices: tuple[int, ...]
    """In `unit`, by node type; their greatest common divisor is 1."""
    unit: Fraction
    """US dollars an hour."""
    low: tuple[tuple[int | None, ...], ...]
    """By class and node type: 1/scale nodes that one part of the class fills, rounded down."""
    high: tuple[tuple[int | None, ...], ...]
    """The same, rounded up."""
    scale: int
    parts: int
    """Equal parts of each class: the slices, or 1 where it is split freely."""
    sliced: bool
    exact: bool

    @property
    def types(self) -> range:
        """Positions of the node types."""
        return range(len(self.prices))

    def cost(self, nodes: Sequence[int]) -> int:
        """Return what nodes cost, in `unit`."""
        return sum(price * count for price, count in zip(self.prices, nodes, strict=True))


@dataclass(frozen=True, slots=True)
class Cut:
    """sum weights x nodes >= least, kept by every number of nodes that carries the traffic."""

    weights: tuple[int, ...]
    least: int

    @classmethod
    def of(cls, weights: Sequence[int], least: int) -> Cut:
        """Return a cut with no weight above what it asks for: one node of such a type keeps it, as before."""
        return cls(tuple(min(weight, max(least, 0)) for weight in weights), least)

    def short(self, nodes: Sequence[int]) -> bool:
        """Say whether nodes break the cut."""
        return sum(map(int.__mul__, self.weights, nodes)) < self.least


def scaled(traffic: Traffic) -> ScaledTraffic:
    """Turn traffic into integers: exactly where a common denominator is small, else rounded both ways."""
    parts = traffic.slices or 1
    rows = [[None if one is None else one / parts for one in row] for row in traffic.nodes_needed]
    total = sum(max((one for one in row if one is not None), default=Fraction(0)) for row in traffic.nodes_needed)
    finest = 1 << max(0, min(SCALE_BITS, LOAD_BITS - math.ceil(total).bit_length()))
    common = 1
    for one in (one for row in rows for one in row if one is not None):
        common = math.lcm(common, one.denominator)
        if common > finest:
            break
    exact = common <= finest
    scale = common if exact else finest
    low = tuple(
        tuple(None if one is None else one.numerator * scale // one.denominator for one in row) for row in rows)
    high = low if exact else tuple(tuple(None if one is None else one + 1 for one in row) for row in low)
    bottom = math.lcm(*(price.denominator for price in traffic.usd_per_hour))
    prices = [price.numerator * (bottom // price.denominator) for price in traffic.usd_per_hour]
    shared = math.gcd(*prices) or 1
    whole = tuple(price // shared for price in prices)
    return ScaledTraffic(
        whole, Fraction(shared, bottom), low, high, scale, parts, traffic.slices is not None, exact)


def cut_of(case: ScaledTraffic, weights: Sequence[int], within: frozenset[int] | None = None) -> Cut:
    """Return the cut of weights u >= 0: sum u_t y_t >= sum over classes of min_t u_t a_ct, rounded up.

    It holds for any u: a class sends every share somewhere, at no less than its smallest weighted load (the dual of the
    split). Counts are whole, so the right side rounds up. `within` weighs types outside at infinity: only classes that
    must stay inside count.
    """
    total = 0
    for row in case.low:
        least = None
        for one, weight, place in zip(row, weights, case.types, strict=True):
            if one is None:
                continue
            if within is not None and place not in within:
                least = 0
                break
            if least is None or one * weight < least:
                least = one * weight
        total += least or 0
    inside = tuple(w if within is None or t in within else 0 for t, w in zip(case.types, weights, strict=True))
    return Cut.of(inside, -(-case.parts * total // case.scale))


def opening_cuts(case: ScaledTraffic) -> list[Cut]:
    """Return cuts to start from: by price, and for each set of types that some class cannot leave."""
    ones = (1,) * len(case.prices)
    cuts = [cut_of(case, case.prices), cut_of(case, ones)]
    for inside in sorted({frozenset(t for t in case.types if row[t] is not None) for row in case.low}, key=sorted):
        if len(inside) < len(case.prices):
            cuts += [cut_of(case, case.prices, inside), cut_of(case, ones, inside)]
    return list(dict.fromkeys(cuts))
