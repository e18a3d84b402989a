"""A question of one interactive service by the hour, as the staircases see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optimizer.question.question import Question, Stay
from optimizer.strategies.steps import Item

LARGEST_COST = 2**61
"""Sums beyond are left to the plain program, which says so where they are beyond a solver too."""


@dataclass(frozen=True)
class Kind:
    """Nodes of one supply."""

    stays: dict[int, int]
    """Period -> stay: the same for all of nodes that stand; none where nothing is asked."""
    price: int
    """Of an hour."""
    capacity: int
    """0 where nothing can serve on it."""
    way: int | None
    most: int
    held: int
    """How many must be there."""
    endless: bool
    standing: bool


@dataclass(frozen=True)
class Lone:
    """A question of one interactive service whose supplies have one way to be used each."""

    question: Question
    kinds: tuple[Kind, ...]

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """Hours by period."""
        return tuple(period.weight for period in self.question.periods)

    @cached_property
    def demands(self) -> tuple[int, ...]:
        """What is asked by period."""
        return tuple(period.demand[0] for period in self.question.periods)

    @property
    def hours(self) -> int:
        """Hours of the cycle."""
        return sum(self.weights)

    @cached_property
    def nodes(self) -> int:
        """More node-hours than any answer has: a rank is cost x nodes + node-hours."""
        return 1 + sum(kind.most for kind in self.kinds)

    def levels(self, demand: int) -> list[int]:
        """List what the k-th of the largest nodes may carry of a demand; all of it where none is lost."""
        if not self.question.lose_nodes:
            return [max(self.demands)]
        return sorted({min(kind.capacity, demand) for kind in self.kinds if kind.capacity})

    def items(self, standing: bool, level: int) -> Iterator[Item]:
        """Yield the kinds of nodes beside those that must be there, each carrying up to a level."""
        for place, kind in enumerate(self.kinds):
            if kind.standing == standing and kind.capacity:
                yield Item(place, kind.price * self.nodes + 1, min(kind.capacity, level), kind.most - kind.held,
                           kind.endless)


def lone_of(question: Question) -> Lone | None:
    """Return a question as that of one service; None where the staircases do not know it."""
    if not applies(question):
        return None
    pools = [pool for supply in question.supplies for pool in supply.pools if pool in question.stock]
    if len(pools) != len(set(pools)):
        return None
    held, kinds = dict(question.at_least), []
    by_supply: dict[int, dict[int, Stay]] = defaultdict(dict)
    for i, stay in enumerate(question.stays):
        by_supply[stay.supply][i] = stay
    for number, supply in enumerate(question.supplies):
        mine = by_supply.get(number, {})
        ways = question.ways_of.get(supply.host, ())
        spans = [(stay.first, stay.last) for stay in mine.values()]
        standing = spans == [(0, len(question.periods))]
        if not mine:
            continue
        if len(ways) > 1 or not (standing or all(last - first == 1 for first, last in spans)):
            return None
        first = next(iter(mine.values()))
        hours = sum(question.periods[p].weight for p in range(first.first, first.last))
        kinds.append(Kind(
            {period: i for i, stay in mine.items() for period in range(stay.first, stay.last)}, first.price // hours,
            question.ways[ways[0]].capacity if ways else 0, ways[0] if ways else None,
            max(stay.most for stay in mine.values()), held.pop(supply.offer.offer_id, 0),
            not any(pool in question.stock for pool in supply.pools) and question.max_nodes is None, standing))
    return None if held else Lone(question, tuple(kinds))


def applies(question: Question) -> bool:
    """Say whether the staircases may know a question: one interactive service over the hours of one cycle."""
    plain = question.services == 1 and not question.works and not question.routes(0) and not question.losses()
    whole = all(not way.gpus for way in question.ways) and question.periods[-1].quarter == 0
    return plain and whole and len(question.periods) > 1 and not (
        question.purses or question.hosted or question.cut_costs or question.engine_policy == "fleet")
