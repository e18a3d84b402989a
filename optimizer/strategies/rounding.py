"""Rows that every whole answer keeps and the relaxation breaks: mixed-integer rounding of what must be covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimizer.question.program import Program, Row
from optimizer.strategies.found import Effort
from optimizer.strategies.highs import relaxed

ROUNDS = 12
"""Times that the relaxation is solved again with the rows it breaks."""

CUTS_A_ROW = 2
"""Most rows added for one row of the program in a round: those that are broken most."""

PARTS = 12
"""Divisors tried for a row: its weights, and its least divided by 1, 2, ... so many."""

LEAST_VIOLATION = 1e-3
"""Share of its least by which a row must be broken to be added."""

MOST_WEIGHTS = 3_000_000
"""Weights of all rows together, times rounds, beyond which the relaxation is taken as it is."""


def strengthened(program: Program, effort: Effort) -> tuple[Program, int, tuple[float, ...]] | None:
    """Add rows that the relaxation breaks; return the program with them, its bound and the relaxation's values.

    None when the relaxation has no solution.
    """
    base = relaxed(program, effort)
    if base is None:
        return None
    rows = [row for row in program.rows if _is_cover(row)]
    found, (bound, values) = program, base
    weights = sum(len(row.columns) for row in program.rows)
    for _ in range(min(ROUNDS, MOST_WEIGHTS // max(1, weights))):
        broken = _broken_rows(rows, values) if values and not effort.expired() else []
        if not broken:
            break
        more = replace(found, rows=[*found.rows, *broken])
        again = relaxed(more, effort)
        if again is None or not again[1] or again[0] < bound:
            break
        found, (bound, values) = more, again
    return found, bound, values


def _is_cover(row: Row) -> bool:
    """Say whether a row asks for at least something of what only adds to it."""
    plain = row.when is None and row.most is None and row.least is not None and row.least > 0
    return plain and all(weight > 0 for weight in row.weights)


def rounded_row(row: Row, divisor: int) -> Row | None:
    """Return the mixed-integer rounding of sum C x >= D by a divisor d, None where it says no more than the row.

    With r = D mod d > 0: sum (floor(C / d) r + min(C mod d, r)) x >= ceil(D / d) r.

    >>> rounded_row(Row((0, 1), (4, 1), least=6), 4)  # one more of 4 or two of 1: 4 a + b >= 6 gives 2 a + b >= 4
    Row(columns=(0, 1), weights=(2, 1), least=4, most=None, when=None)
    """
    least = row.least or 0
    rest = least % divisor
    if rest == 0:
        return None
    weights = tuple(weight // divisor * rest + min(weight % divisor, rest) for weight in row.weights)
    return Row(row.columns, weights, least=(least // divisor + 1) * rest)


def _divisors(row: Row) -> Iterator[int]:
    least = row.least or 0
    found = {min(weight, least) for weight in row.weights} | {-(-least // part) for part in range(1, PARTS + 1)}
    yield from sorted(one for one in found if one > 1)


def _missing(row: Row, values: Sequence[float]) -> float:
    """Return by how much of its least a relaxation breaks a row."""
    held = sum(weight * values[column] for column, weight in zip(row.columns, row.weights, strict=True))
    return 1 - held / (row.least or 1)


def _broken_rows(rows: Sequence[Row], values: Sequence[float]) -> list[Row]:
    """List the roundings of covering rows that a relaxation breaks most."""
    found = []
    for row in rows:
        shorter = _only_used(row, values)
        broken = []
        for divisor in _divisors(row):
            candidate = rounded_row(shorter, divisor)
            if candidate is not None and (missing := _missing(candidate, values)) > LEAST_VIOLATION:
                broken.append((-missing, divisor))
        for _, divisor in sorted(broken)[:CUTS_A_ROW]:
            whole = rounded_row(row, divisor)
            if whole is not None:
                found.append(whole)
    return found


def _only_used(row: Row, values: Sequence[float]) -> Row:
    """Return a row over the columns that a relaxation uses: all that its violation depends on."""
    kept = [(column, weight) for column, weight in zip(row.columns, row.weights, strict=True) if values[column] > 0]
    return Row(tuple(column for column, _ in kept), tuple(weight for _, weight in kept), row.least, row.most)
