"""What one node costs, as a document: each line with its formula and the figures that it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.costs.statement import CostLine, CostStatement, FigureUsed
from optimizer.documents.cells import Amount, Money, Number
from optimizer.documents.document import Document, Records, Table, bullets, document, paragraph, section, table
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.reports.wording import sources_of
from optimizer.units import usd_per_month

COLUMNS = ("offer_id", "part", "line", "usd", "usd_low", "usd_high", "formula", "figure", "value", "evidence",
           "confidence", "as_of", "source_url", "notes")
"""Added to, never renamed; one row for each figure of a line."""


def headline(statement: CostStatement) -> Iterator[Message]:
    """Say what the node is and what it costs."""
    offer = statement.offer
    low, high = (usd_per_month(micro) for micro in offer.range_micro_usd_per_hour)
    kind = Message("node.reserved", n=offer.term_months) if offer.kind == "reserved" else Message(
        "node.kind", kind=offer.kind)
    place = Message("node.at", region=offer.region) if offer.kind == "owned" else Message.quoted(
        f"{offer.provider} {offer.region}")
    yield Message("cost.what", count=offer.gpu_count, gpu=offer.gpu_id, kind=kind, place=place,
                  evidence=offer.price_evidence)
    yield Message("cost.price-range" if low < high else "cost.price", usd=statement.usd_per_month, low=low, high=high,
                  n=statement.horizon_months)
    if statement.fx_as_of is not None:
        local = statement.usd_per_month * statement.rate_per_usd
        yield Message("cost.local", amount=Message(f"compare.amount-{statement.currency}", value=local),
                      rate=statement.rate_per_usd, as_of=statement.fx_as_of)


def told(figure: FigureUsed) -> Message:
    """Write a figure with its evidence and source."""
    about = tuple(part for part in (
        Message("cost.confidence", confidence=figure.confidence) if figure.confidence else "",
        Message("cost.dated", as_of=figure.as_of) if figure.as_of else "", *sources_of(figure.source_url)) if part)
    return Message("cost.figure", name=figure.name, value=figure.value, evidence=figure.evidence, about=about) \
        if about else Message("cost.figure-bare", name=figure.name, value=figure.value, evidence=figure.evidence)


def _lines(lines: tuple[CostLine, ...]) -> Table | None:
    rows = [
        (Message("cost.line", line=one.line), Money(one.usd_per_month),
         *((Money(one.usd_per_month_low), Money(one.usd_per_month_high))
           if one.usd_per_month_low < one.usd_per_month_high else (None, None))) for one in lines]
    rows.append((Message("cost.together"), Money(sum(one.usd_per_month for one in lines)), None, None))
    details = [Message("cost.rests-on", formula=one.formula, figures=tuple(told(figure) for figure in one.figures))
               if one.figures else Message("cost.formula", formula=one.formula) for one in lines]
    return table(heads("line", "usd", "low", "high"), rows, details=[*details, ""]) if lines else None


def _years(statement: CostStatement) -> Iterator[Table | None]:
    """Yield what is paid, and what stands in the books, of each fiscal year."""
    def amounts(*values: float) -> tuple[Amount, ...]:
        return tuple(Amount(value, statement.currency) for value in values)

    yield table(heads("", "months", "capital", "operating", "resale", "cash"), [
        (year.name, Number(year.months), *amounts(year.capital_expense, year.operating_expense, year.resale, year.cash))
        for year in statement.years])
    yield table(heads("", "depreciation", "operating", "expense", "book-value"), [
        (year.name, *amounts(year.depreciation, year.operating_expense, year.expense, year.book_value))
        for year in statement.years])


def cost_document(statement: CostStatement) -> Document:
    """Put a statement into a document; its rows are the figures of each line."""
    note = Message("cost.years-taxed" if statement.tax_fraction else "cost.years-note", currency=statement.currency,
                   tax=statement.tax_fraction, years=statement.depreciation_years)
    return document(
        statement.offer.offer_id,
        [section("headline", "", bullets(headline(statement))),
         section("purchase", Message("cost.purchase"), _lines(statement.purchase)),
         section("month", Message("cost.a-month"), _lines(statement.lines)),
         section("years", Message("cost.years"), *_years(statement), paragraph(note, style="small"))
         if statement.years else None],
        records=Records(COLUMNS, tuple(_records(statement))), data=statement.as_json)


def _records(statement: CostStatement) -> Iterator[dict[str, object]]:
    for part, lines in (("purchase", statement.purchase), ("month", statement.lines)):
        for one in lines:
            base: dict[str, object] = {
                "offer_id": statement.offer.offer_id, "part": part, "line": one.line, "usd": f"{one.usd_per_month:.6f}",
                "usd_low": f"{one.usd_per_month_low:.6f}", "usd_high": f"{one.usd_per_month_high:.6f}",
                "formula": one.formula}
            if not one.figures:
                yield base
            for figure in one.figures:
                yield {**base, "figure": figure.name, "value": figure.value, "evidence": figure.evidence,
                       "confidence": figure.confidence, "as_of": figure.as_of, "source_url": figure.source_url,
                       "notes": figure.notes}
