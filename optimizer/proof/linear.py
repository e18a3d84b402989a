"""A linear program over counts as certificates state it: every inequality asks for at least so much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

Weight = int | Fraction

Terms = dict[int, Weight]
"""Column -> its weight in a sum: whole, or a fraction."""


@dataclass(frozen=True)
class Inequality:
    """sum weight x >= least."""

    name: str
    terms: Terms
    least: int

    def holds(self, counts: Sequence[int]) -> bool:
        """Say whether counts keep it."""
        return sum(weight * counts[column] for column, weight in self.terms.items()) >= self.least


@dataclass(frozen=True)
class Linear:
    """min sum cost x, so that every inequality holds, 0 <= x <= most; x whole where stated."""

    names: tuple[str, ...]
    """Of the columns."""
    costs: tuple[int, ...]
    """Of one of each column; never negative."""
    most: tuple[int | None, ...]
    """None: as many as one likes."""
    rows: tuple[Inequality, ...]
    free: tuple[bool, ...]
    """Columns whose most only says that no cheapest plan needs more."""
    whole: tuple[bool, ...]
    """Columns that count whole things; the others may be split. Only whole columns cost anything."""
    choices: frozenset[int] = frozenset()
    """Columns that are choices of rules, 0 or 1 or an amount of money, and count no nodes."""

    @cached_property
    def links(self) -> dict[int, tuple[int, int]]:
        """Rows that allow a column only where a choice is made, x <= most y: row -> (column, choice)."""
        found = {}
        for number, row in enumerate(self.rows):
            if len(row.terms) == 2 and row.least == 0:
                (column, weight), (choice, room) = sorted(row.terms.items())
                if column not in self.choices and choice in self.choices and weight == -1 and room > 0:
                    found[number] = column, choice
        return found

    @cached_property
    def choices_of(self) -> dict[int, tuple[int, ...]]:
        """Column -> the choices that allow it."""
        found: dict[int, tuple[int, ...]] = {}
        for column, choice in self.links.values():
            found[column] = (*found.get(column, ()), choice)
        return found

    def cost_of(self, counts: Sequence[int]) -> int:
        """Return what counts cost."""
        return sum(cost * count for cost, count in zip(self.costs, counts, strict=True))

    def keeps(self, counts: Sequence[int]) -> bool:
        """Say whether whole counts keep every inequality and bound."""
        within = all(count >= 0 and (most is None or count <= most)
                     for count, most in zip(counts, self.most, strict=True))
        return within and all(row.holds(counts) for row in self.rows)

    @cached_property
    def by_column(self) -> tuple[Terms, ...]:
        """The weights of each column by inequality."""
        found: tuple[Terms, ...] = tuple({} for _ in self.costs)
        for number, row in enumerate(self.rows):
            for column, weight in row.terms.items():
                found[column][number] = weight
        return found


def groups_of(program: Linear) -> list[list[int]]:
    """Put every column under one that costs no more and helps every inequality at least as much.

    The first of each group stands for all of it: whatever is proven of the first by adding inequalities up holds for
    the others, as they give less to every sum and cost no less. Only columns that never run out stand for others. Rows
    that link columns to one choice are added up for a whole group.

    >>> both, demand = (True, True), Inequality("demand", {0: 5, 1: 5}, 9)
    >>> groups_of(Linear(("a", "b"), (3, 4), (None, None), (demand,), both, both))
    [[0, 1]]
    """
    order = sorted(range(len(program.costs)), key=lambda j: (program.costs[j], -sum(program.by_column[j].values()), j))
    groups: list[list[int]] = []
    for column in order:
        mine = program.by_column[column]
        home = next((group for group in groups if _stands_for(program, group[0], column, mine)), None)
        if home is None:
            groups.append([column])
        else:
            home.append(column)
    return groups


def _stands_for(program: Linear, first: int, other: int, weights: Terms) -> bool:
    if not (program.free[first] and program.whole[first] and program.whole[other]):
        return False
    if program.choices_of.get(first) != program.choices_of.get(other):
        return False
    mine, links = program.by_column[first], program.links
    return all(mine.get(row, 0) >= weight for row, weight in weights.items() if row not in links) and all(
        weight >= 0 or row in weights or row in links for row, weight in mine.items())


def sum_of(columns: Iterable[int]) -> Terms:
    """Return the terms of a plain sum."""
    return dict.fromkeys(columns, 1)
