"""Linear relaxations by the dual simplex method, in doubles: its multipliers only guide proofs, which are exact.

A dictionary (Chvatal, Linear Programming, 1983, chapters 2 and 10) writes every basic variable as a constant and a sum
over the others: s = -b + A x at first, with costs that are not negative, so that only dual steps are needed; each
further inequality is one more line.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from optimizer.proof.linear import Weight

TINY = 1e-9
"""Entries and breaches of scaled lines up to this count as none."""

MOST_STEPS = 5_000


class Dictionary:
    """The state of the simplex method for one relaxation; it is copied for every further case."""

    def __init__(self, costs: Sequence[float], until: float | None = None) -> None:
        """Start with no inequality.

        Args:
            costs: of the columns, none below 0.
            until: point of the monotonic clock at which steps end; None: no limit.
        """
        self.columns, self.until = len(costs), until
        self.cost_scale = float(max([*costs, 1.0]))
        self.lines = np.zeros((1, self.columns + 1))
        self.lines[0, :-1] = np.array(costs, dtype=float) / self.cost_scale
        self.outside = list(range(self.columns))
        """Variables that are 0: columns by number, slacks of inequalities as columns + number."""
        self.inside: list[int] = []
        """Variables of the lines after the first, which is the cost."""
        self.place = {j: j for j in range(self.columns)}
        """Variable -> position outside, or -1 - position inside."""
        self.scales: list[float] = []
        """By inequality: what it was divided by."""

    def copy(self) -> Dictionary:
        """Return an independent copy."""
        other = object.__new__(Dictionary)
        other.columns, other.cost_scale, other.until = self.columns, self.cost_scale, self.until
        other.lines, other.outside, other.inside = self.lines.copy(), self.outside[:], self.inside[:]
        other.place, other.scales = self.place.copy(), self.scales[:]
        return other

    def add(self, terms: Mapping[int, Weight], least: int) -> None:
        """Add an inequality: its slack is one more variable."""
        scale = max((abs(float(weight)) for weight in terms.values()), default=1.0) or 1.0
        line = np.zeros(self.columns + 1)
        line[-1] = -least / scale
        for column, weight in terms.items():
            position = self.place[column]
            if position >= 0:
                line[position] += float(weight) / scale
            else:
                line += float(weight) / scale * self.lines[-position]
        self.inside.append(self.columns + len(self.scales))
        self.place[self.inside[-1]] = -len(self.inside)
        self.scales.append(scale)
        self.lines = np.vstack([self.lines, line])

    def solve(self) -> Literal["optimal", "infeasible", "stuck"]:
        """Take dual steps until no variable is negative."""
        for _ in range(MOST_STEPS):
            values = self.lines[1:, -1]
            worst = int(values.argmin()) if len(values) else -1
            if worst < 0 or values[worst] > -TINY:
                return "optimal"
            if not np.isfinite(values[worst]) or (self.until is not None and time.monotonic() > self.until):
                return "stuck"
            line = self.lines[worst + 1, :-1]
            able = np.flatnonzero(line > TINY)
            if not len(able):
                self.broken = worst
                return "infeasible"
            ratios = self.lines[0, able] / line[able]
            least = ratios.min()
            equal = able[ratios <= least + 1e-12 * (1 + abs(least))]
            self._swap(worst, int(equal[line[equal].argmax()]))
        return "stuck"

    def _swap(self, inside: int, outside: int) -> None:
        """Exchange a variable inside with one outside."""
        line = self.lines[inside + 1] / -self.lines[inside + 1, outside]
        line[outside] = 1 / self.lines[inside + 1, outside]
        column = self.lines[:, outside].copy()
        self.lines[:, outside] = 0.0
        self.lines += np.outer(column, line)
        self.lines[inside + 1] = line
        self.lines[0, :-1] = np.maximum(self.lines[0, :-1], 0.0)
        self.inside[inside], self.outside[outside] = self.outside[outside], self.inside[inside]
        self.place[self.inside[inside]], self.place[self.outside[outside]] = -1 - inside, outside

    @property
    def cost(self) -> float:
        """The least cost of the relaxation."""
        return float(self.lines[0, -1]) * self.cost_scale

    def values(self) -> list[float]:
        """Return what each column is."""
        found = [0.0] * self.columns
        for position, variable in enumerate(self.inside):
            if variable < self.columns:
                found[variable] = float(self.lines[position + 1, -1])
        return found

    def multipliers(self) -> dict[int, float]:
        """Return by inequality what it is worth, the others nothing: they add up to the least cost."""
        return self._of_slacks(self.lines[0, :-1], self.cost_scale)

    def contradiction(self) -> dict[int, float]:
        """Return multipliers of inequalities that add up to something impossible, after `infeasible`."""
        found = self._of_slacks(-self.lines[self.broken + 1, :-1], 1.0)
        variable = self.inside[self.broken]
        if variable >= self.columns:
            number = variable - self.columns
            found[number] = found.get(number, 0.0) + 1.0 / self.scales[number]
        return found

    def _of_slacks(self, line: Any, scale: float) -> dict[int, float]:
        return {
            variable - self.columns: float(line[position]) * scale / self.scales[variable - self.columns]
            for position, variable in enumerate(self.outside)
            if variable >= self.columns and line[position] > TINY * 1e-3}
