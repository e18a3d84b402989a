"""What changed between two catalogs: offers that came and went, and prices that moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal

from optimizer.costs.owned import PurchaseOf
from optimizer.costs.plausible import usd_per_gpu_hour
from optimizer.load import Catalog
from optimizer.schema.catalog import OwnedNode, RentedOffer

Change = Literal["added", "removed", "price", "facts"]

ORDER: tuple[Change, ...] = ("facts", "price", "removed", "added")
"""What matters most to a plan that is running stands first."""

FACTS = ("gpu_id", "gpu_count", "kind", "term_months", "region", "instance_type", "stock", "per", "currency",
         "upfront_fraction")
"""What makes a rented offer another thing to buy, when it changes."""


@dataclass(frozen=True)
class OfferChange:
    """What changed about one offer or owned machine."""

    offer_id: str
    change: Change
    old: float | None
    """Price as quoted: of the node an hour or a month, or of an owned machine's parts in US dollars."""
    new: float | None
    currency: str
    per: str
    """hour, month or once."""
    fraction: float | None
    """New over old price, less 1."""
    what: str = ""
    """Facts that changed, `gpu_id: a -> b`."""


@dataclass(frozen=True)
class GpuMovement:
    """How the prices of one GPU moved, over offers that both catalogs have."""

    gpu_id: str
    kind: str
    offers: int
    median_fraction: float


@dataclass(frozen=True)
class CatalogDifference:
    """The difference between two catalogs."""

    changes: tuple[OfferChange, ...]
    movements: tuple[GpuMovement, ...]
    unchanged: int


def catalog_difference(old: Catalog, new: Catalog) -> CatalogDifference:
    """Compare the offers and owned machines of two catalogs, by id."""
    changes: list[OfferChange] = []
    same = 0
    for offer_id in sorted(old.offers.keys() | new.offers.keys()):
        found = _of_offer(offer_id, old.offers.get(offer_id), new.offers.get(offer_id))
        changes += [found] if found else []
        same += found is None
    for node_id in sorted(old.owned.keys() | new.owned.keys()):
        found = _of_machine(node_id, (old, old.owned.get(node_id)), (new, new.owned.get(node_id)))
        changes += [found] if found else []
        same += found is None
    changes.sort(key=lambda one: (ORDER.index(one.change), -abs(one.fraction or 0.0)))
    return CatalogDifference(tuple(changes), tuple(_movements(old, new)), same)


def _of_offer(offer_id: str, before: RentedOffer | None, after: RentedOffer | None) -> OfferChange | None:
    known = after or before
    assert known is not None, "an id stands in one of the catalogs"
    unit = (known.currency, known.per)
    if before is None or after is None:
        prices = (None if before is None else before.price, None if after is None else after.price)
        return OfferChange(offer_id, "added" if before is None else "removed", *prices, *unit, None)
    differing = [name for name in FACTS if getattr(before, name) != getattr(after, name)]
    what = "; ".join(f"{name}: {getattr(before, name)} -> {getattr(after, name)}" for name in differing)
    comparable = (before.currency, before.per) == (after.currency, after.per)
    moved = after.price / before.price - 1 if comparable else None
    if not differing and not moved:
        return None
    return OfferChange(offer_id, "facts" if differing else "price", before.price, after.price, *unit, moved, what)


def _of_machine(
    node_id: str, old: tuple[Catalog, OwnedNode | None], new: tuple[Catalog, OwnedNode | None]
) -> OfferChange | None:
    before, after = (PurchaseOf(node, catalog).parts_usd if node else None for catalog, node in (old, new))
    if before is None or after is None:
        return OfferChange(node_id, "added" if before is None else "removed", before, after, "USD", "once", None)
    moved = after / before - 1
    return OfferChange(node_id, "price", before, after, "USD", "once", moved) if moved else None


def _movements(old: Catalog, new: Catalog) -> Iterable[GpuMovement]:
    ratios: dict[tuple[str, str], list[float]] = {}
    for offer_id, after in new.offers.items():
        before = old.offers.get(offer_id)
        if before is None or (before.gpu_id, before.gpu_count) != (after.gpu_id, after.gpu_count):
            continue
        prices = usd_per_gpu_hour(before, old), usd_per_gpu_hour(after, new)
        if prices[0] and prices[1]:
            ratios.setdefault((after.gpu_id, after.kind), []).append(prices[1] / prices[0] - 1)
    for (gpu_id, kind), found in sorted(ratios.items()):
        if any(found):
            yield GpuMovement(gpu_id, kind, len(found), median(found))
