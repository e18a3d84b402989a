"""What every importer shares: a foreign row becomes an offer, or is left out with the reason."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import Cells, first_faults
from optimizer.load.faults import faults_of, shown
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
    memory_gib: float | None
    kind: str
    """on_demand or spot."""
    usd_per_hour: float | None


@dataclass
class Collector:
    """Gathers offers, reasons and faults."""

    origin: Origin
    names: GpuNames
    offers: dict[str, RentedOffer] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)
    """Offer id -> prices it was chosen from."""
    reasons: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def leave_out(self, what: str, reason: str) -> None:
        """Note why a row is no offer."""
        self.reasons.setdefault(reason, []).append(what)

    def take(self, place: str, quote: Quote) -> None:
        """Turn a price into an offer; of several zones of a region the cheapest is kept."""
        what = f"{quote.instance} in {quote.region}"
        if not quote.usd_per_hour:
            self.leave_out(what, f"no {quote.kind.replace('_', '-')} price")
        elif quote.gpu_count != int(quote.gpu_count):
            self.leave_out(what, "a fraction of a GPU")
        else:
            gpu_id, reason = self.names.find(
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
            self.faults += faults_of(error, self.origin.label, RentedOffer, place)
            return
        known = self.offers.get(offer_id)
        self.zones[offer_id] = self.zones.get(offer_id, 0) + 1
        if known is not None and (known.gpu_id, known.gpu_count) != (offer.gpu_id, offer.gpu_count):
            self.leave_out(f"{quote.instance} in {quote.region}", "the same instance with other GPUs stands above")
        elif known is None or offer.price < known.price:
            self.offers[offer_id] = offer

    def result(self, rows: int) -> Import:
        """Return what the file became.

        Raises:
            InputError: with every fault of the file.
        """
        if self.faults:
            raise InputError(first_faults(self.faults, self.origin.label))
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


def need_columns(header: Sequence[str], wanted: Iterable[str], label: str, what: str) -> None:
    """Refuse a table that lacks columns.

    Raises:
        InputError: naming all of them.
    """
    missing = [name for name in wanted if name not in header]
    if missing:
        raise InputError([Fault(label, "line 1", f"no column {', '.join(missing)}", f"the columns of {what}")])


def named(header: Sequence[str], row: Cells) -> dict[str, str]:
    """Return a row's cells by column."""
    return dict(zip(header, row.cells, strict=True))


def number(cells: Mapping[str, str], column: str, place: str, label: str, faults: list[Fault]) -> float | None:
    """Read a number from 0, None when the cell is empty or no number (then with a fault)."""
    text: Any = cells.get(column, "")
    if text in ("", "None"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        faults.append(Fault(label, f"{place}, {column}", shown(text), "a number from 0, or nothing"))
        return None
    return value
