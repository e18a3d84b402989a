"""Book value and depreciation of nodes by the straight line, in whole cents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs.over_time import CENTS, NodeMoney, straight_line
from optimizer.costs.priced import rate_per_usd
from optimizer.costs.quarters import MONTHS_PER_YEAR
from optimizer.load import Catalog
from optimizer.schema.problem import OwnedAlready, Problem, Roadmap
from optimizer.schema.problem.roadmap import MONTHS_PER_QUARTER
from optimizer.units import exact


@dataclass(frozen=True)
class Book:
    """One node in the books: its value when it enters them, written off over some quarters."""

    cents: int
    life_quarters: int
    salvage: Fraction = Fraction(0)

    def value(self, age: int) -> int:
        """Return the book value after so many quarters, rounded down.

        >>> Book(1000, 20).value(0), Book(1000, 20).value(5), Book(1000, 20).value(25), Book(1000, 0).value(0)
        (1000, 750, 0, 0)
        """
        if self.life_quarters == 0:
            return 0
        return math.floor(self.cents * straight_line(age, self.life_quarters, self.salvage))


def salvage_of(problem: Problem, roadmap: Roadmap) -> Fraction:
    """Return the share of the price that depreciation stops at: the residual share where `end_value` is the book's."""
    stated = problem.assumptions.residual_fraction
    return exact(stated) if roadmap.end_value == "book" and stated is not None else Fraction(0)


def bought_book(money: NodeMoney, ordered: int, problem: Problem, roadmap: Roadmap) -> Book:
    """Return the book of a node bought in a quarter; its age counts from the quarter in which it stands."""
    return Book(money.purchase_cents(ordered), money.life_quarters, salvage_of(problem, roadmap))


def book_there_already(
    one: OwnedAlready, money: NodeMoney, left_quarters: int, catalog: Catalog, problem: Problem, roadmap: Roadmap
) -> Book:
    """Return the book, from the plan's first day, of a node that is there already."""
    rate = rate_per_usd(catalog, problem, one.currency)
    if one.book_value is not None:
        return Book(math.floor(exact(one.book_value) / rate * CENTS), left_quarters)
    price = money.purchase_cents(0) if one.purchase_price is None else exact(one.purchase_price) / rate * CENTS
    age = roadmap.start_month - (one.bought.year * MONTHS_PER_YEAR + one.bought.month - 1)
    gone = Fraction(age, MONTHS_PER_QUARTER) / money.life_quarters if money.life_quarters else Fraction(1)
    return Book(math.floor(price * max(Fraction(0), 1 - gone)), left_quarters)
