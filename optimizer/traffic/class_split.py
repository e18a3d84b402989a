"""Request classes split over nodes of several kinds: the least utilisation, or prices that show the nodes too few.

    min z;  sum_i s_ki = 1;  sum_k a_ki s_ki <= z x_i;  s >= 0

s_ki is the share of class k that goes to node kind i, of which there are x_i; a_ki the nodes of that kind that the
whole class fills. Everything is in exact fractions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement

Loads = Sequence[Sequence[Fraction | None]]
"""By class and node kind: nodes that the whole class fills, None where they cannot serve it."""

Shares = tuple[tuple[Fraction, ...], ...]
"""By class and node kind: the part of the class that goes there."""

ONE, NOTHING = Fraction(1), Fraction(0)

DANTZIG_STEPS = 200
"""Steps by the steepest column; then Bland's rule, which never cycles."""


@dataclass(frozen=True)
class Split:
    """The best split of classes over given nodes."""

    shares: Shares
    utilisation: Fraction | None
    """The least z; None where some class can run on none of the nodes."""
    prices: tuple[Fraction, ...]
    """By class: what the dual pays for serving it. All nodes together are worth 1, all classes z."""

    @property
    def fits(self) -> bool:
        """Whether the nodes carry the classes."""
        return self.utilisation is not None and self.utilisation <= 1


def class_loads(demands: Sequence[Fraction], capacities: Sequence[Sequence[int | Fraction]]) -> Loads:
    """Return the nodes of each kind that each whole class fills, from what one node carries of each class alone.

    >>> class_loads([Fraction(6)], [(4,), (0,)])
    ((Fraction(3, 2), None),)
    """
    return tuple(
        tuple(demand / node[k] if node[k] else None for node in capacities) for k, demand in enumerate(demands))


def least_utilisation(loads: Loads, counts: Sequence[int]) -> Split:
    """Split classes over nodes so that the fullest kind is filled least.

    >>> a, b = (Fraction(1), Fraction(3)), (Fraction(2), None)  # a fills 1 node of the first kind or 3 of the second
    >>> found = least_utilisation([a, b], [2, 1])
    >>> found.utilisation, [str(share) for share in found.shares[0]]  # all of b and part of a on two nodes
    (Fraction(9, 7), ['4/7', '3/7'])
    """
    used = [i for i, count in enumerate(counts) if count]
    scaled = [[None if (one := row[i]) is None else one / counts[i] for i in used] for row in loads]
    stranded = [all(one is None for one in row) for row in scaled]
    if any(stranded):
        return Split((), None, tuple(ONE if alone else NOTHING for alone in stranded))
    shares, weights, utilisation = _minimise(scaled)
    prices = tuple(
        min(one * weight for one, weight in zip(row, weights, strict=True) if one is not None) for row in scaled)
    full = tuple(_spread(row, used, len(counts)) for row in shares)
    return Split(full, utilisation, prices)


def _spread(row: Sequence[Fraction], used: Sequence[int], width: int) -> tuple[Fraction, ...]:
    """Put shares on the kinds in use back among all kinds."""
    found = [NOTHING] * width
    for i, share in zip(used, row, strict=True):
        found[i] = share
    return tuple(found)


