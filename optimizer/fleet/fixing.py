"""What no fleet as cheap as a known one can hold: reduced-cost fixing at the prices of the relaxation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimizer.fleet.case import FleetCase
from optimizer.fleet.columns import SCALE, Prices, Relaxation, item_costs, reduced_cost, rows_of
from optimizer.fleet.pricing import cheapest_cover
from optimizer.fleet.solution import FleetSolution, Placement


@dataclass(frozen=True)
class Fixed:
    """A smaller question with the same cheapest fleets, ties included."""

    case: FleetCase
    whole: FleetCase
    kept: tuple[int, ...]
    """Positions of its items in the whole."""

    def into(self, placement: Placement) -> Placement:
        """Write a fleet of the whole as one of the smaller question."""
        return Placement(placement.nodes, tuple(placement.replicas[i] for i in self.kept))

    def back(self, solution: FleetSolution) -> FleetSolution:
        """Write a solution of the smaller question as one of the whole."""
        if solution.placement is None:
            return solution
        replicas = [0] * len(self.whole.items)
        for i, count in zip(self.kept, solution.placement.replicas, strict=True):
            replicas[i] = count
        return replace(solution, placement=Placement(solution.placement.nodes, tuple(replicas)))


def fix(case: FleetCase, relaxation: Relaxation, cost: int) -> Fixed:
    """Leave out replicas and nodes that would lift the bound above the cost of a known fleet.

    With L the bound at the prices, a fleet with a replica of item i costs at least L plus what its service pays more
    when it must have one; one with n nodes of an offer at least L + n x its reduced cost.
    """
    slack = (cost - relaxation.bound + 1) * SCALE  # the bound was rounded up
    prices = relaxation.prices
    kept = tuple(i for i, regret in enumerate(_parts(case, prices)) if regret <= slack)
    rows = rows_of(case)
    supplies = []
    held = dict(case.at_least)
    for supply in case.supplies:
        beyond = reduced_cost(supply, rows, prices)
        least = min(held.get(supply.offer.offer_id, 0), supply.most)
        most = supply.most if beyond <= 0 else min(supply.most, least + slack // beyond)
        supplies.append(replace(supply, most=most))
    smaller = replace(case, items=tuple(case.items[i] for i in kept), supplies=tuple(supplies))
    return Fixed(smaller, case, kept)


def regrets(case: FleetCase, relaxation: Relaxation) -> list[int]:
    """Return what a service pays more at the relaxation's prices when it must have a replica, in micro-dollars."""
    return [parts // SCALE for parts in _parts(case, relaxation.prices)]


def _parts(case: FleetCase, prices: Prices) -> list[int]:
    """Return the regret of each item, in parts of a micro-dollar."""
    costs = item_costs(case, rows_of(case), prices)
    found = [0] * len(case.items)
    for service, mine in enumerate(case.by_service):
        demand, priced = case.demand[service], [costs[i] for i in mine]
        carries = [case.items[i].capacity for i in mine]
        least = cheapest_cover(priced, carries, demand)[1]
        for i in mine:
            rest = demand - case.items[i].capacity
            forced = costs[i] + (cheapest_cover(priced, carries, rest)[1] if rest > 0 else 0)
            found[i] = forced - least
    return found
