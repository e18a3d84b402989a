"""The column generation: its bound lies below every fleet, its fleets stand, and what it leaves out is not needed."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.fleet import prove
from optimizer.fleet.case import build_fleet
from optimizer.fleet.columns import relax
from optimizer.fleet.fixing import fix
from optimizer.fleet.pricing import cheapest_cover
from optimizer.fleet.search import cheapest
from optimizer.fleet.solution import cost_of
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from tests.fleet.test_optimum import assert_stands, solved
from tests.oracles.instances import Instance, instance, offer, random_instance, runs

PLAIN = SolveSettings()
some = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)
rules = st.sets(st.sampled_from(["respect_stock", "keep_budget", "limit_nodes", "hold_nodes", "cap_power"]), max_size=2)


def drawn(seed: int, names: set[str], services: int = 4) -> Instance:
    rng = random.Random(seed)
    return random_instance(
        rng, sorted(names), services=rng.randint(2, services), offers=6, demand=20, largest=9, price=60)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    items=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6)), min_size=1, max_size=4), demand=st.integers(1, 12))
def test_pricing_agrees_with_every_count(items: list[tuple[int, int]], demand: int) -> None:
    prices, carries = [price for price, _ in items], [carried for _, carried in items]
    ranges = [range(-(-demand // carried) + 1) for carried in carries]
    least = min(
        sum(p * n for p, n in zip(prices, counts, strict=True)) for counts in itertools.product(*ranges)
        if sum(c * n for c, n in zip(carries, counts, strict=True)) >= demand)
    cost, bound, counts = cheapest_cover(prices, carries, demand)
    assert cost == bound == least == sum(p * n for p, n in zip(prices, counts, strict=True))
    assert sum(c * n for c, n in zip(carries, counts, strict=True)) >= demand


def test_the_bound_counts_whole_replicas() -> None:
    # 3 requests at 2 a replica are 2 replicas, not 1.5; half a node of four GPUs, 12 of 24, is what the relaxation pays
    offers = [offer("four", 24, gpus=4)]
    case = build_fleet(instance(offers, [runs("small", 2)], (3,)).candidates, instance(offers, [], ()).limits, None)
    assert relax(case, Clock(PLAIN)).bound == 12


@some
@given(seed=seeds, names=rules)
def test_the_bound_is_below_the_optimum_and_fixing_keeps_it(seed: int, names: set[str]) -> None:
    problem = drawn(seed, names)
    case = build_fleet(problem.candidates, problem.limits, problem.budget)
    best = cheapest(case, PLAIN, Clock(PLAIN))
    if not all(case.by_service):
        return
    relaxation = relax(case, Clock(PLAIN))
    if best.placement is None:
        return
    cost = cost_of(case, best.placement.nodes)
    assert relaxation.bound <= cost
    for slack in (0, cost // 10):
        fixed = fix(case, relaxation, cost + slack)
        again = fixed.back(cheapest(fixed.case, PLAIN, Clock(PLAIN)))
        assert again.placement is not None
        assert again.placement.nodes == best.placement.nodes


@some
@given(seed=seeds, names=rules)
def test_the_ladder_agrees_with_cp_sat_alone(seed: int, names: set[str]) -> None:
    problem = drawn(seed, names)
    alone = solved(problem)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prove, "FEW", 0)
        case, found = solved(problem)
        assert (found.status, found.bound, found.placement) == (alone.status, alone.bound, alone.placement)
        patch.setattr(prove, "MANY", 0)
        case, near = solved(problem)
    if near.placement is None:
        assert near.status == alone.status == "infeasible"
        return
    assert alone.bound is not None
    assert near.bound is not None
    assert_stands(case, near.placement)
    assert near.bound <= alone.bound <= cost_of(case, near.placement.nodes)
    assert near.status == ("optimal" if near.bound == cost_of(case, near.placement.nodes) else "feasible")
