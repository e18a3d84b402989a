"""What a plan by the hour costs, added up again hour by hour."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from optimizer.costs import rate_per_usd
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.subject import TOLERANCE, Subject
from optimizer.verify.timetable.hours import cycle_micro_usd, hourly_nodes, monthly_usd, nodes_there, timetable_of


def check_total_cost(subject: Subject) -> Iterator[str]:
    """The cost is that of every hour, by node, slot, month and line; no plan is below its bound."""
    plan, cost, table = subject.plan, subject.plan.cost, timetable_of(subject)
    standing, hourly = cycle_micro_usd(subject)
    month = monthly_usd(subject, standing + hourly)
    if cost.usd_per_month != month or cost.usd_per_hour != float(Fraction(standing + hourly, MICRO * table.hours)):
        yield f"cost {cost.usd_per_month} USD/month, {month} hour by hour"
    parts = (monthly_usd(subject, standing), monthly_usd(subject, hourly))
    if (table.standing_usd_per_month, table.hourly_usd_per_month) != parts:
        yield f"standing nodes and others cost {parts} USD/month"
    for slot in table.slots:
        there = nodes_there(subject, slot).items()
        if slot.usd_per_hour != sum(subject.offers[name].micro_usd_per_hour * count for name, count in there) / MICRO:
            yield f"hour {slot.hours[0]}: shows {slot.usd_per_hour} USD/h"
    if abs(sum(cost.breakdown.values()) - month) > 0.01 + 1e-6 * month:
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {month:.2f} USD/month by the hours"
    if cost.usd_per_million_output_tokens is not None:
        yield "a cost of output tokens that depends on how full the nodes are"
    bound, gap = plan.bound_usd_per_month, plan.gap_fraction
    if bound is None or gap is None:
        yield "a plan without a bound or gap"
    elif bound > month * (1 + TOLERANCE) or abs(gap * month - (month - bound)) > TOLERANCE * month:
        yield f"gap of {gap:g} between a bound of {bound} and a cost of {month} USD/month"
    elif plan.status == "optimal" and gap != 0:
        yield f"called optimal with a gap of {gap:g}"


def check_known_offers(subject: Subject) -> Iterator[str]:
    """Every node has the facts of its offer, its most at one time, its hours and what they cost."""
    table = timetable_of(subject)
    hours: dict[str, int] = {name: count * table.hours for name, count in table.standing.items()}
    most: dict[str, int] = dict(table.standing)
    for slot in table.slots:
        for name, count in hourly_nodes(subject, slot).items():
            hours[name] = hours.get(name, 0) + count * len(slot.hours)
            most[name] = max(most.get(name, 0), count)
    if {node.offer_id: node.count for node in subject.plan.nodes} != most:
        yield "the nodes listed are not those of the timetable"
        return
    for node in subject.plan.nodes:
        offer, run = subject.offers[node.offer_id], hours[node.offer_id]
        for name in (
            "gpu_id", "gpu_count", "kind", "provider", "region", "term_months", "price_as_of", "price_evidence",
            "source_url", "from_overlay",
        ):
            if getattr(node, name) != getattr(offer, name):
                yield f"{node.offer_id}: {name} is {getattr(offer, name)}, the plan says {getattr(node, name)}"
        low, high = offer.range_micro_usd_per_hour
        figures = {
            "usd_per_month": monthly_usd(subject, run * offer.micro_usd_per_hour),
            "usd_per_month_low": monthly_usd(subject, run * low),
            "usd_per_month_high": monthly_usd(subject, run * high),
            "usd_per_hour_each": offer.micro_usd_per_hour / MICRO,
            "node_hours_per_month": float(Fraction(run * HOURS_PER_MONTH, table.hours)),
        }
        for name, value in figures.items():
            if getattr(node, name) != value:
                yield f"{node.offer_id}: {name} is {value}, the plan says {getattr(node, name)}"


def check_keep_budget(subject: Subject) -> Iterator[str]:
    """The mean month costs no more than the budget, compared exactly, and the budget printed is the one stated."""
    budget, printed = subject.problem.limits.budget, subject.plan.cost.budget_usd_per_month
    if budget is None:
        if printed is not None:
            yield f"a budget of {printed} USD/month is printed, none is stated"
        return
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[budget.per]
    rate, cycle = rate_per_usd(subject.catalog, subject.problem, budget.currency), timetable_of(subject).hours
    spent = Fraction(sum(cycle_micro_usd(subject)), MICRO * cycle) * hours * rate
    stated = monthly_usd(subject, math.floor(exact(budget.amount) / rate / hours * cycle * MICRO))
    if printed != stated:
        yield f"a budget of {printed} USD/month is printed, {stated} is stated"
    if spent > exact(budget.amount):
        yield f"costs {float(spent):,.2f} {budget.currency} a {budget.per}, {budget.amount:,.2f} allowed"


def check_local_cost(subject: Subject) -> Iterator[str]:
    """The cost in the problem's currency follows from the monthly cost, at the rate that is stated."""
    cost, currency = subject.plan.cost, subject.problem.currency
    rate = float(rate_per_usd(subject.catalog, subject.problem, currency))
    local = None if currency == "USD" else (cost.usd_per_month or 0.0) * rate
    fx = subject.problem.fx
    dated = None if currency == "USD" else fx.as_of.isoformat() if fx else subject.catalog.fx[currency].as_of
    if (cost.currency, cost.local_per_month) != (currency, local):
        yield f"{cost.local_per_month} {cost.currency} a month, {local} {currency} by the rate of {rate:g}"
    if (cost.fx_rate_per_usd, cost.fx_as_of) != (None if currency == "USD" else rate, dated):
        yield f"a rate of {cost.fx_rate_per_usd} of {cost.fx_as_of}, {rate:g} of {dated} is stated"
