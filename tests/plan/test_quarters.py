"""Roadmaps small enough to be worked out by hand: each total stands in a comment."""

from __future__ import annotations

import pytest

from tests.plan.years import Bought, Rented, Years, stands, years

CLOUD = Rented(price=1.0, carries=10)
"""2,190 USD a quarter."""

def demands(asked: Years) -> list[list[float]]:
    """Return what each service asks for in each quarter."""
    return [[one.amount for one in period.demand] for period in asked.plan().periods]


OWN = Bought(price=4000.0, running=0.1, carries=10)
"""4,000 USD, and 219 USD a quarter to run."""

RENT_OR_BUY = {"cloud": CLOUD, "own": OWN}


@pytest.mark.parametrize(("quarters", "total", "node"), [
    (1, 2190.0, "cloud"),  # against 4,000 + 219
    (2, 4380.0, "cloud"),  # against 4,000 + 438
    (3, 4657.0, "own.here"),  # 4,000 + 657 against 6,570
])
def test_buying_pays_from_the_third_quarter(quarters: int, total: float, node: str) -> None:
    plan = years(RENT_OR_BUY, quarters=quarters, end_value="none").money()
    assert (plan.total_cost_usd, plan.bound_usd) == (total, total)
    assert stands(plan) == [{node: 1}] * quarters


@pytest.mark.parametrize(("quarters", "total", "later"), [
    (3, 6570.0, "cloud"),  # against 2,190 + 4,000 + 438 = 6,628
    (4, 6847.0, "own.here"),  # 2,190 + 4,000 + 657 against 8,760
])
def test_a_lead_time_is_bridged_by_renting(quarters: int, total: float, later: str) -> None:
    plan = years(RENT_OR_BUY, quarters=quarters, end_value="none", lead_time_quarters=1).money()
    assert plan.total_cost_usd == total
    assert stands(plan) == [{"cloud": 1}, *[{later: 1}] * (quarters - 1)]
    assert plan.quarters[0].capex_usd == (4000.0 if later == "own.here" else 0.0)  # paid when ordered


def test_a_lead_time_of_one_offer_takes_the_place_of_the_general_one() -> None:
    asked = years(RENT_OR_BUY, quarters=4, end_value="none", lead_time_quarters=2)
    assert asked.with_roadmap(lead_time_by_offer={"own": 0}).money().total_cost_usd == 4000 + 4 * 219
    assert asked.with_roadmap(lead_time_by_offer={"own.here": 0}).money().total_cost_usd == 4000 + 4 * 219
    late = asked.with_roadmap(lead_time_by_offer={"own": 0, "cloud": 1})
    assert stands(late.money())[0] == {"own.here": 1}


def test_demand_that_grows_is_met_by_the_quarter() -> None:
    """10, 20, 30 requests: a bought node from the start (4,657), one rented for two quarters, one for one (6,570)."""
    asked = years(RENT_OR_BUY, quarters=3, end_value="none", demand_factors=(1.0, 2.0, 3.0))
    plan = asked.money()
    assert demands(asked) == [[10], [20], [30]]
    assert plan.total_cost_usd == 4657 + 3 * 2190
    assert stands(plan) == [{"own.here": 1}, {"cloud": 1, "own.here": 1}, {"cloud": 2, "own.here": 1}]


def test_growth_compounds_by_the_quarter_and_rounds_up() -> None:
    """21% a year: 10, 10 x 1.21^0.25 = 10.49, 11, 11.54, 12.1 requests."""
    asked = years(RENT_OR_BUY, quarters=5, demand_growth_fraction_per_year=0.21)
    assert demands(asked) == [[10], [11], [11], [12], [13]]


def test_one_service_may_grow_on_its_own() -> None:
    asked = years(RENT_OR_BUY, demand=(10, 10), quarters=5, demand_growth_by_service={"s1": 1.0})
    assert demands(asked)[4] == [10, 20]
    factors = {"s0": (1.0, 0.5, 2.0, 1.0, 1.0)}
    listed = asked.with_roadmap(demand_growth_by_service={}, demand_factors_by_service=factors)
    assert [one[0] for one in demands(listed)] == [10, 5, 20, 10, 10]


