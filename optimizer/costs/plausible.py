"""Whether a price and a node can be believed: held against others of the same GPU and kind, and against themselves.

Nothing here refuses an offer: what is doubtful is said where it is read, checked or bought.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from statistics import median

from optimizer.costs.rented import hourly_factor
from optimizer.load import Catalog
from optimizer.load.places import Place, read_places
from optimizer.messages import Message
from optimizer.schema.catalog import OwnedNode, RentedOffer
from optimizer.units import exact

BELOW, ABOVE = 2.0, 5.0
"""A price under the cheapest of other providers by more than the first factor, or above their dearest by more than the
second, is doubtful. Dear instances are common (many vCPUs beside one GPU), and no plan buys them; cheap ones decide.
"""

LEAST_PEERS = 2
"""Other providers that must ask a price of the same GPU and kind, before one is held against them."""

WINDOWS_USD_PER_VCPU_HOUR = 0.046
"""What Azure adds for Windows (https://azure.microsoft.com/pricing/details/virtual-machines/windows/, 2026)."""

WINDOWS_TOLERANCE = 0.005
"""Of the price: list prices are rounded to a tenth of a cent."""

FIRM = ("on_demand", "reserved")
"""Kinds of offers that nobody takes away again."""

MOST_GPUS = {"sxm": 8, "oam": 8, "pcie": 10, "superchip": 4}
"""GPUs of one node by form, where the GPU's own row states none: HGX and OAM boards hold 8, the largest PCIe servers
10, a GB200 tray 4."""


@dataclass(frozen=True)
class Doubt:
    """Why an offer is hard to believe."""

    offer_id: str
    reason: Message


def usd_per_gpu_hour(offer: RentedOffer, catalog: Catalog) -> float | None:
    """Return the quoted price of one GPU in US dollars an hour, without tax or term; None without a rate."""
    if offer.currency != "USD" and offer.currency not in catalog.fx:
        return None
    rate = exact(1 if offer.currency == "USD" else catalog.fx[offer.currency].rate_per_usd)
    price = exact(offer.price) * hourly_factor(offer.per, offer.tax_included_fraction, rate, 0, 1)
    return float(price / offer.gpu_count)


def most_gpus(gpu_id: str, catalog: Catalog) -> int | None:
    """Return how many GPUs of a type one node holds at most; None: unknown."""
    gpu = catalog.gpus[gpu_id]
    return gpu.max_gpus_per_node or MOST_GPUS.get(gpu.form_factor)


@lru_cache(maxsize=4096)
def part_of_world(provider: str, region: str) -> str:
    """Return the continent of a region; empty: unknown, or all of them."""
    return next((place.part_of_world for place in _places() if _matches(place, provider, region)), "")


@lru_cache(maxsize=1)
def _places() -> tuple[Place, ...]:
    return read_places()


def _matches(place: Place, provider: str, region: str) -> bool:
    return place.provider == provider and fnmatchcase(region, place.region)


Priced = list[tuple[RentedOffer, float]]


def _providers(priced: Priced) -> int:
    return len({offer.provider for offer, _ in priced})


class Market:
    """What others ask for a GPU, by its kind and where it stands."""

    def __init__(self, catalog: Catalog, gpu_ids: Collection[str] | None = None) -> None:
        """Gather the prices of a catalog, of some GPUs or of all."""
        self.catalog = catalog
        self.asked: dict[tuple[str, str], Priced] = {}
        """(GPU, kind) -> offers with the price of a GPU."""
        for offer in catalog.offers.values():
            wanted = gpu_ids is None or offer.gpu_id in gpu_ids
            price = usd_per_gpu_hour(offer, catalog) if wanted else None
            if price is not None:
                self.asked.setdefault((offer.gpu_id, offer.kind), []).append((offer, price))

    def peers(self, offer: RentedOffer) -> dict[str, float]:
        """Return other providers -> their median price of a GPU of this type and kind, in US dollars an hour.

        Those of the same part of the world count alone where there are enough of them, and all firm offers (on demand
        and reserved), or all others, where too few are of this kind. Reserved offers are held against terms of the
        same class (up to a year, longer).
        """
        place = part_of_world(offer.provider, offer.region)
        found = [
            (other, price) for other, price in self.asked.get((offer.gpu_id, offer.kind), ())
            if other.provider != offer.provider and (other.term_months > 12) == (offer.term_months > 12)
        ]
        near = [pair for pair in found if part_of_world(pair[0].provider, pair[0].region) in ("", place)]
        alike = [pair for pair in self._of_gpu(offer) if (pair[0].kind in FIRM) == (offer.kind in FIRM)]
        chosen = next((some for some in (near, found, alike) if _providers(some) >= LEAST_PEERS), [])
        prices: dict[str, list[float]] = {}
        for other, price in chosen:
            prices.setdefault(other.provider, []).append(price)
        return {provider: median(asked) for provider, asked in sorted(prices.items())}

    def _of_gpu(self, offer: RentedOffer) -> Iterator[tuple[RentedOffer, float]]:
        """Yield what other providers ask for the GPU, whatever the kind."""
        for (gpu_id, _), asked in self.asked.items():
            if gpu_id == offer.gpu_id:
                yield from (pair for pair in asked if pair[0].provider != offer.provider)

    def doubts(self, offers: Iterable[RentedOffer]) -> Iterator[Doubt]:
        """Yield what is doubtful about offers, whether the market holds them or not."""
        for offer in offers:
            for reason in (*self.price_doubts(offer), too_many_gpus(offer, self.catalog)):
                if reason:
                    yield Doubt(offer.offer_id, reason)

    def price_doubts(self, offer: RentedOffer) -> Iterator[Message]:
        """Yield what is doubtful about the price of an offer."""
        yield from filter(None, (self._against_others(offer), self._windows(offer)))

    def _against_others(self, offer: RentedOffer) -> Message | None:
        price, others = usd_per_gpu_hour(offer, self.catalog), self.peers(offer)
        if price is None or len(others) < LEAST_PEERS:
            return None
        low, high = min(others.values()), max(others.values())
        if low / BELOW <= price <= high * ABOVE:
            return None
        what = offer.kind.replace("_", "-")
        return Message("doubt.price", price=price, gpu=offer.gpu_id, what=what, low=low, high=high)

    def _windows(self, offer: RentedOffer) -> Message | None:
        """Say when the price of an Azure instance is that of a sibling, plus what Windows adds for each vCPU."""
        vcpus = azure_vcpus(offer)
        if vcpus is None:
            return None
        price = float(offer.price)
        for sibling, gpu_price in self.asked.get((offer.gpu_id, offer.kind), ()):
            alike = (sibling.provider, sibling.region, family_of(sibling)) == (
                offer.provider, offer.region, family_of(offer))
            if not alike or sibling.offer_id == offer.offer_id or azure_vcpus(sibling) is None:
                continue
            linux = gpu_price * offer.gpu_count
            if abs(linux + vcpus * WINDOWS_USD_PER_VCPU_HOUR - price) <= WINDOWS_TOLERANCE * price:
                return Message("doubt.windows", price=price, linux=linux, name=sibling.instance_type,
                               added=WINDOWS_USD_PER_VCPU_HOUR)
        return None


_AZURE_SIZE = re.compile(r"standard_([a-z]+)([0-9]+)([a-z]*)_(.*)", re.IGNORECASE)


def azure_vcpus(offer: RentedOffer) -> int | None:
    """Return the vCPUs that the name of an Azure instance states; None for any other.

    Standard_NC48ads_A100_v4 has 48.
    """
    found = _AZURE_SIZE.fullmatch(offer.instance_type) if offer.provider == "azure" else None
    return int(found.group(2)) if found else None


def family_of(offer: RentedOffer) -> str:
    """Return what sizes of one Azure family share, which cost the same a GPU: letters, more memory (m), generation.

    Standard_NC40ads_H100_v5 and Standard_NC80adis_H100_v5 are of one family.
    """
    found = _AZURE_SIZE.fullmatch(offer.instance_type)
    if not found:
        return offer.instance_type
    series, _, suffix, generation = (part.lower() for part in found.groups())
    return f"{series}{'m' if 'm' in suffix else ''}_{generation}"


def too_many_gpus(node: RentedOffer | OwnedNode, catalog: Catalog) -> Message | None:
    """Say when a node has more GPUs than one can hold."""
    most = most_gpus(node.gpu_id, catalog)
    if most is None or node.gpu_count <= most:
        return None
    return Message("doubt.gpus", count=node.gpu_count, gpu=node.gpu_id, most=most)
