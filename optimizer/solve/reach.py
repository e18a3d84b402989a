"""Which offers and options can stand in a plan of a known cost: the others need not be looked at again."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.candidates import CandidateSet, Option
from optimizer.costs import PricedOffer


@dataclass(frozen=True)
class _Reach:
    """What a node may cost for what it carries of one service's demand."""

    price: int
    capacity: int
    """Price over capacity is the lowest there is."""
    spare: int
    """Of the cost, times `capacity`, rounded down."""
    demand: int

    def holds(self, price: int, capacity: int) -> bool:
        """Say whether a plan of the cost may use a node of a price that carries so much."""
        return price * self.capacity - self.price * min(capacity, self.demand) <= self.spare


def within_reach(candidates: CandidateSet, targets: tuple[float, ...], cost: int) -> CandidateSet:
    """Keep the offers and options that some plan of at most a cost may use, at these speed targets or any above.

    With rho_s the lowest price for one unit of service s's demand D_s, any plan costs at least B = sum rho_s D_s; one
    with a node of price p that carries c for service s at least B + p - rho_s c. What exceeds the cost is in no such
    plan; above the targets nodes carry less still.
    """
    found = [[(one.offer, one.capacity) for one in candidates.candidates(service, target)]
             for service, target in enumerate(targets)]
    reaches = _reaches(candidates, found, cost)
    offers: dict[str, PricedOffer] = {}
    options: dict[tuple[int, str], tuple[Option, ...]] = {}
    for service, (reach, mine) in enumerate(zip(reaches, found, strict=True)):
        by_gpu: dict[str, list[PricedOffer]] = defaultdict(list)
        for offer, capacity in mine:
            if reach.holds(offer.micro_usd_per_hour, capacity):
                offers[offer.offer_id] = offer
                by_gpu[offer.gpu_id].append(offer)
        for gpu_id, reached in by_gpu.items():
            options[service, gpu_id] = tuple(_options(candidates, service, gpu_id, targets[service], reached, reach))
    kept = tuple(offer for offer in candidates.offers if offer.offer_id in offers)
    return replace(candidates, offers=kept, options=options)


def _reaches(candidates: CandidateSet, found: list[list[tuple[PricedOffer, int]]], cost: int) -> list[_Reach]:
    """Return the reach of each service, all of which some offer serves."""
    demands = [demand.amount for demand in candidates.demands]
    cheapest = [
        min((Fraction(offer.micro_usd_per_hour, min(capacity, demand)) for offer, capacity in mine))
        for mine, demand in zip(found, demands, strict=True)
    ]
    spare = cost - sum(rate * demand for rate, demand in zip(cheapest, demands, strict=True))
    return [
        _Reach(rate.numerator, rate.denominator, math.floor(spare * rate.denominator), demand)
        for rate, demand in zip(cheapest, demands, strict=True)
    ]


def _options(
    candidates: CandidateSet, service: int, gpu_id: str, target: float, offers: list[PricedOffer], reach: _Reach
) -> list[Option]:
    """List the options of a service on a GPU type with which a node of one of these offers stays within reach."""
    return [
        candidates.capped(option) for amount, option in candidates.carrying(service, gpu_id, target)
        if any(reach.holds(offer.micro_usd_per_hour, option.replicas_on(offer) * amount) for offer in offers)
    ]
