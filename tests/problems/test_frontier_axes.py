"""The frontiers of the shipped problems along every axis: complete, rising, cheap, each point what solve says."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

import pytest

from optimizer.frontier import Frontier, FrontierPoint, trace_frontier
from optimizer.frontier.points import AxisName
from optimizer.schema.problem import Problem
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.solve.variants import with_limits, with_service, with_speed, with_ttft
from tests.problems.conftest import loaded_with_catalog, one_peak_problems

SETTINGS = SolveSettings()

AXES: tuple[AxisName, ...] = ("speed", "users", "losses", "ttft")

NO_TTFT = {"invoice-extraction", "overnight-summaries"}
MIXES = {"chat-with-documents"}
"""What a replica carries of a mix depends on the whole demand, so that each demand has to be solved for."""
QUICK = {
    "budget-too-small", "helpdesk-llama3-8b", "measured-curves-llama-70b", "measured-only-gpt-oss-120b",
    "office-a5000-workstations", "overnight-summaries",
}


def marks(name: str, axis: AxisName) -> list[pytest.MarkDecorator]:
    """Say how a case is run."""
    return [] if name in QUICK else [pytest.mark.slow]


ALL = [
    pytest.param(name, axis, marks=marks(name, axis))
    for name in one_peak_problems() for axis in AXES if axis != "ttft" or name not in NO_TTFT
]


@cache
def frontier_of(name: str, axis: AxisName) -> Frontier:
    """Walk one axis of a shipped problem."""
    loaded, catalog = loaded_with_catalog(name)
    return trace_frontier(loaded, catalog, SETTINGS, axis)


@pytest.mark.parametrize(("name", "axis"), ALL)
def test_every_axis_is_complete_and_rising(name: str, axis: AxisName) -> None:
    frontier = frontier_of(name, axis)
    assert frontier.complete
    sign = -1 if axis == "ttft" else 1
    for below, above in pairwise(frontier.points):
        assert below.value < above.value
        assert sign * below.usd_per_month < sign * above.usd_per_month
    for point in frontier.points:
        assert point.value >= frontier.low
        assert axis == "speed" or frontier.high is None or point.value <= frontier.high
        assert point.value_low <= point.value <= point.value_high
        assert point.proven
        assert point.plan.cost.usd_per_month == point.usd_per_month
    if axis != "users" or name not in MIXES:
        assert frontier.solves <= 1.5 * len(frontier.points) + 1


@pytest.mark.parametrize(("name", "axis"), ALL)
def test_robust_points_stand_apart_from_both_neighbours(name: str, axis: AxisName) -> None:
    points = frontier_of(name, axis).points
    for point in points:
        others = [p for p in points if p is not point]
        near = [p for p in points if abs(points.index(p) - points.index(point)) == 1]
        apart = all(p.value_high < point.value_low or point.value_high < p.value_low for p in near)
        assert point.robust == apart
        assert others or point.robust


def stated_at(problem: Problem, axis: AxisName, index: int, value: float) -> Problem:
    """State a value of an axis in the problem, as a user would."""
    if axis == "speed":
        return with_speed(problem, index, value)
    if axis == "ttft":
        return with_ttft(problem, index, value)
    if axis == "losses":
        return with_limits(problem, survive=problem.limits.survive.model_copy(update={"nodes": int(value)}))
    service = problem.services[index]
    for name, part in (("demand", service.demand), ("deadline", service.deadline)):
        for key in ("peak_concurrency", "peak_rps", "daily_active_users", "requests", "output_tokens"):
            if part is not None and getattr(part, key, None) is not None:
                stated = int(value) if key == "peak_concurrency" else value
                return with_service(problem, index, **{name: part.model_copy(update={key: stated})})
    raise AssertionError("a service states a demand")


def assert_solve_says_the_same(name: str, axis: AxisName, point: FrontierPoint, frontier: Frontier) -> None:
    """Solve the problem at a point's value from the start."""
    loaded, catalog = loaded_with_catalog(name)
    ids = [service.service_id for service in loaded.problem.services]
    prepared = prepare(loaded, catalog, stated_at(loaded.problem, axis, ids.index(frontier.service_id), point.value))
    solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS)
    assert plan_of(prepared, solution, with_rejections=False) == point.plan


ONE_OF_EACH = [
    ("helpdesk-llama3-8b", "users"), ("office-a5000-workstations", "speed"), ("office-a5000-workstations", "ttft"),
    ("own-model", "losses"), ("measured-only-gpt-oss-120b", "ttft"), ("measured-curves-llama-70b", "speed"),
    ("campus-daily-users", "users"),
]


@pytest.mark.parametrize(("name", "axis"), ONE_OF_EACH)
def test_points_are_what_solve_says(name: str, axis: AxisName) -> None:
    frontier = frontier_of(name, axis)
    for point in frontier.points[:3]:
        assert_solve_says_the_same(name, axis, point, frontier)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "axis"), ALL)
def test_every_point_is_what_solve_says(name: str, axis: AxisName) -> None:
    frontier = frontier_of(name, axis)
    for point in frontier.points:
        assert_solve_says_the_same(name, axis, point, frontier)


@pytest.mark.parametrize("axis", AXES)
def test_document_and_table_keep_their_keys(axis: AxisName) -> None:
    frontier = frontier_of("office-a5000-workstations", axis)
    data = json.loads(json.dumps(frontier.as_json()))
    assert set(data) >= {"schema_version", "axis", "range", "points", "complete", "solves", "rejections"}
    assert (data["axis"], data["range"]) == (axis, [frontier.low, frontier.high])
    assert len(data["points"]) == len(frontier.points) > 0
    for shown, point in zip(data["points"], frontier.points, strict=True):
        assert set(shown) >= {"value", "tokens_per_s_per_user", "usd_per_month", "robust", "plan"}
        assert (shown["value"], shown["plan"]["cost"]["usd_per_month"]) == (point.value, point.usd_per_month)
        assert "rejections" not in shown["plan"]
    frame = frontier.to_frame()
    columns = [axis, f"{axis}_low", f"{axis}_high", "usd_per_month", "tokens_per_s_per_user", "robust", "nodes"]
    assert list(frame.columns) == columns
    assert list(frame[axis]) == [point.value for point in frontier.points]
    assert [sum(nodes.values()) for nodes in frame["nodes"]] == [
        sum(node.count for node in point.plan.nodes) for point in frontier.points]
