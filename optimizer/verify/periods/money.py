"""What a plan of periods costs, worked out again from the prices: a cycle in micro-dollars, quarters in cents."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from optimizer.costs import rate_per_usd
from optimizer.costs.approval import approval_of
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.energy import site_energy
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up
from optimizer.costs.quarters import present_value
from optimizer.schema.plan import Node, StayPlan
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.periods.hosted import hosted_bill
from optimizer.verify.periods.subject import PeriodsSubject
from optimizer.verify.subject import TOLERANCE

MONTHS_PER_QUARTER = 3


def check_total_cost(subject: PeriodsSubject) -> Iterator[str]:
    """The cost is what nodes cost in every period, with contracts; it keeps the budget and is not below its bound."""
    plan, cost = subject.plan, subject.plan.cost
    month = month_of(subject)
    said, bound, gap = cost.usd_per_month, plan.bound_usd_per_month, plan.gap_fraction
    if said is None or abs(said - float(month)) > TOLERANCE * max(1.0, float(month)):
        yield f"cost {said} USD/month, {float(month)} period by period"
        return
    if cost.usd_per_hour is None or abs(cost.usd_per_hour * HOURS_PER_MONTH - said) > TOLERANCE * max(1.0, said):
        yield f"cost {cost.usd_per_hour} USD/h, {said} USD/month"
    if abs(sum(cost.breakdown.values()) - said) > 0.01 + 1e-6 * abs(said):
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {said:.2f} USD/month"
    if cost.usd_per_million_output_tokens is not None:
        yield "a cost of output tokens that depends on how full the nodes are"
    if bound is None or gap is None:
        yield "a plan without a bound or gap"
    elif bound > said * (1 + TOLERANCE) or abs(gap * said - (said - bound)) > TOLERANCE * abs(said) + 1e-9:
        yield f"gap of {gap:g} between a bound of {bound} and a cost of {said} USD/month"
    elif plan.status == "optimal" and gap != 0:
        yield f"called optimal with a gap of {gap:g}"
    yield from _over_budget(subject, month)


def _over_budget(subject: PeriodsSubject, month: Fraction) -> Iterator[str]:
    budget, shown = subject.problem.limits.budget, subject.plan.cost.budget_usd_per_month
    if budget is None:
        if shown is not None:
            yield f"a budget of {shown} USD/month is printed, none is stated"
        return
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[budget.per]
    rate = rate_per_usd(subject.catalog, subject.problem, budget.currency)
    stated = exact(budget.amount) / rate * HOURS_PER_MONTH / hours
    if month > stated:
        yield f"costs {float(month):,.2f} USD a month, {float(stated):,.2f} allowed"
    if shown is None or abs(shown - float(stated)) > 1e-4 + 1e-6 * float(stated):
        yield f"a budget of {shown} USD/month is printed, {float(stated)} is stated"


def month_of(subject: PeriodsSubject) -> Fraction:
    """Return dollars of the mean month."""
    if subject.plan.roadmap is None:
        spend = _cycle_by_provider(subject)
        micro = hosted_bill(subject) + sum(spend.values()) + _beyond(
            subject, spend, spend.keys(), lambda usd: _micro(usd) * subject.hours)
        return Fraction(micro * HOURS_PER_MONTH, subject.hours * MICRO)
    cents = sum(stay_cost_of(subject, stay) * stay.count for stay in subject.plan.roadmap.stays) + hosted_bill(subject)
    for quarter in range(subject.quarters):
        worth, spend = _worth(subject, quarter), _quarter_by_provider(subject, quarter)

        def scaled(usd: float, worth: Fraction = worth) -> int:
            return math.ceil(Fraction(_micro(usd) * HOURS_PER_QUARTER, MICRO // CENTS) * worth)

        cents += _beyond(subject, spend, _used(subject, quarter), scaled)
    return Fraction(cents, CENTS * MONTHS_PER_QUARTER * subject.quarters)


def _micro(usd_per_month: float) -> int:
    return math.ceil(exact(usd_per_month) / HOURS_PER_MONTH * MICRO)


def _cycle_by_provider(subject: PeriodsSubject) -> dict[str, int]:
    """Return the micro-dollars of a cycle by provider, at the prices of the nodes."""
    spend: dict[str, int] = defaultdict(int)
    for period in subject.plan.periods:
        for name, count in period.nodes.items():
            offer = subject.offers[name]
            spend[offer.provider] += offer.micro_usd_per_hour * count * max(1, len(period.hours))
    return spend


def _beyond(subject: PeriodsSubject, spend: Mapping[str, int], used: object, scaled: object) -> int:
    """Return what contracts add: max(minimum, spend less volume tiers) + fee - spend, in the unit of the spend."""
    beyond = 0
    for provider, contract in subject.problem.limits.contracts.items():
        if not (provider in used or contract.signed):  # type: ignore[operator]
            continue
        paid = spend.get(provider, 0)
        marks = [*(scaled(tier.above_usd_per_month) for tier in contract.tiers), paid]  # type: ignore[operator]
        saved = sum(
            (max(0, min(paid, following) - above) * exact(tier.discount_fraction)
             for tier, (above, following) in zip(contract.tiers, pairwise(marks), strict=True)), Fraction(0))
        billed = max(scaled(contract.minimum_usd_per_month), math.ceil(paid - saved))  # type: ignore[operator]
        beyond += billed + scaled(contract.fee_usd_per_month) - paid  # type: ignore[operator]
    return beyond


def _worth(subject: PeriodsSubject, quarter: int) -> Fraction:
    if subject.problem.roadmap is None:
        raise ValueError("money by the quarter needs a roadmap")
    return present_value(subject.problem.roadmap, quarter)


def payments_of(subject: PeriodsSubject, stay: StayPlan) -> dict[tuple[str, int], int]:
    """Return the nominal cents of one node by (capex or opex, quarter), beyond the plan's end too."""
    money, found = subject.money[stay.offer_id], dict[tuple[str, int], int]()
    if stay.hours:
        hours = Fraction(HOURS_PER_QUARTER * len(stay.hours), subject.hours)
        found["opex", stay.first] = cents_up(money.rent_micro_usd_per_hour * hours * money.change(stay.first))
    elif stay.way == "rent":
        found["opex", stay.first] = money.rent_cents(stay.first)
    elif stay.way == "reserve":
        whole = money.rent_cents(stay.first) * money.term_quarters
        upfront = math.ceil(whole * money.upfront_fraction)
        each = math.ceil(Fraction(whole - upfront, money.term_quarters))
        for passed in range(money.term_quarters):
            found["opex", stay.first + passed] = each + (0 if passed else upfront)
    else:
        found |= {("opex", quarter): money.running_cents for quarter in range(stay.first, stay.end)}
        if stay.way == "buy":
            found["capex", stay.ordered] = money.purchase_cents(stay.ordered) + money.installation_cents
    return found