def _minimise(loads: Loads) -> tuple[list[list[Fraction]], list[Fraction], Fraction]:
    """Return (shares, weights of the kinds, z) by the simplex method; every class can run somewhere.

    Columns are the pairs (k, i), the slacks, z; the last entry of a row is its right side. z is basic from the first
    step to the last, as loads are above 0, so that its row is the objective.
    """
    pairs = [(k, i) for k, row in enumerate(loads) for i, one in enumerate(row) if one is not None]
    kinds, classes = len(loads[0]), len(loads)
    width, top = len(pairs) + kinds + 2, len(pairs) + kinds
    rows = [[NOTHING] * width for _ in range(classes + kinds)]
    basis = [-1] * classes + [len(pairs) + i for i in range(kinds)]
    for column, (k, i) in enumerate(pairs):
        rows[k][column] = ONE
        rows[classes + i][column] = loads[k][i] or NOTHING
        basis[k] = column if basis[k] < 0 else basis[k]
    for k in range(classes):
        rows[k][-1] = ONE
    for i in range(kinds):
        rows[classes + i][len(pairs) + i], rows[classes + i][top] = ONE, -ONE
    for k in range(classes):
        _pivot(rows, basis, k, basis[k])
    _pivot(rows, basis, min(range(classes, len(rows)), key=lambda r: rows[r][-1]), top)
    steps = 0
    while (entering := _entering(rows[basis.index(top)], top, steps)) is not None:
        ratios = [
            (row[-1] / row[entering], basis[r], r)
            for r, row in enumerate(rows) if row[entering] > 0 and basis[r] != top
        ]
        _pivot(rows, basis, min(ratios)[-1], entering)
        steps += 1
    objective = rows[basis.index(top)]
    shares = [[NOTHING] * kinds for _ in range(classes)]
    for r, row in enumerate(rows):
        if basis[r] < len(pairs):
            k, i = pairs[basis[r]]
            shares[k][i] = row[-1]
    return shares, [-objective[len(pairs) + i] for i in range(kinds)], objective[-1]


def _entering(objective: Sequence[Fraction], top: int, steps: int) -> int | None:
    """Return the column that lowers z, None at the optimum."""
    if steps < DANTZIG_STEPS:
        best = max(range(top), key=objective.__getitem__)
        return best if objective[best] > 0 else None
    return next((j for j in range(top) if objective[j] > 0), None)


def _pivot(rows: list[list[Fraction]], basis: list[int], pivot: int, column: int) -> None:
    """Make a column basic in a row."""
    scale = rows[pivot][column]
    line = rows[pivot] = [value / scale if value else value for value in rows[pivot]]
    basis[pivot] = column
    places = [j for j, value in enumerate(line) if value]
    for r, row in enumerate(rows):
        factor = row[column]
        if r != pivot and factor:
            for j in places:
                row[j] -= factor * line[j]


@dataclass(frozen=True)
class Loss:
    """Nodes that are left after one loss."""

    counts: tuple[int, ...]
    lost: frozenset[int]
    """Kinds of which all nodes are gone, whatever their number: a provider's or a region's; empty where single nodes
    are lost."""
    nodes: int = 0
    """Single nodes lost."""


def losses(
    counts: Sequence[int], groups: Sequence[Sequence[Hashable]], nodes: int = 0
) -> Iterator[Loss]:
    """Yield what is left of nodes: without any loss, after any so many single nodes, and after each whole group.

    Args:
        counts: nodes of each kind.
        groups: for each way of grouping (by provider, by region) the group of each kind.
        nodes: single nodes that may be lost at once.
    """
    yield Loss(tuple(counts), frozenset())
    used = [i for i, count in enumerate(counts) if count]
    for gone in combinations_with_replacement(used, min(nodes, sum(counts))) if nodes else ():
        left = [count - gone.count(i) for i, count in enumerate(counts)]
        if min(left) >= 0:
            yield Loss(tuple(left), frozenset(), nodes)
    for group in groups:
        for name in sorted({group[i] for i in used}, key=str):
            lost = frozenset(i for i, other in enumerate(group) if other == name)
            yield Loss(tuple(0 if i in lost else count for i, count in enumerate(counts)), lost)


@dataclass(frozen=True)
class ClassCut:
    """sum weights x nodes >= least, after the loss of any so many nodes: kept by all nodes that carry the classes."""

    weights: tuple[int, ...]
    """By node kind; 0 for a kind whose loss is to be survived."""
    least: int
    lose_nodes: int = 0


FINENESS = (1, 2**4, 2**12, 2**24, 2**36)
"""Steps between 0 and the largest weight of a cut: the coarsest that the nodes break is taken."""


