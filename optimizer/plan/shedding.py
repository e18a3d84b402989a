"""Who is served where not all can be: whole services, the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.question.question import Question
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search

LIMIT = 20.0
"""CP-SAT's deterministic time where the user sets no limit: some ten seconds; what it reaches stands, unproven."""

LARGEST = 2**56
"""What cutting every service may count together, so that sums stay within the solver's integers."""


@dataclass(frozen=True)
class Choice:
    """Which services are served."""

    served: tuple[int, ...]
    proven: bool
    """Whether no more of any priority can be served without fewer of a higher one, and none of these choices costs
    less."""


def choose_served(question: Question, priorities: Sequence[int], effort: Effort) -> Choice | None:
    """Serve as many services of the highest priority as can be, then of the next; among equals the cheapest.

    A service is served in full or not at all: part of its requests would break the promise to all of its users. None
    where nothing is found.

    Args:
        question: with all services.
        priorities: by service; the smallest number is the most important.
        effort: limits of the search.
    """
    weights, whole = _weights(priorities)
    dear = 1 + sum(stay.price * stay.most for stay in question.stays) + sum(
        purse.bill.minimum + purse.bill.fee for purse in question.purses if purse.bill is not None)
    if dear * sum(weights) < LARGEST:
        question = replace(question, cut_costs=tuple(dear * weight for weight in weights))
    else:  # who is served is settled, which of equals costs least is not
        stays = tuple(replace(stay, price=0) for stay in question.stays)
        question, whole = replace(question, stays=stays, purses=(), cut_costs=tuple(weights)), False
    limited = effort if effort.end is not None else effort.within(float("inf"), LIMIT)
    found = search(question, limited, ties=False)
    if not found.has_plan:
        return None
    served = tuple(service for service in range(len(priorities)) if service not in found.cut)
    return Choice(served, whole and found.status == "optimal")


def _weights(priorities: Sequence[int]) -> tuple[list[int], bool]:
    """Return what cutting each service counts, more than all services of lower priority together, and whether it does.

    Where there are too many priorities for the solver's integers, the lowest of them count alike.

    >>> _weights([1, 2, 2, 9])
    ([6, 2, 2, 1], True)
    """
    levels = sorted(set(priorities), reverse=True)
    for alike in range(1, len(levels) + 1):
        found, weight = dict.fromkeys(levels[:alike], 1), 1 + sum(one in levels[:alike] for one in priorities)
        for level in levels[alike:]:
            found[level] = weight
            weight *= 1 + priorities.count(level)
        if weight * len(priorities) < LARGEST:
            break
    return [found[level] for level in priorities], alike == 1
