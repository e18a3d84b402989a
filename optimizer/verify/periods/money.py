"""What a plan of periods costs, worked out again from the prices: a cycle in micro-dollars, quarters in cents."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from optimizer.costs import rate_per_usd
from optimizer.costs.approval import approval_of
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.energy import site_energy
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up
from optimizer.costs.quarters import Calendar, present_value
from optimizer.schema.plan import StayPlan
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.periods.hosted import hosted_bill, hosted_cents
from optimizer.verify.periods.subject import PeriodsSubject
from optimizer.verify.subject import TOLERANCE

MONTHS_PER_QUARTER = 3


def check_total_cost(subject: PeriodsSubject) -> Iterator[str]:
    """The cost is what nodes cost in every period, with contracts; it keeps the budget and is not below its bound."""
    plan, cost = subject.plan, subject.plan.cost
    month = _month(subject)
    said, bound, gap = cost.usd_per_month, plan.bound_usd_per_month, plan.gap_fraction
    if said is None or abs(said - float(month)) > TOLERANCE * max(1.0, float(month)):
        yield f"cost {said} USD/month, {float(month)} period by period"
        return
    if cost.usd_per_hour is None or abs(cost.usd_per_hour * HOURS_PER_MONTH - said) > TOLERANCE * max(1.0, said):
        yield f"cost {cost.usd_per_hour} USD/h, {said} USD/month"
    if abs(sum(cost.breakdown.values()) - said) > 0.01 + 1e-6 * abs(said):
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {said:.2f} USD/month"
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


def _month(subject: PeriodsSubject) -> Fraction:
    """Return dollars of the mean month."""
    if subject.plan.roadmap is None:
        spend = _cycle_by_provider(subject)
        micro = hosted_bill(subject) + sum(spend.values()) + _beyond(
            subject, spend, spend.keys(), lambda usd: _micro(usd) * subject.hours)
        return Fraction(micro * HOURS_PER_MONTH, subject.hours * MICRO)
    cents = sum(_stay_cost(subject, stay) * stay.count for stay in subject.plan.roadmap.stays) + hosted_bill(subject)
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


def _payments(subject: PeriodsSubject, stay: StayPlan) -> dict[tuple[str, int], int]:
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


def _value(subject: PeriodsSubject, stay: StayPlan) -> int:
    """Return what one node counts for when it no longer stands."""
    roadmap = subject.problem.roadmap
    if stay.way != "buy" or roadmap is None or not (stay.end == roadmap.quarters or roadmap.retired_nodes_sold):
        return 0
    money = subject.money[stay.offer_id]
    return math.floor(money.purchase_cents(stay.ordered) * money.values[stay.end - stay.first])


def _stay_cost(subject: PeriodsSubject, stay: StayPlan) -> int:
    """Return one node's discounted cents: payments rounded up, its value at the end rounded down."""
    paid = sum(math.ceil(cents * _worth(subject, quarter)) for (_, quarter), cents in _payments(subject, stay).items())
    return paid - math.floor(_value(subject, stay) * _worth(subject, stay.end))


def _quarter_by_provider(subject: PeriodsSubject, quarter: int) -> dict[str, int]:
    """Return the discounted cents that are paid in a quarter, by provider."""
    spend: dict[str, int] = defaultdict(int)
    for stay in subject.plan.roadmap.stays if subject.plan.roadmap else ():
        cents = sum(math.ceil(amount * _worth(subject, quarter))
                    for (_, when), amount in _payments(subject, stay).items() if when == quarter)
        spend[subject.offers[stay.offer_id].provider] += cents * stay.count
    return spend


def _used(subject: PeriodsSubject, quarter: int) -> set[str]:
    """Return the providers that are paid for nodes in a quarter."""
    return {subject.offers[stay.offer_id].provider for stay in (
        subject.plan.roadmap.stays if subject.plan.roadmap else ())
        if any(when == quarter and cents for (_, when), cents in _payments(subject, stay).items())}


def check_roadmap(subject: PeriodsSubject) -> Iterator[str]:
    """The stays are possible and cost what is said, the quarters add them up, fiscal years keep their caps."""
    plan, roadmap = subject.plan.roadmap, subject.problem.roadmap
    if (plan is None) != (roadmap is None):
        yield "money over quarters is shown if and only if the problem has a roadmap"
        return
    if plan is None or roadmap is None:
        return
    for stay in plan.stays:
        yield from _impossible(subject, stay)
        if stay.cost_usd != _stay_cost(subject, stay) * stay.count / CENTS:
            yield f"{stay.offer_id} from quarter {stay.first}: costs {stay.cost_usd}"
    total = float(_month(subject) * MONTHS_PER_QUARTER * subject.quarters)
    if abs(plan.total_cost_usd - total) > TOLERANCE * max(1.0, abs(total)):
        yield f"a total of {plan.total_cost_usd} USD, {total} by the stays"
    if plan.bound_usd > plan.total_cost_usd * (1 + TOLERANCE):
        yield f"bound {plan.bound_usd} USD above the cost"
    if plan.discount_fraction_per_year != roadmap.discount_fraction_per_year:
        yield f"discounted at {plan.discount_fraction_per_year}, {roadmap.discount_fraction_per_year} asked for"
    yield from _quarters(subject)


