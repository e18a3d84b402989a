"""Problems of services that route their classes apart: made by hand or at random, tried one by one, put to HiGHS."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ortools.math_opt.python import mathopt

from optimizer.candidates import Option, RoutedSpeed
from optimizer.costs import PricedOffer
from optimizer.demand import class_demands
from optimizer.schema.problem import Demand, RequestClass, Service, Slo
from tests.oracles.brute_force import Answer, billed, idle_ways
from tests.oracles.instances import TARGET, Instance, Steps, instance, offer, random_limits, random_steps


@dataclass(frozen=True)
class Alone(Steps):
    """A replica that serves one class alone, as `ReplicaSpeed` tells it: so many in flight up to a speed."""

    @property
    def classes(self) -> tuple[Alone, ...]:
        return (self,)

    def concurrency(self, tokens_per_s: float) -> int:
        return self.amount(tokens_per_s)

    def speed(self, count: int) -> float:
        return max(speed for speed, amount in self.levels if amount >= count)


Capacity = int | Sequence[tuple[float, int]] | None


def routes(
    gpu: str, capacities: Sequence[Capacity], *, engine: str = "vllm", service: int = 0, footprint: int = 1,
) -> Option:
    """Say what one replica carries of each class alone: a number at the target, (speed, amount) steps, or nothing."""
    alone = tuple(
        None if one is None else Alone(((TARGET, one),) if isinstance(one, int) else tuple(one)) for one in capacities)
    return Option(service=service, gpu_id=gpu, engine_id=engine, precision="bf16", tp_size=footprint,
                  gpu_count=footprint, speed=RoutedSpeed(alone))  # type: ignore[arg-type]


def routed_service(shares: Sequence[float], demand: int, name: str = "service-0") -> Service:
    """Make a service whose classes all have 100 output tokens, so that requests in flight split by their shares."""
    workload = tuple(
        RequestClass(isl_tokens=100 * (i + 1), osl_tokens=100, share_fraction=share)
        for i, share in enumerate(shares))
    return Service(service_id=name, model="some-model", slo=Slo(tokens_per_s_per_user=TARGET), workload=workload,
                   headroom_fraction=0.0, demand=Demand(peak_concurrency=demand), routing="by_class")


def routed_instance(
    offers: Sequence[PricedOffer], options: Sequence[Option], shares: Sequence[float], demand: int, **limits: Any
) -> Instance:
    """Put offers and options of one service with routed classes together."""
    made = instance(offers, options, [demand], **limits)
    return replace(made, candidates=replace(made.candidates, services=(routed_service(shares, demand),)))


Nodes = tuple[int, ...]
Kind = tuple[PricedOffer, Option, tuple[int, ...]]
"""An offer that runs an option, and what a node carries of each class alone."""


def kinds_of(problem: Instance) -> list[Kind]:
    """List the kinds of node."""
    found = []
    for one in problem.candidates.offers:
        for option in problem.candidates.options.get((0, one.gpu_id), ()):
            replicas = one.gpu_count // option.gpu_count
            carried = tuple(replicas * amount for amount in option.speed.amounts(TARGET))  # type: ignore[union-attr]
            if any(carried):
                found.append((one, option, carried))
    nothing = (0,) * len(parts_of(problem))
    return [*found, *((way.offer, way.option, nothing) for way in idle_ways(problem))]


def parts_of(problem: Instance) -> tuple[Fraction, ...]:
    """Return the demand of each class."""
    return class_demands(problem.candidates.services[0], problem.candidates.demands[0].amount)


def fits(kinds: Sequence[Kind], counts: Sequence[int], parts: Sequence[Fraction]) -> bool:
    """Say whether classes can be split over nodes, by a linear program in floating point."""
    model, used = mathopt.Model(), [i for i, count in enumerate(counts) if count]
    loads: dict[int, Any] = dict.fromkeys(used, 0.0)
    over = model.add_variable(lb=0.0)
    for k, part in enumerate(parts):
        able = [i for i in used if kinds[i][2][k]]
        if not able:
            return False
        shares = {i: model.add_variable(lb=0.0) for i in able}
        model.add_linear_constraint(sum(shares.values()) == 1.0)
        for i, share in shares.items():
            loads[i] += float(part / kinds[i][2][k]) * share
    for i in used:
        model.add_linear_constraint(loads[i] - over <= counts[i])
    model.minimize(over)
    return bool(mathopt.solve(model, mathopt.SolverType.GLOP).objective_value() <= 1e-7)


def losses_of(problem: Instance, kinds: Sequence[Kind], counts: Nodes) -> Iterator[Nodes]:
    """Yield what is left after no loss, and after each loss to survive."""
    survive = problem.limits.survive
    yield counts
    if survive.nodes:
        each = [i for i, count in enumerate(counts) for _ in range(count)]
        for gone in set(itertools.combinations(each, min(survive.nodes, len(each)))):
            yield tuple(count - gone.count(i) for i, count in enumerate(counts))
    for asked, parts in ((survive.provider, 1), (survive.region, 2)):
        for lost in {kind[0].place[:parts] for kind in kinds} if asked else ():
            yield tuple(0 if kind[0].place[:parts] == lost else n for kind, n in zip(kinds, counts, strict=True))


def stands(problem: Instance, kinds: Sequence[Kind], counts: Nodes) -> bool:
    """Say whether nodes keep every rule."""
    limits, used = problem.limits, [(kind, n) for kind, n in zip(kinds, counts, strict=True) if n]
    taken: dict[str, int] = {}
    for (one, _, _), count in used:
        taken[one.offer_id] = taken.get(one.offer_id, 0) + count
    stocks = {one.offer_id: one.stock for one, _, _ in kinds}
    engines = {(one.gpu_id if limits.engine_policy == "per_gpu" else "", o.engine_id)
               for (one, o, carried), _ in used if any(carried)}
    watts = sum(one.watts * count for (one, _, _), count in used)
    kept = (
        all((stock := stocks[name]) is None or count <= stock for name, count in taken.items()),
        problem.budget is None or cost_of(problem, kinds, counts) <= problem.budget,
        limits.nodes.min <= sum(counts) <= (limits.nodes.max or math.inf),
        limits.max_gpu_types is None or len({one.gpu_id for (one, _, _), _ in used}) <= limits.max_gpu_types,
        limits.engine_policy == "any" or len(engines) == len({scope for scope, _ in engines}),
        limits.power_kw is None or watts <= round(limits.power_kw * 1000, 6),
        all(taken.get(name, 0) >= least for name, least in limits.at_least.items()),
    )
    return all(kept) and all(fits(kinds, left, parts_of(problem)) for left in losses_of(problem, kinds, counts))


def cost_of(problem: Instance, kinds: Sequence[Kind], counts: Nodes) -> int:
    """Return micro-dollars an hour, as providers with a contract bill them."""
    spend: dict[str, int] = {}
    for (one, _, _), count in zip(kinds, counts, strict=True):
        if count:
            spend[one.provider] = spend.get(one.provider, 0) + one.micro_usd_per_hour * count
    contracts = problem.limits.contracts
    return sum(
        billed(contracts[name], spend.get(name, 0), name in spend) if name in contracts else spend[name]
        for name in spend.keys() | contracts.keys())


def most_of(problem: Instance, kind: Kind) -> int:
    """Return a number of nodes beyond which no plan needs to go."""
    if not any(kind[2]):
        return problem.limits.at_least[kind[0].offer_id]
    load = sum((part / one for part, one in zip(parts_of(problem), kind[2], strict=True) if one), Fraction(0))
    limits = problem.limits
    most = math.ceil(load) + limits.survive.nodes + limits.nodes.min + limits.at_least.get(kind[0].offer_id, 0)
    return most if kind[0].stock is None else min(most, kind[0].stock)


def cheapest_routed(problem: Instance) -> Answer:
    """Return status and cost of the cheapest plan, every number of nodes tried in rising cost."""
    kinds = kinds_of(problem)
    everything = itertools.product(*(range(most_of(problem, kind) + 1) for kind in kinds))
    for counts in sorted(everything, key=lambda one: cost_of(problem, kinds, one)):
        if problem.budget is not None and cost_of(problem, kinds, counts) > problem.budget:
            break
        if stands(problem, kinds, counts):
            return Answer("optimal", cost_of(problem, kinds, counts))
    return Answer("infeasible", None)


def plan_count(problem: Instance) -> int:
    """Return how many plans there are to go through at most."""
    return math.prod(most_of(problem, kind) + 1 for kind in kinds_of(problem))


def random_routed(
    rng: random.Random, rules: Iterable[str] = (), *, offers: int = 3, classes: int = 2, demand: int = 12,
    largest: int = 6, price: int = 12,
) -> Instance:
    """Draw a small problem; some kinds of node carry none of some class."""
    active = frozenset(rules)
    gpus = ["ant", "bee", "cat"][: rng.randint(1, 3)]
    made = [
        offer(
            f"o{i}", rng.randint(1, price), gpu=rng.choice(gpus), gpus=rng.choice([1, 1, 2]),
            provider=rng.choice(["acme", "bolt", "core"]), region=rng.choice(["east", "west"]),
            stock=rng.choice([None, 1, 2, 3]) if "respect_stock" in active else None,
            watts=rng.choice([0, 300, 700]) if "cap_power" in active else 0)
        for i in range(rng.randint(2, offers))
    ]
    options = {}
    for gpu in gpus:
        for _ in range(rng.randint(1, 2)):
            capacities = [None if rng.random() < 0.25 else random_steps(rng, largest) for _ in range(classes)]
            drawn = routes(gpu, capacities, engine=rng.choice(["sglang", "vllm"]), footprint=rng.choice([1, 1, 2]))
            options[gpu, drawn.order] = drawn
    cuts = sorted(rng.sample(range(1, 10), classes - 1))
    shares = [(high - low) / 10 for low, high in zip([0, *cuts], [*cuts, 10], strict=True)]
    limits = random_limits(rng, active, price * demand)
    return routed_instance(made, list(options.values()), shares, rng.randint(1, demand), **limits)


def highs_routed(problem: Instance) -> Answer:
    """Return status and cost by HiGHS: whole nodes, shares of every class free; losses of single nodes are left out."""
    kinds, parts, limits = kinds_of(problem), parts_of(problem), problem.limits
    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=most_of(problem, kind)) for kind in kinds]
    lost_places = [None]
    for asked, width in ((limits.survive.provider, 1), (limits.survive.region, 2)):
        lost_places += sorted({kind[0].place[:width] for kind in kinds}) if asked else []  # type: ignore[arg-type]
    for lost in lost_places:
        _split(model, kinds, nodes, parts, lost)
    for name in {kind[0].offer_id for kind in kinds}:
        mine = [(kind, x) for kind, x in zip(kinds, nodes, strict=True) if kind[0].offer_id == name]
        if mine[0][0][0].stock is not None:
            model.add_linear_constraint(ub=mine[0][0][0].stock, expr=sum(x for _, x in mine))
    cost = sum(kind[0].micro_usd_per_hour * x for kind, x in zip(kinds, nodes, strict=True))
    if problem.budget is not None:
        model.add_linear_constraint(ub=problem.budget, expr=cost + 0.0)
    model.add_linear_constraint(lb=limits.nodes.min, expr=sum(nodes) + 0.0)
    if limits.nodes.max is not None:
        model.add_linear_constraint(ub=limits.nodes.max, expr=sum(nodes) + 0.0)
    model.minimize(cost)
    params = mathopt.SolveParameters(relative_gap_tolerance=0.0)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=params)
    if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
        return Answer("infeasible", None)
    counts = tuple(round(result.variable_values(x)) for x in nodes)
    return Answer("optimal", cost_of(problem, kinds, counts))


def _split(model: Any, kinds: Sequence[Kind], nodes: Sequence[Any], parts: Sequence[Fraction], lost: Any) -> None:
    """All of every class is served by the nodes that are left."""
    left = [i for i, kind in enumerate(kinds) if lost is None or kind[0].place[: len(lost)] != lost]
    loads: dict[int, Any] = dict.fromkeys(left, 0.0)
    for k, part in enumerate(parts):
        shares = {i: model.add_variable(lb=0.0) for i in left if kinds[i][2][k]}
        model.add_linear_constraint(lb=1.0, ub=1.0, expr=sum(shares.values()) + 0.0)
        for i, share in shares.items():
            loads[i] += float(part / kinds[i][2][k]) * share
    for i in left:
        model.add_linear_constraint(ub=0.0, expr=loads[i] - nodes[i])
