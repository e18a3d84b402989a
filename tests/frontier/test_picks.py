"""The points that a planner looks at, worked out by hand on frontiers of four points."""

from __future__ import annotations

from typing import Any, cast

import pytest

from optimizer.frontier.picks import knee, picks
from optimizer.frontier.points import AxisName, Frontier, FrontierPoint
from optimizer.load import LoadedProblem
from optimizer.load.problem import parse_problem
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared

PROBLEM = """
schema_version: 1
name: picks
services:
  - service_id: chat
    model: any
    slo: {tokens_per_s_per_user: %s, ttft_ms: 500}
    workload: [{isl_tokens: 10, osl_tokens: 10}]
    demand: {peak_concurrency: 20}
limits: {%s}
"""


class Stand:
    """What of a prepared problem the picks look at."""

    def __init__(self, loaded: LoadedProblem) -> None:
        self.loaded, self.problem = loaded, loaded.problem


def frontier(
    *points: tuple[float, float], axis: AxisName = "speed", target: float = 25, limits: str = "", low: float = 5
) -> Frontier:
    """Make a frontier of (value, USD a month)."""
    made = tuple(
        FrontierPoint(value, value, value, value, cost, True, True, cast(Plan, None)) for value, cost in points)
    prepared = cast(Prepared, Stand(parse_problem(PROBLEM % (target, limits), "picks.yaml")))
    return Frontier("picks", axis, "unit", "chat", low, None, made, True, len(made), prepared)


def values(found: Frontier) -> dict[str, float]:
    """Return the value of each pick by its name."""
    return {pick.name: pick.point.value for pick in picks(found)}


def test_knee_is_farthest_above_the_line() -> None:
    # scaled: gains 0, 1/3, 2/3, 1 at costs 0, 0.1, 0.2, 1: above the line by 0, 0.233, 0.467, 0
    assert cast(Any, knee(frontier((10, 100), (20, 110), (30, 120), (40, 200)))).value == 30
    # costs 0, 0.1, 0.7, 1: above by 0, 0.233, -0.033, 0
    assert cast(Any, knee(frontier((10, 100), (20, 110), (30, 170), (40, 200)))).value == 20


def test_no_knee_on_a_line_below_it_or_of_two_points() -> None:
    assert knee(frontier((10, 100), (20, 200), (30, 300), (40, 400))) is None
    assert knee(frontier((10, 100), (20, 190), (30, 195), (40, 200))) is None
    assert knee(frontier((10, 100), (40, 200))) is None
    assert knee(frontier()) is None


def test_knee_of_ttft_counts_the_shorter_as_more() -> None:
    # from the cheapest, 1000 ms, down: gains 0, 2/3, 5/6, 1 at costs 0, 0.2, 0.9, 1: above by 0, 0.467, -0.067, 0
    found = frontier((100, 200), (250, 190), (400, 120), (1000, 100), axis="ttft", low=0)
    assert cast(Any, knee(found)).value == 400
    assert values(found) == {"cheapest": 1000, "asked": 400, "knee": 400}


def test_cheapest_asked_and_each_grade() -> None:
    # grades C, B, A ask for 15, 30 and 70; 25 is asked; gains 0, 1/3, 5/9, 1 at costs 0, .1, .5, 1: the knee is 30
    found = frontier((12, 100), (30, 110), (42, 150), (66, 200))
    assert values(found) == {"cheapest": 12, "asked": 30, "grade C": 30, "grade B": 30, "knee": 30}
    assert values(frontier((70, 100))) == {
        "cheapest": 70, "asked": 70, "grade C": 70, "grade B": 70, "grade A": 70}


def test_grades_and_targets_below_the_range_are_not_named() -> None:
    assert values(frontier((40, 100), low=35)) == {"cheapest": 40}
    assert values(frontier((40, 100), low=35, target=50)) == {"cheapest": 40}


def test_within_budget_is_the_last_point() -> None:
    found = picks(frontier((12, 100), (30, 110), limits="budget: {amount: 1234.5}"))
    (within,) = [pick for pick in found if pick.name == "within budget"]
    assert (within.point.value, within.why) == (30, "most in this range within 1,234 USD a month")


@pytest.mark.parametrize(("axis", "asked"), [("users", 20), ("losses", 2)])
def test_asked_of_other_axes(axis: AxisName, asked: float) -> None:
    found = frontier((1, 100), (asked, 120), (30, 150), axis=axis, limits="survive: {nodes: 2}", low=0)
    assert values(found)["asked"] == asked


def test_nothing_is_named_where_there_is_no_point() -> None:
    assert picks(frontier()) == ()
