"""Roadmaps of round numbers: stated capacities, whole prices, so that every total can be worked out in a comment.

A quarter has 2,190 hours: a node at 1 USD/h costs 2,190 USD a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optimizer.answer import answer
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.plan import Plan, RoadmapPlan
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

    def plan(self, **settings: Any) -> Plan:
        return best_plan(prepare(self.loaded, self.catalog), SolveSettings(**settings))

    def money(self) -> RoadmapPlan:
        """Return the proven plan's quarters."""
        plan = self.plan()
        assert plan.status == "optimal"
        assert plan.roadmap is not None
        return plan.roadmap

    def answered(self) -> Plan:
        """Return the plan with what stands beside it, or why there is none."""
        return answer(self.loaded, self.catalog, SolveSettings())

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


def stands(plan: RoadmapPlan) -> list[dict[str, int]]:
    """Count the nodes that stand in every quarter by offer."""
    found: list[dict[str, int]] = [{} for _ in plan.quarters]
    for stay in sorted(plan.stays, key=lambda stay: stay.offer_id):
        for quarter in range(stay.first, stay.end):
            found[quarter][stay.offer_id] = found[quarter].get(stay.offer_id, 0) + stay.count
    return found


def cents(plan: Plan) -> int | None:
    """Return the total of a plan that is proven, None where there is proven to be none."""
    assert plan.status in ("optimal", "infeasible")
    return None if plan.roadmap is None else round(plan.roadmap.total_cost_usd * 100)
