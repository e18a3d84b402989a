"""A fleet that keeps every rule, found in about a second: for where the search ends without one.

GPU types and engines are chosen first; a fleet that looks at no loss is rounded up on them; then spare nodes stand in
for what may be lost: in each group one no smaller than any there, or a whole second fleet elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import relax
from optimizer.fleet.losses import Loss, losses_of
from optimizer.fleet.narrow import narrowed, prices_of_gpus
from optimizer.fleet.rounding import round_up
from optimizer.fleet.search import placed_on
from optimizer.fleet.solution import FleetSolution, Placement, cost_of
from optimizer.solve.prove import Clock, SolveSettings

EXTRA_S = 1.0
"""Seconds beyond a time limit in which further choices of GPU types, and columns, are sought."""

FEW_TYPES = (1, 2)
"""Fewer GPU types than allowed are tried too where a node may be lost, as each type needs a spare."""

MOST_PLACES = 3
"""Providers or regions tried as the home of one of two fleets, those of the cheapest replicas first."""


@dataclass(frozen=True)
class Spared:
    """Nodes with what may be lost among them, and the fleets that carry on after it."""

    nodes: tuple[int, ...]
    fleets: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    """(nodes, replicas) that each serve all; after a loss at least one of them stands, alike nodes for others."""


def spared_fleet(case: FleetCase, bound: int | None, settings: SolveSettings) -> FleetSolution | None:
    """Return the cheapest of a few fleets that keep every rule, with a bound that is known; None where none does."""
    clock = Clock(SolveSettings(time_limit_s=None if settings.time_limit_s is None else EXTRA_S))
    settings = SolveSettings(seed=settings.seed)  # the limit is reached already: every step here has its own
    found: list[Spared] = []
    for part in _parts(case):
        found += [one for one in _spared(part, settings, clock) if _keeps_rules(case, one.nodes)]
        if found and clock.expired():
            break
    if not found:
        return None
    best = min(found, key=lambda one: cost_of(case, one.nodes))
    cost, bound = cost_of(case, best.nodes), bound or 0
    after = tuple((loss, _after(case, best, loss)) for loss in losses_of(case, best.nodes))
    placement = Placement(best.nodes, best.fleets[0][1])
    if case.engine_policy == "any":  # else placing again could take other engines than those after a loss
        placement = placed_on(case, placement, settings)
    return FleetSolution(
        "optimal" if bound >= cost else "feasible", placement, min(bound, cost), tuple(True for _ in case.demand),
        after, method="spare nodes")


def _parts(case: FleetCase) -> Iterator[FleetCase]:
    """Yield the question on ever other GPU types and engines; items and offers keep their positions."""
    yield from narrowed(case, case.max_gpu_types)
    for most in FEW_TYPES if case.survives else ():
        if case.max_gpu_types is None or most < case.max_gpu_types:
            yield from narrowed(case, most)


def _spared(case: FleetCase, settings: SolveSettings, clock: Clock) -> Iterator[Spared]:
    if case.lose_provider or case.lose_region:
        yield from _twice(case, settings, clock)
        return
    for part in (case, _held_back(case)) if case.lose_node else (case,):
        plain = _plain(part, settings, clock)
        if plain is not None:
            nodes = _with_spares(case, plain.nodes) if case.lose_node else plain.nodes
            yield Spared(nodes, ((plain.nodes, plain.replicas),))
            if _keeps_rules(case, nodes):
                return


def _plain(case: FleetCase, settings: SolveSettings, clock: Clock) -> Placement | None:
    """Round a fleet up that survives no loss, in the case's positions; None where none is found."""
    if not all(any(case.items[i].most for i in mine) for mine in case.by_service):
        return None
    kept = [i for i, item in enumerate(case.items) if item.most]
    part = replace(case, items=tuple(case.items[i] for i in kept), budget=None, max_gpu_types=None,
                   engine_policy="any", lose_node=False, lose_provider=False, lose_region=False)
    found = round_up(part, relax(part, clock), settings)
    if found is None:
        return None
    replicas = [0] * len(case.items)
    for i, count in zip(kept, found.replicas, strict=True):
        replicas[i] = count
    return Placement(found.nodes, tuple(replicas))


def _held_back(case: FleetCase) -> FleetCase:
    """Return the question with a node of every stock, and of the most allowed for each GPU type, held back."""
    types = {supply.group for supply in case.supplies if supply.most}
    few = min(len(types), case.max_gpu_types or len(types))
    return replace(
        case, stock=tuple(None if stock is None else max(0, stock - 1) for stock in case.stock),
        max_nodes=None if case.max_nodes is None else max(0, case.max_nodes - few))


