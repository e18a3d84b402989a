"""Relaxations by our own simplex method cost what GLOP says, also after one more inequality; multipliers add up."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ortools.math_opt.python import mathopt

from optimizer.proof.simplex import Dictionary

Rows = list[tuple[dict[int, int], int]]


def by_glop(costs: list[int], rows: Rows) -> float | None:
    model = mathopt.Model()
    x = [model.add_variable(lb=0.0) for _ in costs]
    for terms, least in rows:
        model.add_linear_constraint(lb=least, expr=sum(weight * x[j] for j, weight in terms.items()) + 0.0)
    model.minimize(sum(cost * one for cost, one in zip(costs, x, strict=True)))
    found = mathopt.solve(model, mathopt.SolverType.GLOP)
    optimal = found.termination.reason == mathopt.TerminationReason.OPTIMAL
    return found.objective_value() if optimal else None


def drawn(rng: random.Random) -> tuple[list[int], Rows]:
    columns = rng.randint(1, 8)
    rows: Rows = [
        ({j: rng.randint(-3, 9) for j in rng.sample(range(columns), rng.randint(1, columns))}, rng.randint(-9, 20))
        for _ in range(rng.randint(1, 8))]
    return [rng.randint(0, 30) for _ in range(columns)], rows


@pytest.mark.parametrize("seed", range(150))
def test_costs_are_those_of_glop(seed: int) -> None:
    costs, rows = drawn(random.Random(seed))
    found = Dictionary(costs)
    for number, (terms, least) in enumerate(rows):
        found.add(terms, least)
        status, expected = found.solve(), by_glop(costs, rows[: number + 1])
        assert status == ("infeasible" if expected is None else "optimal")
        if expected is None:
            combined = _added(found.contradiction(), rows)
            assert all(weight <= 1e-6 for weight in combined[0].values())
            assert combined[1] > 0
            return
        assert found.cost == pytest.approx(expected, abs=1e-6)
        weights, total = _added(found.multipliers(), rows)
        assert total == pytest.approx(expected, abs=1e-6)
        assert all(weight <= costs[j] + 1e-6 for j, weight in weights.items())
        values = found.values()
        assert sum(cost * value for cost, value in zip(costs, values, strict=True)) == pytest.approx(expected, abs=1e-6)


def _added(multipliers: dict[int, float], rows: Rows) -> tuple[dict[int, float], float]:
    weights: dict[int, Any] = {}
    for number, factor in multipliers.items():
        for j, weight in rows[number][0].items():
            weights[j] = weights.get(j, 0.0) + factor * weight
    return weights, sum(factor * rows[number][1] for number, factor in multipliers.items())


def test_a_copy_goes_its_own_way() -> None:
    first = Dictionary([3, 5])
    first.add({0: 1, 1: 2}, 4)
    other = first.copy()
    other.add({0: -1}, 0)
    assert (first.solve(), other.solve()) == ("optimal", "optimal")
    assert (first.cost, other.cost) == (pytest.approx(10.0), pytest.approx(10.0))
    other.add({1: -1}, -1)
    assert (first.solve(), other.solve()) == ("optimal", "infeasible")
