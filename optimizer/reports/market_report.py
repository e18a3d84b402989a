"""How old a catalog's prices are, and what changed between two catalogs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from optimizer.costs.age import AgeOfTable
from optimizer.costs.catalog_difference import CatalogDifference, OfferChange
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, GREEN, RED, paint, table
from optimizer.reports.wording import counted

AGE_HEAD = ("provider", "prices", "oldest", "newest", "old", "undated")
CHANGE_HEAD = ("offer", "change", "old", "new", "moved", "what")


def _age_rows(ages: Sequence[AgeOfTable]) -> list[tuple[str, ...]]:
    return [(a.provider, f"{a.rows:,}", a.oldest, a.newest, f"{a.old:,}", f"{a.undated:,}") for a in ages]


def age_text(ages: Sequence[AgeOfTable], today: str) -> str:
    """Lay out the ages of prices."""
    rows, old, undated = (sum(getattr(one, name) for one in ages) for name in ("rows", "old", "undated"))
    head = f"{rows:,} prices on {today}: {old:,} older than half a year, {undated:,} without a month"
    return "\n".join([paint(head, BOLD), *table([AGE_HEAD, *_age_rows(ages)], (1, 4, 5))]) + "\n"


AGE_REPORTS: dict[str, Callable[[Sequence[AgeOfTable], str], str]] = {
    "text": age_text,
    "json": lambda ages, today: json_report.dumps({"today": today, "providers": [asdict(one) for one in ages]}),
    "csv": lambda ages, _: rows_as_csv(AGE_HEAD, [dict(zip(AGE_HEAD, row, strict=True)) for row in _age_rows(ages)]),
    "markdown": lambda ages, _: "\n".join(markdown_table(AGE_HEAD, _age_rows(ages))) + "\n",
}
"""By the name that --format takes."""


def _price(amount: float | None, change: OfferChange) -> str:
    if amount is None:
        return ""
    digits = 2 if change.per != "hour" else 4
    return f"{amount:,.{digits}f} {change.currency}{'' if change.per == 'once' else f'/{change.per}'}"


def _moved(fraction: float | None) -> str:
    return "" if not fraction else f"{fraction:+.1%}"


def _change_rows(found: CatalogDifference) -> list[tuple[str, ...]]:
    return [(c.offer_id, c.change, _price(c.old, c), _price(c.new, c), _moved(c.fraction), c.what)
            for c in found.changes]


def _head(found: CatalogDifference) -> str:
    counts = {name: sum(one.change == name for one in found.changes) for name in ("added", "removed", "price", "facts")}
    return (f"{counted(counts['price'], 'price')} moved, {counts['added']} added, {counts['removed']} removed, "
            f"{counts['facts']} with other facts, {found.unchanged:,} unchanged")


def _difference_text(found: CatalogDifference) -> str:
    lines = [paint(_head(found), BOLD)]
    if found.movements:
        rows = [(m.gpu_id, m.kind.replace("_", "-"), str(m.offers), f"{m.median_fraction:+.1%}")
                for m in found.movements]
        lines += ["", "Median movement of offers that both have",
                  *table([("GPU", "kind", "offers", "moved"), *rows], (2, 3))]
    for change in found.changes:
        colour = "" if not change.fraction else RED if change.fraction > 0 else GREEN
        prices = " -> ".join(filter(None, (_price(change.old, change), _price(change.new, change))))
        more = " ".join(filter(None, (_moved(change.fraction), change.what)))
        lines += [f"  {change.change:<8} {change.offer_id}", paint(f"           {prices} {more}".rstrip(), colour)]
    return "\n".join(lines) + "\n"


DIFFERENCE_REPORTS: dict[str, Callable[[CatalogDifference], str]] = {
    "text": _difference_text,
    "json": lambda found: json_report.dumps(asdict(found)),
    "csv": lambda found: rows_as_csv(
        CHANGE_HEAD, [dict(zip(CHANGE_HEAD, row, strict=True)) for row in _change_rows(found)]),
    "markdown": lambda found: "\n".join(
        [f"**{_head(found)}**", "", *markdown_table(CHANGE_HEAD, _change_rows(found))]) + "\n",
}
"""By the name that --format takes."""
