"""From candidates and limits to integers: bounds, roundings and sizes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from optimizer.errors import ModelTooLargeError
from optimizer.formulation import Case, build_case
from optimizer.formulation.case import budget_micro_usd_per_hour, row_bound
from optimizer.schema.problem import Budget, Limits, NodeCount, Survive
from tests.oracles import Instance, instance, offer, runs


def case_of(problem: Instance, unreduced: bool = False) -> Case:
    return build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget, unreduced)


def test_capacity_is_that_of_all_replicas_clipped_to_the_demand() -> None:
    # 4 GPUs hold two replicas of 2 GPUs: 2 x 3 = 6; 8 GPUs hold four: 12, of which 10 are asked for
    case = case_of(instance(
        [offer("four", 5, gpus=4), offer("eight", 9, gpus=8)], [runs("small", 3, footprint=2)], [10]))
    assert [(row.rank[0], row.capacity) for row in case.rows] == [("eight", 10), ("four", 6)]


def test_best_option_of_an_offer_goes_by_capacity_then_engine_then_precision_then_size() -> None:
    options = [
        runs("small", 4, engine="vllm"), runs("small", 5, engine="vllm"), runs("small", 5, engine="sglang"),
        runs("small", 5, engine="sglang", precision="fp8"), runs("small", 10, engine="sglang", footprint=2),
    ]
    # two GPUs: 2 x 5 = 10 with one-GPU replicas, 1 x 10 with a two-GPU one; sglang before vllm, bf16 before fp8, tp 1
    case = case_of(instance([offer("pair", 5, gpus=2)], options, [99]))
    assert [(row.capacity, *row.rank) for row in case.rows] == [(10, "pair", "sglang", "bf16", 1, 1, "")]


THREE = (runs("small", 4), runs("small", 3, precision="fp8"), runs("small", 2, engine="tgi"))
"""vllm in two precisions, and tgi."""


def test_an_engine_rule_keeps_the_best_option_of_each_engine() -> None:
    case = case_of(instance([offer("one", 5)], THREE, [9], engine_policy="fleet"))
    assert [(row.engine, row.capacity) for row in case.rows] == [("tgi", 2), ("vllm", 4)]


def test_an_unreduced_case_has_every_option() -> None:
    assert len(case_of(instance([offer("one", 5)], THREE, [9]), unreduced=True).rows) == 3


def test_rows_that_do_not_fit_or_carry_nothing_are_left_out() -> None:
    # too slow at 10 tokens/s; too large for one GPU
    options = [runs("small", [(5.0, 9)]), runs("large", 4, footprint=2)]
    assert case_of(instance([offer("slow", 1), offer("tight", 2, gpu="large")], options, [9])).rows == ()


@pytest.mark.parametrize(
    ("limits", "stock", "most"),
    [
        (Limits(), None, 3),  # ceil(10 / 4)
        (Limits(), 2, 2),  # no more than there are
        (Limits(survive=Survive(nodes=2)), None, 6),  # ceil((10 + 2 x 7) / 4): two of the largest, 7 each, may go
        (Limits(nodes=NodeCount(min=5)), None, 5),  # five nodes are asked for anyway
        (Limits(nodes=NodeCount(max=2)), None, 2),
        (Limits(at_least={"x": 7}), None, 7),  # seven are committed
        (Limits(at_least={"y": 7}), None, 3),  # of another offer
    ],
)
def test_no_row_goes_beyond_what_can_be_needed(limits: Limits, stock: int | None, most: int) -> None:
    assert row_bound(10, 4, 7, limits, offer("x", 1, stock=stock)) == most


@pytest.mark.parametrize(
    ("amount", "per", "rate", "micro"),
    [
        (730.0, "month", Fraction(1), 1_000_000),  # $1 an hour
        (1.0, "month", Fraction(1), 1369),  # 1e6 / 730 = 1369.86, down
        (8760.0, "year", Fraction(1), 1_000_000),
        (150.0, "hour", Fraction(150), 1_000_000),  # 150 yen at 150 a dollar
        (0.1, "hour", Fraction(1), 100_000),  # the decimal 0.1, not the double below it
        (4.35, "hour", Fraction(1), 4_350_000),  # 4.35 x 1e6 is 4349999.999... in doubles
    ],
)
def test_budget_rounds_down_exactly(amount: float, per: str, rate: Fraction, micro: int) -> None:
    limits = Limits(budget=Budget(amount=amount, per=per))  # type: ignore[arg-type]
    assert budget_micro_usd_per_hour(limits, rate) == micro


def test_no_budget_is_no_budget() -> None:
    assert budget_micro_usd_per_hour(Limits(), Fraction(1)) is None


@pytest.mark.parametrize("power_kw", [1.001, 16.1, 8.2, 4.35, 0.7])
def test_power_cap_is_the_decimal_that_was_written(power_kw: float) -> None:
    # 1.001 x 1000 is 1000.9999... in doubles; a node of exactly 1,001 W is within 1.001 kW
    watts = round(power_kw * 1000)
    problem = instance([offer("own", 1, watts=watts)], [runs("small", 5)], [5], power_kw=power_kw)
    assert case_of(problem).watts == watts
    assert problem.solve().status == "optimal"


HUGE = 10**12 - 1
"""The largest number a problem may state."""


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(instance([offer("a", HUGE)], [runs("small", 1)], [HUGE]), id="price x demand"),
        pytest.param(instance([offer("a", 1, stock=1)], [runs("small", 1)], [10**19]), id="demand, little stock"),
        pytest.param(
            instance([offer("a", 1, stock=1)], [runs("small", 1)], [10**18], survive=Survive(nodes=100)),
            id="demand and losses"),
        pytest.param(
            instance([offer("a", 10**9)], [runs("small", 5)], [5], nodes=NodeCount(min=HUGE)), id="nodes asked for"),
        pytest.param(
            instance([offer("a", 1, watts=10**9)], [runs("small", 1)], [10**10], power_kw=1.0), id="power"),
        pytest.param(instance([offer("a", 10**19)], [runs("small", 5)], [5]), id="price beyond 64 bits"),
    ],
)
def test_numbers_beyond_63_bits_are_refused(problem: Instance) -> None:
    with pytest.raises(ModelTooLargeError, match="63 bits"):
        problem.solve()


def test_a_budget_beyond_63_bits_binds_nothing() -> None:
    problem = instance([offer("a", 7)], [runs("small", 5)], [6], budget=10**30)
    assert problem.solve().cost == 14  # two nodes of 5 for 6
