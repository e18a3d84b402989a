"""Every amount of money in a budget plan, worked out again from the prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from optimizer.costs.books import Book, book_there_already, bought_book
from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, cents_up
from optimizer.costs.quarters import present_value
from optimizer.schema.budget_plan import Cash, NodeStay
from optimizer.verify.roadmap.subject import RoadmapSubject
from optimizer.verify.subject import TOLERANCE


def check_terms(subject: RoadmapSubject) -> Iterator[str]:
    """What the plan says of an offer is what the catalog says."""
    for shown in subject.plan.offers:
        money = subject.money[shown.offer_id]
        offer, own = money.offer, money.offer.kind == "owned"
        asked: dict[str, object] = {
            name: getattr(offer, name) for name in (
                "gpu_id", "gpu_count", "kind", "term_months", "provider", "region", "price_as_of", "price_evidence",
                "source_url", "from_overlay")
        }
        asked |= {
            "lead_time_quarters": money.lead_quarters, "life_quarters": money.life_quarters if own else None,
            "purchase_usd": cents_up(money.purchase_micro_usd) / CENTS if own else None,
            "running_usd_per_quarter": money.running_cents / CENTS if own else None,
            "rent_usd_per_quarter":
                None if own else cents_up(money.rent_micro_usd_per_hour * HOURS_PER_QUARTER) / CENTS,
            "upfront_fraction": float(money.upfront_fraction),
        }
        for name, value in asked.items():
            if getattr(shown, name) != value:
                yield f"{shown.offer_id}: {name} is {value}, the plan says {getattr(shown, name)}"


def _purchase(subject: RoadmapSubject, stay: NodeStay) -> int:
    money = subject.money[stay.offer_id]
    return money.purchase_cents(stay.ordered) + money.installation_cents if stay.way == "buy" else 0


def _paid(subject: RoadmapSubject, stay: NodeStay) -> dict[int, int]:
    """Return rent or running of one node by quarter, beyond the plan's end too."""
    money = subject.money[stay.offer_id]
    if stay.way == "rent":
        return {stay.first: money.rent_cents(stay.first)}
    if stay.way != "reserve":
        return dict.fromkeys(range(stay.first, stay.end), money.running_cents)
    term = money.term_quarters
    whole = money.rent_cents(stay.first) * term
    upfront = math.ceil(whole * money.upfront_fraction)
    each = math.ceil(Fraction(whole - upfront, term))
    return {stay.first + passed: each + (0 if passed else upfront) for passed in range(term)}


def _value(subject: RoadmapSubject, stay: NodeStay) -> int:
    """Return what one node counts for when it no longer stands."""
    at_end = stay.end == subject.roadmap.quarters
    if stay.way != "buy" or not (at_end or subject.roadmap.retired_nodes_sold):
        return 0
    money = subject.money[stay.offer_id]
    return math.floor(money.purchase_cents(stay.ordered) * money.values[stay.end - stay.first])


def _book(subject: RoadmapSubject, stay: NodeStay) -> Book | None:
    """Return the book of one own node."""
    money, problem, roadmap = subject.money[stay.offer_id], subject.problem, subject.roadmap
    if stay.way == "buy":
        return bought_book(money, stay.ordered, problem, roadmap)
    if stay.owned_already is None:
        return None
    one = roadmap.owned_already[stay.owned_already]
    return book_there_already(one, money, subject.catalog, problem, roadmap)


def _cash_by_quarter(subject: RoadmapSubject) -> list[dict[str, int]]:
    """Work out the cents of each quarter, by the names of `Cash` without their unit."""
    found: list[dict[str, int]] = [defaultdict(int) for _ in range(subject.roadmap.quarters)]
    for stay in subject.plan.stays:
        line = "rent" if stay.way in ("rent", "reserve") else "running"
        found[stay.ordered]["capex"] += _purchase(subject, stay) * stay.count
        for quarter, cents in _paid(subject, stay).items():
            if quarter < len(found):
                found[quarter][line] += cents * stay.count
        if stay.end < len(found):
            found[stay.end]["sold"] += _value(subject, stay) * stay.count
        book = _book(subject, stay)
        for quarter in range(stay.first, len(found)) if book is not None else ():
            before = book.value(quarter - stay.first) * stay.count if book else 0
            after = book.value(quarter - stay.first + 1) * stay.count if book else 0
            if quarter < stay.end:
                found[quarter]["depreciation"] += before - after
                found[quarter]["book_value"] += after
            elif quarter == stay.end:
                found[quarter]["written_off"] += before
    return found


