"""Hosted APIs, paid by the token: what they cost, and from how many tokens a month own capacity is cheaper.

An API needs no node and no peak. Own capacity comes in steps: whole deployments, each of which carries so many tokens a
month and costs the same whether they come or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.demand import DAYS_PER_MONTH, requests_per_month
from optimizer.load import Catalog
from optimizer.schema.catalog import ApiPrice
from optimizer.schema.plan import ApiBeside, Plan, ServicePlan
from optimizer.schema.problem import Problem, Service
from optimizer.units import exact

MILLION = 1_000_000
SECONDS_PER_HOUR = 3600

__all__ = ["DAYS_PER_MONTH", "Mix", "Steps", "api_beside", "api_usd", "blended_usd_per_token", "capacity_tokens",
           "cheapest_api", "last_for_the_api", "owned_from"]


@dataclass(frozen=True)
class Mix:
    """What a request is made of, in shares of all tokens that are billed."""

    input_fraction: Fraction
    cached_fraction: Fraction = Fraction(0)
    """Share of the input that the provider has in its cache."""

    @classmethod
    def of(cls, service: Service) -> Mix:
        """Return the mix of a service's workload."""
        asked = sum(exact(one.isl_tokens) * exact(one.share_fraction) for one in service.workload)
        made = sum(exact(one.osl_tokens) * exact(one.share_fraction) for one in service.workload)
        return cls(Fraction(asked) / (Fraction(asked) + Fraction(made)))


def blended_usd_per_token(price: ApiPrice, mix: Mix) -> Fraction:
    """Return the mean price of one token of a mix, exactly.

    >>> price = ApiPrice(provider="p", api_model="m", model_id="m", input_usd_per_million=1.0,
    ...                  output_usd_per_million=3.0, source_url="x", as_of="2026")
    >>> blended_usd_per_token(price, Mix(Fraction(8, 10))) * 1_000_000  # 0.8 x 1 + 0.2 x 3
    Fraction(7, 5)
    """
    plain = exact(price.input_usd_per_million)
    cached = plain if price.cached_usd_per_million is None else exact(price.cached_usd_per_million)
    asked = plain * (1 - mix.cached_fraction) + cached * mix.cached_fraction
    made = exact(price.output_usd_per_million)
    return (asked * mix.input_fraction + made * (1 - mix.input_fraction)) / MILLION


def api_usd(price: ApiPrice, mix: Mix, tokens: int | Fraction) -> Fraction:
    """Return what an API costs for so many billed tokens, input and output together."""
    return blended_usd_per_token(price, mix) * tokens


def capacity_tokens(
    output_tokens_per_s: float, mix: Mix, hours: float, peak_to_mean: float, planned_fraction: float = 1.0
) -> Fraction:
    """Return the billed tokens a month that one deployment carries.

    Output tokens/s x billed tokens for one of output x share that is planned with x hours / peak over mean.

    Args:
        output_tokens_per_s: of the deployment at its peak.
        mix: of the tokens.
        hours: in the month in which it works.
        peak_to_mean: rate at the peak over the mean rate.
        planned_fraction: share of what it carries that is planned with.
    """
    billed = 1 / (1 - mix.input_fraction)
    working = exact(hours) * SECONDS_PER_HOUR
    return exact(output_tokens_per_s) * billed * exact(planned_fraction) * working / exact(peak_to_mean)


@dataclass(frozen=True)
class Steps:
    """The monthly cost of own capacity, rented or bought: fixed, and so much for each whole deployment."""

    capacity_tokens: Fraction
    """Tokens a month that one deployment carries."""
    usd_per_deployment: Fraction
    fixed_usd: Fraction = Fraction(0)
    """Each month, however many deployments there are."""

    def deployments(self, tokens: int) -> int:
        """Return how many deployments carry so many tokens a month."""
        return math.ceil(tokens / self.capacity_tokens)

    def usd(self, tokens: int) -> Fraction:
        """Return what they cost a month."""
        return self.fixed_usd + self.deployments(tokens) * self.usd_per_deployment


