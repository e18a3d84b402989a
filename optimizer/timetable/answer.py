"""From a prepared problem with a demand by the hour to its proven cheapest plan."""

from __future__ import annotations

from optimizer.costs import rate_per_usd
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, SolveSettings
from optimizer.solve.prove import Clock
from optimizer.solve.refusals import refuse_limits, refuse_routed
from optimizer.timetable.case import TimeCase, build_time_case
from optimizer.timetable.extract import time_plan_of
from optimizer.timetable.prove import prove_timetable
from optimizer.timetable.slots import cycle_of
from optimizer.verify.known import KnownFigures


def time_case_of(prepared: Prepared, reduced: bool = True) -> TimeCase:
    """Put a prepared problem with a profile into integers.

    Raises:
        InputError: the problem sets a rule that a timetable does not know.
    """
    problem = prepared.problem
    refuse_limits(problem.limits, prepared.loaded.label, "a demand by the hour", "contracts")
    refuse_routed(problem, "a demand by the hour")
    currency = problem.limits.budget.currency if problem.limits.budget else "USD"
    rate = rate_per_usd(prepared.catalog, problem, currency)
    return build_time_case(prepared.candidates, prepared.catalog, problem.limits, cycle_of(problem), rate, reduced)


def solve_over_time(
    prepared: Prepared, settings: SolveSettings, with_rejections: bool = True, known: KnownFigures | None = None
) -> Plan:
    """Return the proven cheapest plan of a problem with a profile, verified.

    Raises:
        InputError: a rule is set that looks at one peak, or a service routes its classes apart.
    """
    clock, case = Clock(settings), time_case_of(prepared, settings.reduced)
    return time_plan_of(prepared, case, prove_timetable(case, settings, clock), with_rejections, known)
