"""From a prepared problem to the integers of its roadmap."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from optimizer.candidates import Candidate, CandidateSet, Market, enumerate_candidates
from optimizer.costs import CATALOG_S_OWN, PricedOffer, price_of, rate_per_usd
from optimizer.costs.depreciation import MONTHS_PER_YEAR
from optimizer.costs.over_time import CENTS, NodeMoney, money_of, plain_priced, quarters_left
from optimizer.costs.quarters import Calendar, demand_factor, present_value
from optimizer.demand import demand_key, grown_amount, quantity_of, with_quantity
from optimizer.load import Catalog
from optimizer.roadmap.case import RoadmapCase, Spending, Stay, Supply
from optimizer.roadmap.reduction import shortlisted
from optimizer.schema.problem import Caps, Limits, Problem, Roadmap, Service
from optimizer.solve import Prepared
from optimizer.units import exact


def peak_problem(problem: Problem, roadmap: Roadmap) -> Problem:
    """Return the problem at the largest demand of any quarter, every rent at its plain price: candidates and prices."""
    services = tuple(_at_its_largest(service, roadmap) for service in problem.services)
    return plain_priced(problem).model_copy(update={"services": services})


def _at_its_largest(service: Service, roadmap: Roadmap) -> Service:
    """Return a service at the largest demand of its quarters, rounded up to what can be stated."""
    factor = max(demand_factor(roadmap, service.service_id, quarter) for quarter in range(roadmap.quarters))
    quantity = quantity_of(service) * factor
    whole = demand_key(service).path == "demand.peak_concurrency"
    return with_quantity(service, Fraction(math.ceil(quantity)) if whole else quantity)


def demands_of(problem: Problem, roadmap: Roadmap) -> tuple[tuple[int, ...], ...]:
    """Return what each service asks for in each quarter, headroom included."""
    return tuple(
        tuple(
            grown_amount(service, demand_factor(roadmap, service.service_id, quarter))
            for quarter in range(roadmap.quarters)
        )
        for service in problem.services
    )


def caps_of(problem: Problem, catalog: Catalog, calendar: Calendar, caps: Caps) -> dict[tuple[Spending, str], int]:
    """Return the caps of the fiscal years that the plan touches, in cents rounded down."""
    rate = rate_per_usd(catalog, problem, caps.currency)
    found: dict[tuple[Spending, str], int] = {}
    for year in calendar.fiscal_years:
        kinds: tuple[Spending, ...] = ("capex", "opex")
        for kind in kinds:
            amount = caps.of_year(kind, year)
            if amount is not None:
                found[kind, year] = math.floor(exact(amount) / rate * CENTS)
    return found


def supplies_of(prepared: Prepared, problem: Problem, roadmap: Roadmap) -> tuple[Supply, ...]:
    """List the offers that can serve, and the nodes that are there already."""
    candidates, catalog = prepared.candidates, prepared.catalog
    by_offer = best_by_offer(candidates)
    offers = {offer.offer_id: offer for offer in candidates.offers}
    found = []
    for offer_id, ways in sorted(by_offer.items()):
        money = money_of(offers[offer_id], catalog, problem, roadmap)
        found.append(_supply(offers[offer_id], money, ways))
    return (*found, *_there_already(prepared, problem, roadmap))


def _supply(offer: PricedOffer, money: NodeMoney, ways: list[Candidate | None]) -> Supply:
    return Supply(offer, money, money.way, _carried(ways), tuple(ways), offer.pool, offer.stock)


def _carried(ways: Sequence[Candidate | None]) -> tuple[int, ...]:
    return tuple(0 if way is None else way.capacity for way in ways)


def _there_already(prepared: Prepared, problem: Problem, roadmap: Roadmap) -> Iterator[Supply]:
    """Yield the groups of nodes that are there already; the rules for what may be obtained do not bind them."""
    catalog = prepared.catalog
    priced = {one.offer_id: price_of(one.offer_id, catalog, prepared.problem) for one in roadmap.owned_already}
    offers = [replace(offer, stock=None, own_stock=None) for offer in priced.values() if offer is not None]
    if not offers:
        return
    free = Limits(
        kinds=("owned",), used=True, allow_geforce_in_datacenter=True, evidence=problem.limits.evidence,
        speed_confidence=problem.limits.speed_confidence)
    anywhere = prepared.problem.model_copy(update={"limits": free, "assumptions": CATALOG_S_OWN})  # priced already
    candidates = enumerate_candidates(anywhere, catalog, Market.of(offers, free), prepared.loaded.own_models)
    by_offer = best_by_offer(candidates)
    for place, one in enumerate(roadmap.owned_already):
        offer = next(offer for offer in offers if offer.offer_id == one.offer_id)
        ways = by_offer.get(one.offer_id, [None] * len(problem.services))
        money = money_of(offer, catalog, problem, roadmap)
        months = one.bought.year * MONTHS_PER_YEAR + one.bought.month - 1
        left = quarters_left(months, roadmap.start_month, money.life_years)
        pool = f"owned_already.{place}"
        yield Supply(offer, money, "keep", _carried(ways), tuple(ways), pool, one.count, left, place)


def best_by_offer(candidates: CandidateSet) -> dict[str, list[Candidate | None]]:
    """Return the best way to serve each service on a node of each offer."""
    found: dict[str, list[Candidate | None]] = {}
    for service, target in enumerate(candidates.targets()):
        for one in candidates.candidates(service, target):
            found.setdefault(one.offer.offer_id, [None] * len(candidates.services))[service] = one
    return found


def stays_of(supply: Supply, quarters: int) -> Iterator[tuple[int, int, int]]:
    """Yield (ordered, first, last) of every stay that a supply allows."""
    money = supply.money
    if supply.way == "keep":
        yield from ((0, 0, last) for last in range(1, min(quarters, supply.stays) + 1))
        return
    lead = money.lead_quarters
    for first in range(lead, quarters):
        if supply.way == "rent":
            yield first - lead, first, first + 1
        elif supply.way == "reserve":
            yield first - lead, first, min(quarters, first + money.term_quarters)
        else:
            longest = min(quarters, first + money.life_quarters)
            yield from ((first - lead, first, last) for last in range(first + 1, longest + 1))


def stay_cost(supply: Supply, worth: tuple[Fraction, ...], ordered: int, first: int, last: int) -> int:
    """Return the discounted cents of one node's stay: every payment rounded up, its value at the end rounded down."""
    money, way = supply.money, supply.way
    payments = [*money.capex(way, ordered).items(), *money.opex(way, first, last).items()]
    paid = sum(math.ceil(cents * worth[quarter]) for quarter, cents in payments)
    if way != "buy":
        return paid
    return paid - math.floor(money.value_cents(ordered, first, last) * worth[last])


