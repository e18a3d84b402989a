"""The sums that someone signs: worked out by hand, and month by month."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.costs import price_of
from optimizer.costs.approval import approval_of, output_tokens_per_month
from optimizer.costs.cash import cash_of
from optimizer.load import Catalog
from optimizer.load.problem import parse_problem
from optimizer.schema.plan import Approval, Cost, Node
from optimizer.schema.problem import Problem
from tests.catalogs import tiny

TEXT = """
schema_version: 1
name: signed
services:
  - service_id: chat
    model: m
    slo: {{tokens_per_s_per_user: 20}}
    workload: [{{isl_tokens: 512, osl_tokens: 100}}]
    demand: {demand}
limits: {limits}
accounting: {accounting}
"""


def asked(demand: str = "{peak_concurrency: 8}", limits: str = "{horizon_months: 12}",
          accounting: str = "{start: 2027-10, fiscal_year_start_month: 4}") -> Problem:
    return parse_problem(TEXT.format(demand=demand, limits=limits, accounting=accounting), "signed.yaml").problem


def bought(offer_id: str, count: int, catalog: Catalog, problem: Problem, **facts: Any) -> Node:
    """Return a line of a plan."""
    offer = price_of(offer_id, catalog, problem)
    assert offer is not None
    month = offer.micro_usd_per_hour * 730 / 1e6 * count
    return Node.model_validate({
        "offer_id": offer_id, "gpu_id": offer.gpu_id, "gpu_count": offer.gpu_count, "kind": offer.kind,
        "term_months": offer.term_months, "provider": offer.provider, "region": offer.region, "count": count,
        "usd_per_month": month, "price_as_of": "2026", "price_evidence": "list",
        "usd_per_hour_each": offer.micro_usd_per_hour / 1e6, "usd_per_month_low": month, "usd_per_month_high": month,
        "source_url": "", "from_overlay": False} | facts)


def signed(catalog: Catalog, problem: Problem, *lines: tuple[str, int], million: float | None = None) -> Approval:
    nodes = [bought(name, count, catalog, problem) for name, count in lines]
    month = sum(node.usd_per_month for node in nodes)
    cost = Cost(usd_per_hour=month / 730, usd_per_month=month, breakdown={}, usd_per_million_output_tokens=million)
    found = approval_of(nodes, cost, catalog, problem)
    assert found is not None
    return found


OFFERS = {
    "cloud-g": tiny.offer(price=1.0),
    "term-g": tiny.offer("term-g", kind="reserved", term_months=12, price=0.5, upfront_fraction=0.4),
    "long-g": tiny.offer("long-g", kind="reserved", term_months=36, price=0.4),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return tiny.catalog(offers=OFFERS, owned={"own-2x-g": tiny.node()})


def test_a_purchase_and_its_running_by_fiscal_year(catalog: Catalog) -> None:
    problem = asked()
    found = signed(catalog, problem, ("own-2x-g.here", 2))
    flow = cash_of("own-2x-g.here", catalog, problem)
    # two machines of 8,000 dollars with a quarter of network: 20,000, bought in 2027-10
    assert (found.purchases, found.purchases_first_year) == (20_000.0, 20_000.0)
    first, second = found.years
    assert (first.name, first.months, second.name, second.months) == ("FY2027", 6, "FY2028", 6)
    assert first.cash == pytest.approx(20_000 + 6 * 2 * flow.monthly_usd)
    assert second.cash == pytest.approx(6 * 2 * flow.monthly_usd)
    assert found.commitments == ()


def test_a_machine_that_wears_out_is_bought_again_in_a_later_year(catalog: Catalog) -> None:
    problem = asked(limits="{horizon_months: 84}")  # five years of life: bought in the first and the sixth
    found = signed(catalog, problem, ("own-2x-g.here", 1))
    assert (found.purchases, found.purchases_first_year) == (20_000.0, 10_000.0)
    assert [year.name for year in found.years if year.purchases] == ["FY2027", "FY2032"]


def test_a_term_binds_for_its_length_with_its_end(catalog: Catalog) -> None:
    found = signed(catalog, asked(), ("term-g", 3), ("long-g", 1), ("cloud-g", 1))
    term, long = found.commitments
    # 3 x 0.5 x 730 x 12; the upfront share is part of it, paid on the first day
    assert (term.offer_id, term.nodes, term.months, term.ends) == ("term-g", 3, 12, "2028-09")
    assert term.amount == pytest.approx(3 * 0.5 * 730 * 12)
    assert found.years[0].upfront == pytest.approx(0.4 * term.amount)
    assert (long.months, long.ends, long.amount) == (36, "2030-09", pytest.approx(0.4 * 730 * 36))
    assert found.purchases == 0.0


@pytest.mark.parametrize("months", [1, 7, 12, 31, 60])
def test_cash_is_what_is_paid_month_by_month(catalog: Catalog, months: int) -> None:
    problem = asked(limits=f"{{horizon_months: {months}}}")
    lines = (("own-2x-g.here", 2), ("term-g", 1), ("cloud-g", 3))
    found = signed(catalog, problem, *lines)
    paid = 0.0
    for name, count in lines:
        flow = cash_of(name, catalog, problem)
        for month in range(months):
            at_once = month == 0 or (flow.period_months is not None and month % flow.period_months == 0)
            paid += count * (flow.monthly_usd + (flow.upfront_usd if at_once else 0.0))
    assert sum(year.cash for year in found.years) == pytest.approx(paid)
    assert sum(year.months for year in found.years) == months


def test_tax_is_in_the_cash_when_the_books_include_it_and_wages_bear_none(catalog: Catalog) -> None:
    plain = signed(catalog, asked(), ("own-2x-g.here", 1))
    books = "{start: 2027-10, fiscal_year_start_month: 4, tax: included, tax_fraction: 0.1}"
    taxed = signed(catalog, asked(accounting=books), ("own-2x-g.here", 1))
    offer = price_of("own-2x-g.here", catalog, asked())
    assert offer is not None
    staff = offer.breakdown["staff"] * 12
    assert taxed.purchases == pytest.approx(1.1 * plain.purchases)
    cash = [sum(year.cash for year in one.years) for one in (plain, taxed)]
    assert cash[1] == pytest.approx(1.1 * (cash[0] - staff) + staff)
    assert taxed.cost_per_month == plain.cost_per_month


@pytest.mark.parametrize(("demand", "tokens"), [
    ("{peak_concurrency: 8}", None),  # says nothing of other hours
    # 1,000 users x 2 x 3 requests x 100 tokens x 730/24 days
    ("{daily_active_users: 1000, uses_per_user_per_day: 2, requests_per_use: 3, active_hours: 8, peak_to_mean: 2}",
     6000 * 100 * 730 / 24),
    # half a request a second for twelve hours, none for twelve
    (f"{{hourly_rps: [{', '.join(['0.5'] * 12 + ['0'] * 12)}]}}", 0.5 * 12 * 3600 * 100 * 730 / 24),
    (f"{{peak_rps: 1, profile: [{', '.join(['1'] * 84 + ['0'] * 84)}]}}", 84 / 7 * 3600 * 100 * 730 / 24),
])
def test_the_real_demand_in_tokens_a_month(demand: str, tokens: float | None) -> None:
    assert output_tokens_per_month(asked(demand)) == (None if tokens is None else pytest.approx(tokens))


def test_a_million_tokens_by_both_measures_and_the_budget_by_the_measure_of_the_cost(catalog: Catalog) -> None:
    users = "daily_active_users: 1000, uses_per_user_per_day: 2, requests_per_use: 3"
    demand = f"{{{users}, active_hours: 8, peak_to_mean: 2}}"
    found = signed(catalog, asked(demand, "{budget: {amount: 12000, per: year}}"), ("cloud-g", 1), million=0.25)
    assert found.per_million_output_tokens_at_demand == pytest.approx(730 / (6000 * 100 * 730 / 24) * 1e6)
    assert found.per_million_output_tokens_at_peak == 0.25
    assert (found.budget_per_month, found.cost_per_month) == (pytest.approx(1000.0), pytest.approx(730.0))
