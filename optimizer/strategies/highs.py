"""A program by HiGHS, through ortools' own MathOpt: better than CP-SAT where many stays overlap, or nodes are shared.

highspy and ortools cannot be imported together (ortools 9.15, highspy 1.16), and MathOpt's HiGHS came as near on the
budget plans of the benchmark (2.1% against 2.3% after 40 s), so it needs nothing beside ortools.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from ortools.math_opt.python import mathopt

from optimizer.question.program import Program
from optimizer.strategies.found import Counts, Effort

SAFE = 1e-6
"""Part by which HiGHS's own bound is lowered before it is believed: it is counted in doubles, with tolerances of 1e-7
to 1e-6, so HiGHS alone never proves the last millionth."""


def by_highs(program: Program, effort: Effort, hint: Sequence[int] = (), nodes: int | None = None) -> Counts:
    """Minimise with HiGHS; counts are rounded and kept only if every row holds exactly.

    Args:
        program: what to minimise.
        effort: limits of the search.
        hint: counts to start from.
        nodes: most nodes of the search tree; the same answer on every machine when only this ends the search.
    """
    return by_mathopt(program, effort, hint, nodes, mathopt.SolverType.HIGHS)


def by_mathopt(
    program: Program, effort: Effort, hint: Sequence[int], nodes: int | None, solver: mathopt.SolverType
) -> Counts:
    """Minimise with a solver that counts in doubles; the bound is lowered by `SAFE`, the counts are checked exactly."""
    model = mathopt.Model()
    columns = [model.add_integer_variable(lb=0.0, ub=float(most)) for most in program.most]
    _state_rows(program, model, columns)
    left = effort.left()
    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=0.0, absolute_gap_tolerance=0.0, node_limit=nodes,
        time_limit=None if left is None else timedelta(seconds=left))
    hints = [mathopt.SolutionHint(variable_values=dict(zip(columns, map(float, hint), strict=True)))] if hint else []
    name = "highs" if solver == mathopt.SolverType.HIGHS else "scip"
    try:
        result = mathopt.solve(
            model, solver, params=parameters, model_params=mathopt.ModelSolveParameters(solution_hints=hints))
    except (AttributeError, RuntimeError, ValueError):  # MathOpt of ortools 9.15 fails to say what an engine refused
        return Counts("unknown", method=name)
    return _read(program, result, columns, name)


def _state_rows(
    program: Program, model: mathopt.Model, columns: list[mathopt.Variable]
) -> list[mathopt.LinearConstraint]:
    """State the rows and the cost of a program."""
    rows = []
    for row in (row.as_plain(program.most) for row in program.rows):
        least = -math.inf if row.least is None else float(row.least)
        linear = model.add_linear_constraint(lb=least, ub=math.inf if row.most is None else float(row.most))
        for column, weight in zip(row.columns, row.weights, strict=True):
            linear.set_coefficient(columns[column], float(weight))
        rows.append(linear)
    model.minimize(mathopt.fast_sum(
        float(cost) * column for cost, column in zip(program.costs, columns, strict=True) if cost))
    return rows


def _read(
    program: Program, result: mathopt.SolveResult, columns: list[mathopt.Variable], method: str
) -> Counts:
    reason = result.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Counts("infeasible", method=method)
    bound = result.termination.objective_bounds.dual_bound
    least = max(0, math.floor(bound - abs(bound) * SAFE)) if math.isfinite(bound) else 0
    if not result.has_primal_feasible_solution():
        return Counts("unknown", (), least, method)
    values = tuple(round(value) for value in result.variable_values(columns))
    if not program.is_kept(values):
        return Counts("unknown", (), least, method)
    cost = program.cost_of(values)
    return Counts("optimal" if least >= cost else "feasible", values, min(least, cost), method)


def relaxed(program: Program, effort: Effort) -> tuple[int, tuple[float, ...]] | None:
    """Solve the linear relaxation: its bound counted in whole numbers, and its values; None when it is infeasible."""
    model = mathopt.Model()
    columns = [model.add_variable(lb=0.0, ub=float(most)) for most in program.most]
    rows = _state_rows(program, model, columns)
    left = effort.left()
    limit = None if left is None else timedelta(seconds=left)
    result = mathopt.solve(model, mathopt.SolverType.GLOP, params=mathopt.SolveParameters(time_limit=limit))
    if result.termination.reason == mathopt.TerminationReason.INFEASIBLE:
        return None
    if not result.has_dual_feasible_solution() or not result.has_primal_feasible_solution():
        return 0, ()
    return counted_bound(program, result.dual_values(rows)), tuple(result.variable_values(columns))


DIGITS = 9
"""Decimals to which weights of rows are rounded before a bound is counted in whole numbers."""


def counted_bound(program: Program, weights: Sequence[float]) -> int:
    """Return the bound that weights of the rows prove, counted exactly, however the weights were found.

    For any weights w (of rows with a least not negative, with a most not positive):
    cost x >= w b + sum over columns of min(0, c - w A) x most, so at least the right side, rounded up.
    """
    scale = 10**DIGITS
    left, total = [cost * scale for cost in program.costs], 0
    for row, weight in zip((row.as_plain(program.most) for row in program.rows), weights, strict=True):
        whole = round(weight * scale)
        end = row.least if whole > 0 else row.most
        if not whole or end is None:
            continue
        total += whole * end
        for column, factor in zip(row.columns, row.weights, strict=True):
            left[column] -= whole * factor
    total += sum(one * most for one, most in zip(left, program.most, strict=True) if one < 0)
    return int(-(-total // scale))
