"""An exact proof that nothing cheaper exists: branch and bound whose every end is a sum of inequalities in fractions.

The relaxation's multipliers come in doubles; each end of the tree is added up again exactly before it is believed, so
that a proof stands by itself, however it was found.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from optimizer.proof.linear import Linear, Terms, Weight, groups_of, sum_of
from optimizer.proof.simplex import Dictionary

Multipliers = dict[str, Fraction]
"""What each inequality counts: c0 of the program, k0 rounded ones, a0 assumed on the way, u0 the most of a column."""

SHORT = 10**4
"""Denominators of multipliers are tried up to this first: short fractions, that people can follow."""

A_LITTLE_MORE = 1 + Fraction(1, 10**6)

FRACTIONAL = 1e-6
ROUNDED = 24
"""Inequalities that are rounded up in advance, at most."""

FEW_CASES = 200
"""Cases looked at without the rows that link columns to choices."""

DEEPEST = 300
"""Assumptions of one case, at most; the check of certificates reads 400."""

TRIED = 4
"""Sums that are tried before one is divided by."""


@dataclass(frozen=True)
class End:
    """A case that is closed: these multipliers add up to a cost of at least the goal."""

    multipliers: Multipliers


@dataclass(frozen=True)
class Split:
    """Two cases: a sum of columns is at most so much, or at least one more."""

    columns: tuple[int, ...]
    most: int
    low: Split | End
    high: Split | End


Tree = Split | End


@dataclass(frozen=True)
class Rounded:
    """An inequality that follows for whole counts: these multipliers, every weight and the least rounded up."""

    multipliers: Multipliers
    terms: Terms
    least: int


@dataclass(frozen=True)
class Bound:
    """What a search for a proof ends with."""

    status: Literal["proven", "contradicted", "unknown"]
    tree: Tree | None = None
    rounded: tuple[Rounded, ...] = ()
    counts: tuple[int, ...] = ()
    """Contradicted: counts that keep everything and cost less than the goal."""


class _GiveUpError(Exception):
    """The search leaves the question open."""


class _CheaperError(Exception):
    """Counts were found that cost less than the goal."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        super().__init__()
        self.counts = counts


@dataclass
class _Case:
    """A case on the way: its relaxation, where each line of it comes from, and what was assumed."""

    dictionary: Dictionary
    sources: list[str]
    assumed: list[tuple[Terms, int]]

    def with_assumed(self, terms: Terms, least: int, over_first: Terms) -> _Case:
        """Return the case under one more assumption."""
        case = _Case(self.dictionary.copy(), [*self.sources, f"a{len(self.assumed)}"], [*self.assumed, (terms, least)])
        case.dictionary.add(over_first, least)
        return case


