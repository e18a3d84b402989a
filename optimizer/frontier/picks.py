"""The points of a frontier that a planner looks at first."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.demand import quantity_of
from optimizer.frontier.points import Frontier, FrontierPoint
from optimizer.messages import Message
from optimizer.schema.base import GRADE_TOKENS_PER_S

KNEE_RULE = Message("pick.knee")
"""The knee of Satopaa et al., Finding a "Kneedle" in a Haystack (2011), without smoothing."""


@dataclass(frozen=True)
class Pick:
    """A point with the name under which a planner knows it."""

    name: str
    why: Message
    point: FrontierPoint


def knee(frontier: Frontier) -> FrontierPoint | None:
    """Return the point after which more of the promise costs most; None with fewer than three points."""
    points = frontier.points[::-1] if frontier.axis == "ttft" else frontier.points
    if len(points) < 3:
        return None
    first, last = points[0], points[-1]
    gains, costs = last.value - first.value, last.usd_per_month - first.usd_per_month

    def above(point: FrontierPoint) -> float:
        """Return how far a point lies above the straight line."""
        return (point.value - first.value) / gains - (point.usd_per_month - first.usd_per_month) / costs

    best = max(points, key=above)
    return best if above(best) > 0 else None


def picks(frontier: Frontier) -> tuple[Pick, ...]:
    """Name the cheapest point, the one asked for, the cheapest of each grade, the best within the budget, the knee."""
    if not frontier.points:
        return ()
    points = frontier.points[::-1] if frontier.axis == "ttft" else frontier.points
    found = [Pick("cheapest", Message("pick.cheapest"), points[0])]
    asked = asked_value(frontier)
    answer = None if asked is None else frontier.point_at(asked)
    if answer is not None and asked is not None:
        found.append(Pick("asked", Message("pick.asked", value=asked, unit=frontier.unit), answer))
    if frontier.axis == "speed":
        found += _by_grade(frontier)
    budget = frontier.prepared.problem.limits.budget
    if budget is not None:
        why = Message("pick.budget", amount=budget.amount, currency=budget.currency, per=budget.per)
        found.append(Pick("within budget", why, points[-1]))
    bend = knee(frontier)
    if bend is not None:
        found.append(Pick("knee", KNEE_RULE, bend))
    return tuple(found)


def _by_grade(frontier: Frontier) -> list[Pick]:
    """Return the cheapest point of each grade that some point reaches."""
    found = []
    for grade, speed in sorted(GRADE_TOKENS_PER_S.items(), key=lambda item: item[1]):
        point = frontier.point_at(speed)
        if point is not None and frontier.low <= speed:
            found.append(Pick(f"grade {grade}", Message("pick.grade", speed=speed), point))
    return found


def asked_value(frontier: Frontier) -> float | None:
    """Return what the problem itself asks on the axis, None when it asks nothing within the range."""
    problem = frontier.prepared.loaded.problem
    service = next(s for s in problem.services if s.service_id == frontier.service_id)
    if frontier.axis == "speed":
        asked: float | None = service.slo.target_tokens_per_s or None
    elif frontier.axis == "users":
        asked = float(quantity_of(service))
    elif frontier.axis == "losses":
        asked = float(problem.limits.survive.nodes)
    else:
        asked = service.slo.ttft_ms
    within = asked is not None and frontier.low <= asked and (frontier.high is None or asked <= frontier.high)
    return asked if within else None
