"""The twins of the formulation's rules and objectives, `check_<rule>`, in the user's quantities and exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.owned import machine_of
from optimizer.load import Catalog
from optimizer.schema.plan import Deployment
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.classes import carried_after_losses, routed_ids
from optimizer.verify.subject import TOLERANCE, Subject


def check_meet_demand(subject: Subject) -> Iterator[str]:
    """Every service whose classes share all nodes gets at least its demand."""
    for service_id in subject.mixed_ids():
        mine = subject.of_service(service_id)
        held = sum((one.nodes * subject.node_capacity(one) for one in mine), Fraction(0))
        needed = subject.amount(service_id)
        if held < needed:
            yield f"{service_id}: carries {float(held):g}, {float(needed):g} needed"


def check_respect_stock(subject: Subject) -> Iterator[str]:
    """No offer is used beyond its stock, which the sites of an owned machine share; a site may have its own beside."""
    used = [(subject.offers[node.offer_id], node.count) for node in subject.plan.nodes]
    for name, count, stock in beyond_stock(subject.problem, subject.catalog, used):
        yield f"{name}: {count} used, {stock} in stock"


def beyond_stock(
    problem: Problem, catalog: Catalog, used: Iterable[tuple[PricedOffer, int]]
) -> Iterator[tuple[str, int, int]]:
    """Yield (offer or machine, nodes used, nodes that may be used) where these are too few.

    A stock that the problem states for a machine, else the catalog's, is that of all its sites together; what it states
    for one site or for a rented offer is that offer's own.
    """
    stated, counts = problem.limits.stock, defaultdict[str, int](int)
    stocks: dict[str, int | None] = {}
    for offer, count in used:
        machine = machine_of(offer)
        for name in {offer.offer_id, machine}:
            counts[name] += count
        facts = catalog.offers.get(offer.offer_id) or catalog.owned.get(machine)
        stocks[machine] = stated.get(machine, facts.stock if facts else None)
        if offer.offer_id != machine:
            stocks[offer.offer_id] = stated.get(offer.offer_id)
    for name, stock in stocks.items():
        if stock is not None and counts[name] > stock:
            yield name, counts[name], stock


def check_keep_budget(subject: Subject) -> Iterator[str]:
    """All nodes together cost no more than the budget, compared exactly, and the budget printed is the one stated."""
    budget, printed = subject.problem.limits.budget, subject.plan.cost.budget_usd_per_month
    if budget is None:
        if printed is not None:
            yield f"a budget of {printed} USD/month is printed, none is stated"
        return
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[budget.per]
    rate = rate_per_usd(subject.catalog, subject.problem, budget.currency)
    spent = Fraction(_micro_usd_per_hour(subject), MICRO) * hours * rate
    stated = math.floor(exact(budget.amount) / rate / hours * MICRO) * HOURS_PER_MONTH / MICRO
    if printed is not None and printed != stated:
        yield f"a budget of {printed} USD/month is printed, {stated} is stated"
    if spent > exact(budget.amount):
        yield f"costs {float(spent):,.2f} {budget.currency} a {budget.per}, {budget.amount:,.2f} allowed"


def check_limit_nodes(subject: Subject) -> Iterator[str]:
    """The number of nodes is within its limits."""
    total, allowed = sum(node.count for node in subject.plan.nodes), subject.problem.limits.nodes
    if total < allowed.min or (allowed.max is not None and total > allowed.max):
        yield f"{total} nodes, {allowed.min} to {allowed.max} allowed"


def check_hold_nodes(subject: Subject) -> Iterator[str]:
    """The nodes that the plan must hold are there."""
    counts = {node.offer_id: node.count for node in subject.plan.nodes}
    for offer_id, least in subject.problem.limits.at_least.items():
        if counts.get(offer_id, 0) < least:
            yield f"{counts.get(offer_id, 0)} nodes of {offer_id}, at least {least} asked"


def check_limit_gpu_types(subject: Subject) -> Iterator[str]:
    """At most K different GPU types are used."""
    most, types = subject.problem.limits.max_gpu_types, {node.gpu_id for node in subject.plan.nodes}
    if most is not None and len(types) > most:
        yield f"{len(types)} GPU types, {most} allowed"


def check_choose_engines(subject: Subject) -> Iterator[str]:
    """One engine serves the whole fleet, or each GPU type."""
    policy = subject.problem.limits.engine_policy
    if policy == "any":
        return
    engines: dict[str, set[str]] = defaultdict(set)
    for one in subject.plan.deployments:
        scope = subject.offers[one.offer_id].gpu_id if policy == "per_gpu" else "the fleet"
        engines[scope].add(one.engine_id)
    yield from (f"{scope} runs {', '.join(sorted(found))}" for scope, found in engines.items() if len(found) > 1)


def _check_classes_after_losses(subject: Subject) -> Iterator[str]:
    """Yield the services with routed classes that some loss to survive leaves with too little."""
    for service_id in routed_ids(subject):
        if not carried_after_losses(subject, service_id, subject.services[service_id].slo.target_tokens_per_s):
            yield f"{service_id}: a loss leaves too little for some of its classes"


def check_survive_node_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when its k largest nodes are gone."""
    losses = subject.problem.limits.survive.nodes
    yield from _check_classes_after_losses(subject) if losses else ()
    for service_id in subject.mixed_ids() if losses else ():
        held = [(subject.node_capacity(one), one.nodes) for one in subject.of_service(service_id)]
        left = after_node_loss(held, losses)
        if left < subject.amount(service_id):
            yield f"{service_id}: {float(left):g} left after losing {losses} nodes"


