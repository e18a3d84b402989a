"""Break-even prices and capacities against brute force: at it or one below in an optimal plan, one above in none."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from optimizer.costs import PricedOffer
from optimizer.explain.entering import GpuVerdict, gpu_verdicts
from optimizer.explain.stability import Steadiness
from optimizer.solve import Solution, SolveSettings
from optimizer.units import MICRO
from tests.oracles import Instance, cheapest, cheapest_plans, instance, offer, price_ends, runs, small_instance
from tests.oracles.brute_force import cost_of, plan_count
from tests.oracles.promises import as_prepared

SETTINGS = SolveSettings()

RULES = (
    (), ("respect_stock",), ("keep_budget",), ("limit_nodes",), ("hold_nodes",), ("limit_gpu_types",),
    ("choose_engines",), ("survive_node_loss",), ("survive_provider_loss",), ("survive_region_loss",), ("cap_power",),
    ("respect_stock", "survive_node_loss"), ("limit_nodes", "choose_engines", "respect_stock"),
)


def at_price(problem: Instance, offer_id: str, price: int) -> Instance:
    """Give one offer another price."""
    return problem.with_offers(
        replace(o, ends=price_ends(price)) if o.offer_id == offer_id else o for o in problem.candidates.offers)


def holds(problem: Instance, offer_id: str) -> bool:
    """Say whether an optimal plan holds a node of an offer."""
    return any(way.offer.offer_id == offer_id for nodes in cheapest_plans(problem) for way, _ in nodes)


def tried_alone(problem: Instance, verdict: GpuVerdict) -> tuple[Instance, PricedOffer]:
    """Leave out the other offers of a GPU type."""
    one = next(o for o in problem.candidates.offers if o.offer_id == verdict.offer_id)
    left = [o for o in problem.candidates.offers if o.gpu_id != one.gpu_id or o.offer_id == one.offer_id]
    return problem.with_offers(left), one


def check_price(problem: Instance, verdict: GpuVerdict) -> None:
    """At the price and one below it the offer is in an optimal plan, one above in none."""
    alone, one = tried_alone(problem, verdict)
    if verdict.enters_at_usd_per_hour is None:
        assert not holds(at_price(alone, one.offer_id, 0), one.offer_id)
        return
    price = round(verdict.enters_at_usd_per_hour * MICRO)
    assert holds(at_price(alone, one.offer_id, price), one.offer_id)
    assert price == 0 or holds(at_price(alone, one.offer_id, price - 1), one.offer_id)
    assert not holds(at_price(alone, one.offer_id, price + 1), one.offer_id)
    assert (verdict.verdict == "equal") == (price >= one.micro_usd_per_hour)


def carrying(problem: Instance, one: PricedOffer, amount: int) -> Instance:
    """Let a node of an offer carry so much, with each of its engines."""
    target = problem.candidates.targets()[0]
    engines = sorted({o.engine_id for o in problem.candidates.options_on(0, one)})
    made = tuple(runs(one.gpu_id, [(target, amount)], engine=name, footprint=one.gpu_count) for name in engines)
    options = {**problem.candidates.options, (0, one.gpu_id): made}
    return replace(problem, candidates=replace(problem.candidates, options=options))


def check_capacity(problem: Instance, verdict: GpuVerdict) -> None:
    """The least capacity, from what it has up, with which the offer is in an optimal plan at its price."""
    alone, one = tried_alone(problem, verdict)
    demand = problem.candidates.demands[0].amount
    has = min(round(verdict.capacity_per_node or 0), demand)
    enough = [n for n in range(has, demand + 1) if holds(carrying(alone, one, n), one.offer_id)]
    needed = verdict.enters_at_capacity
    assert (None if needed is None else round(needed)) == (enough[0] if enough else None)


def check(problem: Instance) -> int:
    """Check every GPU type that lost; return how many."""
    best = problem.solve()
    if not best.has_plan:
        return 0
    found = [one for one in gpu_verdicts(as_prepared(problem), best, SETTINGS) if one.verdict in ("lost", "equal")]
    for one in found:
        check_price(problem, one)
        if len(problem.candidates.demands) == 1:
            check_capacity(problem, one)
    return len(found)


def many(rules: tuple[str, ...], count: int, services: int = 1) -> int:
    """Check some random problems; return how many verdicts they had."""
    rng, total = random.Random(f"entering {rules} {services}"), 0
    for _ in range(count):
        problem = small_instance(rng, rules, services=services, demand=7, offers=4, options=1)
        while plan_count(problem) > 1200:
            problem = small_instance(rng, rules, services=services, demand=7, offers=4, options=1)
        total += check(problem)
    return total


@pytest.mark.parametrize("rules", RULES, ids=" ".join)
def test_entry_prices_and_capacities_equal_brute_force(rules: tuple[str, ...]) -> None:
    many(rules, 8)


@pytest.mark.slow
@pytest.mark.parametrize("rules", RULES, ids=" ".join)
@pytest.mark.parametrize("services", [1, 2])
def test_many_entry_prices_and_capacities_equal_brute_force(rules: tuple[str, ...], services: int) -> None:
    assert many(rules, 60 if services == 1 else 15, services)


def test_an_offer_that_ties_needs_no_more_than_it_has() -> None:
    # demand 4: one ant for 6, or one bee for 6; the tie goes to the ant by name, and the bee is as good as it is
    problem = instance([offer("ant", 6, gpu="ant"), offer("bee", 6, gpu="bee")], [runs("ant", 4), runs("bee", 4)], [4])
    _, bee = gpu_verdicts(as_prepared(problem), problem.solve(), SETTINGS)
    assert (bee.verdict, bee.enters_at_usd_per_hour, bee.enters_at_capacity) == ("equal", 6 / MICRO, 4)


def check_own_prices(problem: Instance) -> int:
    """Between the ends of a used offer's price this plan is optimal, one step outside it is not."""
    best = problem.solve()
    if not best.has_plan:
        return 0
    steady = Steadiness(as_prepared(problem), best, SETTINGS)
    names = sorted({chosen.row.offer_id for chosen in best.chosen})
    for name in names:
        found = steady.price(name)
        low = round(found.low * MICRO)
        high = None if found.high is None else round(found.high * MICRO)
        assert is_best(problem, best, name, low)
        assert low == 0 or not is_best(problem, best, name, low - 1)
        assert is_best(problem, best, name, 10**6 if high is None else high)
        assert high is None or not is_best(problem, best, name, high + 1)
    return len(names)


