"""What every importer shares: a foreign row becomes an offer, or is left out with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from optimizer.load.faults import faults_of
from optimizer.load.importers.foreign_table import ForeignRow
from optimizer.load.importers.gpu_names import GpuNames
from optimizer.schema.catalog import RentedOffer

EXAMPLES = 3
"""Instances named for each reason."""

LONGEST_ID = 120


@dataclass(frozen=True)
class Origin:
    """Where a file is from, and what holds for all its rows."""

    label: str
    """How faults name the file."""
    provider: str
    as_of: str
    source_url: str
    marketplace: bool
    """Prices on demand are those of single hosts of unknown stock."""


@dataclass(frozen=True)
class LeftOut:
    """Rows that became no offer."""

    reason: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Import:
    """What a file became."""

    offers: tuple[RentedOffer, ...]
    left_out: tuple[LeftOut, ...]
    rows: int
    """Of the file."""


@dataclass(frozen=True)
class Quote:
    """One price of one foreign row."""

    instance: str
    region: str
    gpu_name: str
    gpu_count: float
    memory_gib: Sequence[float]
    """What the file may mean by a GPU's memory: the figure as it stands, and shared out where it may be the node's."""
    kind: str
    """on_demand or spot."""
    usd_per_hour: float | None


@dataclass
class Collector:
    """Gathers offers, and the reason of every row that became none."""

    origin: Origin
    names: GpuNames
    offers: dict[str, RentedOffer] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)
    """Offer id -> prices it was chosen from."""
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, what: str, reason: str) -> None:
        """Note why a row is no offer."""
        self.reasons.setdefault(reason, []).append(what)

    def broken(self, row: ForeignRow, what: str) -> bool:
        """Leave out a row that cannot be read, with its line; say whether it was one."""
        if row.fault:
            self.leave_out(f"{row.place}{f' ({what})' if what else ''}", row.fault)
        return bool(row.fault)

    def take(self, place: str, quote: Quote) -> None:
        """Turn a price into an offer; of several zones of a region the cheapest is kept."""
        what = f"{quote.instance} in {quote.region}"
        if not quote.usd_per_hour:
            self.leave_out(what, f"no {quote.kind.replace('_', '-')} price")
        elif quote.gpu_count != int(quote.gpu_count):
            self.leave_out(what, "a fraction of a GPU")
        else:
            gpu_id, reason = self.names.find_any(
                quote.gpu_name, self.origin.provider, quote.instance, quote.memory_gib)
            if gpu_id:
                self._add(place, quote, gpu_id)
            else:
                self.leave_out(what, reason)

    def _add(self, place: str, quote: Quote, gpu_id: str) -> None:
        kind = "marketplace" if self.origin.marketplace and quote.kind == "on_demand" else quote.kind
        offer_id = slug(f"{self.origin.provider}-{quote.instance}-{quote.region}-{kind}")
        try:
            offer = RentedOffer(
                offer_id=offer_id, provider=self.origin.provider, region=quote.region, instance_type=quote.instance,
                gpu_id=gpu_id, gpu_count=int(quote.gpu_count), kind=kind,  # type: ignore[arg-type]
                price=float(quote.usd_per_hour or 0), source_url=self.origin.source_url, as_of=self.origin.as_of,
                confidence="medium", notes=f"imported; GPU named {quote.gpu_name}")
        except ValidationError as error:
            (first, *_) = faults_of(error, self.origin.label, RentedOffer, place)
            column = first.key.removeprefix(f"{place}.")
            self.leave_out(place, f"{column}: found {first.found}; allowed: {first.allowed}")
            return
        known = self.offers.get(offer_id)
        self.zones[offer_id] = self.zones.get(offer_id, 0) + 1
        if known is not None and (known.gpu_id, known.gpu_count) != (offer.gpu_id, offer.gpu_count):
            self.leave_out(f"{quote.instance} in {quote.region}", "the same instance with other GPUs stands above")
        elif known is None or offer.price < known.price:
            self.offers[offer_id] = offer

    def result(self, rows: int) -> Import:
        """Return what the file became."""
        left = [
            LeftOut(reason, len(found), tuple(dict.fromkeys(found))[:EXAMPLES])
            for reason, found in self.reasons.items()
        ]
        left.sort(key=lambda one: (-one.rows, one.reason))
        offers = (
            offer if self.zones[offer_id] == 1
            else offer.model_copy(update={"notes": f"{offer.notes}; cheapest of {self.zones[offer_id]} listings"})
            for offer_id, offer in sorted(self.offers.items())
        )
        return Import(tuple(offers), tuple(left), rows)


def slug(text: str) -> str:
    """Turn a name into an id.

    >>> slug("azure-Standard_NC24ads A100 v4-eastus")
    'azure-standard-nc24ads-a100-v4-eastus'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:LONGEST_ID].strip("-.")
