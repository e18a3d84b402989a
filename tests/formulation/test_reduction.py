"""Reductions are exact: what they drop is never needed, and what is needed they keep."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from optimizer.formulation import CONSTRAINTS, build_case, reduce_case
from optimizer.schema.problem import NodeCount, Survive
from tests.oracles import Instance, cheapest, instance, offer, random_instance, runs, small_instance

RULES = [rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes")]


def kept(problem: Instance) -> list[str]:
    """Return the offers that survive the reduction."""
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget)
    return [row.candidate.offer.offer_id for row in reduce_case(case).rows]


# a: 4 for 3; b: 5 for 3, stronger for as much; c: 6 for 5, dearer and stronger; d: 5 for 6, dearer than b, as strong
FOUR = (
    offer("a", 3, gpu="ant", provider="acme", region="east"), offer("b", 3, gpu="bee", provider="bolt", region="east"),
    offer("c", 5, gpu="cat", provider="acme", region="west"), offer("d", 6, gpu="bee", provider="acme", region="west"),
)
RUN = (runs("ant", 4), runs("bee", 5), runs("cat", 6))


def test_dearer_offers_that_carry_no_more_are_dropped() -> None:
    # a stays beside b: as cheap, and first in the order that settles ties
    assert kept(instance(FOUR, RUN, [20])) == ["a", "b", "c"]


def test_of_twins_the_first_by_id_stays() -> None:
    assert kept(instance([offer("z", 3), offer("y", 3), offer("x", 4)], [runs("small", 4)], [20])) == ["y"]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({"survive": Survive(provider=True)}, ["a", "b", "c"]),  # at acme c (6 for 5) beats d (5 for 6)
        ({"survive": Survive(region=True)}, ["a", "b", "c"]),  # in acme's west too
        ({"max_gpu_types": 1}, ["a", "b", "c"]),  # among bees b beats d
        ({"max_gpu_types": 1, "survive": Survive(provider=True)}, ["a", "b", "c", "d"]),  # d is acme's only bee
        ({"engine_policy": "fleet"}, ["a", "b", "c"]),
        ({"power_kw": 1.0}, ["a", "b", "c", "d"]),  # nothing replaces anything
    ],
)
def test_rules_narrow_what_may_replace_what(rules: dict[str, object], left: list[str]) -> None:
    assert kept(instance(FOUR, RUN, [20], **rules)) == left


def test_a_limited_offer_replaces_only_as_far_as_its_stock_goes() -> None:
    # ten requests need two nodes of 5: with one b in stock d is still needed, with two it is not
    def after(stock: int) -> list[str]:
        return kept(instance([offer("b", 3, stock=stock), offer("d", 6)], [runs("small", 5)], [10]))

    assert after(1) == ["b", "d"]
    assert after(2) == ["b"]


def test_stocks_of_several_offers_add_up() -> None:
    offers = [offer("a", 3, stock=1), offer("b", 4, stock=1), offer("d", 6)]
    assert kept(instance(offers, [runs("small", 5)], [10])) == ["a", "b"]
    assert kept(instance(offers, [runs("small", 5)], [11])) == ["a", "b", "d"]  # three nodes


@pytest.mark.parametrize("rules", [{"survive": Survive(nodes=1)}, {"nodes": NodeCount(min=3)}])
def test_what_must_survive_or_is_asked_for_counts_into_the_stock(rules: dict[str, object]) -> None:
    # a third node is needed, so two in stock are not enough
    offers = [offer("b", 3, stock=2), offer("d", 6)]
    assert kept(instance(offers, [runs("small", 5)], [10], **rules)) == ["b", "d"]


def test_services_share_a_stock_so_a_limited_offer_replaces_nothing_between_them() -> None:
    # two nodes of b are enough for either service, not for both
    offers = [offer("b", 3, stock=2), offer("d", 6)]
    problem = instance(offers, [runs("small", 5, service=0), runs("small", 5, service=1)], [10, 10])
    assert kept(problem) == ["b", "d", "b", "d"]
    assert problem.solve().cost == 2 * 3 + 2 * 6


@pytest.mark.parametrize("pair", [(), *((one,) for one in RULES), *combinations(RULES, 2)], ids="+".join)
def test_every_pair_of_rules_has_the_same_optimum_without_reductions(pair: tuple[str, ...]) -> None:
    rng = random.Random(" ".join(pair))
    feasible = 0
    for turn in range(24):
        services = 2 if turn % 3 == 0 else 1
        problem = random_instance(rng, pair, services=services, offers=9, demand=30, largest=9, options=3)
        one, other = problem.solve_for_cost(), problem.solve_for_cost(reduced=False)
        assert (one.status, one.cost) == (other.status, other.cost), f"turn {turn}"
        feasible += one.status == "optimal"
    assert feasible >= 3, "a pair whose problems are all infeasible shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_every_mix_of_rules_has_the_same_optimum_without_reductions(seed: int) -> None:
    rng = random.Random(seed)
    for turn in range(100):
        rules = rng.sample(RULES, rng.randint(0, 5))
        problem = random_instance(rng, rules, services=rng.randint(1, 3), offers=15, demand=60, largest=12, options=4)
        one, other = problem.solve_for_cost(), problem.solve_for_cost(reduced=False)
        assert (one.status, one.cost) == (other.status, other.cost), f"turn {turn}: {rules}"


@pytest.mark.parametrize("seed", range(20))
def test_stock_limits_reduce_exactly_by_brute_force(seed: int) -> None:
    # tight stocks on cheap offers, so that the sums of stocks decide; brute force sees every offer
    rng = random.Random(seed)
    for turn in range(25):
        others = ["limit_nodes", "survive_node_loss", "survive_provider_loss"]
        rules = ["respect_stock", *rng.sample(others, rng.randint(0, 2))]
        problem = small_instance(rng, rules, offers=5, demand=11, largest=5, options=1, price=5)
        expected, found = cheapest(problem), problem.solve_for_cost()
        assert (found.status, found.cost) == (expected.status, expected.cost), f"turn {turn}: {rules}"
