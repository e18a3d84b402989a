"""A question as a whole-number program: columns with costs, rows with bounds, no solver in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optimizer.question.question import Question, Situation
from optimizer.traffic.class_split import ClassCut, TooFew


@dataclass(frozen=True, slots=True)
class Row:
    """Least and most of a weighted sum of columns."""

    columns: tuple[int, ...]
    weights: tuple[int, ...]
    least: int | None = None
    most: int | None = None
    when: int | None = None
    """A column of 0 or 1: the row must hold where it is 1."""

    def as_plain(self, most: Sequence[int]) -> Row:
        """Return the same row without a condition: it asks for nothing where its column is 0.

        Only rows with a least have conditions: sum w x - (least - low) b >= low, with low the least the sum can be.
        """
        if self.when is None or self.least is None:
            return self
        low = sum(min(0, weight) * most[column] for column, weight in zip(self.columns, self.weights, strict=True))
        return Row((*self.columns, self.when), (*self.weights, low - self.least), low)


def _row(
    terms: Iterable[tuple[int, int]], least: int | None = None, most: int | None = None, when: int | None = None
) -> Row:
    kept: dict[int, int] = {}
    for column, weight in terms:
        kept[column] = kept.get(column, 0) + weight
    mine = {column: weight for column, weight in kept.items() if weight}
    return Row(tuple(mine), tuple(mine.values()), least, most, when)


@dataclass
class Program:
    """min cost x, so that every row holds, 0 <= x <= most, whole x; the first columns are the stays."""

    costs: list[int]
    most: list[int]
    rows: list[Row] = field(default_factory=list)
    uses: dict[tuple[Situation, int], int] = field(default_factory=dict)
    """(situation, way) -> column: how many of a way serve then. Absent where none can."""
    hosted: dict[tuple[int, int], int] = field(default_factory=dict)
    """(period, position in `Question.hosted`) -> column: parts of the demand that a hosted API carries then."""
    cuts: dict[int, int] = field(default_factory=dict)
    """service -> column: 1 where it is cut. Absent for services that must be served."""
    choices: list[tuple[Row, ...]] = field(default_factory=list)
    """Rows of which at least one holds, as they are without the columns that say which."""

    def column(self, most: int, cost: int = 0) -> int:
        """Add a count."""
        self.costs.append(cost)
        self.most.append(most)
        return len(self.costs) - 1

    def row(
        self, terms: Iterable[tuple[int, int]], least: int | None = None, most: int | None = None,
        when: int | None = None,
    ) -> None:
        """Add a row of (column, weight), weights of one column added up."""
        self.rows.append(_row(terms, least, most, when))

    def one_of(self, alternatives: Iterable[tuple[Iterable[tuple[int, int]], int]], unless: int | None = None) -> None:
        """Ask that at least one of rows (terms, least) holds, no weight negative: w x >= L b for each, sum b >= 1.

        Args:
            alternatives: the rows.
            unless: a column of 0 or 1 that frees of all of them where it is 1.
        """
        rows, picks = [], []
        for terms, least in alternatives:
            rows.append(_row(terms, least))
            picks.append(self.column(1))
            self.row([*zip(rows[-1].columns, rows[-1].weights, strict=True), (picks[-1], -least)], least=0)
        self.row(((pick, 1) for pick in (*picks, *(() if unless is None else (unless,)))), least=1)
        if unless is None:
            self.choices.append(tuple(rows))

    def within(self, most: Sequence[int]) -> tuple[Program, list[int]]:
        """Return the program under lower mosts, without the columns that are 0 then, and the positions of the others.

        A row that must hold where a column is 1 goes with that column.
        """
        kept = [column for column, count in enumerate(most) if count]
        place = {column: i for i, column in enumerate(kept)}
        part = Program([self.costs[column] for column in kept], [most[column] for column in kept])
        for row in self.rows:
            if row.when is None or row.when in place:
                pairs = [(place[c], w) for c, w in zip(row.columns, row.weights, strict=True) if c in place]
                when = None if row.when is None else place[row.when]
                part.rows.append(Row(tuple(c for c, _ in pairs), tuple(w for _, w in pairs), row.least, row.most, when))
        part.uses = {key: place[column] for key, column in self.uses.items() if column in place}
        part.hosted = {key: place[column] for key, column in self.hosted.items() if column in place}
        part.cuts = {service: place[column] for service, column in self.cuts.items() if column in place}
        return part, kept

    def cost_of(self, counts: Sequence[int]) -> int:
        """Return what counts cost."""
        return sum(cost * count for cost, count in zip(self.costs, counts, strict=True))

    def largest_cost(self) -> int:
        """Return the largest cost that counts can have."""
        return sum(abs(cost) * most for cost, most in zip(self.costs, self.most, strict=True))

    def is_kept(self, counts: Sequence[int]) -> bool:
        """Say whether counts keep every row and bound."""
        for row in self.rows:
            if row.when is not None and not counts[row.when]:
                continue
            total = sum(weight * counts[column] for column, weight in zip(row.columns, row.weights, strict=True))
            if (row.least is not None and total < row.least) or (row.most is not None and total > row.most):
                return False
        return all(0 <= count <= most for count, most in zip(counts, self.most, strict=True))

    def largest_sum(self) -> int:
        """Return the largest number that a row or the cost may reach, to be held against a solver's integers."""
        sums = [self.largest_cost()]
        sums += [sum(abs(weight) * self.most[column] for column, weight in zip(row.columns, row.weights, strict=True))
                 for row in self.rows]
        return max(sums)


@dataclass
class Known:
    """What the search has learnt of a question so far: it only ever grows, and every entry holds for all plans."""

    situations: list[Situation]
    """Those that the program states; a plan that breaks another one adds it."""
    cuts: dict[tuple[Situation, int], list[ClassCut | TooFew]] = field(default_factory=dict)
    """(situation, service) -> what nodes must keep to carry request classes that are routed apart. Weights go by the
    ways of the service, in their order."""

    @classmethod
    def of(cls, question: Question) -> Known:
        """Start with every period without a loss."""
        return cls([Situation(period) for period in range(len(question.periods))])
