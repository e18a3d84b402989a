"""The ladder: CP-SAT at once; column generation for a bound and a fleet near it; what is left to CP-SAT again."""

from __future__ import annotations

from dataclasses import replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import Relaxation, relax
from optimizer.fleet.fixing import fix
from optimizer.fleet.rounding import Near, improve, round_up, widen
from optimizer.fleet.search import cheapest, placed_on
from optimizer.fleet.solution import INFEASIBLE, FleetSolution, cost_of
from optimizer.fleet.spares import spared_fleet
from optimizer.solve.prove import Clock, SolveSettings

FEW = 12
"""Services up to which CP-SAT alone is quickest."""

MANY = 60
"""Services beyond which ties are not broken, and the column generation's bound stands where no proof is reached."""

GENERATED = "column generation"


def solve_fleet(case: FleetCase, settings: SolveSettings, clock: Clock) -> FleetSolution:
    """Find the cheapest fleet that serves every service.

    That every service's own cheapest nodes make the cheapest fleet is not taken for granted even where stock holds, as
    sharing may be cheaper: it is so when no bound below them is left.
    """
    if not all(case.by_service):
        return INFEASIBLE
    if len(case.demand) <= FEW:
        return _or_spared(case, cheapest(case, settings, clock), settings)
    relaxation = relax(case, clock)
    if relaxation.bound > (case.cost_bound if case.budget is None else min(case.budget, case.cost_bound)):
        return INFEASIBLE
    if not _is_plain(case):
        found = _floored(cheapest(case, settings, clock, floor=relaxation.bound), relaxation)
        return _or_spared(case, found, settings)
    near = _near(case, relaxation, settings, clock)
    if near is not None and (len(case.demand) > MANY or clock.expired()):
        return _ended(case, near, relaxation)
    return _proven(case, near, relaxation, settings, clock)


def _or_spared(case: FleetCase, found: FleetSolution, settings: SolveSettings) -> FleetSolution:
    """Return what the search was stopped at, or a fleet with spare nodes where that is all there is, or cheaper."""
    if found.status in ("optimal", "infeasible"):
        return found
    spared = spared_fleet(case, found.bound, settings)
    if spared is None or spared.placement is None:
        return found
    cost = cost_of(case, spared.placement.nodes)
    dearer = found.placement is None or cost_of(case, found.placement.nodes) > cost
    return spared if dearer else found


def _is_plain(case: FleetCase) -> bool:
    """Say whether the relaxation knows every rule but the budget."""
    return not case.survives and case.engine_policy == "any" and case.max_gpu_types is None


def _near(case: FleetCase, relaxation: Relaxation, settings: SolveSettings, clock: Clock) -> Near | None:
    """Find a fleet near the bound, within the budget."""
    free = replace(case, budget=None)
    start = round_up(free, relaxation, settings)
    if start is None:
        return None
    start = improve(free, start, relaxation.bound, settings, clock)
    near = widen(free, relaxation, start, settings, clock)
    return near if case.budget is None or cost_of(case, near.placement.nodes) <= case.budget else None


def _floored(found: FleetSolution, relaxation: Relaxation) -> FleetSolution:
    """Return what CP-SAT found with the better of both bounds."""
    return found if found.bound is None else replace(found, bound=max(found.bound, relaxation.bound))


def _ended(case: FleetCase, near: Near, relaxation: Relaxation) -> FleetSolution:
    """Return a fleet with the bound that was reached."""
    proven = near.bound >= cost_of(case, near.placement.nodes)
    return FleetSolution(
        "optimal" if proven else "feasible", near.placement, near.bound,
        tuple(True for _ in case.demand), duals=relaxation.service_costs, method=GENERATED)


def _proven(
    case: FleetCase, near: Near | None, relaxation: Relaxation, settings: SolveSettings, clock: Clock
) -> FleetSolution:
    """Prove the optimum, ties broken, over what a fleet no dearer than the one found can hold."""
    if near is None:
        found = _floored(cheapest(case, settings, clock, floor=relaxation.bound), relaxation)
        return _or_spared(case, found, settings)
    cost = cost_of(case, near.placement.nodes)
    fixed = fix(case, relaxation, cost)
    solution = fixed.back(cheapest(fixed.case, settings, clock, fixed.into(near.placement), floor=near.bound))
    if solution.placement is None:  # the limit: keep what is there already
        return _ended(case, near, relaxation)
    bound = max(solution.bound or 0, near.bound)
    again = placed_on(case, solution.placement, settings)  # the same whatever was left out on the way
    return replace(solution, placement=again, bound=bound, duals=relaxation.service_costs)