def value_of(subject: PeriodsSubject, stay: StayPlan) -> int:
    """Return what one node counts for when it no longer stands."""
    roadmap = subject.problem.roadmap
    if stay.way != "buy" or roadmap is None or not (stay.end == roadmap.quarters or roadmap.retired_nodes_sold):
        return 0
    money = subject.money[stay.offer_id]
    return math.floor(money.purchase_cents(stay.ordered) * money.values[stay.end - stay.first])


def stay_cost_of(subject: PeriodsSubject, stay: StayPlan) -> int:
    """Return one node's discounted cents: payments rounded up, its value at the end rounded down."""
    payments = payments_of(subject, stay).items()
    paid = sum(math.ceil(cents * _worth(subject, quarter)) for (_, quarter), cents in payments)
    return paid - math.floor(value_of(subject, stay) * _worth(subject, stay.end))


def _quarter_by_provider(subject: PeriodsSubject, quarter: int) -> dict[str, int]:
    """Return the discounted cents that are paid in a quarter, by provider."""
    spend: dict[str, int] = defaultdict(int)
    for stay in subject.plan.roadmap.stays if subject.plan.roadmap else ():
        cents = sum(math.ceil(amount * _worth(subject, quarter))
                    for (_, when), amount in payments_of(subject, stay).items() if when == quarter)
        spend[subject.money[stay.offer_id].offer.provider] += cents * stay.count
    return spend


def _used(subject: PeriodsSubject, quarter: int) -> set[str]:
    """Return the providers that are paid for nodes in a quarter."""
    return {subject.money[stay.offer_id].offer.provider for stay in (
        subject.plan.roadmap.stays if subject.plan.roadmap else ())
        if any(when == quarter and cents for (_, when), cents in payments_of(subject, stay).items())}


def check_node_lines(subject: PeriodsSubject) -> Iterator[str]:
    """Every node line has the facts of its offer, its most at one time and its hours."""
    most, hours = _most_and_hours(subject)
    if {node.offer_id: node.count for node in subject.plan.nodes} != most or len(most) != len(subject.plan.nodes):
        yield "the nodes listed are not those of the periods"
        return
    for node in subject.plan.nodes:
        offer, run = subject.offers[node.offer_id], hours[node.offer_id]
        facts = {name: getattr(offer, name) for name in (
            "gpu_id", "gpu_count", "kind", "provider", "region", "term_months", "from_overlay")}
        held = node.offer_id in subject.problem.limits.at_least and all(
            one.offer_id != node.offer_id for one in subject.plan.deployments)
        facts["idle"] = node.count if held else 0
        facts["node_hours_per_month"] = float(Fraction(run * HOURS_PER_MONTH, subject.hours * subject.quarters))
        yield from _told_otherwise(node, facts)


