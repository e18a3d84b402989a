"""Plans with spare nodes where replicas are placed again after a loss: no optimum, but a plan, found soon.

Every loss that is asked for is survived where a few larger losses are. Of nodes: one of every kind (a host and its
GPUs) at once, k times over where any k nodes may go. Of places: two plans, one in a single place, the other in all
others; no loss of one place reaches both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.question.money import cost_of
from optimizer.question.program import Known
from optimizer.question.question import Loss, Question, Situation
from optimizer.question.rules import program_of
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found, placed_again

LIMIT = 3.0
"""CP-SAT's deterministic time for each of these plans, whatever limit the user set, as the search has ended without any
plan."""

MOST_PLACES = 3
"""Providers or regions that are tried as the one place, those of the cheapest nodes first."""


def is_placed_again(question: Question) -> bool:
    """Say whether replicas are placed again after losses, and nothing else is learnt on the way."""
    plain = not (question.works or question.hosted or any(map(question.routes, range(question.services))))
    return plain and bool(question.losses())


def spared(question: Question, bound: int) -> Found | None:
    """Return the cheapest of a few plans that survive larger losses than are asked for; None where none is found."""
    best: Found | None = None
    for losses in _larger(question):
        known = Known.of(question)
        known.situations += [Situation(p, loss) for p in range(len(question.periods)) for loss in losses]
        program = program_of(question, known)
        counts = by_cp_sat(program, Effort(deterministic=LIMIT))
        if not counts.values:
            continue
        uses = {key: counts.values[column] for key, column in program.uses.items()
                if counts.values[column] and key[0].loss not in losses}
        nodes = counts.values[: len(question.stays)]
        cost = cost_of(question, nodes)
        if best is None or cost < (best.cost or 0):
            program.uses = {key: column for key, column in program.uses.items() if key[0].loss not in losses}
            uses |= placed_again(question, program, counts)
            best = Found("feasible", question, nodes, uses, {}, cost, min(bound, cost), "spare nodes")
    return best


def _larger(question: Question) -> Iterator[tuple[Loss, ...]]:
    """Yield sets of losses that are enough to survive."""
    kinds = tuple(sorted({(str(supply.host), supply.gpus) for supply in question.supplies}))
    nodes = (Loss("node", kinds * question.lose_nodes),) if question.lose_nodes else ()
    if not (question.lose_provider or question.lose_region):
        yield nodes
        return
    parts = 1 if question.lose_provider else 2
    cheapest: dict[tuple[str, ...], int] = {}
    for stay in sorted(question.stays, key=lambda stay: stay.price):
        place = question.supplies[stay.supply].offer.place[:parts]
        cheapest.setdefault(place, stay.price)
    for place in list(cheapest)[:MOST_PLACES]:
        one = Loss("provider" if parts == 1 else "region", place=place)
        yield (*nodes, one, replace(one, all_others=True))
