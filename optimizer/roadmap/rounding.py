"""A first plan near the linear relaxation: whole counts below it, then the best columns for what is still short."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from optimizer.roadmap.program import Program, is_kept

NEARLY = 1e-6
"""A count of the relaxation this close below a whole one is that one."""


class _Slack:
    """How far each row is from its least and its most, as counts change."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.totals = [0] * len(program.rows)
        self.of_column: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, row in enumerate(program.rows):
            for column, weight in zip(row.columns, row.weights, strict=True):
                self.of_column[column].append((number, weight))
        self.counts = [0] * len(program.costs)

    def add(self, column: int, count: int) -> None:
        """Change a count."""
        self.counts[column] += count
        for number, weight in self.of_column[column]:
            self.totals[number] += weight * count

    def room(self, column: int) -> int:
        """Return how many more of a column no cap forbids."""
        room = self.program.most[column] - self.counts[column]
        for number, weight in self.of_column[column]:
            most = self.program.rows[number].most
            if most is not None and weight > 0:
                room = min(room, (most - self.totals[number]) // weight)
        return max(0, room)

    def take(self, column: int) -> bool:
        """Add one of a column; one that serves with the cheapest stay that lets it. False when nothing does."""
        if self.room(column):
            self.add(column, 1)
            return True
        if self.counts[column] >= self.program.most[column]:
            return False
        helping = self.helping(column)
        if not helping:
            return False
        self.add(min(helping, key=lambda other: (self.worth(other), other)), 1)
        self.add(column, 1)
        return True

    def helping(self, column: int) -> list[int]:
        """List the stays of which one more lets one more of a column serve."""
        tied = [number for number, weight in self.of_column[column] if weight > 0 and self._is_full(number)]
        if len(tied) != 1:
            return []
        row = self.program.rows[tied[0]]
        pairs = zip(row.columns, row.weights, strict=True)
        return [other for other, weight in pairs if weight < 0 and self.room(other)]

    def price(self, column: int) -> float:
        """Return what one more of a column costs: nothing where a node stands idle, else a quarter of the best stay."""
        if self.program.costs[column] or self.room(column):
            return float(self.program.costs[column])
        return min((self.worth(other) for other in self.helping(column)), default=math.inf)

    def _is_full(self, number: int) -> bool:
        most = self.program.rows[number].most
        return most is not None and self.totals[number] >= most

    def worth(self, column: int) -> float:
        """Return the cost of a stay for each quarter in which no node like it stands idle."""
        eased = sum(1 for number, weight in self.of_column[column] if weight < 0 and self._is_full(number))
        return self.program.costs[column] / max(1, eased)

    def short(self, number: int) -> int:
        """Return how much a row lacks."""
        least = self.program.rows[number].least
        return 0 if least is None else max(0, least - self.totals[number])

    def is_broken(self, number: int) -> bool:
        """Say whether a row is below its least or above its most."""
        most = self.program.rows[number].most
        return self.short(number) > 0 or (most is not None and self.totals[number] > most)

    def helps(self, column: int) -> int:
        """Return how much of all shortages one more of a column covers, as parts of a million of each row's least."""
        return sum(
            min(weight, self.short(number)) * 1_000_000 // (self.program.rows[number].least or weight)
            for number, weight in self.of_column[column] if weight > 0
        )


def rounded_up(program: Program, values: Sequence[float]) -> list[int] | None:
    """Return counts near those of a relaxation that keep every row, None when this simple way finds none."""
    slack = _Slack(program)
    for column, value in enumerate(values):
        if value + NEARLY >= 1 and program.costs[column]:  # what serves follows what stands
            slack.add(column, min(int(value + NEARLY), program.most[column]))
    for number in range(len(program.rows)):
        while slack.short(number):
            found = [column for column in program.rows[number].columns if slack.helps(column)]
            found.sort(key=lambda column: (slack.price(column) / slack.helps(column), column))
            if not any(slack.take(column) for column in found):
                return None
    _trimmed(slack)
    return slack.counts if is_kept(program, slack.counts) else None


def _trimmed(slack: _Slack) -> None:
    """Take away what is not needed: first what serves beyond the demand, then stays, the dearest first."""
    costs = slack.program.costs
    for column in sorted(range(len(costs)), key=lambda column: (costs[column] > 0, -costs[column], column)):
        while slack.counts[column]:
            slack.add(column, -1)
            if any(slack.is_broken(number) for number, _ in slack.of_column[column]):
                slack.add(column, 1)
                break
