"""The integers of a timetable: nodes that stand all the time, nodes that run slot by slot, what each slot asks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from optimizer.candidates import CandidateSet
from optimizer.costs import PricedOffer
from optimizer.demand import SECONDS_PER_HOUR
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation import CaseRow
from optimizer.formulation.case import LARGEST_SUM, looks_at_engines, spot_share_of
from optimizer.load import Catalog
from optimizer.schema.problem import Limits
from optimizer.timetable.reduction import undominated
from optimizer.timetable.slots import Cycle, Slot, Work
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

HOURLY_KINDS = ("on_demand", "spot", "marketplace")
"""Kinds of nodes that may come and go by the hour."""


def is_elastic(offer: PricedOffer, catalog: Catalog) -> bool:
    """Say whether a node may run in some hours only: rented without a term, at a price by the hour."""
    rented = catalog.offers.get(offer.offer_id)
    return offer.kind in HOURLY_KINDS and offer.term_months == 0 and rented is not None and rented.per == "hour"


@dataclass(frozen=True, slots=True)
class Base:
    """An offer whose nodes stand all the time; in each slot a node serves one service."""

    offer_id: str
    pool: int
    price: int
    """Micro-dollars an hour."""
    most: int
    watts: int
    rows: tuple[int, ...]
    """Positions of the ways to use one of its nodes."""


@dataclass(frozen=True)
class TimeCase:
    """All numbers of one timetable."""

    hours: int
    slots: tuple[Slot, ...]
    works: tuple[Work, ...]
    rows: tuple[CaseRow, ...]
    """Ways to use a node: an offer for a service with an option; capacities of sync services end at their peak."""
    bases: tuple[Base, ...]
    base_of: tuple[int | None, ...]
    """By row: its standing offer, None for nodes that come and go."""
    most: tuple[tuple[int, ...], ...]
    """By row, by slot: no optimal plan runs more."""
    kinds: tuple[Literal["sync", "async"], ...]
    """By service."""
    stock: tuple[int | None, ...]
    """By pool."""
    budget: int | None
    """Micro-dollars a cycle."""
    limits: Limits

    @property
    def elastic(self) -> tuple[int, ...]:
        """Return the rows whose nodes come and go."""
        return tuple(i for i, base in enumerate(self.base_of) if base is None)

    @property
    def watts(self) -> int | None:
        """Return the power cap of the standing nodes, rounded down."""
        return None if self.limits.power_kw is None else math.floor(exact(self.limits.power_kw) * 1000)

    @property
    def spot_share(self) -> Fraction | None:
        """Return the share of each demand that may rest on spot nodes."""
        return spot_share_of(self.limits)

    def of_service(self, service: int) -> list[int]:
        """Return the rows of a service."""
        return [i for i, row in enumerate(self.rows) if row.service == service]

    def carries(self, row: int, slot: int) -> int:
        """Return what a node carries of what a slot asks, never more than all of it."""
        one = self.rows[row]
        asked = self.slots[slot].demand[one.service]
        return one.capacity if self.kinds[one.service] == "async" else min(one.capacity, asked)


def budget_per_cycle(limits: Limits, rate: Fraction, hours: int) -> int | None:
    """Return the cost cap of a cycle in whole micro-dollars, rounded down; `rate` is currency per dollar."""
    if limits.budget is None:
        return None
    period = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[limits.budget.per]
    return math.floor(exact(limits.budget.amount) / rate * MICRO * hours / period)


def build_time_case(
    candidates: CandidateSet, catalog: Catalog, limits: Limits, cycle: Cycle, rate: Fraction,
    reduced: bool = True,
) -> TimeCase:
    """Turn candidates at the services' speed targets into integers.

    Raises:
        ModelTooLargeError: the sums exceed the solver's integers.
    """
    stocks: dict[str, int | None] = {offer.pool: offer.stock for offer in candidates.offers}
    index = {pool: position for position, pool in enumerate(stocks)}
    rows: list[CaseRow] = []
    for service, target in enumerate(candidates.targets()):
        peak = max(slot.demand[service] for slot in cycle.slots)
        for one in candidates.candidates(service, target, per_engine=looks_at_engines(limits)):
            offer, option = one.offer, one.option
            capacity = min(one.capacity, peak) if candidates.services[service].kind == "sync" else one.capacity
            rows.append(CaseRow(
                service, index[offer.pool], offer.micro_usd_per_hour, capacity, 0, offer.gpu_id, offer.provider,
                offer.place, option.engine_id, offer.watts, (offer.offer_id, *option.order), one))
    rows.sort(key=lambda row: (row.service, row.rank))
    elastic = {offer.offer_id: is_elastic(offer, catalog) for offer in candidates.offers}
    kinds = tuple(service.kind for service in candidates.services)
    if reduced:
        rows = undominated(rows, elastic, tuple(stocks.values()), limits)
    case = TimeCase(
        cycle.hours, cycle.slots, cycle.works, tuple(rows), (), (), (), kinds, tuple(stocks.values()),
        budget_per_cycle(limits, rate, cycle.hours), limits)
    found = bounded(case, elastic)
    check_size(found)
    return found


def bounded(case: TimeCase, elastic: dict[str, bool]) -> TimeCase:
    """Group standing rows by offer and work out how many nodes are enough of each, at most."""
    largest = [max((case.rows[i].capacity for i in case.of_service(s)), default=0) for s in range(len(case.kinds))]
    most = tuple(
        tuple(_enough(case, row, slot, largest[row.service]) for slot in range(len(case.slots))) for row in case.rows
    )
    by_offer: dict[str, list[int]] = {}
    for i, row in enumerate(case.rows):
        if not elastic[row.offer_id]:
            by_offer.setdefault(row.offer_id, []).append(i)
    bases = []
    for offer_id, mine in by_offer.items():
        row = case.rows[mine[0]]
        enough = sum(_enough_always(case, s, [i for i in mine if case.rows[i].service == s], largest[s])
                     for s in range(len(case.kinds)))
        bases.append(Base(
            offer_id, row.offer, row.price, _capped(case, row, enough), row.watts, tuple(mine)))
    place = {base.offer_id: position for position, base in enumerate(bases)}
    base_of = tuple(place.get(row.offer_id) for row in case.rows)
    within = tuple(
        tuple(min(count, bases[base].most) for count in counts) if base is not None else counts
        for counts, base in zip(most, base_of, strict=True)
    )
    return replace(case, bases=tuple(bases), base_of=base_of, most=within)


def _capped(case: TimeCase, row: CaseRow, enough: int) -> int:
    """Return how many nodes of an offer may be there, given how many are enough."""
    limits = case.limits
    most = max(enough, limits.nodes.min, limits.at_least.get(row.offer_id, 0))
    caps = (case.stock[row.offer], row.own_stock, limits.nodes.max)
    return min([most, *(cap for cap in caps if cap is not None)])


def _enough(case: TimeCase, row: CaseRow, slot: int, largest: int) -> int:
    """Return how many nodes of a row suffice in a slot, whatever else runs: more leave one that can go."""
    lost, capacity = case.limits.survive.nodes, row.capacity
    if case.kinds[row.service] == "sync":
        demand = case.slots[slot].demand[row.service]
        enough = -(-(demand + lost * min(largest, demand)) // min(capacity, demand)) if demand else 0
    else:
        mine = [(work.seconds[slot], work.amount) for work in case.works if work.service == row.service]
        enough = max(
            (-(-amount // (capacity * seconds)) + (-(-lost * largest // capacity)) for seconds, amount in mine
              if seconds), default=0)
    return _capped(case, row, enough)


def _enough_always(case: TimeCase, service: int, rows: list[int], largest: int) -> int:
    """Return how many nodes of a standing offer suffice for a service all the time, with its best way."""
    if not rows:
        return 0
    best, lost = max(case.rows[i].capacity for i in rows), case.limits.survive.nodes
    demand = max(slot.demand[service] for slot in case.slots)
    enough = -(-(demand + lost * min(largest, demand)) // min(best, demand)) if demand else 0
    for work in case.works:
        if work.service == service and any(work.seconds):
            enough = max(enough, -(-work.amount // (best * sum(work.seconds))) + -(-lost * largest // best))
    return enough


def check_size(case: TimeCase) -> None:
    """Refuse a case in which some sum of a rule or objective could leave the solver's integers."""
    sums = {
        "micro-dollars a cycle": cost_bound(case),
        "micro-requests in a window": sum((work.amount for work in case.works), 0) + sum(
            row.capacity * count * SECONDS_PER_HOUR * slot.weight
            for row, counts in zip(case.rows, case.most, strict=True) if case.kinds[row.service] == "async"
            for slot, count in zip(case.slots, counts, strict=True)),
        "capacities": max((sum(row.capacity * max(counts, default=0)
                               for row, counts in zip(case.rows, case.most, strict=True) if row.service == service)
                           for service in range(len(case.kinds))), default=0),
    }
    allowed = f"less than {LARGEST_SUM:.1e}: the solver's integers have 63 bits"
    faults = [
        Fault("problem", "demand", f"{what} that may reach {most:.1e}", allowed)
        for what, most in sums.items() if most >= LARGEST_SUM
    ]
    if faults:
        raise ModelTooLargeError(faults)


def cost_bound(case: TimeCase) -> int:
    """Return the cost of a cycle with every node there at its most."""
    standing = sum(base.price * base.most * case.hours for base in case.bases)
    return standing + sum(
        case.rows[i].price * count * slot.weight
        for i in case.elastic for slot, count in zip(case.slots, case.most[i], strict=True))
