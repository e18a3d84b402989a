"""A budget plan as a workbook that recomputes: offers, stays, cash by quarter, fiscal years beside their caps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs.over_time import CENTS, HOURS_PER_QUARTER, NodeMoney, cents_up, money_by_id
from optimizer.costs.priced import rate_per_usd
from optimizer.demand import profile_hours
from optimizer.load import Catalog
from optimizer.reports.workbook.book import Book, Content, Formula, Sheet, column_name, words_of
from optimizer.schema.plan import Cash, Plan, RoadmapPlan, StayPlan
from optimizer.schema.problem import Problem
from optimizer.units import MICRO

OFFER = {word: column for column, word in enumerate((
    "offer", "price_once", "installation", "rent_quarter", "running_quarter", "upfront_share", "term_quarters", "as_of",
    "source"))}
STAY = {word: column for column, word in enumerate((
    "offer", "way", "count", "ordered", "first_quarter", "last_quarter", "factor_ordered", "factor_first",
    "hours_share", "value_share", "price_then", "bought_usd", "value_usd", "running_each", "rent_each", "upfront_each",
    "term_each", "term_quarters"))}
MONEY = ("capex", "rent", "running_own", "sold", "opex", "cash_month", "cumulated")
BOOKS = ("depreciation", "written_off", "book_value")
QUARTER = {word: column for column, word in enumerate(("number", "quarter", "year", *MONEY, "hosted", *BOOKS))}
YEAR_LINES = ("capex", "opex", "sold", "cash_month", "depreciation", "written_off")


@dataclass(frozen=True)
class Row:
    """A stay, with the money of one of its nodes in US dollars, as the plan counts it."""

    stay: StayPlan
    money: NodeMoney
    hours: Fraction
    """Share of the hours of a quarter that it is rented for."""
    value_share: Fraction
    """Of its price that a bought one brings when it no longer stands."""

    @property
    def price_then(self) -> int:
        """Return the cents of the purchase in the quarter of the order, without installation."""
        return self.money.purchase_cents(self.stay.ordered) if self.stay.way == "buy" else 0

    @property
    def rent(self) -> int:
        """Return the cents of one quarter's rent."""
        if self.stay.way not in ("rent", "reserve"):
            return 0
        return cents_up(self.money.rent_micro_usd_per_hour * HOURS_PER_QUARTER * self.hours
                        * self.money.change(self.stay.first))

    @property
    def term(self) -> int:
        """Return the quarters of a commitment; 0: none."""
        return self.money.term_quarters if self.stay.way == "reserve" else 0

    @property
    def upfront(self) -> int:
        """Return the cents that a commitment asks for at its start."""
        return math.ceil(self.rent * self.term * self.money.upfront_fraction)


def quarter_workbook(plan: Plan, problem: Problem, catalog: Catalog, language: str = "en") -> bytes:
    """Write a budget plan as a workbook.

    Counts, prices, factors of price and caps may be changed: payments, quarters and fiscal years follow. What the
    books say (depreciation, book values) and the bills of hosted APIs stand as the plan has them.

    Args:
        plan: the answer, with a roadmap.
        problem: the question.
        catalog: the facts that it was answered with.
        language: of the sheets.

    Raises:
        ValueError: there is no roadmap.
    """
    if plan.roadmap is None:
        raise ValueError("a workbook of quarters needs a plan with a roadmap")
    rate = float(rate_per_usd(catalog, problem, problem.currency))
    return _QuarterBook(plan, plan.roadmap, list(_rows(plan.roadmap, problem, catalog)), rate,
                        Book(plan.problem, problem.currency), words_of(language), problem.currency).written()


def _rows(found: RoadmapPlan, problem: Problem, catalog: Catalog) -> Iterator[Row]:
    roadmap, hours = problem.roadmap, profile_hours(problem) or 1
    for stay in found.stays if roadmap is not None else ():
        money = money_by_id(stay.offer_id, catalog, problem, roadmap) if roadmap is not None else None
        if money is None or roadmap is None:
            continue
        brings = stay.way == "buy" and (stay.end == roadmap.quarters or roadmap.retired_nodes_sold)
        yield Row(stay, money, Fraction(len(stay.hours), hours) if stay.hours else Fraction(1),
                  money.values[stay.end - stay.first] if brings else Fraction(0))


def _cent(formula: str, how: str = "UP") -> str:
    """Return the formula of an amount rounded to a cent, up or down; less than a millionth is the machine's own."""
    return f"ROUND{how}(ROUND({formula},6),2)"


