"""An offer with its price, as the rest of gpumix sees it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.schema.base import Currency, Kind, PriceEvidence
from optimizer.schema.problem import Problem
from optimizer.units import exact

PriceBreakdown = dict[str, float]
"""Line -> US dollars a month; the lines add up to the price."""


@dataclass(frozen=True)
class PricedOffer:
    """A node type that can be had, at the one price that counts everywhere."""

    offer_id: str
    provider: str
    region: str
    gpu_id: str
    gpu_count: int
    kind: Kind
    term_months: int
    platform: str
    micro_usd_per_hour: int
    """Rounded up once."""
    low_micro_usd_per_hour: int
    """The same at the low end of assumed figures."""
    high_micro_usd_per_hour: int
    stock: int | None
    """Nodes obtainable; None: no cap stated."""
    watts: int
    """Power an owned node draws at full load, PUE left out; 0 for rented nodes."""
    price_as_of: str
    price_evidence: PriceEvidence
    source_url: str
    from_overlay: bool
    breakdown: PriceBreakdown

    @property
    def place(self) -> tuple[str, str]:
        """What fails together when a region is lost."""
        return (self.provider, self.region)


def rate_per_usd(catalog: Catalog, problem: Problem, currency: Currency) -> Fraction:
    """Return units of a currency in a US dollar: the problem's own rate first, then the catalog's.

    Raises:
        InputError: neither states one.
    """
    if currency == "USD":
        return Fraction(1)
    if problem.fx is not None and problem.currency == currency:
        return exact(problem.fx.rate_per_usd)
    if currency in catalog.fx:
        return exact(catalog.fx[currency].rate_per_usd)
    raise InputError([Fault(problem.name, "fx", f"no rate for {currency}", "fx: {rate_per_usd, as_of} in the problem, or a row in fx.csv")])
