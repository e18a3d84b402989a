"""The quarters of a budget plan: what is bought, rented, kept and retired, cash, fiscal years and books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from optimizer.costs import rate_per_usd
from optimizer.costs.books import Book, book_there_already, bought_book
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up
from optimizer.messages import Message
from optimizer.question.build import Asked
from optimizer.question.money import QuarterMoney
from optimizer.question.question import THOUSANDTHS, Stay, Supply
from optimizer.schema.plan import FiscalYearPlan, OfferTerms, QuarterMoneyPlan, RoadmapPlan, StayPlan
from optimizer.schema.problem import Roadmap
from optimizer.strategies.search import Found
from optimizer.units import exact

Ledger = dict[str, int]
"""Cents of one quarter or year by line: capex, rent, running, sold, depreciation, written_off, book_value."""

LINES = ("capex", "rent", "running", "sold", "depreciation", "written_off", "book_value")


def roadmap_plan(asked: Asked, found: Found) -> RoadmapPlan | None:
    """Describe what is bought, rented, kept and retired, and what each quarter pays; None without a roadmap."""
    roadmap, money = asked.problem.roadmap, asked.money
    if roadmap is None or not isinstance(money, QuarterMoney):
        return None
    ledgers, taken, quarters = ledgers_of(asked, money, found), list(_taken(found)), asked.calendar.quarters
    after = sum(
        cents * count for supply, stay, count in taken for (kind, quarter), cents in money.paid(supply, stay).items()
        if kind == "opex" and quarter >= quarters)
    ending = sum(money.of(supply.offer).value_cents(stay.ordered, *_span(asked, money, supply, stay)) * count
                 for supply, stay, count in taken
                 if money.way(supply) == "buy" and _span(asked, money, supply, stay)[1] == quarters)
    offers = {supply.offer.offer_id: supply for supply, _, _ in taken}
    return RoadmapPlan(
        total_cost_usd=(found.cost or 0) / CENTS, bound_usd=found.bound / CENTS,
        discount_fraction_per_year=roadmap.discount_fraction_per_year, committed_after_usd=after / CENTS,
        end_value_usd=ending / CENTS, stays=tuple(_stays(asked, money, found)),
        quarters=tuple(_quarters(money, ledgers)), fiscal_years=tuple(_years(asked, money, roadmap, ledgers)),
        offers=tuple(_terms(money, offers[name]) for name in sorted(offers)),
        assumptions=tuple(_assumptions(roadmap)))


def _taken(found: Found) -> Iterator[tuple[Supply, Stay, int]]:
    for stay, count in zip(found.question.stays, found.nodes, strict=True):
        if count:
            yield found.question.supplies[stay.supply], stay, count


def _span(asked: Asked, money: QuarterMoney, supply: Supply, stay: Stay) -> tuple[int, int]:
    """Return the first quarter of a stay and the one after its last."""
    first = asked.calendar.periods[stay.first].quarter
    return first, first + 1 if _is_hourly(asked, money, supply) else stay.last // asked.calendar.slots


def _is_hourly(asked: Asked, money: QuarterMoney, supply: Supply) -> bool:
    return asked.calendar.slots > 1 and money.way(supply) == "rent" and money.is_elastic(supply.offer)


def _stays(asked: Asked, money: QuarterMoney, found: Found) -> list[StayPlan]:
    """List the stays, and the nodes that are there already and of no use: they retire on the first day."""
    plans, kept = [], defaultdict[int, int](int)
    for supply, stay, count in _taken(found):
        first, end = _span(asked, money, supply, stay)
        kept[-1 if supply.group is None else supply.group] += count
        plans.append(StayPlan(
            offer_id=supply.offer.offer_id, way=money.way(supply), count=count, ordered=stay.ordered, first=first,
            end=end, hours=asked.calendar.periods[stay.first].hours if _is_hourly(asked, money, supply) else (),
            owned_already=supply.group, cost_usd=stay.price * count / CENTS))
    for place, one in enumerate(asked.problem.roadmap.owned_already if asked.problem.roadmap else ()):
        if one.count > kept[place]:
            plans.append(StayPlan(offer_id=one.offer_id, way="keep", count=one.count - kept[place], ordered=0, first=0,
                                  end=0, owned_already=place, cost_usd=0.0))
    return sorted(plans, key=lambda one: (one.first, one.offer_id, one.end, one.hours))


def ledgers_of(asked: Asked, money: QuarterMoney, found: Found) -> list[Ledger]:
    """Enter the nominal payments of each quarter within the plan, contracts left out, and what the books say."""
    ledgers: list[Ledger] = [defaultdict(int) for _ in range(asked.calendar.quarters)]
    for supply, stay, count in _taken(found):
        opex = "rent" if money.way(supply) in ("rent", "reserve") else "running"
        for (kind, quarter), cents in money.paid(supply, stay).items():
            if quarter < len(ledgers):
                ledgers[quarter][opex if kind == "opex" else kind] += cents * count
        book = _book(asked, money, supply, stay.ordered)
        if book is not None:
            _enter(ledgers, book, *_span(asked, money, supply, stay), count)
    _write_off_at_once(asked, money, found, ledgers)
    bills: dict[int, int] = defaultdict(int)
    for (period, i), parts in found.hosted.items():
        one = found.question.hosted[i]
        bills[asked.calendar.periods[period].quarter] += money.nominal(one.usd_per_token * one.tokens[period]) * parts
    for quarter, thousandths in bills.items():
        ledgers[quarter]["rent"] += -(-thousandths // THOUSANDTHS)
    return ledgers


def _book(asked: Asked, money: QuarterMoney, supply: Supply, ordered: int) -> Book | None:
    """Open the book of an own node."""
    roadmap, problem, node = asked.problem.roadmap, asked.problem, money.of(supply.offer)
    if roadmap is None or money.way(supply) not in ("buy", "keep"):
        return None
    if supply.group is None:
        return bought_book(node, ordered, problem, roadmap)
    return book_there_already(roadmap.owned_already[supply.group], node, asked.prepared.catalog, problem, roadmap)


def _enter(ledgers: list[Ledger], book: Book, first: int, last: int, count: int) -> None:
    """Write nodes off while they stand, and what is left when they retire."""
    for quarter in range(first, last):
        value, left = book.value(quarter - first), book.value(quarter - first + 1)
        ledgers[quarter]["depreciation"] += (value - left) * count
        ledgers[quarter]["book_value"] += left * count
    if last < len(ledgers):
        ledgers[last]["written_off"] += book.value(last - first) * count


def _write_off_at_once(asked: Asked, money: QuarterMoney, found: Found, ledgers: list[Ledger]) -> None:
    """Write off the nodes that are there already and retire on the first day."""
    from optimizer.costs.over_time import money_by_id

    roadmap, catalog = asked.problem.roadmap, asked.prepared.catalog
    for stay in _stays(asked, money, found):
        if stay.owned_already is None or stay.end or roadmap is None:
            continue
        node = money_by_id(stay.offer_id, catalog, asked.problem, roadmap)
        if node is not None:
            one = roadmap.owned_already[stay.owned_already]
            _enter(ledgers, book_there_already(one, node, catalog, asked.problem, roadmap), 0, 0, stay.count)


def cash_of(ledger: Ledger) -> dict[str, Any]:
    """Return the fields of `Cash` in dollars."""
    opex = ledger["rent"] + ledger["running"]
    lines = {**{line: ledger[line] for line in LINES}, "opex": opex, "cash": ledger["capex"] + opex - ledger["sold"]}
    return {f"{line}_usd": cents / CENTS for line, cents in lines.items()}


def _quarters(money: QuarterMoney, ledgers: list[Ledger]) -> Iterator[QuarterMoneyPlan]:
    paid = 0
    for quarter, ledger in enumerate(ledgers):
        paid += ledger["capex"] + ledger["rent"] + ledger["running"] - ledger["sold"]
        yield QuarterMoneyPlan(
            label=money.quarters.label(quarter), starts=money.quarters.first_day(quarter).isoformat(),
            fiscal_year=money.quarters.fiscal_year(quarter), cumulative_cash_usd=paid / CENTS, **cash_of(ledger))


def together(ledgers: Iterable[Ledger]) -> Ledger:
    """Add quarters up; the book value is the last one's."""
    total: Ledger = defaultdict(int)
    for ledger in ledgers:
        for line, cents in ledger.items():
            total[line] += cents
        total["book_value"] = ledger["book_value"]
    return total