class Prover:
    """Searches for a proof that no counts cost less than a goal; with costs of nothing and goal 1, that none exist."""

    def __init__(
        self, program: Linear, goal: int, most_cases: int, end: float | None, grouped: bool, linked: bool
    ) -> None:
        self.program, self.goal, self.most_cases, self.end = program, goal, most_cases, end
        self.groups = groups_of(program) if grouped else [[j] for j in range(len(program.costs))]
        self.first = {column: place for place, group in enumerate(self.groups) for column in group}
        self.most: list[int | None] = []
        for group in self.groups:
            each = [program.most[column] for column in group]
            self.most.append(None if None in each else sum(one for one in each if one is not None))
        self.linked = self._linked() if linked else []
        self.one_of = [tuple(self.first[column] for column in sorted(row.terms)) for row in program.rows
                       if row.least == 1 and row.terms.keys() <= program.choices
                       and set(row.terms.values()) == {1}]
        """Choices of which at least one is made, in their order."""
        self.rounded: list[Rounded] = []
        self.cases = 0

    def _linked(self) -> list[tuple[list[int], Terms]]:
        """Add the rows that link the columns of a group to one choice up: (rows, terms)."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, (column, choice) in self.program.links.items():
            found.setdefault((self.first[column], choice), []).append(number)
        summed = []
        for numbers in found.values():
            terms: Terms = {}
            for number in numbers:
                for column, weight in self.program.rows[number].terms.items():
                    terms[column] = terms.get(column, 0) + weight
            summed.append((numbers, terms))
        return summed

    def prove(self) -> Bound:
        """Search."""
        try:
            tree = self._close(self._root())
        except _GiveUpError:
            return Bound("unknown")
        except _CheaperError as found:
            return Bound("contradicted", counts=found.counts)
        return Bound("proven", tree, tuple(self.rounded))

    def _over_groups(self, terms: Mapping[int, Weight]) -> Terms:
        """Return terms over the first columns of groups, by their places."""
        return {self.first[c]: weight for c, weight in terms.items() if self.groups[self.first[c]][0] == c}

    def _root(self) -> _Case:
        case = _Case(Dictionary([float(self.program.costs[group[0]]) for group in self.groups], self.end), [], [])
        for number, row in enumerate(self.program.rows):
            if number not in self.program.links:
                case.dictionary.add(self._over_groups(row.terms), row.least)
                case.sources.append(f"c{number}")
        for number, (_, terms) in enumerate(self.linked):
            case.dictionary.add(self._over_groups(terms), 0)
            case.sources.append(f"l{number}")
        while len(self.rounded) < ROUNDED and case.dictionary.solve() == "optimal":
            best = self._best_rounding(case.dictionary.values())
            if best is None or math.ceil(case.dictionary.cost - FRACTIONAL) >= self.goal:
                break
            case.dictionary.add(self._over_groups(best.terms), best.least)
            case.sources.append(f"k{len(self.rounded)}")
            self.rounded.append(best)
        return case

    def _best_rounding(self, values: list[float]) -> Rounded | None:
        """Return the rounding of an inequality that the relaxation breaks most; None where it breaks none.

        sum a x >= b gives sum ceil(a / d) x >= ceil(b / d) for whole x of at least 0 (Chvatal and Gomory).
        """
        best: tuple[float, int, Fraction] | None = None
        for number, row in enumerate(self.program.rows):
            if row.least <= 0 or not all(self.program.whole[column] for column in row.terms):
                continue
            used = [(weight, values[self.first[c]]) for c, weight in row.terms.items()
                    if self.groups[self.first[c]][0] == c and values[self.first[c]] > FRACTIONAL]
            for divisor in {w for w, _ in used if w > 1} | {-(-row.least // part) for part in range(1, 13)}:
                held = sum(-(-weight // divisor) * value for weight, value in used)
                missing = 1 - held / -(-row.least // divisor)
                if missing > 1e-4 and (best is None or missing > best[0]):
                    best = missing, number, Fraction(1, divisor)
        if best is None:
            return None
        _, number, share = best
        row = self.program.rows[number]
        terms: Terms = {column: math.ceil(weight * share) for column, weight in row.terms.items()}
        return Rounded({f"c{number}": share}, terms, math.ceil(row.least * share))

    def _close(self, case: _Case) -> Tree:
        """Close a case, by a sum of inequalities or by two cases of it."""
        self.cases += 1
        late = self.end is not None and time.monotonic() > self.end
        if late or self.cases > self.most_cases or len(case.assumed) > DEEPEST:
            raise _GiveUpError
        status = self._solved(case)
        if status == "stuck":
            raise _GiveUpError
        if status == "infeasible" or case.dictionary.cost > self.goal - 1:
            end = self._end(case, status == "infeasible")
            if end is not None:
                return end
            if status == "infeasible":
                raise _GiveUpError
        values = case.dictionary.values()
        open_groups = [place for place, value in enumerate(values)
                       if self.program.whole[self.groups[place][0]] and abs(value - round(value)) > FRACTIONAL]
        if not open_groups:
            self._stop_at_whole(values)
        columns, most, low, high = self._divided(case, values, open_groups)
        return Split(columns, most, self._close(low), self._close(high))

    def _solved(self, case: _Case) -> str:
        """Solve a relaxation, with the most of columns that it exceeds as further inequalities."""
        while True:
            status = case.dictionary.solve()
            beyond = [] if status != "optimal" else [
                place for place, value in enumerate(case.dictionary.values())
                if f"u{place}" not in case.sources and (most := self._most_of(place)) is not None
                and value > most + FRACTIONAL]
            if not beyond:
                return status
            for place in beyond:
                case.dictionary.add({place: -1}, -(self._most_of(place) or 0))
                case.sources.append(f"u{place}")

    def _most_of(self, place: int) -> int | None:
        """Return the most of all columns of a group together."""
        return self.most[place]

    def _stop_at_whole(self, values: list[float]) -> None:
        """Raise what a relaxation without fractions means: cheaper counts, or nothing certain."""
        counts = [0] * len(self.program.costs)
        for place, value in enumerate(values):
            counts[self.groups[place][0]] = round(value)
        if all(self.program.whole) and self.program.keeps(counts) and (
                not any(self.program.costs) or self.program.cost_of(counts) < self.goal):
            raise _CheaperError(tuple(counts))
        raise _GiveUpError

    def _divided(
        self, case: _Case, values: list[float], places: list[int]
    ) -> tuple[tuple[int, ...], int, _Case, _Case]:
        """Return the sum whose two cases are dearest, of some that the relaxation leaves between whole numbers."""
        best: tuple[float, tuple[tuple[int, ...], int, _Case, _Case]] | None = None
        now = case.dictionary.cost
        for mine in self._sums_between(values, places):
            columns = tuple(column for place in mine for column in self.groups[place])
            most = math.floor(sum(values[place] for place in mine))
            low = case.with_assumed(dict.fromkeys(columns, -1), -most, dict.fromkeys(mine, -1))
            high = case.with_assumed(sum_of(columns), most + 1, dict.fromkeys(mine, 1))
            gains = [self._gain(one, now) for one in (low, high)]
            worth = max(gains[0], 1e-6) * max(gains[1], 1e-6)
            if best is None or worth > best[0]:
                best = worth, (columns, most, low, high)
        assert best is not None
        return best[1]

    def _sums_between(self, values: list[float], places: list[int]) -> list[tuple[int, ...]]:
        """List sums of groups that are no whole number: halves of choices of which one is made, and single groups."""
        for choices in self.one_of:
            total = 0.0
            sums = [(abs((total := total + values[place]) - 0.5), choices[: number + 1])
                    for number, place in enumerate(choices)]
            away, first = min(sums)
            if away < 0.5 - FRACTIONAL:
                return [first]  # such choices hide what they ask for until they are made
        singles = sorted(places, key=lambda place: abs(values[place] % 1 - 0.5))
        return [(place,) for place in singles[:TRIED]]

    def _gain(self, case: _Case, now: float) -> float:
        status = case.dictionary.solve()
        room = max(1.0, self.goal - now)
        return 1.0 if status != "optimal" else min(1.0, (case.dictionary.cost - now) / room)

    def _end(self, case: _Case, infeasible: bool) -> End | None:
        """Add a case up exactly; None when it does not reach the goal."""
        found = case.dictionary.contradiction() if infeasible else case.dictionary.multipliers()
        weights = {case.sources[number]: value for number, value in found.items()}
        if infeasible:
            gain = sum(value * float(self._least_of(source, case)) for source, value in weights.items())
            if gain <= 0:
                return None
            factor = 2.0 * max(1, self.goal) / gain
            weights = {source: value * factor for source, value in weights.items()}
        for short, more in ((True, Fraction(1)), (False, Fraction(1)), (False, A_LITTLE_MORE)):
            exact = {source: rounded * (more if self._only_takes(source, case) else 1)
                     for source, value in weights.items() if (rounded := self._fraction(value, short)) > 0}
            end = self._added_up(exact, case)
            if end is not None:
                return end
        return None

    def _only_takes(self, source: str, case: _Case) -> bool:
        """Say whether an inequality caps a sum: a little more of it makes good what rounding adds to columns."""
        return source[0] != "u" and all(weight <= 0 for weight in self._inequality(source, case)[0].values())

    def _fraction(self, value: float, short: bool) -> Fraction:
        if short:
            return Fraction(value).limit_denominator(SHORT)
        scale = 1 << max(20, math.frexp(max(1.0, self.goal / max(value, 1e-12)))[1] + 24)
        return Fraction(math.floor(value * scale), scale)

    def _least_of(self, source: str, case: _Case) -> int:
        if source[0] == "u":
            return -(self._most_of(int(source[1:])) or 0)
        return self._inequality(source, case)[1]

    def _inequality(self, source: str, case: _Case) -> tuple[Mapping[int, Weight], int]:
        number = int(source[1:])
        if source[0] == "c":
            return self.program.rows[number].terms, self.program.rows[number].least
        if source[0] == "l":
            return self.linked[number][1], 0
        if source[0] == "k":
            return self.rounded[number].terms, self.rounded[number].least
        return case.assumed[number]

    def _added_up(self, weights: Multipliers, case: _Case) -> End | None:
        """Return the multipliers, made good with the most of columns, when they prove the goal of a case."""
        known = {source: weight for source, weight in weights.items() if source[0] != "u"}  # those are found below
        costs, most = self.program.costs, self.program.most
        unit, sums, least = self._sums(known, case)
        scale = Fraction(1)
        for column, total in sums.items():
            if total > costs[column] * unit and most[column] is None:
                if not costs[column]:
                    return None
                scale = min(scale, Fraction(costs[column] * unit) / total)
        if scale < 1:
            known = {source: weight * scale for source, weight in known.items()}
            unit, sums, least = self._sums(known, case)
        exact = dict(known)
        for column, total in sums.items():
            beyond = total - costs[column] * unit
            if beyond > 0:
                exact[f"u{column}"] = Fraction(beyond) / unit
                least -= beyond * (most[column] or 0)
        return End(self._told(exact)) if -(-least // unit) >= self.goal else None

    def _sums(self, weights: Multipliers, case: _Case) -> tuple[int, Terms, Weight]:
        """Add inequalities up: (unit, weight of each column, least), all times the unit so that they are whole."""
        unit = math.lcm(*(weight.denominator for weight in weights.values()))
        least: Weight = 0
        sums: Terms = {}
        for source, weight in weights.items():
            factor = weight.numerator * (unit // weight.denominator)
            terms, asked = self._inequality(source, case)
            least += factor * asked
            for column, each in terms.items():
                sums[column] = sums.get(column, 0) + factor * each
        return unit, sums, least

    def _told(self, weights: Multipliers) -> Multipliers:
        """Name the rows that were added up for groups one by one."""
        found: Multipliers = {}
        for source, weight in weights.items():
            numbers = self.linked[int(source[1:])][0] if source[0] == "l" else ()
            found |= {f"c{number}": weight for number in numbers} or {source: weight}
        return found


def prove_bound(
    program: Linear, goal: int, most_cases: int = 2_000, seconds: float | None = None, grouped: bool = True
) -> Bound:
    """Prove that no counts of a program cost less than a goal, or find some that do.

    Rows that link columns to choices are left out at first: what holds without them holds with them.

    Args:
        program: what is asked.
        goal: the cost of the best counts known, at least 1.
        most_cases: cases looked at before the search gives up.
        seconds: wall-clock time, None: no limit.
        grouped: whether columns that others stand for are put together first.
    """
    end = None if seconds is None else time.monotonic() + seconds
    if program.links:
        found = Prover(program, goal, FEW_CASES, end, grouped, linked=False).prove()
        if found.status == "proven":
            return found
    return Prover(program, goal, most_cases, end, grouped, linked=True).prove()


def prove_infeasible(program: Linear, most_cases: int = 2_000, seconds: float | None = None) -> Bound:
    """Prove that no counts keep a program's inequalities, or find some that do: 0 >= 1 follows."""
    return prove_bound(replace(program, costs=(0,) * len(program.costs)), 1, most_cases, seconds)


def cases_of(tree: Tree) -> Iterator[End]:
    """Yield the closed cases of a proof."""
    if isinstance(tree, End):
        yield tree
    else:
        yield from cases_of(tree.low)
        yield from cases_of(tree.high)
