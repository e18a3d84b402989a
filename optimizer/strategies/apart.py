"""Services of one period on nodes of their own, answered one by one: exact where the rules that they share happen to
hold for all.

No plan of all services costs less than the cheapest of each together, so that these are the optimum if they keep the
shared rules: stock, node limits, GPU types, engines, power, capped sums, the budget. Over several periods this is not
so, as a node may serve one service by day and another by night.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace

from optimizer.question.money import cost_of
from optimizer.question.question import Host, Question, Situation
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found

Solve = Callable[[Question, Effort, bool], Found]

WayKey = tuple[int, Host, int, tuple[object, ...]]
"""Service, host, GPUs and option: the same in a question and in its reduction."""


def falls_apart(question: Question) -> bool:
    """Say whether several services ask in one period for nodes of their own, and nothing held or billed is of all."""
    several = len(question.periods) == 1 and sum(map(bool, question.periods[0].demand)) > 1
    alone = several and not question.replaced and not any(way.gpus for way in question.ways)
    held = question.at_least or question.hosted or question.cut_costs or any(
        purse.bill is not None for purse in question.purses)
    return alone and not held


def by_services(question: Question, effort: Effort, reduce: bool, solve: Solve) -> Found:
    """Answer each service by itself; unknown, with a bound, where the plans together break a shared rule."""
    free = replace(question, min_nodes=0, budget=None)
    parts: list[Found] = []
    for service in range(question.services):
        part = solve(_only(free, service), effort, reduce)
        if part.status == "infeasible":
            return replace(part, question=question, nodes=(), uses={})
        parts.append(part)
    bound = sum(part.bound for part in parts)
    if question.budget is not None and bound > question.budget:
        return Found("infeasible", question, method="apart")
    if not all(part.has_plan for part in parts):
        return Found("unknown", question, bound=bound)
    nodes, uses = _together(question, parts)
    if not keeps_shared_rules(question, nodes, uses):
        return Found("unknown", question, bound=bound)
    cost = cost_of(question, nodes)
    return Found("optimal" if bound >= cost else "feasible", question, nodes, uses, {}, cost, min(bound, cost), "apart")


def _only(question: Question, service: int) -> Question:
    """Return the question of one service, with what can serve it alone."""
    part = question.without([other for other in range(question.services) if other != service])
    return replace(part, ways=tuple(way for way in question.ways if way.service == service))


def _together(
    question: Question, parts: list[Found]
) -> tuple[tuple[int, ...], dict[tuple[Situation, int], int]]:
    """Add up nodes and uses of several answers, in the whole question's order."""
    place = {_way_key(question, i): i for i in range(len(question.ways))}
    bought: Counter[tuple[Hashable, ...]] = Counter()
    uses: dict[tuple[Situation, int], int] = defaultdict(int)
    for part in parts:
        for stay, count in zip(part.question.stays, part.nodes, strict=True):
            bought[_stay_key(part.question, stay.supply, stay.first, stay.last)] += count
        for (situation, way), count in part.uses.items():
            uses[situation, place[_way_key(part.question, way)]] += count
    nodes = []
    for stay in question.stays:  # two stays of one key are alike: the first takes all
        nodes.append(bought.pop(_stay_key(question, stay.supply, stay.first, stay.last), 0))
    return tuple(nodes), dict(uses)


def _stay_key(question: Question, supply: int, first: int, last: int) -> tuple[Hashable, ...]:
    one = question.supplies[supply]
    return one.offer.offer_id, one.group, first, last


def _way_key(question: Question, way: int) -> WayKey:
    one = question.ways[way]
    return one.service, one.host, one.gpus, one.option.order


def keeps_shared_rules(question: Question, nodes: tuple[int, ...], uses: dict[tuple[Situation, int], int]) -> bool:
    """Say whether plans of single services, taken together, keep the rules that look at all of them."""
    if question.budget is not None and cost_of(question, nodes) > question.budget:
        return False
    spent: Counter[Hashable] = Counter()
    for stay, count in zip(question.stays, nodes, strict=True):
        for name, amount in stay.spends:
            spent[name] += amount * count
    if any(purse.cap is not None and spent[purse.name] > purse.cap for purse in question.purses):
        return False
    engines: dict[str, set[str]] = defaultdict(set)
    for (_, way), count in uses.items():
        one = question.ways[way]
        if count:
            engines[one.option.gpu_id if question.engine_policy == "per_gpu" else ""].add(one.engine)
    if question.engine_policy != "any" and any(len(names) > 1 for names in engines.values()):
        return False
    used = [(question.supplies[stay.supply], count) for stay, count in zip(question.stays, nodes, strict=True) if count]
    total, watts = sum(nodes), sum(supply.watts * count for supply, count in used)
    types = {supply.offer.gpu_id for supply, _ in used}
    return (
        question.min_nodes <= total and (question.max_nodes is None or total <= question.max_nodes)
        and (question.watts is None or watts <= question.watts)
        and (question.max_gpu_types is None or len(types) <= question.max_gpu_types)
        and _keeps_stock(question, nodes))


def _keeps_stock(question: Question, nodes: tuple[int, ...]) -> bool:
    """Say whether no pool gives more than it holds."""
    taken: Counter[str] = Counter()
    for stay, count in zip(question.stays, nodes, strict=True):
        taken.update(dict.fromkeys(question.supplies[stay.supply].pools, count))
    return all(count <= question.stock.get(pool, count) for pool, count in taken.items())
