"""Who is served when not all can be: every choice tried one by one, and what is named as short."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.fleet import solve_fleet
from optimizer.fleet.case import FleetCase, build_fleet
from optimizer.fleet.shed import choose_served
from optimizer.fleet.short import shortages
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from tests.oracles.fleets import brute_cost
from tests.oracles.instances import Instance, instance, offer, random_instance, runs

PLAIN = SolveSettings()


def case_of(problem: Instance, priority: tuple[int, ...]) -> FleetCase:
    case = build_fleet(problem.candidates, problem.limits, problem.budget)
    return replace(case, priority=tuple(priority[i] for i in case.positions))


def best_by_hand(problem: Instance, priority: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """Return (services served by class, most important first; cost) of the best choice."""
    found = []
    count = len(priority)
    for size in range(1, count + 1):
        for chosen in itertools.combinations(range(count), size):
            cost = brute_cost(problem, 3, chosen)
            if cost is not None:
                served = tuple(-sum(priority[i] == level for i in chosen) for level in sorted(set(priority)))
                found.append((served, cost))
    return min(found, default=None)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), losing=st.booleans())
def test_agrees_with_every_choice(seed: int, losing: bool) -> None:
    rng = random.Random(seed)
    made = random_instance(rng, ["respect_stock"], services=3, offers=3, demand=6, largest=4)
    # no more than three nodes of an offer, so that brute force tries all there are
    offers = [replace(one, stock=min(one.stock or 3, 2)) for one in made.candidates.offers]
    problem = made.with_offers(offers)
    if losing:
        problem = problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": 1}))
    priority = tuple(rng.randint(1, 2) for _ in range(3))
    case, by_hand = case_of(problem, priority), best_by_hand(problem, priority)
    choice = choose_served(case, PLAIN, Clock(PLAIN))
    if by_hand is None:
        assert choice is None or not choice.served
        return
    assert choice is not None
    assert choice.proven
    levels = sorted(set(priority))
    served = tuple(-sum(case.priority[i] == level for i in choice.served) for level in levels)
    part = solve_fleet(case.only(choice.served), PLAIN, Clock(PLAIN))
    assert (served, part.bound) == by_hand


def test_a_class_serves_as_many_as_can_be_before_the_next() -> None:
    # four GPUs; a service of class 1 takes 3, two of class 1 take 2 each, one of class 2 takes 1
    offers = [offer("four", 10, gpus=4, stock=1)]
    options = [runs("small", 1, service=s) for s in range(4)]
    case = case_of(instance(offers, options, (3, 2, 2, 1)), (1, 1, 1, 2))
    choice = choose_served(case, PLAIN, Clock(PLAIN))
    assert choice is not None
    assert [case.names[i] for i in choice.served] == ["service-1", "service-2"]
    other = choose_served(replace(case, priority=(1, 2, 2, 2)), PLAIN, Clock(PLAIN))
    assert other is not None
    assert [case.names[i] for i in other.served] == ["service-0", "service-3"]


def test_each_rule_that_alone_stands_in_the_way_is_named() -> None:
    offers = [offer("four", 10 * 10**6, gpus=4, stock=1, watts=1000)]
    options = [runs("small", 1, service=s) for s in range(2)]
    problem = instance(offers, options, (4, 4))
    told = [one.told for one in shortages(case_of(problem, (1, 1)), Clock(PLAIN))]
    # two nodes at 10 USD/h x 730 h = 14,600 USD/month
    assert told == ["limits.stock: at least 1 more of four (has 1): a fleet from $14,600.00/month"]
    roomy = [offer("four", 10 * 10**6, gpus=4, watts=1000)]
    for limits, expected in (
        ({"budget": 15 * 10**6}, "limits.budget: $10,950.00/month is too little, $14,600.00 is enough"),
        ({"nodes": {"min": 0, "max": 1}}, "limits.nodes.max: 1 is too few, 2 are enough"),
        ({"power_kw": 1.5}, "limits.power_kw: 1.5 kW is too little, 2 kW is enough"),
    ):
        problem = instance(roomy, options, (4, 4), **limits)  # type: ignore[arg-type]
        (one,) = shortages(case_of(problem, (1, 1)), Clock(PLAIN))
        assert one.told == f"{expected}: a fleet from $14,600.00/month"
