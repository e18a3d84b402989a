"""Walk up one axis: solve, note what the plan reaches, go on just above it; nothing in between is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.demand import demand_key, quantity_of, with_quantity
from optimizer.errors import Fault, InputError
from optimizer.frontier.axes import Axis, LossesAxis, SpeedAxis, TtftAxis, UsersAxis
from optimizer.frontier.points import AxisName, Frontier, FrontierPoint
from optimizer.frontier.stepped import step_by_step
from optimizer.load import Catalog, LoadedProblem
from optimizer.messages import Message
from optimizer.plan.best import spans_periods
from optimizer.plan.quarter import at_quarter
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, Solution, SolveSettings, plan_of, prepare, solve, solve_at
from optimizer.solve.variants import with_limits, with_service, with_speed, with_ttft
from optimizer.units import exact, usd_per_month

SLOWEST_TOKENS_PER_S = 5.0
"""Where a frontier of speed starts unless told otherwise: about the speed at which people read (250 words a minute)."""

DEMAND_FOLD = 4
"""How far a frontier of users goes unless told otherwise."""

MOST_LOSSES = 3
"""How many lost nodes a frontier of losses goes to unless told otherwise."""

LARGEST_LOSS = 100
"""Most lost nodes that a problem may ask to survive."""

LONGEST_TTFT_MS = 10_000.0
"""Where a frontier of TTFT starts: ten seconds, the limit of keeping a user's attention (Nielsen 1993, ch. 5)."""


@dataclass(frozen=True)
class Step:
    """One point of the walk: the strictest value that this cost buys."""

    value: Fraction
    solution: Solution
    at: Prepared
    solves: int
    """Values solved for since the step before."""


def _cheapest(prepared: Prepared, settings: SolveSettings) -> Solution:
    return solve_at(
        prepared.candidates, prepared.problem.limits, prepared.candidates.targets(), prepared.budget, settings
    )


def climb(axis: Axis, start: Fraction, settings: SolveSettings) -> Iterator[Step]:
    """Yield a step for each cost, in rising strictness; the last one has no plan, or lies at the end of the range.

    Complete, because the cost never falls as the promise grows and is constant up to what a plan reaches. The solve
    that shows that more costs more is the first of the next point.
    """
    solution, value, solves = _cheapest(axis.at(start), settings), start, 1
    while solution.has_plan:
        reached = axis.reached(solution, value)
        if axis.ends_with(reached) or solution.status != "optimal":
            yield Step(reached, solution, axis.at(reached), solves)
            return
        following = axis.beyond(reached)
        better, solves = _cheapest(axis.at(following), settings), solves + 1
        if better.cost != solution.cost or better.status != "optimal":
            yield Step(reached, solution, axis.at(reached), solves - 1)
            solves = 1
        solution, value = better, following
    yield Step(value, solution, axis.at(value), solves)


def _stands_at(step: Step) -> bool:
    """Say whether the options of a step are still those that carry most on their nodes at its value."""
    targets, limits = step.at.candidates.targets(), step.at.problem.limits
    best = {
        (service, one.offer.offer_id, one.option.order)
        for service, target in enumerate(targets)
        for one in step.at.candidates.candidates(service, target, per_engine=limits.engine_policy != "any")
    }
    named = ((c.row.service, c.row.offer_id, c.row.candidate.option.order) for c in step.solution.chosen)
    return all(name in best for name in named)


def _point(axis: Axis, step: Step, settings: SolveSettings, reversed_sign: bool) -> FrontierPoint:
    """Break the ties of a step as `solve` does, and read it as a plan."""
    single_speed = isinstance(axis, SpeedAxis) and len(step.at.problem.services) == 1
    if step.solution.status != "optimal" or (single_speed and _stands_at(step)):
        solution = replace(step.solution, targets=step.at.candidates.targets())
    else:
        solution = solve(step.at.candidates, step.at.problem.limits, step.at.budget, settings, trusting=False)
    plan = plan_of(step.at, solution, with_rejections=False)
    low, high = axis.bar(solution, step.value)
    value = float(-step.value if reversed_sign else step.value)
    speed = plan.services[axis.index].tokens_per_s_per_user
    cost = usd_per_month(solution.cost or 0)
    return FrontierPoint(value, low, high, speed, cost, False, solution.status == "optimal", plan)


