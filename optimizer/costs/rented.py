"""Rented nodes: list prices, hourly or monthly, in the currency they are quoted in, tax left out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache, partial

from optimizer.costs.priced import PricedOffer, PriceEnd, PriceEnds, PriceLines, rate_per_usd
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH, exact, micro_usd_up


def commitment_factor(term_months: int, horizon_months: int) -> Fraction:
    """Return what a commitment costs over the horizon, relative to its price: max(term, horizon) / horizon.

    >>> commitment_factor(36, 12), commitment_factor(1, 12)
    (Fraction(3, 1), Fraction(1, 1))
    """
    return Fraction(max(term_months, horizon_months), horizon_months)


@lru_cache(maxsize=256)
def hourly_factor(per: str, tax_included: float, rate: Fraction, term_months: int, horizon_months: int) -> Fraction:
    """Return what turns a quoted price into exact US dollars an hour, without tax, commitment included."""
    hours = HOURS_PER_MONTH if per == "month" else 1
    return commitment_factor(term_months, horizon_months) / (1 + exact(tax_included)) / hours / rate


def quoted_lines(offer: RentedOffer, rate: Fraction, horizon_months: int, end: PriceEnd) -> PriceLines:
    """Work out one end of a rented offer's price."""
    factor = hourly_factor(offer.per, offer.tax_included_fraction, rate, offer.term_months, horizon_months)
    price = {"value": None, "low": offer.price_low, "high": offer.price_high}[end]
    return {"rent": micro_usd_up(price or offer.price, factor)}


def price_offer(offer: RentedOffer, catalog: Catalog, problem: Problem, rate: Fraction) -> PricedOffer:
    """Price one rented offer."""
    ends = PriceEnds(partial(quoted_lines, offer, rate, problem.limits.horizon_months))
    stock = problem.limits.stock.get(offer.offer_id, offer.stock)
    return PricedOffer(
        offer.offer_id, offer.provider, offer.region, offer.gpu_id, offer.gpu_count, offer.kind, offer.term_months,
        offer.platform, ends, problem.assumptions.price_end, stock, 0, offer.as_of, offer.price_evidence,
        offer.source_url, catalog.is_overlaid("offers", offer.offer_id),
    )


def priced_offers(catalog: Catalog, problem: Problem) -> Iterator[PricedOffer]:
    """Price every rented offer."""
    currencies = {offer.currency for offer in catalog.offers.values()}
    rates = {currency: rate_per_usd(catalog, problem, currency) for currency in currencies}
    for offer in catalog.offers.values():
        yield price_offer(offer, catalog, problem, rates[offer.currency])
