"""Can classes be split over given nodes? Settled in exact fractions, where floating point cannot tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from gpumix_referee.splitting.placing import Placement
from gpumix_referee.splitting.scaled import Cut
from gpumix_referee.splitting.split import Traffic

Row = list[Fraction]


def exact_split(traffic: Traffic, counts: Sequence[int]) -> Placement | Cut:
    """Return shares with which the classes fit on the nodes, or a cut that the nodes break.

    The simplex method by Bland's rule, which never cycles, on: min z; sum_t s_ct = 1; sum_c a_ct s_ct + slack_t - z =
    y_t; all 0 or more. Columns are the pairs (c, t), the slacks, z; the last entry of a row is its right side.
    """
    pairs = [(c, t) for c, row in enumerate(traffic.nodes_needed) for t, one in enumerate(row) if one is not None]
    rows, basis = _tableau(traffic, pairs, counts)
    overload = len(rows[0]) - 2
    lowest = min(range(len(traffic.classes), len(rows)), key=lambda i: rows[i][-1])
    if rows[lowest][-1] < 0:
        _pivot(rows, basis, lowest, overload)
    while overload in basis:
        mine = basis.index(overload)
        entering = next((j for j in range(overload) if rows[mine][j] > 0), None)
        if rows[mine][-1] == 0:
            break
        if entering is None:
            return _cut(traffic, [-rows[mine][len(pairs) + t] for t in range(len(counts))])
        ratios = [
            (row[-1] / row[entering], basis[i] != overload, basis[i], i)
            for i, row in enumerate(rows) if row[entering] > 0
        ]
        _pivot(rows, basis, min(ratios)[-1], entering)
    values = {basis[i]: row[-1] for i, row in enumerate(rows)}
    shares = [[Fraction(0)] * len(counts) for _ in traffic.classes]
    for column, (c, t) in enumerate(pairs):
        shares[c][t] = values.get(column, Fraction(0))
    return Placement(tuple(counts), tuple(map(tuple, shares)))


def _tableau(
    traffic: Traffic, pairs: Sequence[tuple[int, int]], counts: Sequence[int]
) -> tuple[list[Row], list[int]]:
    """Lay out the equations with each class on its first type: (rows, the basic column of each row)."""
    width, classes = len(pairs) + len(counts) + 2, len(traffic.classes)
    rows = [[Fraction(0)] * width for _ in range(classes + len(counts))]
    basis = [-1] * classes + [len(pairs) + t for t in range(len(counts))]
    for column, (c, t) in enumerate(pairs):
        rows[c][column] = Fraction(1)
        rows[classes + t][column] = traffic.nodes_needed[c][t] or Fraction(0)
        basis[c] = column if basis[c] < 0 else basis[c]
    for c in range(classes):
        rows[c][-1] = Fraction(1)
    for t, count in enumerate(counts):
        rows[classes + t][len(pairs) + t], rows[classes + t][-2:] = Fraction(1), [Fraction(-1), Fraction(count)]
    for c in range(classes):
        _pivot(rows, basis, c, basis[c])
    return rows, basis


def _pivot(rows: list[Row], basis: list[int], pivot: int, column: int) -> None:
    """Make a column basic in a row."""
    scale = rows[pivot][column]
    rows[pivot] = [value / scale for value in rows[pivot]]
    basis[pivot] = column
    for i, row in enumerate(rows):
        factor = row[column]
        if i != pivot and factor:
            rows[i] = [value - factor * other for value, other in zip(row, rows[pivot], strict=True)]


def _cut(traffic: Traffic, weights: Sequence[Fraction]) -> Cut:
    """Return the cut of exact weights: sum u_t y_t >= sum over classes of min_t u_t a_ct."""
    common = math.lcm(*(weight.denominator for weight in weights))
    whole = tuple(int(weight * common) for weight in weights)
    least = sum(
        (min(one * weight for one, weight in zip(row, whole, strict=True) if one is not None)
         for row in traffic.nodes_needed), start=Fraction(0))
    return Cut.of(whole, math.ceil(least))
