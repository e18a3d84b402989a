"""Rented nodes: list prices, hourly or monthly, in the currency they are quoted in, tax left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache, partial

from optimizer.costs.figures import Figures
from optimizer.costs.owned import annuity, monthly_rate
from optimizer.costs.priced import PricedOffer, PriceEnd, PriceEnds, PriceLines, rate_per_usd
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer
from optimizer.schema.problem import Adjustment, Problem
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


def adjusted(usd_per_hour: Fraction, steps: Sequence[Adjustment]) -> Fraction:
    """Return a price after what was agreed: each discount or fee in its turn.

    >>> steps = (Adjustment(discount_fraction=0.1), Adjustment(fee_usd_per_node_month=73.0))
    >>> adjusted(Fraction(2), steps), adjusted(Fraction(2), steps[::-1])  # 1.80 + 0.10; (2.00 + 0.10) x 0.9
    (Fraction(19, 10), Fraction(189, 100))
    """
    for step in steps:
        if step.discount_fraction is not None:
            usd_per_hour *= 1 - exact(step.discount_fraction)
        else:
            usd_per_hour += exact(step.fee_usd_per_node_month or 0.0) / HOURS_PER_MONTH
    return usd_per_hour


def upfront_interest_fraction(upfront_fraction: float, discount_fraction_per_year: float, term_months: int) -> float:
    """Return what interest on the share paid upfront adds to a reserved price, as a share of that price.

    Upfront u of n equal months costs as much as the annuity u x n x a(r, n) a month in place of u.

    >>> one_percent_a_month = 1.01**12 - 1  # the annuity over twelve months is 0.0888488, x 12 = 1.066185
    >>> round(upfront_interest_fraction(1.0, one_percent_a_month, 12), 6), upfront_interest_fraction(0.0, 0.08, 12)
    (0.066185, 0.0)
    """
    if not upfront_fraction:
        return 0.0
    payment = annuity(monthly_rate(discount_fraction_per_year), term_months)
    return upfront_fraction * (term_months * payment - 1)


def rent_before_term(offer: RentedOffer, problem: Problem, rate: Fraction, end: PriceEnd) -> Fraction:
    """Return exact US dollars an hour of a node: own quotation or list price, then what was agreed; no tax, no term."""
    own = problem.assumptions
    if offer.offer_id in own.rent_usd_per_hour:
        price = exact(own.rent_usd_per_hour[offer.offer_id])
    else:
        quoted = {"value": None, "low": offer.price_low, "high": offer.price_high}[end] or offer.price
        price = exact(quoted) * hourly_factor(offer.per, offer.tax_included_fraction, rate, 0, 1)
    return adjusted(price, own.adjustments.get(offer.provider, ())) * exact(own.rent_factor)


def quoted_lines(
    offer: RentedOffer, catalog: Catalog, problem: Problem, rate: Fraction, end: PriceEnd
) -> PriceLines:
    """Work out one end of a rented offer's price, line by line."""
    own, horizon = problem.assumptions, problem.limits.horizon_months
    if _is_as_listed(offer, problem):
        factor = hourly_factor(offer.per, offer.tax_included_fraction, rate, offer.term_months, horizon)
        price = {"value": None, "low": offer.price_low, "high": offer.price_high}[end]
        return {"rent": micro_usd_up(price or offer.price, factor)}
    rent = rent_before_term(offer, problem, rate, end) * commitment_factor(offer.term_months, horizon)
    lines = {"rent": micro_usd_up(rent)}
    if offer.upfront_fraction:
        discount = Figures(catalog, problem, end)["discount_fraction_per_year"]
        share = upfront_interest_fraction(offer.upfront_fraction, discount, offer.term_months)
        lines["upfront interest"] = micro_usd_up(rent, exact(round(share, 12)))
    if offer.kind == "spot" and own.spot_interruption_fraction:
        lost = exact(own.spot_interruption_fraction)
        lines["interruptions"] = micro_usd_up(rent, lost / (1 - lost))
    return lines


def _is_as_listed(offer: RentedOffer, problem: Problem) -> bool:
    """Say whether nothing but the list price and the term counts: the common case, and the fast one."""
    own = problem.assumptions
    return not (
        offer.upfront_fraction or own.rent_factor != 1 or offer.offer_id in own.rent_usd_per_hour
        or offer.provider in own.adjustments or (offer.kind == "spot" and own.spot_interruption_fraction)
    )


def price_offer(offer: RentedOffer, catalog: Catalog, problem: Problem, rate: Fraction) -> PricedOffer:
    """Price one rented offer."""
    ends = PriceEnds(partial(quoted_lines, offer, catalog, problem, rate))
    stock = problem.limits.stock.get(offer.offer_id, offer.stock)
    evidence = "quoted" if offer.offer_id in problem.assumptions.rent_usd_per_hour else offer.price_evidence
    return PricedOffer(
        offer.offer_id, offer.provider, offer.region, offer.gpu_id, offer.gpu_count, offer.kind, offer.term_months,
        offer.platform, ends, problem.assumptions.price_end, stock, 0, offer.as_of, evidence,
        offer.source_url, catalog.is_overlaid("offers", offer.offer_id),
    )


def priced_offers(catalog: Catalog, problem: Problem) -> Iterator[PricedOffer]:
    """Price every rented offer."""
    currencies = {offer.currency for offer in catalog.offers.values()}
    rates = {currency: rate_per_usd(catalog, problem, currency) for currency in currencies}
    for offer in catalog.offers.values():
        yield price_offer(offer, catalog, problem, rates[offer.currency])
