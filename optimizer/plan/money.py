"""The money of a plan of periods: its cost, its lines, its nodes, and what is paid quarter by quarter."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.api_supply import HOSTED
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.over_time import CENTS
from optimizer.costs.priced import rate_as_of
from optimizer.plan.placing import standing_nodes
from optimizer.plan.roadmap import ledgers_of
from optimizer.question.build import Asked
from optimizer.question.money import QuarterMoney, bill_of
from optimizer.question.question import Situation
from optimizer.schema.plan import Cost, Node
from optimizer.solve.extract import node_of
from optimizer.strategies.search import Found
from optimizer.units import HOURS_PER_MONTH, MICRO

MONTHS_PER_QUARTER = 3


def cost_plan(asked: Asked, found: Found) -> Cost:
    """Describe the cost of the mean month; what output tokens cost depends on how full nodes are, and is left out."""
    problem, month = asked.problem, asked.money.usd_per_month(found.cost or 0)
    rate = float(rate_per_usd(asked.prepared.catalog, problem, problem.currency))
    foreign, budget = problem.currency != "USD", asked.question.budget
    return Cost(
        usd_per_hour=month / HOURS_PER_MONTH, usd_per_month=month,
        breakdown={line: round(value, 6) for line, value in _lines(asked, found, month).items() if abs(value) > 1e-9},
        budget_usd_per_month=None if budget is None else asked.money.usd_per_month(budget),
        local_per_month=month * rate if foreign else None, currency=problem.currency,
        fx_rate_per_usd=rate if foreign else None, fx_as_of=rate_as_of(asked.prepared.catalog, problem))


def node_hours(asked: Asked, found: Found) -> dict[str, tuple[PricedOffer, int, int]]:
    """Return offer id -> (offer, most nodes at one time, node-hours of all cycles)."""
    most, hours, offers = defaultdict[str, int](int), defaultdict[str, int](int), {}
    for number, period in enumerate(asked.calendar.periods):
        here: dict[str, int] = defaultdict(int)
        for supply, count in standing_nodes(found, Situation(number)).items():
            offer = found.question.supplies[supply].offer
            offers[offer.offer_id] = offer
            here[offer.offer_id] += count
        for name, count in here.items():
            most[name] = max(most[name], count)
            hours[name] += count * period.weight
    return {name: (offers[name], most[name], hours[name]) for name in sorted(offers)}


def _lines(asked: Asked, found: Found, month: float) -> dict[str, float]:
    """Return cost line -> dollars of the mean month; the lines add up to it."""
    lines: dict[str, float] = defaultdict(float)
    if isinstance(asked.money, QuarterMoney):
        months = MONTHS_PER_QUARTER * asked.calendar.quarters
        for entry in ledgers_of(asked, asked.money, found):
            lines["purchases"] += entry["capex"] / (CENTS * months)
            lines["rent and running"] += (entry["rent"] + entry["running"]) / (CENTS * months)
            lines["sold"] -= entry["sold"] / (CENTS * months)
        lines["value at the end, later commitments, discount"] = month - sum(lines.values())
        return lines
    for offer, _, hours in node_hours(asked, found).values():
        for line, amount in offer.breakdown.items():
            lines[line] += amount * hours / asked.calendar.cycle_hours
    plain = sum(offer.micro_usd_per_hour * hours for offer, _, hours in node_hours(asked, found).values())
    bills = bill_of(found.question.hosted, found.hosted)
    lines[HOSTED] = asked.money.usd_per_month(bills)
    lines[CONTRACTS] = asked.money.usd_per_month((found.cost or 0) - plain - bills)
    return lines


def node_lines(asked: Asked, found: Found) -> tuple[Node, ...]:
    """List the nodes of each offer at their most, each at the cost of the time it is there, contracts left out."""
    return tuple(_node(asked, found, *one) for one in node_hours(asked, found).values())


def _node(asked: Asked, found: Found, offer: PricedOffer, count: int, hours: int) -> Node:
    cycle, node = asked.calendar.cycle_hours, node_of(offer, count)
    if isinstance(asked.money, QuarterMoney):
        paid = asked.money.usd_per_month(sum(
            stay.price * nodes for stay, nodes in zip(found.question.stays, found.nodes, strict=True)
            if found.question.supplies[stay.supply].offer.offer_id == offer.offer_id))
        return node.model_copy(update={
            "usd_per_month": paid, "usd_per_month_low": paid, "usd_per_month_high": paid,
            "node_hours_per_month": float(Fraction(hours * HOURS_PER_MONTH, cycle * asked.calendar.quarters))})

    def monthly(micro: int) -> float:
        return float(Fraction(micro * hours * HOURS_PER_MONTH, cycle * MICRO))

    low, high = offer.range_micro_usd_per_hour
    return node.model_copy(update={
        "usd_per_month": monthly(offer.micro_usd_per_hour), "usd_per_month_low": monthly(low),
        "usd_per_month_high": monthly(high), "node_hours_per_month": float(Fraction(hours * HOURS_PER_MONTH, cycle))})
