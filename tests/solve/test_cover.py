"""The enumeration of one covering row answers exactly as CP-SAT does, ties included, or gives up."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from optimizer.formulation import CONSTRAINTS, build_case
from optimizer.schema.problem import Survive
from optimizer.solve import SolveSettings, solve_at
from optimizer.solve.cover import cheapest_cover, is_one_cover
from tests.oracles import Instance, instance, offer, random_instance, runs

RULES = (
    "respect_stock", "keep_budget", "limit_gpu_types", "cap_power", "hold_nodes", "survive_node_loss", "choose_engines",
)

CONSTRAINT_NAMES = sorted(rule.name for rule in CONSTRAINTS)


def answers(problem: Instance) -> list[tuple[object, ...]]:
    found = []
    for settings in (SolveSettings(), SolveSettings(enumerated=True)):
        targets = problem.candidates.targets()
        one = solve_at(problem.candidates, problem.limits, targets, problem.budget, settings)
        found.append((one.status, one.cost, one.bound, [(c.row.rank, c.nodes) for c in one.chosen]))
    return found


def drawn(seed: int) -> Instance:
    """Draw an instance under a few of the rules, some with at most some nodes."""
    rng = random.Random(seed)
    rules = [rule for rule in RULES if rng.random() < 0.4]
    problem = random_instance(rng, rules, offers=7, demand=60, largest=20, price=40)
    if rng.random() < 0.3:
        nodes = problem.limits.nodes.model_copy(update={"max": rng.randint(1, 8)})
        problem = problem.with_limits(nodes=nodes)
    return problem


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_random_cases_have_the_same_plan(start: int) -> None:
    known = 0
    for seed in range(start, start + 50):
        problem = drawn(seed)
        cp_sat, enumerated = answers(problem)
        assert cp_sat == enumerated, seed
        case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget)
        known += is_one_cover(case)
    assert known > 25  # most are enumerated, else this compares CP-SAT with itself


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 9000, 500))
def test_many_random_cases_have_the_same_plan(start: int) -> None:
    for seed in range(start, start + 500):
        cp_sat, enumerated = answers(drawn(seed))
        assert cp_sat == enumerated, seed


def test_ties_go_to_fewer_nodes_then_to_the_first_offers() -> None:
    # demand 4 at 4 dollars: 2 x a (2 each), 2 x b, 1 x c (4); c has the fewest nodes
    problem = instance(
        [offer("a", 2, gpu="ant"), offer("b", 2, gpu="bee"), offer("c", 4, gpu="cat")],
        [runs("ant", 2), runs("bee", 2), runs("cat", 4)], [4],
    )
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), None, unreduced=True)
    cover = cheapest_cover(case)
    assert cover is not None
    assert dict(zip([row.offer_id for row in case.rows], cover.counts or (), strict=True)) == {"a": 0, "b": 0, "c": 1}


def test_it_gives_up_where_it_would_take_long() -> None:
    # 40 rows of nearly the same price for what they carry: far more than 4,000 branches
    rng = random.Random(7)
    offers = [offer(f"o{i:02d}", 1000 + i, gpu=f"g{i:02d}") for i in range(40)]
    options = [runs(f"g{i:02d}", 990 + rng.randint(0, 9) + i) for i in range(40)]
    problem = instance(offers, options, [123_457])
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), None, unreduced=True)
    assert is_one_cover(case)
    assert cheapest_cover(case) is None


def test_a_lost_node_is_covered_at_the_best_level() -> None:
    # demand 4, one node may go: 2 x c keep 4 at 8 dollars; 3 x a keep 4 at 6 (t = 2: 3 x 2 >= 4 + 2)
    problem = instance(
        [offer("a", 2, gpu="ant"), offer("c", 4, gpu="cat")], [runs("ant", 2), runs("cat", 4)], [4],
        survive=Survive(nodes=1),
    )
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), None)
    cover = cheapest_cover(case)
    assert cover is not None
    assert dict(zip([row.offer_id for row in case.rows], cover.counts or (), strict=True)) == {"a": 3, "c": 0}


def test_services_apart_are_the_optimum_of_all() -> None:
    """Two or three services: solved apart where stock and shared limits allow, the same plan as all at once."""
    for seed in range(120):
        rng = random.Random(seed)
        rules = [rule for rule in CONSTRAINT_NAMES if rng.random() < 0.3]
        problem = random_instance(rng, rules, services=rng.randint(2, 3), offers=4, demand=8)
        together = problem.solve_for_cost(reduced=False)
        apart = problem.solve_for_cost()
        assert (apart.status, apart.cost) == (together.status, together.cost), seed


def test_several_services_losses_and_engine_rules_are_left_to_cp_sat() -> None:
    base = instance([offer("a", 2)], [runs("small", 2)], [4])
    case = build_case(base.candidates, base.limits, base.candidates.targets(), None)
    assert is_one_cover(case)
    assert not is_one_cover(replace(case, lose_provider=True))
    assert not is_one_cover(replace(case, engine_policy="per_gpu"))
    assert not is_one_cover(replace(case, demand=(4, 4)))
    assert not is_one_cover(replace(case, min_nodes=2))
