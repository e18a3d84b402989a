"""The column generation: its bound lies below every plan, and what it leaves out is in no cheaper plan."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.question.program import Known, Program
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of
from optimizer.strategies.columns import SCALE, covers_of, narrowed, regrets, relax
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Effort
from optimizer.strategies.pricing import least_cover
from optimizer.strategies.widening import ENOUGH, by_columns
from tests.strategies.test_engines import question

SHARED = ("shared", "shared hours", "shared years by the hour")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    items=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6)), min_size=1, max_size=4), demand=st.integers(1, 12))
def test_pricing_agrees_with_every_count(items: list[tuple[int, int]], demand: int) -> None:
    prices, carries = [price for price, _ in items], [carried for _, carried in items]
    ranges = [range(-(-demand // carried) + 1) for carried in carries]
    least = min(
        sum(p * n for p, n in zip(prices, counts, strict=True)) for counts in itertools.product(*ranges)
        if sum(c * n for c, n in zip(carries, counts, strict=True)) >= demand)
    cost, bound, counts = least_cover(prices, carries, demand)
    assert cost == bound == least == sum(p * n for p, n in zip(prices, counts, strict=True))
    assert sum(c * n for c, n in zip(carries, counts, strict=True)) >= demand


def half_a_node() -> Program:
    """A node of four GPUs costs 24; a replica on one of them carries 2 of a demand of 3."""
    program = Program([24], [3])
    uses = program.column(2)
    program.uses["here", 0] = uses  # type: ignore[index]
    program.row([(uses, 1), (0, -4)], most=0)
    program.row([(uses, 2)], least=3)
    return program


def test_the_bound_counts_whole_replicas() -> None:
    # 3 at 2 a replica are 2 replicas, not 1.5; half a node of four GPUs, 12 of 24, is what the relaxation pays
    relaxation = relax(half_a_node(), Effort())
    assert relaxation is not None
    assert relaxation.bound == 12
    assert by_columns(half_a_node(), Effort()).values == (1, 2)


def check(form: str, seed: int) -> None:
    """Bound, regrets and plans against CP-SAT on the whole program."""
    small = reduced(question(form, seed))
    program = program_of(small, Known.of(small))
    best = by_cp_sat(program, Effort(deterministic=20.0))
    relaxation, found = relax(program, Effort()), by_columns(program, Effort())
    if best.status == "infeasible":
        assert not found.values
        return
    cost = program.cost_of(best.values)
    assert best.status == "optimal"
    assert found.values
    assert found.bound <= cost <= program.cost_of(found.values) <= cost * (1 + ENOUGH) + 1
    if relaxation is None:
        assert not covers_of(program)
        return
    assert relaxation.bound <= cost
    for slack in (0, cost // 10):
        most = narrowed(program, relaxation, regrets(relaxation), (cost + slack) * SCALE - relaxation.scaled)
        part, _ = program.within(most)
        again = by_cp_sat(part, Effort(deterministic=20.0))
        assert part.cost_of(again.values) == cost


@pytest.mark.parametrize("form", SHARED)
@pytest.mark.parametrize("seed", range(12))
def test_columns_agree_with_the_plain_program(form: str, seed: int) -> None:
    check(form, seed)


@pytest.mark.slow
@pytest.mark.parametrize("form", SHARED)
@pytest.mark.parametrize("seed", range(100, 700))
def test_columns_agree_with_the_plain_program_on_many(form: str, seed: int) -> None:
    check(form, seed)
