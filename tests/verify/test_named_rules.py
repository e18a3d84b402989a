"""What a rule groups by, and what it may not forget: a plan that stands is not refused, one that does not is."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Contract, Demand, Limits, Problem, Survive
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.verify import faults_of_plan
from tests.catalogs import tiny
from tests.limits.test_restrictions import POINTS, SITES


def solved(problem: Problem, catalog: Catalog) -> Plan:
    prepared = prepare(LoadedProblem(problem, "", problem.name, "0" * 64, {}), catalog)
    found = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings())
    plan = plan_of(prepared, found)
    assert plan.status == "optimal"
    return plan


def problem_of(**limits: Any) -> Problem:
    return tiny.problem(limits=Limits(**limits), demand=Demand(peak_concurrency=80))


def test_regions_of_one_provider_are_lost_one_at_a_time() -> None:
    """A node of 87 in each of two regions of one provider: either carries 80, though without the provider none does."""
    offers = {one.offer_id: one for one in (
        tiny.offer("east", 1.0, region="east"), tiny.offer("west", 2.0, region="west"))}
    catalog = tiny.catalog(*POINTS[:2], offers=offers)
    problem = problem_of(kinds=("on_demand",), survive=Survive(region=True))
    plan = solved(problem, catalog)
    assert {node.region for node in plan.nodes} == {"east", "west"}
    assert faults_of_plan(plan, problem, catalog, {}) == []
    without = problem_of(kinds=("on_demand",), survive=Survive(provider=True))
    assert any(fault.startswith("survive_provider_loss") for fault in faults_of_plan(plan, without, catalog, {}))


@pytest.mark.parametrize(("stock", "stands"), [
    ({"own-2x-g": 2}, True), ({"own-2x-g": 1}, False), ({"own-2x-g": 2, "own-2x-g.here": 0}, False),
    ({"own-2x-g": 2, "own-2x-g.here": 1}, True), ({"own-2x-g.here": 1, "own-2x-g.there": 1}, True)])
def test_a_machine_is_counted_at_all_its_sites(stock: dict[str, int], stands: bool) -> None:
    """One machine here and one there: two of the machine."""
    catalog = tiny.catalog(
        *POINTS[:2], owned={"own-2x-g": tiny.node(sites=("here", "there"))}, sites=SITES)
    plan = solved(problem_of(kinds=("owned",), at_least={"own-2x-g.here": 1, "own-2x-g.there": 1}), catalog)
    faults = faults_of_plan(plan, problem_of(kinds=("owned",), stock=stock), catalog, {})
    assert any(fault.startswith("respect_stock") for fault in faults) is not stands


def test_what_is_signed_is_paid_without_a_node() -> None:
    """A node of one provider at 1 dollar an hour, and the 2 dollars signed with another of which none is used."""
    offers = {one.offer_id: one for one in (
        tiny.offer("used", 1.0, provider="acme"), tiny.offer("unused", 9.0, provider="best"))}
    catalog = tiny.catalog(*POINTS[:2], offers=offers)
    problem = problem_of(kinds=("on_demand",), contracts={
        "best": Contract(minimum_usd_per_month=1460.0, signed=True)})
    plan = solved(problem, catalog)
    assert plan.cost.usd_per_hour == 3.0
    assert [node.offer_id for node in plan.nodes] == ["used"]
    assert faults_of_plan(plan, problem, catalog, {}) == []
    unsigned = plan.model_copy(update={"cost": plan.cost.model_copy(update={
        "usd_per_hour": 1.0, "usd_per_month": 730.0, "breakdown": {"rent": 730.0}}), "bound_usd_per_month": 730.0})
    faults = faults_of_plan(unsigned, problem, catalog, {})
    assert {fault.partition(":")[0] for fault in faults} >= {"pay_contracts", "total_cost"}
