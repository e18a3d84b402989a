"""The strategies in the order in which they are tried: the first that applies and ends with a proof answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.question.question import Question
from optimizer.strategies.apart import by_services, falls_apart
from optimizer.strategies.found import Effort
from optimizer.strategies.lone import applies
from optimizer.strategies.parts import beside_work, by_parts, has_parts, has_work_beside
from optimizer.strategies.quarters import by_quarters, spans_quarters
from optimizer.strategies.search import Found, search
from optimizer.strategies.spares import is_placed_again, spared
from optimizer.strategies.staircase import by_staircase
from optimizer.strategies.widening import by_columns, has_many_demands


@dataclass(frozen=True)
class Strategy:
    """An exact way to answer some questions."""

    name: str
    """What the answer calls it."""
    applies: Callable[[Question], bool]
    """Whether it answers a question, with every rule that the question sets."""
    solve: Callable[[Question, Effort, bool], Found]
    """Question, effort, and whether the question may be reduced first -> what was found."""
    stands: bool = False
    """Whether a plan that it does not prove stands, as those that come after it find nothing better soon."""


def _by_columns(question: Question, effort: Effort, reduce: bool) -> Found:
    return search(question, effort, reduce, by_columns)


STRATEGIES: tuple[Strategy, ...] = (
    Strategy("apart", falls_apart, lambda *asked: _by_services(*asked)),
    Strategy("part by part", has_parts, lambda *asked: _by_parts(*asked)),
    Strategy("staircase", applies, by_staircase),
    Strategy("work beside a staircase", has_work_beside, beside_work),
    Strategy("columns", has_many_demands, _by_columns, stands=True),
    Strategy("quarters", spans_quarters, by_quarters, stands=True),
    Strategy("program", lambda _: True, search),
)
"""Quicker ways come before the plain program, which answers every question."""


def answer(question: Question, effort: Effort, reduce: bool = True) -> Found:
    """Answer a question by the first strategy that applies and ends with a proof, else by the best that was found.

    Raises:
        ModelTooLargeError: some sum may exceed the solver's integers.
        DisagreementError: two engines contradict each other.
    """
    best: Found | None = None
    for strategy in STRATEGIES:
        if not strategy.applies(question):
            continue
        found = strategy.solve(question, effort, reduce)
        if found.status in ("optimal", "infeasible"):
            return found
        best = found if best is None else _joined(best, found)
        if best.status == "optimal" or effort.expired() or (strategy.stands and found.has_plan):
            break
    assert best is not None, "the plain program applies to every question"
    if best.status == "unknown" and is_placed_again(best.question):
        return spared(best.question, best.bound) or best
    return best


def _by_services(question: Question, effort: Effort, reduce: bool) -> Found:
    return by_services(question, effort, reduce, answer)


def _by_parts(question: Question, effort: Effort, reduce: bool) -> Found:
    return by_parts(question, effort, reduce, answer)


def _joined(one: Found, other: Found) -> Found:
    """Keep the cheaper plan of two outcomes, and the higher bound."""
    best = min((one, other), key=lambda found: (found.cost is None, found.cost or 0))
    bound = max(one.bound, other.bound)
    if best.cost is None:
        return replace(best, bound=bound)
    return replace(best, bound=min(bound, best.cost), status="optimal" if bound >= best.cost else "feasible")
