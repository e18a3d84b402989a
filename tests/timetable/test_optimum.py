"""The cheapest timetable: hand-worked, against every roster, and against HiGHS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from optimizer.formulation import CONSTRAINTS
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from optimizer.timetable.case import TimeCase
from optimizer.timetable.ladder import cost_of
from optimizer.timetable.prove import TimeProven, by_cp_sat, prove_timetable
from tests.oracles.timetables import (
    brute_force_cost,
    highs_time_cost,
    random_time_case,
    time_case,
    time_row,
    widened,
)

SETTINGS = SolveSettings()
RULES = sorted({rule.name for rule in CONSTRAINTS} - {"meet_demand", "pay_contracts"})
"""Contracts are refused beside a demand by the hour."""


def proven(case: TimeCase) -> TimeProven:
    return prove_timetable(case, SETTINGS, Clock(SETTINGS))


def three_slots() -> TimeCase:
    """A day of 12 hours at 10, 8 hours at 20 and 4 hours at 30 requests in flight.

    Each node carries 10, but a spot one 5; dollars an hour: own 0.60, on-demand 1.00, spot 0.35 with two in stock.
    The layers of 10 are wanted 24, 12 and 4 hours. Own costs 14.40 a layer whatever its hours, on-demand 24, 12 and 4,
    two spot nodes 16.80, 8.40 and 2.80. So the first layer is own; the second is spot (8.40 against 12 and 14.40) and
    the third would be spot too, but the two are in use: on-demand, 4.00. 14.40 + 8.40 + 4.00 = 26.80 a day.
    """
    rows = [time_row("own", 600_000, 10, 0), time_row("cloud", 1_000_000, 10, 1), time_row("spot", 350_000, 5, 2)]
    elastic = {"own": False, "cloud": True, "spot": True}
    return time_case(rows, elastic, [(12, (10,)), (8, (20,)), (4, (30,))], stock=(None, None, 2))


@pytest.mark.parametrize("solve", "--details", [proven, lambda case: by_cp_sat(case, SETTINGS, Clock(SETTINGS), 0)])
def test_three_slots_have_their_mixed_optimum(solve) -> None:  # type: ignore[no-untyped-def]
    found = solve(three_slots())
    assert (found.status, found.cost, found.bound) == ("optimal", 26_800_000, 26_800_000)
    assert found.roster.base == (1,)
    assert found.roster.use == ((1, 1, 1), (0, 0, 1), (0, 2, 2))


def test_a_dearer_own_node_leaves_everything_to_the_hours() -> None:
    # own at 0.80: 19.20 a day for the first layer, two spot nodes 0.70 x 24 = 16.80; then the second layer is
    # on-demand for 12 and the third for 4 hours: 16.80 + 12 + 4 = 32.80, against 19.20 + 8.40 + 4 = 31.60 with own
    case = three_slots()
    rows = [time_row("own", 800_000, 10, 0), *case.rows[1:]]
    dearer = time_case(
        rows, {"own": False, "cloud": True, "spot": True}, [(12, (10,)), (8, (20,)), (4, (30,))], stock=(None, None, 2))
    assert proven(dearer).cost == 31_600_000


@given(st.integers(0, 100_000))
@hypothesis_settings(max_examples=60)
def test_one_service_costs_what_every_roster_tried_costs(seed: int) -> None:
    case = random_time_case(seed, ("respect_stock",))
    found = proven(case)
    assert found.cost == brute_force_cost(case)
    if found.roster is not None:
        assert found.cost == cost_of(case, found.roster)
    by_model = by_cp_sat(case, SETTINGS, Clock(SETTINGS), 0)
    assert (by_model.status, by_model.cost) == (found.status, found.cost)


@given(st.integers(0, 100_000), st.sampled_from(["respect_stock", "limit_nodes", "survive_node_loss", "hold_nodes"]))
@hypothesis_settings(max_examples=20)
def test_no_bound_cuts_the_optimum_off(seed: int, rule: str) -> None:
    case = random_time_case(seed, (rule,), offers=3)
    assert proven(case).cost == brute_force_cost(widened(case))


def test_random_cases_are_mostly_solvable() -> None:
    for rule in RULES:
        solved = sum(proven(random_time_case(seed, (rule,), offers=3)).cost is not None for seed in range(20))
        assert solved >= 6, rule


@pytest.mark.parametrize("rule", RULES)
@given(seed=st.integers(0, 100_000))
@hypothesis_settings(max_examples=12)
def test_each_rule_costs_what_every_roster_tried_costs(rule: str, seed: int) -> None:
    case = random_time_case(seed, (rule,), offers=3)
    assert proven(case).cost == brute_force_cost(case)


@given(st.integers(0, 100_000))
@hypothesis_settings(max_examples=10)
def test_work_that_waits_fills_the_valleys(seed: int) -> None:
    case = random_time_case(seed, (), kinds=("sync", "async"), offers=3)
    assert proven(case).cost == brute_force_cost(case)


@given(st.integers(0, 100_000), st.sampled_from(RULES))
@hypothesis_settings(max_examples=40)
def test_reductions_are_exact(seed: int, rule: str) -> None:
    kinds = ("sync", "async") if seed % 3 == 0 else ("sync",)
    every, fewer = (random_time_case(seed, (rule, "respect_stock"), kinds, 3, reduced) for reduced in (False, True))
    assert proven(every).cost == proven(fewer).cost


@given(st.integers(0, 100_000))
@hypothesis_settings(max_examples=30)
def test_highs_agrees(seed: int) -> None:
    kinds = ("sync", "async") if seed % 2 else ("sync",)
    case = random_time_case(seed, ("respect_stock", "limit_nodes"), kinds, 5)
    assert proven(case).cost == highs_time_cost(case)
