"""What sharing nodes saves against separate plans, and who pays what, in whole cents that add up to the cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from optimizer.errors import VerificationError
from optimizer.messages import Message
from optimizer.question.build import Asked
from optimizer.question.program import Known
from optimizer.question.question import Question
from optimizer.question.rules import program_of
from optimizer.schema.plan import Plan
from optimizer.schema.sharing import Saving, Share
from optimizer.strategies.columns import costs_of_covers, relax
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found, search
from optimizer.verify.sharing import check_parts_of_cost

MOST_EXACT = 8
"""Services up to which every coalition is solved: 2^8 of them."""

MOST_ALONE = 100
"""Services up to which each is planned alone."""

LIMIT = 2.0
"""CP-SAT's deterministic time for each of these plans; what is not proven by then is left out."""

CENTS = 100

Coalition = frozenset[int]


@dataclass(frozen=True)
class Sharing:
    """A plan whose nodes several services share, to be split among them."""

    asked: Asked
    found: Found
    effort: Effort

    @cached_property
    def free(self) -> Question:
        """The question without rules of the whole: budget, caps, contracts, nodes that must be there."""
        return replace(self.found.question, budget=None, purses=(), at_least=(), min_nodes=0)

    @cached_property
    def services(self) -> range:
        """All services."""
        return range(self.found.question.services)

    def plan_of(self, members: Coalition) -> Found | None:
        """Return the cheapest plan of some services by themselves; None where none is proven in time."""
        left_out = [service for service in self.services if service not in members]
        limited = self.effort.within(float("inf"), LIMIT)
        found = search(self.free.without(left_out), limited, reduce=False, ties=False)
        return found if found.status == "optimal" else None

    @cached_property
    def alone(self) -> tuple[Found | None, ...]:
        """The plan of each service by itself."""
        if len(self.services) > MOST_ALONE:
            return tuple(None for _ in self.services)
        return tuple(self.plan_of(frozenset([service])) for service in self.services)

    @cached_property
    def costs(self) -> tuple[int | None, ...]:
        """What each of them costs, in the question's unit of money."""
        return tuple(None if one is None else one.cost for one in self.alone)

    def coalitions(self) -> dict[Coalition, int] | None:
        """Return what the cheapest plan of every set of services costs; None where one of them is not proven."""
        count, cost = len(self.services), self.found.cost
        if count > MOST_EXACT or self.found.status != "optimal" or cost is None or None in self.costs or any(
                purse.bill is not None for purse in self.found.question.purses):
            return None
        found: dict[Coalition, int] = {frozenset(): 0, frozenset(self.services): cost}
        found |= {frozenset([i]): one for i, one in enumerate(self.costs) if one is not None}
        every = (_members(mask, count) for mask in range(1, 2**count))
        for members in sorted(every, key=lambda members: (len(members), sorted(members))):
            if members not in found:
                plan = None if self.effort.expired() else self.plan_of(members)
                if plan is None or plan.cost is None:
                    return None
                found[members] = plan.cost
        return found

    def margins(self) -> list[Fraction] | None:
        """Return what each service's demand adds to the lower bound of the cost; None where nothing is known of it."""
        program = program_of(self.found.question, Known.of(self.found.question))
        relaxation = relax(program, self.effort)
        if relaxation is None:
            return None
        service = {column: self.found.question.ways[way].service for (_, way), column in program.uses.items()}
        found = [Fraction(0) for _ in self.services]
        for rows, cost in zip(relaxation.covers, costs_of_covers(relaxation), strict=True):
            found[service[rows[0].columns[0]]] += cost
        return found if any(found) else None


def _members(mask: int, count: int) -> Coalition:
    return frozenset(i for i in range(count) if mask >> i & 1)


