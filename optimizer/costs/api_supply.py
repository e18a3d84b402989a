"""Which hosted APIs may serve a service, and how many requests they would be paid for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from optimizer.costs.quarters import demand_factor
from optimizer.demand import hourly_quantities, peak_concurrency, requests_per_month
from optimizer.schema.catalog import ApiPrice
from optimizer.schema.problem import Problem, Service
from optimizer.units import HOURS_PER_MONTH, exact

SECONDS_PER_HOUR = 3600

HOSTED = "hosted API"
"""Name of the cost line."""

NO_BILL = ("the demand does not say how many requests come: state users, a rate by the hour, or a profile; a peak of"
           " requests in flight alone gives no bill")


def tokens_per_request(service: Service) -> Fraction:
    """Return the billed tokens of a mean request, input and output together."""
    return sum((exact(one.isl_tokens + one.osl_tokens) * exact(one.share_fraction) for one in service.workload),
               Fraction(0))


def requests_per_hour(service: Service, problem: Problem, quarter: int, hours: Sequence[int]) -> Fraction:
    """Return the requests that really come in an hour of a period, headroom left out, never too few.

    Requests in flight by the hour become a rate by the promised speed V: each of them makes V tokens/s or more, so that
    it takes at most (OSL - 1) / V seconds beside its first token, and no more than c V / (OSL - 1) requests come a
    second.

    Args:
        service: whose requests.
        problem: with its roadmap.
        quarter: of the roadmap, counted from 0.
        hours: of the period, of the day or week; empty where one peak stands for all hours.

    Raises:
        ValueError: the demand does not say; `why_not_used` says so first.
    """
    factor = demand_factor(problem.roadmap, service.service_id, quarter) if problem.roadmap else Fraction(1)
    if service.demand is None or not hours:
        month = requests_per_month(service)
        if month is None:
            raise ValueError(NO_BILL)
        return exact(month) / HOURS_PER_MONTH * factor
    amount = hourly_quantities(service.demand, max(24, service.demand.profile_hours or 24))
    mean = sum((amount[hour % len(amount)] for hour in hours), Fraction(0)) / len(hours)
    if peak_concurrency(service.demand) is not None:
        mean *= _requests_per_second_in_flight(service)
    return mean * SECONDS_PER_HOUR * factor


def _requests_per_second_in_flight(service: Service) -> Fraction:
    """Return the most requests a second that one request in flight stands for, at the promised speed."""
    made = sum((exact(one.osl_tokens) * exact(one.share_fraction) for one in service.workload), Fraction(0))
    return exact(service.slo.target_tokens_per_s) / max(Fraction(1), made - 1)


def why_not_used(api: ApiPrice, service: Service, problem: Problem) -> str | None:
    """Say why an API of a service's model may not serve it; None: it may.

    Args:
        api: of the same model.
        service: what it would serve.
        problem: with its limits.
    """
    limits, target = problem.limits, service.slo.target_tokens_per_s
    refused = limits.providers.refuses(api.provider)
    longest = max(one.isl_tokens + one.osl_tokens for one in service.workload)
    needed = max(longest, service.context_tokens or 0)
    if refused is not None:
        return refused
    if limits.regions.allow:
        return "limits.regions names places, and where a hosted API runs is not stated"
    if service.routes_classes:
        return "routing: by_class sends request classes to nodes; an API would take all of them alike"
    if api.context_tokens is not None and api.context_tokens < needed:
        return f"context of {api.context_tokens} tokens, {needed} asked for"
    if api.tokens_per_s is not None and api.tokens_per_s < target:
        return f"{api.tokens_per_s:g} tokens/s stated, {target:g} asked for"
    if api.tokens_per_s is None and limits.evidence != "estimated":
        return f"no speed is stated, and limits.evidence is {limits.evidence}"
    return None if can_be_billed(service) else NO_BILL


def can_be_billed(service: Service) -> bool:
    """Say whether a demand tells how many requests come."""
    demand = service.demand
    if demand is None or requests_per_month(service) is not None:
        return True
    return demand.profile_hours is not None and service.slo.target_tokens_per_s > 0
