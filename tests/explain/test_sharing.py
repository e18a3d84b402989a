"""Who pays what, what separate plans cost, and what is short."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.explain.sharing import Coalition, Sharing, broken_together, shapley_values, split_cents
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from tests.oracles.asked import asked_of
from tests.oracles.fleets import brute_cost
from tests.oracles.instances import Instance, instance, offer, random_instance, runs
from tests.strategies.test_sharing import shop

seeds = st.integers(0, 2**32)


def sharing_of(problem: Instance) -> Sharing:
    asked = asked_of(problem)
    return Sharing(asked, answer(asked.question, Effort()), Effort())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(total=st.integers(0, 10**6), weights=st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_cents_add_up_and_are_off_by_less_than_one(total: int, weights: list[int]) -> None:
    parts = split_cents(total, [Fraction(one) for one in weights])
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(total * weight, whole) if whole else Fraction(total, len(weights))
        assert abs(part - exact) < 1


def test_shapley_of_services_alike_is_the_same() -> None:
    # any one or two alone cost 10 and 20, all three together 24: each pays 8
    sharing = sharing_of(shop())
    assert sharing.costs == (10, 10, 10)
    costs = sharing.coalitions()
    assert costs is not None
    assert sorted(costs.values()) == [0, 10, 10, 10, 20, 20, 20, 24]
    assert shapley_values(3, costs) == [8, 8, 8]


def orders(count: int, costs: dict[Coalition, int]) -> list[Fraction]:
    """Average what each adds over every order of joining."""
    added = [Fraction(0)] * count
    every = list(itertools.permutations(range(count)))
    for order in every:
        for place, member in enumerate(order):
            before = frozenset(order[:place])
            added[member] += costs[before | {member}] - costs[before]
    return [one / len(every) for one in added]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(count=st.integers(1, 4), seed=seeds)
def test_shapley_is_the_mean_over_all_orders(count: int, seed: int) -> None:
    rng = random.Random(seed)
    members = [frozenset(i for i in range(count) if mask >> i & 1) for mask in range(2**count)]
    costs = {one: rng.randint(1, 99) if one else 0 for one in members}
    assert shapley_values(count, costs) == orders(count, costs)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=seeds)
def test_coalitions_agree_with_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, services=3, offers=2, demand=4, largest=4)
    sharing = sharing_of(problem)
    costs = sharing.coalitions() if sharing.found.has_plan else None
    for members, cost in (costs or {}).items():
        assert not members or cost == brute_cost(problem, 12, sorted(members))


def test_demands_weigh_what_they_add_to_the_bound() -> None:
    # a service of twice the replicas adds twice as much
    margins = sharing_of(shop((4, 8, 4))).margins()
    assert margins is not None
    assert margins[1] == 2 * margins[0] == 2 * margins[2] > 0


def test_separate_plans_may_break_what_holds_for_the_whole() -> None:
    offers = [offer("four", 24, gpus=4, stock=1), offer("one", 100)]
    sharing = sharing_of(instance(offers, [runs("small", 4, service=s) for s in range(2)], (4, 4), budget=30))
    assert sharing.costs == (24, 24)
    told = list(broken_together(sharing))
    assert told[0] == "stock of four: 2 taken, 1 there"
    assert told[1].startswith("limits.budget: ")
