"""Demand over time: what stands all day, what comes and goes by the hour, and which hours do the work that can wait."""

from __future__ import annotations

from optimizer.costs import rate_per_usd
from optimizer.demand import profile_hours
from optimizer.errors import Fault, InputError
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, SolveSettings, plan_of, solve
from optimizer.solve.prove import Clock
from optimizer.solve.refusals import refuse_limits, refuse_routed
from optimizer.timetable.case import TimeCase, build_time_case
from optimizer.timetable.extract import time_plan_of
from optimizer.timetable.prove import TimeProven, prove_timetable
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


def best_plan(
    prepared: Prepared, settings: SolveSettings, with_rejections: bool = True, known: KnownFigures | None = None
) -> Plan:
    """Return the proven cheapest plan, hour by hour where the problem states its demand so.

    Args:
        prepared: the problem.
        settings: limits of the search.
        with_rejections: whether the plan lists what was dropped.
        known: keeps what the checks worked out of replicas, for further plans of the same catalog.
    """
    if profile_hours(prepared.problem) is not None:
        return solve_over_time(prepared, settings, with_rejections, known)
    solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, settings)
    return plan_of(prepared, solution, with_rejections, known)


def refuse_profile(problem: Problem, label: str, what: str) -> None:
    """Refuse a problem with a demand by the hour where one peak is asked for.

    Raises:
        InputError: naming every such key.
    """
    keys = ("profile", "hourly_concurrency", "hourly_rps")
    faults = [
        Fault(label, f"services.{index}.demand.{key}", "a demand by the hour", f"one peak: {what} looks at one")
        for index, service in enumerate(problem.services) if service.demand is not None
        for key in keys if getattr(service.demand, key) is not None
    ]
    if faults:
        raise InputError(faults)


__all__ = [
    "TimeCase",
    "TimeProven",
    "best_plan",
    "prove_timetable",
    "refuse_profile",
    "solve_over_time",
    "time_case_of",
]