def check_node_prices(subject: PeriodsSubject) -> Iterator[str]:
    """Every node line has the price of its offer with its source, and what its hours cost."""
    _, hours = _most_and_hours(subject)
    for node in subject.plan.nodes:
        offer, run = subject.offers[node.offer_id], hours[node.offer_id]
        facts = {name: getattr(offer, name) for name in ("price_as_of", "price_evidence", "source_url")}
        if subject.plan.roadmap is None:
            facts["usd_per_hour_each"] = offer.micro_usd_per_hour / MICRO
            low, high = offer.range_micro_usd_per_hour
            for name, micro in (("usd_per_month", offer.micro_usd_per_hour), ("usd_per_month_low", low),
                                ("usd_per_month_high", high)):
                facts[name] = float(Fraction(micro * run * HOURS_PER_MONTH, subject.hours * MICRO))
        else:
            cents = sum(stay_cost_of(subject, stay) * stay.count for stay in subject.plan.roadmap.stays
                        if stay.offer_id == node.offer_id)
            facts["usd_per_month"] = float(Fraction(cents, CENTS * MONTHS_PER_QUARTER * subject.quarters))
        yield from _told_otherwise(node, facts)


def _most_and_hours(subject: PeriodsSubject) -> tuple[dict[str, int], dict[str, int]]:
    """Return offer -> most nodes at one time, and offer -> node-hours of all cycles."""
    most, hours = defaultdict[str, int](int), defaultdict[str, int](int)
    for period in subject.plan.periods:
        for name, count in period.nodes.items():
            most[name] = max(most[name], count)
            hours[name] += count * max(1, len(period.hours))
    return most, hours


def _told_otherwise(node: Node, facts: dict[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if getattr(node, name) != value:
            yield f"{node.offer_id}: {name} is {value}, the plan says {getattr(node, name)}"


def check_contract_line(subject: PeriodsSubject) -> Iterator[str]:
    """What contracts change stands in a cost line of its own, in a plan of one cycle."""
    if subject.plan.roadmap is not None:
        return
    spend = _cycle_by_provider(subject)
    due = _beyond(subject, spend, spend.keys(), lambda usd: _micro(usd) * subject.hours)
    month = due * HOURS_PER_MONTH / (subject.hours * MICRO)
    told = subject.plan.cost.breakdown.get(CONTRACTS, 0.0)
    if abs(told - month) > 1e-6 * max(1.0, abs(month)):
        yield f"contracts change the cost by {month:.2f} USD/month, the plan says {told:.2f}"


def check_sums_to_approve(subject: PeriodsSubject) -> Iterator[str]:
    """Purchases, the cash of each fiscal year and emissions keep their caps."""
    limits, problem, plan = subject.problem.limits, subject.problem, subject.plan
    sums = approval_of(plan.nodes, plan.cost, subject.catalog, problem) if problem.roadmap is None else None
    rate = rate_per_usd(subject.catalog, problem, problem.currency)
    for name, cap in (("purchases", limits.purchases), ("cash_per_year", limits.cash_per_year)):
        if cap is None or sums is None:
            continue
        allowed = exact(cap.amount) / rate_per_usd(subject.catalog, problem, cap.currency) * rate
        paid = [("", sums.purchases)] if name == "purchases" else [(f" of {one.name}", one.cash) for one in sums.years]
        yield from (f"{name}{year}: {amount:,.2f} {problem.currency}, {float(allowed):,.2f} allowed"
                    for year, amount in paid if exact(amount) > allowed + Fraction(1, 100))
    if limits.co2_kg_per_month is None:
        return
    for period in plan.periods:
        here = [node.model_copy(update={"count": period.nodes[node.offer_id]}) for node in plan.nodes
                if period.nodes.get(node.offer_id)]
        emitted = sum(one.kg_co2e_per_month or 0.0 for one in site_energy(here, subject.catalog, problem))
        if emitted > limits.co2_kg_per_month * (1 + TOLERANCE) + 1e-6:
            yield f"{period.label}: {emitted:,.1f} kg CO2e a month, {limits.co2_kg_per_month:,.1f} allowed"
