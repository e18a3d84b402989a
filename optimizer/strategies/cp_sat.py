"""A program by CP-SAT, set up as measured."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation.cp_sat import LinearExpr, cp_model
from optimizer.question.program import Program
from optimizer.solve.solver import cp_solver
from optimizer.strategies.found import Counts, Effort

SOON = 0.1
"""CP-SAT's deterministic time of the attempt without presolve, which alone takes longer than most questions."""

LARGEST_SUM = 2**62
"""CP-SAT refuses sums near 2^63."""


def by_cp_sat(program: Program, effort: Effort, hint: Sequence[int] = (), least: int = 0) -> Counts:
    """Minimise: soon without presolve, else with it. Infeasible is only believed without presolve.

    Presolve has called feasible programs infeasible (or-tools issues 5141 and 5274).

    Args:
        program: what to minimise.
        effort: limits of the search.
        hint: counts to start from.
        least: no counts cost less, as far as is known.

    Raises:
        ModelTooLargeError: some sum may exceed the solver's integers.
    """
    cp, columns = model_of(program)
    first = _attempt(program, cp, columns, False, effort.within(float("inf"), SOON), hint, least)
    if first.status in ("optimal", "infeasible") or effort.expired():
        return first
    second = _attempt(program, cp, columns, True, effort, first.values or hint, max(least, first.bound))
    if second.status == "infeasible":
        return _attempt(program, cp, columns, False, effort, (), 0)
    return first.better(second, program)


def model_of(program: Program) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """State a program to CP-SAT.

    Raises:
        ModelTooLargeError: some sum may exceed the solver's integers.
    """
    largest = program.largest_sum()
    if largest >= LARGEST_SUM:
        allowed = f"less than {LARGEST_SUM:.1e}: the solver's integers have 63 bits"
        raise ModelTooLargeError([Fault("problem", "demand", f"sums that may reach {largest:.1e}", allowed)])
    cp = cp_model.CpModel()
    columns = [cp.new_int_var(0, most, "") for most in program.most]
    for row in program.rows:
        total = LinearExpr.weighted_sum([columns[column] for column in row.columns], list(row.weights))
        least = -LARGEST_SUM if row.least is None else row.least
        stated = cp.add_linear_constraint(total, least, LARGEST_SUM if row.most is None else row.most)
        if row.when is not None:
            stated.only_enforce_if(columns[row.when])
    priced = [column for column, cost in enumerate(program.costs) if cost]
    cp.minimize(LinearExpr.weighted_sum([columns[c] for c in priced], [program.costs[c] for c in priced]))
    fault = cp.validate()
    if fault:
        allowed = f"smaller ones ({fault.splitlines()[0]})"
        raise ModelTooLargeError([Fault("problem", "demand", "numbers beyond 63-bit integers", allowed)])
    return cp, columns


def _attempt(
    program: Program, cp: cp_model.CpModel, columns: list[cp_model.IntVar], presolve: bool, effort: Effort,
    hint: Sequence[int], least: int,
) -> Counts:
    """Run CP-SAT once."""
    cp.clear_hints()  # type: ignore[no-untyped-call]
    for column, value in zip(columns, hint, strict=False):
        cp.add_hint(column, value)
    solver = cp_solver(presolve, effort.deterministic, effort.left(), effort.seed)
    status = solver.solve(cp)
    if status == cp_model.INFEASIBLE:
        return Counts("infeasible", method="cp-sat")
    bound = max(least, solver.response_proto.inner_objective_lower_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Counts("unknown", (), bound, "cp-sat")
    values = tuple(solver.value(column) for column in columns)
    cost = program.cost_of(values)
    if status == cp_model.OPTIMAL:
        return Counts("optimal", values, cost, "cp-sat")
    return Counts("feasible", values, min(bound, cost), "cp-sat")
