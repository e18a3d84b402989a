"""Rented nodes: from the price as quoted to whole micro-dollars an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from optimizer.costs import PricedOffer, price_of, priced_offers
from optimizer.costs.rented import commitment_factor, hourly_factor
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.schema.catalog import FxRate
from optimizer.schema.problem import Assumptions, Fx, Limits
from tests.catalogs import tiny


def priced(horizon_months: int = 12, price_end: str = "value", **facts: Any) -> PricedOffer:
    """Price one offer of the tiny catalog."""
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(**facts)})
    problem = tiny.problem(limits=Limits(horizon_months=horizon_months))
    assumptions = Assumptions.model_validate({"price_end": price_end})
    found = price_of("cloud-g", catalog, problem.model_copy(update={"assumptions": assumptions}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("facts", "micro_usd_per_hour"),
    [
        pytest.param({"price": 4.09625}, 4_096_250, id="dollars an hour"),
        pytest.param({"price": 0.1234567}, 123_457, id="rounded up to a micro-dollar"),
        pytest.param({"price": 730.0, "per": "month"}, 1_000_000, id="a month is 730 hours"),
        # 110,000 yen with 10% tax = 100,000 = 1,000 dollars a month; / 730 = 1.36986301...
        pytest.param({"price": 110_000.0, "currency": "JPY", "per": "month", "tax_included_fraction": 0.1}, 1_369_864,
                     id="yen a month with tax"),
        pytest.param({"price": 150.0, "currency": "JPY"}, 1_500_000, id="yen an hour, 100 a dollar"),
    ],
)
def test_price_by_hand(facts: dict[str, Any], micro_usd_per_hour: int) -> None:
    assert priced(**facts).micro_usd_per_hour == micro_usd_per_hour


@pytest.mark.parametrize(
    ("term_months", "horizon_months", "factor"),
    [
        pytest.param(0, 12, Fraction(1), id="on demand"),
        pytest.param(12, 12, Fraction(1), id="a year for a year"),
        pytest.param(1, 12, Fraction(1), id="a month at a time"),
        pytest.param(36, 12, Fraction(3), id="three years for one"),
        pytest.param(36, 48, Fraction(1), id="three years for four"),
        pytest.param(12, 5, Fraction(12, 5), id="a year for five months"),
    ],
)
def test_a_commitment_is_paid_in_full(term_months: int, horizon_months: int, factor: Fraction) -> None:
    assert commitment_factor(term_months, horizon_months) == factor
    kind: dict[str, Any] = {"kind": "reserved", "term_months": term_months} if term_months else {}
    assert priced(horizon_months, price=1.0, **kind).micro_usd_per_hour == factor * 1_000_000


def test_factor_is_exact() -> None:
    # 1.1 and 158.48 are no binary floats: the factor is the fraction that they print as
    rate = Fraction(15848, 100)
    assert hourly_factor("month", 0.1, rate, 0, 12) == 1 / (Fraction(11, 10) * 730 * rate)


def test_the_problems_own_rate_comes_before_the_catalogs() -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(price=150.0, currency="JPY")})
    own = tiny.problem().model_copy(update={"currency": "JPY", "fx": Fx(rate_per_usd=150.0, as_of=date(2026, 11, 1))})
    assert [offer.micro_usd_per_hour for offer in priced_offers(catalog, own)] == [1_000_000]
    # a rate for euros says nothing about yen
    euros = tiny.problem().model_copy(update={"currency": "EUR", "fx": Fx(rate_per_usd=0.9, as_of=date(2026, 11, 1))})
    assert [offer.micro_usd_per_hour for offer in priced_offers(catalog, euros)] == [1_500_000]


def test_a_currency_without_rate_is_refused() -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(currency="EUR")})
    with pytest.raises(InputError, match="no rate for EUR"):
        priced_offers(catalog, tiny.problem())


def test_both_ends_of_a_price_range() -> None:
    facts: dict[str, Any] = {"price": 2.0, "price_low": 1.0, "price_high": 5.0, "price_evidence": "assumed"}
    middle = priced(**facts)
    assert (middle.micro_usd_per_hour, middle.range_micro_usd_per_hour) == (2_000_000, (1_000_000, 5_000_000))
    assert priced(price_end="low", **facts).micro_usd_per_hour == 1_000_000
    assert priced(price_end="high", **facts).micro_usd_per_hour == 5_000_000
    assert priced(price_end="high", price=2.0).micro_usd_per_hour == 2_000_000  # no range: the price itself


def test_stock_of_the_problem_comes_before_the_catalogs() -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(stock=3)})
    limited = tiny.problem(limits=Limits(stock={"cloud-g": 1}))
    assert [priced_offers(catalog, problem)[0].stock for problem in (tiny.problem(), limited)] == [3, 1]


def test_rented_nodes_draw_nothing_from_us_and_keep_their_origin() -> None:
    found = priced(price=1.0, stock=None)
    assert (found.watts, found.stock, found.source_url) == (0, None, "https://example.org/facts")
    assert found.breakdown == {"rent": 730.0}
    assert not found.from_overlay


def test_scaling_every_price_scales_every_cost(shipped: Catalog) -> None:
    problem = tiny.problem()
    twice = {name: offer.model_copy(update={"price": 2 * offer.price}) for name, offer in shipped.offers.items()}
    doubled = replace(shipped, offers=twice)
    for name in list(shipped.offers)[::37]:
        before, after = price_of(name, shipped, problem), price_of(name, doubled, problem)
        assert before is not None
        assert after is not None
        assert 2 * before.micro_usd_per_hour - 1 <= after.micro_usd_per_hour <= 2 * before.micro_usd_per_hour


def test_euro_rate_of_the_catalog() -> None:
    rate = FxRate(currency="EUR", rate_per_usd=0.8, **tiny.SOURCE)
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(price=0.8, currency="EUR")}, fx={"EUR": rate})
    assert priced_offers(catalog, tiny.problem())[0].micro_usd_per_hour == 1_000_000


def agreed(catalog: Catalog, **assumptions: Any) -> PricedOffer:
    """Price the tiny offer under own figures."""
    own = Assumptions.model_validate(assumptions)
    found = price_of("cloud-g", catalog, tiny.problem().model_copy(update={"assumptions": own}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("facts", "assumptions", "lines"),
    [
        # (2.00 - 10%) + 73 / 730 = 1.90; the other way round (2.00 + 0.10) - 10% = 1.89
        pytest.param({"price": 2.0}, {"adjustments": {"cloud": ({"discount_fraction": 0.1},
                                                                {"fee_usd_per_node_month": 73.0})}},
                     {"rent": 1_900_000}, id="discount, then fee"),
        pytest.param({"price": 2.0}, {"adjustments": {"cloud": ({"fee_usd_per_node_month": 73.0},
                                                                {"discount_fraction": 0.1})}},
                     {"rent": 1_890_000}, id="fee, then discount"),
        pytest.param({"price": 2.0}, {"adjustments": {"other": ({"discount_fraction": 0.1},)}}, {"rent": 2_000_000},
                     id="of another provider"),
        pytest.param({"price": 2.0}, {"rent_usd_per_hour": {"cloud-g": 1.5}}, {"rent": 1_500_000}, id="own quotation"),
        pytest.param({"price": 2.0, "price_high": 3.0}, {"rent_usd_per_hour": {"cloud-g": 1.5}, "price_end": "high"},
                     {"rent": 1_500_000}, id="own quotation has no range"),
        pytest.param({"price": 2.0}, {"rent_factor": 1.2}, {"rent": 2_400_000}, id="a fifth dearer"),
        # a fifth of the paid hours serve nothing: 2.00 / 0.8 = 2.50
        pytest.param({"price": 2.0, "kind": "spot"}, {"spot_interruption_fraction": 0.2},
                     {"rent": 2_000_000, "interruptions": 500_000}, id="spot"),
        pytest.param({"price": 2.0}, {"spot_interruption_fraction": 0.2}, {"rent": 2_000_000}, id="no spot"),
        # 1% a month for a year: a(0.01, 12) = 0.08884879, x 12 = 1.06618546; half of it upfront: 3.309273%
        pytest.param({"price": 2.0, "kind": "reserved", "term_months": 12, "upfront_fraction": 0.5},
                     {"discount_fraction_per_year": 1.01**12 - 1}, {"rent": 2_000_000, "upfront interest": 66_186},
                     id="half upfront"),
        pytest.param({"price": 2.0, "kind": "reserved", "term_months": 12, "upfront_fraction": 1.0},
                     {"discount_fraction_per_year": 0.0}, {"rent": 2_000_000, "upfront interest": 0},
                     id="upfront without interest"),
    ],
)
def test_what_was_agreed(facts: dict[str, Any], assumptions: dict[str, Any], lines: dict[str, int]) -> None:
    found = agreed(tiny.catalog(offers={"cloud-g": tiny.offer(**facts)}), **assumptions)
    assert getattr(found.ends, found.end) == lines
    assert found.micro_usd_per_hour == sum(lines.values())


def test_an_own_quotation_is_quoted() -> None:
    assert agreed(tiny.catalog(), rent_usd_per_hour={"cloud-g": 1.5}).price_evidence == "quoted"
    assert agreed(tiny.catalog()).price_evidence == "list"


def test_a_neutral_factor_changes_no_price(shipped: Catalog) -> None:
    # one path works with what was agreed, the other with list prices alone: both round the same amounts
    plain = tiny.problem()
    steps = {offer.provider: ({"discount_fraction": 0.0},) for offer in shipped.offers.values()}
    own = Assumptions.model_validate({"adjustments": steps})
    for listed, same in zip(priced_offers(shipped, plain),
                            priced_offers(shipped, plain.model_copy(update={"assumptions": own})), strict=True):
        assert listed.micro_usd_per_hour == same.micro_usd_per_hour, listed.offer_id


@pytest.mark.parametrize("step", [{}, {"discount_fraction": 0.1, "fee_usd_per_node_month": 1.0}])
def test_an_adjustment_is_one_step(step: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="exactly one in each step"):
        Assumptions.model_validate({"adjustments": {"aws": (step,)}})
