"""Every plan of a tiny problem, one after the other, held against every rule in plain Python."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.candidates import Option, StatedCapacity
from optimizer.costs import PricedOffer
from optimizer.schema.problem import Contract
from tests.oracles.instances import Instance, random_instance


@dataclass(frozen=True)
class Way:
    """One kind of node: an offer that runs one option for its service, or is held and runs nothing."""

    offer: PricedOffer
    option: Option
    carries: int
    """Demand one node carries at the target."""

    def carries_at(self, tokens_per_s: float) -> int:
        """Return the demand that one node carries at another speed."""
        return (self.offer.gpu_count // self.option.gpu_count) * self.option.speed.amount(tokens_per_s)


Nodes = tuple[tuple[Way, int], ...]
"""A plan: how many nodes of which kind."""


@dataclass(frozen=True)
class Answer:
    """Status and cost in micro-dollars an hour."""

    status: str
    cost: int | None


IDLE = -1
"""The service of nodes that are held and serve none."""


def idle_ways(problem: Instance) -> list[Way]:
    """List the kinds of node that must be held, serving nothing."""
    nothing = StatedCapacity(0, math.inf, None)
    return [
        Way(offer, Option(IDLE, offer.gpu_id, "", "", 1, offer.gpu_count, nothing), 0)
        for offer in problem.candidates.offers if offer.offer_id in problem.limits.at_least]


def ways_of(problem: Instance) -> list[Way]:
    """List all kinds of node, the least capacity for the money first, so that a good plan is met early."""
    found = [
        Way(offer, option, (offer.gpu_count // option.gpu_count) * option.speed.amount(target))
        for service, target in enumerate(problem.candidates.targets())
        for offer in problem.candidates.offers
        for option in problem.candidates.options.get((service, offer.gpu_id), ())
        if option.gpu_count <= offer.gpu_count
    ]
    serving = [way for way in found if way.carries]
    return [*sorted(serving, key=lambda way: -way.offer.micro_usd_per_hour / way.carries), *idle_ways(problem)]


def cost_of(nodes: Nodes, problem: Instance) -> int:
    """Return micro-dollars an hour, as providers with a contract bill them."""
    total = 0
    for provider in {way.offer.provider for way, _ in nodes} | problem.limits.contracts.keys():
        mine = [(way, count) for way, count in nodes if way.offer.provider == provider and count]
        spend = sum(way.offer.micro_usd_per_hour * count for way, count in mine)
        contract = problem.limits.contracts.get(provider)
        total += spend if contract is None else billed(contract, spend, bool(mine))
    return total


def billed(contract: Contract, spend: int, used: bool) -> int:
    """Return a bill, dollar by dollar: each micro-dollar is charged at the discount of the tier that it lies in."""
    if not used and not contract.signed:
        return 0
    marks = [(micro(tier.above_usd_per_month), Fraction(str(tier.discount_fraction))) for tier in contract.tiers]
    due = Fraction(0)
    for number, (low, discount) in enumerate([(0, Fraction(0)), *marks]):
        high = marks[number][0] if number < len(marks) else spend
        due += max(0, min(spend, high) - low) * (1 - discount)
    return max(micro(contract.minimum_usd_per_month), math.ceil(due)) + micro(contract.fee_usd_per_month)


def micro(usd_per_month: float) -> int:
    """Return micro-dollars an hour, rounded up."""
    return math.ceil(Fraction(str(usd_per_month)) * 1_000_000 / 730)


def left_after_losses(carried: Sequence[tuple[int, int, str, str]], problem: Instance) -> int:
    """Return what is carried after the worst loss to survive, from (capacity, nodes, provider, region)."""
    survive = problem.limits.survive
    each = sorted(capacity for capacity, count, _, _ in carried for _ in range(count))
    outcomes = [sum(each[: max(0, len(each) - survive.nodes)])]
    if survive.provider:
        outcomes += [sum(c * n for c, n, name, _ in carried if name != lost) for _, _, lost, _ in carried]
    if survive.region:
        places = [(provider, region) for _, _, provider, region in carried]
        outcomes += [sum(c * n for c, n, p, r in carried if (p, r) != lost) for lost in places]
    return min(outcomes)


def serves(nodes: Nodes, problem: Instance, service: int, tokens_per_s: float | None = None) -> bool:
    """Say whether a service gets its demand, after every loss to survive, at its target or at another speed."""
    speed = problem.candidates.targets()[service] if tokens_per_s is None else tokens_per_s
    carried = [
        (way.carries_at(speed), count, way.offer.provider, way.offer.region)
        for way, count in nodes if way.option.service == service
    ]
    demand = problem.candidates.demands[service].amount
    return left_after_losses(carried, problem) >= demand and firm_enough(nodes, problem, service, speed)


def firm_enough(nodes: Nodes, problem: Instance, service: int, tokens_per_s: float) -> bool:
    """Say whether the nodes that are not spot carry their share of a demand."""
    share = problem.limits.spot_share_fraction
    firm = sum(
        way.carries_at(tokens_per_s) * count for way, count in nodes
        if way.option.service == service and way.offer.kind != "spot")
    demand = problem.candidates.demands[service].amount
    return share is None or firm >= (1 - Fraction(str(share))) * demand


def beyond_repair(nodes: Nodes, problem: Instance) -> bool:
    """Say whether a rule is broken that further nodes cannot mend."""
    limits, used = problem.limits, [(way, count) for way, count in nodes if count]
    if problem.budget is not None and not problem.limits.contracts and cost_of(nodes, problem) > problem.budget:
        return True
    if limits.nodes.max is not None and sum(count for _, count in used) > limits.nodes.max:
        return True
    if limits.max_gpu_types is not None and len({way.offer.gpu_id for way, _ in used}) > limits.max_gpu_types:
        return True
    pairs = {(way.offer.gpu_id, way.option.engine_id) for way, _ in used if way.carries}
    if limits.engine_policy == "fleet" and len({engine for _, engine in pairs}) > 1:
        return True
    if limits.engine_policy == "per_gpu" and len(pairs) > len({gpu for gpu, _ in pairs}):
        return True
    if limits.power_kw is not None and sum(w.offer.watts * n for w, n in used) > round(limits.power_kw * 1000, 6):
        return True
    taken: dict[str, int] = defaultdict(int)
    for way, count in used:
        taken[way.offer.offer_id] += count
    return any(way.offer.stock is not None and taken[way.offer.offer_id] > way.offer.stock for way, _ in used)


def stands(nodes: Nodes, problem: Instance) -> bool:
    """Say whether a plan keeps every rule."""
    if beyond_repair(nodes, problem) or sum(count for _, count in nodes) < problem.limits.nodes.min:
        return False
    if not holds(nodes, problem):
        return False
    if problem.budget is not None and cost_of(nodes, problem) > problem.budget:
        return False
    return all(serves(nodes, problem, service) for service in range(len(problem.candidates.demands)))


def holds(nodes: Nodes, problem: Instance) -> bool:
    """Say whether the nodes that the plan must hold are there."""
    counts: dict[str, int] = defaultdict(int)
    for way, count in nodes:
        counts[way.offer.offer_id] += count
    return all(counts[offer_id] >= least for offer_id, least in problem.limits.at_least.items())


def enough_of(way: Way, problem: Instance) -> int:
    """Return a number of nodes beyond which no plan needs to go: they alone serve, even with some lost."""
    held, limits = problem.limits.at_least.get(way.offer.offer_id, 0), problem.limits
    if not way.carries:
        return held
    demand = problem.candidates.demands[way.option.service].amount
    return -(-demand // way.carries) + limits.survive.nodes + limits.nodes.min + held


def plan_count(problem: Instance) -> int:
    """Return how many plans there are to go through at most."""
    return math.prod(enough_of(way, problem) + 1 for way in ways_of(problem))


def plans(problem: Instance) -> Iterator[Nodes]:
    """Yield plans that stand, each no dearer than those before it."""
    ways = ways_of(problem)
    best: int | None = None

    def walk(index: int, nodes: Nodes, cost: int) -> Iterator[Nodes]:
        nonlocal best
        if index == len(ways):
            if stands(nodes, problem):
                best = None if problem.limits.contracts else cost  # a discount may make more nodes cheaper
                yield nodes
            return
        way = ways[index]
        for count in range(enough_of(way, problem) + 1):
            spent = cost + count * way.offer.micro_usd_per_hour
            taken = (*nodes, (way, count)) if count else nodes
            if (best is not None and spent > best) or (count and beyond_repair(taken, problem)):
                return
            yield from walk(index + 1, taken, spent)

    yield from walk(0, (), 0)


def cheapest(problem: Instance) -> Answer:
    """Return the status and the cost of the cheapest plan."""
    costs = [cost_of(nodes, problem) for nodes in plans(problem)]
    return Answer("optimal", min(costs)) if costs else Answer("infeasible", None)


def cheapest_plans(problem: Instance) -> list[Nodes]:
    """List every plan of least cost."""
    found = list(plans(problem))
    least = min((cost_of(nodes, problem) for nodes in found), default=0)
    return [nodes for nodes in found if cost_of(nodes, problem) == least]


def plan_speed(nodes: Nodes, problem: Instance, service: int) -> float:
    """Return the largest speed at which a plan still serves a service with every node of it, tried level by level."""
    target = problem.candidates.targets()[service]
    mine = [way for way, _ in nodes if way.option.service == service]
    levels = {speed for way in mine for speed, _ in way.option.speed.levels if speed > target}  # type: ignore[union-attr]
    kept = [
        level for level in levels
        if all(way.carries_at(level) for way in mine) and serves(nodes, problem, service, level)
    ]
    return max([target, *kept])


def first_in_every_tie_break(problem: Instance) -> dict[tuple[int, str], int] | None:
    """Return the nodes by (service, offer) of the plan that comes first: cost, speed, fewest nodes, first offers by id.

    Stated for problems with one option an offer.
    """
    found = cheapest_plans(problem)
    services = range(len(problem.candidates.demands))
    keys = sorted((way.option.service, way.offer.offer_id) for way in ways_of(problem) if way.carries)

    def rank(nodes: Nodes) -> tuple[object, ...]:
        counts = {(way.option.service, way.offer.offer_id): count for way, count in nodes}
        speeds = tuple(-plan_speed(nodes, problem, service) for service in services)
        idle = sum(count for way, count in nodes if not way.carries)
        return (idle, speeds, sum(counts.values()), tuple(-counts.get(key, 0) for key in keys))

    first = min(found, key=rank, default=())
    return {(way.option.service, way.offer.offer_id): count for way, count in first} or None


MOST_PLANS = 20_000
"""Problems with more are left to HiGHS."""


def small_instance(rng: random.Random, rules: Iterable[str] = (), **sizes: Any) -> Instance:
    """Draw a problem that brute force goes through at once."""
    while True:
        problem = random_instance(rng, rules, **sizes)
        if plan_count(problem) <= MOST_PLANS:
            return problem
