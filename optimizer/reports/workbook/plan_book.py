"""A plan as a workbook that recomputes: inputs, nodes, cost lines, cash by month and fiscal year, sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from optimizer.costs.approval import Payments, output_tokens_per_month, payments_of, untaxed_usd
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.depreciation import MONTHS_PER_YEAR, fiscal_year_of
from optimizer.costs.owned import machine_of, price_node
from optimizer.costs.priced import rate_per_usd
from optimizer.load import Catalog
from optimizer.reports.workbook.book import Book, Formula, Sheet, column_name, words_of
from optimizer.reports.workbook.quarter_book import quarter_workbook
from optimizer.schema.plan import Approval, Node, Plan
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH

MILLION = 1_000_000
RENT = "rent"
NODE_WORDS = ("offer", "gpu", "gpus", "kind", "provider", "region", "count", "usd_hour", "hours_each", "usd_month",
              "month", "first_usd", "monthly_usd", "untaxed_usd", "period", "owned", "as_of", "evidence", "source")
COLUMN = {word: column for column, word in enumerate(NODE_WORDS)}


@dataclass(frozen=True)
class Line:
    """A line of a plan, with what it costs as it is paid."""

    node: Node
    payments: Payments
    untaxed_usd: float
    """Of the monthly payment of one node."""
    lines: dict[str, float]
    """US dollars a month of one node that is bought, by line of cost."""

    @property
    def owned(self) -> bool:
        """Say whether it is bought."""
        return self.node.kind == "owned"

    @property
    def plain(self) -> bool:
        """Say whether it is paid as you go: by the hour, without a term."""
        return not self.owned and self.payments.flow.period_months is None

    @property
    def hours_each(self) -> float:
        """Return the hours a month of one node."""
        hours = self.node.node_hours_per_month
        return HOURS_PER_MONTH if hours is None else hours / self.node.count

    @property
    def by_line(self) -> dict[str, float]:
        """Return what one node costs a month in US dollars, by line; a rented one has its rent alone."""
        return self.lines if self.owned else {RENT: self.node.usd_per_hour_each * self.hours_each}

    @property
    def usd_month(self) -> float:
        """Return what all nodes of the line cost a month at their hourly price."""
        return self.node.count * self.node.usd_per_hour_each * self.hours_each

    @property
    def monthly_usd(self) -> float:
        """Return what one node is paid for monthly, without tax."""
        return self.node.usd_per_hour_each * self.hours_each if self.plain else self.payments.flow.monthly_usd


def plan_workbook(plan: Plan, problem: Problem, catalog: Catalog, language: str = "en") -> bytes:
    """Write a plan as a workbook.

    Args:
        plan: the answer; without nodes only its status and reasons are written, with a roadmap its quarters.
        problem: the question.
        catalog: the facts that it was answered with.
        language: of the sheets.
    """
    if plan.roadmap is not None:
        return quarter_workbook(plan, problem, catalog, language)
    words = words_of(language)
    book = Book(plan.problem, problem.currency)
    first = book.sheet(words["approval"], (52, 20, 20, 20, 20, 20), None)
    if plan.approval is None:
        _head(first, plan, words)
        return book.done()
    rate = float(rate_per_usd(catalog, problem, problem.currency))
    lines = [_line(node, catalog, problem, rate) for node in plan.nodes]
    contracts = plan.cost.breakdown.get(CONTRACTS, 0.0)
    _inputs(book, words, plan, problem, rate, contracts)
    nodes = _nodes(book, words, lines, rate)
    _costs(book, words, nodes, lines, contracts)
    cash = _cash(book, words, nodes, lines, contracts * rate, plan.approval, problem)
    _approval(first, words, plan, plan.approval, nodes, cash, len(lines))
    _sources(book, words, plan)
    return book.done()


def _line(node: Node, catalog: Catalog, problem: Problem, rate: float) -> Line:
    payments = payments_of(node, catalog, problem, rate)
    if node.kind != "owned":
        return Line(node, payments, 0.0, {})
    machine = catalog.owned[machine_of(node)]
    return Line(node, payments, untaxed_usd(node, catalog, problem),
                price_node(machine, node.region, catalog, problem).breakdown)


def _inputs(book: Book, words: dict[str, str], plan: Plan, problem: Problem, rate: float, contracts: float) -> None:
    sheet = book.sheet(words["inputs"], (48, 20, 60))
    sheet.header(0, [words["input"], words["value"], words["note"]])
    year, month = (int(part) for part in problem.accounting.start.split("-"))
    at_peak, usd = plan.cost.usd_per_million_output_tokens, plan.cost.usd_per_month
    approval = plan.approval
    rows: list[tuple[str, float | None, str, str]] = [
        ("fx", rate, "rate", plan.cost.fx_as_of or ""), ("hours", HOURS_PER_MONTH, "", ""),
        ("horizon", problem.limits.horizon_months, "", "limits.horizon_months"),
        ("start_year", year, "", "accounting.start"), ("start_month", month, "", "accounting.start"),
        ("fiscal_month", problem.accounting.first_month(problem.currency), "", "accounting.fiscal_year_start_month"),
        ("tax", problem.accounting.tax_added(problem.currency), "percent", "accounting"),
        ("budget", None if approval is None else approval.budget_per_month, "money", "limits.budget"),
        ("contracts_usd", contracts, "usd", ""),
        ("tokens_demand", output_tokens_per_month(problem), "count", ""),
        ("tokens_peak", usd / at_peak * MILLION if usd and at_peak else None, "count", ""),
    ]
    sheet.put(1, 0, words["currency"])
    sheet.put(1, 1, problem.currency)
    for row, (name, value, shape, note) in enumerate(rows, 2):
        sheet.put(row, 0, words[name])
        sheet.put(row, 1, value, shape, given=True)
        sheet.put(row, 2, note)
        book.name(f"in_{name}", sheet.at(row, 1))
    sheet.put(len(rows) + 3, 0, words["blue"])


def _nodes(book: Book, words: dict[str, str], lines: list[Line], rate: float) -> Sheet:
    sheet = book.sheet(words["nodes"], (44, 18, 8, 12, 16, 18, 8, 12, 10, 14, 16, 16, 16, 12, 10, 8, 12, 12, 60))
    sheet.header(0, [words[word] for word in NODE_WORDS])
    for row, line in enumerate(lines, 1):
        node, here = line.node, {word: f"{column_name(column)}{row + 1}" for word, column in COLUMN.items()}
        for word, text in (
            ("offer", node.offer_id), ("gpu", node.gpu_id), ("kind", node.kind), ("provider", node.provider),
            ("region", node.region), ("as_of", node.price_as_of), ("evidence", node.price_evidence),
            ("source", node.source_url),
        ):
            sheet.put(row, COLUMN[word], text)
        sheet.put(row, COLUMN["gpus"], node.gpu_count)
        sheet.put(row, COLUMN["count"], node.count, "count", given=True)
        sheet.put(row, COLUMN["usd_hour"], node.usd_per_hour_each, "rate", given=True)
        if node.node_hours_per_month is None:
            sheet.put(row, COLUMN["hours_each"], Formula("in_hours", line.hours_each), "usd")
        else:
            sheet.put(row, COLUMN["hours_each"], line.hours_each, "usd", given=True)
        usd = line.usd_month
        sheet.put(row, COLUMN["usd_month"],
                  Formula(f"{here['count']}*{here['usd_hour']}*{here['hours_each']}", usd), "usd")
        sheet.put(row, COLUMN["month"], Formula(f"{here['usd_month']}*in_fx", usd * rate), "money")
        sheet.put(row, COLUMN["first_usd"], line.payments.flow.upfront_usd, "usd", given=True)
        if line.plain:
            sheet.put(row, COLUMN["monthly_usd"],
                      Formula(f"{here['usd_hour']}*{here['hours_each']}", line.monthly_usd), "usd")
        else:
            sheet.put(row, COLUMN["monthly_usd"], line.monthly_usd, "usd", given=True)
        sheet.put(row, COLUMN["untaxed_usd"], line.untaxed_usd, "usd", given=True)
        sheet.put(row, COLUMN["period"], line.payments.flow.period_months or 0, "", given=True)
        sheet.put(row, COLUMN["owned"], int(line.owned))
    last = len(lines)
    sheet.put(last + 1, 0, words["total"], "bold")
    total = sum(line.usd_month for line in lines)
    for word, value in (("usd_month", total), ("month", total * rate)):
        letters = column_name(COLUMN[word])
        sheet.put(last + 1, COLUMN[word], Formula(f"SUM({letters}2:{letters}{last + 1})", value), "total")
    return sheet


def _costs(book: Book, words: dict[str, str], nodes: Sheet, lines: list[Line], contracts: float) -> None:
    """Write what each node costs a month by line, and that the lines come to the nodes' cost."""
    names = list(dict.fromkeys(name for line in lines for name in line.by_line))
    last, end = len(lines), len(names) + 2
    sheet = book.sheet(words["costs"], (44, 8, *(16.0 for _ in names), 18))
    sheet.header(0, [words["offer"], words["count"], *names, words["total"]])
    for row, line in enumerate(lines, 1):
        sheet.put(row, 0, line.node.offer_id)
        sheet.put(row, 1, Formula(nodes.at(row, COLUMN["count"]), line.node.count), "count")
        for column, name in enumerate(names, 2):
            value = line.by_line.get(name, 0.0)
            if name == RENT and not line.owned:
                hour, hours = (nodes.at(row, COLUMN[word]) for word in ("usd_hour", "hours_each"))
                sheet.put(row, column, Formula(f"{hour}*{hours}", value), "usd")
            else:
                sheet.put(row, column, value, "usd", given=True)
        formula = f"B{row + 1}*SUM(C{row + 1}:{column_name(end - 1)}{row + 1})"
        sheet.put(row, end, Formula(formula, line.node.count * sum(line.by_line.values())), "usd")
    sheet.put(last + 1, 0, words["total"], "bold")
    for column, name in enumerate(names, 2):
        letters = column_name(column)
        value = sum(line.node.count * line.by_line.get(name, 0.0) for line in lines)
        formula = f"SUMPRODUCT($B$2:$B${last + 1},{letters}2:{letters}{last + 1})"
        sheet.put(last + 1, column, Formula(formula, value), "total")
    sheet.put(last + 2, 0, words["contracts_usd"])
    sheet.put(last + 2, end, Formula("in_contracts_usd", contracts), "usd")
    sheet.put(last + 3, 0, words["cost_per_month_usd"], "bold")
    total = sum(line.node.count * sum(line.by_line.values()) for line in lines)
    letters = column_name(end)
    sheet.put(last + 3, end, Formula(f"SUM({letters}2:{letters}{last + 3})", total + contracts), "total")
    sheet.put(last + 4, 0, words["check"])
    drift = sum(line.usd_month for line in lines) - total
    formula = f"ROUND({nodes.at(last + 1, COLUMN['usd_month'])}+in_contracts_usd-{letters}{last + 4},0)"
    sheet.put(last + 4, end, Formula(formula, round(drift)), "usd")


