"""A prepared problem with one of its promises changed, prices and candidates carried over wherever they stay exact.

Loosen by preparing anew (options that fell out must come back); tighten with these.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.candidates import CandidateSet, ClassSpeed, Option, ReplicaSpeed
from optimizer.costs import rate_per_usd
from optimizer.demand import demand_of, with_quantity
from optimizer.formulation.case import budget_micro_usd_per_hour
from optimizer.schema.problem import Limits, Problem
from optimizer.solve.prepare import Prepared, prepare

CASE_LIMITS = frozenset({
    "budget", "max_gpu_types", "nodes", "at_least", "engine_policy", "survive", "spot_share_fraction", "contracts",
    "power_kw",
})
"""Limits that only the solver looks at: prices and candidates stay as they are without them."""


def with_service(problem: Problem, index: int, **changes: Any) -> Problem:
    """Return a problem in which one service has other values."""
    services = list(problem.services)
    services[index] = services[index].model_copy(update=changes)
    return problem.model_copy(update={"services": tuple(services)})


def with_speed(problem: Problem, index: int, tokens_per_s: float) -> Problem:
    """Return a problem in which one service asks for a speed and no grade."""
    slo = problem.services[index].slo.model_copy(update={"grade": None, "tokens_per_s_per_user": tokens_per_s})
    return with_service(problem, index, slo=slo)


def with_ttft(problem: Problem, index: int, ttft_ms: float | None) -> Problem:
    """Return a problem in which one service asks for a TTFT."""
    return with_service(problem, index, slo=problem.services[index].slo.model_copy(update={"ttft_ms": ttft_ms}))


def with_limits(problem: Problem, **changes: Any) -> Problem:
    """Return a problem with other limits."""
    return problem.model_copy(update={"limits": problem.limits.model_copy(update=changes)})


def _replaced(prepared: Prepared, problem: Problem, **changes: Any) -> Prepared:
    return replace(
        prepared, problem=problem, candidates=replace(prepared.candidates, services=problem.services, **changes)
    )


def at_speed(prepared: Prepared, index: int, tokens_per_s: float) -> Prepared:
    """Ask one service for a speed no lower than the one it was prepared for."""
    return _replaced(prepared, with_speed(prepared.problem, index, tokens_per_s))


def at_demand(prepared: Prepared, index: int, quantity: Fraction) -> Prepared:
    """Give one service a demand no higher than the one it was prepared for, in its own unit."""
    service = with_quantity(prepared.problem.services[index], quantity)
    demand = demand_of(service, prepared.problem.limits.max_utilisation_fraction)
    demands = tuple(demand if i == index else old for i, old in enumerate(prepared.candidates.demands))
    problem = with_service(prepared.problem, index, demand=service.demand, deadline=service.deadline)
    options = {
        key: tuple(option.capped(demand) for option in found) if key[0] == index else found
        for key, found in prepared.candidates.options.items()
    }
    return _replaced(prepared, problem, demands=demands, options=options)


def _options(candidates: CandidateSet, index: int, change: Any) -> dict[tuple[int, str], tuple[Option, ...]]:
    """Return the options with the speeds of one service changed."""
    return {
        key: tuple(option.changed(change) for option in found) if key[0] == index else found
        for key, found in candidates.options.items()
    }


def at_ttft(prepared: Prepared, index: int, ttft_ms: float) -> Prepared:
    """Ask one service for a TTFT no longer than the one it was prepared for."""
    problem = with_ttft(prepared.problem, index, ttft_ms)
    slo = problem.services[index].slo

    def tightened(speed: ReplicaSpeed) -> ReplicaSpeed:
        """Return a replica under the new limit."""
        classes: tuple[ClassSpeed, ...] = tuple(replace(one, slo=slo) for one in speed.classes)
        return ReplicaSpeed(classes, speed.demand)

    return _replaced(prepared, problem, options=_options(prepared.candidates, index, tightened))


def under_limits(prepared: Prepared, **changes: Any) -> Prepared:
    """Change some limits; offers are priced and options enumerated again only where that matters."""
    problem = with_limits(prepared.problem, **changes)
    if not CASE_LIMITS.issuperset(changes):
        return prepare(prepared.loaded, prepared.catalog, problem, prepared.shelf)
    return replace(prepared, problem=problem, budget=budget_of(prepared, problem.limits))


def budget_of(prepared: Prepared, limits: Limits) -> int | None:
    """Return the cost cap of some limits in micro-dollars an hour."""
    if limits.budget is None:
        return None
    return budget_micro_usd_per_hour(
        limits, rate_per_usd(prepared.catalog, prepared.problem, limits.budget.currency)
    )