@dataclass(frozen=True)
class _QuarterBook:
    plan: Plan
    found: RoadmapPlan
    rows: list[Row]
    rate: float
    book: Book
    words: dict[str, str]
    currency: str

    def written(self) -> bytes:
        first = self.book.sheet(self.words["approval"], (44, *(20.0 for _ in range(9))), None)
        first.put(0, 0, self.plan.problem, "title")
        first.put(1, 0, self.words["status"])
        first.put(1, 1, self.plan.status)
        first.put(2, 0, f"{self.words['fx']} ({self.currency})")
        first.put(2, 1, self.rate, "rate", given=True)
        self.book.name("in_fx", first.at(2, 1))
        offers = self._offers()
        stays = self._stays(offers)
        quarters = self._quarters(stays)
        row = self._totals(first, stays, quarters)
        self._years(first, quarters, row + 1)
        return self.book.done()

    def _heads(self, sheet: Sheet, columns: dict[str, int]) -> None:
        sheet.header(0, [self.words[word] for word in columns])

    def _offers(self) -> Sheet:
        """Write what one node of each offer costs today, in US dollars."""
        sheet = self.book.sheet(self.words["offers"], (48, *(16.0 for _ in range(6)), 12, 60))
        self._heads(sheet, OFFER)
        known = {node.offer_id: node for node in self.plan.nodes}
        for place, (name, money) in enumerate(self._moneys().items(), 1):
            node = known.get(name)
            sheet.put(place, OFFER["offer"], name)
            for word, value, shape in (
                ("price_once", money.purchase_micro_usd / MICRO, "usd"),
                ("installation", money.installation_cents / CENTS, "usd"),
                ("rent_quarter", float(money.rent_micro_usd_per_hour * HOURS_PER_QUARTER) / MICRO, "usd"),
                ("running_quarter", money.running_cents / CENTS, "usd"),
                ("upfront_share", float(money.upfront_fraction), "percent"),
                ("term_quarters", money.term_quarters, ""),
            ):
                sheet.put(place, OFFER[word], value, shape, given=True)
            sheet.put(place, OFFER["as_of"], node.price_as_of if node else "")
            sheet.put(place, OFFER["source"], node.source_url if node else "")
        return sheet

    def _moneys(self) -> dict[str, NodeMoney]:
        return {row.stay.offer_id: row.money for row in sorted(self.rows, key=lambda row: row.stay.offer_id)}

    def _stays(self, offers: Sheet) -> Sheet:
        """Write which nodes come and go when, and what one of them is paid for, in US dollars."""
        sheet = self.book.sheet(self.words["stays"], (48, 10, 8, *(14.0 for _ in range(len(STAY) - 3))))
        self._heads(sheet, STAY)
        places = {name: place for place, name in enumerate(self._moneys(), 1)}
        for place, row in enumerate(self.rows, 1):
            stay = row.stay
            at = {word: offers.at(places[stay.offer_id], column) for word, column in OFFER.items()}
            here = {word: f"{column_name(column)}{place + 1}" for word, column in STAY.items()}
            sheet.put(place, STAY["offer"], stay.offer_id)
            sheet.put(place, STAY["way"], stay.way)
            for word, value, shape in (
                ("count", stay.count, "count"), ("ordered", stay.ordered + 1, ""),
                ("first_quarter", stay.first + 1, ""), ("last_quarter", stay.end, ""),
                ("factor_ordered", float(row.money.change(stay.ordered)), "rate"),
                ("factor_first", float(row.money.change(stay.first)), "rate"),
                ("hours_share", float(row.hours), "percent"), ("value_share", float(row.value_share), "percent"),
            ):
                sheet.put(place, STAY[word], value, shape, given=True)
            for word, formula, amount in _each(row, at, here):
                content: Content = Formula(formula, amount) if formula else amount
                sheet.put(place, STAY[word], content, "" if word == "term_quarters" else "usd")
        return sheet

    def _quarters(self, stays: Sheet) -> Sheet:
        """Write the payments of each quarter from the stays, and what the books say, in US dollars."""
        sheet = self.book.sheet(self.words["quarters"], (8, 12, 12, *(18.0 for _ in range(len(QUARTER) - 3))))
        self._heads(sheet, QUARTER)
        for place, quarter in enumerate(self.found.quarters, 1):
            here = {word: f"{column_name(column)}{place + 1}" for word, column in QUARTER.items()}
            for word, text in (("quarter", quarter.label), ("year", quarter.fiscal_year)):
                sheet.put(place, QUARTER[word], text)
            sheet.put(place, QUARTER["number"], place)
            for word in BOOKS:
                sheet.put(place, QUARTER[word], _line(quarter, word), "usd", given=True)
            sheet.put(place, QUARTER["hosted"], self._hosted(place - 1), "usd", given=True)
            before = f"{column_name(QUARTER['cumulated'])}{place}+" if place > 1 else ""
            formulas = _paid(stays, len(self.rows), here["number"], len(self.found.quarters)) | {
                "opex": f"{here['rent']}+{here['running_own']}",
                "cash_month": f"{here['capex']}+{here['opex']}-{here['sold']}",
                "cumulated": f"{before}{here['cash_month']}"}
            formulas["rent"] += f"+{here['hosted']}"
            for word in MONEY:
                value = quarter.cumulative_cash_usd if word == "cumulated" else _line(quarter, word)
                sheet.put(place, QUARTER[word], Formula(formulas[word], value), "usd")
        self._chart(sheet)
        return sheet

    def _hosted(self, quarter: int) -> float:
        """Return what hosted APIs are paid in a quarter: its rents less those of nodes."""
        nodes = 0
        for row in self.rows:
            first, term = row.stay.first, row.term
            if term and first <= quarter < first + term:
                nodes += row.stay.count * (_spread(row) + (row.upfront if quarter == first else 0))
            elif row.stay.way == "rent" and first <= quarter < row.stay.end:
                nodes += row.stay.count * row.rent
        return round(self.found.quarters[quarter].rent_usd - nodes / CENTS, 2)

    def _chart(self, sheet: Sheet) -> None:
        last = len(self.found.quarters)
        chart = self.book.book.add_chart({"type": "column", "subtype": "stacked"})
        for word in ("capex", "rent", "running_own"):
            chart.add_series({"name": self.words[word], "categories": f"={sheet.span(1, last, QUARTER['quarter'])}",
                              "values": f"={sheet.span(1, last, QUARTER[word])}"})
        chart.set_title({"name": f"{self.words['quarters']} (USD)"})
        sheet.made.insert_chart(last + 2, 1, chart)

    def _totals(self, first: Sheet, stays: Sheet, quarters: Sheet) -> int:
        """Write the sums over all quarters in the problem's currency; return the next row."""
        found, last = self.found, len(self.found.quarters)
        at = {word: stays.span(1, len(self.rows), column) for word, column in STAY.items()}
        sums = {word: f"SUM({quarters.span(1, last, QUARTER[word])})" for word in MONEY}
        after = (f'SUMPRODUCT(({at["way"]}="reserve")*{at["count"]}*{at["term_each"]}'
                 f'*({at["first_quarter"]}+{at["term_quarters"]}-1>{last})'
                 f'*({at["first_quarter"]}+{at["term_quarters"]}-1-{last}))')
        ending = f'SUMPRODUCT(({at["way"]}="buy")*({at["last_quarter"]}={last})*{at["count"]}*{at["value_usd"]})'
        cash = sum(quarter.cash_usd for quarter in found.quarters)
        lines = [
            ("purchases", sums["capex"], sum(quarter.capex_usd for quarter in found.quarters)),
            ("rent", sums["rent"], sum(quarter.rent_usd for quarter in found.quarters)),
            ("running_own", sums["running_own"], sum(quarter.running_usd for quarter in found.quarters)),
            ("sold", sums["sold"], sum(quarter.sold_usd for quarter in found.quarters)),
            ("cash_total", sums["cash_month"], cash), ("committed_after", after, found.committed_after_usd),
            ("end_value", ending, found.end_value_usd),
            ("nominal_total", f"{sums['cash_month']}+{after}-{ending}",
             cash + found.committed_after_usd - found.end_value_usd),
        ]
        for row, (word, formula, value) in enumerate(lines, 4):
            first.put(row, 0, f"{self.words[word]} ({self.currency})")
            first.put(row, 1, Formula(f"({formula})*in_fx", value * self.rate), "money")
        row = 4 + len(lines)
        if found.discount_fraction_per_year:
            first.put(row, 0, f"{self.words['present_value']} ({self.currency})")
            first.put(row, 1, found.total_cost_usd * self.rate, "money", given=True)
            first.put(row, 2, found.discount_fraction_per_year, "percent")
            row += 1
        return row

    def _years(self, first: Sheet, quarters: Sheet, row: int) -> None:
        """Write the fiscal years beside their caps, in the problem's currency."""
        last = len(self.found.quarters)
        first.put(row, 0, f"{self.words['years']} ({self.currency})", "bold")
        words = ["year", *YEAR_LINES, "capex_cap", "capex_left", "opex_cap", "opex_left"]
        first.header(row + 1, [self.words[word] for word in words])
        keys = quarters.span(1, last, QUARTER["year"])
        for place, year in enumerate(self.found.fiscal_years, row + 2):
            first.put(place, 0, year.label)
            for column, word in enumerate(YEAR_LINES, 1):
                formula = f"SUMIF({keys},$A{place + 1},{quarters.span(1, last, QUARTER[word])})*in_fx"
                first.put(place, column, Formula(formula, _line(year, word) * self.rate), "money")
            for column, cap, word in ((7, year.capex_cap_usd, "capex"), (9, year.opex_cap_usd, "opex")):
                if cap is not None:
                    first.put(place, column, cap * self.rate, "money", given=True)
                    spent = f"{column_name(YEAR_LINES.index(word) + 1)}{place + 1}"
                    left = (cap - _line(year, word)) * self.rate
                    first.put(place, column + 1, Formula(f"{column_name(column)}{place + 1}-{spent}", left), "money")
        place = row + 3 + len(self.found.fiscal_years)
        for text in (self.words["blue"], self.words["books_stand"], *self.plan.warnings):
            first.put(place, 0, str(text))
            place += 1


