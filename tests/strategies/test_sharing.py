"""Services on shared nodes against every number of nodes tried one by one, and against HiGHS."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.plan.placing import placed
from optimizer.question.question import Situation
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found
from optimizer.strategies.spares import spared
from tests.oracles.asked import asked_of
from tests.oracles.fleets import brute_cost, highs_cost
from tests.oracles.instances import Instance, instance, offer, random_instance, runs

MOST = 4
"""Nodes of each offer that brute force tries; demands are drawn so that no more are needed."""

seeds = st.integers(0, 2**32)
some = settings(max_examples=60, deadline=None, derandomize=True)
RULES = (
    "respect_stock", "keep_budget", "limit_nodes", "hold_nodes", "limit_gpu_types", "choose_engines", "cap_power",
    "survive_provider_loss", "survive_region_loss",
)


def cost(problem: Instance) -> int | None:
    found = answer(asked_of(problem).question, Effort())
    assert found.status in ("optimal", "infeasible")
    if not found.has_plan:
        return None
    assert_stands(found)
    assert found.bound == found.cost
    return found.cost


def assert_stands(found: Found) -> None:
    """In every situation each replica has a node's GPUs for itself, and every service its demand."""
    question = found.question
    for situation in {Situation(0), *(where for where, _ in found.uses)}:
        carried: Counter[int] = Counter()
        for held in placed(found, situation):
            assert sum(question.ways[w].gpus * n for w, n in held.holds) <= question.supplies[held.supply].gpus
            for way, count in held.holds:
                assert question.ways[way].host == question.supplies[held.supply].host
                carried[question.ways[way].service] += question.carries(way, 0) * count * held.nodes
        assert all(carried[service] >= asked for service, asked in enumerate(question.periods[0].demand))


def shop(demands: tuple[int, ...] = (4, 4, 4), **limits: object) -> Instance:
    """Services whose replicas carry 4 on one GPU; a node of one GPU costs 10, one of four costs 24."""
    offers = [offer("four", 24, gpus=4), offer("one", 10)]
    return instance(offers, [runs("small", 4, service=s) for s in range(len(demands))], demands, **limits)  # type: ignore[arg-type]


def test_services_share_a_node() -> None:
    # three nodes of one GPU cost 30, one of four 24 with a GPU to spare
    assert cost(shop()) == 24
    found = answer(asked_of(shop()).question, Effort())
    (held,) = placed(found, Situation(0))
    assert sorted(found.question.ways[way].service for way, _ in held.holds) == [0, 1, 2]


@pytest.mark.parametrize(("nodes", "expected"), [
    (1, 40),  # any three of four nodes of one GPU, 4 x 10; two of four cost 48
    (2, 50),  # any three of five
    (3, 60),
])
def test_losses_are_carried_by_placing_again(nodes: int, expected: int) -> None:
    # one node of four, 24, must not pass as a plan that cannot lose two nodes because it has one only
    assert cost(shop(survive={"nodes": nodes})) == expected


def test_replicas_of_three_gpus_leave_holes() -> None:
    # two replicas of 3 GPUs and one of 2 are 8 GPUs, and yet do not fit on two nodes of 4: 3 + 3 leave 1 and 1
    offers = [offer("four", 10, gpus=4), offer("eight", 25, gpus=8)]
    options = [runs("small", 4, service=0, footprint=3), runs("small", 4, service=1, footprint=2)]
    assert cost(instance(offers, options, (8, 4))) == 25
    # three nodes of 4 cost 30
    assert cost(instance(offers[:1], options, (8, 4))) == 30


def losing(problem: Instance, nodes: int) -> Instance:
    return problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": nodes}))


@some
@given(seed=seeds, rules=st.sets(st.sampled_from(RULES), max_size=3), nodes=st.sampled_from((0, 0, 1)))
def test_agrees_with_brute_force(seed: int, rules: set[str], nodes: int) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, sorted(rules), services=rng.randint(1, 3), offers=3, demand=7, largest=5)
    problem = losing(problem, nodes)
    found, brute = cost(problem), brute_cost(problem, MOST)
    if found is None:
        assert brute is None
    else:
        tried = all(one.micro_usd_per_hour * (MOST + 1) > found or (one.stock or MOST + 1) <= MOST
                    for one in problem.candidates.offers)
        assert found == brute or not tried
        assert brute is None or found <= brute


@some
@given(seed=seeds)
def test_sizes_that_do_not_divide_one_another_agree_with_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    offers = [offer(f"o{i}", rng.randint(4, 12), gpus=rng.choice([3, 4, 5, 6])) for i in range(2)]
    options = [runs("small", rng.randint(1, 4), service=s, footprint=f)
               for s in range(2) for f in rng.sample([1, 2, 3, 4], 2)]
    problem = instance(offers, options, [rng.randint(1, 6) for _ in range(2)])
    found, brute = cost(problem), brute_cost(problem, 5)
    assert found == brute or (found or 0) < (brute or 0)


@some
@given(seed=seeds)
def test_agrees_with_highs_on_larger_ones(seed: int) -> None:
    rng = random.Random(seed)
    problem = random_instance(
        rng, ["respect_stock"] if rng.random() < 0.5 else [], services=rng.randint(3, 6), offers=8, demand=40,
        largest=12, price=200)
    assert cost(problem) == highs_cost(problem).cost


def test_the_order_of_services_and_offers_does_not_matter() -> None:
    problem = shop((4, 8, 2))
    turned = problem.with_offers(reversed(problem.candidates.offers))
    first, second = (answer(asked_of(one).question, Effort()) for one in (problem, turned))
    bought = [{found.question.supplies[stay.supply].offer.offer_id: count
               for stay, count in zip(found.question.stays, found.nodes, strict=True)} for found in (first, second)]
    assert bought[0] == bought[1]
    assert (first.cost, first.uses) == (second.cost, second.uses)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, rules=st.sets(st.sampled_from(RULES), max_size=3), nodes=st.sampled_from((1, 1, 2)))
def test_spare_nodes_keep_every_loss_and_are_no_cheaper_than_the_optimum(
    seed: int, rules: set[str], nodes: int
) -> None:
    rng = random.Random(seed)
    problem = losing(random_instance(rng, sorted(rules), services=rng.randint(1, 2), offers=4, demand=7, largest=5),
                     nodes)
    best = answer(asked_of(problem).question, Effort())
    found = spared(best.question, 0)
    if found is not None:
        assert_stands(found)
        assert best.has_plan
        assert (found.cost or 0) >= (best.cost or 0)


@pytest.mark.parametrize("survive", [{"nodes": 1}, {"nodes": 2}, {"provider": True}, {"region": True, "nodes": 1}])
def test_no_time_at_all_still_gives_a_plan(survive: dict[str, object]) -> None:
    offers = [offer("four", 24, gpus=4), offer("one", 10, provider="bolt", region="west"),
              offer("large", 30, gpu="large", gpus=4, provider="core")]
    options = [one for s in range(5) for one in (runs("small", 4, service=s), runs("large", 4, service=s))]
    problem = instance(offers, options, (4,) * 5, survive=survive)
    found = answer(asked_of(problem).question, Effort(deterministic=1e-9))
    assert found.has_plan
    assert_stands(found)
    assert found.bound <= (found.cost or 0)
