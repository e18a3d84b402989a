"""The money of a plan by quarter and fiscal year, in whole cents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from optimizer.costs.books import Book
from optimizer.costs.over_time import CENTS
from optimizer.roadmap.case import RoadmapCase, Stay
from optimizer.schema.budget_plan import Cash


@dataclass
class Ledger:
    """Cents of one quarter."""

    capex: int = 0
    rent: int = 0
    running: int = 0
    sold: int = 0
    depreciation: int = 0
    written_off: int = 0
    book_value: int = 0

    def shown(self) -> Cash:
        """Return the money in dollars."""
        opex = self.rent + self.running
        return Cash(
            capex_usd=self.capex / CENTS, rent_usd=self.rent / CENTS, running_usd=self.running / CENTS,
            opex_usd=opex / CENTS, sold_usd=self.sold / CENTS, cash_usd=(self.capex + opex - self.sold) / CENTS,
            depreciation_usd=self.depreciation / CENTS, written_off_usd=self.written_off / CENTS,
            book_value_usd=self.book_value / CENTS,
        )


def ledgers_of(case: RoadmapCase, taken: Sequence[tuple[Stay, int]], books: dict[Stay, Book]) -> list[Ledger]:
    """Enter every payment of the nodes taken, and what the books say of own ones."""
    ledgers = [Ledger() for _ in range(case.quarters)]
    for stay, count in taken:
        supply = case.supplies[stay.supply]
        rented = supply.way in ("rent", "reserve")
        for quarter, cents in supply.money.capex(supply.way, stay.ordered).items():
            ledgers[quarter].capex += cents * count
        for quarter, cents in supply.money.opex(supply.way, stay.first, stay.last).items():
            if quarter < case.quarters:
                ledgers[quarter].rent += cents * count if rented else 0
                ledgers[quarter].running += 0 if rented else cents * count
        if supply.way == "buy" and stay.last < case.quarters:
            ledgers[stay.last].sold += supply.money.value_cents(stay.ordered, stay.first, stay.last) * count
        if stay in books:
            _enter(ledgers, books[stay], stay, count)
    return ledgers


def _enter(ledgers: list[Ledger], book: Book, stay: Stay, count: int) -> None:
    """Write a node off while it stands, and what is left when it retires."""
    for quarter in range(stay.first, stay.last):
        age = quarter - stay.first
        ledgers[quarter].depreciation += (book.value(age) - book.value(age + 1)) * count
        ledgers[quarter].book_value += book.value(age + 1) * count
    if stay.last < len(ledgers):
        ledgers[stay.last].written_off += book.value(stay.last - stay.first) * count


def together(ledgers: Iterable[Ledger]) -> Ledger:
    """Add quarters up; the book value is the last one's."""
    total = Ledger()
    for ledger in ledgers:
        for name in (field.name for field in fields(Ledger)):
            setattr(total, name, getattr(total, name) + getattr(ledger, name))
        total.book_value = ledger.book_value
    return total
