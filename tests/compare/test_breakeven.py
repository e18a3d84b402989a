"""When owning pays back, by hand and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.compare import break_even_hours, break_even_month, break_even_utilisation
from optimizer.compare.sensitivity import verdict_of
from optimizer.costs.cash import CashFlow
from optimizer.costs.owned import Ownership


def test_the_published_case() -> None:
    # 833,806 / (98.32 - 0.87) = 833,806 / 97.45 = 8,556.24 hours; 730 a month: the twelfth month
    hours = break_even_hours(833_806, 0.87, 98.32)
    assert hours == pytest.approx(8556.24, abs=0.01)
    owning = [833_806 + 0.87 * 730 * month for month in range(61)]
    assert break_even_month(owning, [98.32 * 730 * month for month in range(61)]) == 12


def test_it_never_pays_back_where_running_costs_as_much_as_renting() -> None:
    assert break_even_hours(1.0, 2.0, 2.0) is None
    assert break_even_hours(0.0, 2.0, 2.0) == 0.0
    assert break_even_month([1.0, 3.0, 5.0], [0.0, 2.0, 4.0]) is None
    assert break_even_month([], [0.0, 2.0]) is None


@given(st.floats(1, 1e7), st.floats(0, 100), st.floats(0.01, 1000))
def test_the_month_is_the_first_whole_one_after_the_hours(outlay: float, running: float, saved: float) -> None:
    hours = break_even_hours(outlay, running, running + saved)
    assert hours is not None
    months = range(121)
    owning = [outlay + running * 730 * month for month in months]
    month = break_even_month(owning, [(running + saved) * 730 * month for month in months])
    if month is None:
        assert hours > 119.99 * 730
    else:
        assert (month - 1) * 730 < hours * (1 + 1e-9)
        assert hours <= month * 730 * (1 + 1e-9)


def test_share_of_the_hours() -> None:
    assert break_even_utilisation(300.0, 1200.0) == 0.25
    assert break_even_utilisation(1800.0, 1200.0) == 1.5
    assert break_even_utilisation(1.0, 0.0) is None


@pytest.mark.parametrize(("costs", "verdict"), [
    ((5.0, 7.0, 5.0), "rented"), ((7.0, 5.0, 5.0), "owned"), ((7.0, 5.0, 4.0), "mixed"), ((None, 5.0, 5.0), "owned"),
    ((5.0, None, 5.0), "rented"), ((None, None, 5.0), "mixed"), ((5.0, 5.0, 5.0), "owned"), ((None,) * 3, None),
])
def test_verdict(costs: tuple[float | None, ...], verdict: str | None) -> None:
    assert verdict_of(*costs) == verdict


# A server for 1,000 and 200 to install; 10 a month to run; lives 60 months; worth 600 after 12, 300 after 24, ...
OWNED = CashFlow(1200.0, 10.0, 60.0, Ownership(1000.0, 200.0, {"power": 10.0}, 60.0, 0.08,
                                               ((12.0, 0.6), (24.0, 0.3), (36.0, 0.2), (60.0, 0.05))))

# 36 months at 100 a month, half of it upfront: 1,800 on the first day of each term and 50 a month
TERM = CashFlow(1800.0, 50.0, 36)


@pytest.mark.parametrize(("flow", "months", "paid", "owed", "sold"), [
    (OWNED, 0, 1200.0, 0.0, 1000.0), (OWNED, 12, 1320.0, 0.0, 600.0), (OWNED, 18, 1380.0, 0.0, 450.0),
    (OWNED, 60, 1800.0, 0.0, 50.0),
    (OWNED, 72, 3120.0, 0.0, 600.0),  # bought again after 60 months: 2 x 1,200 + 720; the new one is a year old
    (TERM, 0, 1800.0, 1800.0, 0.0), (TERM, 12, 2400.0, 1200.0, 0.0), (TERM, 36, 3600.0, 0.0, 0.0),
    (TERM, 60, 6600.0, 600.0, 0.0),  # two terms: 2 x 1,800 + 60 x 50; twelve months of the second are left
    (CashFlow(0.0, 100.0), 60, 6000.0, 0.0, 0.0),
])
def test_payments_by_hand(flow: CashFlow, months: int, paid: float, owed: float, sold: float) -> None:
    assert (flow.paid_usd(months), flow.owed_usd(months), flow.resale_usd(months)) == pytest.approx((paid, owed, sold))
