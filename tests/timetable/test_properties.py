"""What must hold of every answer hour by hour, on the shipped catalog and on drawn ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.explain import explain
from optimizer.formulation import Case, CaseRow
from optimizer.frontier import trace_frontier
from optimizer.load import LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Demand, Limits, Problem
from optimizer.solve import SolveSettings, prepare
from optimizer.solve.prove import Clock, cost_of, prove
from optimizer.timetable.answer import time_case_of
from optimizer.timetable.case import TimeCase
from optimizer.timetable.prove import prove_timetable
from tests.catalogs import tiny
from tests.oracles.timetables import highs_time_cost, random_time_case, time_case
from tests.problems.conftest import loaded_with_catalog, solve_shipped
from tests.test_verify import farm

SETTINGS = SolveSettings()
BY_THE_HOUR = ("office-day-profile", "tokyo-week", "valley-filling")


def cost(case: TimeCase) -> int | None:
    return prove_timetable(case, SETTINGS, Clock(SETTINGS)).cost


def flat(case: TimeCase) -> tuple[TimeCase, Case]:
    """Return a timetable of one slot, and the same question as one peak."""
    elastic = {row.offer_id: base is None for row, base in zip(case.rows, case.base_of, strict=True)}
    rows = [CaseRow(**{name: getattr(row, name) for name in CaseRow.__slots__}) for row in case.rows]
    demand = max(slot.demand[0] for slot in case.slots)
    alone = time_case(rows, elastic, [(24, (demand,))], stock=case.stock, limits=case.limits)
    tops = [counts[0] if base is None else alone.bases[base].most
            for counts, base in zip(alone.most, alone.base_of, strict=True)]
    peak = Case(
        tuple(CaseRow(row.service, row.offer, row.price, min(row.capacity, demand), most, *(
            getattr(row, name) for name in CaseRow.__slots__[5:])) for row, most in zip(alone.rows, tops, strict=True)),
        (demand,), case.stock, min_nodes=case.limits.nodes.min, max_nodes=case.limits.nodes.max,
        lose_nodes=case.limits.survive.nodes)
    return alone, peak


@given(st.integers(0, 100_000), st.sampled_from(["respect_stock", "limit_nodes", "survive_node_loss"]))
@hypothesis_settings(max_examples=40)
def test_one_slot_costs_what_one_peak_costs(seed: int, rule: str) -> None:
    alone, peak = flat(random_time_case(seed, (rule,)))
    found = prove(peak, SETTINGS, Clock(SETTINGS))
    assert cost(alone) == (24 * cost_of(peak, found.counts) if found.counts else None)


@given(st.integers(0, 100_000))
@hypothesis_settings(max_examples=40)
def test_a_mix_is_never_dearer_than_renting_or_owning_alone(seed: int) -> None:
    case = random_time_case(seed, ("respect_stock",))
    elastic = {row.offer_id: base is None for row, base in zip(case.rows, case.base_of, strict=True)}
    slots = [(slot.weight, slot.demand) for slot in case.slots]
    parts = [[row for row in case.rows if elastic[row.offer_id] == kind] for kind in (True, False)]
    alone = [cost(time_case(rows, elastic, slots, stock=case.stock)) for rows in parts if rows]
    both = cost(case)
    assert all(one is None or (both is not None and both <= one) for one in alone)


@given(st.integers(0, 100_000), st.integers(0, 2), st.integers(1, 4))
@hypothesis_settings(max_examples=30)
def test_more_demand_in_an_hour_is_never_cheaper(seed: int, place: int, more: int) -> None:
    case = random_time_case(seed)
    elastic = {row.offer_id: base is None for row, base in zip(case.rows, case.base_of, strict=True)}
    slots = [(slot.weight, slot.demand) for slot in case.slots]
    weight, (demand,) = slots[place % len(slots)]
    slots[place % len(slots)] = (weight, (demand + more,))
    harder, before = cost(time_case(case.rows, elastic, slots, stock=case.stock)), cost(case)
    assert before is not None
    assert harder is not None
    assert harder >= before


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
    assert peak.timetable is None
    assert day.timetable is not None
    assert "timetable" not in peak.as_json()
    assert "node_hours_per_month" not in peak.as_json()["nodes"][0]


def test_a_budget_just_below_the_cost_leaves_no_plan() -> None:
    demand = Demand(peak_concurrency=200, profile=(0.5,) * 12 + (1.0,) * 12)
    spent = timed(tiny.problem(demand=demand)).cost.usd_per_month
    assert spent is not None
    for amount, status in ((spent, "optimal"), (spent - 0.01, "infeasible")):
        limits = Limits.model_validate({"budget": {"amount": amount}})
        assert timed(tiny.problem(limits=limits, demand=demand)).status == status


@pytest.mark.parametrize("name", BY_THE_HOUR)
def test_highs_agrees_on_what_is_shipped(name: str) -> None:
    case = time_case_of(prepare(*loaded_with_catalog(name)))
    assert cost(case) == highs_time_cost(case)


@pytest.mark.parametrize("name", BY_THE_HOUR)
def test_the_shipped_ones_cost_the_same_unreduced(name: str) -> None:
    every = time_case_of(prepare(*loaded_with_catalog(name)), reduced=False)
    case = time_case_of(prepare(*loaded_with_catalog(name)))
    assert len(every.rows) > len(case.rows)
    if len(case.kinds) == 1:
        assert cost(every) == cost(case)
    plan = solve_shipped(name).plan
    assert plan.cost.usd_per_month == pytest.approx((cost(case) or 0) * 730 / case.hours / 1e6)


@pytest.mark.parametrize(("override", "key"), [
    ("limits.budget={amount: 10}", "limits.budget: without it there is a plan for $4,606.94"),
    ("services.0.slo.tokens_per_s_per_user=5000", "assistant"),
])
def test_without_a_plan_the_rule_in_the_way_is_named(override: str, key: str) -> None:
    plan = solve_shipped("office-day-profile", override).plan
    assert plan.status == "infeasible"
    assert any(key in reason for reason in plan.reasons), plan.reasons
    assert plan.timetable is None


def test_a_contract_beside_a_profile_is_billed_over_the_day() -> None:
    free, signed = (best_plan(prepare(*loaded_with_catalog("office-day-profile", *sets)), SETTINGS) for sets in (
        (), ("limits.contracts={gcp: {minimum_usd_per_month: 1000, signed: true}}",)))
    assert (signed.status, signed.timetable) == ("optimal", None)
    assert len(signed.periods) > 1
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


def test_what_looks_at_one_peak_refuses_a_profile() -> None:
    loaded, catalog = loaded_with_catalog("office-day-profile")
    for call in (lambda: explain(loaded, catalog, SETTINGS), lambda: trace_frontier(loaded, catalog, SETTINGS)):
        with pytest.raises(InputError) as caught:
            call()
        (fault,) = caught.value.faults
        assert fault.key == "services.0.demand.profile"
        assert "one peak" in fault.allowed
