"""How old prices are, and how far prices of the same GPU have moved since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from optimizer.load import Catalog
from optimizer.load.places import PriceMove, read_price_moves
from optimizer.messages import Message
from optimizer.schema.catalog import OwnedNode, RentedOffer
from optimizer.schema.plan import Plan

OLD_DAYS = 183
"""A price of rent is called old after half a year: through 2026 the prices of H100 and H200 moved by 15 to 35% in that
time (catalogs/offers, rows of May against October)."""

MOVED = 0.05
"""Share that prices must have moved before an answer says so."""


def latest_day(as_of: str) -> date:
    """Return the last day that a date may mean.

    >>> latest_day("2026-08-21"), latest_day("2026-02"), latest_day("2026")
    (datetime.date(2026, 8, 21), datetime.date(2026, 2, 28), datetime.date(2026, 12, 31))
    """
    year, month, day = (*(int(part) for part in as_of.split("-")), 0, 0)[:3]
    if day:
        return date(year, month, day)
    if month in (0, 12):
        return date(year, 12, 31)
    return date.fromordinal(date(year, month + 1, 1).toordinal() - 1)


def is_dated(as_of: str) -> bool:
    """Say whether a date names its month at least: a bare year says nothing of age within it."""
    return "-" in as_of


@dataclass(frozen=True)
class AgeOfTable:
    """How old the prices of one provider, or of owned hardware, are."""

    provider: str
    rows: int
    oldest: str
    newest: str
    old: int
    """Rows older than half a year on the day asked about."""
    undated: int
    """Rows that state a year only."""


def ages(catalog: Catalog, today: date) -> list[AgeOfTable]:
    """Return the age of all prices, by provider."""
    groups: dict[str, list[str]] = {}
    for offer in catalog.offers.values():
        groups.setdefault(offer.provider, []).append(offer.as_of)
    for node in catalog.owned.values():
        groups.setdefault("owned", []).append(purchase_as_of(node))
    return [_age(provider, dates, today) for provider, dates in sorted(groups.items())]


def _age(provider: str, dates: Sequence[str], today: date) -> AgeOfTable:
    dated = [as_of for as_of in dates if is_dated(as_of)]
    old = sum((today - latest_day(as_of)).days > OLD_DAYS for as_of in dated)
    known = dated or list(dates)
    return AgeOfTable(provider, len(dates), min(known), max(known), old, len(dates) - len(dated))


def purchase_as_of(node: OwnedNode) -> str:
    """Return the date of the oldest price that an owned node is bought from."""
    return min(part.as_of for part in node.parts if part.unit_price is not None)


def newest_day(catalog: Catalog) -> date:
    """Return the day of the catalog's newest dated price: what age is counted from where no day is given."""
    return max((latest_day(offer.as_of) for offer in catalog.offers.values() if len(offer.as_of) == len("2026-08-21")),
               default=date.min)


def movement(offer: RentedOffer) -> PriceMove | None:
    """Return how prices of the same GPU and kind moved since an offer's; None: nothing newer was compared."""
    if not is_dated(offer.as_of):
        return None
    day = latest_day(offer.as_of)
    return next((
        move for move in _moves()
        if (move.gpu_id, move.kind) == (offer.gpu_id, offer.kind) and latest_day(move.until) > day
    ), None)


@lru_cache(maxsize=1)
def _moves() -> tuple[PriceMove, ...]:
    return read_price_moves()


def age_warnings(catalog: Catalog, plan: Plan) -> Iterator[Message]:
    """Yield which prices of a plan are old or without a day, and how far others moved since."""
    today = newest_day(catalog)
    undated = sorted({node.offer_id for node in plan.nodes if not is_dated(node.price_as_of)})
    if undated:
        yield Message("warning.undated", offers=tuple(undated))
    old = {
        node.offer_id: node.price_as_of for node in plan.nodes
        if is_dated(node.price_as_of) and (today - latest_day(node.price_as_of)).days > OLD_DAYS
    }
    if old:
        yield Message("warning.old", offers=tuple(_dated(*one, catalog) for one in sorted(old.items())))


def _dated(offer_id: str, as_of: str, catalog: Catalog) -> Message:
    """Name an old price with its date, and how far others moved since."""
    offer = catalog.offers.get(offer_id)
    moved = None if offer is None else movement(offer)
    if moved is None or abs(moved.moved_fraction) < MOVED:
        return Message("warning.old-offer", offer=offer_id, day=as_of)
    return Message("warning.old-moved", offer=offer_id, day=as_of, moved=moved.moved_fraction, until=moved.until)


def by_year_half(catalog: Catalog) -> Counter[str]:
    """Count rented offers by the half-year of their price."""
    return Counter(half_of(offer.as_of) for offer in catalog.offers.values())


def half_of(as_of: str) -> str:
    """Name the half-year of a date.

    >>> half_of("2026-05-20"), half_of("2026-10"), half_of("2026")
    ('2026 first half', '2026 second half', '2026 undated')
    """
    if not is_dated(as_of):
        return f"{as_of} undated"
    return f"{as_of[:4]} {'first' if int(as_of[5:7]) <= 6 else 'second'} half"