def _years(
    asked: Asked, money: QuarterMoney, roadmap: Roadmap, ledgers: list[Ledger]
) -> Iterator[FiscalYearPlan]:
    rate = rate_per_usd(asked.prepared.catalog, asked.problem, roadmap.caps.currency)
    for year in money.quarters.fiscal_years:
        mine = [one for quarter, one in enumerate(ledgers) if money.quarters.fiscal_year(quarter) == year]
        caps: dict[str, Any] = {f"{kind}_cap_usd": None if (cap := roadmap.caps.of_year(kind, year)) is None
                                else float(exact(cap) / rate) for kind in ("capex", "opex")}
        yield FiscalYearPlan(label=year, quarters=len(mine), **caps, **cash_of(together(mine)))


def _terms(money: QuarterMoney, supply: Supply) -> OfferTerms:
    node, own = money.of(supply.offer), supply.offer.kind == "owned"
    return OfferTerms(
        offer_id=supply.offer.offer_id, lead_time_quarters=node.lead_quarters,
        life_quarters=node.life_quarters if own else None,
        purchase_usd=cents_up(node.purchase_micro_usd) / CENTS if own else None,
        running_usd_per_quarter=node.running_cents / CENTS if own else None,
        rent_usd_per_quarter=None if own else cents_up(node.rent_micro_usd_per_hour * HOURS_PER_QUARTER) / CENTS,
        upfront_fraction=float(node.upfront_fraction))


def _assumptions(roadmap: Roadmap) -> Iterator[Message]:
    """State how the money is counted."""
    rate = roadmap.discount_fraction_per_year
    yield Message("roadmap.discounted", rate=rate) if rate else Message("roadmap.nominal")
    yield Message("roadmap.rounded")
    yield Message("roadmap.purchases")
    yield Message(f"roadmap.ends-{roadmap.end_value}")
    yield Message("roadmap.sold" if roadmap.retired_nodes_sold else "roadmap.not-sold")
    yield Message("roadmap.commitments")
    if roadmap.owned_already:
        yield Message("roadmap.there-already")
