"""Budget plans that stand pass; plans with one thing changed are caught, each by the check that names what is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import optimizer.verify.roadmap
from optimizer.errors import VerificationError
from optimizer.roadmap.program import ROADMAP_RULES
from optimizer.schema.budget_plan import BudgetPlan
from optimizer.verify.roadmap import ROADMAP_CHECKS, faults_of_budget_plan, verify_budget_plan
from tests.roadmap.years import Bought, Rented, Years, years


def fleet(**limits: Any) -> Years:
    """One node there already, one to buy after a quarter, a commitment and rents: 25 requests, then 40."""
    supply = {
        "cloud": Rented(1.0, 10, stock=9), "year": Rented(0.7, 10, months=6, upfront=0.5),
        "own": Bought(1000.0, 0.1, 10, stock=3),
    }
    return years(
        supply, demand=25, quarters=4, lead_time_quarters=1, demand_factors=(1.0, 1.0, 1.6, 1.6), limits=limits,
        owned_already=({"offer_id": "own.here", "count": 2, "bought": "2022-10-01"},), end_value="book",
        caps={"capex_per_fiscal_year": 3000.0, "opex_per_fiscal_year": 50_000.0}, fiscal_year_start_month=4,
        discount_fraction_per_year=0.05)


@pytest.fixture(scope="module")
def answered() -> tuple[Years, BudgetPlan]:
    asked = fleet()
    return asked, asked.plan()


def checks(asked: Years, plan: BudgetPlan) -> set[str]:
    """Name the checks that find fault."""
    return {fault.split(":", 1)[0] for fault in faults_of_budget_plan(plan, asked.problem, asked.catalog, {})}


def test_the_plan_uses_every_way_and_stands(answered: tuple[Years, BudgetPlan]) -> None:
    asked, plan = answered
    assert {stay.way for stay in plan.stays} >= {"keep", "buy"}
    assert checks(asked, plan) == set()
    assert verify_budget_plan(plan, asked.problem, asked.catalog, {}) is plan


def edited(plan: BudgetPlan, part: str, place: int, **changes: Any) -> BudgetPlan:
    """Return a plan with one entry of a list changed."""
    entries = list(getattr(plan, part))
    entries[place] = entries[place].model_copy(update=changes)
    return plan.model_copy(update={part: tuple(entries)})


def cash(plan: BudgetPlan, **changes: Any) -> BudgetPlan:
    return edited(plan, "quarters", 1, cash=plan.quarters[1].cash.model_copy(update=changes))


def of_way(plan: BudgetPlan, way: str) -> int:
    return next(place for place, stay in enumerate(plan.stays) if stay.way == way)


CHANGES: dict[str, tuple[Callable[[BudgetPlan], BudgetPlan], str]] = {
    "another problem": (lambda plan: plan.model_copy(update={"problem": "other"}), "known_names"),
    "an unknown offer": (lambda plan: edited(plan, "stays", 0, offer_id="none"), "known_names"),
    "another calendar": (lambda plan: edited(plan, "quarters", 0, label="2027-Q3"), "calendar"),
    "another fiscal year": (lambda plan: edited(plan, "quarters", 3, fiscal_year="FY2028"), "calendar"),
    "one node fewer": (lambda plan: edited(plan, "stays", 0, count=plan.stays[0].count + 1), "quarters_count"),
    "no lead time": (lambda plan: edited(plan, "stays", of_way(plan, "buy"), ordered=1, first=1), "stays"),
    "a longer life": (lambda plan: edited(plan, "stays", of_way(plan, "keep"), end=4), "stays"),
    "kept, not bought": (lambda plan: edited(plan, "stays", of_way(plan, "buy"), way="keep"), "stays"),
    "a better node": (lambda plan: edited(plan, "setups", 0, capacity_per_node=11), "setups"),
    "no set-up": (lambda plan: plan.model_copy(update={"setups": plan.setups[1:]}), "setups"),
    "other terms": (lambda plan: edited(plan, "offers", 0, lead_time_quarters=3), "terms"),
    "more demand": (
        lambda plan: edited(plan, "quarters", 0, demand=(plan.quarters[0].demand[0].model_copy(
            update={"amount": 26.0}),)), "meet_demand"),
    "nothing serves": (lambda plan: edited(plan, "quarters", 0, serving=()), "meet_demand"),
    "nodes from nowhere": (
        lambda plan: edited(plan, "quarters", 0, serving=(plan.quarters[0].serving[0].model_copy(
            update={"nodes": 99}),)), "serve_with_what_stands"),
    "less capex": (lambda plan: cash(plan, capex_usd=1.0), "cash"),
    "more depreciation": (lambda plan: cash(plan, depreciation_usd=1.0), "cash"),
    "less so far": (lambda plan: edited(plan, "quarters", 1, cumulative_cash_usd=0.0), "cash"),
    "a shorter year": (lambda plan: edited(plan, "fiscal_years", 0, quarters=3), "fiscal_years"),
    "another cap": (lambda plan: edited(plan, "fiscal_years", 0, capex_cap_usd=9e9), "cap_spending"),
    "a lower total": (lambda plan: plan.model_copy(update={"total_cost_usd": 1.0}), "total_cost"),
    "a lower stay": (lambda plan: edited(plan, "stays", 0, cost_usd=1.0), "total_cost"),
    "no discount": (lambda plan: plan.model_copy(update={"discount_fraction_per_year": 0.0}), "total_cost"),
    "a bound above": (lambda plan: plan.model_copy(update={"bound_usd": 1e9}), "bound"),
    "a gap at the optimum": (lambda plan: plan.model_copy(update={"gap_fraction": 0.1}), "bound"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_thing_changed_is_caught(name: str, answered: tuple[Years, BudgetPlan]) -> None:
    asked, plan = answered
    change, check = CHANGES[name]
    assert check in checks(asked, change(plan))


@pytest.mark.parametrize(("limits", "check"), [
    ({"kinds": ("on_demand",)}, "stays"), ({"nodes": {"min": 9}}, "limit_nodes"), ({"power_kw": 0.1}, "cap_power"),
    ({"stock": {"own": 0}}, "respect_stock"), ({"survive": {"nodes": 1}}, "survive_node_loss"),
    ({"survive": {"provider": True}}, "survive_group_loss"), ({"survive": {"region": True}}, "survive_group_loss"),
])
def test_a_rule_that_the_plan_breaks_is_named(
    limits: dict[str, Any], check: str, answered: tuple[Years, BudgetPlan]
) -> None:
    plan = answered[1]
    assert check in checks(fleet(**limits), plan)


def test_gpu_types_are_counted_in_each_quarter() -> None:
    supply = {"a": Rented(1.0, 10, stock=1), "b": Rented(1.1, 10, gpu="h")}
    plan = years(supply, demand=20, quarters=1).plan()
    one_type = years(supply, demand=20, quarters=1, limits={"max_gpu_types": 1})
    assert checks(one_type, plan) == {"limit_gpu_types"}


def test_caps_and_nodes_there_are_held_against_the_roadmap(answered: tuple[Years, BudgetPlan]) -> None:
    asked, plan = answered
    assert "cap_spending" in checks(asked.with_roadmap(caps={"opex_per_fiscal_year": 10.0}), plan)
    more = ({"offer_id": "own.here", "count": 3, "bought": "2022-10-01"},)
    assert "respect_stock" in checks(asked.with_roadmap(owned_already=more), plan)


def test_a_plan_that_does_not_stand_is_our_own_fault(answered: tuple[Years, BudgetPlan]) -> None:
    asked, plan = answered
    wrong = plan.model_copy(update={"total_cost_usd": 1.0})
    with pytest.raises(VerificationError, match="total_cost"):
        verify_budget_plan(wrong, asked.problem, asked.catalog, {})


def test_every_rule_has_its_twin() -> None:
    names = {check.__name__ for check in ROADMAP_CHECKS}
    assert {f"check_{rule.__name__}" for rule in ROADMAP_RULES} <= names
    assert all(rule.__doc__ for rule in ROADMAP_RULES)


def test_the_twins_import_no_solver() -> None:
    folder = Path(optimizer.verify.roadmap.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(("ortools", "optimizer.roadmap", "optimizer.solve"))]
