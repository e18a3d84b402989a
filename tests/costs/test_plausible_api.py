"""Prices of hosted APIs that cannot be: against themselves, against arithmetic, against other sellers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.costs.plausible_api import ApiMarket, operations_per_s, seller
from optimizer.integrity import api_prices_are_plausible
from optimizer.load import Catalog
from optimizer.schema.catalog import ApiPrice


def price(provider: str = "new", **facts: object) -> ApiPrice:
    """Make a price of Llama 3.1 8B: 0.8 x 0.05 + 0.2 x 0.10 = $0.06 a million tokens."""
    known = {
        "provider": provider, "api_model": "m", "model_id": "llama-3.1-8b-instruct", "input_usd_per_million": 0.05,
        "output_usd_per_million": 0.10, "source_url": "https://x.example", "as_of": "2026-11"}
    return ApiPrice.model_validate(known | facts)


@pytest.fixture(scope="module")
def market(shipped: Catalog) -> ApiMarket:
    """Three sellers at $0.06, one of them reached through a router too."""
    sold = [price("a"), price("huggingface_a"), price("b"), price("c")]
    return ApiMarket(replace(shipped, apis={one.provider: one for one in sold}))


def reasons(market: ApiMarket, one: ApiPrice) -> list[str]:
    return [reason.id for reason in market.doubts(one)]


@pytest.mark.parametrize(("factor", "found"), [
    (1.0, []), (0.51, []), (0.49, ["doubt.api-price"]), (4.9, []), (5.1, ["doubt.api-price"]),
    # a price for a thousand tokens read as one for a million: $0.00006 is under the arithmetic of 8 billion parameters
    (0.001, ["doubt.api-arithmetic"]),
])
def test_a_price_is_held_against_other_sellers_and_its_arithmetic(
    market: ApiMarket, factor: float, found: list[str]
) -> None:
    facts = {"input_usd_per_million": 0.05 * factor, "output_usd_per_million": 0.10 * factor}
    assert reasons(market, price(**facts)) == found


def test_the_same_seller_by_a_router_is_no_second_opinion(market: ApiMarket) -> None:
    assert seller(price("huggingface_a")) == "a"
    assert set(market.peers(price("a"))) == {"b", "c"}
    assert set(market.peers(price("new"))) == {"a", "b", "c"}


def test_a_price_that_contradicts_itself(market: ApiMarket) -> None:
    assert reasons(market, price(cached_usd_per_million=0.06)) == ["doubt.api-cached"]
    assert reasons(market, price(cached_usd_per_million=0.05)) == []
    turned = price(input_usd_per_million=0.10, output_usd_per_million=0.05)
    assert reasons(market, turned) == ["doubt.api-output"]


def test_free_is_no_doubt(market: ApiMarket) -> None:
    assert reasons(market, price(input_usd_per_million=0.0, output_usd_per_million=0.0)) == []


def test_the_least_price_is_that_of_two_operations_a_parameter(shipped: Catalog, market: ApiMarket) -> None:
    """The GPU with most operations a dollar, worked out from the rows of the catalog once more."""
    dollars = min(
        offer.price / offer.gpu_count / 3600 / operations_per_s(shipped.gpus[offer.gpu_id])
        for offer in shipped.offers.values()
        if (offer.currency, offer.per) == ("USD", "hour") and operations_per_s(shipped.gpus[offer.gpu_id]))
    active = shipped.models["llama-3.1-8b-instruct"].active_parameters_billion
    assert market.least_usd_per_million(price()) == pytest.approx(2 * active * 1e15 * dollars)


def test_the_shipped_prices_hold_no_mistaken_unit(shipped: Catalog) -> None:
    """What remains are prices far from others', which `catalog check` lists: at most one in thirty."""
    market = ApiMarket(shipped)
    found = {key: reasons(market, one) for key, one in shipped.apis.items()}
    assert {reason for told in found.values() for reason in told} <= {"doubt.api-price"}
    assert sum(map(bool, found.values())) <= len(found) / 30
    assert len(list(api_prices_are_plausible(shipped))) == sum(len(told) for told in found.values())
