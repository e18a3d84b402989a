"""A case: the integers of one solve, without names or units."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal

from optimizer.candidates import Candidate, CandidateSet, Option, StatedCapacity
from optimizer.costs import PricedOffer
from optimizer.costs.contracts import Bill, bills_of
from optimizer.demand import class_demands
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.schema.problem import Limits, NodeCount
from optimizer.traffic.class_split import ClassCut, Loads, TooFew, class_loads, opening_cuts
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

LARGEST_SUM = 2**62
"""CP-SAT refuses sums near 2^63."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One decision: how many nodes of an offer serve a service with an option, or are held without serving any."""

    service: int
    """Of idle nodes: one beyond the last service."""
    offer: int
    """Position of the stock that its nodes come from."""
    price: int
    """Micro-dollars an hour."""
    capacity: int
    """Demand one node carries, never more than the whole demand; 0 of idle nodes."""
    most: int
    """No optimal plan has more of these nodes."""
    gpu: str
    provider: str
    place: tuple[str, str]
    engine: str
    watts: int
    """Only of owned nodes."""
    rank: tuple[object, ...]
    """Order of the last tie-break: offer id, engine, precision, tensor parallel."""
    candidate: Candidate
    classes: tuple[int, ...] = ()
    """Demand one node carries of each class alone, where the service's classes are routed apart."""

    @property
    def capacities(self) -> tuple[int, ...]:
        """What one node carries: of the mix, or of each class alone."""
        return self.classes or (self.capacity,)

    @property
    def offer_id(self) -> str:
        """The offer's id."""
        return self.candidate.offer.offer_id

    @property
    def own_stock(self) -> int | None:
        """Return how many nodes of its offer may be used, where other offers of the same stock may have more."""
        return self.candidate.offer.own_stock

    @property
    def is_spot(self) -> bool:
        """Whether its nodes may be taken away at any time."""
        return self.candidate.offer.kind == "spot"

    @property
    def is_idle(self) -> bool:
        """Whether its nodes are held without serving anything."""
        return not self.capacity


@dataclass(frozen=True)
class Case:
    """All numbers of one solve."""

    rows: tuple[CaseRow, ...]
    demand: tuple[int, ...]
    """By service, in its own unit."""
    stock: tuple[int | None, ...]
    """By offer."""
    budget: int | None = None
    """Micro-dollars an hour."""
    max_gpu_types: int | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    engine_policy: Literal["any", "fleet", "per_gpu"] = "any"
    lose_nodes: int = 0
    lose_provider: bool = False
    lose_region: bool = False
    watts: int | None = None
    at_least: tuple[tuple[str, int], ...] = ()
    """(offer id, nodes that the plan must hold)."""
    offers: tuple[PricedOffer, ...] = field(default=(), repr=False)
    spot_share: Fraction | None = None
    """Share of each demand that may rest on spot nodes."""
    bills: tuple[Bill, ...] = ()
    """What providers bill for all their nodes together, where a contract says so."""
    class_demands: tuple[tuple[Fraction, ...], ...] = ()
    """By service: the demand of each class where classes are routed apart, else empty. All of it is empty without such
    a service."""

    @property
    def cost_bound(self) -> int:
        """Return the cost of taking every row at its most, every minimum and fee beside it."""
        return sum(row.price * row.most for row in self.rows) + sum(bill.minimum + bill.fee for bill in self.bills)

    def is_routed(self, service: int) -> bool:
        """Say whether a service's classes are routed apart."""
        return service < len(self.class_demands) and bool(self.class_demands[service])

    @cached_property
    def routed(self) -> tuple[RoutedService, ...]:
        """The services whose classes are routed apart."""
        return tuple(
            RoutedService.of(self, service) for service in range(len(self.demand)) if self.is_routed(service))