def _impossible(subject: PeriodsSubject, stay: StayPlan) -> Iterator[str]:
    """Say what is wrong with when nodes are ordered, come and go."""
    money, quarters, place = subject.money[stay.offer_id], subject.quarters, f"{stay.offer_id}, quarter {stay.first}"
    way = "keep" if stay.owned_already is not None else money.way
    if stay.way != way or stay.count < 1:
        yield f"{place}: {stay.count} nodes, way {stay.way}, {way} it is"
        return
    if way == "keep":
        from optimizer.costs.over_time import quarters_left

        roadmap = subject.problem.roadmap
        one = roadmap.owned_already[stay.owned_already or 0] if roadmap else None
        left = 0 if one is None or roadmap is None else quarters_left(
            one.bought.year * 12 + one.bought.month - 1, roadmap.start_month, money.life_years)
        if one is None or one.offer_id != stay.offer_id or stay.first or not 0 < stay.end <= min(quarters, left):
            yield f"{place}: nodes that are there cannot stay from {stay.first} to {stay.end}"
        return
    spans = {"rent": stay.first + 1, "reserve": min(quarters, stay.first + money.term_quarters)}
    end = spans.get(way, min(stay.end, quarters, stay.first + money.life_quarters))
    late = stay.ordered != stay.first - money.lead_quarters or stay.ordered < 0
    if stay.end != end or stay.end <= stay.first or late:
        yield f"{place}: ordered in {stay.ordered}, stands to {stay.end}"
    if stay.hours and (way != "rent" or subject.catalog.offers[stay.offer_id].per != "hour"):
        yield f"{place}: cannot be had for some hours"


def _quarters(subject: PeriodsSubject) -> Iterator[str]:
    """The payments of each quarter are those of the stays, and caps of fiscal years hold."""
    plan, roadmap = subject.plan.roadmap, subject.problem.roadmap
    if plan is None or roadmap is None:
        return
    calendar, paid = Calendar.of(roadmap, subject.problem), defaultdict[tuple[str, int], int](int)
    for stay in plan.stays:
        for key, cents in _payments(subject, stay).items():
            paid[key] += cents * stay.count
        if stay.end < subject.quarters:
            paid["sold", stay.end] += _value(subject, stay) * stay.count
    for quarter in range(subject.quarters):
        paid["opex", quarter] += hosted_cents(subject, quarter)
    if len(plan.quarters) != subject.quarters:
        yield f"{len(plan.quarters)} quarters of money, {subject.quarters} asked for"
        return
    for quarter, shown in enumerate(plan.quarters):
        told = (shown.label, shown.fiscal_year, shown.capex_usd, shown.opex_usd, shown.sold_usd)
        asked = (calendar.label(quarter), calendar.fiscal_year(quarter),
                 *(paid[kind, quarter] / CENTS for kind in ("capex", "opex", "sold")))
        if told != asked:
            yield f"{calendar.label(quarter)}: {asked} by the stays, the plan says {told}"
    rate = rate_per_usd(subject.catalog, subject.problem, roadmap.caps.currency)
    for year in calendar.fiscal_years:
        for kind in ("capex", "opex"):
            cap = roadmap.caps.of_year(kind, year)
            spent = sum(cents for (what, quarter), cents in paid.items()
                        if what == kind and quarter < subject.quarters and calendar.fiscal_year(quarter) == year)
            if cap is not None and Fraction(spent, CENTS) > exact(cap) / rate:
                yield f"{year}: {spent / CENTS:,.2f} USD of {kind}, {cap:,.2f} {roadmap.caps.currency} allowed"


def check_node_lines(subject: PeriodsSubject) -> Iterator[str]:
    """Every node line has the facts of its offer, its most at one time, its hours and what they cost."""
    most, hours = defaultdict[str, int](int), defaultdict[str, int](int)
    for period in subject.plan.periods:
        for name, count in period.nodes.items():
            most[name] = max(most[name], count)
            hours[name] += count * max(1, len(period.hours))
    if {node.offer_id: node.count for node in subject.plan.nodes} != most or len(most) != len(subject.plan.nodes):
        yield "the nodes listed are not those of the periods"
        return
    for node in subject.plan.nodes:
        offer, run = subject.offers[node.offer_id], hours[node.offer_id]
        facts = {name: getattr(offer, name) for name in (
            "gpu_id", "gpu_count", "kind", "provider", "region", "term_months", "price_as_of", "price_evidence",
            "source_url", "from_overlay")}
        facts["node_hours_per_month"] = float(Fraction(run * HOURS_PER_MONTH, subject.hours * subject.quarters))
        if subject.plan.roadmap is None:
            low, high = offer.range_micro_usd_per_hour
            for name, micro in (("usd_per_month", offer.micro_usd_per_hour), ("usd_per_month_low", low),
                                ("usd_per_month_high", high)):
                facts[name] = float(Fraction(micro * run * HOURS_PER_MONTH, subject.hours * MICRO))
        else:
            cents = sum(_stay_cost(subject, stay) * stay.count for stay in subject.plan.roadmap.stays
                        if stay.offer_id == node.offer_id)
            facts["usd_per_month"] = float(Fraction(cents, CENTS * MONTHS_PER_QUARTER * subject.quarters))
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
