"""The ladder: CP-SAT at once; column generation for a bound and a fleet near it; what is left to CP-SAT again."""

from __future__ import annotations

from dataclasses import replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import Relaxation, relax
from optimizer.fleet.fixing import fix
from optimizer.fleet.rounding import MOST_ROUNDS, improve, round_up
from optimizer.fleet.search import cheapest, placed_on
from optimizer.fleet.solution import INFEASIBLE, FleetSolution, Placement, cost_of
from optimizer.solve.prove import Clock, SolveSettings

FEW = 12
"""Services up to which CP-SAT alone is quickest."""

MANY = 60
"""Services beyond which the optimum is no longer proven: the column generation's bound and gap are shown."""

GENERATED = "column generation"


def solve_fleet(case: FleetCase, settings: SolveSettings, clock: Clock) -> FleetSolution:
    """Find the cheapest fleet that serves every service.

    That every service's own cheapest nodes make the cheapest fleet is not taken for granted even where stock holds, as
    sharing may be cheaper: it is so when no bound below them is left.
    """
    if not all(case.by_service):
        return INFEASIBLE
    if len(case.demand) <= FEW or not _is_plain(case):
        return cheapest(case, settings, clock)
    relaxation = relax(case, clock)
    if relaxation.bound > (case.cost_bound if case.budget is None else min(case.budget, case.cost_bound)):
        return INFEASIBLE
    found = _near(case, relaxation, settings, clock)
    if len(case.demand) > MANY and found is not None:
        return _ended(case, found, relaxation)
    return _proven(case, found, relaxation, settings, clock)


def _is_plain(case: FleetCase) -> bool:
    """Say whether the relaxation knows every rule but the budget."""
    return not case.survives and case.engine_policy == "any" and case.max_gpu_types is None


def _near(case: FleetCase, relaxation: Relaxation, settings: SolveSettings, clock: Clock) -> Placement | None:
    """Find a fleet near the bound, within the budget."""
    free = replace(case, budget=None)
    start = round_up(free, relaxation, settings, clock)
    if start is None:
        return None
    rounds = MOST_ROUNDS if len(case.demand) > MANY else 1  # where the optimum is proven next, a start is enough
    found = improve(free, start, relaxation.bound, settings, clock, rounds)
    return found if case.budget is None or cost_of(case, found.nodes) <= case.budget else None


def _ended(case: FleetCase, found: Placement, relaxation: Relaxation) -> FleetSolution:
    """Return a fleet with the bound that was reached."""
    cost = cost_of(case, found.nodes)
    status = "optimal" if relaxation.bound >= cost else "feasible"
    return FleetSolution(
        status, found, min(relaxation.bound, cost), tuple(True for _ in case.demand),  # type: ignore[arg-type]
        duals=relaxation.service_costs, method=GENERATED)


def _proven(
    case: FleetCase, found: Placement | None, relaxation: Relaxation, settings: SolveSettings, clock: Clock
) -> FleetSolution:
    """Prove the optimum over what a fleet no dearer than the one found can hold."""
    if found is None:
        return cheapest(case, settings, clock)
    fixed = fix(case, relaxation, cost_of(case, found.nodes))
    solution = cheapest(fixed.case, settings, clock, fixed.into(found), floor=relaxation.bound)
    solution = fixed.back(solution)
    if solution.placement is None:  # the limit: keep what is there already
        return _ended(case, found, relaxation)
    bound = max(solution.bound or 0, relaxation.bound)
    again = placed_on(case, solution.placement, settings)  # the same whatever was left out on the way
    return replace(solution, placement=again, bound=bound, duals=relaxation.service_costs)
