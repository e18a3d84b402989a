"""A workbook that asks suppliers for prices: what and how many, and columns to fill in."""

from __future__ import annotations

from optimizer.load import Catalog
from optimizer.load.quotes import ANSWERS, ASKED, MARK
from optimizer.reports.workbook.book import Book, Formula, column_name, words_of
from optimizer.schema.plan import Node, Plan

FIRST = 4
"""Row of the first line; above it the title, the request, the hidden keys and the headings."""


def quote_workbook(plan: Plan, catalog: Catalog, language: str = "en") -> bytes:
    """Write a workbook in which a supplier fills in prices; what others ask is not in it.

    Args:
        plan: whose nodes are asked for.
        catalog: the facts.
        language: of the sheet.
    """
    words = words_of(language)
    book = Book(plan.problem, "")
    sheet = book.sheet(words["quote"], (44, 52, 10, 10, *(18.0 for _ in ANSWERS), 18), FIRST - 1)
    sheet.put(0, 0, plan.problem, "title")
    sheet.put(1, 0, words["fill"])
    keys = [*ASKED, *ANSWERS, "total"]
    for column, key in enumerate([f"{MARK} {keys[0]}", *keys[1:]]):
        sheet.put(2, column, key)
    sheet.made.set_row(2, None, None, {"hidden": True})
    sheet.header(3, [words[key] for key in keys])
    price, total = keys.index("unit_price"), keys.index("total")
    for row, node in enumerate(plan.nodes, FIRST):
        for column, content in enumerate((node.offer_id, what_of(node, catalog), node.count, node.term_months or None)):
            sheet.put(row, column, content)
        for column, key in enumerate(ANSWERS, len(ASKED)):
            owned = node.kind == "owned"
            given = ("once" if owned else "hour") if key == "price_per" else None
            sheet.put(row, column, given, "rate" if key == "unit_price" else "", given=True)
        sheet.put(row, total, Formula(f"C{row + 1}*{column_name(price)}{row + 1}", 0), "usd")
    return book.done()


def what_of(node: Node, catalog: Catalog) -> str:
    """Say what is asked for."""
    if node.kind != "owned":
        offer = catalog.offers[node.offer_id]
        name = offer.instance_type or "instance"
        kind = node.kind.replace("_", " ")
        return f"{node.provider} {name} in {node.region}: {node.gpu_count} x {node.gpu_id}, {kind}"
    machine = catalog.owned[node.offer_id.removesuffix(f".{node.region}")]
    return f"{machine.name}: {node.gpu_count} x {node.gpu_id}, {machine.form}, purchase"