@dataclass(frozen=True)
class RoutedService:
    """The split of one service's classes over the rows of a case."""

    rows: tuple[int, ...]
    """Positions of its rows."""
    loads: Loads
    groups: tuple[tuple[Hashable, ...], ...]
    """By way of grouping whose losses are survived: the group of each row."""
    cuts: list[ClassCut | TooFew]
    """What is known of the nodes that carry the classes: it grows from solve to solve of the same case."""

    @classmethod
    def of(cls, case: Case, service: int) -> RoutedService:
        """Start with the cuts that are known beforehand."""
        rows = tuple(i for i, row in enumerate(case.rows) if row.service == service)
        mine = [case.rows[i] for i in rows]
        loads = class_loads(case.class_demands[service], [row.classes for row in mine])
        ways = ((case.lose_provider, [row.provider for row in mine]), (case.lose_region, [row.place for row in mine]))
        groups: tuple[tuple[Hashable, ...], ...] = tuple(tuple(group) for asked, group in ways if asked)
        cuts = opening_cuts(loads, [row.price for row in mine], groups, case.lose_nodes) if mine else ()
        return cls(rows, loads, groups, list(dict.fromkeys(cuts)))

    def servable(self) -> bool:
        """Say whether every class runs on some row."""
        return bool(self.rows) and all(any(one is not None for one in row) for row in self.loads)


def budget_micro_usd_per_hour(limits: Limits, rate: float | object) -> int | None:
    """Return the cost cap in whole micro-dollars an hour, rounded down exactly; `rate` is currency per dollar."""
    if limits.budget is None:
        return None
    usd = exact(limits.budget.amount) / (rate if isinstance(rate, Fraction) else exact(rate))  # type: ignore[arg-type]
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[limits.budget.per]
    return math.floor(usd * MICRO / hours)


def spot_share_of(limits: Limits) -> Fraction | None:
    """Return the share of each demand that may rest on spot nodes, exactly."""
    return None if limits.spot_share_fraction is None else exact(limits.spot_share_fraction)


def firm_demand(demand: int, spot_share: Fraction) -> int:
    """Return what the nodes that are not spot must carry of a demand, rounded up.

    >>> firm_demand(40, Fraction(3, 10)), firm_demand(41, Fraction(3, 10))
    (28, 29)
    """
    return math.ceil(demand * (1 - spot_share))


