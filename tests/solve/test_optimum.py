"""The optimum is the optimum: by hand, by brute force on small problems, by HiGHS on larger ones."""

from __future__ import annotations

import random

import pytest

from optimizer.formulation import CONSTRAINTS
from optimizer.schema.problem import NodeCount, Survive
from tests.oracles import Answer, Instance, cheapest, highs_cost, instance, offer, random_instance, runs, small_instance
from tests.oracles.brute_force import Way, cost_of

RULES = [rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes")]

OFFERS = (
    offer("a", 3, gpu="ant", provider="acme", region="east"),
    offer("b", 7, gpu="bee", provider="acme", region="west"),
    offer("c", 8, gpu="cat", provider="bolt", region="east", watts=900),
)
OPTIONS = (
    runs("ant", 4, engine="vllm"), runs("ant", 3, engine="sglang"),
    runs("bee", 11, engine="sglang"), runs("cat", 12, engine="vllm"),
)
"""a: 4 for 3 (0.75 each); b: 11 for 7 (0.636); c: 12 for 8 (0.667). The demand is 25 unless told otherwise."""


def farm(demand: int = 25, **limits: object) -> Instance:
    return instance(OFFERS, OPTIONS, [demand], **limits)  # type: ignore[arg-type]


def outcome(problem: Instance) -> tuple[int | None, dict[str, int]]:
    found = problem.solve()
    return found.cost, {chosen.row.candidate.offer.offer_id: chosen.nodes for chosen in found.chosen}


@pytest.mark.parametrize(
    ("problem", "cost", "nodes"),
    [
        # 2 b = 22 leave 3 for one a; 7 + 7 + 3 = 17 (2 c + a = 28 for 19, 3 b = 33 for 21, 7 a = 28 for 21)
        pytest.param(farm(), 17, {"a": 1, "b": 2}, id="no rule"),
        pytest.param(farm(budget=17), 17, {"a": 1, "b": 2}, id="budget met to the dollar"),
        pytest.param(farm(budget=16), None, {}, id="budget too small"),
        # b + c = 23 and 2 c = 24 are too little for 25; three nodes as before
        pytest.param(farm(nodes=NodeCount(max=2)), None, {}, id="too few nodes allowed"),
        pytest.param(farm(24, nodes=NodeCount(max=2)), 16, {"c": 2}, id="two nodes for 24"),
        # five nodes: b + 4 a = 27 for 19 (5 a = 20 are too little)
        pytest.param(farm(nodes=NodeCount(min=5)), 19, {"a": 4, "b": 1}, id="five nodes asked for"),
        # only ants 7 x 3 = 21, only bees 3 x 7 = 21, only cats 3 x 8 = 24: the three bees are fewer nodes
        pytest.param(farm(max_gpu_types=1), 21, {"b": 3}, id="one GPU type"),
        # vllm: a 4, c 12: 2 c + a = 28 for 19; sglang: a 3, b 11: 2 b + a = 25 for 17
        pytest.param(farm(engine_policy="fleet"), 17, {"a": 1, "b": 2}, id="one engine: a runs the weaker one"),
        pytest.param(farm(26, engine_policy="fleet"), 19, {"a": 1, "c": 2}, id="one engine: sglang no longer enough"),
        pytest.param(farm(26, engine_policy="per_gpu"), 17, {"a": 1, "b": 2}, id="one engine for each GPU"),
        # lose one: 3 b + a = 37 - 11 = 26 for 24 (7 a + b = 39 - 11 = 28 for 28; 2 b + 3 a = 34 - 11 = 23)
        pytest.param(farm(survive=Survive(nodes=1)), 24, {"a": 1, "b": 3}, id="lose a node"),
        # without bolt 17 as before; without acme 3 c = 24
        pytest.param(farm(survive=Survive(provider=True)), 41, {"a": 1, "b": 2, "c": 3}, id="lose a provider"),
        # any two of the three places carry 25: a + 2 b = 26, a + 2 c = 28, 2 b + 2 c = 46; 3 + 14 + 16 = 33
        # (4 a + 2 b + c costs 34, 7 a + 3 b 42; with one b less a + b = 15 are too little)
        pytest.param(farm(survive=Survive(region=True)), 33, {"a": 1, "b": 2, "c": 2}, id="lose a region"),
        # one c draws 900 W
        pytest.param(farm(24, nodes=NodeCount(max=2), power_kw=1.7), None, {}, id="power for one c"),
        pytest.param(farm(24, nodes=NodeCount(max=2), power_kw=1.8), 16, {"c": 2}, id="power for two c"),
    ],
)
def test_worked_by_hand(problem: Instance, cost: int | None, nodes: dict[str, int]) -> None:
    assert outcome(problem) == (cost, nodes)
    assert cheapest(problem).cost == cost


def test_stock_is_taken_up_and_shared() -> None:
    # service 0 needs 8, service 1 needs 5: with one b (11 for 7) in stock service 0 takes it and service 1 two a = 6
    offers = [OFFERS[0], offer("b", 5, gpu="bee", stock=1)]
    options = [runs("ant", 4), runs("bee", 11), runs("ant", 4, service=1), runs("bee", 4, service=1)]
    found = instance(offers, options, [8, 5]).solve()
    assert found.cost == 5 + 2 * 3
    nodes = {(chosen.row.service, chosen.row.candidate.offer.offer_id): chosen.nodes for chosen in found.chosen}
    assert nodes == {(0, "b"): 1, (1, "a"): 2}


def test_a_service_without_any_node_is_infeasible() -> None:
    found = instance([OFFERS[0]], [runs("ant", 4)], [3, 3]).solve()
    assert (found.status, found.cost, found.chosen, found.bound) == ("infeasible", None, (), None)


def test_nodes_carry_whole_services_never_shares_of_two() -> None:
    # one a (4) could carry 2 + 2, but a node serves one service: two nodes
    problem = instance([OFFERS[0]], [runs("ant", 4), runs("ant", 4, service=1)], [2, 2])
    assert problem.solve().cost == 6


def agree(problem: Instance, expected: Answer, note: str) -> bool:
    """Hold a solution against an oracle; say whether there was a plan."""
    found = problem.solve_for_cost()
    assert (found.status, found.cost) == (expected.status, expected.cost), note
    if found.status == "optimal":
        assert found.bound == found.cost
        nodes = tuple((Way(c.row.candidate.offer, c.row.candidate.option, c.row.capacity), c.nodes)
                      for c in found.every)
        assert cost_of(nodes, problem) == found.cost
    return found.status == "optimal"


@pytest.mark.parametrize("seed", range(40))
def test_brute_force_agrees_on_one_service(seed: int) -> None:
    rng, feasible = random.Random(seed), 0
    for turn in range(50):
        rules = rng.sample(RULES, rng.choice([0, 1, 1, 2, 2, 3, 4]))
        problem = small_instance(rng, rules, offers=5, demand=11)
        feasible += agree(problem, cheapest(problem), f"turn {turn}: {rules}")
    assert 12 < feasible < 50, "both outcomes must occur"


@pytest.mark.parametrize("seed", range(16))
def test_brute_force_agrees_on_two_services(seed: int) -> None:
    rng, feasible = random.Random(1000 + seed), 0
    for turn in range(50):
        rules = rng.sample(RULES, rng.choice([0, 1, 1, 2, 2, 3, 4]))
        problem = small_instance(rng, rules, services=2, offers=3, demand=7)
        feasible += agree(problem, cheapest(problem), f"turn {turn}: {rules}")
    assert 10 < feasible < 50, "both outcomes must occur"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_brute_force_agrees_on_many_more(seed: int) -> None:
    rng = random.Random(5000 + seed)
    for turn in range(100):
        rules = rng.sample(RULES, rng.randint(0, 6))
        problem = small_instance(rng, rules, services=1 + turn % 2, offers=5, demand=12)
        agree(problem, cheapest(problem), f"turn {turn}: {rules}")


@pytest.mark.parametrize("seed", range(20))
def test_highs_agrees_on_larger_problems(seed: int) -> None:
    rng = random.Random(9000 + seed)
    for turn in range(5):
        rules = rng.sample(RULES, rng.randint(0, 4))
        problem = random_instance(
            rng, rules, services=1 + turn % 3, offers=40, demand=300, largest=40, options=4, price=10**6)
        agree(problem, highs_cost(problem), f"turn {turn}: {rules}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_highs_agrees_on_many_more(seed: int) -> None:
    rng = random.Random(20_000 + seed)
    for turn in range(20):
        rules = rng.sample(RULES, rng.randint(0, 5))
        problem = random_instance(
            rng, rules, services=rng.randint(1, 5), offers=60, demand=500, largest=60, options=4, price=10**6)
        agree(problem, highs_cost(problem), f"turn {turn}: {rules}")


@pytest.mark.parametrize("seed", range(10))
def test_brute_force_and_highs_agree_with_each_other(seed: int) -> None:
    rng = random.Random(300 + seed)
    for turn in range(20):
        rules = rng.sample(RULES, rng.randint(0, 4))
        problem = small_instance(rng, rules, services=1 + turn % 2, offers=4, demand=8)
        assert highs_cost(problem) == cheapest(problem), f"turn {turn}"