def _with_spares(case: FleetCase, nodes: Sequence[int]) -> tuple[int, ...]:
    """Add to each group in use the cheapest node no smaller than any there, of those that are left."""
    taken: dict[int, int] = defaultdict(int)
    for supply, count in zip(case.supplies, nodes, strict=True):
        taken[supply.pool] += count
    found = list(nodes)
    for group in case.groups:
        mine = case.supplies_of[group]
        largest = max((case.supplies[i].gpus for i in mine if nodes[i]), default=0)
        free = [i for i in mine if case.supplies[i].gpus >= largest and case.supplies[i].most
                and ((own := case.supplies[i].offer.own_stock) is None or found[i] < own)
                and ((stock := case.stock[case.supplies[i].pool]) is None or taken[case.supplies[i].pool] < stock)]
        if largest and free:
            best = min(free, key=lambda i: (case.supplies[i].price, i))
            found[best] += 1
            taken[case.supplies[best].pool] += 1
        elif largest:
            return tuple(0 for _ in nodes)  # no spare is left: no fleet
    return tuple(found)


def _twice(case: FleetCase, settings: SolveSettings, clock: Clock) -> Iterator[Spared]:
    """Yield pairs of whole fleets of which no loss reaches both: one in a place, the other in all others."""
    parts = 1 if case.lose_provider else 2
    for home in _homes(case, parts):
        inside = _plain(_in_place(case, home, (), inside=True), settings, clock)
        if inside is None:
            continue
        outside = _plain(_in_place(case, home, inside.nodes, inside=False), settings, clock)
        if outside is not None:
            nodes = tuple(map(int.__add__, inside.nodes, outside.nodes))
            yield Spared(nodes, ((inside.nodes, inside.replicas), (outside.nodes, outside.replicas)))
            if clock.expired():
                return


def _homes(case: FleetCase, parts: int) -> list[tuple[str, ...]]:
    """Return the places whose offers serve every service, those of the cheapest replicas first."""
    costs = {}
    for home in sorted({supply.offer.place[:parts] for supply in case.supplies if supply.most}):
        part = _in_place(case, home, (), inside=True)
        each = prices_of_gpus(part)
        least = [min((part.items[i].gpus * part.items[i].most * each[part.items[i].group] for i in mine
                      if part.items[i].most and part.items[i].group in each), default=None)
                 for mine in part.by_service]
        if None not in least:
            costs[home] = sum(cost for cost in least if cost is not None)
    return sorted(costs, key=lambda home: (costs[home], home))[:MOST_PLACES]


def _in_place(case: FleetCase, home: tuple[str, ...], taken: Sequence[int], inside: bool) -> FleetCase:
    """Return the question for the offers of a place, or for all others with what is taken gone from every stock."""
    supplies = tuple(
        supply if (supply.offer.place[: len(home)] == home) == inside else replace(supply, most=0)
        for supply in case.supplies)
    stock, counts = list(case.stock), list(taken) or [0] * len(supplies)
    for supply, count in zip(case.supplies, counts, strict=True):
        left = stock[supply.pool]
        stock[supply.pool] = None if left is None else left - count
    here = {supply.offer.offer_id for supply in supplies if supply.most}
    watts = sum(supply.offer.watts * count for supply, count in zip(case.supplies, counts, strict=True))
    return replace(
        case, supplies=supplies, stock=tuple(stock), min_nodes=0,
        max_nodes=None if case.max_nodes is None else max(0, case.max_nodes - sum(counts)),
        watts=None if case.watts is None else max(0, case.watts - watts),
        at_least=tuple(one for one in case.at_least if one[0] in here))


def _after(case: FleetCase, found: Spared, loss: Loss) -> Placement:
    """Return what carries on after a loss: replicas of a fleet that it does not reach, on what is left."""
    lost = [i for i, s in enumerate(case.supplies) if found.nodes[i] and (loss.takes_one(s) or loss.takes_all(s))]
    reached = any(found.fleets[0][0][i] for i in lost)
    replicas = found.fleets[-1 if reached else 0][1]
    left = list(found.nodes)
    for i in lost[:1] if loss.kind == "node" else lost:
        left[i] = left[i] - 1 if loss.kind == "node" else 0
    return Placement(tuple(left), replicas)


def _keeps_rules(case: FleetCase, nodes: Sequence[int]) -> bool:
    """Say whether nodes keep every rule that looks at nodes alone."""
    bought = [(supply, count) for supply, count in zip(case.supplies, nodes, strict=True) if count]
    pools: dict[int, int] = defaultdict(int)
    for supply, count in bought:
        pools[supply.pool] += count
    held = {supply.offer.offer_id: count for supply, count in bought}
    watts = sum(supply.offer.watts * count for supply, count in bought)
    types = {supply.offer.gpu_id for supply, _ in bought}
    return (
        bool(bought)
        and all((stock := case.stock[pool]) is None or count <= stock for pool, count in pools.items())
        and all((own := supply.offer.own_stock) is None or count <= own for supply, count in bought)
        and all(held.get(offer_id, 0) >= count for offer_id, count in case.at_least)
        and sum(held.values()) >= case.min_nodes
        and (case.max_nodes is None or sum(held.values()) <= case.max_nodes)
        and (case.budget is None or cost_of(case, nodes) <= case.budget)
        and (case.watts is None or watts <= case.watts)
        and (case.max_gpu_types is None or len(types) <= case.max_gpu_types))
