"""Who pays what, and what separate plans cost."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.fleet.alone import best_filling, broken_together, every_alone
from optimizer.fleet.case import FleetCase, build_fleet
from optimizer.fleet.shares import Coalition, coalition_costs, shapley_values, shares_of, split_cents
from optimizer.fleet.solution import FleetSolution, cost_of
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from tests.fleet.test_optimum import shop, solved
from tests.oracles.fleets import brute_cost
from tests.oracles.instances import Instance, instance, offer, random_instance, runs

PLAIN = SolveSettings()
seeds = st.integers(0, 2**32)
RULES = (
    "respect_stock", "limit_gpu_types", "choose_engines", "cap_power", "survive_provider_loss", "survive_region_loss",
    "survive_node_loss",
)


def case_of(problem: Instance) -> FleetCase:
    return build_fleet(problem.candidates, problem.limits, problem.budget)


def cost_in(case: FleetCase, found: FleetSolution) -> int:
    assert found.placement is not None
    return cost_of(case, found.placement.nodes)


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
    case, found = solved(shop())
    plans = every_alone(case, PLAIN, Clock(PLAIN))
    assert [one.cost for one in plans] == [10, 10, 10]
    costs = coalition_costs(case, cost_in(case, found), plans, PLAIN, Clock(PLAIN))
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


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds, rules=st.sets(st.sampled_from(RULES), max_size=2))
def test_alone_is_a_fleet_of_one_service(seed: int, rules: set[str]) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, sorted(rules), services=1, offers=3, demand=8, largest=5)
    if problem.limits.survive.nodes > 1:
        problem = problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": 1}))
    case, found = solved(problem)
    if not all(case.by_service):
        return
    (alone,) = every_alone(case, PLAIN, Clock(PLAIN))
    assert alone.cost == found.bound


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=seeds)
def test_coalitions_agree_with_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    problem = random_instance(rng, services=3, offers=2, demand=4, largest=4)
    case, found = solved(problem)
    if found.placement is None:
        return
    plans = every_alone(case, PLAIN, Clock(PLAIN))
    costs = coalition_costs(case, cost_in(case, found), plans, PLAIN, Clock(PLAIN))
    assert costs is not None
    for members, cost in costs.items():
        assert not members or cost == brute_cost(problem, 12, sorted(members))


def test_shares_add_up_to_the_cost_in_cents() -> None:
    offers = [offer("four", 1_234_567, gpus=4), offer("one", 500_001)]
    problem = instance(offers, [runs("small", 4, service=s) for s in range(3)], (4, 8, 2))
    case, found = solved(problem)
    plans = every_alone(case, PLAIN, Clock(PLAIN))
    shares = shares_of(case, found, cost_in(case, found), plans, PLAIN, Clock(PLAIN))
    cents = round(cost_in(case, found) * 730 / 1e4)  # micro-dollars an hour x 730 hours / 10,000 are cents
    for key in ("proportional_usd_per_month", "shapley_usd_per_month"):
        assert sum(round(getattr(one, key) * 100) for one in shares) == cents
    assert all(one.marginal_usd_per_month is None for one in shares)


def test_without_shapley_the_duals_weigh() -> None:
    case, found = solved(shop())
    plans = every_alone(case, PLAIN, Clock(PLAIN))
    near = FleetSolution("feasible", found.placement, 20, found.served, duals=(1, 2, 1))
    shares = shares_of(case, near, 100 * 10**6, plans, PLAIN, Clock(PLAIN))
    # 100 dollars an hour are 73,000 a month: a quarter, a half, a quarter
    assert [one.marginal_usd_per_month for one in shares] == [18_250, 36_500, 18_250]
    assert all(one.shapley_usd_per_month is None for one in shares)


def test_a_node_is_filled_as_well_as_can_be() -> None:
    case = case_of(instance([offer("six", 9, gpus=6)], [runs("small", 5, footprint=4), runs("small", 2)], (40,)))
    # 4 + 1 + 1 GPUs carry 5 + 2 + 2 = 9, six single ones 12
    assert best_filling(6, case.items) == 12


def test_separate_plans_may_break_what_holds_for_the_whole() -> None:
    offers = [offer("four", 24, gpus=4, stock=1), offer("one", 100)]
    problem = instance(offers, [runs("small", 4, service=s) for s in range(2)], (4, 4), budget=30)
    case = case_of(problem)
    plans = every_alone(case, PLAIN, Clock(PLAIN))
    assert [one.cost for one in plans] == [24, 24]
    told = list(broken_together(case, plans))
    assert told[0] == "stock of four: 2 taken, 1 there"
    assert told[1].startswith("budget: ")