def owned_from(usd_per_token: Fraction, steps: Steps) -> int | None:
    """Return the smallest number of tokens a month from which own capacity costs no more than an API; None: never.

    Within k deployments own capacity costs F + k c and reaches k C tokens, which the API sells for p k C. So k is the
    smallest with F + k c <= p k C, and the answer the first token of that step at which p tokens reach F + k c.
    """
    gained = usd_per_token * steps.capacity_tokens - steps.usd_per_deployment
    if gained <= 0 and not (gained == 0 and steps.fixed_usd == 0):
        return None
    count = 1 if gained == 0 else max(1, math.ceil(steps.fixed_usd / gained))
    before = math.floor((count - 1) * steps.capacity_tokens)
    return max(before + 1, math.ceil((steps.fixed_usd + count * steps.usd_per_deployment) / usd_per_token))


def last_for_the_api(usd_per_token: Fraction, steps: Steps) -> int | None:
    """Return the largest number of tokens a month at which an API is still cheaper; None: at any number.

    Past `owned_from` each further deployment may make the API cheaper again for a while; past this number none does.
    """
    gained = usd_per_token * steps.capacity_tokens - steps.usd_per_deployment
    if gained <= 0:
        return None
    last = math.ceil((steps.fixed_usd + usd_per_token * steps.capacity_tokens) / gained) + 1
    for count in range(last, 0, -1):
        first = math.floor((count - 1) * steps.capacity_tokens) + 1
        whole = math.floor(count * steps.capacity_tokens)
        cheaper = math.ceil((steps.fixed_usd + count * steps.usd_per_deployment) / usd_per_token) - 1
        if first <= min(cheaper, whole):
            return min(cheaper, whole)
    return 0


def cheapest_api(model_id: str, mix: Mix, apis: Iterable[ApiPrice]) -> ApiPrice | None:
    """Return the API that asks least for a mix of tokens of a model; None: none serves it."""
    known = [api for api in apis if api.model_id == model_id and blended_usd_per_token(api, mix) > 0]
    return min(known, key=lambda api: (blended_usd_per_token(api, mix), api.provider, api.api_model), default=None)


def api_beside(plan: Plan, problem: Problem, catalog: Catalog) -> Iterator[ApiBeside]:
    """Yield, for each service that an API serves, what it would cost, and the tokens at which it costs as the plan."""
    services = {service.service_id: service for service in problem.services}
    for shown in plan.services if plan.cost.usd_per_month is not None else ():
        service = services[shown.service_id]
        mix = Mix.of(service)
        price = cheapest_api(shown.model_id, mix, catalog.apis.values())
        if price is not None:
            yield _beside(shown, service, price, mix, plan, problem)


def _beside(
    shown: ServicePlan, service: Service, price: ApiPrice, mix: Mix, plan: Plan, problem: Problem
) -> ApiBeside:
    token = blended_usd_per_token(price, mix)
    requests = requests_per_month(service)
    a_request = sum(
        (exact(one.isl_tokens + one.osl_tokens) * exact(one.share_fraction) for one in service.workload), Fraction(0))
    billed = None if requests is None else exact(requests) * a_request
    usd, at_peak = plan.cost.usd_per_month, plan.cost.usd_per_million_output_tokens
    alone = len(problem.services) == 1 and usd is not None
    even = math.ceil(exact(usd or 0.0) / token) if alone else None
    carried = (usd or 0.0) / at_peak * MILLION / float(1 - mix.input_fraction) if alone and at_peak else None
    return ApiBeside(
        service_id=shown.service_id, provider=price.provider, api_model=price.api_model,
        input_usd_per_million=price.input_usd_per_million, output_usd_per_million=price.output_usd_per_million,
        tokens_per_month=None if billed is None else float(billed),
        usd_per_month=None if billed is None else float(token * billed),
        break_even_tokens_per_month=even, carried_tokens_per_month=carried, tokens_per_s=price.tokens_per_s,
        source_url=price.source_url, as_of=price.as_of)
