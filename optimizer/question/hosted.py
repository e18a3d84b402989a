"""Hosted APIs as a supply: what part of a demand they may carry in each period, and what that part costs.

An API is paid for what really comes, not for the peak. Let D be what is planned for in a period, headroom included,
and T the requests that really come then. An API that takes what exceeds D - a carries at most the share a / D of every
moment's requests, as no moment asks more than D: (d - (D - a)) / d <= a / D. So a / D of T's price is never less than
its bill.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from optimizer.costs.api import Mix, blended_usd_per_token
from optimizer.costs.api_supply import requests_per_hour, tokens_per_request, why_not_used
from optimizer.question.money import Money
from optimizer.question.periods import Calendar
from optimizer.question.question import Hosted
from optimizer.schema.catalog import ApiPrice
from optimizer.schema.problem import Problem, Service
from optimizer.solve.prepare import Prepared
from optimizer.units import MICRO, exact

PARTS = 1000
"""Most equal parts of a period's demand that an API may carry; fewer where the demand is fewer requests in flight."""


def hosted_of(prepared: Prepared, problem: Problem, calendar: Calendar, money: Money) -> Iterator[Hosted]:
    """Yield every API that may carry part of a service's demand; none unless `limits.kinds` names `api`."""
    if "api" not in problem.limits.kinds:
        return
    for index, service in enumerate(problem.services):
        usable = [api for api in prepared.catalog.apis.values()
                  if api.model_id == service.model and why_not_used(api, service, problem) is None]
        for api in _worth_asking(usable, service, problem):
            yield _hosted(index, service, api, problem, calendar, money)


def _worth_asking(usable: list[ApiPrice], service: Service, problem: Problem) -> Iterator[ApiPrice]:
    """Yield APIs from the cheapest to the first without a rate limit; all of them where a provider may be lost."""
    mix, survive = Mix.of(service), problem.limits.survive
    for api in sorted(usable, key=lambda api: (blended_usd_per_token(api, mix), api.provider, api.api_model)):
        yield api
        if api.requests_per_minute is None and not (survive.provider or survive.region):
            return


def _hosted(
    index: int, service: Service, api: ApiPrice, problem: Problem, calendar: Calendar, money: Money
) -> Hosted:
    """Price one part of each period's demand, rounded up once."""
    usd, billed = blended_usd_per_token(api, Mix.of(service)), tokens_per_request(service)
    parts, each, whole, tokens, price, spends = [], [], [], [], [], []
    for number, period in enumerate(calendar.periods):
        asked = period.demand[index]
        windows = [work for work in calendar.works if work.service == index and work.seconds[number]]
        if windows:  # work that may wait: its own requests are the demand
            asked = max(work.amount for work in windows)
            coming = Fraction(asked, MICRO) * exact(problem.limits.max_utilisation_fraction) / (
                1 + exact(service.headroom_fraction))
        else:
            coming = requests_per_hour(service, problem, period.quarter, period.hours) * period.weight
        most = min(asked, PARTS)
        parts.append(_within_limit(api, most, coming / period.weight if asked else Fraction(0)))
        each.append(-(-asked // most) if most else 0)
        whole.append(most)
        tokens.append(coming * billed / most if most else Fraction(0))
        paid, taken = money.tokens(tokens[-1] * usd, number)
        price.append(paid)
        spends.append(taken)
    return Hosted(index, api, usd, tuple(parts), tuple(each), tuple(whole), tuple(tokens), tuple(price), tuple(spends))


def _within_limit(api: ApiPrice, parts: int, requests_an_hour: Fraction) -> int:
    """Return the parts that a provider's rate limit allows."""
    if api.requests_per_minute is None or not requests_an_hour:
        return parts
    return min(parts, math.floor(parts * Fraction(api.requests_per_minute) * 60 / requests_an_hour))
