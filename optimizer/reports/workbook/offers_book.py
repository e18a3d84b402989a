"""The rented offers of a catalog as a workbook: rates stand once, and every price in US dollars follows them."""

from __future__ import annotations

from optimizer.load import Catalog
from optimizer.reports.workbook.book import Book, Formula, words_of
from optimizer.schema.catalog import RentedOffer
from optimizer.units import HOURS_PER_MONTH

HEADINGS = ("offer", "provider", "region", "gpu", "gpus", "kind", "term_months", "price", "currency", "per", "tax",
            "usd_hour", "usd_gpu_hour", "as_of", "evidence", "source")
WIDTHS = (48, 16, 20, 20, 8, 12, 8, 14, 10, 8, 8, 14, 14, 12, 12, 60)


def offers_workbook(catalog: Catalog, language: str = "en") -> bytes:
    """Write all rented offers; those without a rate for their currency have no price in US dollars."""
    words = words_of(language)
    book = Book(words["offers"], "USD")
    sheet = book.sheet(words["offers"], WIDTHS)
    rates = book.sheet(words["inputs"], (30, 16, 16, 60))
    rates.header(0, [words["currency"], words["fx"], words["as_of"], words["source"]])
    rates.put(1, 0, "USD")
    rates.put(1, 1, 1, "rate")
    for row, (currency, rate) in enumerate(sorted(catalog.fx.items()), 2):
        rates.put(row, 0, currency)
        rates.put(row, 1, rate.rate_per_usd, "rate", given=True)
        rates.put(row, 2, rate.as_of)
        rates.put(row, 3, rate.source_url)
    last = len(catalog.fx) + 1
    rates.put(last + 2, 0, words["hours"])
    rates.put(last + 2, 1, HOURS_PER_MONTH, "", given=True)
    book.name("in_hours", rates.at(last + 2, 1))
    names, values = rates.span(1, last, 0), rates.span(1, last, 1)
    sheet.header(0, [words[word] for word in HEADINGS])
    for row, (_, offer) in enumerate(sorted(catalog.offers.items()), 1):
        for column, content in enumerate((
            offer.offer_id, offer.provider, offer.region, offer.gpu_id, offer.gpu_count, offer.kind,
            offer.term_months or None)):
            sheet.put(row, column, content)
        sheet.put(row, 7, offer.price, "rate", given=True)
        sheet.put(row, 8, offer.currency)
        sheet.put(row, 9, offer.per)
        sheet.put(row, 10, offer.tax_included_fraction, "percent", given=True)
        usd, here = _usd_per_hour(offer, catalog), row + 1
        if usd is not None:
            formula = (f'H{here}/(1+K{here})/IF(J{here}="month",in_hours,1)'
                       f"/SUMIF({names},I{here},{values})")
            sheet.put(row, 11, Formula(formula, usd), "rate")
            sheet.put(row, 12, Formula(f"L{here}/E{here}", usd / offer.gpu_count), "rate")
        for column, text in enumerate((offer.as_of, offer.price_evidence, offer.source_url), 13):
            sheet.put(row, column, text)
    sheet.made.autofilter(0, 0, len(catalog.offers), len(HEADINGS) - 1)
    return book.done()


def _usd_per_hour(offer: RentedOffer, catalog: Catalog) -> float | None:
    if offer.currency != "USD" and offer.currency not in catalog.fx:
        return None
    rate = 1.0 if offer.currency == "USD" else catalog.fx[offer.currency].rate_per_usd
    hours = HOURS_PER_MONTH if offer.per == "month" else 1.0
    return offer.price / (1 + offer.tax_included_fraction) / hours / rate
