"""Rounding: cost and demand go up, capacity goes down, and exactly so."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.units import (
    GIB,
    HOURS_PER_MONTH,
    MICRO,
    demand_up,
    exact,
    largest_holding,
    micro_rate_down,
    micro_rate_up,
    micro_usd_up,
    usd,
    usd_per_month,
)

amounts = st.floats(min_value=1e-9, max_value=1e9)
headrooms = st.integers(0, 1000).map(lambda percent: percent / 100)


def test_a_float_is_the_decimal_it_prints_as() -> None:
    assert exact(4.09625) == Fraction(409625, 100000)
    assert exact(0.1) == Fraction(1, 10)
    assert exact(7) == 7
    assert exact(Fraction(1, 3)) == Fraction(1, 3)
    assert exact(1e-7) == Fraction(1, 10**7)


@pytest.mark.parametrize(("dollars", "micro"), [
    (4.09625, 4_096_250),  # six decimals are exact
    (0.1, 100_000),  # binary 0.1 is above 1/10: its own ceiling would be 100,001
    (0.0000001, 1),  # less than a micro-dollar still costs one
    (Fraction(1, 3), 333_334),  # 333,333.3
    (2, 2_000_000),
])
def test_cost_rounds_up(dollars: float | Fraction, micro: int) -> None:
    assert micro_usd_up(dollars) == micro


def test_cost_with_a_factor_rounds_once() -> None:
    # 150 JPY with 10% tax inside at 158.48 JPY a dollar: 150 / 1.1 / 158.48 = 0.8604469735 dollars
    assert micro_usd_up(150.0, 1 / (Fraction(11, 10) * Fraction(15848, 100))) == 860_447


@given(dollars=amounts)
def test_cost_is_the_least_whole_number_above(dollars: float) -> None:
    micro = micro_usd_up(dollars)
    assert micro - 1 < exact(dollars) * 10**6 <= micro


@given(most=st.integers(-3, 200), last=st.integers(-3, 200))
def test_the_largest_number_that_holds(most: int, last: int) -> None:
    asked: list[int] = []

    def holds(count: int) -> bool:
        asked.append(count)
        return count <= last

    assert largest_holding(most, holds) == max(0, min(most, last))
    assert all(1 <= count <= most for count in asked)
    assert len(asked) <= 9  # the whole, then halves of at most 200


def test_units() -> None:
    assert (GIB, HOURS_PER_MONTH, MICRO) == (2**30, 8760 / 12, 10**6)


def test_back_to_dollars() -> None:
    assert usd(2_500_000) == 2.5
    assert usd_per_month(2_500_000) == 1825.0  # 2.5 x 730


@pytest.mark.parametrize(("quantity", "headroom", "total"), [
    (40, 0.2, 48),  # exactly 48: 40 x 1.2 in binary is 48.0
    (41, 0.1, 46),  # 45.1
    (100, 0.1, 110),  # in binary 110.00000000000001: its ceiling would be 111
    (3, 0.0, 3),
    (Fraction(1, 3), 0.0, 1),
])
def test_demand_rounds_up(quantity: float, headroom: float, total: int) -> None:
    assert demand_up(quantity, headroom) == total


@given(quantity=st.integers(1, 10**9), headroom=headrooms)
def test_demand_is_the_least_whole_number_above(quantity: int, headroom: float) -> None:
    total = demand_up(quantity, headroom)
    assert total - 1 < quantity * (1 + exact(headroom)) <= total


def test_rates_round_away_from_promising_too_much() -> None:
    assert micro_rate_up(Fraction(1, 3)) == 333_334
    assert micro_rate_up(0.1, 0.1) == 110_000  # 0.1 x 1e6 x 1.1 in binary is 110000.00000000001
    assert micro_rate_down(1 / 3) == 333_333
    assert micro_rate_down(0.000249) == 249  # x 1e6 in binary is 248.99999999999997
    assert micro_rate_down(0.00021799999999999999) == 217  # x 1e6 in binary is 218.0


@given(rate=amounts)
def test_a_rate_lies_between_its_roundings(rate: float) -> None:
    assert micro_rate_down(rate) <= exact(rate) * 10**6 <= micro_rate_up(rate)
    assert micro_rate_up(rate) - micro_rate_down(rate) <= 1
