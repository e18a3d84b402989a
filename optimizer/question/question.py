"""The types of a question: whole numbers only, apart from the offers and options that an answer is read back with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

from optimizer.candidates import Option
from optimizer.costs import PricedOffer
from optimizer.costs.contracts import Bill
from optimizer.schema.catalog import ApiPrice


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which the same nodes stand and the same demand holds: a peak, hours of a day, a quarter."""

    weight: int
    """Hours of the cycle that it stands for; 1 for a peak."""
    demand: tuple[int, ...]
    """By service: requests in flight or micro-requests/s; 0 for work that may wait."""
    quarter: int = 0
    hours: tuple[int, ...] = ()
    """Of the day from midnight or of the week from Monday; empty where one peak stands for all hours."""
    classes: tuple[tuple[Fraction, ...], ...] = ()
    """By service: the demand of each request class where classes are routed apart, else empty."""


Host = tuple[str, int, str, tuple[str, ...], bool]
"""What nodes share that can run the same things and are lost alike: GPU type, GPUs (0 where replicas of any size share
a node), the offer where its capacity is stated, the place that may be lost, and whether they are spot nodes."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Nodes of one offer, or nodes that are there already."""

    offer: PricedOffer
    host: Host
    """Nodes of one host can run the same things in the same amounts, up to their number of GPUs."""
    gpus: int
    pools: tuple[str, ...]
    """The stocks that its nodes come from; supplies of one pool share its stock."""
    bought: bool = False
    """Whether the stock counts all nodes ever obtained, as of bought ones; else those that stand at one time."""
    group: int | None = None
    """Of nodes that are there already: their place in `roadmap.owned_already`."""

    @property
    def watts(self) -> int:
        """Power of one node at full load; 0 unless owned."""
        return self.offer.watts


@dataclass(frozen=True, slots=True)
class Stay:
    """One decision: how many nodes of a supply stand from one period up to another."""

    supply: int
    first: int
    last: int
    """The first period in which they no longer stand."""
    price: int
    """Of one node over the whole stay, in the question's unit of money."""
    most: int
    """No optimal plan needs more."""
    spends: tuple[tuple[Hashable, int], ...] = ()
    """(name of a purse, what one node takes from it)."""
    ordered: int = 0
    """Quarter of the order."""

    def covers(self, period: int) -> bool:
        """Say whether the nodes stand in a period."""
        return self.first <= period < self.last


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve a service on a host: on a whole node, or by a replica on some of a node's GPUs."""

    service: int
    host: Host
    capacity: int
    """Demand that one of them carries at the service's target, in the demand's unit."""
    option: Option
    gpus: int = 0
    """GPUs of one replica; 0: the whole node is used."""
    classes: tuple[int, ...] = ()
    """Demand that one carries of each request class alone, where classes are routed apart."""

    @property
    def engine(self) -> str:
        """The engine that it runs on."""
        return self.option.engine_id


THOUSANDTHS = 1000
"""Parts of hosted APIs are priced in so many parts of the unit of money."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A hosted API that may carry part of a service's demand, period by period, and is paid for what it carries.

    A part is a share of a period's demand: one of `parts` equal ones, rounded up.
    """

    service: int
    api: ApiPrice
    usd_per_token: Fraction
    """Of the service's mix of input and output."""
    parts: tuple[int, ...]
    """By period: parts of the demand that it may carry at most; 0 where it carries nothing."""
    each: tuple[int, ...]
    """By period: demand that one part carries, in the demand's unit."""
    of_parts: tuple[int, ...]
    """By period: parts that are the whole demand."""
    tokens: tuple[Fraction, ...]
    """By period: tokens that are billed for one part in one cycle."""
    price: tuple[int, ...]
    """By period: of one part, in thousandths of the question's unit of money: the bill as a whole is rounded up."""
    spends: tuple[tuple[tuple[Hashable, int], ...], ...] = ()
    """By period: (name of a purse, what one part takes from it), in thousandths."""


@dataclass(frozen=True, slots=True)
class Work:
    """Requests that may wait, to be done within a window."""

    service: int
    seconds: tuple[int, ...]
    """By period: the seconds of its hours that lie in the window."""
    amount: int
    """Micro-requests."""


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """What is lost at once: nothing, some nodes of stated kinds, a provider, or a region."""

    kind: Literal["nothing", "node", "provider", "region"] = "nothing"
    nodes: tuple[tuple[str, int], ...] = ()
    """Kinds of lost nodes, (host as text, GPUs), one entry for each node."""
    place: tuple[str, ...] = ()
    """A provider, or a provider and its region."""
    all_others: bool = False
    """Whether everything but the place is lost."""

    def takes(self, supply: Supply) -> bool:
        """Say whether all nodes of a supply are lost."""
        return bool(self.place) and (supply.offer.place[: len(self.place)] == self.place) != self.all_others

    def count(self, supply: Supply) -> int:
        """Return how many nodes of a supply's kind are lost one by one."""
        return self.nodes.count((str(supply.host), supply.gpus))


NOTHING = Loss()


@dataclass(frozen=True, slots=True)
class Situation:
    """A period, with a loss or without one: in each, replicas are placed anew on the nodes that are left."""

    period: int
    loss: Loss = NOTHING


@dataclass(frozen=True)
class Purse:
    """Money that a rule looks at: a cap on what is taken from it, or what a provider bills for it."""

    name: Hashable
    cap: int | None = None
    bill: Bill | None = None


