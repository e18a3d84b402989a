"""Plans that cost the same: higher speed first, then fewer nodes, then offers by id, then engine, precision, size."""

from __future__ import annotations

import random

import pytest

from optimizer.formulation import CONSTRAINTS
from optimizer.schema.problem import NodeCount, Survive
from optimizer.solve import Solution
from tests.oracles import Instance, cheapest_plans, first_in_every_tie_break, instance, offer, runs, small_instance
from tests.oracles.brute_force import IDLE

RULES = [rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes")]


def nodes_of(found: Solution) -> dict[tuple[int, str], int] | None:
    return {(IDLE if c.row.is_idle else c.row.service, c.row.offer_id): c.nodes for c in found.every} or None


def chosen(problem: Instance) -> dict[str, int]:
    return {name: count for (_, name), count in (nodes_of(problem.solve()) or {}).items()}


def test_cost_comes_before_speed() -> None:
    # y serves 5 at 40 tokens/s, but costs one micro-dollar more
    offers = [offer("x", 3, gpu="ant"), offer("y", 4, gpu="bee")]
    assert chosen(instance(offers, [runs("ant", 5), runs("bee", [(40.0, 5)])], [5])) == {"x": 1}


def test_speed_comes_before_fewer_nodes() -> None:
    # one x carries 6 at 10 tokens/s for 4; two y carry 3 each at 20 for 2 + 2
    offers = [offer("x", 4, gpu="ant"), offer("y", 2, gpu="bee")]
    problem = instance(offers, [runs("ant", [(10.0, 6)]), runs("bee", [(20.0, 3)])], [6])
    assert chosen(problem) == {"y": 2}
    assert problem.solve().targets == (20.0,)


def test_speed_is_that_of_the_whole_plan() -> None:
    # a carries 6 up to 12 tokens/s and 2 up to 30; b 3 up to 15; the demand is 6
    # 2 a: 12 up to 12, 4 up to 30, so v* = 12; a + b: 9 up to 12, 5 above, v* = 12; 2 b: 6 up to 15, v* = 15
    options = [runs("ant", [(12.0, 6), (30.0, 2)]), runs("bee", [(15.0, 3)])]
    problem = instance([offer("a", 2, gpu="ant"), offer("b", 2, gpu="bee")], options, [6], nodes=NodeCount(min=2))
    found = problem.solve()
    assert (nodes_of(found), found.targets) == ({(0, "b"): 2}, (15.0,))


def test_fewer_nodes_come_before_offers_by_id() -> None:
    # two a or one b, 4 in all, at the same speed
    problem = instance([offer("a", 2, gpu="ant"), offer("b", 4, gpu="bee")], [runs("ant", 3), runs("bee", 6)], [6])
    assert chosen(problem) == {"b": 1}


def test_offers_come_by_id_even_when_a_later_one_carries_more() -> None:
    # one node of either is enough; b could carry 9
    problem = instance([offer("b", 4, gpu="bee"), offer("a", 4, gpu="ant")], [runs("bee", 9), runs("ant", 6)], [6])
    assert chosen(problem) == {"a": 1}
    assert nodes_of(problem.solve(reduced=False)) == {(0, "a"): 1}


def test_as_many_nodes_as_possible_are_of_the_first_offers() -> None:
    # three nodes for 9, the price is the same; two of a are in stock, then b fills up, c is not used
    offers = [offer("c", 4), offer("a", 4, stock=2), offer("b", 4)]
    assert chosen(instance(offers, [runs("small", 3)], [9])) == {"a": 2, "b": 1}


def test_engine_then_precision_then_size() -> None:
    # all four carry 6 on a node of two GPUs: sglang before vllm, bf16 before fp8, tensor parallel 1 before 2
    options = [
        runs("small", 3, engine="vllm"), runs("small", 3, engine="sglang", precision="fp8"),
        runs("small", 6, engine="sglang", footprint=2), runs("small", 3, engine="sglang"),
    ]
    (found,) = instance([offer("a", 4, gpus=2)], options, [6]).solve().chosen
    assert found.row.candidate.option.order == ("sglang", "bf16", 1, 1, "")


def test_an_option_that_carries_more_comes_before_an_engine_by_name() -> None:
    # at 10 tokens/s both do; vllm leaves room to spare
    (found,) = instance([offer("a", 4)], [runs("small", 3, engine="sglang"), runs("small", 5)], [3]).solve().chosen
    assert found.row.engine == "vllm"


def test_first_service_first() -> None:
    # one fast node (bee, one in stock) costs as much as a slow one; both services would like it
    offers = [offer("slow", 2, gpu="ant"), offer("fast", 2, gpu="bee", stock=1)]
    options = [runs(gpu, [(speed, 4)], service=s) for s in (0, 1) for gpu, speed in (("ant", 10.0), ("bee", 30.0))]
    found = instance(offers, options, [4, 4]).solve()
    assert nodes_of(found) == {(0, "fast"): 1, (1, "slow"): 1}
    assert found.targets == (30.0, 10.0)


def test_speed_counts_what_is_left_after_losses() -> None:
    # lose one: three x leave 2 x 4 = 8 at 10 tokens/s but 2 x 3 = 6 at 20; three y leave 8 up to 15 tokens/s
    options = [runs("ant", [(10.0, 4), (20.0, 3)]), runs("bee", [(15.0, 4)])]
    offers = [offer("x", 2, gpu="ant"), offer("y", 2, gpu="bee")]
    problem = instance(offers, options, [8], survive=Survive(nodes=1))
    found = problem.solve()
    assert (nodes_of(found), found.targets) == ({(0, "y"): 3}, (15.0,))
    # all nodes up three x carry 9 at 20 tokens/s, so without the loss x is faster
    assert chosen(instance(offers, options, [8], nodes=NodeCount(min=3))) == {"x": 3}


@pytest.mark.parametrize("seed", range(25))
def test_brute_force_ranks_the_same_plan_first(seed: int) -> None:
    rng, ties = random.Random(seed), 0
    for turn in range(40):
        rules = rng.sample([rule for rule in RULES if rule != "choose_engines"], rng.choice([0, 0, 1, 1, 2, 3]))
        problem = small_instance(
            rng, rules, services=1 + turn % 2, offers=6 - 3 * (turn % 2), demand=12 - 5 * (turn % 2), options=1,
            engines=("vllm",), price=4)
        expected = first_in_every_tie_break(problem)
        assert nodes_of(problem.solve()) == expected, f"turn {turn}: {rules}"
        assert nodes_of(problem.solve(reduced=False)) == expected, f"turn {turn}: {rules}"
        ties += len(cheapest_plans(problem)) > 1
    assert ties, "cost alone must leave something to settle"


@pytest.mark.parametrize("seed", range(30))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    rules = rng.sample(RULES, seed % 4)
    problem = small_instance(rng, rules, services=1 + seed % 2, offers=6, demand=9, options=3, price=4)
    first = problem.solve()
    for _ in range(4):
        offers = rng.sample(problem.candidates.offers, len(problem.candidates.offers))
        again = problem.with_offers(offers).solve()
        assert nodes_of(again) == nodes_of(first)
        assert [c.row.rank for c in again.chosen] == [c.row.rank for c in first.chosen]
        assert (again.cost, again.targets) == (first.cost, first.targets)


def test_many_equal_offers_are_ordered_over_several_chunks() -> None:
    # 30 offers, up to 40 nodes of each: the order of 30 counts exceeds one 52-bit number
    offers = [offer(f"o{i:02}", 3, stock=40, region=f"r{i}") for i in reversed(range(30))]
    problem = instance(offers, [runs("small", 1)], [40], survive=Survive(region=True))
    # any one region may be lost and 40 must be left: one node in each of 30 regions is too few, two in each of 21 are
    # 42 - 2 = 40, and no fewer nodes will do; the pairs go to the first 21 offers
    found = problem.solve()
    assert nodes_of(found) == {(0, f"o{i:02}"): 2 for i in range(21)}
