"""A roadmap as integers: stays of nodes, what they carry and cost, and what every quarter asks for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

from optimizer.candidates import Candidate
from optimizer.costs import PricedOffer
from optimizer.costs.over_time import NodeMoney, Way

Spending = Literal["capex", "opex"]


@dataclass(frozen=True)
class Supply:
    """Nodes of one offer, or a group of nodes that are there already."""

    offer: PricedOffer
    money: NodeMoney
    way: Way
    carries: tuple[int, ...]
    """Demand that one node carries, by service; 0 where it cannot serve."""
    candidates: tuple[Candidate | None, ...]
    """How it serves each service."""
    pool: str
    """What its stock belongs to."""
    stock: int | None
    """Nodes obtainable at a time (bought ones: in all); of nodes there already, how many there are."""
    stays: int = 0
    """Of nodes there already: the quarters until the end of their life."""
    group: int | None = None
    """Place in `owned_already`."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One decision: how many nodes of a supply come in a quarter and stay up to another."""

    supply: int
    ordered: int
    first: int
    last: int
    """The first quarter in which they no longer stand; at most the number of quarters."""
    cost: int
    """Cents over all time, discounted, less what they bring at the end."""
    most: int
    """No plan needs more of them."""

    def covers(self, quarter: int) -> bool:
        """Say whether they stand in a quarter."""
        return self.first <= quarter < self.last


@dataclass(frozen=True)
class RoadmapCase:
    """All numbers of one roadmap."""

    supplies: tuple[Supply, ...]
    stays: tuple[Stay, ...]
    demand: tuple[tuple[int, ...], ...]
    """By service and quarter, in the service's own unit."""
    years: tuple[str, ...]
    """Fiscal year of each quarter."""
    caps: dict[tuple[Spending, str], int] = field(default_factory=dict)
    """(capex or opex, fiscal year) -> cents."""
    min_nodes: int = 0
    max_nodes: int | None = None
    watts: int | None = None
    max_gpu_types: int | None = None
    lose_nodes: int = 0
    lose_group: Literal["none", "provider", "region"] = "none"
    """What may be lost at once; a region's loss is the smaller one, a provider's holds it."""

    @property
    def quarters(self) -> int:
        """How many quarters there are."""
        return len(self.years)

    @property
    def is_capped(self) -> dict[Spending, bool]:
        """Whether some fiscal year has a cap on capex, on opex."""
        kinds = {kind for kind, _ in self.caps}
        return {"capex": "capex" in kinds, "opex": "opex" in kinds}

    def lost_with(self, offer: PricedOffer) -> Hashable:
        """Return what a node is lost together with: its provider, its region, or nothing that matters."""
        return {"none": "", "provider": offer.provider, "region": offer.place}[self.lose_group]

    def needed(self, asked: int, carries: int, service: int) -> int:
        """Return how many nodes of a kind serve a demand alone, after the nodes that may be lost."""
        largest = min(asked, max(supply.carries[service] for supply in self.supplies))
        return -(-(asked + self.lose_nodes * largest) // min(carries, asked))

    def spends(self, stay: Stay, kind: Spending, year: str) -> int:
        """Return the cents that one node of a stay spends in a fiscal year within the plan."""
        supply = self.supplies[stay.supply]
        cash = (
            supply.money.capex(supply.way, stay.ordered) if kind == "capex"
            else supply.money.opex(supply.way, stay.first, stay.last)
        )
        return sum(cents for quarter, cents in cash.items() if quarter < self.quarters and self.years[quarter] == year)