@dataclass(frozen=True)
class Question:
    """Everything that one plan must decide, and the rules that it must keep."""

    periods: tuple[Period, ...]
    supplies: tuple[Supply, ...]
    stays: tuple[Stay, ...]
    ways: tuple[Way, ...]
    works: tuple[Work, ...] = ()
    stock: dict[str, int] = field(default_factory=dict)
    """By pool."""
    purses: tuple[Purse, ...] = ()
    budget: int | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    at_least: tuple[tuple[str, int], ...] = ()
    """(offer id, nodes that must stand in every period)."""
    max_gpu_types: int | None = None
    types_by_period: bool = False
    """Whether GPU types are counted in each period alone, or over the whole plan."""
    engine_policy: Literal["any", "fleet", "per_gpu"] = "any"
    watts: int | None = None
    lose_nodes: int = 0
    lose_provider: bool = False
    lose_region: bool = False
    replaced: bool = False
    """Whether after a loss replicas are placed again on all nodes left; else each service keeps spare nodes."""
    spot_share: Fraction | None = None
    """Share of each demand that may rest on spot nodes."""
    hosted: tuple[Hosted, ...] = ()
    cut_costs: tuple[int, ...] = ()
    """By service: what it counts, in the unit of money, to leave it out; empty where all must be served."""

    @cached_property
    def ways_of(self) -> dict[Host, tuple[int, ...]]:
        """Positions of the ways of each host."""
        found: dict[Host, list[int]] = defaultdict(list)
        for position, way in enumerate(self.ways):
            found[way.host].append(position)
        return {host: tuple(mine) for host, mine in found.items()}

    @cached_property
    def stays_of(self) -> dict[Host, tuple[int, ...]]:
        """Positions of the stays of each host."""
        found: dict[Host, list[int]] = defaultdict(list)
        for position, stay in enumerate(self.stays):
            found[self.supplies[stay.supply].host].append(position)
        return {host: tuple(mine) for host, mine in found.items()}

    @cached_property
    def largest(self) -> dict[int, int]:
        """By service: the most that one of its ways carries."""
        found: dict[int, int] = {}
        for way in self.ways:
            found[way.service] = max(found.get(way.service, 0), way.capacity)
        return found

    @cached_property
    def waiting(self) -> frozenset[int]:
        """Services whose work may wait."""
        return frozenset(work.service for work in self.works)

    def without(self, services: Collection[int]) -> Question:
        """Return the same question where some services ask for nothing; others keep their positions."""
        left_out = set(services)
        periods = tuple(
            replace(period, demand=tuple(0 if s in left_out else amount for s, amount in enumerate(period.demand)),
                    classes=tuple(() if s in left_out else split for s, split in enumerate(period.classes)))
            for period in self.periods)
        works = tuple(work for work in self.works if work.service not in left_out)
        return replace(self, periods=periods, works=works, cut_costs=())

    @property
    def services(self) -> int:
        """How many services there are."""
        return len(self.periods[0].demand)

    def standing(self, period: int, host: Host | None = None) -> list[int]:
        """List the stays that stand in a period, of one host or of all."""
        mine = range(len(self.stays)) if host is None else self.stays_of.get(host, ())
        return [i for i in mine if self.stays[i].covers(period)]

    def carries(self, way: int, period: int) -> int:
        """Return what one of a way carries of a period's demand, never more than all of it."""
        one = self.ways[way]
        if one.service in self.waiting:
            return one.capacity
        return min(one.capacity, self.periods[period].demand[one.service])

    @cached_property
    def routed(self) -> frozenset[int]:
        """Services whose request classes are routed apart."""
        return frozenset(service for period in self.periods for service, one in enumerate(period.classes) if one)

    def routes(self, service: int) -> bool:
        """Say whether a service's request classes are routed apart."""
        return service in self.routed

    def can_happen(self, loss: Loss, held: Mapping[tuple[str, int], int]) -> bool:
        """Say whether nodes are lost one by one as a loss says, where so many of each kind (host, GPUs) stand.

        As many are lost as may be: where fewer nodes stand than may be lost, all of them.
        """
        most = min(self.lose_nodes, sum(held.values()))
        return len(loss.nodes) == most > 0 and all(held.get(kind, 0) >= loss.nodes.count(kind) for kind in loss.nodes)

    def losses(self) -> tuple[Loss, ...]:
        """List what may be lost at once where replicas are placed again, each a situation in every period."""
        if not self.replaced:
            return ()
        found: list[Loss] = []
        if self.lose_nodes:
            kinds = sorted({(str(supply.host), supply.gpus) for supply in self.supplies})
            sizes = range(1, self.lose_nodes + 1)
            found += [Loss("node", nodes) for size in sizes for nodes in _multisets(kinds, size)]
        if self.lose_provider:
            found += [Loss("provider", place=place) for place in sorted(
                {s.offer.place[:1] for s in self.supplies} | {(one.api.provider,) for one in self.hosted})]
        if self.lose_region:
            found += [Loss("region", place=place) for place in sorted({s.offer.place for s in self.supplies})]
        return tuple(found)


def _multisets(kinds: list[tuple[str, int]], size: int) -> list[tuple[tuple[str, int], ...]]:
    """List the ways to lose so many nodes of some kinds."""
    from itertools import combinations_with_replacement

    return list(combinations_with_replacement(kinds, size))
