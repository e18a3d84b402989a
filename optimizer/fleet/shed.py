"""Who is served when a fleet falls short: whole services, the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.losses import Loss, left_of, losses_of
from optimizer.fleet.rules import cost_of_nodes, fleet_model
from optimizer.fleet.search import Found, place, search
from optimizer.solve.prove import Clock, SolveSettings

STAGE_LIMIT = 20.0
"""CP-SAT's deterministic time for each class of priority: some ten seconds; what it reaches stands, unproven."""


@dataclass(frozen=True)
class Choice:
    """Which services are served."""

    served: tuple[int, ...]
    proven: bool
    """Whether no more of any class can be served without fewer of one more important."""


def choose_served(case: FleetCase, settings: SolveSettings, clock: Clock) -> Choice | None:
    """Serve as many services of the most important class as can be, then of the next; among equals the cheapest.

    A service is served in full or not at all: part of its requests would break the promise to all of its users. None
    where nothing is found.
    """
    limited = replace(settings, deterministic_limit=min(STAGE_LIMIT, settings.deterministic_limit or STAGE_LIMIT))
    losses: tuple[Loss, ...] = ()
    while True:
        found, proven = _by_class(case, losses, limited, clock)
        if found is None:
            return None
        served = tuple(i for i, on in enumerate(found.served) if on)
        part = case.only(served)
        nodes = _nodes_for(part, case, found)
        short = [loss for loss in losses_of(part, nodes) if loss not in losses and not _stands(part, nodes, loss)]
        if not short:
            return Choice(served, proven)
        losses = (*losses, *short)


def _nodes_for(part: FleetCase, case: FleetCase, found: Found) -> tuple[int, ...]:
    counts = {supply.offer.offer_id: n for supply, n in zip(case.supplies, found.nodes, strict=True)}
    return tuple(counts[supply.offer.offer_id] for supply in part.supplies)


def _stands(case: FleetCase, nodes: Sequence[int], loss: Loss) -> bool:
    try:
        return place(case, left_of(case, nodes, loss)) is not None
    except TimeoutError:
        return False


def _by_class(
    case: FleetCase, losses: Sequence[Loss], settings: SolveSettings, clock: Clock
) -> tuple[Found | None, bool]:
    """Maximise the number served, class by class, then minimise the cost."""
    kept: dict[int, int] = {}
    found, proven = None, True
    for level in sorted(set(case.priority)):
        model = fleet_model(case, losses, may_drop=True)
        for known, count in kept.items():
            model.cp.add(sum(model.served[i] for i in _class(case, known)) >= count)
        stage = search(model, -sum(model.served[i] for i in _class(case, level)), settings, clock)
        if not stage.nodes:
            return found, False
        found, proven = stage, proven and stage.status == "optimal"
        kept[level] = sum(stage.served[i] for i in _class(case, level))
    model = fleet_model(case, losses, may_drop=True)
    for known, count in kept.items():
        model.cp.add(sum(model.served[i] for i in _class(case, known)) >= count)
    last = search(model, cost_of_nodes(case, model), settings, clock)
    if last.nodes:
        found, proven = last, proven and last.status == "optimal"
    return found, proven


def _class(case: FleetCase, level: int) -> list[int]:
    return [i for i, priority in enumerate(case.priority) if priority == level]
