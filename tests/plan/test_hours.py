"""What must hold of every answer hour by hour, on the shipped catalog and on a small one."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.load import LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.plan.hours import timetable_of
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Demand, Limits, Problem
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny
from tests.problems.conftest import loaded_with_catalog, solve_shipped
from tests.test_verify import farm

SETTINGS = SolveSettings()


def timed(problem: Problem, **tables: Any) -> Plan:
    loaded = LoadedProblem(problem, "", problem.name, "0" * 64, {})
    return best_plan(prepare(loaded, farm(**tables)), SETTINGS)


@pytest.mark.parametrize("limits", [{}, {"kinds": ("on_demand",), "survive": {"nodes": 1}}])
def test_a_flat_day_costs_what_the_peak_costs(limits: dict[str, Any]) -> None:
    rules = Limits.model_validate(limits)
    peak = timed(tiny.problem(limits=rules, demand=Demand(peak_concurrency=200)))
    day = timed(tiny.problem(limits=rules, demand=Demand(peak_concurrency=200, profile=(1.0,) * 24)))
    week = timed(tiny.problem(limits=rules, demand=Demand(hourly_concurrency=(200,) * 168)))
    assert peak.cost.usd_per_month == day.cost.usd_per_month == week.cost.usd_per_month
    assert timetable_of(peak) is None
    assert timetable_of(day) is not None
    assert "periods" not in peak.as_json()
    assert "node_hours_per_month" not in peak.as_json()["nodes"][0]


def test_a_budget_just_below_the_cost_leaves_no_plan() -> None:
    demand = Demand(peak_concurrency=200, profile=(0.5,) * 12 + (1.0,) * 12)
    spent = timed(tiny.problem(demand=demand)).cost.usd_per_month
    assert spent is not None
    for amount, status in ((spent, "optimal"), (spent - 0.01, "infeasible")):
        limits = Limits.model_validate({"budget": {"amount": amount}})
        assert timed(tiny.problem(limits=limits, demand=demand)).status == status


@pytest.mark.parametrize(("override", "key"), [
    ("limits.budget={amount: 10}", "limits.budget"),
    ("services.0.slo.tokens_per_s_per_user=5000", "assistant"),
])
def test_without_a_plan_the_rule_in_the_way_is_named(override: str, key: str) -> None:
    plan = solve_shipped("office-day-profile", override).plan
    assert plan.status == "infeasible"
    assert any(key in str(reason) for reason in plan.reasons), plan.reasons
    assert plan.periods == ()


def test_a_contract_beside_a_profile_is_billed_over_the_day() -> None:
    free, signed = (best_plan(prepare(*loaded_with_catalog("office-day-profile", *sets)), SETTINGS) for sets in (
        (), ("limits.contracts={gcp: {minimum_usd_per_month: 1000, signed: true}}",)))
    assert signed.status == "optimal"
    assert free.cost.usd_per_month is not None
    assert signed.cost.usd_per_month is not None
    assert free.cost.usd_per_month <= signed.cost.usd_per_month <= free.cost.usd_per_month + 1000 + 1e-6


def test_less_of_each_hour_on_spot_costs_more() -> None:
    free, half, none = (
        solve_shipped("office-day-profile", *([f"limits.spot_share_fraction={share}"] if share is not None else []))
        for share in (None, 0.2, 0.0))
    kinds = [{node.kind for node in one.plan.nodes} for one in (free, half, none)]
    costs = [one.plan.cost.usd_per_month for one in (free, half, none)]
    assert costs == sorted(costs)  # type: ignore[type-var]
    assert costs[0] < costs[1]  # type: ignore[operator]
    assert "spot" not in kinds[2]


def test_standing_nodes_and_the_hours_add_up_to_the_cost() -> None:
    plan = solve_shipped("tokyo-week").plan
    table = timetable_of(plan)
    assert table is not None
    assert sum(table.hours_at().values()) == 168
    assert table.standing_usd_per_month + table.hourly_usd_per_month == pytest.approx(plan.cost.usd_per_month)
    # the most of each node all day: what a plan for the peak with the same nodes would pay
    assert table.all_day_usd_per_month == pytest.approx(
        sum(node.count * node.usd_per_hour_each for node in plan.nodes) * 730)
    by_hour = table.nodes_by_hour()
    assert {name: max(counts) for name, counts in by_hour.items()} == {n.offer_id: n.count for n in plan.nodes}
