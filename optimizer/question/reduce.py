"""Exact reductions: supplies and stays that no cheapest plan needs are dropped before any solver sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from optimizer.question.question import Question, Stay, Supply

Span = tuple[int, int]
"""First period of a stay and the one after its last."""

Able = tuple[int, str, int]
"""Service, engine where a rule looks at it, GPUs of a replica (0: the whole node)."""

ENDLESS = 10**30
"""A price that nothing has: no chain leads there."""


@dataclass(frozen=True)
class _Node:
    """One node of a supply, by what other nodes must match to take its place."""

    supply: Supply
    number: int
    price: dict[Span, Stay]
    able: dict[Able, tuple[int, ...]]
    """What one use carries: of the mix, or of each class."""


def reduced(question: Question) -> Question:
    """Drop every supply, and every stay, that others no dearer replace node for node.

    A node gives way to a node of the other supply over the same periods, so that counts of nodes stay the same and
    every rule on capacity still holds; the other never runs short, draws no more power, takes no more from any purse,
    and is lost together with the same nodes where losses are survived with spare nodes.
    """
    return _without_dear_stays(without_dear_supplies(question))


def without_dear_supplies(question: Question) -> Question:
    """Drop every supply that another replaces over all its stays."""
    kept = _undominated(question)
    if len(kept) == len(question.supplies):
        return question
    place = {number: i for i, number in enumerate(kept)}
    stays = tuple(replace(stay, supply=place[stay.supply]) for stay in question.stays if stay.supply in place)
    hosts = {question.supplies[number].host for number in kept}
    ways = tuple(way for way in question.ways if way.host in hosts)
    return replace(question, supplies=tuple(question.supplies[n] for n in kept), stays=stays, ways=ways)


def is_short(question: Question, supply: Supply) -> bool:
    """Say whether a supply may run short."""
    return any(pool in question.stock for pool in supply.pools)


def _undominated(question: Question) -> list[int]:
    """Return the supplies that no other replaces, by position."""
    prices: dict[int, dict[Span, Stay]] = defaultdict(dict)
    for stay in question.stays:
        span = (stay.first, stay.last)
        if span not in prices[stay.supply] or stay.price < prices[stay.supply][span].price:
            prices[stay.supply][span] = stay
    nodes = [
        _Node(supply, number, prices[number], _able(question, supply))
        for number, supply in enumerate(question.supplies) if prices[number]]
    nodes.sort(key=lambda node: (sum(stay.price for stay in node.price.values()) / len(node.price),
                                 node.supply.offer.offer_id))
    kept: dict[Hashable, list[_Node]] = defaultdict(list)
    held, found = dict(question.at_least), []
    for node in nodes:
        scope = _scope(question, node.supply)
        if node.supply.offer.offer_id not in held and node.supply.group is None and any(
                _replaces(question, other, node) for other in kept[scope]):
            continue
        found.append(node.number)
        if not is_short(question, node.supply):
            kept[scope].append(node)
    return sorted(found)


def _scope(question: Question, supply: Supply) -> Hashable:
    """Return what two supplies must share for one to replace the other, by the rules in force."""
    offer = supply.offer
    by_gpu = question.max_gpu_types is not None or question.engine_policy == "per_gpu"
    gpu, _, _, place, spot = supply.host
    shared = any(question.ways[way].gpus for way in question.ways_of.get(supply.host, ()))
    lost = offer.place if question.replaced and (question.lose_provider or question.lose_region) else ()
    billed = offer.provider if any(purse.bill is not None for purse in question.purses) else ""
    return (gpu if by_gpu or shared else "", place, spot, lost, billed,
            supply.gpus if question.replaced and question.lose_nodes else 0)


def _able(question: Question, supply: Supply) -> dict[Able, tuple[int, ...]]:
    found: dict[Able, tuple[int, ...]] = {}
    for position in question.ways_of.get(supply.host, ()):
        way = question.ways[position]
        if way.gpus <= supply.gpus:
            engine = way.engine if question.engine_policy != "any" or way.classes else ""
            key = (way.service, f"{engine} {way.option.order}" if way.classes else engine, way.gpus)
            found[key] = max(found.get(key, ()), way.classes or (way.capacity,))
    return found


def _replaces(question: Question, other: _Node, node: _Node) -> bool:
    """Say whether nodes of one supply do all that a node of another does, for no more money of any kind.

    One for one; or several cheaper ones together, where no rule counts nodes and each runs whole services: a lost one
    of them is less than the other lost.
    """
    if not node.able.keys() <= other.able.keys() or not _is_cheaper(other, next(iter(node.price.values())), 1):
        return False
    whole = not any(gpus for _, _, gpus in node.able)
    if not whole and other.supply.gpus < node.supply.gpus:
        return False
    times = _times(other, node) if whole and question.max_nodes is None else 1
    if question.watts is not None and other.supply.watts * times > node.supply.watts:
        return False
    for key, amounts in node.able.items():
        if any(less > held * times for less, held in zip(amounts, other.able[key], strict=True)):
            return False
    return all(_is_cheaper(other, stay, times) for stay in node.price.values())


def _times(other: _Node, node: _Node) -> int:
    """Return how many nodes of one supply cost less than one of another over each of its stays; at least one."""
    found = []
    for stay in node.price.values():
        parts = _parts(other, stay)
        each = sum(part.price for part in parts)
        found.append(-(-stay.price // each) - 1 if each else 1)
    return max(1, min(found, default=1))


def _parts(other: _Node, stay: Stay) -> list[Stay]:
    """Return the stays of another supply that cover the periods of one; empty where none do."""
    same = other.price.get((stay.first, stay.last))
    if same is not None:
        return [same]
    parts = [other.price.get((period, period + 1)) for period in range(stay.first, stay.last)]
    return [part for part in parts if part is not None] if all(parts) else []


def _is_cheaper(other: _Node, stay: Stay, times: int) -> bool:
    """Say whether so many nodes of another supply cover a stay for no more money, from no purse more."""
    parts = _parts(other, stay)
    if not parts or sum(part.price for part in parts) * times > stay.price:
        return False
    taken: dict[Hashable, int] = defaultdict(int)
    for part in parts:
        for name, amount in part.spends:
            taken[name] += amount * times
    allowed = dict(stay.spends)
    return all(amount <= allowed.get(name, 0) for name, amount in taken.items())


def _without_dear_stays(question: Question) -> Question:
    """Drop every stay that a chain of others on the same host, which never run short, covers for less money.

    Links overlap only where no rule counts nodes. Where purchases are capped, or power, or GPU types over the plan,
    links are of the same kind of supply; where a purse is billed, or running costs are capped, nothing is dropped, as a
    chain may take more. A dropped stay is dearer than its chain, whose links are no dearer than any way between their
    ends, so that no link is itself dropped.
    """
    if len(question.periods) < 2 or any(
            purse.bill is not None or (isinstance(purse.name, tuple) and purse.name[0] == "opex")
            for purse in question.purses):
        return question
    chains: dict[Hashable, list[list[int]]] = {}
    kept, held = [], dict(question.at_least)
    for stay in question.stays:
        supply = question.supplies[stay.supply]
        key = (supply.host, supply.gpus, _scope(question, supply))
        if key not in chains:
            chains[key] = _cheapest_chains(question, key)
        if stay.price <= chains[key][stay.first][stay.last] or supply.offer.offer_id in held:
            kept.append(stay)
    return replace(question, stays=tuple(kept))


def _cheapest_chains(question: Question, key: Hashable) -> list[list[int]]:
    """Return the least cost of a chain of stays by the periods that it covers, [first][last]."""
    periods = len(question.periods)
    plain = any(purse.cap is not None for purse in question.purses) or question.watts is not None
    cost = [[ENDLESS] * (periods + 1) for _ in range(periods + 1)]
    for stay in question.stays:
        supply = question.supplies[stay.supply]
        if is_short(question, supply) or (supply.host, supply.gpus, _scope(question, supply)) != key:
            continue
        if not (plain and supply.bought):
            cost[stay.first][stay.last] = min(cost[stay.first][stay.last], stay.price)
    if question.max_nodes is None:
        _widen(cost, periods)
    for span in range(2, periods + 1):
        for first in range(periods - span + 1):
            last = first + span
            joined = min(cost[first][middle] + cost[middle][last] for middle in range(first + 1, last))
            cost[first][last] = min(cost[first][last], joined)
    return cost


def _widen(cost: list[list[int]], periods: int) -> None:
    """Let a stay that begins earlier or ends later cover the periods between."""
    for span in range(periods - 1, 0, -1):
        for first in range(periods - span + 1):
            last = first + span
            earlier = cost[first - 1][last] if first else ENDLESS
            later = cost[first][last + 1] if last < periods else ENDLESS
            cost[first][last] = min(cost[first][last], earlier, later)
