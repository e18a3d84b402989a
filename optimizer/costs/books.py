"""Book value and depreciation of nodes by the straight line, in whole cents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs.depreciation import MONTHS_PER_YEAR
from optimizer.costs.over_time import CENTS, NodeMoney, book_fraction, book_quarters, salvage_of
from optimizer.costs.priced import rate_per_usd
from optimizer.load import Catalog
from optimizer.schema.problem import OwnedAlready, Problem, Roadmap
from optimizer.schema.problem.roadmap import MONTHS_PER_QUARTER
from optimizer.units import exact


@dataclass(frozen=True)
class Book:
    """One node in the books: its value when it enters them, written off over some quarters."""

    cents: int
    quarters: int
    salvage: Fraction = Fraction(0)

    def value(self, age: int) -> int:
        """Return the book value after so many quarters, rounded down.

        >>> Book(1000, 20).value(0), Book(1000, 20).value(5), Book(1000, 20).value(25), Book(1000, 0).value(0)
        (1000, 750, 0, 0)
        """
        return math.floor(self.cents * book_fraction(age, self.quarters, self.salvage)) if self.quarters else 0


def bought_book(money: NodeMoney, ordered: int, problem: Problem, roadmap: Roadmap) -> Book:
    """Return the book of a node bought in a quarter; its age counts from the quarter in which it stands."""
    cents = sum(money.capex("buy", ordered).values())
    return Book(cents, book_quarters(problem), salvage_of(problem, roadmap))


def book_there_already(
    one: OwnedAlready, money: NodeMoney, catalog: Catalog, problem: Problem, roadmap: Roadmap
) -> Book:
    """Return the book, from the plan's first day, of a node that is there already.

    A stated value is written off over what is left of the years of depreciation, or over one more quarter.
    """
    rate, whole = rate_per_usd(catalog, problem, one.currency), book_quarters(problem)
    age = roadmap.start_month - (one.bought.year * MONTHS_PER_YEAR + one.bought.month - 1)
    left = max(0, whole - age // MONTHS_PER_QUARTER)
    if one.book_value is not None:
        return Book(math.floor(exact(one.book_value) / rate * CENTS), max(1, left))
    price = money.purchase_cents(0) if one.purchase_price is None else exact(one.purchase_price) / rate * CENTS
    gone = Fraction(age, MONTHS_PER_QUARTER * whole)
    return Book(math.floor(price * max(Fraction(0), 1 - gone)), left)