def _spread(row: Row) -> int:
    """Return the cents of a commitment that are paid each quarter of its term."""
    return -(-(row.rent * row.term - row.upfront) // row.term) if row.term else 0


def _each(row: Row, at: dict[str, str], here: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Yield what one node of a stay is paid for: (word, formula or nothing, amount)."""
    way = row.stay.way
    bought, own, rented, term = way == "buy", way in ("buy", "keep"), way in ("rent", "reserve"), row.term
    value = math.floor(row.price_then * row.value_share)
    price = _cent(f"{at['price_once']}*{here['factor_ordered']}")
    rent = _cent(f"{at['rent_quarter']}*{here['factor_first']}*{here['hours_share']}")
    whole = f"{here['rent_each']}*{here['term_quarters']}"
    yield "price_then", price if bought else "", row.price_then / CENTS
    yield ("bought_usd", f"{here['price_then']}+{at['installation']}" if bought else "",
           (row.price_then + row.money.installation_cents) / CENTS if bought else 0.0)
    yield ("value_usd", _cent(f"{here['price_then']}*{here['value_share']}", "DOWN") if bought else "", value / CENTS)
    yield "running_each", at["running_quarter"] if own else "", row.money.running_cents / CENTS if own else 0.0
    yield "rent_each", rent if rented else "", row.rent / CENTS
    yield "upfront_each", _cent(f"{whole}*{at['upfront_share']}") if term else "", row.upfront / CENTS
    yield ("term_each", _cent(f"({whole}-{here['upfront_each']})/{here['term_quarters']}") if term else "",
           _spread(row) / CENTS)
    yield "term_quarters", at["term_quarters"] if term else "", float(term)


def _paid(stays: Sheet, last: int, now: str, quarters: int) -> dict[str, str]:
    """Return the formulas of a quarter's payments for nodes, over all stays."""
    at = {word: stays.span(1, last, column) for word, column in STAY.items()}
    way = {name: f'({at["way"]}="{name}")' for name in ("buy", "keep", "rent", "reserve")}
    count, begun = at["count"], f"({at['first_quarter']}<={now})"
    standing, starts = f"{begun}*({at['last_quarter']}>={now})", f"({at['first_quarter']}={now})"
    term = f"{begun}*({now}<{at['first_quarter']}+{at['term_quarters']})"
    return {
        "capex": f"SUMPRODUCT({way['buy']}*({at['ordered']}={now})*{count}*{at['bought_usd']})",
        "rent": (f"SUMPRODUCT({way['rent']}*{standing}*{count}*{at['rent_each']}"
                 f"+{way['reserve']}*{count}*({term}*{at['term_each']}+{starts}*{at['upfront_each']}))"),
        "running_own": f"SUMPRODUCT(({way['buy']}+{way['keep']})*{standing}*{count}*{at['running_each']})",
        "sold": (f"SUMPRODUCT({way['buy']}*({at['last_quarter']}+1={now})*({at['last_quarter']}<{quarters})*{count}"
                 f"*{at['value_usd']})"),
    }


def _line(money: Cash, word: str) -> float:
    """Return a line of a quarter or a year by the word of its column."""
    named = {"running_own": "running_usd", "cash_month": "cash_usd"}
    return float(getattr(money, named.get(word, f"{word}_usd")))
