"""The quarters of a budget plan, worked out again: stays that are possible, cash, fiscal years, books, prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from optimizer.costs import rate_per_usd
from optimizer.costs.books import Book, book_there_already, bought_book
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up, quarters_left
from optimizer.costs.quarters import Calendar
from optimizer.schema.plan import Cash, StayPlan
from optimizer.units import exact
from optimizer.verify.periods.hosted import hosted_cents
from optimizer.verify.periods.money import MONTHS_PER_QUARTER, month_of, payments_of, stay_cost_of, value_of
from optimizer.verify.periods.subject import PeriodsSubject
from optimizer.verify.subject import TOLERANCE


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
        if stay.cost_usd != stay_cost_of(subject, stay) * stay.count / CENTS:
            yield f"{stay.offer_id} from quarter {stay.first}: costs {stay.cost_usd}"
    total = float(month_of(subject) * MONTHS_PER_QUARTER * subject.quarters)
    if abs(plan.total_cost_usd - total) > TOLERANCE * max(1.0, abs(total)):
        yield f"a total of {plan.total_cost_usd} USD, {total} by the stays"
    if plan.bound_usd > plan.total_cost_usd * (1 + TOLERANCE):
        yield f"bound {plan.bound_usd} USD above the cost"
    if plan.discount_fraction_per_year != roadmap.discount_fraction_per_year:
        yield f"discounted at {plan.discount_fraction_per_year}, {roadmap.discount_fraction_per_year} asked for"
    after = sum(
        cents * stay.count for stay in plan.stays for (kind, quarter), cents in payments_of(subject, stay).items()
        if kind == "opex" and quarter >= subject.quarters)
    ending = sum(value_of(subject, stay) * stay.count for stay in plan.stays if stay.end == subject.quarters)
    if (plan.committed_after_usd, plan.end_value_usd) != (after / CENTS, ending / CENTS):
        yield f"{plan.committed_after_usd} USD committed after the end, {plan.end_value_usd} counted at it"
    for place, one in enumerate(roadmap.owned_already):
        there = sum(stay.count for stay in plan.stays if stay.owned_already == place)
        if there != one.count:
            yield f"roadmap.owned_already.{place}: {there} nodes kept or retired of {one.count}"


def _impossible(subject: PeriodsSubject, stay: StayPlan) -> Iterator[str]:
    """Say what is wrong with when nodes are ordered, come and go."""
    money, quarters, place = subject.money[stay.offer_id], subject.quarters, f"{stay.offer_id}, quarter {stay.first}"
    way = "keep" if stay.owned_already is not None else money.way
    if stay.way != way or stay.count < 1:
        yield f"{place}: {stay.count} nodes, way {stay.way}, {way} it is"
        return
    if way == "keep":
        roadmap = subject.problem.roadmap
        one = roadmap.owned_already[stay.owned_already or 0] if roadmap else None
        left = 0 if one is None or roadmap is None else quarters_left(
            one.bought.year * 12 + one.bought.month - 1, roadmap.start_month, money.life_years)
        if one is None or one.offer_id != stay.offer_id or stay.first or not 0 <= stay.end <= min(quarters, left):
            yield f"{place}: nodes that are there cannot stay from {stay.first} to {stay.end}"
        return
    spans = {"rent": stay.first + 1, "reserve": min(quarters, stay.first + money.term_quarters)}
    end = spans.get(way, min(stay.end, quarters, stay.first + money.life_quarters))
    late = stay.ordered != stay.first - money.lead_quarters or stay.ordered < 0
    if stay.end != end or stay.end <= stay.first or late:
        yield f"{place}: ordered in {stay.ordered}, stands to {stay.end}"
    if stay.hours and (way != "rent" or subject.catalog.offers[stay.offer_id].per != "hour"):
        yield f"{place}: cannot be had for some hours"


def _book(subject: PeriodsSubject, stay: StayPlan) -> Book | None:
    """Return the book of one own node."""
    money, problem, roadmap = subject.money[stay.offer_id], subject.problem, subject.problem.roadmap
    if roadmap is None or stay.way not in ("buy", "keep"):
        return None
    if stay.owned_already is None:
        return bought_book(money, stay.ordered, problem, roadmap)
    return book_there_already(roadmap.owned_already[stay.owned_already], money, subject.catalog, problem, roadmap)


def _by_quarter(subject: PeriodsSubject) -> list[dict[str, int]]:
    """Work out the cents of each quarter, by the names of `Cash` without their unit."""
    found: list[dict[str, int]] = [defaultdict(int) for _ in range(subject.quarters)]
    for stay in subject.plan.roadmap.stays if subject.plan.roadmap else ():
        opex = "rent" if stay.way in ("rent", "reserve") else "running"
        for (kind, quarter), cents in payments_of(subject, stay).items():
            if quarter < len(found):
                found[quarter][opex if kind == "opex" else kind] += cents * stay.count
        if stay.end < len(found):
            found[stay.end]["sold"] += value_of(subject, stay) * stay.count
        book = _book(subject, stay)
        for quarter in range(stay.first, len(found)) if book is not None else ():
            before, after = (book.value(quarter - stay.first + age) * stay.count if book else 0 for age in (0, 1))
            if quarter < stay.end:
                found[quarter]["depreciation"] += before - after
                found[quarter]["book_value"] += after
            elif quarter == stay.end:
                found[quarter]["written_off"] += before
    for quarter, entry in enumerate(found):
        entry["rent"] += hosted_cents(subject, quarter)
    return found


def _compare(where: str, shown: Cash, cents: dict[str, int]) -> Iterator[str]:
    opex = cents["rent"] + cents["running"]
    asked = {**cents, "opex": opex, "cash": cents["capex"] + opex - cents["sold"]}
    for name in Cash.model_fields:
        value = asked.get(name.removesuffix("_usd"), 0) / CENTS
        if getattr(shown, name) != value:
            yield f"{where}: {name} is {value} by the stays, the plan says {getattr(shown, name)}"


def check_cash(subject: PeriodsSubject) -> Iterator[str]:
    """The money of every quarter is that of its stays, and each fiscal year adds its quarters up."""
    plan, roadmap = subject.plan.roadmap, subject.problem.roadmap
    if plan is None or roadmap is None:
        return
    calendar, by_quarter, paid = Calendar.of(roadmap, subject.problem), _by_quarter(subject), 0
    if len(plan.quarters) != subject.quarters or tuple(y.label for y in plan.fiscal_years) != calendar.fiscal_years:
        yield f"{len(plan.quarters)} quarters and {len(plan.fiscal_years)} fiscal years of money are shown"
        return
    for quarter, (shown, cents) in enumerate(zip(plan.quarters, by_quarter, strict=True)):
        told = (shown.label, shown.starts, shown.fiscal_year)
        asked = (calendar.label(quarter), calendar.first_day(quarter).isoformat(), calendar.fiscal_year(quarter))
        if told != asked:
            yield f"quarter {quarter} is {asked}, the plan says {told}"
        yield from _compare(asked[0], shown, cents)
        paid += cents["capex"] + cents["rent"] + cents["running"] - cents["sold"]
        if shown.cumulative_cash_usd != paid / CENTS:
            yield f"{asked[0]}: {paid / CENTS} paid so far, the plan says {shown.cumulative_cash_usd}"
    for year in plan.fiscal_years:
        mine = [cents for quarter, cents in enumerate(by_quarter) if calendar.fiscal_year(quarter) == year.label]
        total = {name: sum(cents[name] for cents in mine) for name in (
            "capex", "rent", "running", "sold", "depreciation", "written_off")}
        if year.quarters != len(mine):
            yield f"{year.label}: {len(mine)} quarters, the plan says {year.quarters}"
        yield from _compare(year.label, year, {**total, "book_value": mine[-1]["book_value"]})


def check_cap_spending(subject: PeriodsSubject) -> Iterator[str]:
    """Purchases, and rents with the running of own nodes, stay within the caps of each fiscal year."""
    plan, roadmap = subject.plan.roadmap, subject.problem.roadmap
    if plan is None or roadmap is None:
        return
    rate = rate_per_usd(subject.catalog, subject.problem, roadmap.caps.currency)
    for year in plan.fiscal_years:
        for kind in ("capex", "opex"):
            cap, spent = roadmap.caps.of_year(kind, year.label), getattr(year, f"{kind}_usd")
            if getattr(year, f"{kind}_cap_usd") != (None if cap is None else float(exact(cap) / rate)):
                yield f"{year.label}: a cap on {kind} of {getattr(year, f'{kind}_cap_usd')} USD is shown"
            if cap is not None and exact(spent) > exact(cap) / rate:
                yield f"{year.label}: {spent:,.2f} USD of {kind}, {cap:,.2f} {roadmap.caps.currency} allowed"


def check_terms(subject: PeriodsSubject) -> Iterator[str]:
    """What the plan says of an offer by the quarter is what the catalog says."""
    plan = subject.plan.roadmap
    for shown in plan.offers if plan else ():
        money = subject.money.get(shown.offer_id)
        if money is None:
            yield f"{shown.offer_id} is no offer of the catalog"
            continue
        own = money.offer.kind == "owned"
        rent = cents_up(money.rent_micro_usd_per_hour * HOURS_PER_QUARTER) / CENTS
        asked = (money.lead_quarters, money.life_quarters if own else None,
                 cents_up(money.purchase_micro_usd) / CENTS if own else None,
                 money.running_cents / CENTS if own else None, None if own else rent, float(money.upfront_fraction))
        told = (shown.lead_time_quarters, shown.life_quarters, shown.purchase_usd, shown.running_usd_per_quarter,
                shown.rent_usd_per_quarter, shown.upfront_fraction)
        if told != asked:
            yield f"{shown.offer_id}: {asked} by the catalog, the plan says {told}"
