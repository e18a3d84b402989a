"""A budget plan's quarters as sections of its document, rows of its CSV, and figures of its chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from optimizer.documents.cells import Amount, Number
from optimizer.documents.document import Piece, Section, Table, Text, bullets, paragraph, section, table
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.schema.plan import Cash, OfferTerms, Plan, RoadmapPlan, StayPlan

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

    def cell(self, usd: float | None) -> Amount:
        """Return an amount for a table whose heading names the currency."""
        return Amount(None if usd is None else usd * self.rate, self.currency)

    def money(self, usd: float | None) -> Message | str:
        """Write an amount with its currency."""
        return "-" if usd is None else Message(f"compare.amount-{self.currency}", value=usd * self.rate)

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


def quarter_sections(shown: Quarters) -> Iterator[Section]:
    """Yield the quarters of a budget plan: moves, cash, fiscal years, what stands behind each letter, the total."""
    money = {"currency": shown.currency}
    yield section("quarters", Message("quarters.title", **money), table(
        heads("quarter", "demand", "buy", "rent", "retire", "stand", "cash"),
        [(quarter.label, shown.demand(place), *(told or "-" for told in shown.moves(place)),
          shown.cell(quarter.cash_usd)) for place, quarter in enumerate(shown.roadmap.quarters)]),
        paragraph(Message("quarters.note")))
    yield section("cash", Message("quarters.cash", **money), _cash(shown))
    yield section("years", Message("quarters.years", **money), _years(shown), paragraph(Message("quarters.years-note")))
    yield section("letters", Message("quarters.letters"), table(
        heads("letter", "offer"), [(letter, offer_id) for letter, offer_id, _ in _offers(shown)],
        details=[told for _, _, told in _offers(shown)]))
    yield section("total", Message("quarters.total"), table(
        (*heads("line"), Message("head.currency", **money)),
        [(Message(ident), shown.cell(amount)) for ident, amount in _sums(shown)]),
        paragraph(_bound(shown)), bullets(shown.roadmap.assumptions))


def _cash(shown: Quarters) -> Table | None:
    """Lay out the payments of each quarter; columns in which nothing happens are left out."""
    rows: list[tuple[Piece | None, ...]] = [(one.label, *map(shown.cell, (
        one.capex_usd, one.rent_usd, one.running_usd, one.sold_usd, one.cash_usd, one.cumulative_cash_usd)))
        for one in shown.roadmap.quarters]
    return _without_empty(heads("quarter", "capital", "rent", "running", "sold", "cash", "so-far"), rows)


def _years(shown: Quarters) -> Table | None:
    """Lay out spending and caps of each fiscal year, and its books."""
    rows: list[tuple[Piece | None, ...]] = []
    for year in shown.roadmap.fiscal_years:
        loss = year.depreciation_usd + year.written_off_usd
        amounts = (year.capex_usd, year.capex_cap_usd, year.opex_usd, year.opex_cap_usd, year.sold_usd, loss,
                   year.book_value_usd)
        rows.append((year.label, Number(year.quarters), *map(shown.cell, amounts)))
    return _without_empty(heads("fiscal-year", "quarters", "capital", "cap", "operating", "cap", "sold",
                                "depreciation", "book-value"), rows)


def _without_empty(header: Sequence[Text], rows: Sequence[Sequence[Piece | None]]) -> Table | None:
    keep = [i for i in range(len(header)) if any(_says(row[i]) for row in rows)]
    return table([header[i] for i in keep], [[row[i] for i in keep] for row in rows])


def _says(piece: Piece | None) -> bool:
    return bool(piece.amount) if isinstance(piece, Amount) else piece not in (None, "-")


def _offers(shown: Quarters) -> Iterator[tuple[str, str, Message]]:
    """Yield (letter, offer, how its nodes come and what they cost) of every offer of the plan."""
    terms = {one.offer_id: one for one in shown.roadmap.offers}
    nodes = {node.offer_id: node for node in shown.plan.nodes}
    for offer_id, letter in shown.letters.items():
        ways = sorted({stay.way for stay in shown.roadmap.stays if stay.offer_id == offer_id})
        node, parts = nodes.get(offer_id), list[Text]()
        if node is not None:
            parts.append(f"{node.gpu_count} x {node.gpu_id}")
        parts += [Message("node.reserved", n=node.term_months) if way == "reserve" and node
                  else Message(f"quarters.way-{way}") for way in ways]
        if node is not None:
            parts.append(node.region if node.kind == "owned" else f"{node.provider} {node.region}")
        if offer_id in terms:
            parts.append(_priced(shown, terms[offer_id], "buy" in ways))
        yield letter, offer_id, Message("gives.survive", parts=tuple(parts))


def _priced(shown: Quarters, terms: OfferTerms, bought: bool) -> Message:
    """Write today's prices of an offer."""
    if terms.rent_usd_per_quarter is not None:
        return Message("quarters.rent-upfront" if terms.upfront_fraction else "quarters.rent",
                       amount=shown.money(terms.rent_usd_per_quarter), share=terms.upfront_fraction)
    run = Message("quarters.run", amount=shown.money(terms.running_usd_per_quarter))
    if not bought:
        return run
    lead = terms.lead_time_quarters
    return Message("quarters.buy-late" if lead else "quarters.buy", amount=shown.money(terms.purchase_usd), n=lead,
                   run=run)


def total_line(shown: Quarters) -> Message:
    """Say what the quarters cost in all, and what is to be approved."""
    quarters, rate = shown.roadmap.quarters, shown.roadmap.discount_fraction_per_year
    total, local = shown.roadmap.total_cost_usd, shown.currency != "USD"
    return Message(
        "quarters.in-all-local" if local else "quarters.in-all", amount=shown.money(total), usd=total,
        kind=Message("quarters.present", rate=rate) if rate else Message("quarters.nominal"), first=quarters[0].label,
        last=quarters[-1].label, n=len(quarters), bought=shown.money(sum(one.capex_usd for one in quarters)))


def _sums(shown: Quarters) -> list[tuple[str, float]]:
    """List the parts of the total, nominal, in dollars."""
    roadmap = shown.roadmap
    parts = [
        ("quarters.purchases", sum(one.capex_usd for one in roadmap.quarters)),
        ("quarters.rents", sum(one.opex_usd for one in roadmap.quarters)),
        ("quarters.commitments", roadmap.committed_after_usd),
        ("quarters.sold", -sum(one.sold_usd for one in roadmap.quarters)),
        ("quarters.left", -roadmap.end_value_usd),
    ]
    return [(ident, amount) for ident, amount in parts if amount]


def _bound(shown: Quarters) -> Message:
    """Write bound, gap and the exchange rate."""
    cost = shown.plan.cost
    told: dict[str, object] = {"bound": shown.money(shown.roadmap.bound_usd), "gap": shown.plan.gap_fraction or 0.0}
    if cost.fx_rate_per_usd is None:
        return Message("quarters.bound", **told)
    told |= {"rate": cost.fx_rate_per_usd, "currency": cost.currency, "as_of": cost.fx_as_of}
    return Message("quarters.bound-local", **told)


def status_line(plan: Plan) -> Message:
    """Write the status, with the gap where the proof is open."""
    status = Message(f"status.{plan.status}")
    return Message("quarters.status-gap", status=status, gap=plan.gap_fraction) if plan.gap_fraction else status


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
