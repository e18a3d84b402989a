"""A first plan near the linear relaxation: whole counts below it, then the best columns for what is still short."""

from __future__ import annotations

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

    def short(self, number: int) -> int:
        """Return how much a row lacks."""
        least = self.program.rows[number].least
        return 0 if least is None else max(0, least - self.totals[number])

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
        if value + NEARLY >= 1:
            slack.add(column, min(int(value + NEARLY), program.most[column]))
    for number in range(len(program.rows)):
        while slack.short(number):
            found = [column for column in program.rows[number].columns if slack.room(column) and slack.helps(column)]
            if not found:
                return None
            best = min(found, key=lambda column: (program.costs[column] / slack.helps(column), column))
            slack.add(best, 1)
    _trimmed(slack)
    return slack.counts if is_kept(program, slack.counts) else None


def _trimmed(slack: _Slack) -> None:
    """Take away what is not needed, the dearest first."""
    costs = slack.program.costs
    for column in sorted(range(len(costs)), key=lambda column: (-costs[column], column)):
        while slack.counts[column] and costs[column] > 0:
            slack.add(column, -1)
            if any(slack.short(number) for number, _ in slack.of_column[column]):
                slack.add(column, 1)
                break
