"""v*: the largest speed at which the nodes of a plan still carry the demand, found by leaps, checked level by level."""

from __future__ import annotations

import random

import pytest

from optimizer.load import load_catalog, load_problem
from optimizer.schema.problem import NodeCount, Survive
from optimizer.solve import Prepared, Solution, SolveSettings, achieved_speed, prepare, solve_at
from tests.oracles import Instance, instance, offer, plan_speed, runs
from tests.oracles.brute_force import Nodes, ways_of


def as_nodes(found: Solution, problem: Instance) -> Nodes:
    counts = {(c.row.service, c.row.rank): c.nodes for c in found.chosen}
    return tuple(
        (way, counts[key]) for way in ways_of(problem)
        if (key := (way.option.service, (way.offer.offer_id, *way.option.order))) in counts
    )


def reached(problem: Instance, service: int = 0) -> float:
    found = problem.solve_for_cost()
    return achieved_speed(found, service, problem.candidates.demands[service].amount)


STEPS = ((10.0, 8), (20.0, 5), (30.0, 4), (40.0, 1))
"""8 requests up to 10 tokens/s, 5 up to 20, 4 up to 30, 1 up to 40."""


@pytest.mark.parametrize(
    ("demand", "speed"),
    [
        (8, 10.0),  # one node, full
        (5, 20.0),
        (4, 30.0),
        (1, 40.0),
        (16, 10.0),  # two nodes: 16, 10, 8, 2
        (9, 20.0),
        (10, 20.0),
        (17, 10.0),  # three nodes: 24, 15, 12, 3
    ],
)
def test_by_hand(demand: int, speed: float) -> None:
    assert reached(instance([offer("a", 3)], [runs("small", STEPS)], [demand])) == speed


def test_target_between_two_levels_rises_to_the_next_level() -> None:
    # at 12 tokens/s a node carries 5, and still does at 20
    assert reached(instance([offer("a", 3)], [runs("small", STEPS)], [5], targets=[12.0])) == 20.0


def test_target_at_the_last_level_stays() -> None:
    assert reached(instance([offer("a", 3)], [runs("small", STEPS)], [1], targets=[40.0])) == 40.0


def test_losses_count() -> None:
    # three nodes, one lost: two carry 16, 10, 8, 2 at 10, 20, 30, 40
    limits = {"nodes": NodeCount(min=3)}
    assert reached(instance([offer("a", 3)], [runs("small", STEPS)], [8], **limits)) == 30.0  # 3 x 4 = 12
    assert reached(instance([offer("a", 3)], [runs("small", STEPS)], [9], survive=Survive(nodes=1))) == 20.0


def test_every_node_serves_at_the_plan_speed() -> None:
    # two nodes are asked for: a carries 4 up to 30; b, the cheapest filler, nothing beyond 10
    offers = [offer("a", 5, gpu="ant", stock=1), offer("b", 1, gpu="bee", stock=1)]
    problem = instance(offers, [runs("ant", [(30.0, 4)]), runs("bee", [(10.0, 1)])], [4], nodes=NodeCount(min=2))
    assert reached(problem) == 10.0


def random_levels(rng: random.Random, many: int) -> list[tuple[float, int]]:
    """Draw a capacity of many levels: far apart, or a billionth."""
    apart = rng.choice([1.5, 1.1, 1.001, 1 + 1e-6, 1 + 3e-9])
    speed, amount, levels = 10.0 * rng.choice([0.5, 1.0, 1.0, 1.2]), many * 3, []
    while len(levels) < many and amount > 0:
        levels.append((speed, amount))
        speed *= 1 + (apart - 1) * rng.uniform(0.5, 2)
        amount -= rng.choice([1, 1, 2, 3])
    return levels


@pytest.mark.parametrize("many", [3, 20, 200])
def test_equals_trying_every_level(many: int) -> None:
    rng, raised = random.Random(many), 0
    for turn in range(30):
        offers, options = [], []
        for i in range(rng.randint(1, 4)):
            provider, stock = rng.choice("pq"), rng.choice([None, 2, 4])
            offers.append(offer(f"o{i}", rng.randint(3, 9), gpu=f"g{i}", provider=provider, stock=stock))
            options.append(runs(f"g{i}", random_levels(rng, many)))
        survive = rng.choice([Survive(), Survive(), Survive(nodes=1), Survive(provider=True), Survive(region=True)])
        problem = instance(offers, options, [rng.randint(1, many * 4)], survive=survive)
        found = problem.solve_for_cost()
        if found.has_plan:
            speed = achieved_speed(found, 0, problem.candidates.demands[0].amount)
            assert speed == plan_speed(as_nodes(found, problem), problem, 0), f"turn {turn}"
            raised += speed > 10.0
    assert raised > 10, "most plans must have speed to spare"


@pytest.fixture(scope="module")
def helpdesk() -> Prepared:
    loaded = load_problem("helpdesk-llama3-8b")
    return prepare(loaded, load_catalog(references=[service.model for service in loaded.problem.services]))


@pytest.mark.parametrize("target", [6.0, 15.0, 25.0, 31.0, 48.0])
def test_real_curves_equal_walking_level_by_level(helpdesk: Prepared, target: float) -> None:
    candidates, limits = helpdesk.candidates, helpdesk.problem.limits
    found = solve_at(candidates, limits, (target,), helpdesk.budget, SolveSettings())
    assert found.status == "optimal"
    demand = candidates.demands[0].amount

    def carried(tokens_per_s: float) -> int:
        nodes = [(chosen.nodes, chosen.row.candidate) for chosen in found.chosen]
        return sum(n * one.option.replicas_on(one.offer) * one.option.speed.amount(tokens_per_s) for n, one in nodes)

    speed = target
    while True:
        levels = [c.row.candidate.option.speed.next_speed(speed) for c in found.chosen]
        level = min((one for one in levels if one is not None), default=None)
        if level is None or carried(level) < demand:
            break
        speed = level
    assert achieved_speed(found, 0, demand) == speed
    assert speed >= target
