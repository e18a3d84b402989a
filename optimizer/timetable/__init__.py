"""Demand over time: what stands all day, what comes and goes by the hour, and which hours do the work that can wait."""

from __future__ import annotations

from optimizer.demand import profile_hours
from optimizer.errors import Fault, InputError
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, SolveSettings, plan_of, solve_prepared
from optimizer.verify.known import KnownFigures


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
        from optimizer.timetable.answer import solve_over_time  # most problems have no hours

        return solve_over_time(prepared, settings, with_rejections, known)
    solution = solve_prepared(prepared, settings)
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
