"""The whole answer for a fleet: what to get, what it saves, who pays what, who is cut."""

from __future__ import annotations

from optimizer.fleet.alone import Alone, broken_together, every_alone
from optimizer.fleet.case import FleetCase, build_fleet
from optimizer.fleet.extract import fleet_plan_of
from optimizer.fleet.losses import refuse_many_nodes
from optimizer.fleet.prove import solve_fleet
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.fleet import FleetPlan, Saving
from optimizer.solve import Prepared, SolveSettings, prepare, refuse_routed
from optimizer.solve.prove import Clock
from optimizer.units import usd_per_month


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
    clock = Clock(settings)
    prepared = prepare(loaded, catalog)
    case = build_fleet(prepared.candidates, prepared.problem.limits, prepared.budget)
    solution = solve_fleet(case, settings, clock)
    plan = fleet_plan_of(prepared, case, solution)
    if not solution.has_plan:
        return plan
    return _with_shares(prepared, case, plan, settings, clock)


def _with_shares(
    prepared: Prepared, case: FleetCase, plan: FleetPlan, settings: SolveSettings, clock: Clock
) -> FleetPlan:
    plans = every_alone(case, settings, clock)
    return plan.model_copy(update={"saving": _saving(case, plan, plans)})


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
