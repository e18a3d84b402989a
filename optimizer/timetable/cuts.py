"""Valid inequalities that hold CP-SAT's bound up: what comes and goes costs at least the lower hull of its staircase.

Beside standing nodes that carry R of a demand D, the nodes that come and go cost at least hourly(D - R), a falling step
function of R. Its lower convex hull is stated as lines: they cut off half nodes, which the rule itself lets through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import gcd

from optimizer.demand import SECONDS_PER_HOUR
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr
from optimizer.timetable.case import TimeCase
from optimizer.timetable.staircase import Item, staircase

LARGEST_TERM = 2**55
"""Lines with larger numbers are left out: they help the bound, no answer needs them."""

Use = Sequence[Sequence[IntVar | int]]
Terms = list[tuple[IntVar | int, int]]


def lower_hull(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the lower convex hull of points of rising x and falling y.

    >>> lower_hull([(0, 10), (2, 9), (4, 2), (6, 0)])
    [(0, 10), (4, 2), (6, 0)]
    """
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) > 1 and _is_above(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    return hull


def _is_above(one: tuple[int, int], middle: tuple[int, int], other: tuple[int, int]) -> bool:
    """Say whether the middle point lies on or above the line between the others."""
    return (middle[1] - one[1]) * (other[0] - one[0]) >= (other[1] - one[1]) * (middle[0] - one[0])


def lines_of(items: list[Item], needed: int) -> Iterator[tuple[int, int, int]]:
    """Yield (a, b, c) with a x cost + b x R >= c for what comes and goes beside R that is carried already."""
    steps = staircase(items, needed)
    if steps is None:
        return
    enough = next((step for step in steps if step[1] >= needed), None)
    below = [(needed - step[1], step[0]) for step in steps if step[1] < needed][::-1]
    points = ([] if enough is None else [(0, enough[0])]) + [point for point in below if point[0] > 0]
    hull = lower_hull(points)
    for (x1, y1), (x2, y2) in pairwise(hull):
        a, b = x2 - x1, y1 - y2
        c = a * y1 + b * x1
        common = gcd(gcd(a, b), c)
        yield a // common, b // common, c // common


def _add(cp: CpModel, cost: Terms, carried: Terms, line: tuple[int, int, int], most: int) -> None:
    """State one line where its numbers are small enough."""
    a, b, c = line
    terms = [(one, a * weight) for one, weight in cost] + [(one, b * weight) for one, weight in carried]
    kept = [(one, weight) for one, weight in terms if not isinstance(one, int) and weight]
    if c < LARGEST_TERM and sum(abs(weight) for _, weight in kept) * most < LARGEST_TERM:
        cp.add(LinearExpr.weighted_sum([one for one, _ in kept], [weight for _, weight in kept]) >= c)


def hold_bound(cp: CpModel, case: TimeCase, use: Use) -> None:
    """State the lines of every interactive service in every slot, and of every window of work."""
    most = max((max(counts) for counts in case.most if counts), default=1) or 1
    for slot, asked in enumerate(case.slots):
        for service, demand in enumerate(asked.demand):
            if demand:
                _hold(cp, case, use, service, {slot: 1}, demand, most)
    for work in case.works:
        seconds = {slot: second for slot, second in enumerate(work.seconds) if second}
        _hold_work(cp, case, use, work.service, seconds, work.amount, most)


def _hold(
    cp: CpModel, case: TimeCase, use: Use, service: int, slots: dict[int, int], needed: int, most: int
) -> None:
    mine, (slot,) = case.of_service(service), slots
    comes = [i for i in mine if case.base_of[i] is None]
    items = [Item(i, case.rows[i].price, case.carries(i, slot), case.most[i][slot], True) for i in comes]
    cost = [(use[i][slot], case.rows[i].price) for i in comes]
    carried = [(use[i][slot], case.carries(i, slot)) for i in mine if case.base_of[i] is not None]
    for line in lines_of(items, needed):
        _add(cp, cost, carried, line, most)


def _hold_work(
    cp: CpModel, case: TimeCase, use: Use, service: int, slots: dict[int, int], needed: int, most: int
) -> None:
    """State the lines of a window: a node-hour there does at most an hour's work."""
    mine = case.of_service(service)
    comes = [i for i in mine if case.base_of[i] is None]
    items = [
        Item(i, case.rows[i].price, case.rows[i].capacity * SECONDS_PER_HOUR, max(case.most[i]), True) for i in comes]
    cost = [(use[i][slot], case.rows[i].price * case.slots[slot].weight) for i in comes for slot in slots]
    carried = [(use[i][slot], case.rows[i].capacity * seconds) for i in mine if case.base_of[i] is not None
               for slot, seconds in slots.items()]
    for line in lines_of(items, needed):
        _add(cp, cost, carried, line, most)
