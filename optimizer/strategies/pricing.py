"""The cheapest counts that cover one demand at given prices: the pricing problem of the column generation."""

from __future__ import annotations

from collections.abc import Sequence

MOST_BRANCHES = 20_000
"""Branches after which the bound that is proven so far is taken; not reached by any question that was tried."""


class _Search:
    """Branch and bound over replica counts, items in rising price for what they carry."""

    def __init__(self, prices: Sequence[int], carries: Sequence[int]) -> None:
        self.prices, self.carries = prices, carries
        self.best: int | None = None
        self.counts: list[int] = []
        self.branches = 0

    def run(self, position: int, left: int, spent: int, counts: list[int]) -> None:
        """Fill what is left of the demand with the items from a position on."""
        self.branches += 1
        if left <= 0:
            if self.best is None or spent < self.best:
                self.best, self.counts = spent, [*counts, *[0] * (len(self.prices) - len(counts))]
            return
        if position == len(self.prices):
            return
        price, carries = self.prices[position], self.carries[position]
        # the rest of the demand costs at least its price at the best ratio: spent + left x price / carries
        if self.best is not None and (spent - self.best) * carries + left * price >= 0:
            return
        if self.branches > MOST_BRANCHES:
            return
        for count in range(-(-left // carries), -1, -1):
            self.run(position + 1, left - count * carries, spent + count * price, [*counts, count])


def least_cover(prices: Sequence[int], carries: Sequence[int], demand: int) -> tuple[int, int, tuple[int, ...]]:
    """Return (least cost, a bound below it, counts) of replicas that carry a demand: min w n, a n >= D, n >= 0 whole.

    Cost and bound differ only where the search was cut short.

    >>> least_cover([7, 4, 2], [10, 5, 2], 13)  # 7 for 10, and 4 for 5
    (11, 11, (1, 1, 0))
    """
    order = sorted(range(len(prices)), key=lambda i: (prices[i] / carries[i], -carries[i], i))
    search = _Search([prices[i] for i in order], [carries[i] for i in order])
    search.run(0, demand, 0, [])
    assert search.best is not None, "the first branch takes as many of the first item as carry the demand"
    counts = [0] * len(prices)
    for position, i in enumerate(order):
        counts[i] = search.counts[position]
    bound = search.best
    if search.branches > MOST_BRANCHES:
        bound = min(bound, -(-demand * prices[order[0]] // carries[order[0]]))
    return search.best, bound, tuple(counts)
