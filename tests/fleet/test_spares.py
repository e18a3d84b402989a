"""Fleets with spare nodes: they keep every rule, whatever is lost, and stand in where the search finds none."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.fleet import FleetCase, FleetSolution, build_fleet
from optimizer.fleet.losses import left_of, losses_of
from optimizer.fleet.solution import cost_of
from optimizer.fleet.spares import spared_fleet
from optimizer.solve import SolveSettings
from tests.fleet.test_optimum import RULES, assert_stands, solved
from tests.oracles.instances import Instance, instance, offer, random_instance, runs


def assert_keeps(case: FleetCase, found: FleetSolution) -> None:
    """Every rule holds, and after every loss all services stand on what is left."""
    assert found.placement is not None
    nodes = found.placement.nodes
    assert_stands(case, found.placement)
    assert [loss for loss, _ in found.after] == list(losses_of(case, nodes))
    for loss, again in found.after:
        assert again.nodes == left_of(case, nodes, loss)
        assert_stands(case, again)
    bought = {supply.offer: n for supply, n in zip(case.supplies, nodes, strict=True) if n}
    for pool in {one.pool for one in bought}:
        taken = sum(n for one, n in bought.items() if one.pool == pool)
        assert all(one.stock is None or taken <= one.stock for one in bought if one.pool == pool)
    assert case.budget is None or cost_of(case, nodes) <= case.budget
    assert case.min_nodes <= sum(nodes) <= (case.max_nodes or sum(nodes))
    assert all(sum(n for one, n in bought.items() if one.offer_id == name) >= n for name, n in case.at_least)
    assert len({one.gpu_id for one in bought}) <= (case.max_gpu_types or len(bought))
    assert case.watts is None or sum(one.watts * n for one, n in bought.items()) <= case.watts
    gpu_of = {supply.group: supply.offer.gpu_id for supply in case.supplies}
    running = {(gpu_of[case.items[i].group] if case.engine_policy == "per_gpu" else "", case.items[i].engine)
               for one in (found.placement, *(again for _, again in found.after))
               for i, n in enumerate(one.replicas) if n}
    assert case.engine_policy == "any" or len({scope for scope, _ in running}) == len(running)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), rules=st.sets(st.sampled_from(RULES), max_size=3), losing=st.booleans())
def test_it_keeps_every_rule_and_is_no_cheaper_than_the_optimum(seed: int, rules: set[str], losing: bool) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, sorted(rules), services=rng.randint(1, 3), offers=6, demand=7, largest=5)
    if losing:
        problem = problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": 1}))
    case, best = solved(problem)
    found = spared_fleet(case, best.bound, SolveSettings()) if all(case.by_service) else None
    if found is not None and found.placement is not None:
        assert_keeps(case, found)
        assert best.placement is not None
        assert cost_of(case, found.placement.nodes) >= cost_of(case, best.placement.nodes)
        assert found.bound == best.bound


def test_one_more_node_stands_in_for_any_of_a_group() -> None:
    # three services of one GPU each: a node of four costs 24 as a node of one costs 10, so 24, and its like stands in
    offers = [offer("four", 24, gpus=4), offer("one", 10)]
    problem = instance(offers, [runs("small", 4, service=s) for s in range(3)], (4, 4, 4), survive={"nodes": 1})
    case = build_fleet(problem.candidates, problem.limits, None)
    found = spared_fleet(case, 40, SolveSettings())
    assert found is not None
    assert found.placement is not None
    assert (found.placement.nodes, found.bound, found.status) == ((2, 0), 40, "feasible")


def many(count: int, **limits: object) -> Instance:
    """Services that each take one GPU of either type; two engines know the first type, one the second."""
    offers = [offer("four", 24, gpus=4), offer("one", 10, provider="bolt", region="west"),
              offer("large", 30, gpu="large", gpus=4, provider="core")]
    options = [one for s in range(count) for one in (
        runs("small", 4, service=s), runs("small", 3, service=s, engine="sglang"), runs("large", 4, service=s))]
    return instance(offers, options, (4,) * count, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [5, 61])
@pytest.mark.parametrize("limits", [
    {"survive": {"nodes": 1}}, {"survive": {"provider": True}}, {"survive": {"region": True, "nodes": 1}},
    {"max_gpu_types": 1}, {"engine_policy": "fleet"}, {"engine_policy": "per_gpu", "max_gpu_types": 1},
])
def test_no_time_at_all_still_gives_a_fleet(count: int, limits: dict[str, object]) -> None:
    case, found = solved(many(count, **limits), deterministic_limit=1e-9)
    assert found.has_plan
    assert_keeps(case, found)
    assert found.placement is not None
    assert (found.bound or 0) <= cost_of(case, found.placement.nodes)
