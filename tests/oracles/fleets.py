"""Shared fleets by brute force: every number of nodes, every way to fill each node; and the same put to HiGHS."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ortools.math_opt.python import mathopt

from optimizer.candidates import Option
from optimizer.costs import PricedOffer
from tests.oracles.brute_force import Answer
from tests.oracles.instances import Instance


def options_on(problem: Instance, service: int, offer: PricedOffer) -> list[tuple[Option, int, int]]:
    """List (option, GPUs, demand carried) of a service's replicas on an offer, unreduced."""
    target, demand = problem.candidates.targets()[service], problem.candidates.demands[service].amount
    found = [
        (option, option.gpu_count or offer.gpu_count, min(option.speed.amount(target), demand))
        for option in problem.candidates.options_on(service, offer)
    ]
    return [one for one in found if one[2]]


def fillings(
    problem: Instance, offer: PricedOffer, engines: frozenset[str], services: Sequence[int]
) -> set[tuple[int, ...]]:
    """List what the services may get from one node, by every filling of it with replicas of these engines."""
    ways = [(s, gpus, carried) for s in services for option, gpus, carried in options_on(problem, s, offer)
            if option.engine_id in engines]
    demand = [problem.candidates.demands[s].amount for s in services]
    found: set[tuple[int, ...]] = set()

    def fill(room: int, start: int, carried: tuple[int, ...]) -> None:
        found.add(carried)
        for i in range(start, len(ways)):
            service, gpus, amount = ways[i]
            if gpus <= room:
                place = services.index(service)
                more = min(demand[place], carried[place] + amount)
                fill(room - gpus, i, (*carried[:place], more, *carried[place + 1 :]))

    fill(offer.gpu_count, 0, (0,) * len(services))
    return {one for one in found if not any(
        other != one and all(a >= b for a, b in zip(other, one, strict=True)) for other in found)}


def engine_choices(problem: Instance) -> Iterator[dict[str, frozenset[str]]]:
    """Yield, for each GPU type, the engines that may run on it."""
    gpus = sorted({offer.gpu_id for offer in problem.candidates.offers})
    names = sorted({option.engine_id for found in problem.candidates.options.values() for option in found})
    if problem.limits.engine_policy == "any" or not names:
        yield dict.fromkeys(gpus, frozenset(names))
    elif problem.limits.engine_policy == "fleet":
        yield from (dict.fromkeys(gpus, frozenset([name])) for name in names)
    else:
        for chosen in itertools.product(names, repeat=len(gpus)):
            yield {gpu: frozenset([name]) for gpu, name in zip(gpus, chosen, strict=True)}


class Fillings:
    """Whether nodes carry the services, remembered."""

    def __init__(self, problem: Instance, engines: dict[str, frozenset[str]], services: Sequence[int]) -> None:
        self.demand = tuple(problem.candidates.demands[s].amount for s in services)
        self.ways = {
            offer.offer_id: fillings(problem, offer, engines[offer.gpu_id], services)
            for offer in problem.candidates.offers}

    def carry(self, nodes: Iterable[PricedOffer]) -> bool:
        """Say whether some filling of every node gives every service its demand."""
        reached = {(0,) * len(self.demand)}
        for node in nodes:
            reached = {
                tuple(min(d, a + b) for d, a, b in zip(self.demand, one, way, strict=True))
                for one in reached for way in self.ways[node.offer_id]}
        return self.demand in reached


def losses(problem: Instance, nodes: Sequence[PricedOffer]) -> Iterator[list[PricedOffer]]:
    """Yield the nodes as they are, and what each loss leaves."""
    yield list(nodes)
    survive = problem.limits.survive
    for i in range(len(nodes)) if survive.nodes else ():
        yield [*nodes[:i], *nodes[i + 1 :]]
    for parts, asked in ((1, survive.provider), (2, survive.region)):
        for place in {node.place[:parts] for node in nodes} if asked else ():
            yield [node for node in nodes if node.place[:parts] != place]


