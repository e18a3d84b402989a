"""The proven cheapest plan of any problem, by the quickest exact way that applies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from optimizer.demand import profile_hours
from optimizer.load import LoadedProblem
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, SolveSettings, plan_of, solve_prepared
from optimizer.solve.prove import Clock
from optimizer.verify.known import KnownFigures

if TYPE_CHECKING:
    from optimizer.question.build import Asked
    from optimizer.strategies.found import Effort
    from optimizer.strategies.search import Found


def spans_periods(problem: Problem) -> bool:
    """Say whether a problem asks for more than one peak of nodes that serve one service each.

    One peak has quicker ways of its own (`optimizer.solve`), proven equal.
    """
    limits, survive = problem.limits, problem.limits.survive
    loses = survive.nodes or survive.provider or survive.region
    return (
        problem.roadmap is not None or problem.sharing == "nodes" or profile_hours(problem) is not None
        or "api" in limits.kinds
        or (limits.purchases, limits.cash_per_year, limits.co2_kg_per_month) != (None, None, None)
        or bool(loses and survive.is_replaced(problem.sharing)))


def without_roadmap(loaded: LoadedProblem) -> LoadedProblem:
    """Return a problem whose demand is that of today in all quarters."""
    if loaded.problem.roadmap is None:
        return loaded
    return replace(loaded, problem=loaded.problem.model_copy(update={"roadmap": None}))


def best_plan(
    prepared: Prepared, settings: SolveSettings, with_rejections: bool = True, known: KnownFigures | None = None
) -> Plan:
    """Return the proven cheapest plan of a problem: one peak, hours, quarters, shared nodes, in any combination.

    Args:
        prepared: the problem.
        settings: limits of the search.
        with_rejections: whether the plan lists what was dropped.
        known: keeps what the checks worked out of replicas, for further plans of the same catalog.

    Raises:
        InputError: the problem names something that the catalog does not have.
        VerificationError: the plan broke a rule when it was checked again.
    """
    if spans_periods(prepared.problem):
        return over_periods(prepared, settings, with_rejections, known)[0]
    solution = solve_prepared(prepared, settings)
    return plan_of(prepared, solution, with_rejections, known)


def over_periods(
    prepared: Prepared, settings: SolveSettings, with_rejections: bool = True, known: KnownFigures | None = None
) -> tuple[Plan, Asked, Found]:
    """Return the proven cheapest plan by the one program, with its question and what was found.

    Raises:
        InputError: the problem names something that the catalog does not have.
        VerificationError: the plan broke a rule when it was checked again.
    """
    from optimizer.plan.periods import plan_of_periods  # most problems have one peak
    from optimizer.question.build import ask
    from optimizer.strategies.answer import answer

    asked = ask(prepared)
    found = answer(asked.question, effort_of(settings), settings.reduced)
    return plan_of_periods(asked, found, with_rejections, known), asked, found


def effort_of(settings: SolveSettings) -> Effort:
    """Return how long to search, counted from now."""
    from optimizer.strategies.found import Effort

    return Effort(Clock(settings).end, settings.deterministic_limit, settings.seed)
