"""Column generation over a program: a bound far above the linear relaxation's where many demands are covered.

Every covering row (what serves one demand in one situation) is met by whole sets of uses, its columns; a master program
picks a share of them for each row, with nodes and all other rows beside. A column enters when it costs less, at the
master's prices, than its row pays: the pricing problem, one row at a time. The bound is the Lagrangian one, counted in
whole numbers: at any prices of the other rows, no plan costs less than every row's cheapest set of uses plus the least
of what else there is to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ortools.linear_solver import pywraplp

from optimizer.question.program import Program, Row
from optimizer.strategies.found import Effort
from optimizer.strategies.pricing import least_cover

SCALE = 1024
"""Parts of a unit of cost to which prices of rows are rounded: the bound is counted in whole numbers of them."""

CLOSE = 1e-6
"""Gap between master and bound, relative, at which no more columns are sought."""

MOST_ROUNDS = 120

STEPS = 100_000
"""Parts of a cover's least cost to which the weights of its cut are rounded up: the cut is counted again with them."""

WHOLE = 0.999
"""Share from which a set of uses counts as taken whole."""

UNIT = 1e6
"""Units of cost in one unit of the master, which counts in doubles."""

Column = tuple[int, ...]
"""Uses, in the order of a covering row's columns."""

Cover = tuple[Row, ...]
"""Rows over the same columns of which one must hold: a single one, or one for each size of node that may be lost."""


