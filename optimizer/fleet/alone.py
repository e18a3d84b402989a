"""What each service costs on nodes of its own: the separate plans that a fleet is set against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from optimizer.candidates import Candidate
from optimizer.fleet.case import FleetCase, Item, Supply
from optimizer.fleet.pricing import cheapest_cover
from optimizer.formulation import Case, CaseRow, reduce_case
from optimizer.solve.prove import Clock, Proven, SolveSettings, prove
from optimizer.units import usd_per_month

OF_THE_WHOLE = ("budget", "at_least", "min_nodes")
"""Rules that bind the whole fleet and no part of it: the budget, and nodes that it must hold."""


@dataclass(frozen=True)
class Alone:
    """The cheapest nodes of one service by itself."""

    service: int
    cost: int | None
    """Micro-dollars an hour; None: no plan, or none proven."""
    nodes: tuple[tuple[int, int], ...]
    """(offer, nodes)."""


def every_alone(case: FleetCase, settings: SolveSettings, clock: Clock) -> tuple[Alone, ...]:
    """Plan every service by itself, under the same rules, as if nobody else took of the stock and the budget."""
    case = case.without(*OF_THE_WHOLE)
    return tuple(_alone(case, service, settings, clock) for service in range(len(case.demand)))


def _alone(case: FleetCase, service: int, settings: SolveSettings, clock: Clock) -> Alone:
    """Plan one service by itself, its nodes filled with its own replicas as well as can be.

    That is one covering row: more of a node's best filling never carries less than any other filling of it.
    """
    rows = tuple(sorted(_rows(case, service), key=lambda row: row.rank))
    places = {supply.offer.offer_id: i for i, supply in enumerate(case.supplies)}
    question = Case(
        rows, (case.demand[service],), case.stock, case.budget, case.max_gpu_types, case.min_nodes, case.max_nodes,
        case.engine_policy, int(case.lose_node), case.lose_provider, case.lose_region, case.watts, case.at_least)
    quick = _covered(question, service, places)
    if quick is not None:
        return quick
    reduced = reduce_case(question)
    found = prove(reduced, replace(settings, enumerated=True), clock, in_order=False)
    if found.status != "optimal":
        return Alone(service, None, ())
    return Alone(service, found.bound, _bought(reduced, found, places))


def _covered(case: Case, service: int, places: dict[str, int]) -> Alone | None:
    """Cover the demand by branch and bound where no other rule binds what is found; None else."""
    looked_at = case.lose_nodes or case.lose_provider or case.lose_region or case.max_gpu_types is not None
    if looked_at or case.engine_policy != "any" or not case.rows:
        return None
    cost, bound, counts = cheapest_cover(
        [row.price for row in case.rows], [row.capacity for row in case.rows], case.demand[0])
    taken: dict[int, int] = defaultdict(int)
    for row, count in zip(case.rows, counts, strict=True):
        taken[row.offer] += count
    in_stock = all((stock := case.stock[pool]) is None or count <= stock for pool, count in taken.items())
    in_stock &= all(row.own_stock is None or count <= row.own_stock
                    for row, count in zip(case.rows, counts, strict=True))
    few = case.max_nodes is None or sum(counts) <= case.max_nodes
    watts = sum(row.watts * count for row, count in zip(case.rows, counts, strict=True))
    if cost > bound or not in_stock or not few or (case.watts is not None and watts > case.watts):
        return None
    nodes = sorted((places[row.offer_id], count) for row, count in zip(case.rows, counts, strict=True) if count)
    return Alone(service, cost, tuple(nodes))


def _bought(case: Case, found: Proven, places: dict[str, int]) -> tuple[tuple[int, int], ...]:
    counts: dict[int, int] = defaultdict(int)
    for row, count in zip(case.rows, found.counts, strict=True):
        counts[places[row.offer_id]] += count
    return tuple(sorted((supply, count) for supply, count in counts.items() if count))


def _rows(case: FleetCase, service: int) -> Iterator[CaseRow]:
    """Yield a row for each offer (and engine, where a rule looks at it): its node, filled as well as can be."""
    demand = case.demand[service]
    grouped: dict[tuple[int, str], list[Item]] = defaultdict(list)
    for i in case.by_service[service]:
        item = case.items[i]
        grouped[item.group, item.engine if case.engine_policy != "any" else ""].append(item)
    filled: dict[tuple[int, str, int], int] = {}
    for (group, engine), items in grouped.items():
        for i in case.supplies_of[group]:
            supply = case.supplies[i]
            key = (group, engine, supply.gpus)
            if key not in filled:
                filled[key] = best_filling(supply.gpus, items)
            if filled[key]:
                yield _row(supply, items[0], min(filled[key], demand), demand, case)


def _row(supply: Supply, item: Item, capacity: int, demand: int, case: FleetCase) -> CaseRow:
    offer = supply.offer
    enough = -(-demand * (2 if case.lose_node else 1) // capacity) + 1
    most = min([enough, *(cap for cap in (offer.obtainable, case.max_nodes) if cap is not None)])
    return CaseRow(
        0, supply.pool, supply.price, capacity, most, offer.gpu_id, offer.provider, offer.place, item.engine,
        offer.watts, (offer.offer_id, item.engine), Candidate(offer, item.option, capacity))


def best_filling(gpus: int, items: Sequence[Item]) -> int:
    """Return the most demand that the replicas of one service carry on one node.

    A knapsack over GPUs: best(g) = max over sizes t <= g of best(g - t) + capacity.
    """
    best = [0] * (gpus + 1)
    for room in range(1, gpus + 1):
        best[room] = max(
            [best[room - 1], *(best[room - item.gpus] + item.capacity for item in items if item.gpus <= room)])
    return best[gpus]


def broken_together(case: FleetCase, plans: Sequence[Alone]) -> Iterator[str]:
    """Say which rules of the whole the separate plans break when they are taken together."""
    nodes: dict[int, int] = defaultdict(int)
    for plan in plans:
        for supply, count in plan.nodes:
            nodes[supply] += count
    taken: dict[int, int] = defaultdict(int)
    for supply, count in nodes.items():
        taken[case.supplies[supply].pool] += count
    for pool, count in sorted(taken.items()):
        stock = case.stock[pool]
        if stock is not None and count > stock:
            name = next(s.offer.pool for s in case.supplies if s.pool == pool)
            yield f"stock of {name}: {count} taken, {stock} there"
    for supply, count in sorted(nodes.items()):
        offer, limited = case.supplies[supply].offer, case.stock[case.supplies[supply].pool] is not None
        if limited and offer.own_stock is not None and count > offer.own_stock:
            yield f"stock of {offer.offer_id}: {count} taken, {offer.own_stock} there"
    cost = sum(plan.cost or 0 for plan in plans)
    if case.budget is not None and cost > case.budget:
        yield f"budget: ${usd_per_month(cost):,.2f}/month, ${usd_per_month(case.budget):,.2f} allowed"
    total = sum(nodes.values())
    if case.max_nodes is not None and total > case.max_nodes:
        yield f"nodes: {total}, {case.max_nodes} allowed"
    watts = sum(case.supplies[supply].offer.watts * count for supply, count in nodes.items())
    if case.watts is not None and watts > case.watts:
        yield f"power: {watts} W, {case.watts} W allowed"
    types = {case.supplies[supply].offer.gpu_id for supply in nodes}
    if case.max_gpu_types is not None and len(types) > case.max_gpu_types:
        yield f"GPU types: {len(types)}, {case.max_gpu_types} allowed"
