"""The cheapest nodes for every size at once: a staircase of capacity against cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_STEPS = 40_000
"""Steps of one staircase; beyond it the plain program takes over."""


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of node."""

    name: int
    """What its counts are called by."""
    key: int
    """What one node adds to the rank of a plan: less is better."""
    capacity: int
    most: int
    endless: bool
    """Whether `most` are enough for everything, so that more need not be thought of."""


Step = tuple[int, int, int, "Step | None"]
"""(rank, capacity, last item added, the step it was added to)."""

NOTHING: Step = (0, 0, -1, None)


def staircase(items: Iterable[Item], upto: int) -> list[Step] | None:
    """Return the sets of nodes that no other beats in both rank and capacity, by rising rank; None beyond the limit.

    Item by item: a set that is beaten is beaten with every further item too, so only the steps are carried on.

    >>> [step[:2] for step in staircase([Item(0, 3, 4, 9, True), Item(1, 2, 2, 1, False)], 8)]
    [(0, 0), (2, 2), (3, 4), (5, 6), (6, 8)]
    """
    steps = [NOTHING]
    for item in items:
        steps = _with_endless(steps, item, upto) if item.endless else _with_some(steps, item, upto)
        if len(steps) > MOST_STEPS:
            return None
    return steps


def _with_endless(steps: list[Step], item: Item, upto: int) -> list[Step]:
    """Add any number of one item: each new step is an old one, or a new one with one item more."""
    found: list[Step] = []
    best, i, j = -1, 0, 0
    while best < upto and (i < len(steps) or j < len(found)):
        more = found[j] if j < len(found) else None
        if i < len(steps) and (more is None or steps[i][0] <= more[0] + item.key):
            step, i = steps[i], i + 1
        elif more is not None:
            step, j = (more[0] + item.key, more[1] + item.capacity, item.name, more), j + 1
        if step[1] > best:
            found.append(step)
            best = step[1]
    return found


def _with_some(steps: list[Step], item: Item, upto: int) -> list[Step]:
    """Add up to so many of one item."""
    found = layer = steps
    for _ in range(item.most):
        layer = [(rank + item.key, held + item.capacity, item.name, (rank, held, last, before))
                 for rank, held, last, before in layer if held < upto]
        if not layer:
            break
        found = _merged(found, layer)
        if len(found) > MOST_STEPS:
            break
    return found


def _merged(one: list[Step], other: list[Step]) -> list[Step]:
    """Merge two staircases into one."""
    found: list[Step] = []
    best = -1
    for step in sorted((*one, *other), key=lambda step: (step[0], -step[1])):
        if step[1] > best:
            found.append(step)
            best = step[1]
    return found


def counts_of(step: Step) -> dict[int, int]:
    """Count the items of a step."""
    counts: dict[int, int] = {}
    at: Step | None = step
    while at is not None and at[2] >= 0:
        counts[at[2]] = counts.get(at[2], 0) + 1
        at = at[3]
    return counts
