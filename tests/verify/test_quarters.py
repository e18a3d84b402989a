"""Budget plans that stand pass; plans with one thing changed are caught, each by the check that names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from optimizer.errors import VerificationError
from optimizer.schema.plan import Plan, RoadmapPlan
from optimizer.verify.periods import faults_of_periods, verify_periods
from tests.plan.years import Bought, Rented, Years, years


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
def answered() -> tuple[Years, Plan]:
    asked = fleet()
    return asked, asked.plan()


def checks(asked: Years, plan: Plan) -> set[str]:
    """Name the checks that find fault."""
    return {fault.split(":", 1)[0] for fault in faults_of_periods(plan, asked.problem, asked.catalog, {})}


def test_the_plan_uses_every_way_and_stands(answered: tuple[Years, Plan]) -> None:
    asked, plan = answered
    assert plan.roadmap is not None
    assert {stay.way for stay in plan.roadmap.stays} >= {"keep", "buy"}
    assert checks(asked, plan) == set()
    assert verify_periods(plan, asked.problem, asked.catalog, {}) is plan


Change = Callable[[RoadmapPlan], RoadmapPlan]


def edited(part: str, place: int, **changes: Any) -> Change:
    """Return a change of one entry of a list."""
    def change(plan: RoadmapPlan) -> RoadmapPlan:
        entries = list(getattr(plan, part))
        entries[place] = entries[place].model_copy(update=changes)
        return plan.model_copy(update={part: tuple(entries)})

    return change


def whole(**changes: Any) -> Change:
    return lambda plan: plan.model_copy(update=changes)


def of_way(came: str, **changes: Any) -> Change:
    return lambda plan: edited(
        "stays", next(place for place, stay in enumerate(plan.stays) if stay.way == came), **changes)(plan)


CHANGES: dict[str, tuple[Change, str]] = {
    "another calendar": (edited("quarters", 0, label="2027-Q3"), "cash"),
    "another fiscal year": (edited("quarters", 3, fiscal_year="FY2028"), "cash"),
    "another count": (edited("stays", 0, count=9), "come_and_go"),
    "no lead time": (of_way("buy", ordered=1, first=1), "roadmap"),
    "a longer life": (of_way("keep", end=4), "roadmap"),
    "kept, not bought": (of_way("buy", way="keep"), "roadmap"),
    "other terms": (edited("offers", 0, lead_time_quarters=3), "terms"),
    "less capex": (edited("quarters", 1, capex_usd=1.0), "cash"),
    "more depreciation": (edited("quarters", 1, depreciation_usd=1.0), "cash"),
    "less so far": (edited("quarters", 1, cumulative_cash_usd=0.0), "cash"),
    "a shorter year": (edited("fiscal_years", 0, quarters=3), "cash"),
    "another cap": (edited("fiscal_years", 0, capex_cap_usd=9e9), "cap_spending"),
    "a lower total": (whole(total_cost_usd=1.0), "roadmap"),
    "a lower stay": (edited("stays", 0, cost_usd=1.0), "roadmap"),
    "no discount": (whole(discount_fraction_per_year=0.0), "roadmap"),
    "a bound above": (whole(bound_usd=1e9), "roadmap"),
    "more at the end": (whole(end_value_usd=1e9), "roadmap"),
    "more committed": (whole(committed_after_usd=1e9), "roadmap"),
    "nodes there forgotten": (lambda plan: plan.model_copy(update={
        "stays": tuple(stay for stay in plan.stays if stay.owned_already is None)}), "roadmap"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_thing_changed_is_caught(name: str, answered: tuple[Years, Plan]) -> None:
    asked, plan = answered
    change, check = CHANGES[name]
    assert plan.roadmap is not None
    assert check in checks(asked, plan.model_copy(update={"roadmap": change(plan.roadmap)}))


@pytest.mark.parametrize(("limits", "check"), [
    ({"nodes": {"min": 9}}, "limits_of_nodes"), ({"power_kw": 0.1}, "limits_of_nodes"),
    ({"stock": {"own": 0}}, "respect_stock"), ({"survive": {"nodes": 1}}, "carry_demand"),
    ({"survive": {"provider": True}}, "carry_demand"),
])
def test_a_rule_that_the_plan_breaks_is_named(
    limits: dict[str, Any], check: str, answered: tuple[Years, Plan]
) -> None:
    assert check in checks(fleet(**limits), answered[1])


def test_caps_and_nodes_there_are_held_against_the_roadmap(answered: tuple[Years, Plan]) -> None:
    asked, plan = answered
    assert "cap_spending" in checks(asked.with_roadmap(caps={"opex_per_fiscal_year": 10.0}), plan)
    more = ({"offer_id": "own.here", "count": 3, "bought": "2022-10-01"},)
    assert "roadmap" in checks(asked.with_roadmap(owned_already=more), plan)


def test_a_plan_that_does_not_stand_is_our_own_fault(answered: tuple[Years, Plan]) -> None:
    asked, plan = answered
    assert plan.roadmap is not None
    wrong = plan.model_copy(update={"roadmap": plan.roadmap.model_copy(update={"total_cost_usd": 1.0})})
    with pytest.raises(VerificationError, match="a total of"):
        verify_periods(wrong, asked.problem, asked.catalog, {})
