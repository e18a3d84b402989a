"""An offer with its price, as the rest of gpumix sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.schema.base import Currency, Kind, PriceEvidence, Sold
from optimizer.schema.problem import Problem
from optimizer.units import exact, usd_per_month

PriceEnd = Literal["value", "low", "high"]
"""Which end of the range of assumed figures is taken."""

PriceLines = dict[str, int]
"""Line (rent, capital, power, ...) -> micro-dollars an hour, each rounded up; they add up to the price."""


@dataclass(frozen=True, eq=False)
class PriceEnds:
    """The price of a node, line by line, in the middle and at both ends of its assumed figures, when asked."""

    quote: Callable[[PriceEnd], PriceLines]
    """Works out one end."""

    @classmethod
    def stated(cls, value: PriceLines, low: PriceLines, high: PriceLines) -> PriceEnds:
        """Hold ends that are known already."""
        return cls({"value": value, "low": low, "high": high}.__getitem__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PriceEnds) and (self.value, self.low, self.high) == (
            other.value,
            other.low,
            other.high,
        )

    def __hash__(self) -> int:
        return hash(tuple(self.value.items()))

    @cached_property
    def value(self) -> PriceLines:
        """The price itself."""
        return self.quote("value")

    @cached_property
    def low(self) -> PriceLines:
        """The price at the low end of its figures."""
        return self.quote("low")

    @cached_property
    def high(self) -> PriceLines:
        """The price at the high end of its figures."""
        return self.quote("high")

    def micro_usd_per_hour(self, end: PriceEnd) -> int:
        """Return the price at an end."""
        return sum(getattr(self, end).values())


SOLD_NEW: tuple[Sold, ...] = ("new", "remaining")
"""Ways in which a product is had new."""


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
    ends: PriceEnds
    end: PriceEnd
    """The end that is planned with."""
    stock: int | None
    """Nodes obtainable of all offers of its pool together; None: no cap stated."""
    watts: int
    """Power an owned node draws at full load, PUE left out; 0 for rented nodes."""
    price_as_of: str
    price_evidence: PriceEvidence
    source_url: str
    from_overlay: bool
    sold: Sold = "new"
    """How the GPU of an owned node can be had."""
    unlicensed: bool = False
    """Whether an owned node stands in a data centre with a GPU whose driver is not licensed for one."""
    stock_pool: str = ""
    """Offers of one pool share its stock: a machine that may be bought for several sites; empty: the offer alone."""
    own_stock: int | None = None
    """Nodes obtainable of this offer, where that is less than its pool's stock; None: as many as the pool has."""

    @property
    def obtainable(self) -> int | None:
        """Nodes of this offer alone that can be had: of its own stock, or of its pool's; None: no cap stated."""
        return self.stock if self.own_stock is None else self.own_stock

    @property
    def sold_new(self) -> bool:
        """Whether it can be had new; rented nodes always can."""
        return self.sold in SOLD_NEW

    @property
    def pool(self) -> str:
        """What the stock belongs to."""
        return self.stock_pool or self.offer_id

    @cached_property
    def micro_usd_per_hour(self) -> int:
        """The price that counts, in whole micro-dollars."""
        return self.ends.micro_usd_per_hour(self.end)

    @property
    def range_micro_usd_per_hour(self) -> tuple[int, int]:
        """The lowest and the highest of the price's ends."""
        prices = [self.ends.micro_usd_per_hour(end) for end in ("value", "low", "high")]
        return min(prices), max(prices)

    @property
    def has_range(self) -> bool:
        """Whether the price rests on a figure with a range."""
        return self.ends.low != self.ends.high

    @property
    def breakdown(self) -> dict[str, float]:
        """Line -> US dollars a month; the lines add up to the price."""
        return {line: usd_per_month(micro) for line, micro in getattr(self.ends, self.end).items()}

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
    allowed = "fx: {rate_per_usd, as_of} in the problem, or a row in fx.csv"
    raise InputError([Fault(problem.name, "fx", f"no rate for {currency}", allowed)])


def rate_as_of(catalog: Catalog, problem: Problem) -> str | None:
    """Return the day of the rate of the problem's currency; None for US dollars."""
    if problem.fx is not None:
        return problem.fx.as_of.isoformat()
    return None if problem.currency == "USD" else catalog.fx[problem.currency].as_of


def stocks_of(offers: Iterable[PricedOffer]) -> dict[str, int]:
    """Return what is scarce: pool -> nodes of all its offers together, and offer -> nodes, where it has fewer."""
    found: dict[str, int] = {}
    for offer in offers:
        if offer.stock is not None:
            found[offer.pool] = offer.stock
        if offer.own_stock is not None:
            found[offer.offer_id] = offer.own_stock
    return found
