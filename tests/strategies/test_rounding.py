"""Roundings of the demand's rows cut off no whole plan, and the counted bound is one for every weight."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from optimizer.question.program import Program, Row
from optimizer.strategies.highs import counted_bound
from optimizer.strategies.rounding import rounded_row

WEIGHTS = st.lists(st.integers(min_value=1, max_value=12), min_size=1, max_size=3)


@examples(max_examples=150)
@given(WEIGHTS, st.integers(min_value=1, max_value=30), st.integers(min_value=2, max_value=15))
def test_every_whole_cover_keeps_the_rounding(weights: list[int], least: int, divisor: int) -> None:
    row = Row(tuple(range(len(weights))), tuple(weights), least=least)
    cut = rounded_row(row, divisor)
    if cut is None:
        assert least % divisor == 0
        return
    for counts in itertools.product(range(8), repeat=len(weights)):
        if sum(weight * count for weight, count in zip(weights, counts, strict=True)) >= least:
            assert sum(weight * count for weight, count in zip(cut.weights, counts, strict=True)) >= (cut.least or 0)


@examples(max_examples=100)
@given(WEIGHTS, st.integers(min_value=1, max_value=20), st.floats(min_value=-3, max_value=3))
def test_any_weight_of_a_row_proves_a_bound(weights: list[int], least: int, dual: float) -> None:
    columns = tuple(range(len(weights)))
    program = Program([3 + column for column in columns], [6] * len(columns), [Row(columns, tuple(weights), least)])
    bound = counted_bound(program, [dual])
    costs = [
        program.cost_of(counts) for counts in itertools.product(range(7), repeat=len(columns))
        if program.is_kept(counts)
    ]
    assert all(bound <= cost for cost in costs)
