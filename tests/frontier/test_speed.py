"""The frontier is complete, proven, and rises in both cost and speed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from optimizer.errors import InputError
from optimizer.frontier import trace_frontier
from optimizer.load import load_catalog, load_problem
from optimizer.load.problem import parse_problem
from optimizer.solve import SolveSettings, prepare, solve
from optimizer.solve.variants import with_speed
from optimizer.units import usd_per_month

PROBLEM = """
schema_version: 1
name: narrow
services:
  - service_id: chat
    model: qwen2.5-7b-instruct
    slo: {tokens_per_s_per_user: 20, ttft_ms: 3000}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 24}
    headroom_fraction: 0.0
    engines: [vllm]
limits: {kinds: [on_demand], providers: {allow: [runpod, lambda]}}
"""


def frontier_of(text: str = PROBLEM, **arguments):  # type: ignore[no-untyped-def]
    loaded = parse_problem(text, "narrow.yaml")
    catalog = load_catalog(references={service.model for service in loaded.problem.services})
    return trace_frontier(loaded, catalog, SolveSettings(), **arguments)


def test_points_rise_in_cost_and_speed_and_are_all_proven() -> None:
    frontier = frontier_of()
    speeds = [point.tokens_per_s_per_user for point in frontier.points]
    costs = [point.usd_per_month for point in frontier.points]
    assert frontier.complete
    assert len(frontier.points) > 2
    assert all(a < b for a, b in pairwise(speeds))
    assert all(a < b for a, b in pairwise(costs))
    assert all(point.plan.status == "optimal" for point in frontier.points)


def test_the_frontier_equals_solving_at_every_level() -> None:
    """Every level of every option is solved for; the cheapest cost at a level is that of the next point above."""
    frontier = frontier_of(high=60.0)
    loaded = parse_problem(PROBLEM, "narrow.yaml")
    catalog = load_catalog(references={"qwen2.5-7b-instruct"})
    level, levels = frontier.low, []
    candidates = prepare(loaded, catalog, with_speed(loaded.problem, 0, frontier.low)).candidates
    while (following := candidates.next_speed(0, level)) is not None and following <= 60.0:
        levels.append(following)
        level = following
    assert len(levels) > 50
    for level in levels:
        at_level = prepare(loaded, catalog, with_speed(loaded.problem, 0, level))
        solution = solve(at_level.candidates, at_level.problem.limits, at_level.budget, SolveSettings())
        expected = next(point.usd_per_month for point in frontier.points if point.tokens_per_s_per_user >= level)
        assert solution.cost is not None
        assert usd_per_month(solution.cost) == expected


def test_a_range_cuts_the_frontier_and_a_point_reaches_its_end() -> None:
    whole, cut = frontier_of(), frontier_of(low=30.0, high=50.0)
    inside = [p for p in whole.points if p.tokens_per_s_per_user >= 30.0]
    assert [p.usd_per_month for p in cut.points] == [p.usd_per_month for p in inside[: len(cut.points)]]
    assert cut.points[-1].tokens_per_s_per_user >= 50.0 or len(cut.points) == len(inside)


def test_a_budget_ends_the_frontier() -> None:
    # 1,000 USD/month: every point costs at most that, and the whole frontier goes further
    limited = frontier_of(PROBLEM.replace("limits: {", "limits: {budget: {amount: 1000}, "))
    assert limited.points
    assert all(point.usd_per_month <= 1000 for point in limited.points)
    assert frontier_of().points[-1].usd_per_month > 1000


@pytest.mark.parametrize(
    "arguments", [{"low": 0.0}, {"low": -1.0}, {"low": 50.0, "high": 20.0}, {"service_id": "nobody"}]
)
def test_an_empty_range_or_unknown_service_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError):
        frontier_of(**arguments)


def test_rejections_stand_once_in_the_document() -> None:
    document = frontier_of().as_json()
    assert set(document) >= {"axis", "range", "points", "complete", "rejections"}
    assert document["axis"] == "speed"
    assert all("rejections" not in point["plan"] for point in document["points"])
    assert {"value", "tokens_per_s_per_user", "usd_per_month", "robust", "plan"} <= set(document["points"][0])


def test_with_two_services_one_speed_rises_and_the_other_keeps_its_target() -> None:
    loaded = load_problem("chat-and-code")
    catalog = load_catalog(references={service.model for service in loaded.problem.services})
    frontier = trace_frontier(loaded, catalog, SolveSettings(), low=20.0, high=60.0)
    other = next(s for s in loaded.problem.services if s.service_id != frontier.service_id)
    for point in frontier.points:
        reached = next(s.tokens_per_s_per_user for s in point.plan.services if s.service_id == other.service_id)
        assert reached is not None
        assert reached >= other.slo.target_tokens_per_s
