"""A smallest set of requirements that cannot hold together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

Subset = frozenset[int]

Holds = Callable[[Subset], bool]
"""Whether the requirements of a subset, and no others, can all be kept."""


def remembering(holds: Holds) -> Holds:
    """Answer from what is known: a subset of what holds does too, a superset of what does not never does."""
    holding: list[Subset] = []
    failing: list[Subset] = []

    def known(subset: Subset) -> bool:
        """Ask only what does not follow from earlier answers."""
        if any(subset <= other for other in holding):
            return True
        if any(other <= subset for other in failing):
            return False
        (holding if (answer := holds(subset)) else failing).append(subset)
        return answer

    return known


def _smallest_hitting_set(count: int, sets: list[Subset]) -> Subset:
    """Return the smallest set that meets each of some sets; the first in order among equals.

    >>> sorted(_smallest_hitting_set(4, [frozenset({0, 1}), frozenset({1, 2}), frozenset({3})]))
    [1, 3]
    """
    useful = sorted(set().union(*sets)) if sets else []
    for size in range(count + 1):
        for chosen in combinations(useful, size):
            if all(not one.isdisjoint(chosen) for one in sets):
                return frozenset(chosen)
    raise ValueError("a set to hit is empty")


def smallest_conflict(count: int, holds: Holds) -> Subset:
    """Return a smallest subset of `count` requirements that cannot hold together.

    Implicit hitting sets (Ignatiev, Previti, Liffiton, Marques-Silva, Smallest MUS extraction, 2015): every conflict
    meets each set whose removal makes the rest hold. A smallest set that meets all those known either is a conflict,
    then a smallest one, or holds, and growing it to a largest one that holds gives one more set to meet.

    Args:
        holds: false for all of them together.

    >>> sorted(smallest_conflict(4, lambda kept: not {1, 3} <= kept and not {0, 1, 2} <= kept))
    [1, 3]
    """
    everything = frozenset(range(count))
    to_meet = [frozenset({one}) for one in range(count) if holds(everything - {one})]
    while True:
        conflict = _smallest_hitting_set(count, to_meet)
        if not holds(conflict):
            return conflict
        grown = set(conflict)
        for one in range(count):
            if one not in grown and holds(frozenset(grown | {one})):
                grown.add(one)
        to_meet.append(everything - grown)


def smallest_correction(count: int, holds: Holds) -> Subset:
    """Return a smallest subset of `count` requirements without which the others hold together.

    The mirror image of `smallest_conflict`: a correction meets every conflict. A smallest set that meets all those
    known either is one, or leaves a conflict among the others, which is cut down until each of its members counts.

    Args:
        holds: true for none of them.

    >>> sorted(smallest_correction(4, lambda kept: not {1, 3} <= kept and not {0, 2} <= kept))
    [0, 1]
    """
    everything = frozenset(range(count))
    to_meet: list[Subset] = []
    while True:
        correction = _smallest_hitting_set(count, to_meet)
        if holds(everything - correction):
            return correction
        conflict = set(everything - correction)
        for one in sorted(conflict):
            if not holds(frozenset(conflict - {one})):
                conflict.remove(one)
        to_meet.append(frozenset(conflict))
