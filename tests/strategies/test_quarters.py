"""SCIP over budget plans, and the hulls of rows of which one must hold, against every choice and other engines."""

from __future__ import annotations

import itertools
import random

import pytest

from optimizer.question.build import ask
from optimizer.question.program import Known, Program, Row
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of
from optimizer.solve import prepare
from optimizer.strategies import quarters
from optimizer.strategies.columns import cheapest_cover, cuts_of, relax
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Counts, Effort
from optimizer.strategies.quarters import minimised
from optimizer.strategies.scip import by_scip
from tests.oracles.roadmaps import draw


def program(seed: int, **limits: object) -> Program:
    """Return the program of a random budget plan."""
    asked = draw(random.Random(f"strategy {seed}"), services=1 + seed % 2, quarters=6, offers=5, most=60)
    years = asked.years().with_limits(**limits) if limits else asked.years()
    question = reduced(ask(prepare(years.loaded, years.catalog)).question)
    return program_of(question, Known.of(question))


def survive(nodes: int) -> dict[str, object]:
    from optimizer.schema.problem import Survive

    return {"survive": Survive(nodes=nodes)}


@pytest.mark.parametrize("seed", range(20))
def test_scip_finds_what_cp_sat_finds(seed: int) -> None:
    asked = program(seed)
    one, other = by_cp_sat(asked, Effort(deterministic=20.0)), by_scip(asked, Effort())
    assert one.status in ("optimal", "infeasible")
    assert bool(one.values) == bool(other.values)
    if one.values:
        assert asked.cost_of(other.values) == asked.cost_of(one.values)
        assert other.bound <= asked.cost_of(one.values) <= other.bound * (1 + 3e-6) + 1


@pytest.mark.parametrize("seed", range(20))
def test_hulls_after_a_loss_cut_no_cheapest_plan_off(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = program(seed, **survive(1 + seed % 2))
    best = by_cp_sat(asked, Effort(deterministic=20.0))
    relaxation = relax(asked, Effort())
    if best.status == "infeasible":
        return
    assert asked.choices
    assert relaxation is not None
    assert relaxation.bound <= asked.cost_of(best.values)
    for cut in cuts_of(relaxation):
        held = sum(weight * best.values[column] for column, weight in zip(cut.columns, cut.weights, strict=True))
        assert held >= (cut.least or 0)
    monkeypatch.setattr(quarters, "by_cp_sat", lambda *_: Counts("unknown"))  # so that the search is not over at once
    found = minimised(asked, Effort())
    assert asked.cost_of(found.values) == asked.cost_of(best.values)
    assert found.bound <= asked.cost_of(best.values)


def test_one_of_several_rows_holds() -> None:
    """3 a >= 6 at 2 each costs 4, b >= 3 at 1 each costs 3."""
    asked = Program([2, 1], [9, 9])
    asked.one_of([([(0, 3)], 6), ([(1, 1)], 3)])
    assert asked.choices == [(Row((0,), (3,), least=6), Row((1,), (1,), least=3))]
    for solve in (by_cp_sat, by_scip):
        assert asked.cost_of(solve(asked, Effort()).values) == 3


@pytest.mark.parametrize("seed", range(40))
def test_the_cheapest_cover_is_that_of_every_choice(seed: int) -> None:
    draws = random.Random(seed)
    prices = [draws.randint(0, 9) for _ in range(3)]
    rows = tuple(Row((0, 1, 2), tuple(draws.randint(1, 6) for _ in range(3)), least=draws.randint(1, 12))
                 for _ in range(draws.randint(1, 3)))
    bound, counts = cheapest_cover(prices, rows)
    best = min(
        sum(price * count for price, count in zip(prices, counts, strict=True))
        for counts in itertools.product(range(13), repeat=3)
        if any(sum(w * n for w, n in zip(row.weights, counts, strict=True)) >= (row.least or 0) for row in rows))
    assert bound == best == sum(price * count for price, count in zip(prices, counts, strict=True))
