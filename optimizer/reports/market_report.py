"""How old a catalog's prices are, and what changed between two catalogs, as documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from optimizer.costs.age import AgeOfTable
from optimizer.costs.catalog_difference import CatalogDifference, OfferChange
from optimizer.documents.cells import Day, Number, Share, Word
from optimizer.documents.document import Document, Records, document, paragraph, section, table
from optimizer.messages import Message
from optimizer.reports.heads import heads

AGE_COLUMNS = ("provider", "prices", "oldest", "newest", "old", "undated")
CHANGE_COLUMNS = ("offer", "change", "old", "new", "moved", "what")
"""Added to, never renamed."""


def age_document(ages: Sequence[AgeOfTable], today: str) -> Document:
    """Put the ages of prices into a document."""
    rows, old, undated = (sum(getattr(one, name) for one in ages) for name in ("rows", "old", "undated"))
    return document(
        Message("market.ages", count=rows, day=today, old=old, undated=undated),
        [section("ages", "", table(heads("provider", "prices", "oldest", "newest", "old-prices", "undated"), [
            (a.provider, Number(a.rows), Day(a.oldest), Day(a.newest), Number(a.old), Number(a.undated))
            for a in ages]))],
        records=Records(AGE_COLUMNS, tuple(
            dict(zip(AGE_COLUMNS, (a.provider, f"{a.rows:,}", a.oldest, a.newest, f"{a.old:,}", f"{a.undated:,}"),
                     strict=True)) for a in ages)),
        data=lambda: {"today": today, "providers": [asdict(one) for one in ages]})


def _price(amount: float | None, change: OfferChange) -> str:
    if amount is None:
        return ""
    digits = 2 if change.per != "hour" else 4
    return f"{amount:,.{digits}f} {change.currency}{'' if change.per == 'once' else f'/{change.per}'}"


def _record(one: OfferChange) -> dict[str, object]:
    moved = "" if not one.fraction else f"{one.fraction:+.1%}"
    return dict(zip(CHANGE_COLUMNS, (one.offer_id, one.change, _price(one.old, one), _price(one.new, one), moved,
                                     one.what), strict=True))


def catalog_difference_document(found: CatalogDifference) -> Document:
    """Put what changed between two catalogs into a document."""
    counts = {name: sum(one.change == name for one in found.changes) for name in ("added", "removed", "price", "facts")}
    return document(
        Message("market.changes", n=counts["price"], added=counts["added"], removed=counts["removed"],
                facts=counts["facts"], unchanged=found.unchanged),
        [section("movement", Message("market.movement"), paragraph(Message("market.movement-note")), table(
            heads("gpu", "kind", "offers", "moved"),
            [(m.gpu_id, Word(m.kind), Number(m.offers), Share(m.median_fraction, 1, signed=True))
             for m in found.movements])) if found.movements else None,
         section("changes", Message("market.offers"), table(
             heads("offer", "change", "old", "new", "moved"),
             [(one.offer_id, Word(one.change), _price(one.old, one), _price(one.new, one),
               Share(one.fraction or None, 1, signed=True)) for one in found.changes],
             details=[one.what for one in found.changes]))],
        records=Records(CHANGE_COLUMNS, tuple(map(_record, found.changes))), data=lambda: asdict(found))