def is_best(problem: Instance, solution: Solution, offer_id: str, price: int) -> bool:
    """Say whether the nodes of a solution are an optimal plan at another price of an offer."""
    changed = at_price(problem, offer_id, price)
    prices = {o.offer_id: o.micro_usd_per_hour for o in changed.candidates.offers}
    cost = sum(prices[chosen.row.offer_id] * chosen.nodes for chosen in solution.chosen)
    return cheapest(changed).cost == cost


@pytest.mark.parametrize("rules", RULES, ids=" ".join)
def test_a_plan_stays_best_within_the_range_of_a_price(rules: tuple[str, ...]) -> None:
    rng = random.Random(f"prices {rules}")
    assert sum(check_own_prices(small_instance(rng, rules, demand=7, options=1)) for _ in range(6))


@pytest.mark.slow
@pytest.mark.parametrize("rules", RULES, ids=" ".join)
def test_many_plans_stay_best_within_the_range_of_a_price(rules: tuple[str, ...]) -> None:
    rng = random.Random(f"many prices {rules}")
    assert sum(check_own_prices(small_instance(rng, rules, demand=7, options=1)) for _ in range(60)) > 20


def test_the_price_ends_even_where_the_only_other_plan_is_far_dearer() -> None:
    # two ants at 1 carry 8; with one in the plan already, a bee at 500 carries the other 4, and no plan does without
    # ants: 2 p = p + 500 at p = 500, far beyond the 2 that the plan costs
    problem = instance(
        [offer("ant", 1, gpu="ant"), offer("bee", 500, gpu="bee", stock=1)], [runs("ant", 4), runs("bee", 4)], [8])
    best = problem.solve()
    found = Steadiness(as_prepared(problem), best, SETTINGS).price("ant")
    assert (found.low, found.high) == (0.0, 500 / MICRO)
    assert sum(cost_of(nodes, problem) for nodes in cheapest_plans(at_price(problem, "ant", 501))) == 1001
