"""From the linear relaxation to a fleet: every service on its largest column, then more and more ways are let in."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import Column, Relaxation
from optimizer.fleet.fixing import fix, regrets
from optimizer.fleet.rules import cost_of_nodes, fleet_model
from optimizer.fleet.search import Found, search
from optimizer.fleet.solution import Placement, cost_of
from optimizer.solve.prove import Clock, SolveSettings

ROUND_LIMIT = 5.0
"""CP-SAT's deterministic time for the first fleet."""

FREED, ROUNDS, PATIENCE = 40, 16, 5
"""Services that are placed again in one round, rounds at most, and rounds without a cheaper fleet at most."""

FREED_LIMIT = 0.5
"""CP-SAT's deterministic time for one of them: some tenths of a second."""

STEP_LIMIT = 1.0
"""CP-SAT's deterministic time for each wider question: some seconds."""

HALVINGS = 6
"""The first of them lets in replicas that cost up to 1/64 of the gap more than the cheapest."""

MOST_FAILURES = 2
"""Steps that may end without a proof before the search stops."""

MOST_STEPS = 24


@dataclass(frozen=True)
class Near:
    """A fleet near the bound."""

    placement: Placement
    bound: int
    """No fleet costs less."""


def round_up(case: FleetCase, relaxation: Relaxation, settings: SolveSettings) -> Placement | None:
    """Find a fleet near the relaxation: services on their largest column, nodes as they need; None where none fits.

    It takes tenths of a second and no heed of the time limit, which would else end without any answer.
    """
    clock = Clock(SolveSettings())
    columns = [
        max(zip(known, [*weights, *[0.0] * (len(known) - len(weights))], strict=True), key=lambda pair: pair[1])[0]
        for known, weights in zip(relaxation.columns, relaxation.weights, strict=True)]
    found = _on_columns(case, columns, (), settings, clock)
    if found is None:  # the stock does not allow it: free all services whose column is split
        split = [s for s, weights in enumerate(relaxation.weights) if max(weights, default=0.0) < 0.999]
        found = _on_columns(case, columns, split, settings, clock)
    return found


def improve(
    case: FleetCase, start: Placement, bound: int, settings: SolveSettings, clock: Clock
) -> Placement:
    """Place some services again, drawn at random but the same each time, as long as it pays."""
    draw, best, idle, count = random.Random(settings.seed), start, 0, len(case.demand)
    for _ in range(ROUNDS if count > FREED else 0):
        cost = cost_of(case, best.nodes)
        if cost <= bound or idle >= PATIENCE or clock.expired():
            break
        columns = [tuple((i, best.replicas[i]) for i in mine if best.replicas[i]) for mine in case.by_service]
        found = _on_columns(case, columns, draw.sample(range(count), FREED), settings, clock, best, FREED_LIMIT)
        pays = found is not None and cost_of(case, found.nodes) < cost
        best, idle = (found, 0) if found is not None and pays else (best, idle + 1)
    return best


def _on_columns(
    case: FleetCase, columns: Sequence[Column], freed: Collection[int], settings: SolveSettings, clock: Clock,
    hint: Placement | None = None, limit: float = ROUND_LIMIT,
) -> Placement | None:
    """Minimise the cost with all but some services on given replicas."""
    open_to = set(freed)
    fixed = {i: n for service, column in enumerate(columns) if service not in open_to for i, n in column}
    kept = [i for i, item in enumerate(case.items) if i in fixed or item.service in open_to]
    items = tuple(replace(case.items[i], most=fixed.get(i, case.items[i].most)) for i in kept)
    if hint is not None:
        hint = Placement(hint.nodes, tuple(hint.replicas[i] for i in kept))
    found = _cheapest_of(replace(case, items=items), 0, limit, settings, clock, hint)
    return _spread(case, kept, found)


def _cheapest_of(
    part: FleetCase, floor: int, limit: float, settings: SolveSettings, clock: Clock, hint: Placement | None
) -> Found:
    model = fleet_model(part)
    if floor:
        model.cp.add(cost_of_nodes(part, model) >= floor)
    brief = replace(settings, deterministic_limit=min(limit, settings.deterministic_limit or limit))
    return search(model, cost_of_nodes(part, model), brief, clock, hint)


def _spread(case: FleetCase, kept: Sequence[int], found: Found) -> Placement | None:
    if not found.nodes:
        return None
    replicas = [0] * len(case.items)
    for i, count in zip(kept, found.replicas, strict=True):
        replicas[i] = count
    return Placement(found.nodes, tuple(replicas))


def widen(
    case: FleetCase, relaxation: Relaxation, start: Placement, settings: SolveSettings, clock: Clock
) -> Near:
    """Let in replicas whose regret is ever larger, until it reaches the gap: then nothing cheaper is left out.

    The regret of a replica is what its service pays more, at the relaxation's prices, when it must have one. A fleet
    with a replica of larger regret than the gap costs more than the one that is known.
    """
    regret, best, bound, failures = regrets(case, relaxation), start, relaxation.bound, 0
    portion = 2**HALVINGS
    for _ in range(MOST_STEPS):
        cost = cost_of(case, best.nodes)
        gap = cost - relaxation.bound
        if cost <= bound or clock.expired() or failures >= MOST_FAILURES:
            break
        allowed = gap // portion + 1
        fixed = fix(case, relaxation, cost)
        kept = [i for i in range(len(case.items)) if regret[i] <= allowed or best.replicas[i]]
        part = replace(case, items=tuple(case.items[i] for i in kept), supplies=fixed.case.supplies)
        hint = Placement(best.nodes, tuple(best.replicas[i] for i in kept))
        found = _cheapest_of(part, relaxation.bound, STEP_LIMIT, settings, clock, hint)
        failures += found.status != "optimal"
        better = _spread(case, kept, found)
        if better is not None and cost_of(case, better.nodes) < cost:
            best = better
        if portion == 1:  # all of the cheapest are in the question
            bound = max(bound, min(found.bound, cost_of(case, best.nodes)))
        portion = max(1, portion // 2)
    return Near(best, min(bound, cost_of(case, best.nodes)))
