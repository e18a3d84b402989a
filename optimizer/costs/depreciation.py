"""What a purchase does to the books: straight-line depreciation, and expense by fiscal year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MONTHS_PER_YEAR = 12

UNTAXED = frozenset({"staff"})
"""Running lines that bear no consumption tax: wages."""


def months_in_years(start_month: int, first_month: int, months: int) -> tuple[int, ...]:
    """Return how many of some months fall into each fiscal year.

    Args:
        start_month: calendar month of the first of them, 1 to 12.
        first_month: month in which the fiscal year begins.
        months: how many.

    >>> months_in_years(4, 4, 24), months_in_years(10, 4, 24), months_in_years(2, 1, 3)
    ((12, 12), (6, 12, 6), (3,))
    """
    found = []
    room = MONTHS_PER_YEAR - (start_month - first_month) % MONTHS_PER_YEAR
    while months > 0:
        found.append(min(room, months))
        months -= found[-1]
        room = MONTHS_PER_YEAR
    return tuple(found)


def straight_line(
    cost: float, residual: float, life_years: int, months_by_year: tuple[int, ...]
) -> tuple[float, ...]:
    """Return the depreciation of each fiscal year: (cost - residual) / life, by the months in service.

    What is written off never exceeds cost - residual, however long the asset stays.

    >>> straight_line(1200.0, 0.0, 5, (12,) * 6)  # 1200 / 5 = 240 a year, nothing in the sixth
    (240.0, 240.0, 240.0, 240.0, 240.0, 0.0)
    >>> straight_line(1200.0, 0.0, 5, (6, 12, 12))  # half a year, then whole ones
    (120.0, 240.0, 240.0)
    >>> straight_line(1000.0, 100.0, 3, (4, 12, 12, 12))  # 900 / 36 = 25 a month: 4, 12, 12 and the last 8 months
    (100.0, 300.0, 300.0, 200.0)
    """
    life, gone, found = life_years * MONTHS_PER_YEAR, 0, []
    for months in months_by_year:
        counted = min(months, life - gone)
        found.append((cost - residual) * counted / life)
        gone += counted
    return tuple(found)


@dataclass(frozen=True)
class FiscalYear:
    """One fiscal year of an owned node, in the currency of the purchase."""

    name: str
    """FY and the calendar year in which it begins: FY2027."""
    months: int
    """Months of it in which the node is in service."""
    capital_expense: float
    """Paid for purchase and installation."""
    operating_expense: float
    """Paid for running it."""
    depreciation: float
    book_value: float
    """At the end of the year, before a sale."""
    resale: float
    """Got for it in the year in which it goes."""

    @property
    def expense(self) -> float:
        """Depreciation and operating expense: what the year's result bears, a sale left out."""
        return self.depreciation + self.operating_expense

    @property
    def cash(self) -> float:
        """What is paid in the year, less what is got."""
        return self.capital_expense + self.operating_expense - self.resale


def fiscal_year_of(year: int, month: int, first_month: int) -> int:
    """Return the calendar year in which the fiscal year of a month begins.

    >>> fiscal_year_of(2027, 4, 4), fiscal_year_of(2028, 3, 4), fiscal_year_of(2028, 3, 1)
    (2027, 2027, 2028)
    """
    return year if month >= first_month else year - 1


def fiscal_years(
    outlay: float, running_per_month: float, resale: float, start: str, first_month: int, months: int, life_years: int
) -> tuple[FiscalYear, ...]:
    """Return the fiscal years of a node that is bought, runs for some months and is then sold.

    Args:
        outlay: purchase and installation, paid in the first month.
        running_per_month: paid each month.
        resale: got in the last month.
        start: first month of service, YYYY-MM.
        first_month: month in which the fiscal year begins.
        months: how long it runs.
        life_years: over which it is written off to nothing (in Japan the last yen stays on the books until it goes).

    >>> first, second = fiscal_years(1200.0, 10.0, 100.0, "2027-10", 4, 12, 5)
    >>> first.name, first.months, first.capital_expense, first.operating_expense, first.depreciation, first.book_value
    ('FY2027', 6, 1200.0, 60.0, 120.0, 1080.0)
    >>> second.name, second.months, second.cash, second.expense, second.book_value
    ('FY2028', 6, -40.0, 180.0, 960.0)
    """
    year, month = (int(part) for part in start.split("-"))
    by_year = months_in_years(month, first_month, months)
    begin, book, found = fiscal_year_of(year, month, first_month), outlay, []
    for index, (count, written) in enumerate(zip(by_year, straight_line(outlay, 0.0, life_years, by_year),
                                                 strict=True)):
        book -= written
        found.append(FiscalYear(
            f"FY{begin + index}", count, outlay if index == 0 else 0.0, running_per_month * count, written,
            max(0.0, round(book, 6)), resale if index == len(by_year) - 1 else 0.0))
    return tuple(found)


def with_tax(lines: Mapping[str, float], tax_fraction: float) -> dict[str, float]:
    """Return cost lines with consumption tax; staff bears none.

    >>> with_tax({"power": 100.0, "staff": 50.0}, 0.1)
    {'power': 110.0, 'staff': 50.0}
    """
    return {
        line: amount if line in UNTAXED else round(amount * (1 + tax_fraction), 9) for line, amount in lines.items()
    }
