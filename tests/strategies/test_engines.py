"""Two engines of different make find the same least cost of the same program, over every form and rule."""

from __future__ import annotations

import random

import pytest

from optimizer.errors import DisagreementError
from optimizer.load import LoadedProblem
from optimizer.question.build import ask
from optimizer.question.program import Known, Program
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of
from optimizer.schema.problem import Limits
from optimizer.solve import prepare
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Counts, Effort
from optimizer.strategies.highs import by_highs, counted_bound, relaxed
from optimizer.strategies.rounding import strengthened
from optimizer.strategies.search import confirmed, search
from tests.limits.test_restrictions import FORMS, LOOSE, STRICTER, market, stricter

GENERAL = list(FORMS)
NEAR = 1e-6
"""HiGHS counts in doubles; its bound is believed to this part."""


def question(form: str, seed: int):  # type: ignore[no-untyped-def]
    """Return a random question of a form, with up to four rules made stricter."""
    make, _, refused = FORMS[form]
    rng = random.Random(f"engines {form} {seed}")
    loose = LOOSE if "horizon_months" not in refused else Limits.model_validate(
        LOOSE.model_dump(exclude={"horizon_months"}, exclude_unset=True))
    limits = stricter(rng, loose, sorted(STRICTER.keys() - refused), rng.randint(0, 4))
    problem = make(rng).model_copy(update={"limits": limits})
    return ask(prepare(LoadedProblem(problem, "", problem.name, "0" * 64, {}), market())).question


def check(form: str, seed: int) -> None:
    whole = question(form, seed)
    small = reduced(whole)
    program = program_of(small, Known.of(small))
    one, other = by_cp_sat(program, Effort(deterministic=20.0)), by_highs(program, Effort())
    assert one.status in ("optimal", "infeasible")
    assert (one.status == "infeasible") == (other.status == "infeasible")
    if one.values:
        cost = program.cost_of(one.values)
        assert program.is_kept(one.values)
        assert program.cost_of(other.values) == cost
        assert other.bound <= cost
        assert other.bound >= cost * (1 - 2 * NEAR) - 1
        strong = strengthened(program, Effort())
        assert strong is not None
        assert strong[1] <= cost
    unreduced = program_of(whole, Known.of(whole))
    plain = by_cp_sat(unreduced, Effort(deterministic=20.0))
    assert plain.status == one.status
    assert not plain.values or unreduced.cost_of(plain.values) == program.cost_of(one.values)


@pytest.mark.parametrize("form", GENERAL)
@pytest.mark.parametrize("seed", range(12))
def test_engines_and_reductions_agree(form: str, seed: int) -> None:
    check(form, seed)


@pytest.mark.slow
@pytest.mark.parametrize("form", GENERAL)
@pytest.mark.parametrize("seed", range(100, 1_800))
def test_engines_and_reductions_agree_on_many(form: str, seed: int) -> None:
    check(form, seed)


def small_program() -> Program:
    """4 a + 3 b >= 10 at 5 a + 4 b: a = 1, b = 2 costs 13; a = 3 costs 15; b = 4 costs 16; a = 2, b = 1 costs 14."""
    program = Program([5, 4], [5, 5])
    program.row([(0, 4), (1, 3)], least=10)
    return program


def test_both_engines_find_the_least_cost_worked_out_by_hand() -> None:
    for found in (by_cp_sat(small_program(), Effort()), by_highs(small_program(), Effort())):
        assert found.values == (1, 2)
        assert found.bound in (12, 13)


def test_a_row_with_a_condition_asks_for_nothing_where_its_column_is_0() -> None:
    program = Program([1, 0], [9, 1])
    program.row([(0, 1)], least=7, when=1)
    for solve in (by_cp_sat, by_highs):
        assert program.cost_of(solve(program, Effort()).values) == 0
    program.row([(1, 1)], least=1)
    for solve in (by_cp_sat, by_highs):
        assert program.cost_of(solve(program, Effort()).values) == 7


def test_any_weights_of_rows_prove_a_bound_and_wrong_signs_prove_nothing() -> None:
    program = small_program()
    assert counted_bound(program, [0.0]) == 0
    assert counted_bound(program, [-3.0]) == 0  # the row has no most
    assert counted_bound(program, [1.25]) == 13  # 1.25 x 10 = 12.5, and nothing is cheaper than its weight
    assert counted_bound(program, [9.0]) <= 13  # too heavy: columns become cheaper than their weight
    base = relaxed(program, Effort())
    assert base is not None
    assert base[0] in (12, 13)


def test_an_optimum_that_is_none_is_no_answer() -> None:
    with pytest.raises(DisagreementError, match="two solvers disagree"):
        confirmed(small_program(), Counts("optimal", (3, 0), 15, "cp-sat"), 1.0, Effort())


def test_a_stopped_search_keeps_a_bound_below_the_optimum() -> None:
    whole = question("shared years by the hour", 3)
    best = search(whole, Effort())
    assert best.status == "optimal"
    for limit in (0.001, 0.01, 0.1):
        found = search(whole, Effort(deterministic=limit))
        assert found.bound <= (best.cost or 0)
        assert found.cost is None or found.cost >= (best.cost or 0)
