"""Which offers and options can stand in a plan of a known cost: the others need not be looked at again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from optimizer.candidates import CandidateSet, Option
from optimizer.costs import PricedOffer
from optimizer.formulation import Case


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


def within_reach(candidates: CandidateSet, case: Case, cost: int) -> CandidateSet:
    """Keep the offers and options that a plan of at most a cost may use, at the case's speed targets or any above.

    With rho_s the lowest price for one unit of service s's demand D_s, any plan costs at least B = sum rho_s D_s; one
    with a node of price p that carries c for service s at least B + p - rho_s c. What exceeds the cost is in no such
    plan; above the targets nodes carry less still.

    Args:
        candidates: that the case was made of.
        case: at the problem's own targets, not reduced; every service has rows.
        cost: micro-dollars an hour, at least that of the cheapest plan.
    """
    reaches = _reaches(case, cost)
    reached: dict[tuple[int, str], dict[str, PricedOffer]] = defaultdict(dict)
    for row in case.rows:
        if not row.is_idle and reaches[row.service].holds(row.price, row.capacity):
            offer = row.candidate.offer
            reached[row.service, row.gpu][offer.offer_id] = offer
    options = {
        key: tuple(_options(candidates, *key, tuple(offers.values()), reaches[key[0]]))
        for key, offers in reached.items()
    }
    offers = {row.offer_id: row.candidate.offer for row in case.rows if row.is_idle}
    offers |= {offer_id: offer for found in reached.values() for offer_id, offer in found.items()}
    return replace(candidates, offers=tuple(offers[offer_id] for offer_id in sorted(offers)), options=options)


def _reaches(case: Case, cost: int) -> list[_Reach]:
    """Return the reach of each service."""
    cheapest: list[tuple[int, int]] = [(1, 0)] * len(case.demand)
    for row in case.rows:
        if row.is_idle:
            continue
        price, capacity = cheapest[row.service]
        if row.price * capacity < price * row.capacity or not capacity:
            cheapest[row.service] = row.price, row.capacity
    spare = cost - sum(
        Fraction(price * demand, capacity) for (price, capacity), demand in zip(cheapest, case.demand, strict=True)
    )
    return [
        _Reach(price, capacity, floor(spare * capacity), demand)
        for (price, capacity), demand in zip(cheapest, case.demand, strict=True)
    ]


def _options(
    candidates: CandidateSet, service: int, gpu_id: str, offers: tuple[PricedOffer, ...], reach: _Reach
) -> list[Option]:
    """List the options of a service on a GPU type with which a node of one of these offers stays within reach."""
    return [
        candidates.capped(option)
        for amount, option in candidates.carrying(service, gpu_id, candidates.targets()[service])
        if any(reach.holds(offer.micro_usd_per_hour, option.replicas_on(offer) * amount) for offer in offers)
    ]
