"""The cheapest standing nodes beside what comes and goes, for one service whose hours fall apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.question.question import Situation
from optimizer.strategies.lone import LARGEST_COST, Kind, Lone
from optimizer.strategies.search import Found
from optimizer.strategies.steps import Step, counts_of, staircase

Numbers = np.ndarray[Any, np.dtype[np.int64]]

MOST_SETS = 300_000
"""Sets of standing nodes that are looked at one by one where nodes may be lost."""

GRID = 2_048
"""Points at which the bound on sets of standing nodes is known; between two the lower one holds."""

CHUNK = 20_000
"""Sets whose costs are worked out at once."""


@dataclass(frozen=True)
class Sets:
    """Sets of standing nodes: what they cost an hour, how many they are, what they carry at each level."""

    cost: Numbers
    nodes: Numbers
    carried: dict[int, Numbers]
    counts: Callable[[int], dict[int, int]]
    """Position of a set -> its nodes by kind, beside those that must be there."""


@dataclass(frozen=True)
class Hourly:
    """The cheapest nodes that come and go beside standing ones, by level: a staircase each."""

    lone: Lone
    steps: dict[int, list[Step]]
    arrays: dict[int, tuple[Numbers, Numbers, Numbers]]
    """Level -> what its steps carry, cost an hour, and how many nodes they are."""
    held: dict[int, int]
    """Level -> what nodes carry that must be there."""

    @property
    def levels(self) -> list[int]:
        """All levels of any period."""
        return sorted(self.steps)

    def at(self, demand: int, carried: dict[int, Numbers]) -> tuple[Numbers, Numbers, Numbers]:
        """Return (level, cost an hour, nodes) of the cheapest beside what is carried at each level, by set."""
        found: list[tuple[int, Numbers, Numbers]] = []
        for level in self.lone.levels(demand):
            sizes, cost, nodes = self.arrays[level]
            place = np.searchsorted(sizes, demand + self.lone.question.lose_nodes * level - carried[level])
            there = np.minimum(place, len(sizes) - 1)
            found.append((level, np.where(place < len(sizes), cost[there], LARGEST_COST), nodes[there]))
        first, best, fewest = found[0]
        chosen = np.full(len(best), first)
        for level, cost, nodes in found[1:]:
            less = (cost < best) | ((cost == best) & (nodes < fewest))
            chosen, best, fewest = (np.where(less, new, old) for new, old in (
                (level, chosen), (cost, best), (nodes, fewest)))
        return chosen, best, fewest

    def totals(self, cost: Numbers, nodes: Numbers, carried: dict[int, Numbers]) -> tuple[Numbers, Numbers]:
        """Return (cost, node-hours) of a cycle by set; from `LARGEST_COST` on a demand is not carried."""
        lone, possible = self.lone, np.ones(len(cost), dtype=bool)
        cost, nodes = cost * lone.hours, nodes * lone.hours
        for demand, weight in zip(lone.demands, lone.weights, strict=True):
            if demand:
                _, each, many = self.at(demand, carried)
                possible &= each < LARGEST_COST
                cost, nodes = cost + np.where(each < LARGEST_COST, each, 0) * weight, nodes + many * weight
        return np.where(possible, cost, LARGEST_COST), nodes


def cheapest_of(lone: Lone) -> Found:
    """Find the cheapest nodes, of fewest node-hours among equals; `unknown` where there is too much to look at."""
    hourly = _hourly_of(lone)
    steps = None if hourly is None else staircase(lone.items(True, max(lone.demands)), _most_needed(lone))
    if hourly is None or steps is None:
        return Found("unknown", lone.question)
    sets = _of_steps(hourly, steps)
    cost, nodes = hourly.totals(sets.cost, sets.nodes, sets.carried)
    if lone.question.lose_nodes and cost.min() < LARGEST_COST:
        more = _counted_out(hourly, int(cost.min()))
        if more is None:
            return Found("unknown", lone.question)
        parts = [hourly.totals(more.cost[at:at + CHUNK], more.nodes[at:at + CHUNK],
                               {level: held[at:at + CHUNK] for level, held in more.carried.items()})
                 for at in range(0, len(more.cost), CHUNK)]
        sets, cost, nodes = more, np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])
    if cost.min() >= LARGEST_COST:
        return Found("infeasible", lone.question, method="staircase")
    return _read(hourly, sets, int(np.lexsort((nodes, cost))[0]))


def _most_needed(lone: Lone) -> int:
    """Return what nodes carry together at most in any period, so that each loss is survived."""
    largest = max((kind.capacity for kind in lone.kinds), default=0)
    return max(demand + lone.question.lose_nodes * min(largest, demand) for demand in lone.demands)


def _hourly_of(lone: Lone) -> Hourly | None:
    """Build the staircases of what comes and goes; None where one has too many steps, or nothing can serve."""
    needs: dict[int, int] = {}
    for demand in lone.demands:
        for level in lone.levels(demand) if demand else ():
            needs[level] = max(needs.get(level, 0), demand + lone.question.lose_nodes * level)
    steps, arrays, held = {}, {}, {}
    for level, needed in needs.items():
        found = staircase(lone.items(False, level), needed)
        if found is None:
            return None
        steps[level] = found
        arrays[level] = (np.array([step[1] for step in found]), np.array([step[0] // lone.nodes for step in found]),
                         np.array([step[0] % lone.nodes for step in found]))
        held[level] = sum(kind.held * min(kind.capacity, level) for kind in lone.kinds)
    return Hourly(lone, steps, arrays, held) if steps else None


def _of_steps(hourly: Hourly, steps: list[Step]) -> Sets:
    """Return the sets that no other beats in both cost and what they carry in all."""
    lone = hourly.lone
    counted = [counts_of(step) for step in steps] if lone.question.lose_nodes else []
    carried = {
        level: hourly.held[level] + np.array(
            [sum(count * min(lone.kinds[place].capacity, level) for place, count in one.items()) for one in counted]
            if counted else [step[1] for step in steps]) for level in hourly.levels}
    return Sets(np.array([step[0] // lone.nodes for step in steps]) + _held_cost(lone),
                np.array([step[0] % lone.nodes for step in steps]), carried, lambda place: counts_of(steps[place]))


def _held_cost(lone: Lone) -> int:
    return sum(kind.price * kind.held for kind in lone.kinds)


def _counted_out(hourly: Hourly, most: int) -> Sets | None:
    """Return every set of standing nodes with which a cycle may cost no more than so much; None beyond the limit.

    Bound: standing nodes are counted in full at every level, which is at least what they carry.
    """
    lone = hourly.lone
    kinds = [(place, kind) for place, kind in enumerate(lone.kinds) if kind.standing and kind.capacity]
    step = -(-_most_needed(lone) // GRID)
    points = np.arange(GRID + 1) * step
    bound, _ = hourly.totals(np.zeros(GRID + 1, dtype=np.int64), points, dict.fromkeys(hourly.levels, points))
    bounds = [bound]
    for _, kind in reversed(kinds):
        bounds.append(_with_more(bounds[-1], kind, lone.hours, step))
    cost = np.array([_held_cost(lone)])
    carried = np.array([sum(kind.held * kind.capacity for kind in lone.kinds)])
    counts = np.zeros((1, len(kinds)), dtype=np.int64)
    for column, (_, kind) in enumerate(kinds):
        bound, parts = bounds[len(kinds) - column - 1], []
        for count in range(kind.most - kind.held + 1):
            grid = np.minimum(GRID, -(-(carried + count * kind.capacity) // step))
            kept = (cost + count * kind.price) * lone.hours + bound[grid] <= most
            if kept.any():
                each = counts[kept].copy()
                each[:, column] = count
                parts.append((cost[kept] + count * kind.price, carried[kept] + count * kind.capacity, each))
        if sum(len(part[0]) for part in parts) > MOST_SETS:
            return None
        cost, carried, counts = (np.concatenate([part[i] for part in parts]) for i in range(3))
    by_level = {level: hourly.held[level] + counts @ np.array(
        [min(kind.capacity, level) for _, kind in kinds], dtype=np.int64) for level in hourly.levels}
    return Sets(cost, counts.sum(axis=1), by_level, lambda place: {
        kinds[column][0]: int(count) for column, count in enumerate(counts[place])})


def _with_more(bound: Numbers, kind: Kind, hours: int, step: int) -> Numbers:
    """Return the bound with any number of one kind more, by what is carried without it."""
    best = bound
    for count in range(1, kind.most - kind.held + 1):
        shift = min(GRID, -(-count * kind.capacity // step))
        moved = np.concatenate([bound[shift:], np.full(shift, bound[-1])])
        best = np.minimum(best, moved + count * kind.price * hours)
        if shift == GRID:
            break
    return best


def _read(hourly: Hourly, sets: Sets, best: int) -> Found:
    """Read the chosen set, and what comes and goes beside it, as an answer."""
    lone = hourly.lone
    question, nodes, uses = lone.question, [0] * len(lone.question.stays), Counter[tuple[Situation, int]]()
    stands, cost, held = sets.counts(best), 0, [place for place, kind in enumerate(lone.kinds) if kind.held]
    carried = {level: amounts[best:best + 1] for level, amounts in sets.carried.items()}
    for period, (demand, weight) in enumerate(zip(lone.demands, lone.weights, strict=True)):
        comes: dict[int, int] = {}
        if demand:
            level = int(hourly.at(demand, carried)[0][0])
            needed = demand + question.lose_nodes * level - int(carried[level][0])
            comes = counts_of(hourly.steps[level][int(np.searchsorted(hourly.arrays[level][0], needed))])
        for place in {*held, *stands, *comes}:
            kind = lone.kinds[place]
            count = kind.held + (stands if kind.standing else comes).get(place, 0)
            stay = kind.stays.get(period)
            if stay is None and not count:
                continue
            if stay is None or count > question.stays[stay].most:
                return Found("unknown", question)
            nodes[stay] = count
            cost += count * kind.price * weight
            if count and demand and kind.way is not None:
                uses[Situation(period), kind.way] += count
    return Found("optimal", question, tuple(nodes), dict(uses), cost=cost, bound=cost, method="staircase")
