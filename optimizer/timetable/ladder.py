"""An exact search for one interactive service: what CP-SAT proves, found faster, as the slots fall apart.

Once the standing nodes are chosen, only what they carry together counts: each slot buys the cheapest nodes for the
rest of its demand, whatever the other slots do. So the cheapest standing nodes for every size, and the cheapest nodes
that come and go for every size (two staircases), hold every optimal timetable:

    cost = min over R of  hours x standing(R) + sum over slots of weight x hourly(D_slot - R)

Rules that look at several slots or at single nodes are left out: if the optimum keeps them all the same, it is the
optimum under them too; if not, its cost is a bound.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from optimizer.timetable.case import TimeCase
from optimizer.timetable.staircase import Item, Step, counts_of, staircase

LARGEST_COST = 2**62


@dataclass(frozen=True)
class Roster:
    """How many nodes stand, and how many run in each slot."""

    base: tuple[int, ...]
    """By standing offer."""
    use: tuple[tuple[int, ...], ...]
    """By row, by slot: nodes in use; of standing offers those that serve the row's service then."""


def is_one_service(case: TimeCase) -> bool:
    """Say whether the search knows a case: one interactive service, one way to use each offer."""
    ids = {row.offer_id for row in case.rows}
    pools = {row.offer for row in case.rows if case.stock[row.offer] is not None}
    shared = sum(1 for i in {row.offer_id: row.offer for row in case.rows}.values() if i in pools) > len(pools)
    return len(case.kinds) == 1 and case.kinds[0] == "sync" and len(ids) == len(case.rows) and not shared


@dataclass(frozen=True)
class Found:
    """The outcome of the search: None when no nodes carry the demand."""

    roster: Roster | None
    cost: int | None
    """Micro-dollars a cycle."""


def cheapest_timetable(case: TimeCase) -> Found | None:
    """Return the cheapest timetable, of fewest node-hours among equals; None when the search gives up.

    Kept: demand, stock, nodes that must be held. Left out: every other rule.
    """
    held = case.limits.at_least
    if held.keys() - {row.offer_id for row in case.rows}:
        return Found(None, None)
    peak = max(slot.demand[0] for slot in case.slots)
    nodes = 1 + case.hours * (sum(base.most for base in case.bases) + sum(max(case.most[i]) for i in case.elastic))
    start = [held.get(row.offer_id, 0) for row in case.rows]
    if any(count > _top(case, i) for i, count in enumerate(start)):
        return Found(None, None)
    sides = []
    for standing in (True, False):
        items = [
            Item(i, row.price * nodes + 1, row.capacity, _top(case, i) - start[i], case.stock[row.offer] is None)
            for i, row in enumerate(case.rows) if (case.base_of[i] is not None) == standing
        ]
        steps = staircase(items, peak)
        if steps is None:
            return None
        sides.append(steps)
    carried = sum(count * row.capacity for count, row in zip(start, case.rows, strict=True))
    best = _best(case, sides[0], sides[1], carried, nodes)
    if best is None:
        return None
    if best < 0:
        return Found(None, None)
    roster = _roster(case, sides, best, start, carried)
    return Found(roster, cost_of(case, roster))


def _top(case: TimeCase, row: int) -> int:
    """Return how many nodes of a row may be there at most."""
    base = case.base_of[row]
    return max(case.most[row]) if base is None else case.bases[base].most


def _best(case: TimeCase, standing: list[Step], hourly: list[Step], carried: int, nodes: int) -> int | None:
    """Return the step of standing nodes of the cheapest timetable; -1: none carries the demand, None: beyond 63 bits.

    Cost and node-hours are held apart, as together they may exceed 63 bits.
    """
    import numpy as np

    if (standing[-1][0] + hourly[-1][0]) // nodes * case.hours >= LARGEST_COST:
        return None
    held = np.array([carried + step[1] for step in standing], dtype=np.int64)
    sizes = np.array([step[1] for step in hourly], dtype=np.int64)
    cost, fewest = (
        np.array([part * case.hours for part in parts], dtype=np.int64) for parts in _parts(standing, nodes))
    cost_each, nodes_each = (np.array(parts, dtype=np.int64) for parts in _parts(hourly, nodes))
    possible = np.ones(len(standing), dtype=bool)
    for slot in case.slots:
        chosen = np.searchsorted(sizes, slot.demand[0] - held, side="left")
        possible &= chosen < len(sizes)
        chosen = np.minimum(chosen, len(sizes) - 1)
        cost += cost_each[chosen] * slot.weight
        fewest += nodes_each[chosen] * slot.weight
    if not possible.any():
        return -1
    worst = np.iinfo(np.int64).max
    cost = np.where(possible, cost, worst)
    return int(np.argmin(np.where(cost == cost.min(), fewest, worst)))


def _parts(steps: list[Step], nodes: int) -> tuple[list[int], list[int]]:
    """Read cost and nodes out of the ranks of steps."""
    return [step[0] // nodes for step in steps], [step[0] % nodes for step in steps]


def _roster(case: TimeCase, sides: list[list[Step]], best: int, start: list[int], carried: int) -> Roster:
    """Read the chosen steps back as counts."""
    standing, hourly = sides
    stands = counts_of(standing[best])
    base = tuple(start[one.rows[0]] + stands.get(one.rows[0], 0) for one in case.bases)
    left = carried + standing[best][1]
    sizes = [step[1] for step in hourly]
    runs = [counts_of(hourly[bisect_left(sizes, slot.demand[0] - left)]) for slot in case.slots]
    use = tuple(
        tuple(start[i] + run.get(i, 0) for run in runs) if place is None else (base[place],) * len(case.slots)
        for i, place in enumerate(case.base_of)
    )
    return Roster(base, use)


def cost_of(case: TimeCase, found: Roster) -> int:
    """Return micro-dollars a cycle, hour by hour."""
    standing = sum(base.price * count for base, count in zip(case.bases, found.base, strict=True)) * case.hours
    return standing + sum(
        case.rows[i].price * count * slot.weight
        for i in case.elastic for slot, count in zip(case.slots, found.use[i], strict=True))
