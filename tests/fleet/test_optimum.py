"""Fleets against every number of nodes tried one by one, and against HiGHS."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.fleet import FleetCase, FleetSolution, build_fleet, solve_fleet
from optimizer.fleet.losses import left_of
from optimizer.fleet.pack import layouts_of
from optimizer.fleet.solution import Placement, cost_of
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
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


def solved(problem: Instance, **limits: float) -> tuple[FleetCase, FleetSolution]:
    setup = SolveSettings(**limits)  # type: ignore[arg-type]
    case = build_fleet(problem.candidates, problem.limits, problem.budget)
    return case, solve_fleet(case, setup, Clock(setup))


def cost(problem: Instance) -> int | None:
    case, found = solved(problem)
    assert found.status in ("optimal", "infeasible")
    if found.placement is None:
        return None
    assert_stands(case, found.placement)
    for loss, again in found.after:
        assert again.nodes == left_of(case, found.placement.nodes, loss)
        assert_stands(case, again)
    assert found.bound == cost_of(case, found.placement.nodes)
    return found.bound


def assert_stands(case: FleetCase, placement: Placement) -> None:
    """Every replica has a node of its own GPUs, and every service its demand."""
    carried = [0] * len(case.demand)
    nodes = [0] * len(case.supplies)
    for layout in layouts_of(case, placement):
        assert sum(case.items[i].gpus * n for i, n in layout.replicas) <= case.supplies[layout.supply].gpus
        nodes[layout.supply] += layout.nodes
        for i, count in layout.replicas:
            assert case.items[i].group == case.supplies[layout.supply].group
            carried[case.items[i].service] += case.items[i].capacity * count * layout.nodes
    assert all(held >= demand for held, demand in zip(carried, case.demand, strict=True))
    assert all(n <= bought for n, bought in zip(nodes, placement.nodes, strict=True))


def shop(demands: tuple[int, int, int] = (4, 4, 4), **limits: object) -> Instance:
    """Three services whose replicas carry 4 on one GPU; a node of one GPU costs 10, one of four costs 24."""
    offers = [offer("four", 24, gpus=4), offer("one", 10)]
    return instance(offers, [runs("small", 4, service=s) for s in range(3)], demands, **limits)


def test_services_share_a_node() -> None:
    # three nodes of one GPU cost 30, one of four 24 with a GPU to spare
    assert cost(shop()) == 24
    case, found = solved(shop())
    assert found.placement is not None
    (layout,) = layouts_of(case, found.placement)
    assert [case.items[i].service for i, _ in layout.replicas] == [0, 1, 2]


def test_a_loss_may_be_carried_by_placing_again() -> None:
    # 24 + 24: either node of four holds all three; 24 + 30 or 4 x 10 = 40: any three of four nodes of one GPU do
    assert cost(shop(survive={"nodes": 1})) == 40  # type: ignore[arg-type]


def test_replicas_of_three_gpus_leave_holes() -> None:
    # two replicas of 3 GPUs and one of 2 are 8 GPUs, and yet do not fit on two nodes of 4: 3 + 3 leave 1 and 1
    offers = [offer("four", 10, gpus=4), offer("eight", 25, gpus=8)]
    options = [runs("small", 4, service=0, footprint=3), runs("small", 4, service=1, footprint=2)]
    assert cost(instance(offers, options, (8, 4))) == 25
    # three nodes of 4 cost 30
    assert cost(instance(offers[:1], options, (8, 4))) == 30


@some
@given(seed=seeds, rules=st.sets(st.sampled_from(RULES), max_size=3), losing=st.booleans())
def test_agrees_with_brute_force(seed: int, rules: set[str], losing: bool) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, sorted(rules), services=rng.randint(1, 3), offers=3, demand=7, largest=5)
    if losing:
        problem = problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": 1}))
    found = cost(problem)
    brute = brute_cost(problem, MOST)
    if found is None:
        assert brute is None
    else:
        case, _ = solved(problem)
        tried = all(s.most <= MOST or s.price * (MOST + 1) > found for s in case.supplies)
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
    answer = highs_cost(problem)
    assert cost(problem) == answer.cost


def test_the_order_of_services_and_offers_does_not_matter() -> None:
    problem = shop((4, 8, 2))
    turned = problem.with_offers(reversed(problem.candidates.offers))
    first, second = solved(problem)[1], solved(turned)[1]
    assert first == second


def test_ties_go_to_fewer_nodes_then_to_the_first_offer() -> None:
    # three of one GPU at 8 cost 24 as well, and `alpha` costs the same as `four`
    offers = [offer("four", 24, gpus=4), offer("one", 8), offer("alpha", 24, gpus=4, provider="bolt")]
    problem = instance(offers, [runs("small", 4, service=s) for s in range(3)], (4, 4, 4))
    case, found = solved(problem)
    assert found.placement is not None
    bought = [s.offer.offer_id for s, n in zip(case.supplies, found.placement.nodes, strict=True) if n]
    assert (bought, found.bound) == (["alpha"], 24)


@pytest.mark.parametrize("limit", [1e-9, 1e-3])
def test_a_limit_gives_what_there_is(limit: float) -> None:
    rng = random.Random(7)
    problem = random_instance(rng, services=6, offers=8, demand=40, largest=12, price=200)
    found = solved(problem, deterministic_limit=limit)[1]
    assert found.status in ("optimal", "feasible", "unknown")
    assert found == solved(problem, deterministic_limit=limit)[1]
