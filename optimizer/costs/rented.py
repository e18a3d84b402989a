"""Rented nodes: list prices, hourly or monthly, in the currency they are quoted in, tax left out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from optimizer.costs.priced import PricedOffer, rate_per_usd
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH, exact, micro_usd_up, usd_per_month


def commitment_factor(term_months: int, horizon_months: int) -> Fraction:
    """Return what a commitment costs over the horizon, relative to its price: max(term, horizon) / horizon.

    >>> commitment_factor(36, 12), commitment_factor(1, 12)
    (Fraction(3, 1), Fraction(1, 1))
    """
    return Fraction(max(term_months, horizon_months), horizon_months)


def hourly_usd(price: float, offer: RentedOffer, rate: Fraction, horizon_months: int) -> Fraction:
    """Return exact US dollars an hour for a price of an offer, without tax."""
    hours = HOURS_PER_MONTH if offer.per == "month" else 1
    net = exact(price) / (1 + exact(offer.tax_included_fraction))
    return net / hours / rate * commitment_factor(offer.term_months, horizon_months)


def price_offer(offer: RentedOffer, catalog: Catalog, problem: Problem, rate: Fraction) -> PricedOffer:
    """Price one rented offer."""
    horizon = problem.limits.horizon_months

    def at(price: float) -> int:
        return micro_usd_up(hourly_usd(price, offer, rate, horizon))

    micro = at(offer.price)
    return PricedOffer(
        offer.offer_id, offer.provider, offer.region, offer.gpu_id, offer.gpu_count, offer.kind, offer.term_months,
        offer.platform, micro, at(offer.price_low) if offer.price_low else micro, at(offer.price_high) if offer.price_high else micro,
        problem.limits.stock.get(offer.offer_id, offer.stock), 0, offer.as_of, offer.price_evidence, offer.source_url,
        catalog.is_overlaid("offers", offer.offer_id), {"rent": usd_per_month(micro)},
    )


def priced_offers(catalog: Catalog, problem: Problem) -> Iterator[PricedOffer]:
    """Price every rented offer."""
    rates = {currency: rate_per_usd(catalog, problem, currency) for currency in {o.currency for o in catalog.offers.values()}}
    for offer in catalog.offers.values():
        yield price_offer(offer, catalog, problem, rates[offer.currency])