def after_node_loss(held: list[tuple[Fraction, int]], losses: int) -> Fraction:
    """Return what (capacity, nodes) carry without the largest nodes.

    >>> after_node_loss([(Fraction(4), 3), (Fraction(6), 1)], 2)  # 6 and one of 4 are lost
    Fraction(8, 1)
    """
    left = sum((capacity * nodes for capacity, nodes in held), Fraction(0))
    for capacity, nodes in sorted(held, reverse=True):
        lost = min(nodes, losses)
        left, losses = left - capacity * lost, losses - lost
    return left


def left_after_losses(subject: Subject, held: list[tuple[Deployment, Fraction]]) -> Fraction:
    """Return what is left of (deployment, capacity of one of its nodes) after the worst loss that must be survived.

    Where spot nodes are capped, no more than the demand of which the others carry their share.
    """
    survive = subject.problem.limits.survive
    left = after_node_loss([(capacity, one.nodes) for one, capacity in held], survive.nodes)
    groups: list[tuple[bool, Callable[[PricedOffer], Hashable]]] = [
        (survive.provider, lambda offer: offer.provider), (survive.region, lambda offer: offer.place),
    ]
    for asked, group in groups:
        names = [(group(subject.offers[one.offer_id]), capacity * one.nodes) for one, capacity in held] if asked else []
        for lost, _ in names:
            left = min(left, sum((carried for name, carried in names if name != lost), Fraction(0)))
    share = subject.problem.limits.spot_share_fraction
    if share is not None:
        firm = without_spot(subject, [(one, capacity * one.nodes) for one, capacity in held])
        left = min(left, firm / (1 - exact(share)))
    return left


def _check_group_loss(subject: Subject, group: Callable[[PricedOffer], Hashable]) -> Iterator[str]:
    for service_id in subject.mixed_ids():
        mine = [(one, group(subject.offers[one.offer_id])) for one in subject.of_service(service_id)]
        for lost in sorted({name for _, name in mine}, key=str):
            left = sum((one.nodes * subject.node_capacity(one) for one, name in mine if name != lost), Fraction(0))
            if left < subject.amount(service_id):
                yield f"{service_id}: {float(left):g} left without {lost}"


def check_survive_provider_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when any one provider is gone."""
    if subject.problem.limits.survive.provider:
        yield from _check_classes_after_losses(subject)
        yield from _check_group_loss(subject, lambda offer: offer.provider)


def check_survive_region_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when any one region of a provider is gone."""
    if subject.problem.limits.survive.region:
        yield from _check_classes_after_losses(subject)
        yield from _check_group_loss(subject, lambda offer: offer.place)


def check_cap_spot_share(subject: Subject) -> Iterator[str]:
    """The nodes of every service that are not spot carry at least 1 - share of its demand."""
    share = subject.problem.limits.spot_share_fraction
    for service_id in subject.services if share is not None else ():
        mine = [(one, subject.node_capacity(one) * one.nodes) for one in subject.of_service(service_id)]
        firm = without_spot(subject, mine)
        needed = (1 - exact(share or 0.0)) * subject.amount(service_id)
        if firm < needed:
            yield f"{service_id}: {float(firm):g} without spot nodes, {float(needed):g} needed"


