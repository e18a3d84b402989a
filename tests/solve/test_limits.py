"""What the solver says when it is stopped, when there is no plan, and when numbers are huge."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from optimizer.formulation import CONSTRAINTS
from optimizer.formulation.cp_sat import cp_model
from optimizer.schema.problem import Survive
from optimizer.solve import Solution
from tests.oracles import Instance, cheapest, highs_cost, instance, offer, random_instance, runs, small_instance
from tests.oracles.brute_force import Way, cost_of

RULES = [rule.name for rule in CONSTRAINTS if rule.name not in ("meet_demand", "split_classes")]


def hard_problem() -> Instance:
    """40 offers of nearly the same price per request, three services, at most 5 GPU types, one node to lose."""
    rng = random.Random(7)
    offers, options = [], []
    for i in range(40):
        carries = rng.randint(1000, 3000)
        stock = rng.choice([None, 2, 3])
        offers.append(offer(f"o{i:02}", carries * 1000 + rng.randint(0, 300_000), gpu=f"g{i}", stock=stock))
        options += [runs(f"g{i}", carries * (10 - service) // 10, service=service) for service in range(3)]
    return instance(offers, options, [23_457, 31_234, 12_345], max_gpu_types=5, survive=Survive(nodes=1))


HARD = hard_problem()


def holds_together(found: Solution, problem: Instance) -> None:
    """Assert what is true of every answer, stopped or not."""
    assert found.status in ("optimal", "feasible", "infeasible", "unknown")
    assert found.has_plan is bool(found.chosen)
    assert (found.cost is not None) is found.has_plan
    if found.has_plan:
        nodes = tuple((Way(c.row.candidate.offer, c.row.candidate.option, c.row.capacity), c.nodes)
                      for c in found.every)
        assert found.cost == cost_of(nodes, problem)
        assert found.bound is not None
        assert 0 <= found.bound <= found.cost
        assert found.status == "feasible" or found.bound == found.cost
    if found.status == "infeasible":
        assert found.bound is None


@pytest.mark.parametrize("limit", [0.0, 1e-9, 1e-6])
def test_stopped_before_any_plan_is_unknown(limit: float) -> None:
    found = HARD.solve(deterministic_limit=limit)
    holds_together(found, HARD)
    assert (found.status, found.cost, found.chosen) == ("unknown", None, ())


def test_stopped_with_a_plan_is_feasible_with_a_gap() -> None:
    found = HARD.solve(deterministic_limit=0.05)
    holds_together(found, HARD)
    assert found.status == "feasible"
    assert found.cost is not None
    assert found.bound is not None
    assert found.bound < found.cost


def test_a_deterministic_limit_gives_the_same_answer_every_time() -> None:
    one, other = HARD.solve(deterministic_limit=0.05), HARD.solve(deterministic_limit=0.05)
    assert [(chosen.row.rank, chosen.nodes) for chosen in one.chosen] == [(c.row.rank, c.nodes) for c in other.chosen]
    assert (one.status, one.cost, one.bound, one.targets) == (other.status, other.cost, other.bound, other.targets)


def test_a_longer_search_is_never_worse() -> None:
    # each goes on from nothing, first without presolve, then with it: what the first attempt found is not lost
    found = [HARD.solve(deterministic_limit=limit) for limit in (0.002, 0.01, 0.05, 0.1)]
    costs, bounds = [one.cost or 0 for one in found], [one.bound or 0 for one in found]
    assert all(one.has_plan for one in found)
    assert costs == sorted(costs, reverse=True)
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.001, 0.02])
def test_a_time_limit_never_raises(seconds: float) -> None:
    holds_together(HARD.solve(time_limit_s=seconds), HARD)


def test_stopped_anywhere_the_bound_is_below_the_optimum() -> None:
    rng, seen = random.Random(2), Counter()
    for turn in range(60):
        rules = rng.sample(RULES, rng.randint(1, 3))
        problem = random_instance(rng, rules, services=1 + turn % 3, offers=30, demand=300, largest=40, price=10**6)
        best = highs_cost(problem)
        for limit in (1e-6, 1e-4, 1e-3):
            found = problem.solve_for_cost(deterministic_limit=limit)
            holds_together(found, problem)
            seen[found.status] += 1
            if found.status == "infeasible":
                assert best.status == "infeasible"
            elif best.cost is not None:
                assert found.bound is not None
                assert found.bound <= best.cost
                assert found.cost is None or found.cost >= best.cost
    assert min(seen[status] for status in ("optimal", "feasible", "infeasible", "unknown")) > 2, seen


def test_infeasible_is_confirmed_without_presolve(monkeypatch: pytest.MonkeyPatch) -> None:
    # 9 take 3 a (4 each) for 9, or b (11) for 8; a budget of 7 refuses both. The answer must come without presolve
    presolved: list[bool] = []
    solve = cp_model.CpSolver.solve

    def watched(self: cp_model.CpSolver, *args: object) -> object:
        presolved.append(self.parameters.cp_model_presolve)
        return solve(self, *args)

    monkeypatch.setattr(cp_model.CpSolver, "solve", watched)
    offers, options = [offer("a", 3), offer("b", 8, gpu="large")], [runs("small", 4), runs("large", 11)]
    assert instance(offers, options, [9], budget=7).solve().status == "infeasible"
    assert presolved[-1] is False


def test_a_presolve_that_errs_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    # as in or-tools issues 5141 and 5274: presolve calls a feasible problem infeasible
    solve = cp_model.CpSolver.solve

    def erring(self: cp_model.CpSolver, *args: object) -> object:
        status = solve(self, *args)
        return cp_model.INFEASIBLE if self.parameters.cp_model_presolve else status

    honest = HARD.solve(deterministic_limit=0.002)
    monkeypatch.setattr(cp_model.CpSolver, "solve", erring)
    found = HARD.solve(deterministic_limit=0.002)
    assert (honest.status, found.status) == ("feasible", "feasible")


# Doubles hold integers to 2^53 = 9.0e15. Here plans cost about 1e16 micro-dollars an hour, and differ by ones.
@pytest.mark.parametrize("seed", range(30))
def test_costs_beyond_what_doubles_hold_are_exact(seed: int) -> None:
    rng = random.Random(seed)
    capacities = [rng.randint(3, 9) for _ in range(5)]
    offers = [
        offer(f"o{i}", 10**15 * carries + rng.randint(0, 3), gpu=f"g{i}") for i, carries in enumerate(capacities)
    ]
    problem = instance(offers, [runs(f"g{i}", carries) for i, carries in enumerate(capacities)], [rng.randint(10, 25)])
    found, expected = problem.solve_for_cost(), cheapest(problem)
    assert (found.status, found.cost, found.bound) == ("optimal", expected.cost, expected.cost)
    assert problem.solve_for_cost(reduced=False).cost == expected.cost


def test_too_large_for_one_objective_is_solved_in_stages() -> None:
    # cost x nodes is beyond 2^61, so cost is settled first, then nodes: 2 x 6 rather than 3 x 4, at 12e16 either way
    offers = [offer("a", 4 * 10**16, gpu="ant"), offer("b", 6 * 10**16, gpu="bee")]
    found = instance(offers, [runs("ant", 4), runs("bee", 6)], [12]).solve()
    assert (found.status, found.cost, found.bound) == ("optimal", 12 * 10**16, 12 * 10**16)
    assert [(chosen.row.candidate.offer.offer_id, chosen.nodes) for chosen in found.chosen] == [("b", 2)]


@pytest.mark.parametrize("seed", range(8))
def test_two_runs_are_identical(seed: int) -> None:
    rng = random.Random(seed)
    problem = small_instance(rng, rng.sample(RULES, 2), services=1 + seed % 2, offers=6, demand=9, price=4)
    one, other = problem.solve(), problem.solve()
    assert one == other
    assert problem.solve(seed=99).cost == one.cost
