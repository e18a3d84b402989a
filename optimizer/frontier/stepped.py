"""Frontiers of questions that span periods or share nodes: each value is a whole plan, solved and verified."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.demand import with_quantity
from optimizer.frontier.points import AxisName, FrontierPoint
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import SolveSettings, prepare
from optimizer.solve.variants import with_limits, with_service, with_speed, with_ttft

MOST_SOLVES = 40
"""Plans of one frontier of speed; beyond it the rest of the range is left open, and the frontier says so."""

SAMPLES = 8
"""Values at which a frontier of demand or of TTFT is sampled."""


@dataclass(frozen=True)
class Walked:
    """The points of a frontier, in rising strictness."""

    points: tuple[FrontierPoint, ...]
    complete: bool
    """Whether nothing lies between them and all are proven."""
    solves: int


def problem_at(problem: Problem, axis: AxisName, index: int, value: Fraction) -> Problem:
    """Return a problem that asks for a value of an axis."""
    if axis == "speed":
        return with_speed(problem, index, float(value))
    if axis == "ttft":
        return with_ttft(problem, index, float(value))
    if axis == "losses":
        return with_limits(problem, survive=problem.limits.survive.model_copy(update={"nodes": int(value)}))
    asked = with_quantity(problem.services[index], value)
    return with_service(problem, index, demand=asked.demand, deadline=asked.deadline)


def step_by_step(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, axis: AxisName, index: int,
    low: Fraction, high: Fraction | None, step: Fraction,
) -> Walked:
    """Walk up an axis.

    Speed: what a plan keeps in every period is its next point, so nothing in between is skipped. Losses: each whole
    number. Demand and TTFT: evenly spaced values, between which cheaper plans may lie, so never complete.
    """

    def solved(value: Fraction) -> Plan:
        prepared = prepare(loaded, catalog, problem_at(loaded.problem, axis, index, value))
        return best_plan(prepared, settings, with_rejections=False)

    if axis == "speed":
        return _by_speed(solved, index, low, high)
    values = list(_values(axis, low, high or low, step))
    plans = [(value, solved(value)) for value in values]
    found = [(value, plan) for value, plan in plans if plan.has_plan]
    kept = [(value, plan) for place, (value, plan) in enumerate(found)
            if place + 1 == len(found) or found[place + 1][1].cost.usd_per_month != plan.cost.usd_per_month]
    complete = axis == "losses" and all(plan.status in ("optimal", "infeasible") for _, plan in plans)
    return Walked(tuple(_point(value, plan, index) for value, plan in kept), complete, len(values))


def _values(axis: AxisName, low: Fraction, high: Fraction, step: Fraction) -> Iterator[Fraction]:
    """Yield the values to solve for, in rising strictness."""
    if axis == "losses":
        yield from (Fraction(lost) for lost in range(int(low), int(high) + 1))
        return
    span = [low + (high - low) * part / (SAMPLES - 1) for part in range(SAMPLES)]
    whole = [value // step * step for value in span]
    yield from sorted(set(whole), reverse=axis == "ttft")


def _by_speed(
    solved: Callable[[Fraction], Plan], index: int, low: Fraction, high: Fraction | None
) -> Walked:
    points: list[FrontierPoint] = []
    value = low
    for solves in range(1, MOST_SOLVES + 1):
        plan = solved(value)
        speed = plan.services[index].tokens_per_s_per_user if plan.services else None
        if plan.has_plan and speed is None:  # hosted APIs alone, which promise no speed: no next value is known
            points.append(_point(value, plan, index))
            return Walked(tuple(points), False, solves)
        if plan.status not in ("optimal", "feasible") or speed is None:
            return Walked(tuple(points), plan.status == "infeasible" and all(p.proven for p in points), solves)
        reached = max(value, Fraction(speed))
        if points and points[-1].usd_per_month == plan.cost.usd_per_month:
            points.pop()
        points.append(_point(reached if high is None else min(reached, high), plan, index))
        if high is not None and reached >= high:
            return Walked(tuple(points), all(p.proven for p in points), solves)
        value = Fraction(math.nextafter(float(reached), math.inf))
    return Walked(tuple(points), False, MOST_SOLVES)


def _point(value: Fraction, plan: Plan, index: int) -> FrontierPoint:
    speed = plan.services[index].tokens_per_s_per_user if plan.services else None
    return FrontierPoint(float(value), float(value), float(value), speed, plan.cost.usd_per_month or 0.0, False,
                         plan.status == "optimal", plan)
