"""The whole answer for a fleet: what to get, what it saves, who pays what, who is cut."""

from __future__ import annotations

from dataclasses import replace

from optimizer.answer import warnings
from optimizer.candidates import Shelf
from optimizer.errors import VerificationError
from optimizer.explain.nowhere import commonest_rejections
from optimizer.fleet.alone import Alone, broken_together, every_alone
from optimizer.fleet.case import FleetCase, build_fleet
from optimizer.fleet.extract import fleet_plan_of
from optimizer.fleet.losses import refuse_many_nodes
from optimizer.fleet.prove import solve_fleet
from optimizer.fleet.shares import shares_of
from optimizer.fleet.shed import choose_served
from optimizer.fleet.short import what_is_short
from optimizer.fleet.solution import INFEASIBLE, FleetSolution, cost_of
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.fleet import FleetPlan, Saving, Shed
from optimizer.solve import Prepared, SolveSettings, prepare
from optimizer.solve.prove import Clock
from optimizer.solve.refusals import refuse_limits, refuse_routed
from optimizer.units import usd_per_month
from optimizer.verify.fleet import as_plan, check_shares

MOST_TABLES = 100_000
"""Tables of options that are kept: a thousand services on every GPU type."""


def answer_fleet(loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, shed: bool = False) -> FleetPlan:
    """Plan one fleet for all services of a problem.

    Args:
        shed: where not all can be served, cut services, the least important first.

    Raises:
        InputError: the problem names something that the catalog does not have, or asks for more than one lost node.
        VerificationError: the fleet broke a rule when it was checked again.
    """
    refuse_many_nodes(loaded.problem.limits, loaded.problem.name)
    refuse_routed(loaded.problem, "a fleet whose services share nodes")
    refuse_limits(loaded.problem.limits, loaded.problem.name, "gpumix fleet")
    clock = Clock(settings)
    prepared = prepare(loaded, catalog, shelf=Shelf(MOST_TABLES))  # services of one model share their options
    case = build_fleet(prepared.candidates, prepared.problem.limits, prepared.budget)
    solution = solve_fleet(case, settings, clock)
    if solution.status == "infeasible" and shed:
        return _with_cuts(prepared, case, settings, clock)
    plan = fleet_plan_of(prepared, case, solution)
    if solution.status == "infeasible":
        return plan.model_copy(update={"reasons": what_is_short(prepared, case, clock)})
    if not solution.has_plan:
        return plan.model_copy(update={"reasons": ("the limit was reached before any fleet was found",)})
    return _told(prepared, case, solution, plan, settings, clock)


def _with_cuts(prepared: Prepared, case: FleetCase, settings: SolveSettings, clock: Clock) -> FleetPlan:
    """Serve the most important services and say who is cut."""
    short = what_is_short(prepared, case, clock)
    choice = choose_served(case, settings, clock)
    if choice is None or not choice.served:
        plan = fleet_plan_of(prepared, case, INFEASIBLE)
        return plan.model_copy(update={"reasons": ("not even one service can be served", *short)})
    part = case.only(choice.served)
    solution = solve_fleet(part, settings, clock)
    if not choice.proven and solution.status == "optimal":
        solution = replace(solution, status="feasible")
    plan = fleet_plan_of(prepared, part, solution, _cut(prepared, case, choice.served))
    told = _told(prepared, part, solution, plan, settings, clock) if solution.has_plan else plan
    return told.model_copy(update={"reasons": tuple(f"to serve all: {one}" for one in short)})


def _cut(prepared: Prepared, case: FleetCase, served: tuple[int, ...]) -> list[Shed]:
    """Describe the services that are cut, the least important first."""
    left = [i for i in range(len(case.names)) if i not in served]
    left.sort(key=lambda i: (-case.priority[i], case.names[i]))
    return [
        Shed(service_id=case.names[i], priority=case.priority[i],
             demand=prepared.candidates.demands[case.positions[i]].arithmetic,
             reason=CROWDED if case.by_service[i] else "; ".join(commonest_rejections(prepared, case.names[i])))
        for i in left]


def _about_hours(prepared: Prepared) -> list[str]:
    """Say that demand by the hour is taken at its peak, all services at once."""
    named = [one.service_id for one in prepared.problem.services if one.demand and one.demand.profile_hours]
    told = f"Demand by the hour is planned at its peak, whatever the hour: {', '.join(named)}."
    return [told] if named else []


CROWDED = "no room beside services as important or more"


def _told(
    prepared: Prepared, case: FleetCase, solution: FleetSolution, plan: FleetPlan, settings: SolveSettings, clock: Clock
) -> FleetPlan:
    """Add what sharing saves, who pays what, and what a reader must know first."""
    plans = every_alone(case, settings, clock)
    micro = cost_of(case, solution.placement.nodes) if solution.placement else 0
    told = plan.model_copy(update={
        "saving": _saving(case, plan, plans), "shares": shares_of(case, solution, micro, plans, settings, clock),
        "warnings": (*_about_hours(prepared), *warnings(prepared, as_plan(plan, plan.deployments)))})
    faults = list(check_shares(told))
    if faults:
        raise VerificationError("the shares do not stand:\n  " + "\n  ".join(faults))
    return told


def _saving(case: FleetCase, plan: FleetPlan, plans: tuple[Alone, ...]) -> Saving:
    """Set the fleet against separate plans; without one of them there is nothing to compare."""
    costs = [one.cost for one in plans]
    if None in costs or plan.cost.usd_per_month is None:
        return Saving(separate_usd_per_month=None, saved_usd_per_month=None, saved_fraction=None)
    separate = usd_per_month(sum(cost for cost in costs if cost is not None))
    saved = separate - plan.cost.usd_per_month
    return Saving(
        separate_usd_per_month=separate, saved_usd_per_month=saved,
        saved_fraction=saved / separate if separate else 0.0, broken=tuple(broken_together(case, plans)))
