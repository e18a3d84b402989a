"""Can classes be split over given nodes? Settled in floating point first, then proven in fractions.

    min z;  sum_t s_ct = 1;  sum_c a_ct s_ct <= z y_t;  s >= 0

The duals of the second rows are the weights of the cut that the counts y break when z > 1; when z < 1 every type has
room to spare, and rounding the shares does no harm. Some dozens of classes on a few types take a millisecond, less than
a solver's set-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from gpumix_referee.splitting.exact_split import exact_split
from gpumix_referee.splitting.placing import Placement, cut_against
from gpumix_referee.splitting.scaled import Cut, ScaledTraffic
from gpumix_referee.splitting.split import Traffic

Shares = tuple[tuple[Fraction, ...], ...]

TINY = 1e-11
"""What counts as 0 in the simplex table."""

MOST_STEPS = 2000
"""Steps of the simplex method, in case rounding makes it cycle; what it has then is checked all the same."""

ROUNDING = (10**4, 2**40)
"""Largest denominators of shares read from floating point, the simplest first."""


WHOLE = {0.0: Fraction(0), 1.0: Fraction(1)}
"""Most shares are one of these."""


def split_or_cut(traffic: Traffic, case: ScaledTraffic, counts: Sequence[int]) -> Placement | Cut:
    """Return exact shares with which freely split classes fit, or a cut that the counts break."""
    splits, weights = near_split(case, counts)
    fits = (Placement(tuple(counts), shares) for shares in splits if not overloaded(traffic, counts, shares))
    found = next(fits, None) or (cut_against(case, counts, weights) if any(weights) else None)
    return found or exact_split(traffic, counts)


def overloaded(traffic: Traffic, counts: Sequence[int], shares: Sequence[Sequence[Fraction]]) -> list[int]:
    """Return the node types whose exact load exceeds their nodes."""
    rows = list(zip(shares, traffic.nodes_needed, strict=True))
    loads = (sum((row[t] * (needed[t] or 0) for row, needed in rows), start=Fraction(0)) for t in range(len(counts)))
    return [t for t, (load, count) in enumerate(zip(loads, counts, strict=True)) if load > count]


def near_split(case: ScaledTraffic, counts: Sequence[int]) -> tuple[Iterator[Shares], list[float]]:
    """Return candidates for exact shares on these nodes, and the weights of the types."""
    used, unit = [t for t, count in enumerate(counts) if count], case.scale / case.parts
    rows = [[None if (one := row[t]) is None else one / unit / counts[t] for t in used] for row in case.high]
    if any(all(one is None for one in row) for row in rows):
        return iter(()), [float(count == 0) for count in counts]  # some class runs only on types without a node
    shares, duals = _least_utilisation(rows)
    full = [[0.0] * len(counts) for _ in rows]
    for row, mine in zip(full, shares, strict=True):
        for t, share in zip(used, mine, strict=True):
            row[t] = share
    prices = [min(one * dual for one, dual in zip(row, duals, strict=True) if one is not None) for row in rows]
    weights = [dual / counts[t] for t, dual in zip(used, duals, strict=True)]
    by_type = dict(zip(used, weights, strict=True))
    splits = (tuple(rounded(row, most) for row in full) for most in ROUNDING)
    return splits, [by_type.get(t) or _worth(case, prices, t, unit) for t in case.types]


def _worth(case: ScaledTraffic, prices: Sequence[float], t: int, unit: float) -> float:
    """Return the least weight of a type without a node at which no class would rather go there."""
    return max(
        (price * unit / one for price, row in zip(prices, case.high, strict=True) if (one := row[t])), default=0.0)


def _least_utilisation(loads: Sequence[Sequence[float | None]]) -> tuple[list[list[float]], list[float]]:
    """Return (shares, duals of the types) by the simplex method; columns are the pairs, the slacks, z, the right side.

    Each class starts where it fills least. z stays basic from the first step on, so that its row is the objective.
    """
    classes, types = len(loads), len(loads[0])
    pairs = [(c, t) for c, row in enumerate(loads) for t, one in enumerate(row) if one is not None]
    top = len(pairs) + types
    rows = [[0.0] * (top + 2) for _ in range(classes + types)]
    basis = [-1] * classes + [len(pairs) + t for t in range(types)]
    for column, (c, t) in enumerate(pairs):
        one = loads[c][t] or 0.0
        rows[c][column], rows[classes + t][column] = 1.0, one
        if basis[c] < 0 or one < (loads[c][pairs[basis[c]][1]] or 0.0):
            basis[c] = column
    for c in range(classes):
        rows[c][-1] = 1.0
    for t in range(types):
        rows[classes + t][len(pairs) + t], rows[classes + t][top] = 1.0, -1.0
    for c in range(classes):
        _pivot(rows, basis, c, basis[c])
    _pivot(rows, basis, min(range(classes, len(rows)), key=lambda r: rows[r][-1]), top)
    for _ in range(MOST_STEPS):
        objective = rows[basis.index(top)]
        entering = max(range(top), key=objective.__getitem__)
        ratios = [
            (row[-1] / row[entering], r) for r, row in enumerate(rows) if row[entering] > TINY and basis[r] != top]
        if objective[entering] <= TINY or not ratios:
            break
        _pivot(rows, basis, min(ratios)[1], entering)
    shares = [[0.0] * types for _ in range(classes)]
    for r, row in enumerate(rows):
        if basis[r] < len(pairs):
            c, t = pairs[basis[r]]
            shares[c][t] = max(0.0, row[-1])
    objective = rows[basis.index(top)]
    return shares, [max(0.0, -objective[len(pairs) + t]) for t in range(types)]


def _pivot(rows: list[list[float]], basis: list[int], pivot: int, column: int) -> None:
    """Make a column basic in a row."""
    scale = rows[pivot][column]
    line = rows[pivot] = [value / scale for value in rows[pivot]]
    basis[pivot] = column
    places = [j for j, value in enumerate(line) if value]
    for r, row in enumerate(rows):
        factor = row[column]
        if factor and r != pivot:
            for j in places:
                row[j] -= factor * line[j]
            row[column] = 0.0


def rounded(row: Sequence[float], most: int) -> tuple[Fraction, ...]:
    """Turn shares into fractions that add up to 1; the largest takes up the difference.

    >>> [str(share) for share in rounded([0.33333333, 0.66666667], 100)]
    ['1/3', '2/3']
    """
    shares = [WHOLE[one] if one in WHOLE else Fraction(max(0.0, one)).limit_denominator(most) for one in row]
    largest = max(range(len(shares)), key=shares.__getitem__)
    shares[largest] += 1 - sum(shares)
    return tuple(shares)
