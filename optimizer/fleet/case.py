"""A fleet in integers: nodes that services may share, and the replicas that may run on them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from optimizer.candidates import CandidateSet, Option
from optimizer.costs import PricedOffer
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation import shortlist
from optimizer.formulation.case import LARGEST_SUM, looks_at_engines
from optimizer.schema.problem import Limits
from optimizer.units import exact


@dataclass(frozen=True, slots=True)
class Supply:
    """One offer: nodes that can be had."""

    offer: PricedOffer
    price: int
    """Micro-dollars an hour."""
    gpus: int
    """Of one node."""
    group: int
    """Nodes of one group hold the same replicas."""
    pool: int
    """Position of the stock that its nodes come from."""
    most: int
    """No optimal fleet has more of these nodes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One way to run a replica: a service on GPUs of a group."""

    service: int
    group: int
    gpus: int
    """Of one replica."""
    capacity: int
    """Demand that one replica carries, never more than the whole demand."""
    most: int
    """Replicas that carry the whole service."""
    option: Option

    @property
    def engine(self) -> str:
        """The engine it runs on."""
        return self.option.engine_id


@dataclass(frozen=True)
class FleetCase:
    """All numbers of one fleet."""

    names: tuple[str, ...]
    """Services, in the order of their ids."""
    demand: tuple[int, ...]
    """By service, in its own unit."""
    supplies: tuple[Supply, ...]
    """In the order of their ids."""
    items: tuple[Item, ...]
    """By service, then group, then GPUs."""
    stock: tuple[int | None, ...]
    """By pool."""
    priority: tuple[int, ...] = ()
    """By service; the smallest number is the most important."""
    budget: int | None = None
    """Micro-dollars an hour."""
    max_gpu_types: int | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    engine_policy: Literal["any", "fleet", "per_gpu"] = "any"
    watts: int | None = None
    at_least: tuple[tuple[str, int], ...] = ()
    """(offer id, nodes that the fleet must hold)."""
    lose_node: bool = False
    lose_provider: bool = False
    lose_region: bool = False
    positions: tuple[int, ...] = field(default=(), repr=False)
    """Of the services in the problem."""

    @cached_property
    def by_service(self) -> tuple[tuple[int, ...], ...]:
        """Positions of each service's items."""
        found: list[list[int]] = [[] for _ in self.demand]
        for i, item in enumerate(self.items):
            found[item.service].append(i)
        return tuple(tuple(mine) for mine in found)

    @cached_property
    def by_group(self) -> tuple[tuple[int, ...], ...]:
        """Positions of each group's items."""
        found: list[list[int]] = [[] for _ in self.groups]
        for i, item in enumerate(self.items):
            found[item.group].append(i)
        return tuple(tuple(mine) for mine in found)

    @cached_property
    def supplies_of(self) -> tuple[tuple[int, ...], ...]:
        """Positions of each group's offers."""
        found: list[list[int]] = [[] for _ in self.groups]
        for i, supply in enumerate(self.supplies):
            found[supply.group].append(i)
        return tuple(tuple(mine) for mine in found)

    @cached_property
    def groups(self) -> range:
        """All groups."""
        named = [supply.group for supply in self.supplies] + [item.group for item in self.items]
        return range(1 + max(named, default=-1))

    def sizes(self, group: int) -> list[int]:
        """List the GPUs that replicas of a group take, rising."""
        return sorted({self.items[i].gpus for i in self.by_group[group]})

    @property
    def survives(self) -> bool:
        """Whether some loss must be survived."""
        return self.lose_node or self.lose_provider or self.lose_region

    def only(self, services: Sequence[int]) -> FleetCase:
        """Return the same question for some of the services."""
        place = {service: i for i, service in enumerate(services)}
        items = tuple(replace(item, service=place[item.service]) for item in self.items if item.service in place)
        picked = {name: tuple(getattr(self, name)[s] for s in services)
                  for name in ("names", "demand", "priority", "positions") if getattr(self, name)}
        case = replace(self, items=items, **picked)  # type: ignore[arg-type]
        return replace(case, supplies=_bounded(case.supplies, case))

    def without(self, *rules: str) -> FleetCase:
        """Return the same question without some rules, named as fields of this class.

        >>> FleetCase((), (), (), (), (), budget=5).without("budget").budget is None
        True
        """
        off = {"stock": tuple(None for _ in self.stock), "budget": None, "max_nodes": None, "max_gpu_types": None,
               "watts": None, "engine_policy": "any", "lose_node": False, "lose_provider": False,
               "lose_region": False, "at_least": (), "min_nodes": 0}
        case = replace(self, **{rule: off[rule] for rule in rules})  # type: ignore[arg-type]
        return replace(case, supplies=_bounded(case.supplies, case))

    @property
    def cost_bound(self) -> int:
        """Return the cost of all nodes at their most."""
        return sum(supply.price * supply.most for supply in self.supplies)


