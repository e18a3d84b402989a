"""Who pays what of a shared fleet, in whole cents that add up to its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from optimizer.fleet.alone import OF_THE_WHOLE, Alone
from optimizer.fleet.case import FleetCase
from optimizer.fleet.losses import Loss
from optimizer.fleet.search import cheapest
from optimizer.fleet.solution import FleetSolution
from optimizer.schema.fleet import Share
from optimizer.solve.prove import Clock, SolveSettings
from optimizer.units import usd_per_month

MOST_EXACT = 8
"""Services up to which every coalition is solved: 2^8 of them."""

CENTS = 100


def shares_of(
    case: FleetCase, solution: FleetSolution, cost: int, plans: Sequence[Alone], settings: SolveSettings, clock: Clock
) -> tuple[Share, ...]:
    """Split a cost in micro-dollars an hour among the services of a case, each way that is known.

    In proportion to what each costs alone; by Shapley value up to eight services, where every coalition is proven; and
    beyond, in proportion to the duals.
    """
    total = cents_of(usd_per_month(cost))
    costs = [one.cost for one in plans]
    known = [Fraction(one) for one in costs if one is not None]
    proportional = split_cents(total, known) if len(known) == len(costs) else None
    shapley = None
    if len(costs) <= MOST_EXACT and solution.status == "optimal":
        coalitions = coalition_costs(case, cost, plans, settings, clock, [one for one, _ in solution.after])
        shapley = split_cents(total, shapley_values(len(costs), coalitions)) if coalitions else None
    duals = [Fraction(max(0, dual)) for dual in solution.duals]
    marginal = split_cents(total, duals) if shapley is None and duals and any(duals) else None
    return tuple(
        Share(
            service_id=name, alone_usd_per_month=None if costs[i] is None else usd_per_month(costs[i] or 0),
            proportional_usd_per_month=_usd(proportional, i), shapley_usd_per_month=_usd(shapley, i),
            marginal_usd_per_month=_usd(marginal, i))
        for i, name in sorted(enumerate(case.names), key=lambda pair: case.positions[pair[0]]))


def _usd(cents: Sequence[int] | None, index: int) -> float | None:
    return None if cents is None else cents[index] / CENTS


def cents_of(usd: float) -> int:
    """Return dollars as the whole cents that a report prints.

    >>> cents_of(439.899), cents_of(11007.51962)
    (43990, 1100752)
    """
    return int(Decimal(f"{usd:.2f}") * CENTS)


def split_cents(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Split cents in proportion to weights; what rounding leaves goes to the largest remainders, the first of equals.

    >>> split_cents(100, [Fraction(1), Fraction(1), Fraction(1)]), split_cents(5, [Fraction(0), Fraction(2)])
    ([34, 33, 33], [0, 5])
    """
    whole = sum(weights)
    exact = [total * weight / whole if whole else Fraction(total, len(weights)) for weight in weights]
    parts = [math.floor(part) for part in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


Coalition = frozenset[int]


def coalition_costs(
    case: FleetCase, cost: int, plans: Sequence[Alone], settings: SolveSettings, clock: Clock,
    losses: Sequence[Loss] = (),
) -> dict[Coalition, int] | None:
    """Return what the cheapest fleet costs for every set of services, each proven; None where one is not.

    Under the rules of the whole but its budget and the nodes that it must hold. A fleet of all serves every part, so
    that no part costs more; what the whole may lose is looked at from the start.
    """
    count, free = len(case.demand), case.without(*OF_THE_WHOLE)
    costs: dict[Coalition, int] = {frozenset(): 0, frozenset(range(count)): cost}
    for one in plans:
        if one.cost is not None:
            costs[frozenset([one.service])] = one.cost
    for members in sorted((_members(mask, count) for mask in range(1, 2**count)), key=lambda m: (len(m), m)):
        if frozenset(members) in costs:
            continue
        if clock.expired():
            return None
        floor = max(costs[frozenset(members) - {i}] for i in members)
        found = cheapest(free.only(members), settings, clock, in_order=False, floor=floor, losses=losses)
        if found.status != "optimal" or found.bound is None:
            return None
        costs[frozenset(members)] = found.bound
    return costs


def _members(mask: int, count: int) -> tuple[int, ...]:
    return tuple(i for i in range(count) if mask >> i & 1)


def shapley_values(count: int, costs: Mapping[Coalition, int]) -> list[Fraction]:
    """Return each member's mean added cost over all orders of joining.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (c(S + i) - c(S)) (Shapley 1953).

    >>> one, two = frozenset([0]), frozenset([1])
    >>> shapley_values(2, {frozenset(): 0, one: 6, two: 4, one | two: 8})
    [Fraction(5, 1), Fraction(3, 1)]
    """
    values = []
    for i in range(count):
        value = Fraction(0)
        for members, cost in costs.items():
            if i not in members:
                size = len(members)
                weight = Fraction(math.factorial(size) * math.factorial(count - size - 1), math.factorial(count))
                value += weight * (costs[members | {i}] - cost)
        values.append(value)
    return values
