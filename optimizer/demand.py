"""Step 2: how much comes at the peak, as the one number that a plan must cover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from optimizer.messages import Message
from optimizer.schema.problem import Deadline, Demand, Problem, Service
from optimizer.units import HOURS_PER_MONTH, MICRO, demand_up, exact, micro_rate_up

SECONDS_PER_HOUR = 3600
HOURS_PER_DAY = 24
DAYS_PER_MONTH = HOURS_PER_MONTH / HOURS_PER_DAY

NEGLIGIBLE = 1e-17
"""Terms below this share of a sum no longer change it."""

SAFE_MARGINS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
"""How far below the root of the Poisson equation to stay, at least: near 1 a double cannot tell closer means apart."""

DEFAULT_PERCENTILE = 0.99
"""Share of moments in which requests in flight stay within a replica's limit, when a rate states none."""


@dataclass(frozen=True, slots=True)
class ServiceDemand:
    """What one service asks of the fleet."""

    service_id: str
    unit: Literal["concurrency", "rate"]
    amount: int
    """Requests in flight, or micro-requests a second; headroom included, rounded up."""
    stated: float
    """The same without headroom, in requests in flight or requests/s."""
    percentile: float | None
    """Poisson percentile for rates of interactive services; None: work that may wait."""
    requests_per_day: float | None
    arithmetic: Message
    """How the amount came about, spelled out."""


def peak_rps(demand: Demand) -> Fraction:
    """Return requests/s at the peak, exactly: users x uses x requests / active hours x peak-to-mean.

    >>> peak_rps(Demand(daily_active_users=3600.0, uses_per_user_per_day=2.0, requests_per_use=1.0,
    ...                 active_hours=1.0, peak_to_mean=3.0))
    Fraction(6, 1)
    """
    if demand.peak_rps is not None:
        return exact(demand.peak_rps)
    if demand.hourly_rps is not None:
        return exact(max(demand.hourly_rps))
    users, uses, requests = demand.daily_active_users, demand.uses_per_user_per_day, demand.requests_per_use
    hours, ratio = demand.active_hours, demand.peak_to_mean
    if users is None or uses is None or requests is None or hours is None or ratio is None:
        raise ValueError("a demand states a rate or the whole daily_active_users group")
    return exact(users) * exact(uses) * exact(requests) / (exact(hours) * SECONDS_PER_HOUR) * exact(ratio)


def peak_concurrency(demand: Demand) -> int | None:
    """Return requests in flight at the peak, None where the demand is a rate."""
    if demand.hourly_concurrency is not None:
        return max(demand.hourly_concurrency)
    return demand.peak_concurrency


def profile_hours(problem: Problem) -> int | None:
    """Return the hours of the cycle over which a problem plans: a day, or a week; None where each demand is one peak.

    A day in one service and a week in another make a week of equal days.
    """
    return max((service.demand.profile_hours or 0 for service in problem.services if service.demand), default=0) or None