def _robust(points: list[FrontierPoint]) -> tuple[FrontierPoint, ...]:
    """Mark the points whose error bars stand apart from those of both neighbours."""
    marked = []
    for i, point in enumerate(points):
        below = i == 0 or points[i - 1].value_high < point.value_low
        above = i + 1 == len(points) or point.value_high < points[i + 1].value_low
        marked.append(replace(point, robust=below and above))
    return tuple(marked)


@dataclass(frozen=True)
class _Range:
    """Where a walk starts and ends, in the axis' own unit."""

    low: Fraction
    high: Fraction | None


def _service_index(problem: Problem, service_id: str | None) -> int:
    ids = [service.service_id for service in problem.services]
    if service_id is None:
        return next((i for i, service in enumerate(problem.services) if service.kind == "sync"), 0)
    if service_id not in ids:
        raise InputError([Fault("--service", service_id, "no such service", ", ".join(ids))])
    return ids.index(service_id)


def _checked(low: float, high: float | None, unit: str, least: float, whole: bool) -> _Range:
    """Return a range as fractions.

    Raises:
        InputError: it is empty, starts too low, or counts in parts.
    """
    broken = low < least or (high is not None and high < low)
    parts = whole and any(value is not None and value != int(value) for value in (low, high))
    if broken or parts:
        found = f"{low:g}:{'' if high is None else f'{high:g}'}"
        allowed = f"LOW:HIGH in {'whole ' if whole else ''}{unit} with {least:g} <= LOW <= HIGH"
        raise InputError([Fault("options", "--range", found, allowed)])
    return _Range(exact(low), None if high is None else exact(high))


Trace = tuple[Axis, Fraction, _Range, Message]
"""An axis over a prepared problem, where it starts, its range, and its unit."""


def _speed(loaded: LoadedProblem, catalog: Catalog, index: int, low: float | None, high: float | None) -> Trace:
    target = loaded.problem.services[index].slo.target_tokens_per_s
    start = low if low is not None else min(SLOWEST_TOKENS_PER_S, target or SLOWEST_TOKENS_PER_S)
    span = _checked(start, high, "tokens/s", 1e-6, whole=False)
    base = prepare(loaded, catalog, with_speed(loaded.problem, index, start))
    return SpeedAxis(base, index, span.high), span.low, span, Message("unit.speed")