@dataclass(frozen=True)
class CashSheet:
    """Where the cash stands."""

    sheet: Sheet
    months: int
    monthly: tuple[tuple[float, float, float], ...]
    """(purchases, upfront, running) of each month."""
    years: tuple[int, ...]
    """Fiscal year of each month."""


def _cash(
    book: Book, words: dict[str, str], nodes: Sheet, lines: list[Line], contracts: float, approval: Approval,
    problem: Problem,
) -> CashSheet:
    sheet = book.sheet(words["cash"], (8, 14, 12, 18, 18, 18, 18, 18))
    sheet.header(0, [words[word] for word in (
        "number", "calendar", "year", "purchases", "upfront", "running", "cash_month", "cumulated")])
    monthly = tuple(_month(lines, contracts, month) for month in range(1, approval.months + 1))
    year, month = (int(part) for part in approval.start.split("-"))
    fiscal = problem.accounting.first_month(problem.currency)
    calendar = [(year + (month - 1 + past) // MONTHS_PER_YEAR, (month - 1 + past) % MONTHS_PER_YEAR + 1)
                for past in range(approval.months)]
    years = tuple(fiscal_year_of(*when, fiscal) for when in calendar)
    at = {word: nodes.span(1, len(lines), column) for word, column in COLUMN.items()}
    period = f"({at['period']}+({at['period']}=0)*1200)"
    cumulated = list(accumulate(sum(one) for one in monthly))
    for row, (when, parts) in enumerate(zip(calendar, monthly, strict=True), 1):
        here = row + 1
        sheet.put(row, 0, row)
        sheet.put(row, 1, Formula(f"DATE(in_start_year,in_start_month+A{here}-1,1)", _serial(*when)), "month")
        sheet.put(row, 2, Formula(f"YEAR(B{here})-IF(MONTH(B{here})<in_fiscal_month,1,0)", years[row - 1]))
        begun = f"(ROUNDUP($A{here}/{period},0)-ROUNDUP(($A{here}-1)/{period},0))"
        for column, which in ((3, at["owned"]), (4, f"(1-{at['owned']})")):
            formula = f"SUMPRODUCT({at['count']}*{at['first_usd']}*{which}*{begun})*(1+in_tax)*in_fx"
            sheet.put(row, column, Formula(formula, parts[column - 3]), "money")
        running = (f"(SUMPRODUCT({at['count']}*({at['monthly_usd']}-{at['untaxed_usd']}))*(1+in_tax)"
                   f"+SUMPRODUCT({at['count']}*{at['untaxed_usd']})+in_contracts_usd)*in_fx")
        sheet.put(row, 5, Formula(running, parts[2]), "money")
        sheet.put(row, 6, Formula(f"SUM(D{here}:F{here})", sum(parts)), "money")
        before = f"H{row}+" if row > 1 else ""
        sheet.put(row, 7, Formula(f"{before}G{here}", cumulated[row - 1]), "money")
    chart = book.book.add_chart({"type": "area"})
    chart.add_series({
        "name": words["cumulated"], "categories": f"={sheet.span(1, approval.months, 1)}",
        "values": f"={sheet.span(1, approval.months, 7)}"})
    chart.set_title({"name": f"{words['cumulated']} ({approval.currency})"})
    chart.set_legend({"none": True})
    sheet.made.insert_chart(1, 9, chart)
    return CashSheet(sheet, approval.months, monthly, years)


def _month(lines: list[Line], contracts: float, month: int) -> tuple[float, float, float]:
    """Return what is paid in a month: purchases, upfront for terms, running."""
    bought = upfront = 0.0
    running = contracts
    for line in lines:
        period = line.payments.flow.period_months or 1200
        begun = math.ceil(month / period) - math.ceil((month - 1) / period)
        at_once = line.payments.first_day * begun
        bought, upfront = bought + at_once * line.owned, upfront + at_once * (not line.owned)
        running += line.payments.month
    return bought, upfront, running


def _serial(year: int, month: int) -> int:
    """Return the number by which a spreadsheet knows the first day of a month.

    >>> _serial(2026, 10), _serial(1900, 3)
    (46296, 61)
    """
    return (date(year, month, 1) - date(1899, 12, 30)).days


def _head(sheet: Sheet, plan: Plan, words: dict[str, str]) -> int:
    """Write whose answer it is, and return the next row."""
    sheet.put(0, 0, plan.problem, "title")
    sheet.put(1, 0, words["status"])
    sheet.put(1, 1, plan.status)
    return 3


def _approval(
    sheet: Sheet, words: dict[str, str], plan: Plan, approval: Approval, nodes: Sheet, cash: CashSheet, lines: int
) -> None:
    row = _head(sheet, plan, words)
    total, total_usd = (nodes.at(lines + 1, COLUMN[word]) for word in ("month", "usd_month"))
    bought = cash.sheet.span(1, cash.months, 3)
    first_year = cash.sheet.span(1, min(MONTHS_PER_YEAR, cash.months), 3)
    month = approval.cost_per_month
    figures: list[tuple[str, Formula, str]] = [
        ("cost_per_month", Formula(f"{total}+in_contracts_usd*in_fx", month), "money"),
        ("cost_per_month_usd", Formula(f"{total_usd}+in_contracts_usd", plan.cost.usd_per_month or 0.0), "usd"),
        ("purchases", Formula(f"SUM({bought})", approval.purchases), "money"),
        ("purchases_first_year", Formula(f"SUM({first_year})", approval.purchases_first_year), "money"),
        ("cash_total", Formula(
            f"SUM({cash.sheet.span(1, cash.months, 6)})", sum(year.cash for year in approval.years)), "money"),
    ]
    if approval.budget_per_month:
        figures.append(("budget_per_month", Formula("in_budget", approval.budget_per_month), "money"))
        figures.append(("budget_used", Formula(f"B{row + 1}/in_budget", month / approval.budget_per_month), "percent"))
    for word, name, value in (
        ("million_demand", "in_tokens_demand", approval.per_million_output_tokens_at_demand),
        ("million_peak", "in_tokens_peak", approval.per_million_output_tokens_at_peak),
    ):
        if value is not None:
            figures.append((word, Formula(f"B{row + 1}/{name}*{MILLION}", value), "rate"))
    for word, formula, shape in figures:
        unit = "" if shape == "percent" or word == "cost_per_month_usd" else f" ({approval.currency})"
        sheet.put(row, 0, f"{words[word]}{unit}")
        sheet.put(row, 1, formula, shape)
        row += 1
    row = _years(sheet, words, approval, cash, row + 1)
    row = _commitments(sheet, words, plan, approval, nodes, row + 1)
    if plan.warnings:
        sheet.put(row + 1, 0, words["warnings"], "bold")
        for place, warning in enumerate(plan.warnings, row + 2):
            sheet.put(place, 0, warning)


def _years(sheet: Sheet, words: dict[str, str], approval: Approval, cash: CashSheet, row: int) -> int:
    sheet.put(row, 0, f"{words['years']} ({approval.currency})", "bold")
    sheet.header(row + 1, [words[word] for word in ("year", "purchases", "upfront", "running", "cash_month")])
    first = row + 2
    keys = cash.sheet.span(1, cash.months, 2)
    years = sorted(set(cash.years))
    for place, (year, shown) in enumerate(zip(years, approval.years, strict=True), first):
        start = f"{cash.sheet.at(1, 2)}+{place - first}" if place > first else cash.sheet.at(1, 2)
        sheet.put(place, 0, Formula(start, year))
        for column, value in ((1, shown.purchases), (2, shown.upfront), (3, shown.running), (4, shown.cash)):
            amounts = cash.sheet.span(1, cash.months, column + 2)
            sheet.put(place, column, Formula(f"SUMIF({keys},$A{place + 1},{amounts})", value), "money")
    last = first + len(years) - 1
    sheet.put(last + 1, 0, words["total"], "bold")
    for column, value in enumerate((
        sum(year.purchases for year in approval.years), sum(year.upfront for year in approval.years),
        sum(year.running for year in approval.years), sum(year.cash for year in approval.years)), 1,
    ):
        letters = column_name(column)
        sheet.put(last + 1, column, Formula(f"SUM({letters}{first + 1}:{letters}{last + 1})", value), "total")
    chart = sheet.book.book.add_chart({"type": "column", "subtype": "stacked"})
    for column, word in ((1, "purchases"), (2, "upfront"), (3, "running")):
        chart.add_series({
            "name": words[word], "categories": f"={sheet.span(first, last, 0)}",
            "values": f"={sheet.span(first, last, column)}"})
    chart.set_title({"name": f"{words['years']} ({approval.currency})"})
    sheet.made.insert_chart(2, 6, chart)
    return last + 2


def _commitments(
    sheet: Sheet, words: dict[str, str], plan: Plan, approval: Approval, nodes: Sheet, row: int
) -> int:
    if not approval.commitments:
        return row
    sheet.put(row, 0, f"{words['commitments']} ({approval.currency})", "bold")
    sheet.header(row + 1, [words[word] for word in ("offer", "count", "term_months", "amount", "ends")])
    places = {node.offer_id: place for place, node in enumerate(plan.nodes, 1)}
    for place, one in enumerate(approval.commitments, row + 2):
        at = {word: nodes.at(places[one.offer_id], COLUMN[word]) for word in COLUMN}
        sheet.put(place, 0, one.offer_id)
        sheet.put(place, 1, Formula(at["count"], one.nodes), "count")
        sheet.put(place, 2, Formula(at["period"], one.months))
        formula = (f"{at['count']}*({at['first_usd']}+({at['monthly_usd']}-{at['untaxed_usd']})*{at['period']})"
                   f"*(1+in_tax)*in_fx")
        sheet.put(place, 3, Formula(formula, one.amount), "money")
        sheet.put(place, 4, one.ends)
    return row + 2 + len(approval.commitments)


def _sources(book: Book, words: dict[str, str], plan: Plan) -> None:
    sheet = book.sheet(words["sources"], (48, 16, 100))
    sheet.header(0, [words["offer"], words["as_of"], words["source"]])
    rows = [(node.offer_id, node.price_as_of, node.source_url) for node in plan.nodes]
    rows += [(site.site, site.as_of, site.source_url) for site in plan.energy]
    rows += [(f"{api.provider} {api.api_model}", api.as_of, api.source_url) for api in plan.apis]
    inputs = plan.inputs
    rows += [("gpumix", inputs.gpumix_version, ""), ("problem", "", inputs.problem_sha256),
             ("catalog", "", inputs.catalog_sha256)]
    for row, cells in enumerate(rows, 1):
        for column, text in enumerate(cells):
            sheet.put(row, column, text)