def without_spot(subject: Subject, held: list[tuple[Deployment, Fraction]]) -> Fraction:
    """Return what is left of (deployment, what all its nodes carry) when every spot node is taken away."""
    return sum((c for one, c in held if subject.offers[one.offer_id].kind != "spot"), Fraction(0))


def check_cap_power(subject: Subject) -> Iterator[str]:
    """Owned nodes draw no more than the cap at full load."""
    cap = subject.problem.limits.power_kw
    watts = sum(node.count * subject.offers[node.offer_id].watts for node in subject.plan.nodes)
    if cap is not None and watts > exact(cap) * 1000:
        yield f"{watts} W drawn, {cap} kW allowed"


def _micro_usd_per_hour(subject: Subject) -> int:
    """Return what the nodes cost, as providers with a contract bill them."""
    return _listed(subject, None) + _beyond(subject)


def _listed(subject: Subject, provider: str | None) -> int:
    """Return the prices of the nodes (of a provider) together, before any contract."""
    offers = [(subject.offers[node.offer_id], node.count) for node in subject.plan.nodes]
    return sum(offer.micro_usd_per_hour * count for offer, count in offers if provider in (None, offer.provider))


def _beyond(subject: Subject) -> int:
    """Return what contracts add to the prices of the nodes: max(minimum, spend less discounts) + fee - spend."""
    beyond = 0
    for provider, contract in subject.problem.limits.contracts.items():
        spend = _listed(subject, provider)
        used = any(subject.offers[node.offer_id].provider == provider for node in subject.plan.nodes)
        if not (used or contract.signed):
            continue
        marks = [*(_up(tier.above_usd_per_month) for tier in contract.tiers), spend]
        saved = sum(
            (max(0, min(spend, following) - above) * exact(tier.discount_fraction)
             for tier, (above, following) in zip(contract.tiers, pairwise(marks), strict=True)), Fraction(0))
        billed = max(_up(contract.minimum_usd_per_month), math.ceil(spend - saved)) + _up(contract.fee_usd_per_month)
        beyond += billed - spend
    return beyond


def _up(usd_per_month: float) -> int:
    return math.ceil(exact(usd_per_month) / HOURS_PER_MONTH * MICRO)


def check_pay_contracts(subject: Subject) -> Iterator[str]:
    """A provider with a contract bills max(minimum, spend less volume tiers) + fee; the cost lines say so."""
    told = subject.plan.cost.breakdown.get(CONTRACTS, 0.0)
    due = _beyond(subject) * HOURS_PER_MONTH / MICRO
    if abs(told - due) > 1e-6 * max(1.0, abs(due)):
        yield f"contracts change the cost by {due:.2f} USD/month, the plan says {told:.2f}"


def check_total_cost(subject: Subject) -> Iterator[str]:
    """The cost is the sum of node prices, by hour, by month and by line, and no plan is below its bound."""
    plan, cost, micro = subject.plan, subject.plan.cost, _micro_usd_per_hour(subject)
    month = micro * HOURS_PER_MONTH / MICRO
    if cost.usd_per_hour != micro / MICRO or cost.usd_per_month != month:
        yield f"cost {cost.usd_per_hour} USD/h, {micro / MICRO} by the nodes"
    if abs(sum(cost.breakdown.values()) - month) > 0.01 + 1e-6 * month:
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {month:.2f} USD/month by the nodes"
    bound, gap = plan.bound_usd_per_month, plan.gap_fraction
    if bound is None or gap is None:
        yield "a plan without a bound or gap"
        return
    if bound > month * (1 + TOLERANCE):
        yield f"bound {bound} USD/month above the cost {month}"
    if abs(gap * month - (month - bound)) > TOLERANCE * month:
        yield f"gap of {gap:g} between a bound of {bound} and a cost of {month} USD/month"
    if plan.status == "optimal" and gap != 0:
        yield f"called optimal with a gap of {gap:g}"


def check_node_count(subject: Subject) -> Iterator[str]:
    """Every offer stands in one line of nodes that counts at least one."""
    ids = [node.offer_id for node in subject.plan.nodes]
    yield from (f"{name}: {ids.count(name)} lines of nodes" for name in sorted(set(ids)) if ids.count(name) > 1)
    yield from (f"{node.offer_id}: {node.count} nodes" for node in subject.plan.nodes if node.count < 1)
