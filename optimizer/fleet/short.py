"""What is short when no fleet can serve every service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.explain.nowhere import why_nowhere
from optimizer.fleet.case import FleetCase
from optimizer.fleet.rules import FleetModel, fleet_model
from optimizer.fleet.search import cheapest, search
from optimizer.formulation.cp_sat import LinearExpr
from optimizer.solve import Prepared
from optimizer.solve.prove import Clock, SolveSettings
from optimizer.units import usd_per_month

BRIEF = SolveSettings(deterministic_limit=5.0)
"""CP-SAT's deterministic time for each question."""

KEYS = {
    "stock": "limits.stock", "budget": "limits.budget", "max_nodes": "limits.nodes.max", "watts": "limits.power_kw",
    "max_gpu_types": "limits.max_gpu_types", "engine_policy": "limits.engine_policy",
    "lose_node": "limits.survive.nodes", "lose_provider": "limits.survive.provider",
    "lose_region": "limits.survive.region", "at_least": "limits.at_least",
}
"""Field of a case -> the key that a user reads."""


@dataclass(frozen=True)
class Shortage:
    """One rule without which a fleet exists, and the least change of it that is known."""

    rule: str
    told: str


def what_is_short(prepared: Prepared, case: FleetCase, clock: Clock) -> tuple[str, ...]:
    """Say which services no node can serve; else each rule that alone stands in the way, and what would be enough."""
    nowhere = tuple(why_nowhere(prepared))
    if nowhere:
        return nowhere
    found = tuple(one.told for one in shortages(case, clock))
    if found:
        return found
    active = [KEYS[rule] for rule in KEYS if _is_on(case, rule)]
    return (f"lifting any one of these alone does not help: {', '.join(active)}",) if active else ()


def shortages(case: FleetCase, clock: Clock) -> Iterator[Shortage]:
    """Yield each rule without which the services can be served."""
    for rule, key in KEYS.items():
        if not _is_on(case, rule) or clock.expired():
            continue
        lifted = case.without(rule)
        found = cheapest(lifted, BRIEF, Clock(BRIEF), in_order=False)
        if found.placement is None:
            continue
        cost = usd_per_month(sum(s.price * n for s, n in zip(lifted.supplies, found.placement.nodes, strict=True)))
        price = f"a fleet from ${cost:,.2f}/month"
        yield Shortage(rule, f"{key}: {_enough(case, lifted, rule, cost)}: {price}")


def _is_on(case: FleetCase, rule: str) -> bool:
    if rule == "stock":
        return any(stock is not None for stock in case.stock)
    return bool(getattr(case, rule) != getattr(case.without(rule), rule))


def _enough(case: FleetCase, lifted: FleetCase, rule: str, cost: float) -> str:
    """Say what would be enough of one rule."""
    if rule == "budget":
        return f"${usd_per_month(case.budget or 0):,.2f}/month is too little, ${cost:,.2f} is enough"
    if rule == "stock":
        return further_nodes(case, lifted) or "without the stock's limit"
    if rule == "max_nodes":
        least = _least(lifted, lambda model: LinearExpr.sum(model.nodes))
        return f"{case.max_nodes} is too few" + (f", {least} are enough" if least else "")
    if rule == "watts":
        least = _least(lifted, lambda model: LinearExpr.weighted_sum(
            model.nodes, [supply.offer.watts for supply in lifted.supplies]))
        return f"{(case.watts or 0) / 1000:g} kW is too little" + (
            f", {least / 1000:g} kW is enough" if least is not None else "")
    return "without it"


def _least(case: FleetCase, amount) -> int | None:  # type: ignore[no-untyped-def]
    """Minimise an amount of nodes alone, losses left out; None where it is not proven."""
    if case.survives:
        return None
    model: FleetModel = fleet_model(case)
    found = search(model, amount(model), BRIEF, Clock(BRIEF))
    return found.value if found.status == "optimal" else None


def further_nodes(case: FleetCase, lifted: FleetCase) -> str | None:
    """Name the fewest nodes that must be had beyond the stock."""
    if case.survives:
        return None
    model = fleet_model(lifted)
    beyond = {}
    for pool, stock in enumerate(case.stock):
        mine = [model.nodes[i] for i, supply in enumerate(lifted.supplies) if supply.pool == pool]
        if stock is not None and mine:
            beyond[pool] = model.cp.new_int_var(0, sum(s.most for s in lifted.supplies if s.pool == pool), "")
            model.cp.add(sum(mine) <= stock + beyond[pool])
    total = LinearExpr.sum(list(beyond.values()))
    found = search(model, total, BRIEF, Clock(BRIEF))
    if found.status != "optimal":
        return None
    named = []
    for pool in beyond:
        places = [i for i, supply in enumerate(lifted.supplies) if supply.pool == pool]
        used = sum(found.nodes[i] for i in places)
        if used > (case.stock[pool] or 0):
            offer = lifted.supplies[places[0]].offer
            named.append(f"{used - (case.stock[pool] or 0)} more of {offer.pool} (has {case.stock[pool]})")
    return f"at least {' and '.join(named)}"