def test_a_node_retires_at_the_end_of_its_life() -> None:
    """A life of half a year: 1,000 + 438 for two quarters against 4,380 for rents, twice over."""
    cheap = {"cloud": CLOUD, "own": Bought(1000.0, 0.1, 10)}
    plan = years(cheap, quarters=4, end_value="none", assumptions={"life_years": 0.5}).money()
    assert plan.total_cost_usd == 2 * (1000 + 2 * 219)
    assert [(stay.first, stay.end) for stay in plan.stays] == [(0, 2), (2, 4)]


def test_nodes_there_already_cost_their_running_until_the_end_of_their_life() -> None:
    """Bought in October 2022 with five years to live, they stand two quarters from April 2027; then 2,190 a quarter."""
    owned = ({"offer_id": "own.here", "count": 1, "bought": "2022-10-01"},)
    dear = {"cloud": CLOUD, "own": Bought(40_000.0, 0.1, 10)}
    plan = years(dear, quarters=4, owned_already=owned, end_value="none").money()
    assert plan.total_cost_usd == 2 * 219 + 2 * 2190
    assert stands(plan) == [{"own.here": 1}] * 2 + [{"cloud": 1}] * 2
    # 40,000 x (1 - 18/20) = 4,000 in the books on the first day, over the last two of twenty quarters
    assert [quarter.depreciation_usd for quarter in plan.quarters] == [2000.0, 2000.0, 0.0, 0.0]
    assert plan.quarters[2].written_off_usd == 0.0


def test_nodes_there_already_of_no_use_retire_on_the_first_day() -> None:
    owned = ({"offer_id": "own.here", "count": 3, "bought": "2027-04-01", "book_value": 700.0},)
    plan = years(RENT_OR_BUY, quarters=2, owned_already=owned).money()
    assert stands(plan) == [{"own.here": 1}] * 2
    assert [(one.count, one.way) for one in plan.stays if not one.end] == [(2, "keep")]
    assert plan.quarters[0].written_off_usd == 1400.0
    assert plan.total_cost_usd == 2 * 219


def test_a_cap_on_capex_forces_renting() -> None:
    """Two nodes for four quarters: bought 2 x 4,876; with 4,000 a fiscal year one is rented for all of it."""
    asked = years(RENT_OR_BUY, demand=20, quarters=4, end_value="none")
    assert asked.money().total_cost_usd == 2 * (4000 + 4 * 219)
    capped = asked.with_roadmap(caps={"capex_per_fiscal_year": 4000.0}, fiscal_year_start_month=4)
    plan = capped.money()
    assert plan.total_cost_usd == 4876 + 4 * 2190
    assert plan.fiscal_years[0].capex_usd == plan.fiscal_years[0].capex_cap_usd == 4000.0


def test_a_cap_holds_for_each_fiscal_year_by_its_own() -> None:
    """From October, two quarters in FY2027 and two in FY2028; the second node is bought when the next year begins."""
    asked = years(RENT_OR_BUY, demand=20, start="2027-Q4", quarters=8, end_value="none", fiscal_year_start_month=4)
    plan = asked.with_roadmap(caps={"capex_per_fiscal_year": 4000.0}).money()
    assert [year.capex_usd for year in plan.fiscal_years] == [4000.0, 4000.0, 0.0]
    assert [year.label for year in plan.fiscal_years] == ["FY2027", "FY2028", "FY2029"]
    named = asked.with_roadmap(caps={"fiscal_years": {"FY2027": {"capex": 0.0}}}).money()
    assert [year.capex_usd for year in named.fiscal_years] == [0.0, 8000.0, 0.0]


def test_a_cap_on_opex_forces_buying_and_may_leave_nothing() -> None:
    """One quarter: 2,190 by rent; with 1,000 of opex only the node to buy is left, with 200 not even its running."""
    asked = years(RENT_OR_BUY, quarters=1, end_value="none")
    assert asked.with_roadmap(caps={"opex_per_fiscal_year": 1000.0}).money().total_cost_usd == 4219
    none = asked.with_roadmap(caps={"opex_per_fiscal_year": 200.0}).answered()
    assert (none.status, none.roadmap) == ("infeasible", None)
    assert [reason.parameters["key"] for reason in none.reasons] == ["roadmap.caps on opex"]