def with_sharing(plan: Plan, asked: Asked, found: Found, effort: Effort) -> Plan:
    """Add to a plan of shared nodes what sharing saves and who pays what; other plans stay as they are.

    Raises:
        VerificationError: the parts do not add up to the cost, which is our own fault.
    """
    if not asked.shares_nodes or not found.has_plan or plan.cost.usd_per_month is None:
        return plan
    sharing = Sharing(asked, found, effort)
    told = plan.model_copy(update={
        "shares": _shares(sharing, plan.cost.usd_per_month), "saving": _saving(sharing, plan.cost.usd_per_month)})
    faults = list(check_parts_of_cost(told))
    if faults:
        raise VerificationError("the shares do not stand:\n  " + "\n  ".join(faults))
    return told


def _shares(sharing: Sharing, usd_per_month: float) -> tuple[Share, ...]:
    total, costs = cents_of(usd_per_month), sharing.costs
    known = [Fraction(one) for one in costs if one is not None]
    coalitions = sharing.coalitions()
    margins = sharing.margins() if coalitions is None else None
    columns = (
        split_cents(total, known) if len(known) == len(costs) else None,
        None if coalitions is None else split_cents(total, shapley_values(len(costs), coalitions)),
        None if margins is None else split_cents(total, margins))
    return tuple(
        Share(
            service_id=service.service_id,
            alone_usd_per_month=None if costs[i] is None else sharing.asked.money.usd_per_month(costs[i] or 0),
            proportional_usd_per_month=_usd(columns[0], i), shapley_usd_per_month=_usd(columns[1], i),
            marginal_usd_per_month=_usd(columns[2], i))
        for i, service in enumerate(sharing.asked.problem.services))


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


def _saving(sharing: Sharing, usd_per_month: float) -> Saving:
    """Set the plan against separate plans; without one of them there is nothing to compare."""
    known = [one for one in sharing.costs if one is not None]
    if len(known) < len(sharing.services):
        return Saving(separate_usd_per_month=None, saved_usd_per_month=None, saved_fraction=None)
    separate = sum(sharing.asked.money.usd_per_month(cost) for cost in known)
    saved = separate - usd_per_month
    return Saving(
        separate_usd_per_month=separate, saved_usd_per_month=saved,
        saved_fraction=saved / separate if separate else 0.0, broken=tuple(broken_together(sharing)))


def broken_together(sharing: Sharing) -> Iterator[Message]:
    """Say which rules of the whole the separate plans break when they are taken together, in any period."""
    question, limits = sharing.found.question, sharing.asked.problem.limits
    counts = [sum(nodes) for nodes in zip(*(one.nodes for one in sharing.alone if one is not None), strict=True)]
    most: dict[str, int] = defaultdict(int)
    nodes = watts = types = 0
    everywhere = {question.supplies[stay.supply].offer.gpu_id
                  for stay, count in zip(question.stays, counts, strict=True) if count}
    for period in range(len(question.periods)):
        pools, stands = defaultdict[str, int](int), [i for i in question.standing(period) if counts[i]]
        for i in stands:
            for pool in question.supplies[question.stays[i].supply].pools:
                pools[pool] += counts[i]
        most |= {pool: max(most[pool], count) for pool, count in pools.items()}
        supplies = {i: question.supplies[question.stays[i].supply] for i in stands}
        nodes = max(nodes, sum(counts[i] for i in stands))
        watts = max(watts, sum(counts[i] * supplies[i].watts for i in stands))
        here = {supply.offer.gpu_id for supply in supplies.values()}
        types = max(types, len(here if question.types_by_period else everywhere))
    for pool, count in sorted(most.items()):
        if count > question.stock.get(pool, count):
            yield Message("together.stock", pool=pool, taken=count, there=question.stock[pool])
    usd, cost = sharing.asked.money.usd_per_month, sum(one or 0 for one in sharing.costs)
    if question.budget is not None and cost > question.budget:
        yield Message("together.budget", usd=usd(cost), allowed=usd(question.budget))
    for ident, count, allowed in (
            ("together.nodes", nodes, question.max_nodes), ("together.gpu-types", types, question.max_gpu_types)):
        if allowed is not None and count > allowed:
            yield Message(ident, count=count, allowed=allowed)
    if question.watts is not None and watts > question.watts and limits.power_kw is not None:
        yield Message("together.power", kw=watts / 1000, allowed=limits.power_kw)
