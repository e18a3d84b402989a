"""A budget plan's quarters in rows and lines, shared by the terminal, Markdown, CSV and the chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optimizer.reports.wording import STATUS, counted
from optimizer.schema.plan import Cash, OfferTerms, Plan, RoadmapPlan, StayPlan

WAYS = {"buy": "bought", "reserve": "reserved", "rent": "rented", "keep": "there already"}

Row = tuple[str, ...]


@dataclass(frozen=True)
class Quarters:
    """A plan with a roadmap, in its own currency."""

    plan: Plan
    roadmap: RoadmapPlan

    @classmethod
    def of(cls, plan: Plan) -> Quarters | None:
        """Return a plan's quarters; None without a roadmap."""
        return None if plan.roadmap is None else cls(plan, plan.roadmap)

    @property
    def currency(self) -> str:
        """The problem's."""
        return self.plan.cost.currency

    @property
    def rate(self) -> float:
        """What a dollar is in it."""
        return self.plan.cost.fx_rate_per_usd or 1.0

    def amount(self, usd: float | None) -> str:
        """Write an amount without its currency; of yen without decimals."""
        return "-" if usd is None else f"{usd * self.rate:,.{0 if self.currency == 'JPY' else 2}f}"

    def money(self, usd: float | None) -> str:
        """Write an amount with its currency."""
        return f"${self.amount(usd)}" if self.currency == "USD" else f"{self.currency} {self.amount(usd)}"

    @cached_property
    def letters(self) -> dict[str, str]:
        """Offers named A, B, ... in the order in which they come."""
        stays = sorted(self.roadmap.stays, key=lambda stay: (stay.first, stay.offer_id))
        return {name: _letter(place) for place, name in enumerate(dict.fromkeys(stay.offer_id for stay in stays))}

    def told(self, counts: dict[str, int], names: dict[str, str] | None = None) -> str:
        """Write counts of nodes: `2 A, 1 B`, or other names than the letters."""
        shown = sorted(((names or self.letters)[name], count) for name, count in counts.items() if count)
        return ", ".join(f"{count} {name}" for name, count in shown)

    def ordered(self, quarter: int) -> dict[str, int]:
        """Count the nodes that are bought in a quarter."""
        return self._sum(stay for stay in self.roadmap.stays if stay.way == "buy" and stay.ordered == quarter)

    def rented(self, quarter: int) -> dict[str, int]:
        """Count the nodes rented for a quarter (by the hour: their most at one time), and commitments that begin."""
        counts = self._sum(stay for stay in self.roadmap.stays
                           if stay.way in ("rent", "reserve") and stay.first == quarter and not stay.hours)
        for stay in self.roadmap.stays:
            if stay.hours and stay.first == quarter:
                counts[stay.offer_id] = max(counts[stay.offer_id], stay.count)
        return counts

    def retired(self, quarter: int) -> dict[str, int]:
        """Count the own nodes that retire, and commitments that end."""
        return self._sum(stay for stay in self.roadmap.stays if stay.way != "rent" and stay.end == quarter)

    def standing(self, quarter: int, way: str | None = None) -> dict[str, int]:
        """Count the nodes that stand, at their most at one time, of all or that came in one way."""
        counts = self._sum(stay for stay in self.roadmap.stays if stay.first <= quarter < stay.end and not stay.hours
                           and way in (None, stay.way))
        hourly: dict[str, int] = defaultdict(int)
        for stay in self.roadmap.stays:
            if stay.hours and stay.first == quarter and way in (None, stay.way):
                hourly[stay.offer_id] = max(hourly[stay.offer_id], stay.count)
        return {name: counts[name] + hourly[name] for name in sorted({*counts, *hourly})}

    def _sum(self, stays: Iterator[StayPlan]) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for stay in stays:
            counts[stay.offer_id] += stay.count
        return counts

    def demand(self, quarter: int) -> str:
        """Write what the services ask for at most: 96 + 12.5."""
        most: dict[str, float] = {}
        for period in self.plan.periods:
            for one in period.demand if period.quarter == quarter else ():
                most[one.service_id] = max(most.get(one.service_id, 0.0), one.amount)
        return " + ".join(f"{amount:.4g}" if amount % 1 else f"{amount:,.0f}" for amount in most.values())

    def moves(self, quarter: int, names: dict[str, str] | None = None) -> Row:
        """Write what is bought, rented and retired in a quarter, and what stands."""
        return tuple(self.told(found(quarter), names) for found in (
            self.ordered, self.rented, self.retired, self.standing))


