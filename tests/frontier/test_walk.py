"""The walk along every axis equals solving at every level by brute force, on hundreds of random problems."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from optimizer.frontier.axes import Axis, LossesAxis, SpeedAxis, TtftAxis, UsersAxis
from optimizer.frontier.walk import Step, climb
from optimizer.solve import SolveSettings, solve
from tests.oracles import cheapest
from tests.oracles.promises import Promise, random_promise

RULES = (
    (), ("respect_stock",), ("keep_budget",), ("limit_nodes",), ("hold_nodes",), ("limit_gpu_types",),
    ("choose_engines",), ("survive_node_loss",), ("survive_provider_loss",), ("survive_region_loss",), ("cap_power",),
    ("respect_stock", "keep_budget", "choose_engines"), ("limit_nodes", "survive_node_loss", "limit_gpu_types"),
)

SETTINGS = SolveSettings()


def cost_at(problem: Promise) -> int | None:
    """Return the least cost by brute force."""
    return cheapest(problem.plain()).cost


def with_survive(problem: Promise, nodes: int) -> Promise:
    """Return the problem with so many nodes to lose."""
    survive = problem.rules.limits.survive.model_copy(update={"nodes": nodes})
    return replace(problem, rules=problem.rules.with_limits(survive=survive))


Levels = list[tuple[Fraction, int | None]]
"""(value, least cost by brute force) in rising strictness, every value at which something may change."""


def walk(axis: Axis, start: Fraction) -> list[Step]:
    """Walk, and keep the steps that have a plan."""
    return [step for step in climb(axis, start, SETTINGS) if step.solution.has_plan]


def speed_case(problem: Promise) -> tuple[Axis, Fraction, Levels]:
    counts = range(1, 10)
    speeds = {1000 / one.line.tpot_ms(count) for one in problem.runs if one.service == 0 for count in counts}
    levels = [10.0, *sorted(speed for speed in speeds if speed > 10.0)]
    found = [(Fraction(level), cost_at(replace(problem, tokens_per_s=level))) for level in levels]
    return SpeedAxis(problem.prepared(), 0, None), Fraction(10), found


def users_case(problem: Promise) -> tuple[Axis, Fraction, Levels]:
    low, high = 1, problem.demands[0]
    found = [
        (Fraction(users), cost_at(replace(problem, demands=(users, *problem.demands[1:]))))
        for users in range(low, high + 1)
    ]
    return UsersAxis(problem.prepared(), 0, Fraction(high)), Fraction(low), found


def losses_case(problem: Promise) -> tuple[Axis, Fraction, Levels]:
    found = [(Fraction(nodes), cost_at(with_survive(problem, nodes))) for nodes in range(3)]
    return LossesAxis(with_survive(problem, 0).prepared(), 0, Fraction(2)), Fraction(0), found


def ttft_case(problem: Promise) -> tuple[Axis, Fraction, Levels]:
    loose = replace(problem, ttft_ms=900.0)
    times = {one.line.ttft_ms(count) for one in problem.runs if one.service == 0 for count in range(1, 10)}
    levels = [900.0, *sorted((time for time in times if 150.0 < time < 900.0), reverse=True), 150.0]
    found = [(-Fraction(level), cost_at(replace(problem, ttft_ms=level))) for level in levels]
    return TtftAxis(loose.prepared(), 0, Fraction(-150)), Fraction(-900), found


CASES = {"speed": speed_case, "users": users_case, "losses": losses_case, "ttft": ttft_case}


def frontier_of_levels(levels: Levels) -> list[tuple[Fraction, int]]:
    """Return the last value of each cost: what a complete frontier lists."""
    found: list[tuple[Fraction, int]] = []
    for value, cost in levels:
        if cost is None:
            break
        if found and found[-1][1] == cost:
            found.pop()
        found.append((value, cost))
    return found


def check(problem: Promise, name: str) -> int:
    """Hold a walk against solving every level; return how many points it has."""
    axis, start, levels = CASES[name](problem)
    steps = list(climb(axis, start, SETTINGS))
    points = [step for step in steps if step.solution.has_plan]
    expected = frontier_of_levels(levels)
    assert [(step.value, step.solution.cost) for step in points] == expected
    assert all(step.solution.status == "optimal" for step in points)
    assert all(one.value < other.value for one, other in pairwise(points))
    ended = bool(points) and axis.ends_with(points[-1].value)
    assert steps[-1].solution.status == ("optimal" if ended else "infeasible")
    return len(points)


def draw(rng: random.Random, rules: Iterable[str], name: str, services: int) -> Promise:
    """Draw a problem for an axis: small where every level needs more nodes."""
    return random_promise(rng, rules, services, demand=8 if services == 1 else 5, most=3000 if services == 1 else 2000)


def run(name: str, rules: tuple[str, ...], services: int, count: int) -> tuple[int, int]:
    """Check some problems; return problems with a frontier, and points."""
    rng = random.Random(f"{name} {rules} {services}")
    sizes = [check(draw(rng, rules, name, services), name) for _ in range(count)]
    return sum(size > 0 for size in sizes), sum(sizes)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rules", RULES, ids=" ".join)
def test_walk_equals_brute_force_at_every_level(name: str, rules: tuple[str, ...]) -> None:
    run(name, rules, 1, 3)


@pytest.mark.parametrize("name", CASES)
def test_walk_of_two_services_equals_brute_force(name: str) -> None:
    solvable, points = run(name, (), 2, 4)
    assert solvable > 1
    assert points > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rules", RULES, ids=" ".join)
@pytest.mark.parametrize("services", [1, 2])
def test_many_walks_equal_brute_force(name: str, rules: tuple[str, ...], services: int) -> None:
    solvable, points = run(name, rules, services, 25 if services == 1 else 8)
    assert solvable > 0
    assert points >= solvable


@pytest.mark.parametrize("name", CASES)
def test_solving_at_a_point_costs_as_much(name: str) -> None:
    """`solve` of the problem at a point's value gives its cost, and no value between is reached for less."""
    rng = random.Random(f"solve {name}")
    for _ in range(8):
        axis, start, _ = CASES[name](draw(rng, (), name, 1))
        for step in walk(axis, start):
            at = axis.at(step.value)
            again = solve(at.candidates, at.problem.limits, at.budget, SETTINGS)
            assert (again.status, again.cost) == ("optimal", step.solution.cost)


@pytest.mark.parametrize("name", CASES)
def test_few_solves_for_each_point(name: str) -> None:
    rng = random.Random(f"solves {name}")
    for _ in range(40):
        problem = draw(rng, rng.choice(RULES), name, 1)
        axis, start = _axis(problem, name)
        steps = list(climb(axis, start, SETTINGS))
        points = sum(step.solution.has_plan for step in steps)
        assert sum(step.solves for step in steps) <= 1.5 * points + 1, problem


def _axis(problem: Promise, name: str) -> tuple[Axis, Fraction]:
    axis, start, _ = CASES[name](problem)
    return axis, start


def test_a_range_ends_the_walk() -> None:
    """Demand 1 to 4 of 8: the last point carries 4 or a little more, never listed beyond the range."""
    rng = random.Random("range")
    for _ in range(10):
        problem = draw(rng, (), "users", 1)
        axis = UsersAxis(problem.prepared(), 0, Fraction(min(4, problem.demands[0])))
        steps = walk(axis, Fraction(1))
        assert steps[-1].value == min(4, problem.demands[0])
        assert all(1 <= step.value <= 4 for step in steps)
