"""Amounts that are no whole micro-dollars an hour are rounded up, never down: no cost is told too low."""

from __future__ import annotations

from fractions import Fraction

import pytest

from optimizer.costs import price_of
from optimizer.costs.contracts import bill_of
from optimizer.schema.problem import Assumptions, Contract, Limits, Tier
from optimizer.units import HOURS_PER_MONTH, MICRO
from tests.catalogs import tiny

DOLLAR = 1370
"""A dollar a month is 1,369.86 micro-dollars an hour."""


def test_amounts_of_a_contract_are_rounded_up() -> None:
    tier = Tier(above_usd_per_month=1.0, discount_fraction=0.5)
    bill = bill_of("acme", Contract(minimum_usd_per_month=1.0, fee_usd_per_month=1.0, tiers=(tier,)))
    assert (bill.minimum, bill.fee, bill.tiers[0][0]) == (DOLLAR, DOLLAR, DOLLAR)


@pytest.mark.parametrize(("spend", "billed"), [(DOLLAR, DOLLAR), (DOLLAR + 1, DOLLAR + 1), (DOLLAR + 3, DOLLAR + 2)])
def test_what_a_discount_leaves_is_rounded_up(spend: int, billed: int) -> None:
    """Half of one micro-dollar above the threshold is half of one: one is billed; of three two."""
    bill = bill_of("acme", Contract(tiers=(Tier(above_usd_per_month=1.0, discount_fraction=0.5),)))
    assert bill.billed(spend, True) == billed


def test_a_rent_by_the_month_is_rounded_up() -> None:
    catalog = tiny.catalog(offers={"cloud-g": tiny.offer(price=100.0, per="month")})
    found = price_of("cloud-g", catalog, tiny.problem())
    assert found is not None
    assert found.micro_usd_per_hour == -(-100 * MICRO // HOURS_PER_MONTH) == 136_987  # 136,986.3


def test_every_line_of_an_own_machine_is_rounded_up() -> None:
    """1 dollar over 36 months without resale or interest is 1 / 36 / 730 = 38.05 micro-dollars an hour: 39."""
    machine = tiny.node(parts=(tiny.part(1.0),), form="workstation", colocated=False, host_watts=0.0)
    catalog = tiny.catalog(owned={"own-2x-g": machine})
    problem = tiny.problem(limits=Limits(kinds=("owned",), horizon_months=36)).model_copy(update={
        "assumptions": Assumptions(residual_fraction=0.0, discount_fraction_per_year=0.0)})
    found = price_of("own-2x-g.here", catalog, problem)
    assert found is not None
    lines = found.ends.quote("value")
    assert lines["capital"] == 39 == -(-Fraction(MICRO, 36 * HOURS_PER_MONTH) // 1)