def row_bound(demand: int, capacity: int, largest: int, limits: Limits, offer: PricedOffer) -> int:
    """Return a number of nodes that no optimal plan exceeds.

    More than ceil((D + k x largest) / C) nodes of one kind leave one that can go, unless a minimum of nodes keeps it.
    """
    return _within_caps(-(-(demand + limits.survive.nodes * largest) // capacity), limits, offer)


def routed_row_bound(
    demands: Sequence[Fraction], capacities: Sequence[int], limits: Limits, offer: PricedOffer
) -> int:
    """Return a number of nodes that no optimal plan exceeds, where classes are routed apart.

    When more than the nodes that all classes it can serve fill, and those that may be lost, are there, one can go.
    """
    load = sum(
        (demand / capacity for demand, capacity in zip(demands, capacities, strict=True) if capacity), Fraction(0))
    return _within_caps(math.ceil(load) + limits.survive.nodes, limits, offer)


def _within_caps(enough: int, limits: Limits, offer: PricedOffer) -> int:
    most = max(enough, limits.nodes.min, limits.at_least.get(offer.offer_id, 0))
    caps = [cap for cap in (offer.obtainable, limits.nodes.max) if cap is not None]
    return min([most, *caps])


def looks_at_engines(limits: Limits) -> bool:
    """Say whether a rule looks at the engine, so that the best option per offer is not enough."""
    return limits.engine_policy != "any"


def build_case(
    candidates: CandidateSet, limits: Limits, targets: tuple[float, ...], budget: int | None, unreduced: bool = False,
    only: int | None = None,
) -> Case:
    """Turn candidates at speed targets into integers.

    Args:
        candidates: with their offers.
        limits: the rules.
        targets: speed of each service.
        budget: micro-dollars an hour.
        unreduced: whether every option of an offer has a row, not only its best.
        only: the one service that has rows, as the first and only one; None: all of them.

    Raises:
        ModelTooLargeError: the sums exceed the solver's integers.
    """
    stocks: dict[str, int | None] = {offer.pool: offer.stock for offer in candidates.offers}
    index = {pool: position for position, pool in enumerate(stocks)}
    rows: list[CaseRow] = []
    splits = tuple(
        class_demands(service, demand.amount) if service.routes_classes else ()
        for service, demand in zip(candidates.services, candidates.demands, strict=True)
    )
    for service in range(len(targets)) if only is None else (only,):
        demand, target = candidates.demands[service], targets[service]
        found = list(
            candidates.every_candidate(service, target) if unreduced
            else candidates.candidates(service, target, per_engine=looks_at_engines(limits))
        )
        largest = min(max((one.capacity for one in found), default=0), demand.amount)
        split = splits[service]
        for one in found:
            capacity = one.capacity if split else min(one.capacity, demand.amount)
            offer, option = one.offer, one.setting
            most = (
                routed_row_bound(split, one.classes, limits, offer) if split
                else row_bound(demand.amount, capacity, largest, limits, offer)
            )
            if most > 0:
                rows.append(CaseRow(
                    0 if only is not None else service, index[offer.pool], offer.micro_usd_per_hour, capacity, most,
                    offer.gpu_id,
                    offer.provider, offer.place, option.engine_id, offer.watts, (offer.offer_id, *option.order), one,
                    one.classes))
    if limits.at_least:
        rows += _idle_rows(candidates, limits, index, {row.offer_id for row in rows})
    rows.sort(key=lambda row: (row.service, row.rank))
    watts = None if limits.power_kw is None else math.floor(exact(limits.power_kw) * 1000)
    case = Case(
        tuple(rows), tuple(demand.amount for demand in candidates.demands),
        tuple(stocks.values()), budget, limits.max_gpu_types, limits.nodes.min,
        limits.nodes.max, limits.engine_policy, limits.survive.nodes, limits.survive.provider, limits.survive.region,
        watts, tuple(sorted(limits.at_least.items())), candidates.offers, spot_share_of(limits),
        bills_of(limits.contracts), splits if any(splits) else ())
    _check_size(case)
    return case


def _idle_rows(
    candidates: CandidateSet, limits: Limits, index: dict[str, int], usable: Set[str]
) -> Iterator[CaseRow]:
    """Yield the rows of held nodes that serve nothing, for offers that no service can use at these targets.

    A node that serves never breaks a rule that it would keep idle, so others need no such row; except where a rule
    looks at the engine, which may be the wrong one on a held node.
    """
    service = len(candidates.demands)
    for offer in candidates.offers:
        most = _within_caps(0, limits.model_copy(update={"nodes": NodeCount(max=limits.nodes.max)}), offer)
        if offer.offer_id in limits.at_least and most and (
                offer.offer_id not in usable or looks_at_engines(limits)):
            yield idle_row(offer, service, index[offer.pool], most)


def idle_row(offer: PricedOffer, service: int, position: int, most: int) -> CaseRow:
    """Return the row of nodes that are held and serve nothing.

    Args:
        offer: what they are of.
        service: one beyond the last service.
        position: of the stock that they come from.
        most: how many must be held.
    """
    nothing = Option(service, offer.gpu_id, "", "", 1, offer.gpu_count, StatedCapacity(0, math.inf, None))
    return CaseRow(
        service, position, offer.micro_usd_per_hour, 0, most, offer.gpu_id, offer.provider, offer.place, "",
        offer.watts, (offer.offer_id, *nothing.order), Candidate(offer, nothing, 0))


def scale_of(bill: Bill) -> int:
    """Return what makes whole numbers of a bill's slopes and constants.

    >>> scale_of(Bill("acme", 0, 0, ((1000, Fraction(7, 8)), (3000, Fraction(2, 3))), False))
    24
    """
    pieces = bill.pieces()
    return math.lcm(*(slope.denominator for _, slope, _ in pieces), *(rest.denominator for _, _, rest in pieces))


def _check_size(case: Case) -> None:
    """Refuse a case in which some sum of a rule or objective could leave the solver's integers."""
    rows, copies = case.rows, case.lose_nodes + 1
    sums = {
        "a demand (with the nodes that may be lost)": max((demand * copies for demand in case.demand), default=0),
        "capacities": sum(row.capacity * row.most for row in rows),
        "nodes": sum(row.most for row in rows),
        "micro-dollars an hour": case.cost_bound * max((scale_of(bill) for bill in case.bills), default=1),
        "watts": 0 if case.watts is None else sum(row.watts * row.most for row in rows),
    }
    allowed = f"less than {LARGEST_SUM:.1e}: the solver's integers have 63 bits"
    faults = [
        Fault("problem", "demand", f"{what} that may reach {most:.1e}", allowed)
        for what, most in sums.items() if most >= LARGEST_SUM
    ]
    if faults:
        raise ModelTooLargeError(faults)
