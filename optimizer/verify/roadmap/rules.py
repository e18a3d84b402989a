"""The twins of the rules in `roadmap/program.py`, `check_<rule>`, in the user's quantities and exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.schema.budget_plan import NodeStay, QuarterPlan
from optimizer.units import exact
from optimizer.verify.products import refused_product
from optimizer.verify.roadmap.subject import RoadmapSubject
from optimizer.verify.rules import after_node_loss, beyond_stock


def check_stays(subject: RoadmapSubject) -> Iterator[str]:
    """Every stay is of an offer that the limits admit, comes after its lead time and lasts no longer than it may."""
    for stay in subject.plan.stays:
        where = f"{stay.offer_id} from quarter {stay.first}"
        if stay.count < 1:
            yield f"{where}: {stay.count} nodes"
        least = stay.first + (stay.way != "keep")  # nodes there already may retire on the first day
        if not 0 <= stay.ordered <= stay.first <= least <= stay.end <= subject.roadmap.quarters:
            yield f"{where}: ordered in {stay.ordered}, stands until {stay.end}"
        elif stay.way == "keep":
            yield from _check_there_already(subject, stay, where)
        else:
            yield from _check_obtained(subject, stay, where)


def _check_there_already(subject: RoadmapSubject, stay: NodeStay, where: str) -> Iterator[str]:
    place, entries = stay.owned_already, subject.roadmap.owned_already
    if place is None or not 0 <= place < len(entries) or entries[place].offer_id != stay.offer_id:
        yield f"{where}: is kept, and not among owned_already"
    elif stay.first or stay.ordered or stay.end > subject.left(place):
        yield f"{where}: is kept until {stay.end}, and lives {subject.left(place)} quarters from the start"


def _check_obtained(subject: RoadmapSubject, stay: NodeStay, where: str) -> Iterator[str]:
    money, limits = subject.money[stay.offer_id], subject.problem.limits
    offer = money.offer
    if stay.owned_already is not None or stay.way != money.way:
        yield f"{where}: comes by {stay.way}, {offer.kind} nodes by {money.way}"
        return
    if stay.first - stay.ordered != money.lead_quarters:
        yield f"{where}: ordered in {stay.ordered}, its lead time is {money.lead_quarters} quarters"
    lasts, asked = stay.end - stay.first, subject.roadmap.quarters
    if stay.way == "buy" and lasts > money.life_quarters:
        yield f"{where}: stands {lasts} quarters, its life is {money.life_quarters}"
    if stay.way == "reserve" and stay.end != min(asked, stay.first + money.term_quarters):
        yield f"{where}: stands until {stay.end}, its term is {money.term_quarters} quarters"
    if stay.way == "rent" and lasts != 1:
        yield f"{where}: rented for {lasts} quarters at one price"
    if offer.kind not in limits.kinds:
        yield f"{where}: kind {offer.kind} is not allowed"
    if offer.kind == "reserved" and offer.term_months > limits.max_term_months:
        yield f"{where}: term of {offer.term_months} months is too long"
    for selection, name in (
        (limits.gpus, offer.gpu_id), (limits.providers, offer.provider), (limits.regions, offer.region)
    ):
        if refused := selection.refuses(name):
            yield f"{where}: {name} is {refused}"
    if offer.kind == "owned":
        machine = offer.offer_id.removesuffix(f".{offer.region}")
        why = refused_product(machine, offer.offer_id, stay.count, limits, subject.catalog)
        if why:
            yield f"{where}: {why}"


def check_serve_with_what_stands(subject: RoadmapSubject) -> Iterator[str]:
    """In each quarter the nodes that serve, of all services together, are nodes that stand."""
    for number, quarter in enumerate(subject.plan.quarters):
        left: dict[str, int] = defaultdict(int)
        for stay in subject.standing(number):
            left[stay.offer_id] += stay.count
        for one in quarter.serving:
            left[one.offer_id] -= one.nodes
            if one.nodes < 1:
                yield f"{quarter.label}: {one.nodes} nodes of {one.offer_id} serve"
        short = {name: -count for name, count in left.items() if count < 0}
        yield from (f"{quarter.label}: {count} nodes of {name} serve and do not stand" for name, count in short.items())


def _carried(
    subject: RoadmapSubject, quarter: QuarterPlan, service_id: str, counts: Callable[[PricedOffer], bool]
) -> Fraction:
    """Return what the nodes of some offers carry for a service, each no more than the whole."""
    return sum((
        one.nodes * subject.capacity.get((service_id, one.offer_id), Fraction(0))
        for one in quarter.serving if one.service_id == service_id and counts(subject.money[one.offer_id].offer)
    ), Fraction(0))


def check_meet_demand(subject: RoadmapSubject) -> Iterator[str]:
    """Every service gets at least its demand in every quarter, and the plan shows both."""
    services = [service.service_id for service in subject.problem.services]
    for number, quarter in enumerate(subject.plan.quarters):
        if [one.service_id for one in quarter.demand] != services:
            yield f"{quarter.label}: shows the demand of {[one.service_id for one in quarter.demand]}, not {services}"
            continue
        for shown in quarter.demand:
            needed = subject.amount(shown.service_id, number)
            held = _carried(subject, quarter, shown.service_id, lambda offer: True)
            if held < needed:
                yield f"{quarter.label}: {shown.service_id} carries {float(held):g}, {float(needed):g} needed"
            if shown.amount != float(needed) or not math.isclose(shown.capacity, held, rel_tol=1e-9):
                yield f"{quarter.label}: {shown.service_id} shows {shown.capacity:g} for {shown.amount:g}"


def check_respect_stock(subject: RoadmapSubject) -> Iterator[str]:
    """Rented nodes stay within their stock in every quarter, bought ones in all; nodes there already are so many."""
    for place, one in enumerate(subject.roadmap.owned_already):
        kept = sum(stay.count for stay in subject.plan.stays if stay.owned_already == place)
        if kept != one.count:
            yield f"owned_already.{place}: {kept} nodes kept or retired of {one.count}"
    bought = [(subject.money[stay.offer_id].offer, stay.count) for stay in subject.plan.stays if stay.way == "buy"]
    for name, count, stock in beyond_stock(subject.problem, subject.catalog, bought):
        yield f"{name}: {count} bought, {stock} in stock"
    for number, quarter in enumerate(subject.plan.quarters):
        rented = [(subject.money[stay.offer_id].offer, stay.count) for stay in subject.standing(number)
                  if stay.way in ("rent", "reserve")]
        for name, count, stock in beyond_stock(subject.problem, subject.catalog, rented):
            yield f"{quarter.label}: {count} of {name} rented, {stock} in stock"


def check_cap_spending(subject: RoadmapSubject) -> Iterator[str]:
    """Purchases, and rents with the running of own nodes, stay within the caps of each fiscal year."""
    caps = subject.roadmap.caps
    rate = rate_per_usd(subject.catalog, subject.problem, caps.currency)
    for year in subject.plan.fiscal_years:
        own = caps.fiscal_years.get(year.label)
        for kind in ("capex", "opex"):
            stated = getattr(own, kind) if own is not None else None
            amount = getattr(caps, f"{kind}_per_fiscal_year") if stated is None else stated
            shown = getattr(year, f"{kind}_cap_usd")
            if amount is None:
                if shown is not None:
                    yield f"{year.label}: a cap on {kind} of {shown} USD is shown, none is stated"
                continue
            spent = exact(getattr(year.cash, f"{kind}_usd"))
            if spent * rate > exact(amount):
                yield f"{year.label}: {kind} of {float(spent * rate):,.2f} {caps.currency}, {amount:,.2f} allowed"
            if shown != float(exact(amount) / rate):
                yield f"{year.label}: a cap on {kind} of {shown} USD is shown, {amount:,.2f} {caps.currency} is stated"


def check_limit_nodes(subject: RoadmapSubject) -> Iterator[str]:
    """In every quarter at least the fewest and at most the most nodes stand."""
    allowed = subject.problem.limits.nodes
    for number, quarter in enumerate(subject.plan.quarters):
        total = sum(stay.count for stay in subject.standing(number))
        if total < allowed.min or (allowed.max is not None and total > allowed.max):
            yield f"{quarter.label}: {total} nodes, {allowed.min} to {allowed.max} allowed"


def check_cap_power(subject: RoadmapSubject) -> Iterator[str]:
    """In every quarter own nodes draw no more than the cap at full load."""
    cap = subject.problem.limits.power_kw
    for number, quarter in enumerate(subject.plan.quarters):
        watts = sum(stay.count * subject.money[stay.offer_id].offer.watts for stay in subject.standing(number))
        if cap is not None and watts > exact(cap) * 1000:
            yield f"{quarter.label}: {watts} W drawn, {cap} kW allowed"


def _check_loss(subject: RoadmapSubject, group: Callable[[PricedOffer], Hashable]) -> Iterator[str]:
    for number, quarter in enumerate(subject.plan.quarters):
        groups = {group(subject.money[one.offer_id].offer) for one in quarter.serving}
        for service in subject.problem.services:
            needed = subject.amount(service.service_id, number)
            for lost in sorted(groups, key=str):
                held = _carried(subject, quarter, service.service_id, lambda offer, lost=lost: group(offer) != lost)  # type: ignore[misc]
                if held < needed:
                    yield f"{quarter.label}: {service.service_id} has {float(held):g} left without {lost}"


def check_limit_gpu_types(subject: RoadmapSubject) -> Iterator[str]:
    """In every quarter nodes of at most K different GPU types stand."""
    most = subject.problem.limits.max_gpu_types
    for number, quarter in enumerate(subject.plan.quarters):
        types = {subject.money[stay.offer_id].offer.gpu_id for stay in subject.standing(number)}
        if most is not None and len(types) > most:
            yield f"{quarter.label}: {len(types)} GPU types, {most} allowed"


def check_survive_node_loss(subject: RoadmapSubject) -> Iterator[str]:
    """In every quarter every service keeps its demand when its k largest nodes are gone."""
    losses = subject.problem.limits.survive.nodes
    for number, quarter in enumerate(subject.plan.quarters if losses else ()):
        for service in subject.problem.services:
            name, needed = service.service_id, subject.amount(service.service_id, number)
            held = [
                (min(needed, subject.capacity.get((name, one.offer_id), Fraction(0))), one.nodes)
                for one in quarter.serving if one.service_id == name
            ]
            if (left := after_node_loss(held, losses)) < needed:
                yield f"{quarter.label}: {name} has {float(left):g} left after losing {losses} nodes"


def check_survive_group_loss(subject: RoadmapSubject) -> Iterator[str]:
    """In every quarter every service keeps its demand when any one provider, or region of one, or site is gone."""
    if subject.problem.limits.survive.provider:
        yield from _check_loss(subject, lambda offer: offer.provider)
    if subject.problem.limits.survive.region:
        yield from _check_loss(subject, lambda offer: offer.place)
