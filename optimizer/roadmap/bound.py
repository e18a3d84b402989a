"""The linear relaxation: a bound in whole cents that does not depend on how the reals were rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from ortools.math_opt.python import mathopt

from optimizer.roadmap.program import Program

DUAL_DIGITS = 9
"""Decimals to which the LP's weights are rounded before the bound is counted in fractions."""


@dataclass(frozen=True)
class Relaxed:
    """What the linear relaxation says."""

    bound: int
    """No plan costs less, in cents."""
    values: tuple[float, ...]
    """Counts of the relaxation; empty when it has none."""
    reduced_costs: tuple[int, ...]
    """By column: one more of it lifts the bound by so many cents, rounded down."""


def relaxed(program: Program, seconds: float | None) -> Relaxed | None:
    """Solve the relaxation, None when it is infeasible."""
    model = mathopt.Model()
    columns = [model.add_variable(lb=0.0, ub=float(most)) for most in program.most]
    rows = []
    for row in program.rows:
        least = -math.inf if row.least is None else float(row.least)
        most = math.inf if row.most is None else float(row.most)
        linear = model.add_linear_constraint(lb=least, ub=most)
        for column, weight in zip(row.columns, row.weights, strict=True):
            linear.set_coefficient(columns[column], float(weight))
        rows.append(linear)
    model.minimize(sum(float(cost) * column for cost, column in zip(program.costs, columns, strict=True) if cost))
    limit = None if seconds is None else timedelta(seconds=max(0.01, seconds))
    result = mathopt.solve(model, mathopt.SolverType.GLOP, params=mathopt.SolveParameters(time_limit=limit))
    if result.termination.reason == mathopt.TerminationReason.INFEASIBLE:
        return None
    if not result.has_dual_feasible_solution() or not result.has_primal_feasible_solution():
        return Relaxed(0, (), (0,) * len(columns))
    bound, costs = counted_bound(program, result.dual_values(rows))
    return Relaxed(bound, tuple(result.variable_values(columns)), costs)


def counted_bound(program: Program, weights: list[float]) -> tuple[int, tuple[int, ...]]:
    """Return the bound that weights of the rows prove, counted in fractions, and the reduced costs.

    For any weights w (those of >= rows not negative, of <= rows not positive): cost x >= w b + sum over columns of
    min(0, c - w A) x most.
    """
    scale = 10**DUAL_DIGITS
    left = [cost * scale for cost in program.costs]
    total = 0
    for row, weight in zip(program.rows, weights, strict=True):
        whole = round(weight * scale)
        if (whole > 0 and row.least is None) or (whole < 0 and row.most is None):
            continue
        total += whole * ((row.least if whole > 0 else row.most) or 0)
        for column, factor in zip(row.columns, row.weights, strict=True):
            left[column] -= whole * factor
    total += sum(one * most for one, most in zip(left, program.most, strict=True) if one < 0)
    return math.ceil(Fraction(total, scale)), tuple(one // scale for one in left)
