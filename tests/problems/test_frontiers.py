"""The frontier of every shipped problem: complete, undominated, and where small equal to solving every level."""

from __future__ import annotations

from itertools import pairwise

import pytest

from optimizer.frontier import Frontier, trace_frontier
from optimizer.solve import Prepared, SolveSettings, prepare, solve_at
from optimizer.solve.variants import with_speed
from optimizer.units import usd_per_month
from tests.problems.conftest import loaded_with_catalog, one_peak_problems, solve_shipped

SETTINGS = SolveSettings()

SINGLE = [name for name in one_peak_problems() if len(loaded_with_catalog(name)[0].problem.services) == 1]


def frontier_of(name: str, low: float | None = None, high: float | None = None, service: str | None = None) -> Frontier:
    """Walk the frontier of a shipped problem."""
    loaded, catalog = loaded_with_catalog(name)
    return trace_frontier(loaded, catalog, SETTINGS, "speed", low, high, service)


def assert_undominated(frontier: Frontier) -> None:
    """Every point is dearer and faster than the one before it, and says the same as its plan."""
    assert frontier.complete
    for below, above in pairwise(frontier.points):
        assert below.usd_per_month < above.usd_per_month
        assert below.tokens_per_s_per_user < above.tokens_per_s_per_user
    for point in frontier.points:
        service = next(s for s in point.plan.services if s.service_id == frontier.service_id)
        assert service.tokens_per_s_per_user == point.tokens_per_s_per_user >= frontier.low
        assert point.plan.cost.usd_per_month == point.usd_per_month
        assert point.plan.status == "optimal"


@pytest.mark.parametrize("name", SINGLE)
def test_frontier_is_complete_and_rising(name: str) -> None:
    frontier = frontier_of(name)
    assert_undominated(frontier)
    answer = solve_shipped(name).plan
    if answer.status == "infeasible":  # what the frontier has is slower than what was asked
        target = solve_shipped(name).loaded.problem.services[0].slo.target_tokens_per_s
        assert all(point.tokens_per_s_per_user < target for point in frontier.points)
        return
    target = answer.services[0].target_tokens_per_s
    if target:  # the cheapest point at the speed asked for is the answer itself
        asked = next(point for point in frontier.points if point.tokens_per_s_per_user >= target)
        if answer.periods:
            return  # over quarters; the frontier is of today
        assert (asked.usd_per_month, asked.plan.nodes) == (answer.cost.usd_per_month, answer.nodes)
        # among plans of one cost the answer has the better evidence, the frontier the higher speed
        assert asked.tokens_per_s_per_user >= (answer.services[0].tokens_per_s_per_user or 0.0)


def test_other_services_keep_their_speed_along_the_frontier() -> None:
    frontier = frontier_of("chat-and-code", 40.0, 60.0, "code")
    assert_undominated(frontier)
    assert len(frontier.points) > 1
    for point in frontier.points:
        chat = next(service for service in point.plan.services if service.service_id == "chat")
        assert chat.tokens_per_s_per_user is not None
        assert chat.tokens_per_s_per_user >= 30  # grade B


def _levels(prepared: Prepared, low: float) -> list[float]:
    """List every speed at which some option carries less, from `low` up."""
    levels, level = [low], prepared.candidates.next_speed(0, low)
    while level is not None:
        levels.append(level)
        level = prepared.candidates.next_speed(0, level)
    return levels


@pytest.mark.parametrize(("name", "low"), [
    ("office-a5000-workstations", 15.0), ("measured-only-gpt-oss-120b", 5.0), ("measured-curves-llama-70b", 45.0),
])
def test_frontier_equals_solving_at_every_level(name: str, low: float) -> None:
    """At every level of speed the cheapest plan costs what the first frontier point at that speed costs."""
    loaded, catalog = loaded_with_catalog(name)
    prepared = prepare(loaded, catalog, with_speed(loaded.problem, 0, low))
    points = trace_frontier(loaded, catalog, SETTINGS, low=low).points
    levels = _levels(prepared, low)
    assert len(levels) > 20
    for level in levels:
        limits = prepared.problem.limits
        cheapest = solve_at(prepared.candidates, limits, (level,), prepared.budget, SETTINGS, in_order=False)
        offered = next((point.usd_per_month for point in points if point.tokens_per_s_per_user >= level), None)
        if cheapest.has_plan:
            assert cheapest.cost is not None
            assert offered == usd_per_month(cheapest.cost), level
        else:
            assert (cheapest.status, offered) == ("infeasible", None), level
