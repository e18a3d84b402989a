"""Caps on purchases, on the cash of a fiscal year and on emissions: they bind, loosen to nothing, and never help."""

from __future__ import annotations

import pytest

from optimizer.costs.approval import approval_of
from optimizer.costs.energy import site_energy
from optimizer.errors import InputError
from optimizer.load import Catalog, load_problem
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, prepare

NAME = "tokyo-cloud-or-own"


def solved(shipped: Catalog, *sets: str) -> tuple[Plan, float, float, float]:
    """Return a plan with its purchases, the cash of its dearest year and its emissions."""
    loaded = load_problem(NAME, list(sets))
    plan = best_plan(prepare(loaded, shipped), SolveSettings(), with_rejections=False)
    sums = approval_of(plan.nodes, plan.cost, shipped, loaded.problem)
    kg = sum(one.kg_co2e_per_month or 0.0 for one in site_energy(plan.nodes, shipped, loaded.problem))
    return plan, sums.purchases if sums else 0.0, max((y.cash for y in sums.years), default=0.0) if sums else 0.0, kg


def test_a_cap_just_above_what_is_spent_changes_nothing_and_one_below_costs_more(shipped: Catalog) -> None:
    free, *amounts = solved(shipped)
    assert min(amounts) > 0
    for key, amount in zip(("purchases", "cash_per_year", "co2_kg_per_month"), amounts, strict=True):
        cap = "limits.{}={}" if key.startswith("co2") else "limits.{}={{amount: {}, currency: JPY}}"
        same, *_ = solved(shipped, cap.format(key, amount + 0.02))
        assert same.cost.usd_per_month == pytest.approx(free.cost.usd_per_month)
        less, *kept = solved(shipped, cap.format(key, amount - 1.0))
        assert less.status in ("optimal", "infeasible")
        if less.cost.usd_per_month is not None:
            assert less.cost.usd_per_month > (free.cost.usd_per_month or 0.0)
            assert dict(zip(("purchases", "cash_per_year", "co2_kg_per_month"), kept, strict=True))[key] < amount


def test_a_cap_by_the_hour_counts_the_hours_of_nodes_that_come_and_go(shipped: Catalog) -> None:
    loaded = load_problem("office-day-profile", ["limits.cash_per_year={amount: 1000000}"])
    plan = best_plan(prepare(loaded, shipped), SolveSettings(), with_rejections=False)
    sums = approval_of(plan.nodes, plan.cost, shipped, loaded.problem)
    assert sums is not None
    most = max(year.cash for year in sums.years)
    bound = load_problem("office-day-profile", [f"limits.cash_per_year={{amount: {most + 0.1}}}"])
    assert best_plan(prepare(bound, shipped), SolveSettings()).cost.usd_per_month == pytest.approx(
        plan.cost.usd_per_month)


@pytest.mark.parametrize("sets", [
    ["limits.purchases={amount: 1}", "roadmap={start: 2027-Q1, quarters: 12}"],
    ["limits.cash_per_year={amount: 1}", "limits.contracts={aws: {minimum_usd_per_month: 1}}"]], ids=str)
def test_caps_that_have_no_meaning_beside_another_key_are_refused(sets: list[str], shipped: Catalog) -> None:
    with pytest.raises(InputError, match=sets[0].partition("=")[0]):
        best_plan(prepare(load_problem(NAME, ["limits.budget=null", *sets]), shipped), SolveSettings())
