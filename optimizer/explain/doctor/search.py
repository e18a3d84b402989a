"""The bench on which relaxations are found: solves, and the two searches that every one of them uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.costs import PricedOffer
from optimizer.explain.whatif import cheapest
from optimizer.frontier.axes import Axis
from optimizer.messages import Message
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, Solution, SolveSettings, prepare

OTHERS_NAMED = 4
"""How many other ways are named beside the cheapest."""


@dataclass(frozen=True)
class Kept:
    """What can be kept of a requirement, and the cheapest plan that keeps it."""

    words: Message
    """In the user's units: `18.9 tokens/s`."""
    value: float | None
    """The same as a number, where it is one."""
    solution: Solution


@dataclass(frozen=True)
class Bench:
    """One infeasible problem, and what its variants are prepared and solved with."""

    prepared: Prepared
    offers: tuple[PricedOffer, ...]
    """Every priced offer, admitted or not."""
    settings: SolveSettings
    left_open: list[Solution] = field(default_factory=list, compare=False)
    """Solves that a limit ended before they found a plan or proved that there is none."""

    def anew(self, problem: Problem) -> Prepared:
        """Prepare a changed problem."""
        return prepare(self.prepared.loaded, self.prepared.catalog, problem, self.prepared.shelf)

    def solved(self, prepared: Prepared) -> Solution:
        """Solve for the cost."""
        solution = cheapest(prepared, self.settings)
        if solution.status in ("unknown", "feasible"):
            self.left_open.append(solution)
        return solution


def furthest(
    axis: Axis, start: Fraction, asked: Fraction, solved: Callable[[Prepared], Solution]
) -> tuple[Fraction, Solution] | None:
    """Return the strictest value short of `asked` that some plan keeps, with the cheapest plan that keeps it.

    Go on just above what the last plan reaches, and halve the way to what is known to be too much.
    """
    solution = solved(axis.at(start))
    if not solution.has_plan:
        return None
    best, too_much = axis.reached(solution, start), asked
    while (following := axis.beyond(best)) < too_much:
        solution = solved(axis.at(following))
        if not solution.has_plan:
            break
        best = axis.reached(solution, following)
        middle = axis.between(best, too_much)
        if middle is not None:
            solution = solved(axis.at(middle))
            best, too_much = (axis.reached(solution, middle), too_much) if solution.has_plan else (best, middle)
    return best, solved(axis.at(best))


def least_integer(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest n in (low, high] that holds; `high` does, and what holds once holds beyond.

    >>> least_integer(3, 20, lambda n: n * n >= 50)
    8
    """
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def cheapest_of(tried: Iterable[tuple[Message, Solution]]) -> Kept | None:
    """Return the cheapest of some ways that have a plan, naming the others."""
    able = [(solution.cost, name, solution) for name, solution in tried if solution.cost is not None]
    if not able:
        return None
    _, name, solution = min(able, key=lambda one: (one[0], one[1]))
    others = sorted(other for _, other, _ in able if other != name)
    if not others:
        return Kept(name, None, solution)
    ident = "gives.also-more" if len(others) > OTHERS_NAMED else "gives.also"
    return Kept(Message(ident, way=name, others=tuple(others[:OTHERS_NAMED])), None, solution)


def one_more(
    bench: Bench, names: Iterable[str], change: Callable[[str], Prepared], every: Callable[[], Prepared]
) -> Kept | None:
    """Return the single name that gives the cheapest plan when it is added; all of them where one is not enough."""
    one = cheapest_of((Message("gives.with", name=name), bench.solved(change(name))) for name in names)
    return one or cheapest_of([(Message("gives.all"), bench.solved(every()))])
