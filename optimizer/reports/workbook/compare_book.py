"""Rent, own or both as a workbook that recomputes: what each way pays by the month, and when owning pays back."""

from __future__ import annotations

from optimizer.compare import Comparison
from optimizer.compare.variant import LONGEST_MONTHS, Variant
from optimizer.reports.workbook.book import Book, Formula, Sheet, column_name, words_of
from optimizer.units import HOURS_PER_MONTH

SHOWN = (12, 36, 60)
HEADINGS = ("way", "offer", "count", "first_usd", "monthly_usd", "period")


def compare_workbook(found: Comparison, language: str = "en") -> bytes:
    """Write a comparison as a workbook.

    Args:
        found: what was compared; the ways to rent, to own and both are written month by month.
        language: of the sheets.
    """
    words = words_of(language)
    book = Book(found.problem.name, found.problem.currency)
    first = book.sheet(words["compare"], (44, *(20.0 for _ in range(6))), None)
    ways = [one for one in found.variants[:3] if one.flows]
    rows = [(one, *line) for one in ways for line in _lines(one)]
    lines = book.sheet(words["payments"], (16, 52, 10, 20, 20, 14))
    lines.header(0, [words[word] for word in HEADINGS])
    for row, (way, name, count, upfront, monthly, period) in enumerate(rows, 1):
        lines.put(row, 0, way.name)
        lines.put(row, 1, name)
        figures = ((count, "count"), (upfront, "usd"), (monthly, "usd"), (period, ""))
        for column, (value, shape) in enumerate(figures, 2):
            lines.put(row, column, value, shape, given=True)
    paid = _paid(book, words, found, ways, lines, len(rows)) if ways else None
    _first(first, words, found, ways, paid)
    return book.done()


def _lines(way: Variant) -> list[tuple[str, int, float, float, float]]:
    """Return (name, count, paid at once, monthly, months of a life or term) of each offer, and of contracts."""
    names = [node.offer_id for node in way.plan.nodes]
    names += ["contracts"] * (len(way.flows) - len(names))
    return [(name, count, flow.upfront_usd, flow.monthly_usd, flow.period_months or 0.0)
            for name, (count, flow) in zip(names, way.flows, strict=True)]


def _paid(
    book: Book, words: dict[str, str], found: Comparison, ways: list[Variant], lines: Sheet, last: int
) -> Sheet:
    """Write what each way has paid by the end of each month, in the problem's currency."""
    sheet = book.sheet(words["cash"], (10, *(20.0 for _ in ways), 14))
    sheet.header(0, [words["number"], *(f"{one.name} ({found.problem.currency})" for one in ways), words["pays_back"]])
    way, count, upfront, monthly, period = (lines.span(1, last, column) for column in (0, 2, 3, 4, 5))
    length = f"({period}+({period}=0)*12000)"
    names = [one.name for one in ways]
    for month in range(LONGEST_MONTHS + 1):
        row, here = month + 1, month + 2
        sheet.put(row, 0, month)
        for column, one in enumerate(ways, 1):
            begun = f"(ROUNDUP($A{here}/{length},0)+($A{here}=0))"
            formula = (f'SUMPRODUCT(({way}="{one.name}")*{count}*({upfront}*{begun}+{monthly}*$A{here}))*in_fx')
            sheet.put(row, column, Formula(formula, one.paid_usd[month] * found.rate_per_usd), "money")
        if {"rented", "owned"} <= set(names) and month:
            rented, owned = (names.index(name) + 1 for name in ("rented", "owned"))
            back = int(ways[owned - 1].paid_usd[month] <= ways[rented - 1].paid_usd[month])
            formula = f"IF({column_name(owned)}{here}<={column_name(rented)}{here},1,0)"
            sheet.put(row, len(ways) + 1, Formula(formula, back))
    chart = book.book.add_chart({"type": "line"})
    for column, one in enumerate(ways, 1):
        chart.add_series({
            "name": one.name, "categories": f"={sheet.span(1, SHOWN[-1] + 1, 0)}",
            "values": f"={sheet.span(1, SHOWN[-1] + 1, column)}"})
    chart.set_title({"name": f"{words['cumulated']} ({found.problem.currency})"})
    sheet.made.insert_chart(1, len(ways) + 3, chart)
    return sheet


def _first(
    sheet: Sheet, words: dict[str, str], found: Comparison, ways: list[Variant], paid: Sheet | None
) -> None:
    """Write every way with its cost, totals from the months, and when owning pays back."""
    sheet.put(0, 0, found.problem.name, "title")
    sheet.put(1, 0, f"{words['fx']} ({found.problem.currency})")
    sheet.put(1, 1, found.rate_per_usd, "rate", given=True)
    sheet.book.name("in_fx", sheet.at(1, 1))
    sheet.put(2, 0, words["verdict"])
    sheet.put(2, 1, found.verdict or "-")
    currency = found.problem.currency
    totals = [f"{months} {words['months_total']} ({currency})" for months in SHOWN]
    sheet.header(4, [words["way"], words["status"], words["usd_month"], f"{words['month']} ({currency})", *totals])
    for row, one in enumerate(found.variants, 5):
        sheet.put(row, 0, one.name)
        sheet.put(row, 1, one.reason or one.status)
        sheet.put(row, 2, one.usd_per_month, "usd", given=True)
        if one.usd_per_month is not None:
            sheet.put(row, 3, Formula(f"C{row + 1}*in_fx", one.usd_per_month * found.rate_per_usd), "money")
        for column, months in enumerate(SHOWN, 4):
            total = one.total_usd(months)
            if total is not None and one in ways and paid is not None:
                there = paid.at(months + 1, ways.index(one) + 1)
                sheet.put(row, column, Formula(there, total * found.rate_per_usd), "money")
            elif total is not None:
                sheet.put(row, column, Formula(f"{total!r}*in_fx", total * found.rate_per_usd), "money")
    row = len(found.variants) + 6
    if paid is not None and {"rented", "owned"} <= {one.name for one in ways}:
        flags = paid.span(2, LONGEST_MONTHS + 1, len(ways) + 1)
        month = found.break_even_month
        sheet.put(row, 0, words["break_even"])
        sheet.put(row, 1, Formula(f'IFERROR(MATCH(1,{flags},0),"-")', "-" if month is None else month))
        row += 1
    if found.break_even_hours is not None:
        sheet.put(row, 0, words["break_even_hours"])
        sheet.put(row, 1, found.break_even_hours, "count")
        sheet.put(row, 2, f"{found.break_even_hours / HOURS_PER_MONTH:.1f} x {HOURS_PER_MONTH:g} h")
    row += 2
    sheet.header(row, [words["change"], "", words["verdict"], *(one.name for one in found.variants[:3])])
    for place, change in enumerate(found.changes, row + 1):
        for column, text in enumerate((change.quantity, change.change, change.verdict or "-")):
            sheet.put(place, column, text)
        for column, name in enumerate(("rented", "owned", "mixed"), 3):
            sheet.put(place, column, change.usd_per_month.get(name), "usd")
