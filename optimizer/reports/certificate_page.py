"""Why nothing cheaper exists, for people: every node kind, and the sums that rule cheaper plans out, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from optimizer.messages import voice_of
from optimizer.proof.linear import Inequality, Linear, Terms, groups_of
from optimizer.proof.search import Bound, End, Multipliers, Rounded, Split, Tree
from optimizer.units import HOURS_PER_MONTH, MICRO

MOST_CASES = 40
"""Cases that a page spells out; the others stand in the JSON certificate alone."""

MOST_SHOWN = 12
"""Kinds that a table of one case shows: those nearest to their price."""

class Page:
    """A page about one proof."""

    def __init__(
        self, name: str, program: Linear, counts: Sequence[int | Fraction] | None, bound: Bound, language: str
    ) -> None:
        self.name, self.program, self.counts, self.bound = name, program, counts, bound
        self.voice = voice_of(language)
        self.groups = groups_of(program)
        self.infeasible = counts is None

    def _say(self, ident: str, **parameters: object) -> str:
        """Word a sentence of the page."""
        return self.voice.words(f"proof.{ident}", **parameters)

    def lines(self) -> Iterator[str]:
        """Yield the page, Markdown."""
        yield f"# {self._say('title', name=self.name)}\n"
        yield from self._plan()
        yield f"\n## {self._say('asked')}\n"
        yield from _table((self._say("rule"), self._say("asks")), [
            (f"`{self._row(number)}`", self._asked(row)) for number, row in enumerate(self.program.rows)
            if number not in self.program.links])
        yield f"\n## {self._say('kinds')}\n\n{self._say('kinds-told')}\n"
        yield from self._kinds()
        if self.bound.rounded:
            yield f"\n## {self._say('rounded')}\n\n{self._say('rounded-told')}\n"
            yield from (f"- `k{number}`: {self._parts(one.multipliers, [])} -> {self._sum(one)}"
                        for number, one in enumerate(self.bound.rounded))
        yield f"\n## {self._say('proof')}\n"
        yield from self._proof()
        yield f"\n{self._say('check')}"

    def _plan(self) -> Iterator[str]:
        if self.counts is None:
            yield self._say("none")
            return
        cost = self.program.cost_of([int(count) for count in self.counts])
        yield f"## {self._say('plan')}\n"
        yield from (f"- {count} x {self.program.names[column]}: {_usd(self.program.costs[column] * int(count))}"
                    for column, count in enumerate(self.counts) if count and self.program.costs[column])
        month = f"${cost * HOURS_PER_MONTH / MICRO:,.2f}"
        yield "\n" + self._say("costs", cost=_usd(cost), month=month)

    def _asked(self, row: Inequality) -> str:
        """Say how much a rule asks for; one that only takes away is a cap."""
        caps = row.least <= 0 and all(weight < 0 for weight in row.terms.values())
        return self._say("at-most" if caps else "at-least", amount=f"{-row.least if caps else row.least:,}")

    def _kinds(self) -> Iterator[str]:
        row = self.program.rows[0]
        rows = []
        for group in self.groups:
            for column in group:
                if column in self.program.choices or not self.program.whole[column]:
                    continue
                adds, cost = row.terms.get(column, 0), self.program.costs[column]
                place = f"{self._say('first')} {len(group)}" if column == group[0] else self.program.names[group[0]]
                rows.append((self.program.names[column], f"{cost / MICRO:.4f}", f"{float(adds):,g}",
                             f"{cost / MICRO / adds:.6g}" if adds else "-", place))
        yield from _table((self._say("kind"), self._say("price"), self._say("carries", row=self._row(0)),
                           self._say("per-unit"), self._say("under")), rows)

    def _proof(self) -> Iterator[str]:
        tree = self.bound.tree
        if tree is None:
            return
        cases = list(_cases(tree, ()))
        yield self._say("unit") + "\n"
        yield self._say("whole") if len(cases) == 1 else self._say("cases", count=len(cases))
        for number, (assumed, end) in enumerate(cases[:MOST_CASES], 1):
            if len(cases) > 1:
                yield f"\n### {self._say('case', number=number)}\n"
                yield from (f"- {self._assumption(one)}" for one in assumed)
            yield "\n" + self._say("add", parts=self._parts(end.multipliers, assumed)) + "\n"
            yield from self._total(end, assumed)
        if len(cases) > MOST_CASES:
            yield "\n" + self._say("more", count=f"{len(cases) - MOST_CASES:,}")

    def _total(self, end: End, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> Iterator[str]:
        sums: dict[int, Fraction] = {}
        least = Fraction(0)
        for source, weight in end.multipliers.items():
            terms, asked = self._inequality(source, assumed)
            least += weight * asked
            for column, each in terms.items():
                sums[column] = sums.get(column, Fraction(0)) + weight * each
        shown = f"{float(least):,.2f}"
        if self.infeasible:
            yield self._say("against", least=shown)
            return
        near = sorted((column for column in sums if sums[column]),
                      key=lambda column: self.program.costs[column] - sums[column])[:MOST_SHOWN]
        yield self._say("gives", least=shown, cost=_usd(-(-least.numerator // least.denominator))) + "\n"
        yield self._say("nearest", count=len(near)) + "\n"
        yield from _table((self._say("column"), self._say("in-sum"), self._say("its-price"), self._say("left")), [
            (self.program.names[column], f"{float(sums[column]):,.2f}", f"{self.program.costs[column]:,}",
             f"{float(self.program.costs[column] - sums[column]):,.2f}") for column in near])

    def _inequality(
        self, source: str, assumed: Sequence[tuple[tuple[int, ...], int, bool]]
    ) -> tuple[Terms, int]:
        number = int(source[1:])
        if source[0] == "c":
            return self.program.rows[number].terms, self.program.rows[number].least
        if source[0] == "k":
            return self.bound.rounded[number].terms, self.bound.rounded[number].least
        if source[0] == "u":
            return {number: -1}, -(self.program.most[number] or 0)
        columns, most, is_low = assumed[number]
        return (dict.fromkeys(columns, -1), -most) if is_low else (dict.fromkeys(columns, 1), most + 1)

    def _parts(self, multipliers: Multipliers, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> str:
        parts = []
        for source, weight in multipliers.items():
            row = self._source(source, assumed)
            least = self._inequality(source, assumed)[1]
            parts.append(self._say("times", weight=_short(weight), row=row, least=f"{least:,}"))
        return "; ".join(parts)

    def _source(self, source: str, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> str:
        number = int(source[1:])
        if source[0] == "c":
            return self._row(number)
        if source[0] == "u":
            return self._say("most", kind=self.program.names[number])
        return source if source[0] == "k" else self._assumption(assumed[number])

    def _assumption(self, one: tuple[tuple[int, ...], int, bool]) -> str:
        columns, most, is_low = one
        named = self.program.names[columns[0]]
        named += f" (+{len(columns) - 1})" if len(columns) > 1 else ""
        return self._say("low" if is_low else "high", most=most, least=most + 1, sum=named)

    def _row(self, number: int) -> str:
        rule = self.program.rows[number].name
        same = [i for i, row in enumerate(self.program.rows) if row.name == rule and i not in self.program.links]
        told = self._say(f"rule-{rule.replace('_', '-')}")
        return told if len(same) < 2 else f"{told} {same.index(number) + 1 if number in same else number}"

    def _sum(self, one: Rounded) -> str:
        terms = [f"{weight} x {self.program.names[group[0]]}" for group in self.groups
                 if (weight := one.terms.get(group[0]))]
        dots = " + ..." if len(terms) > MOST_SHOWN else ""
        return f"{' + '.join(terms[:MOST_SHOWN])}{dots} >= {one.least}"


def _cases(
    tree: Tree, assumed: tuple[tuple[tuple[int, ...], int, bool], ...]
) -> Iterator[tuple[tuple[tuple[tuple[int, ...], int, bool], ...], End]]:
    """Yield each closed case with what it assumes: (columns, most, whether at most)."""
    if isinstance(tree, Split):
        yield from _cases(tree.low, (*assumed, (tree.columns, tree.most, True)))
        yield from _cases(tree.high, (*assumed, (tree.columns, tree.most, False)))
    else:
        yield assumed, tree


def _short(weight: Fraction) -> str:
    return str(weight) if weight.denominator < 10**5 else f"{float(weight):.6g}"


def _usd(micro: int) -> str:
    return f"${micro / MICRO:,.4f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    yield from ("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


def certificate_page(
    name: str, program: Linear, counts: Sequence[int | Fraction] | None, bound: Bound, language: str = "en"
) -> str:
    """Write the page.

    Args:
        name: of the problem.
        program: what was proven about.
        counts: the cheapest plan by column; None where there is no plan.
        bound: the proof.
        language: en or ja.
    """
    return "\n".join(Page(name, program, counts, bound, language).lines()) + "\n"
