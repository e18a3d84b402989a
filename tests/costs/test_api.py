"""Hosted APIs: the audited arithmetic of break-even, and brute force over small cases."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest

from optimizer.answer import answer
from optimizer.costs.api import (
    Mix,
    Steps,
    api_beside,
    api_usd,
    blended_usd_per_token,
    capacity_tokens,
    cheapest_api,
    last_for_the_api,
    owned_from,
)
from optimizer.load import Catalog, load_catalog, load_problem
from optimizer.reports.approval_wording import api_of
from optimizer.schema.catalog import ApiPrice
from optimizer.schema.plan import ApiBeside, Plan
from optimizer.schema.problem import Problem
from optimizer.solve import SolveSettings

MILLION = 1_000_000


def _price(input_usd: float, output_usd: float, provider: str = "p", cached: float | None = None) -> ApiPrice:
    return ApiPrice(
        provider=provider, api_model="m", model_id="m", input_usd_per_million=input_usd,
        output_usd_per_million=output_usd, cached_usd_per_million=cached, source_url="test", as_of="2026-10")


AUDITED = _price(1.0, 3.0)
"""ConfigIQ's audit: $1 a million in, $3 out, 80% of the tokens are input."""
MIX = Mix(Fraction(8, 10))
CAPACITY = capacity_tokens(100, MIX, 100, 2, 0.9)
"""100 output tokens/s, 100 hours, 90% planned with, a peak of twice the mean."""


def test_audited_mix_and_bills() -> None:
    assert blended_usd_per_token(AUDITED, MIX) * MILLION == Fraction(140, 100)
    assert api_usd(AUDITED, MIX, MILLION) == Fraction(140, 100)
    assert api_usd(AUDITED, MIX, 40_500_000) == Fraction(5670, 100)
    assert CAPACITY == 81 * MILLION


@pytest.mark.parametrize(("tokens", "usd"), [(1, 200), (81_000_000, 200), (81_000_001, 400), (162_000_000, 400)])
def test_audited_rent_comes_in_steps(tokens: int, usd: int) -> None:
    assert Steps(CAPACITY, Fraction(200)).usd(tokens) == usd


@pytest.mark.parametrize(("tokens", "usd"), [(81_000_000, 400), (81_000_001, 800)])
def test_audited_purchase_by_the_month(tokens: int, usd: int) -> None:
    assert Steps(CAPACITY, Fraction(24_000, 60)).usd(tokens) == usd


def test_audited_crossover() -> None:
    token, steps = blended_usd_per_token(AUDITED, MIX), Steps(CAPACITY, Fraction(100), Fraction(30))
    found = owned_from(token, steps)
    assert found == 235_714_286
    assert steps.usd(found) <= token * found
    assert steps.usd(found - 1) > token * (found - 1)


def test_never_where_a_full_deployment_costs_more_than_its_tokens() -> None:
    token = blended_usd_per_token(AUDITED, MIX)
    full = token * CAPACITY
    assert owned_from(token, Steps(CAPACITY, full, Fraction(1))) is None
    assert owned_from(token, Steps(CAPACITY, full)) == CAPACITY
    assert last_for_the_api(token, Steps(CAPACITY, full)) is None


@pytest.mark.parametrize("cents", [1, 2, 3, 7])
def test_both_ends_are_those_of_trying_every_number(cents: int) -> None:
    token, far = Fraction(cents, 100), 4000
    for capacity, usd, fixed in product((Fraction(7, 2), 5, 40), (Fraction(1, 50), Fraction(3, 10), 1), (0, 1, 3)):
        steps = Steps(Fraction(capacity), Fraction(usd), Fraction(fixed))
        cheaper = [tokens for tokens in range(1, far) if token * tokens < steps.usd(tokens)]
        first = owned_from(token, steps)
        assert first == next((tokens for tokens in range(1, far) if steps.usd(tokens) <= token * tokens), None)
        last = last_for_the_api(token, steps)
        assert last == (None if token * steps.capacity_tokens <= usd else max(cheaper, default=0))


def test_cached_input_is_asked_for_as_such() -> None:
    price = _price(1.0, 3.0, cached=0.1)
    assert blended_usd_per_token(price, Mix(Fraction(1, 2), Fraction(1, 2))) * MILLION == Fraction(1775, 1000)
    plain, cached = Mix(Fraction(1, 2)), Mix(Fraction(1, 2), Fraction(1))
    assert blended_usd_per_token(AUDITED, plain) == blended_usd_per_token(AUDITED, cached)


def test_cheapest_depends_on_the_mix() -> None:
    apis = [_price(1.0, 3.0, "reads-cheaply"), _price(2.0, 2.0, "writes-cheaply")]
    for share, provider in ((Fraction(9, 10), "reads-cheaply"), (Fraction(1, 10), "writes-cheaply")):
        found = cheapest_api("m", Mix(share), apis)
        assert found is not None
        assert found.provider == provider
    assert cheapest_api("another", MIX, apis) is None


@pytest.fixture(scope="module")
def solved() -> tuple[Plan, Problem, Catalog]:
    loaded, catalog = load_problem("helpdesk-llama3-8b"), load_catalog()
    return answer(loaded, catalog, SolveSettings()), loaded.problem, catalog


def _beside(solved: tuple[Plan, Problem, Catalog], token_usd: float) -> ApiBeside:
    plan, problem, catalog = solved
    prices = [_price(token_usd, token_usd), _price(token_usd * 2, token_usd * 2, "dear")]
    of_model = {"model_id": plan.services[0].model_id}
    apis = {(price.provider, "m"): price.model_copy(update=of_model) for price in prices}
    (found,) = api_beside(plan, problem, replace(catalog, apis=apis))
    month = Fraction(str(plan.cost.usd_per_month))
    assert found.break_even_tokens_per_month == math.ceil(month / (Fraction(str(token_usd)) / MILLION))
    return found


def test_a_plan_names_the_cheapest_api_and_the_tokens_from_which_it_costs_less(
    solved: tuple[Plan, Problem, Catalog],
) -> None:
    cheap, dear = _beside(solved, 0.01), _beside(solved, 100.0)
    assert (cheap.provider, dear.provider) == ("p", "p")
    assert (cheap.carried_tokens_per_month or 0) < (cheap.break_even_tokens_per_month or 0)
    assert (dear.break_even_tokens_per_month or 0) < (dear.carried_tokens_per_month or 0)
    cost = solved[0].cost
    assert "costs more however much it is used" in api_of(cheap, cost)
    assert "the plan costs less from" in api_of(dear, cost)


def test_shipped_prices_are_of_models_of_the_catalog_and_have_a_source() -> None:
    catalog = load_catalog()
    assert len(catalog.apis) > 200
    for price in catalog.apis.values():
        assert price.model_id in catalog.models
        assert price.source_url.startswith("http")
        assert price.as_of >= "2026-07"
        assert price.input_usd_per_million < 100
        assert price.output_usd_per_million < 100