def hourly_quantities(demand: Demand, hours: int) -> tuple[Fraction, ...]:
    """Return requests in flight or requests/s of each hour of a cycle, headroom left out.

    >>> hourly_quantities(Demand(peak_concurrency=10, profile=(0.5,) * 23 + (1.0,)), 24)[-2:]
    (Fraction(5, 1), Fraction(10, 1))
    """
    stated = demand.hourly_concurrency if demand.hourly_concurrency is not None else demand.hourly_rps
    if stated is not None:
        found = tuple(exact(value) for value in stated)
    else:
        in_flight = peak_concurrency(demand)
        peak = peak_rps(demand) if in_flight is None else Fraction(in_flight)
        found = tuple(peak * exact(share) for share in demand.profile or (1.0,))
    return found * (hours // len(found))


def hourly_amounts(
    service: Service, hours: int, most_used: float = 1.0, factor: Fraction = Fraction(1)
) -> tuple[int, ...]:
    """Return requests in flight or micro-requests/s of a sync service in each hour of a cycle, headroom included.

    Rounded up hour by hour; the largest is that of `demand_of`.

    Args:
        service: whose demand.
        hours: of the cycle.
        most_used: share of what nodes carry that the demand may fill.
        factor: growth of the demand.
    """
    if service.demand is None:
        raise ValueError("a sync service states a demand")
    headroom = (1 + exact(service.headroom_fraction)) / exact(most_used) - 1
    in_flight = peak_concurrency(service.demand) is not None
    up = demand_up if in_flight else micro_rate_up
    return tuple(up(quantity * factor, headroom) for quantity in hourly_quantities(service.demand, hours))


def window_seconds(deadline: Deadline, hours: int) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Return what an async service asks of a cycle: (seconds of each hour that count, how many days' work they do).

    The work comes anew every day. A window of up to a day asks its own hours; longer ones overlap those of the days
    after, so that each run of windows asks for the work that must be done within it, and the cycle for all of it.
    Seconds of a started hour count as far as the window reaches, rounded down.

    >>> day = window_seconds(Deadline(requests=1.0, start_hour=22.5, end_hour=1.0), 24)
    >>> [(hour, second) for hour, second in enumerate(day[0][0]) if second], day[0][1]
    ([(0, 3600), (22, 1800), (23, 3600)], 1)
    """
    start, span, days = exact(deadline.start_hour), exact(deadline.window_hours), hours // 24
    whole = ((SECONDS_PER_HOUR,) * hours, days)
    if span <= 24:
        return tuple((_covered(start + 24 * day, span, hours), 1) for day in range(days))
    runs = (
        (_covered(start + 24 * day, span + 24 * (length - 1), hours), length)
        for length in range(1, days) for day in range(days) if span + 24 * (length - 1) <= hours
    )
    return (*runs, whole)


def _covered(start: Fraction, span: Fraction, hours: int) -> tuple[int, ...]:
    """Return the seconds of each hour of a cycle that a span covers."""
    seconds = [0] * hours
    for hour in range(math.floor(start), math.ceil(start + span)):
        inside = min(start + span, Fraction(hour + 1)) - max(start, Fraction(hour))
        seconds[hour % hours] += math.floor(inside * SECONDS_PER_HOUR)
    return tuple(seconds)


def micro_work(service: Service, most_used: float = 1.0, factor: Fraction = Fraction(1)) -> int:
    """Return the micro-requests of an async service's window, grown and with its headroom, rounded up."""
    return demand_up(exact_work(service) * factor * MICRO / exact(most_used), service.headroom_fraction)


def requests_per_day(demand: Demand) -> float | None:
    """Return requests a day where the demand states users."""
    if demand.daily_active_users is None or demand.uses_per_user_per_day is None or demand.requests_per_use is None:
        return None
    return demand.daily_active_users * demand.uses_per_user_per_day * demand.requests_per_use


def mean_output_tokens(service: Service) -> Fraction:
    """Return output tokens of the average request, exactly."""
    return sum((request.osl_tokens * exact(request.share_fraction) for request in service.workload), Fraction(0))


def class_demands(service: Service, amount: int) -> tuple[Fraction, ...]:
    """Split a demand over the request classes, exactly.

    A rate is split by the classes' shares of requests. Requests in flight are split by share x output tokens: at one
    promised speed a request stays in flight for about its output tokens, the long ones longer (the same rule by which
    a replica that serves a mix is loaded).

    >>> from optimizer.schema.problem import Demand, RequestClass, Slo
    >>> chat = Service(service_id="chat", model="m", slo=Slo(grade="C"), demand=Demand(peak_concurrency=10), workload=(
    ...     RequestClass(isl_tokens=1, osl_tokens=100, share_fraction=0.75),
    ...     RequestClass(isl_tokens=9, osl_tokens=300, share_fraction=0.25)))
    >>> [str(part) for part in class_demands(chat, 10)]  # 75 : 75
    ['5', '5']
    """
    in_flight = service.demand is not None and peak_concurrency(service.demand) is not None
    weights = [
        exact(request.share_fraction) * (request.osl_tokens if in_flight else 1) for request in service.workload
    ]
    return tuple(amount * weight / sum(weights) for weight in weights)


def demand_of(service: Service, most_used: float = 1.0) -> ServiceDemand:
    """Turn a service's demand into the integer that the plan must cover, headroom included.

    Args:
        service: whose demand.
        most_used: share of what nodes carry that the demand may fill; it must be covered 1 / so many times.
    """
    headroom = (1 + exact(service.headroom_fraction)) / exact(most_used) - 1
    reserve = _reserve(service.headroom_fraction, most_used)
    if service.deadline is not None:
        work = exact_work(service)
        hours = service.deadline.window_hours
        rate = work / (exact(hours) * SECONDS_PER_HOUR)
        amount = max(1, micro_rate_up(rate, headroom))
        text = Message("demand.work", work=float(work), hours=hours, reserve=reserve, rate=amount / MICRO)
        return ServiceDemand(service.service_id, "rate", amount, float(rate), None, float(work), text)
    demand = service.demand
    if demand is None:
        raise ValueError("a sync service states a demand")
    busiest = exact(max(demand.profile)) if demand.profile is not None else Fraction(1)
    share = Message("demand.busiest", share=float(busiest)) if busiest != 1 else ""
    in_flight = peak_concurrency(demand)
    if in_flight is not None:
        amount = demand_up(in_flight * busiest, headroom)
        stated = math.ceil(in_flight * busiest)
        text = Message("demand.in-flight", in_flight=in_flight, share=share, reserve=reserve, amount=amount)
        return ServiceDemand(service.service_id, "concurrency", amount, stated, None, None, text)
    rate = peak_rps(demand) * busiest
    amount = max(1, micro_rate_up(rate, headroom))
    text = Message("demand.rate", stated=float(rate), reserve=reserve, rate=amount / MICRO)
    if demand.daily_active_users is not None:
        text = Message(
            "demand.users", users=demand.daily_active_users, uses=demand.uses_per_user_per_day,
            requests=demand.requests_per_use, hours=demand.active_hours, ratio=demand.peak_to_mean, rate=text)
    percentile = demand.percentile or DEFAULT_PERCENTILE
    return ServiceDemand(service.service_id, "rate", amount, float(rate), percentile, requests_per_day(demand), text)


def _reserve(headroom_fraction: float, most_used: float) -> str:
    """Say what is planned beyond a demand; nothing where nothing is."""
    if most_used < 1 and headroom_fraction:
        return Message("demand.headroom-and-used", share=headroom_fraction, most=most_used)
    if most_used < 1:
        return Message("demand.used", most=most_used)
    return Message("demand.headroom", share=headroom_fraction) if headroom_fraction else ""


@dataclass(frozen=True, slots=True)
class DemandKey:
    """Where a service states its demand, and in what steps it is counted."""

    path: str
    """Key below the service: `demand.peak_concurrency`."""
    words: Message
    """What is counted."""
    step: Fraction
    """Smallest change that is considered: one request, one user, a micro-request/s."""


def demand_key(service: Service) -> DemandKey:
    """Say in which key a service states its demand."""
    if service.deadline is not None:
        whole = service.deadline.requests is not None
        return (
            DemandKey("deadline.requests", Message("unit.requests-in-window"), Fraction(1))
            if whole
            else DemandKey("deadline.output_tokens", Message("unit.tokens-in-window"), Fraction(1))
        )
    if service.demand is None:
        raise ValueError("a sync service states a demand")
    if service.demand.peak_concurrency is not None:
        return DemandKey("demand.peak_concurrency", Message("unit.in-flight"), Fraction(1))
    if service.demand.peak_rps is not None:
        return DemandKey("demand.peak_rps", Message("unit.rps"), Fraction(1, MICRO))
    if service.demand.hourly_concurrency is not None:
        return DemandKey("demand.hourly_concurrency", Message("unit.in-flight-busiest"), Fraction(1))
    if service.demand.hourly_rps is not None:
        return DemandKey("demand.hourly_rps", Message("unit.rps-busiest"), Fraction(1, MICRO))
    return DemandKey("demand.daily_active_users", Message("unit.users"), Fraction(1))


def quantity_of(service: Service) -> Fraction:
    """Return the demand as the service states it, without headroom."""
    part, name = demand_key(service).path.split(".")
    stated = getattr(getattr(service, part), name)
    return exact(max(stated) if isinstance(stated, tuple) else stated)


def with_quantity(service: Service, quantity: Fraction) -> Service:
    """Return the service with another demand, stated in the same key; demands by the hour keep their shape."""
    part, name = demand_key(service).path.split(".")
    stated = getattr(getattr(service, part), name)
    value: object = int(quantity) if name == "peak_concurrency" else float(quantity)
    if isinstance(stated, tuple):
        hours = [exact(one) * quantity / exact(max(stated)) for one in stated]
        value = tuple(math.ceil(one) if name == "hourly_concurrency" else float(one) for one in hours)
    return service.model_copy(update={part: getattr(service, part).model_copy(update={name: value})})


def largest_quantity(service: Service, amount: int, most_used: float = 1.0) -> Fraction:
    """Return the largest demand, in whole steps, that an amount covers with the headroom; 0 when not even one step.

    Args:
        service: whose demand.
        amount: what the nodes carry.
        most_used: share of it that the demand may fill.

    >>> from optimizer.schema.problem import Demand, RequestClass, Slo
    >>> chat = Service(service_id="chat", model="m", slo=Slo(grade="C"), demand=Demand(peak_concurrency=10),
    ...                workload=(RequestClass(isl_tokens=1, osl_tokens=1),), headroom_fraction=0.2)
    >>> largest_quantity(chat, 13)  # 10 x 1.2 = 12, 11 x 1.2 = 13.2
    Fraction(10, 1)
    """
    key = demand_key(service)
    per_step = _exact_amount(with_quantity(service, key.step)) * (1 + exact(service.headroom_fraction))
    per_step /= exact(most_used)
    return math.floor(amount / per_step) * key.step


def _exact_amount(service: Service) -> Fraction:
    """Return a demand in requests in flight or micro-requests a second, without headroom and unrounded."""
    if service.deadline is not None:
        return exact_work(service) / (exact(service.deadline.window_hours) * SECONDS_PER_HOUR) * MICRO
    if service.demand is None:
        raise ValueError("a sync service states a demand")
    if service.demand.peak_concurrency is not None:
        return Fraction(service.demand.peak_concurrency)
    return peak_rps(service.demand) * MICRO


def exact_work(service: Service) -> Fraction:
    """Return the requests of an async service's window."""
    if service.deadline is None:
        raise ValueError("an async service states a deadline")
    if service.deadline.requests is not None:
        return exact(service.deadline.requests)
    return exact(service.deadline.output_tokens or 0.0) / mean_output_tokens(service)


def poisson_cdf(limit: int, mean: float) -> float:
    """Return P(N <= limit) of a Poisson count, summed from its largest term in both directions.

    >>> round(poisson_cdf(2, 1.0), 6), poisson_cdf(1024, 1.0)  # e^-1 (1 + 1 + 1/2), and all but nothing
    (0.919699, 1.0)
    """
    if mean <= 0:
        return 1.0
    top = min(limit, math.floor(mean))
    largest = math.exp(top * math.log(mean) - mean - math.lgamma(top + 1))
    total, term, count = largest, largest, top
    while count > 0 and term > total * NEGLIGIBLE:
        term *= count / mean
        total += term
        count -= 1
    term, count = largest, top
    while count < limit and term > total * NEGLIGIBLE:
        count += 1
        term *= mean / count
        total += term
    return min(1.0, total)


@lru_cache(maxsize=4096)
def largest_poisson_mean(limit: int, percentile: float) -> float:
    """Return the largest mean whose Poisson count stays within `limit` in `percentile` of moments, on the low side.

    Newton's method on P(N <= limit; m), whose derivative is -e^-m m^limit / limit!.

    >>> round(largest_poisson_mean(0, 0.99), 5)  # e^-m = 0.99
    0.01005
    """
    low, high = 0.0, limit + 10.0 * math.sqrt(limit + 1.0) + 10.0
    mean = max(1e-9, limit + 0.5 - 2.0 * math.sqrt(limit + 0.25))
    for _ in range(80):
        excess = poisson_cdf(limit, mean) - percentile
        low, high = (mean, high) if excess >= 0 else (low, mean)
        if high - low <= 1e-10 * high or abs(excess) < 1e-13:
            break
        slope = math.exp(limit * math.log(mean) - mean - math.lgamma(limit + 1))
        step = mean + excess / slope if slope > 0 else math.inf
        mean = step if low < step < high else (low + high) / 2
    below = (mean * (1 - margin) for margin in SAFE_MARGINS)
    return next((safe for safe in below if poisson_cdf(limit, safe) >= percentile), low)


def grown_amount(service: Service, factor: Fraction, most_used: float = 1.0) -> int:
    """Return the integer that a plan must cover when a service's demand is `factor` times the one stated.

    Args:
        service: whose demand.
        factor: growth of the demand.
        most_used: share of what nodes carry that the demand may fill.

    >>> from optimizer.schema.problem import Demand, RequestClass, Slo
    >>> chat = Service(service_id="chat", model="m", slo=Slo(grade="C"), demand=Demand(peak_concurrency=10),
    ...                workload=(RequestClass(isl_tokens=1, osl_tokens=1),), headroom_fraction=0.2)
    >>> grown_amount(chat, Fraction(1)), grown_amount(chat, Fraction(3, 2)), grown_amount(chat, Fraction(1, 100))
    (12, 18, 1)
    """
    reserve = (1 + exact(service.headroom_fraction)) / exact(most_used)
    return max(1, math.ceil(_exact_amount(service) * factor * reserve))


def requests_per_month(service: Service) -> float | None:
    """Return the requests of a service in a month of 730 hours, as its demand states them; None: unknown."""
    if service.deadline is not None:
        tokens = service.deadline.output_tokens
        made = tokens / float(mean_output_tokens(service)) if tokens is not None else service.deadline.requests
        return (made or 0.0) * DAYS_PER_MONTH
    demand = service.demand
    if demand is None:
        return None
    a_day = requests_per_day(demand)
    hours = demand.profile_hours
    if a_day is None and hours is not None and demand.peak_concurrency is None and demand.hourly_concurrency is None:
        a_day = float(sum(hourly_quantities(demand, hours))) * SECONDS_PER_HOUR / hours * HOURS_PER_DAY
    return None if a_day is None else a_day * DAYS_PER_MONTH