def brute_cost(problem: Instance, most: int, services: Sequence[int] | None = None) -> int | None:
    """Return the least cost with at most so many nodes of each offer, None where none of those serves all."""
    chosen = tuple(range(len(problem.candidates.demands))) if services is None else tuple(services)
    offers = problem.candidates.offers
    useful = [offer for offer in offers if any(options_on(problem, s, offer) for s in chosen)]
    if not {*problem.limits.at_least} <= {offer.offer_id for offer in useful}:
        return None
    best: int | None = None
    tables = [Fillings(problem, engines, chosen) for engines in engine_choices(problem)]
    ranges = [range(min(most, most if o.stock is None else o.stock) + 1) for o in useful]
    for counts in itertools.product(*ranges):
        cost = sum(offer.micro_usd_per_hour * n for offer, n in zip(useful, counts, strict=True))
        if (best is not None and cost >= best) or not _allowed(problem, useful, counts, cost):
            continue
        nodes = [offer for offer, n in zip(useful, counts, strict=True) for _ in range(n)]
        if any(all(table.carry(left) for left in losses(problem, nodes)) for table in tables):
            best = cost
    return best


def _allowed(problem: Instance, offers: Sequence[PricedOffer], counts: Sequence[int], cost: int) -> bool:
    limits, total = problem.limits, sum(counts)
    pairs = list(zip(offers, counts, strict=True))
    pools: dict[str, int] = defaultdict(int)
    for offer, n in pairs:
        pools[offer.pool] += n
    return (
        all(offer.stock is None or pools[offer.pool] <= offer.stock for offer in offers)
        and all(n >= limits.at_least.get(offer.offer_id, 0) for offer, n in pairs)
        and (problem.budget is None or cost <= problem.budget)
        and limits.nodes.min <= total and (limits.nodes.max is None or total <= limits.nodes.max)
        and (limits.max_gpu_types is None or len({offer.gpu_id for offer, n in pairs if n}) <= limits.max_gpu_types)
        and (limits.power_kw is None or sum(o.watts * n for o, n in pairs) <= round(limits.power_kw * 1000))
    )


def highs_cost(problem: Instance) -> Answer:
    """Put a fleet whose sizes are powers of two to HiGHS, unreduced: replicas by service, offer and option."""
    model = mathopt.Model()
    offers = problem.candidates.offers
    total = sum(demand.amount for demand in problem.candidates.demands)
    nodes = [model.add_integer_variable(lb=0, ub=total if o.stock is None else o.stock) for o in offers]
    used: dict[tuple[int, int], list[mathopt.LinearTypes]] = defaultdict(list)
    for service, demand in enumerate(problem.candidates.demands):
        carried = []
        for i, offer in enumerate(offers):
            for _, gpus, amount in options_on(problem, service, offer):
                replicas = model.add_integer_variable(lb=0, ub=demand.amount)
                used[i, gpus].append(replicas)
                carried.append(amount * replicas)
        if not carried:
            return Answer("infeasible", None)
        model.add_linear_constraint(lb=demand.amount, expr=sum(carried))
    for i, offer in enumerate(offers):
        for least in (1, 2, 4, 8):
            taken = sum(gpus // least * sum(found) for (o, gpus), found in used.items() if o == i and gpus >= least)
            model.add_linear_constraint(ub=0, expr=taken - offer.gpu_count // least * nodes[i])
    cost = sum(offer.micro_usd_per_hour * count for offer, count in zip(offers, nodes, strict=True))
    model.minimize(cost)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(relative_gap_tolerance=0.0))
    if result.termination.reason == mathopt.TerminationReason.OPTIMAL:
        counts = [round(result.variable_values(one)) for one in nodes]
        return Answer("optimal", sum(o.micro_usd_per_hour * n for o, n in zip(offers, counts, strict=True)))
    return Answer("infeasible", None)
