"""Read a solution back as a budget plan in the user's words and units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from optimizer.candidates import Candidate, ReplicaSpeed
from optimizer.costs import rate_per_usd
from optimizer.costs.books import Book, book_there_already, bought_book
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up
from optimizer.costs.quarters import Calendar
from optimizer.demand import ServiceDemand
from optimizer.roadmap.case import RoadmapCase, Stay, Supply
from optimizer.roadmap.cash import Ledger, ledgers_of, together
from optimizer.roadmap.program import Program, serves_as
from optimizer.roadmap.search import Found
from optimizer.roadmap.wording import assumptions_of, warnings_of
from optimizer.schema.budget_plan import (
    BudgetPlan,
    FiscalYearPlan,
    NodeSetup,
    NodeStay,
    OfferTerms,
    QuarterDemand,
    QuarterNodes,
    QuarterPlan,
    Serving,
)
from optimizer.schema.problem import Problem, Roadmap
from optimizer.solve import Prepared
from optimizer.solve.extract import inputs_of
from optimizer.units import MICRO, exact

Taken = Sequence[tuple[Stay, int]]


def budget_plan_of(
    prepared: Prepared, problem: Problem, calendar: Calendar, case: RoadmapCase, program: Program, found: Found,
    reasons: tuple[str, ...],
) -> BudgetPlan:
    """Turn counts into a plan, or say that there is none."""
    roadmap = problem.roadmap
    if roadmap is None:
        raise ValueError("a budget plan needs a roadmap")
    rate = None if problem.currency == "USD" else float(rate_per_usd(prepared.catalog, problem, problem.currency))
    dated = None if rate is None else (
        problem.fx.as_of.isoformat() if problem.fx else prepared.catalog.fx[problem.currency].as_of)
    common: dict[str, Any] = {
        "problem": problem.name, "status": found.status,
        "discount_fraction_per_year": roadmap.discount_fraction_per_year,
        "bound_usd": None if found.bound is None else found.bound / CENTS,
        "currency": problem.currency, "fx_rate_per_usd": rate, "fx_as_of": dated,
        "assumptions": assumptions_of(problem, roadmap), "inputs": inputs_of(prepared),
    }
    taken = [(stay, count) for stay, count in zip(case.stays, found.counts, strict=False) if count]
    if found.cost is None:
        return BudgetPlan(**common, **NO_PLAN, reasons=reasons)
    taken += _retired_at_once(case, taken)
    ledgers = ledgers_of(case, taken, _books(prepared, problem, roadmap, case, taken))
    total = together(ledgers)
    used = sorted({stay.supply for stay, _ in taken}, key=lambda number: case.supplies[number].offer.offer_id)
    supplies = list({case.supplies[number].offer.offer_id: case.supplies[number] for number in used}.values())
    return BudgetPlan(
        **common,
        total_cost_usd=found.cost / CENTS,
        gap_fraction=(found.cost - (found.bound or 0)) / found.cost if found.cost else 0.0,
        capex_usd=total.capex / CENTS,
        opex_usd=(total.rent + total.running) / CENTS,
        sold_usd=total.sold / CENTS,
        committed_after_usd=_committed_after(case, taken) / CENTS,
        end_value_usd=_end_value(case, taken) / CENTS,
        offers=tuple(_terms(supply) for supply in supplies),
        setups=tuple(
            _setup(prepared, candidate) for supply in supplies for candidate in supply.candidates if candidate
        ),
        stays=tuple(_stay(case, stay, count) for stay, count in taken),
        quarters=_quarters(prepared, problem, calendar, case, program, found.counts, taken, ledgers),
        fiscal_years=_fiscal_years(prepared, problem, roadmap, calendar, case, ledgers),
        warnings=warnings_of(prepared, problem, roadmap, case, taken),
        reasons=(),
    )


NO_PLAN: dict[str, Any] = {
    "total_cost_usd": None, "gap_fraction": None, "capex_usd": None, "opex_usd": None, "sold_usd": None,
    "committed_after_usd": None, "end_value_usd": None, "offers": (), "setups": (), "stays": (), "quarters": (),
    "fiscal_years": (), "warnings": (),
}


def _retired_at_once(case: RoadmapCase, taken: Taken) -> list[tuple[Stay, int]]:
    """List the nodes that are there already and of no use: they retire on the first day."""
    kept: dict[int, int] = defaultdict(int)
    for stay, count in taken:
        kept[stay.supply] += count
    return [
        (Stay(number, 0, 0, 0, 0, 0), (supply.stock or 0) - kept[number])
        for number, supply in enumerate(case.supplies) if supply.way == "keep" and (supply.stock or 0) > kept[number]
    ]


def _books(
    prepared: Prepared, problem: Problem, roadmap: Roadmap, case: RoadmapCase, taken: Taken
) -> dict[Stay, Book]:
    """Open the books of own nodes."""
    books = {}
    for stay, _ in taken:
        supply = case.supplies[stay.supply]
        if supply.way == "buy":
            books[stay] = bought_book(supply.money, stay.ordered, problem, roadmap)
        elif supply.group is not None:
            one = roadmap.owned_already[supply.group]
            books[stay] = book_there_already(one, supply.money, prepared.catalog, problem, roadmap)
    return books


def _committed_after(case: RoadmapCase, taken: Taken) -> int:
    paid = 0
    for stay, count in taken:
        supply = case.supplies[stay.supply]
        cash = supply.money.opex(supply.way, stay.first, stay.last)
        paid += sum(cents for quarter, cents in cash.items() if quarter >= case.quarters) * count
    return paid


def _end_value(case: RoadmapCase, taken: Taken) -> int:
    return sum(
        case.supplies[stay.supply].money.value_cents(stay.ordered, stay.first, stay.last) * count
        for stay, count in taken if case.supplies[stay.supply].way == "buy" and stay.last == case.quarters
    )


def _terms(supply: Supply) -> OfferTerms:
    offer, money = supply.offer, supply.money
    own = offer.kind == "owned"
    rent = cents_up(money.rent_micro_usd_per_hour * HOURS_PER_QUARTER) / CENTS
    return OfferTerms(
        offer_id=offer.offer_id, gpu_id=offer.gpu_id, gpu_count=offer.gpu_count, kind=offer.kind,
        term_months=offer.term_months, provider=offer.provider, region=offer.region,
        lead_time_quarters=money.lead_quarters, life_quarters=money.life_quarters if own else None,
        purchase_usd=cents_up(money.purchase_micro_usd) / CENTS if own else None,
        running_usd_per_quarter=money.running_cents / CENTS if own else None,
        rent_usd_per_quarter=None if own else rent, upfront_fraction=float(money.upfront_fraction),
        price_as_of=offer.price_as_of, price_evidence=offer.price_evidence, source_url=offer.source_url,
        from_overlay=offer.from_overlay,
    )


def _setup(prepared: Prepared, one: Candidate) -> NodeSetup:
    """Describe a node that serves a service at its limit."""
    option, offer, speed = one.option, one.offer, one.option.mixed
    service, demand = prepared.problem.services[option.service], prepared.candidates.demands[option.service]
    target = service.slo.target_tokens_per_s
    common: dict[str, Any] = {
        "service_id": service.service_id, "offer_id": offer.offer_id, "engine_id": option.engine_id,
        "precision": option.precision, "tp_size": option.tp_size, "gpu_count": option.gpu_count or offer.gpu_count,
        "layout": option.layout,
        "replicas": option.replicas_on(offer), "capacity_per_node": _in_user_units(demand, one.capacity),
    }
    if not isinstance(speed, ReplicaSpeed):
        return NodeSetup(
            **common, concurrency_per_replica=speed.max_concurrency, tokens_per_s_per_user=target or None,
            ttft_ms=None, evidence="measured", error_fraction=None, source_url=speed.source_url)
    limit = speed.sequences(target)
    return NodeSetup(
        **common, concurrency_per_replica=limit, tokens_per_s_per_user=speed.speed(limit),
        ttft_ms=speed.ttft_ms(limit), evidence=speed.evidence(limit), error_fraction=speed.error_fraction(limit),
        source_url=speed.source_url(limit))


def _in_user_units(demand: ServiceDemand, amount: float) -> float:
    return amount if demand.unit == "concurrency" else amount / MICRO


def _stay(case: RoadmapCase, stay: Stay, count: int) -> NodeStay:
    supply = case.supplies[stay.supply]
    return NodeStay(
        offer_id=supply.offer.offer_id, way=supply.way, count=count, ordered=stay.ordered, first=stay.first,
        end=stay.last, owned_already=supply.group, cost_usd=stay.cost * count / CENTS)


def _quarters(
    prepared: Prepared, problem: Problem, calendar: Calendar, case: RoadmapCase, program: Program,
    counts: Sequence[int], taken: Taken, ledgers: list[Ledger],
) -> tuple[QuarterPlan, ...]:
    found, paid = [], 0
    for quarter in range(case.quarters):
        serving = _serving(problem, case, program, counts, taken, quarter)
        cash = ledgers[quarter]
        paid += cash.capex + cash.rent + cash.running - cash.sold
        found.append(QuarterPlan(
            label=calendar.label(quarter), starts=calendar.first_day(quarter).isoformat(),
            fiscal_year=case.years[quarter], demand=_demand(prepared, problem, case, quarter, serving),
            nodes=_nodes(case, taken, quarter), serving=serving, cash=cash.shown(), cumulative_cash_usd=paid / CENTS))
    return tuple(found)


def _nodes(case: RoadmapCase, taken: Taken, quarter: int) -> tuple[QuarterNodes, ...]:
    """Count the nodes of each offer and way that stand, come or go in a quarter."""
    counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for stay, count in taken:
        supply = case.supplies[stay.supply]
        row = counted[supply.offer.offer_id, supply.way]
        there = supply.way == "keep"
        row[0] += count if stay.covers(quarter) else 0
        row[1] += count if stay.ordered == quarter and not there else 0
        row[2] += count if stay.first == quarter and not there else 0
        row[3] += count if stay.last == quarter else 0
    return tuple(
        QuarterNodes(offer_id=offer_id, way=way, standing=row[0], ordered=row[1], arrived=row[2], left=row[3])  # type: ignore[arg-type]
        for (offer_id, way), row in sorted(counted.items()) if any(row)
    )


def _serving(
    problem: Problem, case: RoadmapCase, program: Program, counts: Sequence[int], taken: Taken, quarter: int
) -> tuple[Serving, ...]:
    """Say which nodes serve which service: all that can with one service, else as the solver shares them out."""
    standing: dict[int, int] = defaultdict(int)
    for stay, count in taken:
        if stay.covers(quarter) and any(case.supplies[stay.supply].carries):
            standing[stay.supply] += count
    shares: dict[tuple[str, str], int] = defaultdict(int)
    ids = [service.service_id for service in problem.services]
    if len(ids) == 1:
        for supply, nodes in standing.items():
            shares[ids[0], case.supplies[supply].offer.offer_id] += nodes
    for (kind, service, when), column in program.serving.items() if len(ids) > 1 else ():
        wanted = counts[column] if when == quarter else 0
        for supply in sorted(standing, key=lambda number: case.supplies[number].offer.offer_id):
            if wanted and serves_as(case, case.supplies[supply]) == kind:
                given = min(wanted, standing[supply])
                standing[supply] -= given
                wanted -= given
                shares[ids[service], case.supplies[supply].offer.offer_id] += given
    return tuple(
        Serving(service_id=service_id, offer_id=offer_id, nodes=nodes)
        for (service_id, offer_id), nodes in sorted(shares.items()) if nodes
    )


def _demand(
    prepared: Prepared, problem: Problem, case: RoadmapCase, quarter: int, serving: tuple[Serving, ...]
) -> tuple[QuarterDemand, ...]:
    found = []
    for place, service in enumerate(problem.services):
        carries = {supply.offer.offer_id: supply.carries[place] for supply in case.supplies}
        held = sum(one.nodes * carries[one.offer_id] for one in serving if one.service_id == service.service_id)
        demand = prepared.candidates.demands[place]
        found.append(QuarterDemand(
            service_id=service.service_id, amount=_in_user_units(demand, case.demand[place][quarter]),
            capacity=_in_user_units(demand, held)))
    return tuple(found)


def _fiscal_years(
    prepared: Prepared, problem: Problem, roadmap: Roadmap, calendar: Calendar, case: RoadmapCase,
    ledgers: list[Ledger],
) -> tuple[FiscalYearPlan, ...]:
    rate, found = rate_per_usd(prepared.catalog, problem, roadmap.caps.currency), []
    for year in calendar.fiscal_years:
        mine = [ledger for ledger, name in zip(ledgers, case.years, strict=True) if name == year]
        capex, opex = roadmap.caps.of_year("capex", year), roadmap.caps.of_year("opex", year)
        found.append(FiscalYearPlan(
            label=year, quarters=len(mine), capex_cap_usd=None if capex is None else float(exact(capex) / rate),
            opex_cap_usd=None if opex is None else float(exact(opex) / rate), cash=together(mine).shown()))
    return tuple(found)
