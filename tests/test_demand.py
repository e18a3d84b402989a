"""Demand by hand, and the Poisson limit against sums of its terms."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.demand import (
    demand_of,
    largest_poisson_mean,
    mean_output_tokens,
    peak_rps,
    poisson_cdf,
    requests_per_day,
)
from optimizer.schema.problem import Deadline, Demand, RequestClass, Service, Slo

CHAT = RequestClass(isl_tokens=512, osl_tokens=256)
USERS = Demand(daily_active_users=5000.0, uses_per_user_per_day=4.0, requests_per_use=3.0, active_hours=10.0,
    peak_to_mean=2.5)


def sync(demand: Demand, headroom: float = 0.0) -> Service:
    return Service(service_id="chat", model="m", slo=Slo(grade="C"), workload=(CHAT,), demand=demand,
        headroom_fraction=headroom)


def overnight(deadline: Deadline, headroom: float = 0.0, workload: tuple[RequestClass, ...] = (CHAT,)) -> Service:
    return Service(service_id="night", model="m", kind="async", workload=workload, deadline=deadline,
        headroom_fraction=headroom)


def test_concurrency_is_taken_as_it_is() -> None:
    demand = demand_of(sync(Demand(peak_concurrency=40)))
    assert (demand.unit, demand.amount, demand.stated, demand.percentile, demand.requests_per_day) == ("concurrency",
        40, 40, None, None)
    assert demand.arithmetic == "40 requests in flight = 40"


def test_headroom_rounds_up() -> None:
    demand = demand_of(sync(Demand(peak_concurrency=41), 0.1))
    assert demand.amount == 46  # 41 x 1.1 = 45.1
    assert demand.stated == 41
    assert demand.arithmetic == "41 requests in flight + 10% headroom = 46"


def test_daily_active_users_by_hand() -> None:
    # 5,000 users x 4 uses x 3 requests = 60,000 a day; / 10 h / 3,600 s = 1.6667/s on average; x 2.5 = 4.1667/s
    assert requests_per_day(USERS) == 60_000
    assert peak_rps(USERS) == Fraction(25, 6)
    demand = demand_of(sync(USERS))
    assert (demand.unit, demand.amount, demand.percentile) == ("rate", 4_166_667, 0.99)
    assert demand.stated == pytest.approx(25 / 6)
    assert demand.requests_per_day == 60_000
    assert demand.arithmetic == (
        "5,000 users x 4 uses x 3 requests / 10 h x 2.5 peak-to-mean = 4.167 requests/s at the peak = 4.167 requests/s")


def test_users_with_headroom_and_their_own_percentile() -> None:
    demand = demand_of(sync(USERS.model_copy(update={"percentile": 0.95}), 0.2))
    assert demand.amount == 5_000_000  # 25/6 x 1.2 = 5 exactly
    assert demand.percentile == 0.95


def test_rates_are_exact() -> None:
    # 0.1 x 3 x 1 / 1 h = 0.3 / 3600 requests/s = 83.33 micro-requests; 0.1 x 3 in binary is above 0.3
    users = Demand(daily_active_users=0.1, uses_per_user_per_day=3.0, requests_per_use=1.0, active_hours=1.0,
        peak_to_mean=1.0)
    assert peak_rps(users) == Fraction(3, 36_000)
    assert demand_of(sync(Demand(peak_rps=1.1))).amount == 1_100_000


def test_a_rate_that_is_stated_needs_no_users() -> None:
    demand = demand_of(sync(Demand(peak_rps=2.5), 0.1))
    assert (demand.amount, demand.stated, demand.requests_per_day) == (2_750_000, 2.5, None)


def test_the_least_rate_is_one() -> None:
    assert demand_of(sync(Demand(peak_rps=1e-9))).amount == 1


def test_work_until_a_deadline() -> None:
    # 7,200 requests from 22:00 to 06:00: 8 h = 28,800 s: 0.25/s
    demand = demand_of(overnight(Deadline(requests=7200.0, start_hour=22.0, end_hour=6.0)))
    assert (demand.unit, demand.amount, demand.percentile, demand.requests_per_day) == ("rate", 250_000, None, 7200.0)
    assert demand.arithmetic == "7,200 requests in 8 h = 0.250 requests/s"


def test_tokens_until_a_deadline() -> None:
    # 3 in 4 requests of 100 tokens, 1 in 4 of 500: 200 on average; 1,440,000 tokens = 7,200 requests; in 2 h 1/s
    mix = (RequestClass(isl_tokens=1, osl_tokens=100, share_fraction=0.75),
        RequestClass(isl_tokens=1, osl_tokens=500, share_fraction=0.25))
    service = overnight(Deadline(output_tokens=1_440_000.0, start_hour=1.0, end_hour=3.0), 0.25, mix)
    assert mean_output_tokens(service) == 200
    demand = demand_of(service)
    assert (demand.amount, demand.stated) == (1_250_000, 1.0)


@given(users=st.integers(1, 10**6), more=st.integers(0, 10**6), headroom=st.integers(0, 100))
def test_more_users_or_headroom_never_ask_less(users: int, more: int, headroom: int) -> None:
    few, many = (demand_of(sync(USERS.model_copy(update={"daily_active_users": float(count)}), headroom / 100)).amount
                 for count in (users, users + more))
    assert few <= many
    assert many <= demand_of(sync(USERS.model_copy(update={"daily_active_users": float(users + more)}),
        headroom / 100 + 0.5)).amount


def direct_cdf(limit: int, mean: float) -> float:
    """P(N <= limit), each term from logarithms, summed without loss."""
    return math.fsum(math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) for count in range(limit + 1))


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 20, 64, 200, 1024])
@pytest.mark.parametrize("mean", [1e-6, 0.1, 0.5, 1.0, 3.0, 10.0, 50.0, 190.0, 210.0, 900.0, 1000.0, 1100.0, 3000.0])
def test_poisson_against_its_terms(limit: int, mean: float) -> None:
    assert poisson_cdf(limit, mean) == pytest.approx(direct_cdf(limit, mean), abs=1e-11)


def test_poisson_known_values() -> None:
    assert poisson_cdf(2, 1.0) == pytest.approx(2.5 / math.e, rel=1e-14)  # e^-1 (1 + 1 + 1/2)
    assert poisson_cdf(0, 2.0) == pytest.approx(math.exp(-2.0), rel=1e-14)
    assert poisson_cdf(5, 0.0) == 1.0
    assert poisson_cdf(1024, 1.0) == 1.0


@given(limit=st.integers(0, 1024), percentile=st.sampled_from([0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999,
        0.99999, 0.999999]))
def test_the_largest_mean_is_kept_and_no_larger_one(limit: int, percentile: float) -> None:
    mean = largest_poisson_mean(limit, percentile)
    assert poisson_cdf(limit, mean) >= percentile
    assert poisson_cdf(limit, mean * 1.0001) < percentile


@pytest.mark.parametrize(("limit", "percentile"), [(120, 0.999999), (127, 0.999999), (175, 0.999999), (138, 0.9),
        (288, 0.6), (861, 0.75)])
def test_means_at_which_a_newton_step_once_went_astray(limit: int, percentile: float) -> None:
    mean = largest_poisson_mean(limit, percentile)
    assert poisson_cdf(limit, mean) >= percentile > poisson_cdf(limit, mean * 1.0001)


def test_the_largest_mean_by_hand() -> None:
    assert largest_poisson_mean(0, 0.99) == pytest.approx(-math.log(0.99), rel=1e-8)  # P(0) = e^-m
    # P(N <= 1) = e^-m (1 + m) = 0.95 at m = 0.355361
    assert largest_poisson_mean(1, 0.95) == pytest.approx(0.3553615, rel=1e-6)


@given(limit=st.integers(0, 300))
def test_a_higher_limit_or_a_lower_percentile_admits_more(limit: int) -> None:
    assert largest_poisson_mean(limit, 0.99) < largest_poisson_mean(limit + 1, 0.99)
    assert largest_poisson_mean(limit, 0.99) < largest_poisson_mean(limit, 0.95)