def _letter(place: int) -> str:
    """Name a place in a list.

    >>> [_letter(n) for n in (0, 25, 26, 52)]
    ['A', 'Z', 'AA', 'BA']
    """
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def move_rows(shown: Quarters) -> list[Row]:
    """Return what each quarter asks, what is bought, rented and retired in it, what stands, and the cash."""
    return [("quarter", "demand", "buy", "rent", "retire", "stand", "cash"), *(
        (quarter.label, shown.demand(place), *(told or "-" for told in shown.moves(place)),
         shown.amount(quarter.cash_usd)) for place, quarter in enumerate(shown.roadmap.quarters))]


def cash_rows(shown: Quarters) -> list[Row]:
    """Return the payments of each quarter; columns in which nothing happens are left out."""
    rows: list[Row] = [("quarter", "capex", "rent", "running", "sold", "cash", "so far")]
    for one in shown.roadmap.quarters:
        amounts = (one.capex_usd, one.rent_usd, one.running_usd, one.sold_usd, one.cash_usd, one.cumulative_cash_usd)
        rows.append((one.label, *map(shown.amount, amounts)))
    return _without_empty(rows)


def year_rows(shown: Quarters) -> list[Row]:
    """Return spending and caps of each fiscal year, and its books."""
    rows: list[Row] = [("year", "quarters", "capex", "cap", "opex", "cap", "sold", "depreciation", "book value")]
    for year in shown.roadmap.fiscal_years:
        loss = year.depreciation_usd + year.written_off_usd
        amounts = (year.capex_usd, year.capex_cap_usd, year.opex_usd, year.opex_cap_usd, year.sold_usd, loss,
                   year.book_value_usd)
        rows.append((year.label, str(year.quarters), *map(shown.amount, amounts)))
    return _without_empty(rows)


def _without_empty(rows: list[Row]) -> list[Row]:
    keep = [i for i in range(len(rows[0])) if any(row[i].strip("0.,-") for row in rows[1:])]
    return [tuple(row[i] for i in keep) for row in rows]


def offer_lines(shown: Quarters) -> Iterator[tuple[str, str, str]]:
    """Yield (letter, offer, how its nodes come and what they cost) of every offer of the plan."""
    terms = {one.offer_id: one for one in shown.roadmap.offers}
    nodes = {node.offer_id: node for node in shown.plan.nodes}
    for offer_id, letter in shown.letters.items():
        ways = sorted({stay.way for stay in shown.roadmap.stays if stay.offer_id == offer_id})
        node, parts = nodes.get(offer_id), []
        if node is not None:
            parts.append(f"{node.gpu_count} x {node.gpu_id}")
        parts.append(", ".join(f"reserved {node.term_months} months" if way == "reserve" and node else WAYS[way]
                               for way in ways))
        if node is not None:
            parts.append(node.region if node.kind == "owned" else f"{node.provider} {node.region}")
        if offer_id in terms:
            parts.append(_priced(shown, terms[offer_id], "buy" in ways))
        yield letter, offer_id, ", ".join(parts)


def _priced(shown: Quarters, terms: OfferTerms, bought: bool) -> str:
    """Write today's prices of an offer."""
    if terms.rent_usd_per_quarter is not None:
        upfront = f", {terms.upfront_fraction:.0%} upfront" if terms.upfront_fraction else ""
        return f"{shown.money(terms.rent_usd_per_quarter)} a quarter{upfront}"
    lead = terms.lead_time_quarters
    late = f", stands {counted(lead, 'quarter')} after the order" if lead else ""
    price = f"{shown.money(terms.purchase_usd)} to buy{late}, " if bought else ""
    return f"{price}{shown.money(terms.running_usd_per_quarter)} a quarter to run"


