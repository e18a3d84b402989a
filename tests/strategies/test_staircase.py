"""The quick ways by the hour: hand-worked, against every roster, and against the plain program under every rule."""

from __future__ import annotations

import random

import pytest

from optimizer.load import Catalog, load_problem
from optimizer.question.build import ask
from optimizer.question.question import Question
from optimizer.solve import prepare
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search
from optimizer.strategies.staircase import by_staircase
from tests.oracles.hours import RULES, day_question, least_cost, node, random_day

EFFORT = Effort()


def three_slots(own: int = 600_000) -> Question:
    """A day of 12 hours at 10, 8 hours at 20 and 4 hours at 30 requests in flight.

    Each node carries 10, but a spot one 5; dollars an hour: own 0.60, on-demand 1.00, spot 0.35 with two in stock.
    The layers of 10 are wanted 24, 12 and 4 hours. Own costs 14.40 a layer whatever its hours, on-demand 24, 12 and 4,
    two spot nodes 16.80, 8.40 and 2.80. So the first layer is own; the second is spot (8.40 against 12 and 14.40) and
    the third would be spot too, but the two are in use: on-demand, 4.00. 14.40 + 8.40 + 4.00 = 26.80 a day.
    """
    return day_question(
        [(node("own", own), False, {(0, "vllm"): 10}), (node("cloud", 1_000_000), True, {(0, "vllm"): 10}),
         (node("spot", 350_000, True), True, {(0, "vllm"): 5})],
        [(12, (10,)), (8, (20,)), (4, (30,))], stock={"spot": 2})


@pytest.mark.parametrize("solve", [by_staircase, search])
def test_three_slots_have_their_mixed_optimum(solve) -> None:  # type: ignore[no-untyped-def]
    found = solve(three_slots(), EFFORT)
    assert (found.status, found.cost, found.bound) == ("optimal", 26_800_000, 26_800_000)
    by_supply = [[count for stay, count in zip(found.question.stays, found.nodes, strict=True) if stay.supply == number]
                 for number in range(3)]
    assert by_supply == [[1], [0, 0, 1], [0, 2, 2]]


def test_a_dearer_own_node_leaves_more_to_the_hours() -> None:
    # own at 0.80: 19.20 for the first layer; 19.20 + 8.40 + 4 = 31.60, against two spot nodes first 16.80 + 12 + 4
    assert by_staircase(three_slots(800_000), EFFORT).cost == 31_600_000


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_one_service_costs_what_every_roster_tried_costs(seed: int, lost: int) -> None:
    question = random_day(seed, ["respect_stock"], offers=3)
    question = day_question(
        [(supply, any(s.last - s.first == 1 for s in question.stays if s.supply == number),
          {(way.service, way.engine): way.capacity for way in question.ways if way.host == supply.host})
         for number, supply in enumerate(question.supplies)],
        [(period.weight, period.demand) for period in question.periods], stock=question.stock, lose_nodes=lost)
    assert by_staircase(question, EFFORT).cost == least_cost(question)


@pytest.mark.parametrize("kinds", [("sync",), ("sync", "async"), ("sync", "sync")], ids="+".join)
@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_quick_ways_answer_what_the_plain_program_answers(kinds: tuple[str, ...], part: int) -> None:
    used = set()
    for seed in range(60 if part == 0 else 1000):
        rules = random.Random(f"{kinds} {part} {seed}").sample(RULES, seed % 3)
        question = random_day(seed + 10_000 * part, rules, kinds)
        quick, plain = answer(question, EFFORT), search(question, EFFORT)
        assert (quick.status, quick.cost) == (plain.status, plain.cost), (seed, rules)
        used.add(quick.method)
    assert "cp-sat" in used
    assert kinds == ("sync", "sync") or "staircase" in used


def test_bounds_on_nodes_do_not_take_the_best_engine_for_granted() -> None:
    # with sglang alone o2 needs two nodes for the first service beside one for the second: 3 nodes x 1 x 3 hours = 9;
    # version 0.1 allowed two of them, those of the better engine of each service, and called 12 the optimum
    carries = {(0, "sglang"): 2, (0, "vllm"): 4, (1, "sglang"): 7, (1, "vllm"): 4}
    question = day_question(
        [(node("o2", 1, gpu="ant", watts=700), False, carries),
         (node("o0", 6, gpu="bee"), True, {(0, "sglang"): 5, (0, "vllm"): 7, (1, "sglang"): 3, (1, "vllm"): 4})],
        [(2, (1, 7)), (1, (3, 5))], engine_policy="fleet", watts=2_100)
    assert answer(question, EFFORT).cost == 9


@pytest.mark.parametrize(("name", "sets", "cents"), [
    ("tokyo-week", [], 422_965_699), ("office-day-profile", [], 151_461_011), ("valley-filling", [], 57_220_176),
    ("office-day-profile", ["limits.survive.nodes=1"], 185_610_563),  # version 0.1: the same after 325 s
    ("tokyo-week", ["limits.survive.nodes=1"], 572_453_275),  # version 0.1: the same after 187 s
    ("valley-filling", ["limits.survive.nodes=1"], 78_575_544),  # version 0.1: the same after 26 s
], ids=str)
def test_shipped_problems_are_answered_without_a_search(
    name: str, sets: list[str], cents: int, shipped: Catalog
) -> None:
    asked = ask(prepare(load_problem(name, ["limits.budget=null", *sets]), shipped))
    found = answer(asked.question, EFFORT)
    assert (found.status, found.cost, found.method) == ("optimal", cents, "staircase")
