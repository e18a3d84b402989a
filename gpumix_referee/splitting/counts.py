"""Search over numbers of nodes, pruned by cuts, in plain integers: most questions are settled here in a millisecond."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gpumix_referee.splitting.placing import Placement, place, violated_cut
from gpumix_referee.splitting.scaled import Cut, ScaledTraffic, opening_cuts


@dataclass(frozen=True)
class Effort:
    """When a search gives up."""

    steps: int
    leaves: int
    undecided: int


QUICK = Effort(100, 12, 1)
"""Some milliseconds, for sliced classes."""

QUICK_FREE = Effort(600, 60, 2)
"""The same for freely split classes, where a small simplex settles what a cut and a greedy placement do not."""

MOST_SWAPS = 40
MOST_TYPES_TO_SWAP = 16
"""Limits of the local search that precedes the walk."""

LONG = Effort(20_000, 1_000, 20)
"""Some tenths of a second."""

Decide = Callable[[Sequence[int]], "Placement | Cut"]
"""Settles counts for which neither a cut nor a placement was found."""


@dataclass
class CountSearch:
    """State of the search."""

    case: ScaledTraffic
    cuts: list[Cut]
    effort: Effort = QUICK
    decide: Decide | None = None
    best: Placement | None = None
    upper: int = 0
    """Cost of the best placement, in the case's unit; any better one must stay below."""
    undecided: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    """Cost and counts that no cut forbids, and that no placement was found for."""
    steps: int = 0
    leaves: int = 0
    end: float | None = None
    """Moment (time.monotonic) at which to give up."""
    weights: Sequence[float] = ()
    """Of the last cut found: the next is often near."""
    order: list[int] = field(default_factory=list)
    """Types from the dearest to the cheapest: their counts are fixed in this order."""
    rates: list[list[tuple[int, int] | None]] = field(default_factory=list)
    """Of each cut, by depth: (price, weight) of the type still free there that carries it cheapest."""

    @property
    def gave_up(self) -> bool:
        """Whether the search was cut short."""
        most = self.effort
        late = self.end is not None and time.monotonic() >= self.end
        return late or self.steps > most.steps or self.leaves > most.leaves or len(self.undecided) > most.undecided

    @property
    def bound(self) -> int:
        """Return a cost below which nothing lies."""
        if self.gave_up:
            return max(cheapest(self.case, cut, range(len(self.case.prices)), cut.least) for cut in self.cuts)
        return min([self.upper, *(cost for cost, _ in self.undecided)])

    @property
    def settled(self) -> bool:
        """Whether the best placement is proven cheapest."""
        return self.best is not None and not self.gave_up and self.bound == self.upper