def is_chain(sizes: Sequence[int]) -> bool:
    """Say whether each size divides the next, so that counting slots of each size tells what fits.

    >>> is_chain([1, 2, 8]), is_chain([2, 3])
    (True, False)
    """
    return all(large % small == 0 for small, large in pairwise(sizes))


def build_fleet(candidates: CandidateSet, limits: Limits, budget: int | None) -> FleetCase:
    """Turn candidates at their services' speed targets into the integers of one shared fleet.

    Offers of one GPU type form a group, as any replica for that GPU may be put on their nodes; an offer with stated
    capacities, which are those of whole nodes, is a group of its own.

    Raises:
        ModelTooLargeError: the sums exceed the solver's integers.
    """
    candidates = shortlist(candidates, limits)
    offers = sorted(candidates.offers, key=lambda offer: offer.offer_id)
    apart = {offer_id for _, offer_id in candidates.stated}
    names = sorted({_group_name(offer, apart) for offer in offers})
    group = {name: i for i, name in enumerate(names)}
    pools = {pool: i for i, pool in enumerate(sorted({offer.pool for offer in offers}))}
    order = sorted(range(len(candidates.services)), key=lambda i: candidates.services[i].service_id)
    items: list[Item] = []
    for place, position in enumerate(order):
        items += _items(candidates, limits, position, place, offers, apart, group)
    stock = {pools[offer.pool]: offer.stock for offer in offers}
    supplies = [
        Supply(offer, offer.micro_usd_per_hour, offer.gpu_count, group[_group_name(offer, apart)], pools[offer.pool], 0)
        for offer in offers
    ]
    survive = limits.survive
    case = FleetCase(
        tuple(candidates.services[i].service_id for i in order), tuple(candidates.demands[i].amount for i in order),
        tuple(supplies), tuple(items), tuple(stock[i] for i in range(len(pools))),
        tuple(candidates.services[i].priority for i in order), budget, limits.max_gpu_types, limits.nodes.min,
        limits.nodes.max, limits.engine_policy, None if limits.power_kw is None else math.floor(
            exact(limits.power_kw) * 1000), tuple(sorted(limits.at_least.items())), survive.nodes > 0,
        survive.provider, survive.region, tuple(order))
    case = replace(case, supplies=_undominated(_bounded(case.supplies, case), case))
    _check_size(case)
    return case


def _group_name(offer: PricedOffer, apart: set[str]) -> tuple[str, str]:
    return offer.gpu_id, offer.offer_id if offer.offer_id in apart else ""