OPENING_FINENESS = 2**12
"""The same of the cuts to start from: small weights are solved faster, and what they miss the next cuts catch."""


COARSE = 8
"""The same of those that look at single lost nodes, which choose one of their weights each."""


def cut_of_prices(
    loads: Loads, prices: Sequence[Fraction], lost: frozenset[int] = frozenset(), lose_nodes: int = 0,
    fine: int = FINENESS[-1],
) -> ClassCut | None:
    """Return the cut of class prices p >= 0, scaled: sum_i w_i x_i >= sum_k p_k with w_i = max_k p_k / a_ki.

    For any split s that fits, sum_i w_i x_i >= sum_i w_i sum_k a_ki s_ki >= sum_k p_k sum_i s_ki = sum_k p_k. Weights
    round up, which only weakens the cut; counts are whole, so its right side rounds up too. None when the classes with
    a price can run nowhere.
    """
    kinds = range(len(loads[0]))
    weights = [
        NOTHING if i in lost else max(
            (price / one for price, row in zip(prices, loads, strict=True) if (one := row[i]) is not None),
            default=NOTHING)
        for i in kinds
    ]
    top = max(weights)
    if not top:
        return None
    least = math.ceil(fine * sum(prices) / top)
    return ClassCut(tuple(min(math.ceil(fine * weight / top), least) for weight in weights), least, lose_nodes)


def broken(cut: ClassCut, counts: Sequence[int]) -> bool:
    """Say whether nodes break a cut: what is left after losing those of most weight is too little."""
    held, gone = sum(map(int.__mul__, cut.weights, counts)), cut.lose_nodes
    for weight, count in sorted(zip(cut.weights, counts, strict=True), reverse=True):
        held -= weight * min(gone, count)
        gone -= min(gone, count)
    return held < cut.least


@dataclass(frozen=True)
class TooFew:
    """Nodes of which some kind must be more: so many of each do not carry the classes."""

    counts: tuple[int, ...]


def missing_cut(loads: Loads, loss: Loss, counts: Sequence[int]) -> ClassCut | TooFew | None:
    """Return what rules nodes out because too few are left after a loss, None when enough are left."""
    found = least_utilisation(loads, loss.counts)
    if found.fits:
        return None
    for fine in FINENESS:
        cut = cut_of_prices(loads, found.prices, loss.lost, loss.nodes, fine)
        if cut is None:
            return ClassCut((0,) * len(counts), 1)  # some class runs only where all may be lost
        if broken(cut, counts):
            return cut
    return TooFew(tuple(counts))


def opening_cuts(
    loads: Loads, prices: Sequence[int], groups: Sequence[Sequence[Hashable]], lose_nodes: int = 0
) -> Iterator[ClassCut]:
    """Yield cuts to start from: for each class alone, and by what serving each class costs at least.

    Args:
        loads: of every kind.
        prices: of one node of each kind.
        groups: ways of grouping whose groups may be lost, as in `losses`.
        lose_nodes: single nodes that may be lost at once.
    """
    without = [frozenset[int]()]
    for group in groups:
        without += [frozenset(i for i, other in enumerate(group) if other == name)
                    for name in sorted(set(group), key=str)]
    alone = [[ONE if k == other else NOTHING for other in range(len(loads))] for k in range(len(loads))]
    for lost in without:
        left = [[None if i in lost else one for i, one in enumerate(row)] for row in loads]
        least = [min((one * prices[i] for i, one in enumerate(row) if one is not None), default=NOTHING)
                 for row in left]
        for class_prices in (*alone, least):
            cut = cut_of_prices(left, class_prices, lost, 0, OPENING_FINENESS)
            yield ClassCut((0,) * len(prices), 1) if cut is None else cut
    for class_prices in alone if lose_nodes else ():
        cut = cut_of_prices(loads, class_prices, frozenset(), lose_nodes, COARSE)
        if cut is not None:
            yield cut
