"""Among plans of equal cost the one whose speeds are best known: better evidence, then a narrower bar, then support."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from optimizer.candidates import CandidateSet
from optimizer.candidates.option import UNKNOWN_TRUST, Trust

if TYPE_CHECKING:
    from optimizer.solve.search import Solution


def trust_of(solution: Solution) -> Trust:
    """Return the rank of the least trusted option of a plan."""
    return max((chosen.row.candidate.option.trust(solution.targets[chosen.row.service]) for chosen in solution.chosen),
               default=UNKNOWN_TRUST)


def best_known(
    candidates: CandidateSet, solution: Solution, solve_again: Callable[[CandidateSet], Solution]
) -> tuple[CandidateSet, Solution]:
    """Return the candidates of the best rank that still reach the cost of a solution, and their cheapest plan.

    The fewer options are left, the dearer the plan can only be, so that the best rank is found by halving.
    """
    targets, worst = candidates.targets(), trust_of(solution)
    ranked = {key: [(option.trust(targets[key[0]]), option) for option in found]
              for key, found in candidates.options.items()}
    ranks = sorted({rank for found in ranked.values() for rank, _ in found if rank < worst})
    low, high, best = 0, len(ranks), (candidates, solution)
    while low < high:
        middle = (low + high) // 2
        options = {key: tuple(option for rank, option in found if rank <= ranks[middle])
                   for key, found in ranked.items()}
        kept = replace(candidates, options={key: found for key, found in options.items() if found})
        found = solve_again(kept)
        if found.status == "optimal" and found.cost == solution.cost and found.idle_nodes <= solution.idle_nodes:
            best, high = (kept, found), middle
        else:
            low = middle + 1
    return best
