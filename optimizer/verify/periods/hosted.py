"""What hosted APIs carry and cost in a plan of periods, worked out again from the problem and the catalog.

A part of a demand is one of 1,000 equal ones, or one request in flight where there are fewer, rounded up; so is its
price.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import isclose

from optimizer.costs import PricedOffer
from optimizer.costs.api_supply import why_not_used
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER
from optimizer.costs.quarters import present_value
from optimizer.schema.catalog import ApiPrice
from optimizer.schema.plan import HostedShare, Period
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.periods.subject import MOST_PARTS, PeriodsSubject, setting_of
from optimizer.verify.subject import TOLERANCE

THOUSAND = 1000
"""Prices of parts are counted in thousandths."""


def _api(subject: PeriodsSubject, one: HostedShare) -> ApiPrice | None:
    return subject.catalog.apis.get((one.provider, one.api_model))


def _price_of_a_part(subject: PeriodsSubject, one: HostedShare, period: Period) -> tuple[int, int, Fraction]:
    """Return one part's nominal and discounted price, in thousandths of a micro-dollar or cent, and its tokens."""
    api, service = _api(subject, one), subject.services[one.service_id]
    amount, requests = subject.asked_of_api(one, period)
    most = min(amount, MOST_PARTS)
    if api is None or not most:
        return 0, 0, Fraction(0)
    asked = sum((exact(each.isl_tokens) * exact(each.share_fraction) for each in service.workload), Fraction(0))
    made = sum((exact(each.osl_tokens) * exact(each.share_fraction) for each in service.workload), Fraction(0))
    usd = (asked * exact(api.input_usd_per_million) + made * exact(api.output_usd_per_million)) * requests / (
        MICRO * most)
    tokens = (asked + made) * requests / most
    roadmap = subject.problem.roadmap
    if roadmap is None:
        return math.ceil(usd * MICRO * THOUSAND), math.ceil(usd * MICRO * THOUSAND), tokens
    cents = math.ceil(usd * CENTS * THOUSAND * HOURS_PER_QUARTER / subject.hours)
    return cents, math.ceil(cents * present_value(roadmap, period.quarter or 0)), tokens


