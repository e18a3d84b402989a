"""What one node costs, line by line: the lines are those of the price, and their formulas give them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from optimizer.costs import price_of
from optimizer.costs.statement import CostStatement, cost_statement
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.schema.problem import Accounting, Assumptions, Limits, Problem
from optimizer.units import usd_per_month
from tests.catalogs import tiny


def asked(horizon_months: int = 12, accounting: dict[str, Any] | None = None, **assumptions: Any) -> Problem:
    problem = tiny.problem(limits=Limits(horizon_months=horizon_months))
    return problem.model_copy(update={
        "assumptions": Assumptions.model_validate(assumptions),
        "accounting": Accounting.model_validate(accounting or {})})


def own(problem: Problem, **facts: Any) -> CostStatement:
    """Return the statement of the tiny server."""
    return cost_statement("own-2x-g.here", tiny.catalog(owned={"own-2x-g": tiny.node(**facts)}), problem)


# The tiny server (tests/costs/test_owned.py): 500 capital, 43.80 power, 100 colocation, 100 maintenance, 1,000 staff.
FORMULAS = {
    "capital": (
        "($10,000.00 - 40.0% of it / 1^(12/12)) x annuity 0.083333 a month over 12 months at 0.0% a year", 500.0),
    "power": ("1 kW x 0.5 x PUE 1.2 x 730 h x $0.1000/kWh", 43.8),
    "colocation": ("1 kW x $100.00 a kW and month", 100.0),
    "maintenance": ("12.0% a year of $10,000.00 / 12", 100.0),
    "staff": ("0.1 people x $120,000.00 a year / 12", 1000.0),
}


def test_formulas_by_hand() -> None:
    found = {line.line: (line.formula, line.usd_per_month) for line in own(asked()).lines}
    assert found == {name: (formula, pytest.approx(usd, abs=0.01)) for name, (formula, usd) in FORMULAS.items()}


def test_every_figure_says_where_it_is_from() -> None:
    for line in own(asked(electricity_usd_per_kwh=0.2, busy_fraction=0.5)).lines:
        assert line.figures, line.line
        for figure in line.figures:
            assert figure.evidence in ("quoted", "list", "assumed", "stated")
    power = next(line for line in own(asked(electricity_usd_per_kwh=0.2, busy_fraction=0.5)).lines
                 if line.line == "power")
    assert {figure.name: figure.evidence for figure in power.figures} == {
        "assumptions.busy_fraction": "stated", "idle_of_tdp_fraction": "assumed", "active_of_tdp_fraction": "assumed",
        "pue": "assumed", "assumptions.electricity_usd_per_kwh": "stated"}
    # (0.3 + (0.7 - 0.3) x 0.5) of 1 kW x 1.2 x 730 h x 0.20
    assert power.usd_per_month == pytest.approx(87.6)


@pytest.mark.parametrize("assumptions", [
    {}, {"purchase_price_jpy": {"own-2x-g": 660_000.0}, "purchase_tax_included_fraction": 0.1},
    {"purchase_factor": 1.3}, {"licence_usd_per_gpu_year": 4500.0, "installation_usd_per_node": 700.0},
    {"staff_fte_per_node": 0.3, "staff_fte_per_gpu": 0.01}, {"running_usd_per_hour": {"own-2x-g": 0.87}},
    {"price_end": "high"},
])
def test_the_lines_are_the_price(assumptions: dict[str, Any]) -> None:
    problem = asked(24, **assumptions)
    parts = (tiny.part(4000.0, low=3000.0, high=5000.0, count=2),)
    statement = own(problem, parts=parts)
    priced = price_of("own-2x-g.here", tiny.catalog(owned={"own-2x-g": tiny.node(parts=parts)}), problem)
    assert priced is not None
    assert {line.line: line.usd_per_month for line in statement.lines} == priced.breakdown
    assert sum(line.usd_per_month for line in statement.lines) == pytest.approx(statement.usd_per_month)
    low, high = priced.range_micro_usd_per_hour
    assert sum(line.usd_per_month_low for line in statement.lines) == pytest.approx(usd_per_month(low))
    assert sum(line.usd_per_month_high for line in statement.lines) == pytest.approx(usd_per_month(high))


def test_the_purchase_adds_up(shipped: Catalog) -> None:
    for node in shipped.owned.values():
        found = cost_statement(f"{node.offer_id}.{node.sites[0]}", shipped, asked(36))
        capital = found.lines[0]
        price = float(re.findall(r"\$([\d,.]+)", capital.formula)[0].replace(",", ""))
        assert sum(line.usd_per_month for line in found.purchase) == pytest.approx(price, abs=0.01), node.offer_id
        for line in found.purchase:
            assert line.usd_per_month_low <= line.usd_per_month <= line.usd_per_month_high


def test_every_offer_has_a_statement(shipped: Catalog) -> None:
    problem = asked(12, spot_interruption_fraction=0.1)
    for offer_id in list(shipped.offers)[::9]:
        found = cost_statement(offer_id, shipped, problem)
        assert sum(line.usd_per_month for line in found.lines) == pytest.approx(found.usd_per_month)
        assert found.years == ()


def test_a_rented_price_step_by_step() -> None:
    row = tiny.offer(price=330_000.0, currency="JPY", per="month", tax_included_fraction=0.1, kind="reserved",
                     term_months=36)
    problem = asked(12, adjustments={"cloud": ({"discount_fraction": 0.1}, {"fee_usd_per_node_month": 20.0})})
    (rent,) = cost_statement("cloud-g", tiny.catalog(offers={"cloud-g": row}), problem).lines
    # 330,000 / 1.1 / 100 = 3,000; - 10% + 20 = 2,720; three years paid for one: 8,160
    assert rent.formula == ("JPY 330,000 a month / 1.1 (tax) / 100 JPY a dollar - 0.1 of it + $20.00 a month"
                            " x 36/12 months (term 36, needed 12)")
    assert rent.usd_per_month == pytest.approx(8160.0, abs=0.01)


def test_fiscal_years_of_a_server_in_yen_with_tax() -> None:
    problem = asked(24, {"start": "2027-10", "tax": "included"}).model_copy(update={"currency": "JPY"})
    years = own(problem).years
    # 10,000 dollars at 100 yen with 10% tax: 1,100,000, written off over 60 months: 18,333.33 a month.
    # 43.80 + 100 + 100 = 243.80 a month with tax 268.18, and 1,000 of staff without: 126,818 yen (each line is rounded
    # up to a micro-dollar an hour)
    assert [(year.name, year.months) for year in years] == [("FY2027", 6), ("FY2028", 12), ("FY2029", 6)]
    assert [year.capital_expense for year in years] == pytest.approx([1_100_000, 0, 0])
    assert [year.depreciation for year in years] == pytest.approx([110_000, 220_000, 110_000])
    assert [year.operating_expense for year in years] == pytest.approx([760_908, 1_521_816, 760_908], abs=3)
    # after two years it is worth 30%: 3,000 dollars, 330,000 yen with tax
    assert [year.resale for year in years] == pytest.approx([0, 0, 330_000])


def test_the_fiscal_year_begins_in_april_for_yen_and_in_january_else() -> None:
    assert [year.months for year in own(asked(12)).years] == [9, 3]  # from April 2027 in calendar years
    yen = asked(12).model_copy(update={"currency": "JPY"})
    assert [year.months for year in own(yen).years] == [12]
    july = asked(12, {"fiscal_year_start_month": 7, "start": "2027-04"})
    assert [year.name for year in own(july).years] == ["FY2026", "FY2027"]


@pytest.mark.parametrize(("name", "allowed"), [
    ("nothing", "gpumix catalog list offers"), ("own-2x-g", "own-2x-g.here or own-2x-g.there")])
def test_an_unknown_offer_is_refused(name: str, allowed: str) -> None:
    catalog = tiny.catalog(owned={"own-2x-g": tiny.node(sites=("here", "there"))},
                           sites={"here": tiny.SITE, "there": tiny.SITE})
    with pytest.raises(InputError, match=allowed):
        cost_statement(name, catalog, asked())


def test_a_machine_with_one_site_needs_none_behind_its_name() -> None:
    catalog = tiny.catalog(owned={"own-2x-g": tiny.node()})
    assert cost_statement("own-2x-g", catalog, asked()) == cost_statement("own-2x-g.here", catalog, asked())


def test_a_term_paid_upfront_bears_interest() -> None:
    row = tiny.offer(price=2.0, kind="reserved", term_months=12, upfront_fraction=0.5)
    problem = asked(12, discount_fraction_per_year=1.01**12 - 1)
    rent, interest = cost_statement("cloud-g", tiny.catalog(offers={"cloud-g": row}), problem).lines
    # 1,460 a month; at 1% a month the annuity of a year is 0.0888488, x 12 = 1.0661855: half of 6.61855% more
    assert rent.usd_per_month == pytest.approx(1460.0)
    assert interest.usd_per_month == pytest.approx(48.31541, abs=1e-3)
    assert interest.formula == "rent x 3.3093%: 50% upfront for 12 months at 12.7%"
