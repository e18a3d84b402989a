"""From the linear relaxation to a fleet: every service on its largest column, then parts of it solved again."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import Column, Relaxation
from optimizer.fleet.rules import cost_of_nodes, fleet_model
from optimizer.fleet.search import search
from optimizer.fleet.solution import Placement, cost_of
from optimizer.solve.prove import Clock, SolveSettings

FREED = (40, 80, 160)
"""Services that are placed again in one round; more when fewer no longer help."""

ROUND_LIMIT = 0.5
"""CP-SAT's deterministic time for one round: some tenths of a second."""

PATIENCE = 4
"""Rounds without a cheaper fleet after which more services are freed."""

MOST_ROUNDS = 400
"""Of a search; the time of some minutes."""

Columns = list[Column]
"""The replicas of each service."""


def round_up(case: FleetCase, relaxation: Relaxation, settings: SolveSettings, clock: Clock) -> Placement | None:
    """Find a fleet near the relaxation: services on their largest column, nodes as they need; None where none fits."""
    columns = [
        max(zip(known, [*weights, *[0.0] * (len(known) - len(weights))], strict=True), key=lambda pair: pair[1])[0]
        for known, weights in zip(relaxation.columns, relaxation.weights, strict=True)]
    found = _solve_part(case, columns, (), settings, clock)
    if found is None:  # the stock does not allow it: free all services whose column is split
        split = [s for s, weights in enumerate(relaxation.weights) if max(weights, default=0.0) < 0.999]
        found = _solve_part(case, columns, split, settings, clock, limit=10 * ROUND_LIMIT)
    return found


def improve(
    case: FleetCase, start: Placement, bound: int, settings: SolveSettings, clock: Clock,
    most_rounds: int = MOST_ROUNDS,
) -> Placement:
    """Place some services again, at random but the same each time, as long as it pays."""
    draw, best, idle = random.Random(settings.seed), start, 0
    count = len(case.demand)
    for _ in range(most_rounds):
        cost, step = cost_of(case, best.nodes), idle // PATIENCE
        if cost <= bound or step >= len(FREED) or clock.expired():
            break
        freed = draw.sample(range(count), min(FREED[step], count))
        found = _solve_part(case, columns_of(case, best), freed, settings, clock, best)
        idle = 0 if found is not None and cost_of(case, found.nodes) < cost else idle + 1
        best = found if idle == 0 and found is not None else best
    return best


def columns_of(case: FleetCase, placement: Placement) -> Columns:
    """Return each service's replicas."""
    return [tuple((i, placement.replicas[i]) for i in mine if placement.replicas[i]) for mine in case.by_service]


def _solve_part(
    case: FleetCase, columns: Sequence[Column], freed: Collection[int], settings: SolveSettings, clock: Clock,
    hint: Placement | None = None, limit: float = ROUND_LIMIT,
) -> Placement | None:
    """Minimise the cost with all but some services on given replicas."""
    fixed = {i: n for service, column in enumerate(columns) if service not in set(freed) for i, n in column}
    open_to = set(freed)
    places = [i for i, item in enumerate(case.items) if i in fixed or item.service in open_to]
    items = tuple(replace(case.items[i], most=fixed.get(i, case.items[i].most)) for i in places)
    part = replace(case, items=items)
    model = fleet_model(part)
    if hint is not None:
        hint = Placement(hint.nodes, tuple(hint.replicas[i] for i in places))
    brief = replace(settings, deterministic_limit=min(limit, settings.deterministic_limit or limit))
    found = search(model, cost_of_nodes(part, model), brief, clock, hint)
    if not found.nodes:
        return None
    replicas = [0] * len(case.items)
    for i, count in zip(places, found.replicas, strict=True):
        replicas[i] = count
    return Placement(found.nodes, tuple(replicas))
