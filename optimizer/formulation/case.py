"""A case: the integers of one solve, without names or units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from optimizer.candidates import Candidate, CandidateSet
from optimizer.costs import PricedOffer
from optimizer.costs.contracts import Bill, bills_of
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.schema.problem import Limits
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

LARGEST_SUM = 2**62
"""CP-SAT refuses sums near 2^63."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One decision: how many nodes of an offer serve a service with an option."""

    service: int
    offer: int
    """Position of the stock that its nodes come from."""
    price: int
    """Micro-dollars an hour."""
    capacity: int
    """Demand one node carries, never more than the whole demand."""
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

    @property
    def offer_id(self) -> str:
        """The offer's id."""
        return self.candidate.offer.offer_id

    @property
    def is_spot(self) -> bool:
        """Whether its nodes may be taken away at any time."""
        return self.candidate.offer.kind == "spot"


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

    @property
    def cost_bound(self) -> int:
        """Return the cost of taking every row at its most, every minimum and fee beside it."""
        return sum(row.price * row.most for row in self.rows) + sum(bill.minimum + bill.fee for bill in self.bills)


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
    enough = -(-(demand + limits.survive.nodes * largest) // capacity)
    most = max(enough, limits.nodes.min, limits.at_least.get(offer.offer_id, 0))
    caps = [cap for cap in (offer.stock, limits.nodes.max) if cap is not None]
    return min([most, *caps])


def looks_at_engines(limits: Limits) -> bool:
    """Say whether a rule looks at the engine, so that the best option per offer is not enough."""
    return limits.engine_policy != "any"


def build_case(
    candidates: CandidateSet, limits: Limits, targets: tuple[float, ...], budget: int | None, unreduced: bool = False
) -> Case:
    """Turn candidates at speed targets into integers.

    Raises:
        ModelTooLargeError: the sums exceed the solver's integers.
    """
    stocks: dict[str, int | None] = {offer.pool: offer.stock for offer in candidates.offers}
    index = {pool: position for position, pool in enumerate(stocks)}
    rows: list[CaseRow] = []
    for service, (demand, target) in enumerate(zip(candidates.demands, targets, strict=True)):
        found = list(
            candidates.every_candidate(service, target) if unreduced
            else candidates.candidates(service, target, per_engine=looks_at_engines(limits))
        )
        largest = min(max((one.capacity for one in found), default=0), demand.amount)
        for one in found:
            capacity = min(one.capacity, demand.amount)
            offer, option = one.offer, one.setting
            most = row_bound(demand.amount, capacity, largest, limits, offer)
            if most > 0:
                rows.append(CaseRow(
                    service, index[offer.pool], offer.micro_usd_per_hour, capacity, most, offer.gpu_id,
                    offer.provider, offer.place, option.engine_id, offer.watts, (offer.offer_id, *option.order), one))
    rows.sort(key=lambda row: (row.service, row.rank))
    watts = None if limits.power_kw is None else math.floor(exact(limits.power_kw) * 1000)
    case = Case(
        tuple(rows), tuple(demand.amount for demand in candidates.demands),
        tuple(stocks.values()), budget, limits.max_gpu_types, limits.nodes.min,
        limits.nodes.max, limits.engine_policy, limits.survive.nodes, limits.survive.provider, limits.survive.region,
        watts, tuple(sorted(limits.at_least.items())), candidates.offers, spot_share_of(limits),
        bills_of(limits.contracts))
    _check_size(case)
    return case


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