def worths(roadmap: Roadmap) -> tuple[Fraction, ...]:
    """Return the present value of a dollar by quarter, far enough for the longest commitment."""
    return tuple(present_value(roadmap, quarter) for quarter in range(roadmap.quarters + LONGEST_TERM_QUARTERS + 1))


LONGEST_TERM_QUARTERS = 40
"""Of a reserved offer: 120 months."""


def most_needed(case: RoadmapCase, supply: Supply, first: int, last: int) -> int:
    """Return a number of nodes of one stay that no cheapest plan exceeds: each service's demand, all by them alone."""
    needed = max(
        sum(case.needed(demand[quarter], carries, service)
            for service, (demand, carries) in enumerate(zip(case.demand, supply.carries, strict=True)) if carries)
        for quarter in range(first, last)
    )
    needed = max(needed, case.min_nodes)
    caps = (supply.stock, None if supply.stock is None else supply.offer.own_stock)
    return min([needed, *(cap for cap in caps if cap is not None)])


def build_case(prepared: Prepared, problem: Problem, roadmap: Roadmap, calendar: Calendar) -> RoadmapCase:
    """Turn a problem, prepared at its largest demand, into the integers of its roadmap."""
    limits, worth = problem.limits, worths(roadmap)
    watts = None if limits.power_kw is None else math.floor(exact(limits.power_kw) * 1000)
    case = RoadmapCase(
        supplies_of(prepared, problem, roadmap), (), demands_of(problem, roadmap),
        tuple(calendar.fiscal_year(quarter) for quarter in range(roadmap.quarters)),
        caps_of(problem, prepared.catalog, calendar, roadmap.caps), limits.nodes.min, limits.nodes.max, watts,
        limits.max_gpu_types, limits.survive.nodes, lost_group(limits),
    )
    return with_stays(shortlisted(case, worth), worth)


def lost_group(limits: Limits) -> Literal["none", "provider", "region"]:
    """Return what may be lost at once: with a whole provider gone every one of its regions is."""
    return "provider" if limits.survive.provider else "region" if limits.survive.region else "none"


def with_stays(case: RoadmapCase, worth: tuple[Fraction, ...]) -> RoadmapCase:
    """Return a case with every stay that its supplies allow and some plan may need."""
    stays = tuple(
        Stay(number, ordered, first, last, stay_cost(supply, worth, ordered, first, last), most)
        for number, supply in enumerate(case.supplies) if any(supply.carries) or case.min_nodes
        for ordered, first, last in stays_of(supply, case.quarters)
        if (most := most_needed(case, supply, first, last)) > 0
    )
    return replace(case, stays=stays)
