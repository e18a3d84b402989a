"""The ladder: what is proven at once, CP-SAT up to some tens of services, column generation beyond."""

from __future__ import annotations

from optimizer.fleet.case import FleetCase
from optimizer.fleet.search import cheapest
from optimizer.fleet.solution import INFEASIBLE, FleetSolution
from optimizer.solve.prove import Clock, SolveSettings


def solve_fleet(case: FleetCase, settings: SolveSettings, clock: Clock) -> FleetSolution:
    """Find the cheapest fleet that serves every service."""
    if not all(case.by_service):
        return INFEASIBLE
    return cheapest(case, settings, clock)
