"""Step 7: every plan that no other beats in both cost and user speed, each proven."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, SolveSettings, achieved_speed, plan_of, prepare, solve
from optimizer.solve.extract import rejection_rows

SLOWEST_TOKENS_PER_S = 5.0
"""Where a frontier starts unless told otherwise: about the speed at which people read (250 words a minute)."""


@dataclass(frozen=True)
class FrontierPoint:
    """One plan of the frontier."""

    tokens_per_s_per_user: float
    usd_per_month: float
    robust: bool
    """Whether its speed's error bar meets none of its neighbours'."""
    plan: Plan


@dataclass(frozen=True)
class Frontier:
    """All points in rising speed and cost."""

    problem: str
    service_id: str
    low: float
    high: float | None
    points: tuple[FrontierPoint, ...]
    complete: bool
    """Whether every point within the range is there and proven."""
    solves: int
    prepared: Prepared

    def as_json(self) -> dict[str, Any]:
        """Return the frontier as plain data, its rejections once."""
        return {
            "schema_version": 1,
            "problem": self.problem,
            "axis": "speed",
            "service_id": self.service_id,
            "range": [self.low, self.high],
            "points": [
                {
                    "value": p.tokens_per_s_per_user,
                    "tokens_per_s_per_user": p.tokens_per_s_per_user,
                    "usd_per_month": p.usd_per_month,
                    "robust": p.robust,
                    "plan": p.plan.as_json(rejections=False),
                }
                for p in self.points
            ],
            "complete": self.complete,
            "rejections": [row.model_dump(mode="json") for row in rejection_rows(self.prepared)],
        }


def with_speed(problem: Problem, index: int, tokens_per_s: float) -> Problem:
    """Return a problem in which one service asks for a speed and no grade."""
    service = problem.services[index]
    slo = service.slo.model_copy(update={"grade": None, "tokens_per_s_per_user": tokens_per_s})
    services = list(problem.services)
    services[index] = service.model_copy(update={"slo": slo})
    return problem.model_copy(update={"services": tuple(services)})


def _service_index(problem: Problem, service_id: str | None) -> int:
    ids = [service.service_id for service in problem.services]
    if service_id is None:
        return next((i for i, service in enumerate(problem.services) if service.kind == "sync"), 0)
    if service_id not in ids:
        raise InputError([Fault("--service", service_id, "no such service", ", ".join(ids))])
    return ids.index(service_id)


def _at(prepared: Prepared, index: int, tokens_per_s: float) -> Prepared:
    problem = with_speed(prepared.problem, index, tokens_per_s)
    return replace(prepared, problem=problem, candidates=replace(prepared.candidates, services=problem.services))


def walk(prepared: Prepared, index: int, high: float | None, settings: SolveSettings) -> Iterator[tuple[Plan, bool]]:
    """Yield plans in rising speed: solve at a speed, note the speed the plan reaches, go on just above it.

    Complete, because the cost never falls with speed and is constant up to the speed a plan reaches.
    """
    current: Prepared | None = prepared
    while current is not None:
        solution = solve(current.candidates, current.problem.limits, current.budget, settings)
        if not solution.has_plan:
            if solution.status == "unknown":
                yield plan_of(current, solution, with_rejections=False), False
            return
        reached = achieved_speed(solution, index, current.candidates.demands[index].amount)
        exact = _at(current, index, reached)
        yield (
            plan_of(exact, replace(solution, targets=exact.candidates.targets()), with_rejections=False),
            solution.status == "optimal",
        )
        current = (
            None if high is not None and reached >= high else _at(current, index, math.nextafter(reached, math.inf))
        )


def _error(plan: Plan, service_id: str) -> float:
    return max((d.error_fraction or 0.0 for d in plan.deployments if d.service_id == service_id), default=0.0)


def _points(plans: list[Plan], service_id: str) -> tuple[FrontierPoint, ...]:
    """Drop plans that a faster one matches in cost, and mark those whose error bars stand apart."""
    speeds = [
        next(s.tokens_per_s_per_user or 0.0 for s in plan.services if s.service_id == service_id) for plan in plans
    ]
    costs = [plan.cost.usd_per_month or 0.0 for plan in plans]
    keep = [i for i in range(len(plans)) if i + 1 == len(plans) or costs[i + 1] > costs[i]]
    bars = {
        i: (speeds[i] * (1 - _error(plans[i], service_id)), speeds[i] * (1 + _error(plans[i], service_id)))
        for i in keep
    }
    points = []
    for position, i in enumerate(keep):
        below = position == 0 or bars[keep[position - 1]][1] < bars[i][0]
        above = position + 1 == len(keep) or bars[i][1] < bars[keep[position + 1]][0]
        points.append(FrontierPoint(speeds[i], costs[i], below and above, plans[i]))
    return tuple(points)


def cost_speed_frontier(
    loaded: LoadedProblem,
    catalog: Catalog,
    settings: SolveSettings,
    low: float | None = None,
    high: float | None = None,
    service_id: str | None = None,
) -> Frontier:
    """Return the complete frontier of cost against the user speed of one service.

    Args:
        low: slowest speed of the range in tokens/s; default 5, or the target when that is less.
        high: fastest; None means as fast as any offer goes.
        service_id: whose speed; default the first interactive service. The others keep their own targets.

    Raises:
        InputError: the range is empty, or there is no such service.
    """
    index = _service_index(loaded.problem, service_id)
    target = loaded.problem.services[index].slo.target_tokens_per_s
    start = low if low is not None else min(SLOWEST_TOKENS_PER_S, target or SLOWEST_TOKENS_PER_S)
    if start <= 0 or (high is not None and high < start):
        raise InputError([Fault("--range", "", f"{start:g}:{high}", "LOW:HIGH in tokens/s with 0 < LOW <= HIGH")])
    prepared = prepare(loaded, catalog, with_speed(loaded.problem, index, start))
    plans, proven, solves = [], True, 0
    for plan, optimal in walk(prepared, index, high, settings):
        solves += 1
        proven = proven and optimal
        if plan.status in ("optimal", "feasible"):
            plans.append(plan)
    name = loaded.problem.services[index].service_id
    return Frontier(loaded.problem.name, name, start, high, _points(plans, name), proven, solves, prepared)
