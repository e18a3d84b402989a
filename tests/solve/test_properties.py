"""What must hold for every problem: more is never cheaper, choice is never dearer, prices scale."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.formulation import CONSTRAINTS
from optimizer.load import Catalog, load_catalog, load_problem
from optimizer.schema.problem import NodeCount, Slo, Survive
from optimizer.solve import SolveSettings, prepare, solve
from tests.oracles import Instance, price_ends, random_instance

RULES = [rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes")]

problems = st.builds(
    lambda seed, rules, services: random_instance(
        random.Random(seed), sorted(rules), services=services, offers=8, demand=25, largest=9, options=3),
    seed=st.integers(0, 2**32), rules=st.sets(st.sampled_from(RULES), max_size=3), services=st.integers(1, 2))

quick = settings(max_examples=120, deadline=None, derandomize=True)


def cost(problem: Instance) -> float:
    """Return the least cost, infinite when there is no plan."""
    found = problem.solve_for_cost()
    assert found.status in ("optimal", "infeasible")
    return math.inf if found.cost is None else found.cost


@quick
@given(problem=problems, more=st.integers(1, 20), service=st.integers(0, 1))
def test_more_demand_is_never_cheaper(problem: Instance, more: int, service: int) -> None:
    demands = list(problem.candidates.demands)
    index = service % len(demands)
    demands[index] = replace(demands[index], amount=demands[index].amount + more)
    larger = replace(problem, candidates=replace(problem.candidates, demands=tuple(demands)))
    assert cost(larger) >= cost(problem)


@quick
@given(problem=problems, target=st.sampled_from([10.5, 12.0, 15.0, 20.0, 35.0]), service=st.integers(0, 1))
def test_a_tighter_promise_is_never_cheaper(problem: Instance, target: float, service: int) -> None:
    services = list(problem.candidates.services)
    index = service % len(services)
    services[index] = services[index].model_copy(update={"slo": Slo(tokens_per_s_per_user=target)})
    faster = replace(problem, candidates=replace(problem.candidates, services=tuple(services)))
    assert cost(faster) >= cost(problem)


@quick
@given(problem=problems, which=st.integers(0, 7))
def test_one_more_offer_is_never_dearer(problem: Instance, which: int) -> None:
    offers = list(problem.candidates.offers)
    del offers[which % len(offers)]
    assert cost(problem) <= cost(problem.with_offers(offers))


@quick
@given(problem=problems, factor=st.sampled_from([2, 3, 1000, 10**7]))
def test_prices_times_k_cost_k_times_as_much(problem: Instance, factor: int) -> None:
    offers = [replace(o, ends=price_ends(o.micro_usd_per_hour * factor)) for o in problem.candidates.offers]
    budget = None if problem.budget is None else problem.budget * factor
    if problem.limits.contracts:
        return  # a bill is rounded up once, so that it is not the factor times the other
    dearer = replace(problem.with_offers(offers), budget=budget)
    one, other = problem.solve(), dearer.solve()
    assert other.cost == (None if one.cost is None else one.cost * factor)
    assert [(c.row.rank, c.nodes) for c in other.chosen] == [(c.row.rank, c.nodes) for c in one.chosen]


LOOSER: dict[str, Callable[[Instance], Instance]] = {
    "respect_stock": lambda p: p.with_offers([replace(o, stock=None) for o in p.candidates.offers]),
    "keep_budget": lambda p: replace(p, budget=None),
    "limit_nodes": lambda p: p.with_limits(nodes=NodeCount()),
    "hold_nodes": lambda p: p.with_limits(at_least={}),
    "limit_gpu_types": lambda p: p.with_limits(max_gpu_types=None),
    "choose_engines": lambda p: p.with_limits(engine_policy="any"),
    "survive_node_loss": lambda p: p.with_limits(survive=p.limits.survive.model_copy(update={"nodes": 0})),
    "survive_provider_loss": lambda p: p.with_limits(survive=p.limits.survive.model_copy(update={"provider": False})),
    "survive_region_loss": lambda p: p.with_limits(survive=p.limits.survive.model_copy(update={"region": False})),
    "pay_contracts": lambda p: p.with_limits(contracts={
        name: one.model_copy(update={"minimum_usd_per_month": 0.0, "fee_usd_per_month": 0.0})
        for name, one in p.limits.contracts.items()}),
    "cap_spot_share": lambda p: p.with_limits(spot_share_fraction=None),
    "cap_power": lambda p: p.with_limits(power_kw=None),
}


def test_every_rule_can_be_lifted_here() -> None:
    assert sorted(LOOSER) == sorted(RULES)


@quick
@given(problem=problems, rule=st.sampled_from(RULES))
def test_lifting_a_rule_is_never_dearer(problem: Instance, rule: str) -> None:
    assert cost(LOOSER[rule](problem)) <= cost(problem)


@quick
@given(problem=problems)
def test_losing_a_whole_provider_is_harder_than_losing_a_region_of_it(problem: Instance) -> None:
    provider = problem.with_limits(survive=Survive(provider=True))
    region = problem.with_limits(survive=Survive(region=True))
    assert cost(provider) >= cost(region) >= cost(problem.with_limits(survive=Survive()))


@quick
@given(problem=problems)
def test_one_engine_everywhere_is_harder_than_one_for_each_gpu(problem: Instance) -> None:
    fleet, per_gpu, free = (cost(problem.with_limits(engine_policy=policy)) for policy in ("fleet", "per_gpu", "any"))
    assert fleet >= per_gpu >= free


@quick
@given(problem=problems)
def test_the_plan_keeps_its_promise_at_its_own_speed(problem: Instance) -> None:
    # asked for the speed that the plan reaches, the same money is enough, and the same plan comes out
    found = problem.solve()
    if found.has_plan:
        services = tuple(
            service.model_copy(update={"slo": Slo(tokens_per_s_per_user=target)})
            for service, target in zip(problem.candidates.services, found.targets, strict=True))
        again = replace(problem, candidates=replace(problem.candidates, services=services)).solve()
        assert again.cost == found.cost
        assert again.targets == found.targets


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(references=["llama-3-8b-instruct"])


def monthly(catalog: Catalog, *overrides: str) -> float:
    """Return the cost of the seed problem with some keys set, without its budget, infinite when there is no plan."""
    prepared = prepare(load_problem("helpdesk-llama3-8b", ("limits.budget.amount=90000000", *overrides)), catalog)
    found = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings())
    return math.inf if found.cost is None else found.cost


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("services.0.demand.peak_concurrency", (1, 10, 40, 41, 100, 400)),
        ("services.0.headroom_fraction", (0.0, 0.2, 9.0)),
        ("services.0.slo.tokens_per_s_per_user", (5.0, 15.0, 25.0, 40.0, 70.0)),
        ("limits.survive.nodes", (0, 1, 2)),
        ("limits.nodes.min", (1, 3, 6)),
    ],
)
def test_the_seed_problem_is_never_cheaper_when_it_asks_for_more(
    catalog: Catalog, key: str, values: tuple[float, ...]
) -> None:
    costs = [monthly(catalog, f"{key}={value}") for value in values]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]