def test_caps_in_yen_are_turned_at_the_rate_in_force() -> None:
    """400,000 yen at 100 a dollar are 4,000 dollars: exactly one node."""
    asked = years(RENT_OR_BUY, demand=20, quarters=4, end_value="none", fiscal_year_start_month=4)
    plan = asked.with_roadmap(caps={"currency": "JPY", "capex_per_fiscal_year": 400_000.0}).money()
    assert plan.fiscal_years[0].capex_usd == 4000.0
    less = asked.with_roadmap(caps={"currency": "JPY", "capex_per_fiscal_year": 399_999.0}).money()
    assert less.fiscal_years[0].capex_usd == 0.0


def test_a_commitment_is_paid_to_the_end_of_its_term() -> None:
    """Twelve months at 0.5 USD/h are 4,380: not for one quarter (2,190), and even for two; paid 1,095 a quarter."""
    supply = {"cloud": CLOUD, "year": Rented(0.5, 10, months=12)}
    assert years(supply, quarters=1).money().total_cost_usd == 2190
    plan = years(supply, quarters=3).money()
    assert plan.total_cost_usd == 4380
    assert [quarter.rent_usd for quarter in plan.quarters] == [1095.0] * 3
    assert plan.committed_after_usd == 1095.0


def test_a_share_upfront_is_paid_at_the_start() -> None:
    """4,380 with 40% upfront: 1,752 and a quarter of 2,628 in each quarter."""
    plan = years({"year": Rented(0.5, 10, months=12, upfront=0.4)}, quarters=4).money()
    assert [quarter.rent_usd for quarter in plan.quarters] == [1752 + 657.0, 657.0, 657.0, 657.0]


def test_a_term_is_rounded_up_to_whole_quarters() -> None:
    """Two months are a quarter, four are two."""
    assert years({"short": Rented(0.5, 10, months=2)}, quarters=1).money().total_cost_usd == 1095
    assert years({"longer": Rented(0.5, 10, months=4)}, quarters=1).money().total_cost_usd == 2190


def test_what_stands_at_the_end_counts_for_its_resale_share() -> None:
    """The share is 1 when new and 0.4 after a year: 0.85 after a quarter, 0.7 after two."""
    plan = years(RENT_OR_BUY, quarters=1).money()
    assert (plan.total_cost_usd, plan.end_value_usd) == (4000 + 219 - 3400, 3400.0)
    assert years(RENT_OR_BUY, quarters=2).money().total_cost_usd == 4000 + 438 - 2800


def test_what_stands_at_the_end_may_count_for_its_book_value() -> None:
    """Straight line over five years: 19/20 after a quarter; down to a tenth it is 1 - 0.9 / 20 = 0.955."""
    book = years(RENT_OR_BUY, quarters=1, end_value="book").money()
    assert (book.total_cost_usd, book.end_value_usd) == (4219 - 3800, 3800.0)
    assert book.fiscal_years[0].book_value_usd == 3800.0
    salvage = years(RENT_OR_BUY, quarters=1, end_value="book", assumptions={"residual_fraction": 0.1}).money()
    assert salvage.end_value_usd == 3820.0


def test_nodes_that_retire_early_are_sold_only_when_asked() -> None:
    """Two nodes, then one (1,095 a quarter to run, more than the 700 it counts for): 0.85 of 1,000 when it is sold."""
    supply = {"own": Bought(1000.0, 0.5, 10, stock=2)}
    asked = years(supply, demand=20, quarters=2, demand_factors=(1.0, 0.5))
    assert asked.money().total_cost_usd == 2 * 1000 + 3 * 1095 - 700
    plan = asked.with_roadmap(retired_nodes_sold=True).money()
    assert plan.total_cost_usd == 2 * 1000 + 3 * 1095 - 700 - 850
    assert plan.quarters[1].sold_usd == 850.0