def _compare(where: str, shown: Cash, cents: dict[str, int]) -> Iterator[str]:
    opex = cents["rent"] + cents["running"]
    asked = {**cents, "opex": opex, "cash": cents["capex"] + opex - cents["sold"]}
    for name in Cash.model_fields:
        value = asked.get(name.removesuffix("_usd"), 0) / CENTS
        if getattr(shown, name) != value:
            yield f"{where}: {name} is {value}, the plan says {getattr(shown, name)}"


def check_cash(subject: RoadmapSubject) -> Iterator[str]:
    """The money of every quarter is that of its stays."""
    paid = 0
    for quarter, cents in zip(subject.plan.quarters, _cash_by_quarter(subject), strict=True):
        yield from _compare(quarter.label, quarter.cash, cents)
        paid += cents["capex"] + cents["rent"] + cents["running"] - cents["sold"]
        if quarter.cumulative_cash_usd != paid / CENTS:
            yield f"{quarter.label}: {paid / CENTS} paid so far, the plan says {quarter.cumulative_cash_usd}"


def check_fiscal_years(subject: RoadmapSubject) -> Iterator[str]:
    """Each fiscal year adds its quarters up."""
    calendar, by_quarter = subject.calendar, _cash_by_quarter(subject)
    if tuple(year.label for year in subject.plan.fiscal_years) != calendar.fiscal_years:
        yield f"shows {[year.label for year in subject.plan.fiscal_years]}, it covers {list(calendar.fiscal_years)}"
        return
    for year in subject.plan.fiscal_years:
        mine = [q for q in range(calendar.quarters) if calendar.fiscal_year(q) == year.label]
        cents: dict[str, int] = defaultdict(int)
        for quarter in mine:
            for name, amount in by_quarter[quarter].items():
                cents[name] += amount
        cents["book_value"] = by_quarter[mine[-1]]["book_value"]
        if year.quarters != len(mine):
            yield f"{year.label}: {len(mine)} quarters, the plan says {year.quarters}"
        yield from _compare(year.label, year.cash, cents)


def _stay_cost(subject: RoadmapSubject, stay: NodeStay) -> int:
    """Return one node's discounted cents: payments rounded up, its value at the end rounded down."""
    def worth(quarter: int) -> Fraction:
        return present_value(subject.roadmap, quarter)

    paid = sum(math.ceil(cents * worth(quarter)) for quarter, cents in _paid(subject, stay).items())
    paid += math.ceil(_purchase(subject, stay) * worth(stay.ordered))
    return paid - math.floor(_value(subject, stay) * worth(stay.end))


def check_total_cost(subject: RoadmapSubject) -> Iterator[str]:
    """The total is the sum of the stays, each worked out again, and the sums beside it are right."""
    plan, quarters = subject.plan, subject.roadmap.quarters
    total = committed = ending = 0
    for stay in plan.stays:
        cost = _stay_cost(subject, stay) * stay.count
        total += cost
        if stay.cost_usd != cost / CENTS:
            yield f"{stay.offer_id} from quarter {stay.first}: costs {cost / CENTS}, the plan says {stay.cost_usd}"
        after = sum(cents for quarter, cents in _paid(subject, stay).items() if quarter >= quarters)
        committed += after * stay.count
        ending += _value(subject, stay) * stay.count if stay.end == quarters else 0
    by_quarter = _cash_by_quarter(subject)
    asked = {
        "total_cost_usd": total, "committed_after_usd": committed, "end_value_usd": ending,
        "capex_usd": sum(cents["capex"] for cents in by_quarter),
        "opex_usd": sum(cents["rent"] + cents["running"] for cents in by_quarter),
        "sold_usd": sum(cents["sold"] for cents in by_quarter),
    }
    for name, cents in asked.items():
        if getattr(plan, name) != cents / CENTS:
            yield f"{name} is {cents / CENTS}, the plan says {getattr(plan, name)}"
    if plan.discount_fraction_per_year != subject.roadmap.discount_fraction_per_year:
        yield f"discounted at {plan.discount_fraction_per_year}, {subject.roadmap.discount_fraction_per_year} asked for"


def check_bound(subject: RoadmapSubject) -> Iterator[str]:
    """No plan is below its bound, and a plan called optimal has no gap."""
    plan = subject.plan
    total, bound, gap = plan.total_cost_usd, plan.bound_usd, plan.gap_fraction
    if total is None or bound is None or gap is None:
        yield "a plan without a total, bound or gap"
        return
    if bound > total:
        yield f"bound {bound} USD above the cost {total}"
    if abs(gap * total - (total - bound)) > TOLERANCE * total:
        yield f"gap of {gap:g} between a bound of {bound} and a cost of {total} USD"
    if plan.status == "optimal" and gap != 0:
        yield f"called optimal with a gap of {gap:g}"
