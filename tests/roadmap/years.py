"""Roadmaps of round numbers: stated capacities, whole prices, so that every total can be worked out in a comment.

A quarter has 2,190 hours: a node at 1 USD/h costs 2,190 USD a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optimizer.costs.quarters import Calendar
from optimizer.load import Catalog, LoadedProblem
from optimizer.roadmap import budget_plan
from optimizer.roadmap.build import build_case, peak_problem
from optimizer.roadmap.case import RoadmapCase
from optimizer.schema.budget_plan import BudgetPlan, QuarterPlan
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.problem import Assumptions, Demand, Limits, Problem, Roadmap
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny

KINDS: Any = ("on_demand", "reserved", "spot", "owned")


@dataclass(frozen=True)
class Rented:
    """A rented node: USD an hour and what it carries; a term makes it a commitment."""

    price: float
    carries: int
    months: int = 0
    upfront: float = 0.0
    stock: int | None = None
    provider: str = "cloud"
    gpu: str = "g"


@dataclass(frozen=True)
class Bought:
    """A node to buy: USD, USD an hour to run, and what it carries."""

    price: float
    running: float
    carries: int
    stock: int | None = None
    gpu: str = "g"


Supply = dict[str, Rented | Bought]


@dataclass(frozen=True)
class Years:
    """A problem with its catalog."""

    problem: Problem
    catalog: Catalog

    @property
    def loaded(self) -> LoadedProblem:
        return LoadedProblem(self.problem, "", self.problem.name, "0" * 64, {})

    def plan(self, **settings: Any) -> BudgetPlan:
        return budget_plan(self.loaded, self.catalog, SolveSettings(**settings))

    def case(self) -> RoadmapCase:
        """Return the integers, before stays are dropped."""
        problem, roadmap = self.problem, self.problem.roadmap
        assert roadmap is not None
        prepared = prepare(self.loaded, self.catalog, peak_problem(problem, roadmap))
        return build_case(prepared, problem, roadmap, Calendar.of(roadmap, problem))

    def with_roadmap(self, **changes: Any) -> Years:
        roadmap = self.problem.roadmap
        assert roadmap is not None
        told = {name: getattr(roadmap, name) for name in roadmap.model_fields_set} | changes
        return replace(self, problem=self.problem.model_copy(update={"roadmap": Roadmap.model_validate(told)}))

    def with_limits(self, **changes: Any) -> Years:
        limits = self.problem.limits.model_copy(update=changes)
        return replace(self, problem=self.problem.model_copy(update={"limits": limits}))


def years(
    supply: Supply, *, demand: int | tuple[int, ...] = 10, limits: dict[str, Any] | None = None,
    assumptions: dict[str, Any] | None = None, carries: dict[tuple[int, str], int] | None = None, **roadmap: Any,
) -> Years:
    """Put nodes, demand (of each service) and a roadmap together.

    Args:
        carries: (service, offer) -> what a node carries of a service other than what its supply says.
    """
    rented = {
        name: tiny.offer(
            name, one.price, kind="reserved" if one.months else "on_demand", term_months=one.months,
            upfront_fraction=one.upfront, stock=one.stock, provider=one.provider, gpu_id=one.gpu)
        for name, one in supply.items() if isinstance(one, Rented)
    }
    bought = {name: one for name, one in supply.items() if isinstance(one, Bought)}
    nodes = {
        name: tiny.node(offer_id=name, gpu_count=1, gpu_id=one.gpu, form="workstation", colocated=False,
                        stock=one.stock, parts=(tiny.part(one.price),))
        for name, one in bought.items()
    }
    demands = demand if isinstance(demand, tuple) else (demand,)
    first = tiny.problem().services[0]
    services = tuple(
        first.model_copy(update={"service_id": f"s{i}", "demand": Demand(peak_concurrency=amount)})
        for i, amount in enumerate(demands)
    )
    told = carries or {}
    rows = {
        (f"s{i}", f"{name}.here" if name in bought else name): CapacityRow(
            service_id=f"s{i}", offer_id=f"{name}.here" if name in bought else name,
            max_concurrency=told.get((i, name), one.carries), engine_id="e")
        for i in range(len(demands)) for name, one in supply.items()
    }
    running = {name: one.running for name, one in bought.items()}
    problem = Problem(
        schema_version=1, name="years", services=services, limits=Limits(
            **{"kinds": KINDS, "max_term_months": 60, **(limits or {})}),
        assumptions=Assumptions(running_usd_per_hour=running, **(assumptions or {})),
        roadmap=Roadmap.model_validate({"start": "2027-Q2", **roadmap}))
    gpus = {name: tiny.gpu(name) for name in ("g", "h")}
    return Years(problem, tiny.catalog(gpus=gpus, offers=rented, owned=nodes, capacities=rows))


def standing(quarter: QuarterPlan) -> dict[str, int]:
    """Count the nodes that stand in a quarter by offer."""
    found: dict[str, int] = {}
    for one in quarter.nodes:
        if one.standing:
            found[one.offer_id] = found.get(one.offer_id, 0) + one.standing
    return found


def stands(plan: BudgetPlan) -> list[dict[str, int]]:
    """Count the nodes of every quarter."""
    return [standing(quarter) for quarter in plan.quarters]