def test_prices_change_by_the_year_and_by_gpu() -> None:
    """Half a year later a price that falls by 19% a year is 0.9 of itself; another GPU's keeps."""
    supply = {"cloud": Rented(1.0, 10), "other": Rented(0.95, 10, gpu="h")}
    asked = years(supply, quarters=3, price_change_fraction_per_year=-0.19, price_change_by_gpu={"h": 0.0})
    plan = asked.money()
    assert stands(plan) == [{"other": 1}, {"cloud": 1}, {"cloud": 1}]  # 0.95 against 1, 0.949, 0.9
    assert plan.quarters[2].rent_usd == 2190 * 0.9
    rents = asked.with_roadmap(rent_change_fraction_per_year=0.21).money()
    assert stands(rents) == [{"other": 1}] * 3


def test_a_purchase_is_paid_at_the_price_of_its_order() -> None:
    """Ordered in the third quarter, at 0.9 of 1,000; rents of 1 USD/h before it."""
    supply = {"cloud": Rented(0.001, 10), "own": Bought(1000.0, 0.0, 10)}
    asked = years(supply, demand=10, quarters=3, end_value="none", price_change_fraction_per_year=-0.19,
                  rent_change_fraction_per_year=0.0, limits={"stock": {"cloud": 1}}, demand_factors=(1.0, 1.0, 2.0))
    plan = asked.money()
    assert plan.quarters[2].capex_usd == 900.0
    assert plan.total_cost_usd == pytest.approx(900 + 3 * 2.19)


def test_payments_to_come_are_worth_less_when_a_rate_is_set() -> None:
    """21% a year: a quarter later 1 / 1.21^0.25 = 0.953463, two quarters 0.909091."""
    plan = years({"cloud": CLOUD}, quarters=3, discount_fraction_per_year=0.21).money()
    assert plan.total_cost_usd == pytest.approx(2190 * (1 + 0.953463 + 0.909091), abs=0.02)
    assert sum(quarter.opex_usd for quarter in plan.quarters) == 3 * 2190


def test_stock_of_rented_nodes_holds_at_a_time_and_of_bought_ones_in_all() -> None:
    scarce = {"cheap": Rented(0.1, 10, stock=1), "cloud": CLOUD}
    assert stands(years(scarce, demand=20, quarters=2).money()) == [{"cheap": 1, "cloud": 1}] * 2
    single = {"own": Bought(100.0, 0.1, 10, stock=1), "cloud": CLOUD}
    plan = years(single, quarters=4, end_value="none", assumptions={"life_years": 0.5}).money()
    assert plan.total_cost_usd == 100 + 2 * 219 + 2 * 2190


def test_services_share_own_nodes_over_time() -> None:
    """One service falls as the other rises: the same bought node serves both in turn."""
    asked = years(RENT_OR_BUY, demand=(10, 10), quarters=4, end_value="none", demand_factors_by_service={
        "s0": (1.0, 1.0, 0.1, 0.1), "s1": (0.1, 0.1, 1.0, 1.0)})
    one = years(RENT_OR_BUY, demand=(10, 10), quarters=4, end_value="none")
    assert asked.money().total_cost_usd == 2 * 4876 == one.money().total_cost_usd
    assert {(one.service_id, one.nodes) for one in asked.plan().periods[0].running} == {("s0", 1), ("s1", 1)}


def test_own_power_nodes_and_lost_providers_are_kept_within_their_limits() -> None:
    own_only = {"own": Bought(1000.0, 0.1, 10)}  # 300 W GPU + 400 W host
    assert years(own_only, demand=20, quarters=2, limits={"power_kw": 1.4}).plan().status == "optimal"
    none = years(own_only, demand=20, quarters=2, limits={"power_kw": 1.3}).answered()
    assert none.status == "infeasible"
    assert [reason.parameters["key"] for reason in none.reasons] == ["limits.power_kw"]
    two = {"cloud": CLOUD, "edge": Rented(2.0, 10, provider="edge")}
    safe = years(two, quarters=2, limits={"survive": {"provider": True}}).money()
    assert stands(safe) == [{"cloud": 1, "edge": 1}] * 2
    assert stands(years(two, quarters=1, limits={"nodes": {"min": 3}}).money()) == [{"cloud": 3}]


def test_without_offers_in_the_first_quarters_the_reason_names_them() -> None:
    plan = years({"own": OWN}, quarters=4, lead_time_quarters=2).answered()
    assert plan.status == "infeasible"
    assert plan.reasons == ("s0: nothing can stand in 2027-Q2, 2027-Q3 (lead times, kinds, lives)",)