def _users(loaded: LoadedProblem, catalog: Catalog, index: int, low: float | None, high: float | None) -> Trace:
    service = loaded.problem.services[index]
    key, asked = demand_key(service), quantity_of(service)
    least = float(asked if key.step != 1 or asked < 1 else asked // 1) if low is None else low
    most = least * DEMAND_FOLD if high is None else high
    span = _checked(least, most, key.words, float(key.step), whole=key.step == 1)
    most_asked = with_quantity(service, span.high or span.low)
    problem = with_service(loaded.problem, index, demand=most_asked.demand, deadline=most_asked.deadline)
    return UsersAxis(prepare(loaded, catalog, problem), index, span.high), span.low, span, key.words


def _losses(loaded: LoadedProblem, catalog: Catalog, index: int, low: float | None, high: float | None) -> Trace:
    start = low or 0.0
    span = _checked(start, max(MOST_LOSSES, start) if high is None else high, "nodes lost", 0.0, whole=True)
    if span.high is not None and span.high > LARGEST_LOSS:
        allowed = f"at most {LARGEST_LOSS} nodes lost"
        raise InputError([Fault("options", "--range", f"{float(span.low):g}:{float(span.high):g}", allowed)])
    survive = loaded.problem.limits.survive.model_copy(update={"nodes": int(span.low)})
    base = prepare(loaded, catalog, with_limits(loaded.problem, survive=survive))
    return LossesAxis(base, index, span.high), span.low, span, Message("unit.nodes-lost")


def _ttft(loaded: LoadedProblem, catalog: Catalog, index: int, low: float | None, high: float | None) -> Trace:
    service = loaded.problem.services[index]
    if service.kind == "async" or service.slo.response == "whole":
        found = f"service {service.service_id}, whose first tokens nobody waits for"
        raise InputError([Fault("options", "--against", found, "ttft for a sync service with streamed responses")])
    long = max(LONGEST_TTFT_MS, service.slo.ttft_ms or 0.0, low or 0.0) if high is None else high
    span = _checked(0.0 if low is None else low, long, "ms", 0.0, whole=False)
    base = prepare(loaded, catalog, with_ttft(loaded.problem, index, long))
    if any(stated == index for stated, _ in base.candidates.stated):
        found = f"capacities that capacities.csv states for {service.service_id}, without a TTFT"
        raise InputError([Fault("options", "--against", found, "speed, users or losses")])
    return TtftAxis(base, index, -span.low), -(span.high or span.low), span, Message("unit.ms")


AXES: dict[AxisName, Callable[[LoadedProblem, Catalog, int, float | None, float | None], Trace]] = {
    "speed": _speed, "users": _users, "losses": _losses, "ttft": _ttft,
}
"""By the name that --against takes."""


def trace_frontier(
    loaded: LoadedProblem,
    catalog: Catalog,
    settings: SolveSettings,
    axis: AxisName = "speed",
    low: float | None = None,
    high: float | None = None,
    service_id: str | None = None,
    quarter: int | None = None,
) -> Frontier:
    """Return the complete frontier of cost against one promise.

    Args:
        axis: `speed` in tokens/s of one user; `users`: the demand of a service in its own unit; `losses`: nodes that
            may be lost at once; `ttft` in ms.
        low: where the range starts: by default 5 tokens/s (or the target when that is less), the demand, 0 nodes, 0 ms.
        high: where it ends: by default as fast as any offer goes, four times the demand, 3 nodes, 10 s or the limit.
        service_id: whose promise; default the first interactive service. The others keep their own.
        quarter: of a roadmap, counted from 1; default the first in which most is asked.

    Raises:
        InputError: the range is empty, there is no such service or quarter, or its promise has no such axis.
    """
    loaded = at_quarter(loaded, quarter)
    index = _service_index(loaded.problem, service_id)
    settings = replace(settings, enumerated=True)
    walked, start, span, unit = AXES[axis](loaded, catalog, index, low, high)
    if spans_periods(loaded.problem):
        return _over_periods(loaded, catalog, settings, axis, walked, span, unit)
    steps = list(climb(walked, start, settings))
    found = [step for step in steps if step.solution.has_plan]
    points = [_point(walked, step, settings, reversed_sign=axis == "ttft") for step in found]
    complete = all(point.proven for point in points) and steps[-1].solution.status != "unknown"
    name = loaded.problem.services[index].service_id
    high_end = None if span.high is None else float(span.high)
    return Frontier(
        loaded.problem.name, axis, unit, name, float(span.low), high_end,
        _robust(points[::-1] if axis == "ttft" else points), complete, sum(step.solves for step in steps), walked.base,
    )


def _over_periods(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, axis: AxisName, walked: Axis, span: _Range,
    unit: Message,
) -> Frontier:
    """Trace the frontier of a question that spans periods or shares nodes."""
    service = loaded.problem.services[walked.index]
    step = demand_key(service).step if axis == "users" else Fraction(1)
    found = step_by_step(loaded, catalog, settings, axis, walked.index, span.low, span.high, step)
    points = found.points[::-1] if axis == "ttft" else found.points
    return Frontier(loaded.problem.name, axis, unit, service.service_id, float(span.low),
                    None if span.high is None else float(span.high), points, found.complete, found.solves, walked.base)


def single_gpu_curves(frontier: Frontier, settings: SolveSettings) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return (value, dollars a month) of the frontier of each single GPU type that has one, by its id.

    Proposals beside the frontier, for charts: costs only, no plans.
    """
    sign = -1 if frontier.axis == "ttft" else 1
    curves: dict[str, tuple[tuple[float, float], ...]] = {}
    if spans_periods(frontier.prepared.problem):
        return curves  # a curve for each GPU type would take a frontier each
    for gpu in sorted({option.gpu_id for found in frontier.prepared.candidates.options.values() for option in found}):
        axis = _axis_over(frontier, frontier.prepared.only_gpu(gpu))
        start = exact(frontier.high if frontier.axis == "ttft" and frontier.high is not None else frontier.low) * sign
        steps = [step for step in climb(axis, start, settings) if step.solution.has_plan]
        if steps:
            curves[gpu] = tuple((float(step.value) * sign, usd_per_month(step.solution.cost or 0)) for step in steps)
    return curves


def _axis_over(frontier: Frontier, prepared: Prepared) -> Axis:
    """Return the axis of a frontier over another problem."""
    kinds: dict[AxisName, type[Axis]] = {
        "speed": SpeedAxis, "users": UsersAxis, "losses": LossesAxis, "ttft": TtftAxis
    }
    ids = [service.service_id for service in prepared.problem.services]
    last = None if frontier.high is None else exact(frontier.high)
    return kinds[frontier.axis](
        prepared, ids.index(frontier.service_id), -exact(frontier.low) if frontier.axis == "ttft" else last
    )