@dataclass(frozen=True)
class Relaxation:
    """What the column generation ends with."""

    scaled: int
    """No plan costs less, in parts of a unit of cost (`SCALE` of them)."""
    left: tuple[int, ...]
    """By column of the program: its cost less what its rows pay for it, in parts."""
    covers: tuple[Cover, ...]
    chosen: tuple[Column | None, ...] = ()
    """By covering row: the one set of uses that the last master took; None where it took shares of several."""

    @property
    def bound(self) -> int:
        """No plan costs less, in the program's unit of cost."""
        return max(0, -(-self.scaled // SCALE))


def covers_of(program: Program) -> tuple[Cover, ...]:
    """List rows that ask for at least something of uses alone, of which no two share a column; those of choices first,
    as they ask for most."""
    free, found = set(program.uses.values()), []
    for rows in (*program.choices, *((row,) for row in program.rows)):
        columns = rows[0].columns
        if free.issuperset(columns) and all(row.columns == columns and _is_cover(row) for row in rows):
            free.difference_update(columns)
            found.append(rows)
    return tuple(found)


def _is_cover(row: Row) -> bool:
    plain = (row.least or 0) > 0 and row.most is None and row.when is None
    return plain and min(row.weights, default=0) > 0


def cheapest_cover(prices: Sequence[int], cover: Cover) -> tuple[int, Column]:
    """Return (a bound below the least cost, counts) of uses that keep one of a cover's rows."""
    found = [least_cover(prices, row.weights, row.least or 0) for row in cover]
    return min(bound for _, bound, _ in found), min(found)[2]


@dataclass
class _Master:
    """The restricted master: every column that is in no covering row, and a share of each set of uses known so far."""

    program: Program
    covers: tuple[Cover, ...]
    solver: pywraplp.Solver = field(init=False)

    def __post_init__(self) -> None:
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.objective, infinity = self.solver.Objective(), self.solver.infinity()
        self.objective.SetMinimization()
        covers = {id(row) for rows in self.covers for row in rows}
        self.rows = [row.as_plain(self.program.most) for row in self.program.rows if id(row) not in covers]
        self.stated = [
            self.solver.Constraint(-infinity if row.least is None else float(row.least),
                                   infinity if row.most is None else float(row.most)) for row in self.rows]
        self.entries: list[list[tuple[int, int]]] = [[] for _ in self.program.costs]
        for number, row in enumerate(self.rows):
            for column, weight in zip(row.columns, row.weights, strict=True):
                self.entries[column].append((number, weight))
        covered = {column for rows in self.covers for column in rows[0].columns}
        for column, most in enumerate(self.program.most):
            if column not in covered:
                self._column(dict(self.entries[column]), most, self.program.costs[column])
        self.shares = [self.solver.Constraint(1.0, infinity) for _ in self.covers]
        dear = self.program.largest_cost() / UNIT + 1
        for share in self.shares:  # a demand that nothing covers yet costs more than any plan
            missing = self._column({}, 1, 0)
            share.SetCoefficient(missing, 1.0)
            self.objective.SetCoefficient(missing, dear)
        self.known: list[dict[Column, pywraplp.Variable]] = [{} for _ in self.covers]

    def _column(self, entries: dict[int, int], most: int, cost: int) -> pywraplp.Variable:
        variable = self.solver.NumVar(0.0, float(most), "")
        for number, weight in entries.items():
            self.stated[number].SetCoefficient(variable, float(weight))
        if cost:
            self.objective.SetCoefficient(variable, cost / UNIT)
        return variable

    def add(self, cover: int, counts: Column) -> bool:
        """Let a set of uses in, unless it is known."""
        if counts in self.known[cover]:
            return False
        taken: dict[int, int] = {}
        cost = 0
        for column, count in zip(self.covers[cover][0].columns, counts, strict=True):
            cost += self.program.costs[column] * count
            for number, weight in self.entries[column] if count else ():
                taken[number] = taken.get(number, 0) + weight * count
        self.known[cover][counts] = self._column(taken, 1, cost)
        self.shares[cover].SetCoefficient(self.known[cover][counts], 1.0)
        return True

    def chosen(self) -> tuple[Column | None, ...]:
        """Return, for each covering row, the set of uses that was taken whole; None where there is none."""
        return tuple(next((counts for counts, share in sets.items() if share.solution_value() > WHOLE), None)
                     for sets in self.known)

    def solve(self) -> tuple[float, list[int]] | None:
        """Solve the master: its cost, and the price of each row in parts of a unit of cost; None if it fails."""
        if self.solver.Solve() != pywraplp.Solver.OPTIMAL:
            return None
        return self.objective.Value() * UNIT, [round(row.dual_value() * UNIT * SCALE) for row in self.stated]


def relax(program: Program, effort: Effort, most_rounds: int = MOST_ROUNDS) -> Relaxation | None:
    """Generate columns until bound and master meet, the rounds are spent or the time is over; None without covers."""
    covers = covers_of(program)
    if not covers:
        return None
    master = _Master(program, covers)
    for number, rows in enumerate(covers):  # each use alone, as many as carry the demand
        for place in range(len(rows[0].columns)):
            master.add(number, _alone(rows, place))
    best: Relaxation | None = None
    chosen: tuple[Column | None, ...] = ()
    for _ in range(most_rounds):
        solved = master.solve()
        if solved is None:
            break
        (value, prices), chosen = solved, master.chosen()
        found, sets = _priced(program, master, prices)
        best = found if best is None or found.scaled > best.scaled else best
        added = [master.add(number, counts) for number, counts in enumerate(sets)]
        if not any(added) or value - best.scaled / SCALE <= CLOSE * value or effort.expired():
            break
    return None if best is None else replace(best, chosen=chosen)


def _alone(cover: Cover, place: int) -> Column:
    """Return as many of one use as keep one of a cover's rows."""
    counts = [0] * len(cover[0].columns)
    counts[place] = min(-(-(row.least or 0) // row.weights[place]) for row in cover)
    return tuple(counts)


def _priced(program: Program, master: _Master, prices: Sequence[int]) -> tuple[Relaxation, list[Column]]:
    """Return the bound at prices of the rows, and the cheapest set of uses for each covering row."""
    left, total = [cost * SCALE for cost in program.costs], 0
    for row, price in zip(master.rows, prices, strict=True):
        end = row.least if price > 0 else row.most
        if price and end is not None:  # a price of the wrong sign proves nothing
            total += price * end
            for column, weight in zip(row.columns, row.weights, strict=True):
                left[column] -= price * weight
    total += sum(one * most for one, most in zip(left, program.most, strict=True) if one < 0)
    sets = []
    for rows in master.covers:
        bound, counts = cheapest_cover([max(0, left[column]) for column in rows[0].columns], rows)
        total += bound
        sets.append(counts)
    return Relaxation(total, tuple(left), master.covers), sets


def regrets(relaxation: Relaxation) -> list[int]:
    """Return by how many parts the bound rises when a column must be at least 1; for uses, in place of others."""
    found = [max(0, one) for one in relaxation.left]
    for rows in relaxation.covers:
        prices = [max(0, relaxation.left[column]) for column in rows[0].columns]
        known = cheapest_cover(prices, rows)[0]
        for place, (column, price) in enumerate(zip(rows[0].columns, prices, strict=True)):
            rest = min(
                least_cover(prices, row.weights, row.least - row.weights[place])[1]  # type: ignore[operator]
                if row.weights[place] < (row.least or 0) else 0 for row in rows)
            found[column] = max(0, price + rest - known)
    return found


def cuts_of(relaxation: Relaxation) -> list[Row]:
    """List rows, one for each cover, that together lift the linear relaxation to the bound: prices x >= least cost."""
    cuts = []
    for rows in relaxation.covers:
        prices = [max(0, relaxation.left[column]) for column in rows[0].columns]
        unit = max(1, cheapest_cover(prices, rows)[0] // STEPS)
        whole = [-(-price // unit) for price in prices]
        least = cheapest_cover(whole, rows)[0]
        pairs = [(column, min(weight, least)) for column, weight in zip(rows[0].columns, whole, strict=True) if weight]
        if least:
            cuts.append(Row(tuple(column for column, _ in pairs), tuple(weight for _, weight in pairs), least))
    return cuts


def narrowed(program: Program, relaxation: Relaxation, regret: Sequence[int], slack: int) -> list[int]:
    """Return the most of each column in plans that cost at most so many parts more than the bound.

    A plan with one of a column costs at least the bound plus its regret; of a column outside the covering rows, with n
    of it at least the bound plus n times its regret.
    """
    covered = {column for rows in relaxation.covers for column in rows[0].columns}
    return [
        most if not more else (most if more <= slack else 0) if column in covered else min(most, slack // more)
        for column, (most, more) in enumerate(zip(program.most, regret, strict=True))]


def costs_of_covers(relaxation: Relaxation) -> list[int]:
    """Return what each covering row adds to the bound, in parts."""
    left = relaxation.left
    return [cheapest_cover([max(0, left[column]) for column in rows[0].columns], rows)[0] for rows in relaxation.covers]
