"""What one node costs: as text in 80 columns, as Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.costs.statement import CostLine, CostStatement, FigureUsed
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, paint, table, wrap
from optimizer.reports.wording import PER, counted, money, sources_of
from optimizer.units import usd_per_month

COLUMNS = ("offer_id", "part", "line", "usd", "usd_low", "usd_high", "formula", "figure", "value", "evidence",
           "confidence", "as_of", "source_url", "notes")
"""Added to, never renamed; one row for each figure of a line."""

PAID_COLUMNS = ("", "months", "capital", "operating", "resale", "cash")
BOOK_COLUMNS = ("", "depreciation", "operating", "expense", "book value")


def headline(statement: CostStatement) -> list[str]:
    """Say what the node is and what it costs."""
    offer = statement.offer
    low, high = (usd_per_month(micro) for micro in offer.range_micro_usd_per_hour)
    span = f" ({money(low)} to {money(high)})" if low < high else ""
    kind = f"reserved {offer.term_months} months" if offer.kind == "reserved" else PER[offer.kind]
    place = f"at {offer.region}" if offer.kind == "owned" else f"{offer.provider} {offer.region}"
    planned = f"planned for {counted(statement.horizon_months, 'month')}, without tax"
    price = f"{money(statement.usd_per_month)} a month{span}, {planned}"
    found = [f"{offer.gpu_count} x {offer.gpu_id}, {kind}, {place}; {offer.price_evidence} price", price]
    if statement.fx_as_of is not None:
        local = statement.usd_per_month * statement.rate_per_usd
        digits = 0 if statement.currency == "JPY" else 2
        rate = f"at {statement.rate_per_usd:g} a dollar ({statement.fx_as_of})"
        found.append(f"{statement.currency} {local:,.{digits}f} a month {rate}")
    return found


def told(figure: FigureUsed) -> str:
    """Write a figure with its evidence and source."""
    trust = f", {figure.confidence} confidence" if figure.confidence else ""
    dated = f", {figure.as_of}" if figure.as_of else ""
    sources = " ; ".join(sources_of(figure.source_url))
    return f"{figure.name} {figure.value}: {figure.evidence}{trust}{dated}{f'; {sources}' if sources else ''}"


def _line(one: CostLine) -> Iterator[str]:
    span = ""
    if one.usd_per_month_low < one.usd_per_month_high:
        span = f"  ({money(one.usd_per_month_low)} to {money(one.usd_per_month_high)})"
    yield f"  {one.line}  {money(one.usd_per_month)}{span}"
    yield from wrap(f"= {one.formula}", "        ", "      ")
    for figure in one.figures:
        yield from (paint(line, DIM) for line in wrap(told(figure), "        ", "      "))


def paid_rows(statement: CostStatement) -> list[tuple[str, ...]]:
    """Return what is paid in each fiscal year."""
    return [
        (year.name, f"{year.months}", *_amounts(statement, year.capital_expense, year.operating_expense, year.resale,
                                                year.cash)) for year in statement.years
    ]


def book_rows(statement: CostStatement) -> list[tuple[str, ...]]:
    """Return what stands in the books of each fiscal year."""
    return [
        (year.name, *_amounts(statement, year.depreciation, year.operating_expense, year.expense, year.book_value))
        for year in statement.years
    ]


def _amounts(statement: CostStatement, *amounts: float) -> tuple[str, ...]:
    digits = 0 if statement.currency == "JPY" else 2
    return tuple(f"{amount:,.{digits}f}" for amount in amounts)


def year_notes(statement: CostStatement) -> list[str]:
    """Say what the tables of fiscal years mean."""
    taxed = f"with {statement.tax_fraction:.0%} consumption tax (staff without)"
    tax = taxed if statement.tax_fraction else "without tax"
    straight = f"straight line over {statement.depreciation_years} years"
    return [
        f"{statement.currency}, {tax}, no interest; {straight}; expense is depreciation plus operating expense; the "
        "book value is before the node is sold at the end.",
    ]


def text(statement: CostStatement) -> str:
    """Render for a terminal of 80 columns."""
    lines = [paint(statement.offer.offer_id, BOLD)]
    lines += [line for sentence in headline(statement) for line in wrap(sentence, "  ", "")]
    if statement.purchase:
        lines += ["", paint("Purchase, once", BOLD)]
        lines += [line for one in statement.purchase for line in _line(one)]
        lines.append(f"  together  {money(sum(one.usd_per_month for one in statement.purchase))}")
    lines += ["", paint("A month", BOLD)]
    lines += [line for one in statement.lines for line in _line(one)]
    lines.append(f"  together  {money(statement.usd_per_month)}")
    if statement.years:
        lines += ["", paint("Fiscal years", BOLD)]
        lines += table([PAID_COLUMNS, *paid_rows(statement)], right=(1, 2, 3, 4, 5))
        lines += ["", *table([BOOK_COLUMNS, *book_rows(statement)], right=(1, 2, 3, 4))]
        lines += [line for note in year_notes(statement) for line in wrap(note)]
    return "\n".join(lines) + "\n"


def _rows(parts: tuple[CostLine, ...]) -> list[tuple[object, ...]]:
    return [
        (one.line, money(one.usd_per_month), money(one.usd_per_month_low), money(one.usd_per_month_high), one.formula,
         "; ".join(told(figure) for figure in one.figures)) for one in parts
    ]


def as_markdown(statement: CostStatement) -> str:
    """Render as Markdown."""
    header = ("line", "USD", "low", "high", "formula", "figures")
    parts = [f"# {cell(statement.offer.offer_id)}", "\n".join(f"- {line}" for line in headline(statement))]
    if statement.purchase:
        parts += ["## Purchase, once", "\n".join(markdown_table(header, _rows(statement.purchase)))]
    parts += ["## A month", "\n".join(markdown_table(header, _rows(statement.lines)))]
    if statement.years:
        parts += ["## Fiscal years", "\n".join(markdown_table(PAID_COLUMNS, paid_rows(statement)))]
        parts += ["\n".join(markdown_table(BOOK_COLUMNS, book_rows(statement))), *year_notes(statement)]
    return "\n\n".join(parts) + "\n"


def as_csv(statement: CostStatement) -> str:
    """Render as CSV: a row for each figure of each line."""
    rows: list[dict[str, object]] = []
    for part, lines in (("purchase", statement.purchase), ("month", statement.lines)):
        for one in lines:
            base: dict[str, object] = {
                "offer_id": statement.offer.offer_id, "part": part, "line": one.line, "usd": f"{one.usd_per_month:.6f}",
                "usd_low": f"{one.usd_per_month_low:.6f}", "usd_high": f"{one.usd_per_month_high:.6f}",
                "formula": one.formula}
            rows += [
                {**base, "figure": figure.name, "value": figure.value, "evidence": figure.evidence,
                 "confidence": figure.confidence, "as_of": figure.as_of, "source_url": figure.source_url,
                 "notes": figure.notes} for figure in one.figures
            ] or [base]
    return rows_as_csv(COLUMNS, rows)


def as_json(statement: CostStatement) -> str:
    """Render as JSON."""
    return json_report.dumps(statement.as_json())


COST_REPORTS: dict[str, Callable[[CostStatement], str]] = {
    "text": text, "json": as_json, "csv": as_csv, "markdown": as_markdown,
}
"""By the name that --format takes."""