def cheapest(case: ScaledTraffic, cut: Cut, free: Sequence[int], left: int) -> int:
    """Return the least cost of nodes of the free types that carry what is left of a cut; -1 when none can."""
    if left <= 0:
        return 0
    costs = [-(-left * case.prices[t] // cut.weights[t]) for t in free if cut.weights[t]]
    return min(costs, default=-1)


def search_counts(case: ScaledTraffic, decide: Decide | None = None) -> CountSearch:
    """Walk through the numbers of nodes in which the best may lie, type by type, the dearest first.

    Args:
        case: the question.
        decide: settles counts that neither a cut nor a placement settles at once; only where classes are split freely.
    """
    search = CountSearch(case, opening_cuts(case), QUICK if case.sliced else QUICK_FREE, decide)
    search.upper = _start(search)
    _walk(search, 0, [0] * len(case.prices), 0)
    return search


def search_on(search: CountSearch, effort: Effort, decide: Decide, end: float | None = None) -> CountSearch:
    """Walk again, longer, from what a search found, with help for counts that it left undecided."""
    again = CountSearch(search.case, list(search.cuts), effort, decide, search.best, search.upper, end=end)
    _walk(again, 0, [0] * len(search.case.prices), 0)
    return again


def _rate_new_cuts(search: CountSearch) -> None:
    """Note for each new cut and depth the free type that carries the cut cheapest."""
    prices = search.case.prices
    search.order = search.order or sorted(search.case.types, key=lambda t: -prices[t])
    for cut in search.cuts[len(search.rates):]:
        best: tuple[int, int] | None = None
        by_depth: list[tuple[int, int] | None] = []
        for t in reversed(search.order):
            by_depth.append(best)
            price, weight = prices[t], cut.weights[t]
            if weight and (best is None or price * best[1] < best[0] * weight):
                best = (price, weight)
        search.rates.append(by_depth[::-1])


def _start(search: CountSearch) -> int:
    """Try each type alone and each class at its cheapest; return the cost of the best, or one above any optimum."""
    case = search.case
    cheap, above = [0] * len(case.prices), 1
    for row in case.high:
        loads = [(case.prices[t] * one, t, one) for t, one in enumerate(row) if one is not None]
        _, best, load = min(loads)
        cheap[best] += load * case.parts
        above += sum(case.prices[t] * (1 + one * case.parts // case.scale) for _, t, one in loads)
    tries = [[-(-load // case.scale) for load in cheap]]
    for t in case.types:
        alone = [row[t] for row in case.high]
        if None not in alone:
            total = sum(one for one in alone if one is not None) * case.parts
            tries.append([-(-total // case.scale) if other == t else 0 for other in case.types])
    search.upper = above
    for nodes in tries:
        if case.cost(nodes) < search.upper:
            _try(search, nodes)
    _improve(search)
    return search.upper


def _improve(search: CountSearch) -> None:
    """Give up nodes of one type for fewer dollars of another as long as the classes still fit."""
    case = search.case
    if len(case.prices) > MOST_TYPES_TO_SWAP:
        return
    for _ in range(MOST_SWAPS):
        if search.best is None or not any(_try_swap(search, search.best.nodes, swap) for swap in _swaps(search)):
            break


def _swaps(search: CountSearch) -> list[tuple[int, int, int, int, int]]:
    """List (change of cost, type given up, how many, type taken, how many) that save money, the most first."""
    assert search.best is not None
    prices, swaps = search.case.prices, []
    for gone, held in enumerate(search.best.nodes):
        for many in range(1, min(held, 3) + 1):
            saved = many * prices[gone]
            swaps.append((-saved, gone, many, gone, 0))
            swaps += [
                (price * count - saved, gone, many, more, count)
                for more, price in enumerate(prices) if more != gone
                for count in range(1, min(-(-saved // price), 4))
            ]
    return sorted(swaps)


def _try_swap(search: CountSearch, nodes: Sequence[int], swap: tuple[int, int, int, int, int]) -> bool:
    _, gone, many, more, count = swap
    fresh = list(nodes)
    fresh[gone] -= many
    fresh[more] += count
    return not any(cut.short(fresh) for cut in search.cuts) and _try(search, fresh)


def _try(search: CountSearch, nodes: Sequence[int], weights: Sequence[float] | None = None) -> bool:
    found = place(search.case, nodes, weights)
    if found is None:
        return False
    search.best, search.upper = found, search.case.cost(found.nodes)
    return True


def _walk(search: CountSearch, depth: int, nodes: list[int], cost: int) -> None:
    """Fix the count of one type after another; what a cut shows to cost no less than the best is never entered."""
    known, count, most, last = (-1, -1), 0, 0, depth + 1 == len(nodes)
    while not search.gave_up:
        if known != (len(search.cuts), search.upper):
            known = (len(search.cuts), search.upper)
            _rate_new_cuts(search)
            here = search.order[depth]
            nodes[here] = 0
            least, most = count_range(search, depth, nodes, cost)
            count = max(count, least)
        search.steps += 1
        if count > most:
            break
        nodes[here] = count
        spent = cost + search.case.prices[here] * count
        if last:
            _leaf(search, nodes, spent)
        else:
            _walk(search, depth + 1, nodes, spent)
        count += 1
    nodes[search.order[depth]] = 0


def count_range(search: CountSearch, depth: int, nodes: Sequence[int], cost: int) -> tuple[int, int]:
    """Return the least and most nodes of the next type with which no cut already costs as much as the best.

    What is left of a cut after n nodes costs at least r a unit, r the least price / weight of the free types, so that
    spent + p n + max(0, left - w n) r must stay below the best. In n that is convex: the n that pass are a range.
    """
    here = search.order[depth]
    price, room = search.case.prices[here], search.upper - 1 - cost
    least, most = 0, room // price
    for cut, by_depth in zip(search.cuts, search.rates, strict=True):
        left = cut.least - sum(map(int.__mul__, cut.weights, nodes))
        if left <= 0:
            continue
        weight, rate = cut.weights[here], by_depth[depth]
        if rate is None:
            if not weight:
                return 1, 0
            least = max(least, -(-left // weight))
            continue
        slope = price * rate[1] - weight * rate[0]  # of cost in n, times the free type's weight
        gap = room * rate[1] - left * rate[0]
        if slope > 0 and (gap < 0 or gap // slope * weight < left):
            most = min(most, gap // slope)
        elif slope < 0:
            least = max(least, -(gap // -slope))
        elif slope == 0 and gap < 0:
            return 1, 0
        if least > most:
            break
    return least, most


def _leaf(search: CountSearch, nodes: list[int], cost: int) -> None:
    """Settle one vector of counts: a cut against it, a placement for it, or neither."""
    search.leaves += 1
    cut, weights = violated_cut(search.case, nodes, search.weights)
    if cut is not None:
        search.weights = weights
        search.cuts.append(cut)
    elif not _try(search, nodes, weights):
        found = search.decide(nodes) if search.decide else None
        if isinstance(found, Cut):
            search.cuts.append(found)
        elif found is None:
            search.undecided.append((cost, tuple(nodes)))
        else:
            search.best, search.upper = found, cost
