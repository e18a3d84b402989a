"""Which GPU types and engines a fleet may do with: chosen one after the other, by what services cost on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optimizer.fleet.case import FleetCase


@dataclass(frozen=True, order=True)
class Kind:
    """A GPU type with the engine that runs on it."""

    gpu: str
    engine: str
    """Empty where engines may differ."""


def prices_of_gpus(case: FleetCase) -> dict[int, int]:
    """Return the least price of a GPU of each group that can be had, in micro-dollars an hour, rounded up."""
    each: dict[int, int] = {}
    for supply in case.supplies:
        if supply.most:
            price = -(-supply.price // supply.gpus)
            each[supply.group] = min(each.get(supply.group, price), price)
    return each


def narrowed(case: FleetCase, most: int | None) -> Iterator[FleetCase]:
    """Yield the question on so many GPU types with engines by the rules, one for each engine of a whole fleet.

    What is left out can be had no more (`most` 0), so that offers and items keep their positions. The choice is greedy:
    each time the type and engine that leave the fewest services without any, then the least cost.
    """
    if most is None and case.engine_policy == "any":
        yield case
        return
    costs = _costs(case)
    for engine in sorted({kind.engine for kind in costs}) if case.engine_policy == "fleet" else (None,):
        mine = {kind: found for kind, found in costs.items() if engine is None or kind.engine == engine}
        yield _only(case, _chosen(mine, _held(case), len(case.supplies) if most is None else most, len(case.demand)))


def _costs(case: FleetCase) -> dict[Kind, dict[int, int]]:
    """Return, by GPU type and engine, what each service costs there, in micro-dollars an hour of GPUs."""
    each, found = prices_of_gpus(case), dict[Kind, dict[int, int]]()
    for i, item in enumerate(case.items):
        if item.group in each and item.most:
            mine = found.setdefault(_kind_of(case, i), {})
            cost = item.gpus * item.most * each[item.group]
            mine[item.service] = min(mine.get(item.service, cost), cost)
    return found


def _kind_of(case: FleetCase, index: int) -> Kind:
    item = case.items[index]
    gpu = case.supplies[case.supplies_of[item.group][0]].offer.gpu_id
    return Kind(gpu, item.engine if case.engine_policy != "any" else "")


def _held(case: FleetCase) -> frozenset[str]:
    """Return the GPU types of which nodes must be held."""
    held = dict(case.at_least)
    return frozenset(supply.offer.gpu_id for supply in case.supplies if held.get(supply.offer.offer_id))


def _chosen(
    costs: dict[Kind, dict[int, int]], held: frozenset[str], most: int, services: int
) -> tuple[frozenset[Kind], frozenset[str]]:
    """Choose at most so many GPU types, those held among them, with one engine each; return also all types."""
    chosen: list[Kind] = []
    types, served = set(held), dict[int, int]()
    while True:
        free = [kind for kind in costs if kind.gpu not in {one.gpu for one in chosen}
                and len(types | {kind.gpu}) <= most]
        ahead = {kind: _least(served, costs[kind]) for kind in free}
        if not ahead:
            break
        best = min(ahead, key=lambda kind: (services - len(ahead[kind]), sum(ahead[kind].values()), kind))
        if ahead[best] == served:
            break
        chosen, served = [*chosen, best], ahead[best]
        types.add(best.gpu)
    return frozenset(chosen), frozenset(types)


def _least(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    """Return the lesser cost of each service that has any."""
    return one | {service: min(one.get(service, cost), cost) for service, cost in other.items()}


def _only(case: FleetCase, chosen: tuple[frozenset[Kind], frozenset[str]]) -> FleetCase:
    kinds, types = chosen
    items = tuple(
        item if item.most and case.supplies_of[item.group] and _kind_of(case, i) in kinds else replace(item, most=0)
        for i, item in enumerate(case.items))
    supplies = tuple(s if s.offer.gpu_id in types else replace(s, most=0) for s in case.supplies)
    return replace(case, items=items, supplies=supplies)