def hosted_bill(subject: PeriodsSubject) -> int:
    """Return what hosted APIs cost over the plan, in micro-dollars of a cycle or discounted cents."""
    thousandths = sum(one.parts * _price_of_a_part(subject, one, period)[1]
                      for period in subject.plan.periods for one in period.hosted)
    return -(-thousandths // THOUSAND)


def hosted_cents(subject: PeriodsSubject, quarter: int) -> int:
    """Return the nominal cents that a roadmap's quarter pays to hosted APIs."""
    thousandths = sum(one.parts * _price_of_a_part(subject, one, period)[0]
                      for period in subject.plan.periods if (period.quarter or 0) == quarter for one in period.hosted)
    return -(-thousandths // THOUSAND)


def check_hosted_names(subject: PeriodsSubject) -> Iterator[str]:
    """Hosted APIs are in the catalog and serve models of services that there are."""
    for period in subject.plan.periods:
        for one in period.hosted:
            api, service = _api(subject, one), subject.services.get(one.service_id)
            if api is None or service is None or api.model_id != service.model:
                yield f"{period.label}: {one.provider} {one.api_model} does not serve {one.service_id}"


def check_hosted(subject: PeriodsSubject) -> Iterator[str]:
    """APIs are allowed, exist, may serve what they serve, keep their rate limits, and are shown with their bills."""
    kinds = subject.problem.limits.kinds
    tokens: dict[tuple[str, str, str], Fraction] = {}
    cost: dict[tuple[str, str, str], int] = {}
    for period in subject.plan.periods:
        if period.hosted and "api" not in kinds:
            yield f"{period.label}: a hosted API is used, limits.kinds does not name api"
        for one in period.hosted:
            place, service = f"{period.label}: {one.provider} {one.api_model}", subject.services[one.service_id]
            api = subject.catalog.apis[one.provider, one.api_model]
            reason = why_not_used(api, service, subject.problem)
            if reason is not None:
                yield f"{place}: {reason}"
                continue
            amount, requests = subject.asked_of_api(one, period)
            most = min(amount, MOST_PARTS)
            limit = api.requests_per_minute
            hourly = requests / max(1, len(period.hours))
            if one.of_parts != most or not 0 < one.parts <= most:
                yield f"{place}: {one.parts} of {one.of_parts} parts, {most} there are"
                continue
            if limit is not None and hourly * one.parts > exact(limit) * 60 * most:
                yield f"{place}: more requests than {limit:g} a minute"
            unit = 1 if subject.demands[one.service_id].unit == "concurrency" else MICRO
            if not isclose(one.amount, one.parts * -(-amount // most) / unit, rel_tol=1e-9):
                yield f"{place}: carries {one.amount:g}"
            _, paid, each = _price_of_a_part(subject, one, period)
            key = (one.service_id, one.provider, one.api_model)
            tokens[key] = tokens.get(key, Fraction(0)) + each * one.parts
            cost[key] = cost.get(key, 0) + paid * one.parts
    yield from _bills(subject, tokens, cost)


def _bills(
    subject: PeriodsSubject, tokens: dict[tuple[str, str, str], Fraction], cost: dict[tuple[str, str, str], int]
) -> Iterator[str]:
    """What is said of each API repeats the catalog and adds up from the periods."""
    shown = {(one.service_id, one.provider, one.api_model): one for one in subject.plan.hosted}
    if shown.keys() != tokens.keys() or len(shown) != len(subject.plan.hosted):
        yield "the hosted APIs listed are not those of the periods"
        return
    roadmap = subject.problem.roadmap
    for key, one in shown.items():
        api, month = subject.catalog.apis[key[1], key[2]], Fraction(HOURS_PER_MONTH, subject.hours * subject.quarters)
        whole = -(-cost[key] // THOUSAND)
        usd = Fraction(whole, CENTS * 3 * subject.quarters) if roadmap else Fraction(
            whole * HOURS_PER_MONTH, subject.hours * MICRO)
        facts = {
            "model_id": subject.services[key[0]].model, "input_usd_per_million": api.input_usd_per_million,
            "output_usd_per_million": api.output_usd_per_million, "tokens_per_s": api.tokens_per_s,
            "source_url": api.source_url, "as_of": api.as_of}
        for name, value in facts.items():
            if getattr(one, name) != value:
                yield f"{one.provider} {one.api_model}: {name} is {value}, the plan says {getattr(one, name)}"
        for name, amount in (("usd_per_month", usd), ("tokens_per_month", tokens[key] * month)):
            if abs(getattr(one, name) - float(amount)) > TOLERANCE * max(1.0, float(amount)):
                yield f"{one.provider} {one.api_model}: {name} is {float(amount)}, the plan says {getattr(one, name)}"


def _held(
    subject: PeriodsSubject, period: Period, service_id: str, counts: Callable[[PricedOffer], bool]
) -> Fraction:
    """Return what nodes of some offers carry of a service in a period."""
    total = Fraction(0)
    for one in period.running:
        if one.service_id == service_id and counts(subject.offers[one.offer_id]):
            each = exact(subject.by_setting[setting_of(one)].capacity_per_node)
            total += (one.replicas if subject.is_shared else one.nodes) * each
    return total


def check_spot_beside_apis(subject: PeriodsSubject) -> Iterator[str]:
    """Where hosted APIs serve too, they and nodes that are not spot carry their share of each demand."""
    share = subject.problem.limits.spot_share_fraction
    for period in subject.plan.periods if share is not None else ():
        for name in subject.services if period.hosted else ():
            asked = max(subject.asked(name, period.quarter or 0, hour) for hour in period.hours or (0,))
            unit = 1 if subject.demands[name].unit == "concurrency" else MICRO
            firm = _held(subject, period, name, lambda offer: offer.kind != "spot")
            firm += Fraction(subject.hosted_amount(name, period), unit)
            if firm < Fraction(asked, unit) * (1 - exact(share or 0.0)) * (1 - exact(TOLERANCE)):
                yield f"{period.label}: too little of {name} is carried without spot nodes"


def check_survive_api_loss(subject: PeriodsSubject) -> Iterator[str]:
    """Where a provider may be lost, the nodes of the others, and other APIs, carry what an API of it carried."""
    if not subject.problem.limits.survive.provider or subject.is_replaced:
        return
    for period in subject.plan.periods:
        for lost in sorted({one.provider for one in period.hosted}):
            for name in subject.services:
                asked = max(subject.asked(name, period.quarter or 0, hour) for hour in period.hours or (0,))
                unit = 1 if subject.demands[name].unit == "concurrency" else MICRO
                held = _held(subject, period, name, lambda offer, lost=lost: offer.provider != lost)  # type: ignore[misc]
                needed = Fraction(asked - subject.hosted_amount(name, period, lost), unit)
                if held < needed * (1 - exact(TOLERANCE)):
                    yield f"{period.label}: {name} is not carried without {lost}"