def _items(
    candidates: CandidateSet, limits: Limits, position: int, place: int, offers: Sequence[PricedOffer],
    apart: set[str], group: dict[tuple[str, str], int],
) -> Iterator[Item]:
    """Yield the ways to run a service that no others on the same GPUs beat, one for each number of GPUs."""
    service, demand = candidates.services[position], candidates.demands[position].amount
    target = service.slo.target_tokens_per_s
    largest: dict[tuple[str, str], PricedOffer] = {}
    for offer in offers:
        name = _group_name(offer, apart)
        if name not in largest or offer.gpu_count > largest[name].gpu_count:
            largest[name] = offer
    for name in sorted(largest):
        best: dict[tuple[str, int], tuple[int, Option]] = {}
        for amount, option in _carrying(candidates, position, largest[name], target):
            key = (option.engine_id if looks_at_engines(limits) else "", option.gpu_count or largest[name].gpu_count)
            capacity = min(amount, demand)
            most, known = best.get(key, (0, option))
            if capacity > most or (capacity == most > 0 and option.order < known.order):
                best[key] = capacity, option
        for (engine, gpus), (capacity, option) in sorted(best.items()):
            beaten = any(
                other == engine and size < gpus and gpus // size * carried >= capacity
                for (other, size), (carried, _) in best.items())
            if not beaten:
                yield Item(place, group[name], gpus, capacity, -(-demand // capacity), candidates.capped(option))


def _carrying(
    candidates: CandidateSet, position: int, offer: PricedOffer, target: float
) -> Iterator[tuple[int, Option]]:
    """Yield what a replica carries at a service's target, and the option, for each that fits on a node."""
    stated = candidates.stated.get((position, offer.offer_id))
    if stated is not None:
        yield stated.speed.amount(target), stated
        return
    for amount, option in candidates.carrying(position, offer.gpu_id, target):
        if option.gpu_count <= offer.gpu_count:
            yield amount, option


def _bounded(supplies: Sequence[Supply], case: FleetCase) -> tuple[Supply, ...]:
    """Bound the nodes of each offer, and leave out offers whose nodes no replica fits.

    A node without replicas can go, and a service has at most ceil(D / C) replicas of its smallest ones there; one more
    node may stand in for a lost one.
    """
    nodes: dict[int, set[int]] = defaultdict(set)
    for supply in supplies:
        nodes[supply.group].add(supply.gpus)
    smallest: dict[tuple[int, int, int], int] = {}
    for item in case.items:
        for gpus in nodes[item.group]:
            if gpus >= item.gpus:
                key = (item.group, gpus, item.service)
                smallest[key] = max(smallest.get(key, 0), item.most)
    replicas: dict[tuple[int, int], int] = defaultdict(int)
    for (group, gpus, _), most in smallest.items():
        replicas[group, gpus] += most
    held, kept = dict(case.at_least), []
    for supply in supplies:
        needed = replicas[supply.group, supply.gpus]
        most = max(needed + case.survives, case.min_nodes, held.get(supply.offer.offer_id, 0)) if needed else 0
        stock = case.stock[supply.pool]
        own = None if stock is None else supply.offer.own_stock
        most = min([most, *(cap for cap in (stock, own, case.max_nodes) if cap is not None)])
        if most > 0:
            kept.append(replace(supply, most=most))
    return tuple(kept)


def _undominated(supplies: Sequence[Supply], case: FleetCase) -> tuple[Supply, ...]:
    """Drop offers with a stock where the same node is to be had without end for no more."""
    if case.watts is not None or case.lose_provider or case.lose_region:
        return tuple(supplies)
    endless: dict[tuple[int, int], int] = {}
    for supply in supplies:
        key = (supply.group, supply.gpus)
        if case.stock[supply.pool] is None:
            endless[key] = min(endless.get(key, supply.price), supply.price)
    held = dict(case.at_least)
    return tuple(
        supply for supply in supplies
        if case.stock[supply.pool] is None or supply.offer.offer_id in held
        or supply.price < endless.get((supply.group, supply.gpus), supply.price + 1)
    )


def _check_size(case: FleetCase) -> None:
    """Refuse a fleet whose sums could leave the solver's integers."""
    sums = {
        "micro-dollars an hour": case.cost_bound * (1 + sum(supply.most for supply in case.supplies)),
        "capacities": max((
            sum(case.items[i].capacity * case.items[i].most for i in mine) for mine in case.by_service), default=0),
        "GPUs": sum(supply.gpus * supply.most for supply in case.supplies) + sum(i.gpus * i.most for i in case.items),
    }
    faults = [
        Fault("problem", "demand", f"{what} that may reach {most:.1e}", f"less than {LARGEST_SUM:.1e}: the solver's "
              "integers have 63 bits") for what, most in sums.items() if most >= LARGEST_SUM
    ]
    if faults:
        raise ModelTooLargeError(faults)
