"""What a node costs as it is paid: on the first day of each term or life, and each month."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.costs.owned import Ownership, ownership, price_node
from optimizer.costs.priced import rate_per_usd
from optimizer.costs.rented import rent_before_term
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer
from optimizer.schema.problem import Problem
from optimizer.units import exact, micro_usd_up, usd_per_month

CAPITAL_LINES = frozenset({"capital", "installation"})
"""Lines of an owned node's price that stand for its purchase."""


@dataclass(frozen=True)
class CashFlow:
    """Payments for one node, in US dollars without tax and without interest."""

    upfront_usd: float
    """On the first day of each period: the purchase, or what is paid upfront for a term."""
    monthly_usd: float
    """At the end of each month."""
    period_months: float | None = None
    """A node's life or a term; None: neither, pay as you go."""
    owned: Ownership | None = None

    def periods(self, months: float) -> int:
        """Return how many periods have begun when so many months are over.

        >>> year = CashFlow(100.0, 10.0, 12)
        >>> [year.periods(months) for months in (0, 1, 12, 13)]
        [1, 1, 1, 2]
        """
        return 1 if self.period_months is None else max(1, math.ceil(months / self.period_months))

    def paid_usd(self, months: float) -> float:
        """Return what is paid in the first months, the first day included.

        >>> [CashFlow(100.0, 10.0, 12).paid_usd(months) for months in (0, 12, 13)]
        [100.0, 220.0, 330.0]
        """
        return self.upfront_usd * self.periods(months) + self.monthly_usd * months

    def owed_usd(self, months: float) -> float:
        """Return what of a term that has begun is still to be paid; an owned node owes nothing.

        >>> CashFlow(0.0, 10.0, 12).owed_usd(15), CashFlow(0.0, 10.0).owed_usd(15)
        (90.0, 0.0)
        """
        if self.period_months is None or self.owned is not None:
            return 0.0
        return self.monthly_usd * (self.periods(months) * self.period_months - months)

    def resale_usd(self, months: float) -> float:
        """Return what the node that stands by then is sold for; rented ones have no value."""
        if self.owned is None:
            return 0.0
        return self.owned.resale_usd(months - (self.periods(months) - 1) * self.owned.life_months)


def rented_cash(offer: RentedOffer, catalog: Catalog, problem: Problem) -> CashFlow:
    """Return the payments for a rented node; its monthly price is rounded like the price that is planned with."""
    rate = rate_per_usd(catalog, problem, offer.currency)
    rent = rent_before_term(offer, problem, rate, problem.assumptions.price_end)
    if offer.kind == "spot":
        rent /= 1 - exact(problem.assumptions.spot_interruption_fraction)
    month = usd_per_month(micro_usd_up(rent))
    if not offer.term_months:
        return CashFlow(0.0, month)
    upfront = month * offer.upfront_fraction
    return CashFlow(upfront * offer.term_months, month - upfront, offer.term_months)


def cash_of(offer_id: str, catalog: Catalog, problem: Problem) -> CashFlow:
    """Return the payments for one node of an offer.

    Raises:
        KeyError: there is no such offer.
    """
    if offer_id in catalog.offers:
        return rented_cash(catalog.offers[offer_id], catalog, problem)
    node_id, _, site_id = offer_id.rpartition(".")
    node = catalog.owned[node_id]
    owned = ownership(node, catalog.sites[site_id], catalog, problem, problem.assumptions.price_end)
    lines = price_node(node, site_id, catalog, problem).breakdown
    running = sum(usd for line, usd in lines.items() if line not in CAPITAL_LINES)
    return CashFlow(owned.outlay_usd, running, owned.life_months, owned)