def total_line(shown: Quarters) -> str:
    """Say what the quarters cost in all, and what is to be approved."""
    quarters, rate = shown.roadmap.quarters, shown.roadmap.discount_fraction_per_year
    kind = f"present value at {rate:.1%} a year" if rate else "nominal"
    dollars = "" if shown.currency == "USD" else f" (${shown.roadmap.total_cost_usd:,.2f})"
    bought = sum(one.capex_usd for one in quarters)
    span = f"{quarters[0].label} to {quarters[-1].label}, {counted(len(quarters), 'quarter')}"
    return (f"{shown.money(shown.roadmap.total_cost_usd)}{dollars} in all, {kind}: {span}; "
            f"purchases to approve: {shown.money(bought)}")


def sum_rows(shown: Quarters) -> list[tuple[str, float]]:
    """List the parts of the total, nominal, in dollars."""
    roadmap = shown.roadmap
    parts = [
        ("purchases", sum(one.capex_usd for one in roadmap.quarters)),
        ("rents and running", sum(one.opex_usd for one in roadmap.quarters)),
        ("commitments after the end", roadmap.committed_after_usd),
        ("sold", -sum(one.sold_usd for one in roadmap.quarters)),
        ("counted for what stands at the end", -roadmap.end_value_usd),
    ]
    return [(name, amount) for name, amount in parts if amount]


def sum_line(shown: Quarters) -> str:
    """Add the parts of the total up."""
    text = " ".join(f"{'-' if amount < 0 else '+'} {name} {shown.money(abs(amount))}"
                    for name, amount in sum_rows(shown))
    return text.removeprefix("+ ")


def bound_line(shown: Quarters) -> str:
    """Write bound, gap and the exchange rate."""
    cost, gap = shown.plan.cost, shown.plan.gap_fraction or 0.0
    rate = "" if cost.fx_rate_per_usd is None else f" at {cost.fx_rate_per_usd:g} {cost.currency} a dollar" \
        f" ({cost.fx_as_of})"
    return f"lower bound {shown.money(shown.roadmap.bound_usd)}, gap {gap:.2%}{rate}"


def status_line(plan: Plan) -> str:
    """Write the status, with the gap where the proof is open."""
    gap = "" if not plan.gap_fraction else f"; nothing is more than {plan.gap_fraction:.2%} cheaper"
    return f"{STATUS[plan.status]}{gap}"


MONEY = (*Cash.model_fields, "cumulative_cash_usd")

COLUMNS = ("problem", "status", "quarter", "starts", "fiscal_year", "demand", "ordered", "rented", "retired",
           "standing", "nodes", *MONEY, "currency", "fx_rate_per_usd",
           *(name.replace("_usd", "_local") for name in MONEY))
"""Of the CSV: a row for each quarter. Added to, never renamed; `_local` is the problem's currency."""


def csv_rows(shown: Quarters) -> Iterator[dict[str, object]]:
    """Yield the cells of each quarter."""
    names = {name: f"x {name}" for name in shown.letters}
    for place, quarter in enumerate(shown.roadmap.quarters):
        usd = {name: getattr(quarter, name) for name in MONEY}
        yield {
            "problem": shown.plan.problem, "status": shown.plan.status, "quarter": quarter.label,
            "starts": quarter.starts, "fiscal_year": quarter.fiscal_year, "demand": shown.demand(place),
            **dict(zip(("ordered", "rented", "retired", "standing"), shown.moves(place, names), strict=True)),
            "nodes": sum(shown.standing(place).values()), **usd, "currency": shown.currency,
            "fx_rate_per_usd": shown.rate,
            **{name.replace("_usd", "_local"): round(value * shown.rate, 2) for name, value in usd.items()}}
