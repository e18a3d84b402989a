"""Request classes that go to different nodes: by hand, against every number of nodes, and against HiGHS."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.formulation import CONSTRAINTS
from optimizer.schema.problem import NodeCount, Survive
from optimizer.solve import Solution, achieved_speed
from optimizer.solve.search import split_at
from optimizer.units import exact
from tests.oracles import instance, offer, runs
from tests.oracles.routed import (
    cheapest_routed,
    highs_routed,
    kinds_of,
    plan_count,
    random_routed,
    routed_instance,
    routes,
    stands,
)

RULES = sorted(rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes", "cap_spot_share"))
MOST_PLANS = 400
OFFERS = (offer("big", 10, gpu="bee"), offer("small", 3, gpu="ant"))


def nodes_of(found: Solution) -> dict[str, int]:
    return {chosen.row.offer_id: chosen.nodes for chosen in found.chosen}


def test_each_class_goes_where_it_is_cheap() -> None:
    # half of 12 requests are long: small nodes carry none of them, big ones 6; short ones: 6 on small, 8 on big.
    # one of each is enough for 13; two big ones would cost 20
    found = routed_instance(OFFERS, [routes("bee", (8, 6)), routes("ant", (6, None))], [0.5, 0.5], 12).solve()
    assert nodes_of(found) == {"big": 1, "small": 1}
    assert found.cost == 13


def test_a_class_is_split_where_that_is_enough() -> None:
    # 6 short and 2 long: the long ones fill 1/3 of a big node, which leaves 2/3 x 8 = 5.33 short ones to it and 0.67
    # to a small one: 13. Without splitting, the short class fits neither beside the long ones nor on one small node
    # of 5: two small ones would do, for 16
    problem = routed_instance(OFFERS, [routes("bee", (8, 6)), routes("ant", (5, None))], [0.75, 0.25], 8)
    found = problem.solve()
    assert nodes_of(found) == {"big": 1, "small": 1}
    shares = split_at(found, 0, 10.0).shares
    assert all(sum(row) == 1 for row in shares)
    assert shares[0][0] == Fraction(4, 9)  # both equally full: s 6 / 8 + 2 / 6 = (1 - s) 6 / 5 = 2/3


def test_speed_is_raised_as_far_as_the_nodes_carry_every_class() -> None:
    # at 20 tokens/s a big node still carries 4 long ones: 4 / 4 = 1; at 30 only 3
    long_ones = ((30.0, 3), (20.0, 4), (10.0, 6))
    problem = routed_instance(
        OFFERS, [routes("bee", (None, long_ones)), routes("ant", (((40.0, 4), (10.0, 9)), None))], [0.5, 0.5], 8)
    found = problem.solve()
    assert nodes_of(found) == {"big": 1, "small": 1}
    assert achieved_speed(found, 0, 8) == 20.0


@pytest.mark.parametrize(
    ("limits", "nodes"),
    [
        # 8 short on a big node, or 6 on a small one; 6 long on a big one: 6 of each come
        ({}, {"big": 1, "small": 1}),
        # any node may go: two big ones for the long class, and of three nodes left two carry the short one
        ({"survive": Survive(nodes=1)}, {"big": 2, "small": 1}),
        ({"nodes": NodeCount(min=3)}, {"big": 1, "small": 2}),
        ({"max_gpu_types": 1}, {"big": 2}),
        ({"at_least": {"small": 3}}, {"big": 1, "small": 3}),
    ],
)
def test_rules_hold(limits: dict[str, object], nodes: dict[str, int]) -> None:
    problem = routed_instance(
        OFFERS, [routes("bee", (8, 6)), routes("ant", (6, None))], [0.5, 0.5], 12, **limits)
    assert nodes_of(problem.solve()) == nodes


def test_there_is_no_plan_where_a_class_runs_nowhere() -> None:
    found = routed_instance(OFFERS, [routes("bee", (8, None)), routes("ant", (6, None))], [0.5, 0.5], 12).solve()
    assert found.status == "infeasible"


def test_rules_that_no_nodes_keep() -> None:
    # the long class runs at one provider only, which may be lost
    problem = routed_instance(
        (OFFERS[0], offer("small", 3, gpu="ant", provider="bolt")),
        [routes("bee", (8, 6)), routes("ant", (6, None))], [0.5, 0.5], 12, survive=Survive(provider=True))
    assert problem.solve().status == "infeasible"


def test_services_that_route_and_services_that_do_not_share_what_is_there() -> None:
    # the second service needs a small node for its 5; one is in stock, so that the first must take two big ones
    offers = (OFFERS[0], offer("small", 3, gpu="ant", stock=1))
    routed = routed_instance(offers, [routes("bee", (8, 6)), routes("ant", (6, None))], [0.5, 0.5], 12)
    mixed = instance(offers, [runs("ant", 5, service=1)], [1, 5])
    both = replace(routed, candidates=replace(
        routed.candidates,
        services=(routed.candidates.services[0], mixed.candidates.services[1]),
        demands=(routed.candidates.demands[0], mixed.candidates.demands[1]),
        options={**routed.candidates.options, **mixed.candidates.options}))
    found = both.solve()
    assert {(c.row.service, c.row.offer_id): c.nodes for c in found.chosen} == {(0, "big"): 2, (1, "small"): 1}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), rules=st.sets(st.sampled_from(RULES), max_size=3), classes=st.integers(2, 3))
def test_every_number_of_nodes_agrees(seed: int, rules: set[str], classes: int) -> None:
    problem = random_routed(random.Random(seed), sorted(rules), classes=classes)
    if plan_count(problem) > MOST_PLANS:
        problem = random_routed(random.Random(seed), sorted(rules), classes=classes, offers=2, demand=5)
    if plan_count(problem) > 4 * MOST_PLANS:
        return
    expected = cheapest_routed(problem)
    for reduced in (True, False):
        found = problem.solve_for_cost(reduced=reduced)
        assert (found.status, found.cost) == (expected.status, expected.cost)
    assert problem.solve().cost == expected.cost


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32), classes=st.integers(2, 6),
    rules=st.sets(st.sampled_from(
        ["respect_stock", "keep_budget", "limit_nodes", "survive_provider_loss", "survive_region_loss"]), max_size=3))
def test_highs_agrees(seed: int, classes: int, rules: set[str]) -> None:
    problem = random_routed(
        random.Random(seed), sorted(rules), classes=classes, offers=7, demand=200, largest=40, price=900)
    expected, found = highs_routed(problem), problem.solve_for_cost()
    assert (found.status, found.cost) == (expected.status, expected.cost)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), rules=st.sets(st.sampled_from(RULES), max_size=2))
def test_routing_is_never_dearer_than_a_mix_of_the_same_capacities(seed: int, rules: set[str]) -> None:
    """A replica carries floor(1 / sum of share / c_k) of the mix, and as many by the class-wise rule."""
    routed = random_routed(random.Random(seed), sorted(rules), demand=30)
    shares = [request.share_fraction for request in routed.candidates.services[0].workload]
    mixes = []
    for found in routed.candidates.options.values():
        for option in found:
            amounts = option.speed.amounts(10.0)  # type: ignore[union-attr]
            if all(amounts):
                mix = int(1 / sum(exact(share) / one for share, one in zip(shares, amounts, strict=True)))
                mixes.append(replace(option, speed=runs(option.gpu_id, mix).speed) if mix else None)
    mixed = instance(
        routed.candidates.offers, [one for one in mixes if one], [routed.candidates.demands[0].amount],
        budget=routed.budget)
    mixed = replace(mixed, limits=routed.limits)
    of_mix, of_classes = mixed.solve_for_cost(), routed.solve_for_cost()
    if of_mix.cost is not None:
        assert of_classes.cost is not None
        assert of_classes.cost <= of_mix.cost


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), rules=st.sets(st.sampled_from(RULES), max_size=3), classes=st.integers(2, 3))
def test_nodes_that_carry_the_classes_in_the_same_shares_keep_every_rule(
    seed: int, rules: set[str], classes: int
) -> None:
    problem = random_routed(random.Random(seed), sorted(rules), classes=classes)
    found, best = problem.solve_for_cost(deterministic_limit=1e-9), problem.solve_for_cost()
    if best.status == "infeasible":
        assert not found.has_plan
    if found.has_plan:
        kinds = kinds_of(problem)
        taken = {(one.row.offer_id, one.row.candidate.option.order): one.nodes for one in found.every}
        counts = tuple(taken.get((kind[0].offer_id, kind[1].order), 0) for kind in kinds)
        assert sum(counts) == sum(taken.values())
        assert stands(problem, kinds, counts)
        assert (found.bound or 0) <= (best.cost or 0) <= (found.cost or 0)


@pytest.mark.parametrize("limits", [{"survive": Survive(nodes=1)}, {"survive": Survive(nodes=2)}, {"max_gpu_types": 1}])
def test_a_limit_that_leaves_no_time_still_gives_a_plan(limits: dict[str, object]) -> None:
    # a big node carries 1 / (6/8 + 6/6) = 4/7 of 6 short and 6 long ones, so two big ones and one for each lost
    problem = routed_instance(
        OFFERS, [routes("bee", (8, 6)), routes("ant", (6, None))], [0.5, 0.5], 12, **limits)
    found = problem.solve(deterministic_limit=1e-9)
    assert found.status == "feasible"
    lost = getattr(limits.get("survive"), "nodes", 0)
    assert nodes_of(found) == {"big": 2 + lost}


def test_a_scarce_node_does_not_stand_in_where_another_of_its_ways_is_needed() -> None:
    """The one node of x serves class 1 or class 2; only x serves class 2, so that y must serve class 1."""
    offers = (offer("x", 7, gpu="bee", stock=1), offer("y", 7, gpu="ant"))
    problem = routed_instance(
        offers, [routes("bee", (5, None), engine="sglang"), routes("bee", (None, 3)), routes("ant", (4, None))],
        [0.5, 0.5], 2)
    assert problem.solve_for_cost().cost == problem.solve_for_cost(reduced=False).cost == 14
    assert nodes_of(problem.solve()) == {"x": 1, "y": 1}
