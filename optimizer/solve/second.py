"""A second engine for what CP-SAT calls the optimum: no linear answer rests on one solver's word.

CP-SAT 9.15 is reported to have certified the optimum of an all-linear model that was 51% too dear (or-tools issue
5293). What it says of a case is therefore put to an exact search of our own: branches over one covering row
(`solve.cover`), else a proof by relaxations whose every step is added up in whole numbers (`proof.search`); and to
HiGHS where CP-SAT itself took long and the search leaves the question open. It may take as long as CP-SAT took.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from optimizer.errors import DisagreementError
from optimizer.formulation import OBJECTIVES, Case
from optimizer.solve.cover import Cover, cheapest_cover, is_one_cover

if TYPE_CHECKING:
    from optimizer.proof.linear import Linear

LEAST_S = 0.02
"""Seconds that the second engine has at least."""

HIGHS_FROM_S = 0.5
"""Seconds from which on HiGHS is asked: importing it takes half as long."""

LONGEST_S = 5.0
"""Seconds that the second engine has at most."""

LARGEST = 2_000_000
"""Columns times rows beyond which our own search, which keeps all of them in memory, is not tried."""

MOST_CASES = 2_000

OWN_S = 0.05
"""Seconds for our own proof before CP-SAT is loaded, which takes many times as long."""

Confirmed = Literal["proven", "not contradicted", "not asked"]
"""What the second engine says: the same, proven; nothing else found within its time; nothing, as it cannot."""


def confirm(case: Case, cost: int | None, spent_s: float, left_s: float | None = None) -> Confirmed:
    """Hold what CP-SAT says of a case against a second engine.

    Args:
        case: reduced or not.
        cost: of the optimum; None: the case is called infeasible.
        spent_s: seconds that CP-SAT took.
        left_s: seconds until a time limit; None without one.

    Raises:
        DisagreementError: the second engine found counts that keep every rule and cost less, or found that nothing
            costs so little; both models are in it.
    """
    if case.routed and (case.lose_nodes or case.lose_provider or case.lose_region):
        return "not asked"  # the model knows such losses by cuts, each checked exactly when it is made
    if is_one_cover(case):
        cover = cheapest_cover(case)
        if cover is not None:
            own = None if cover.counts is None else sum(
                row.price * count for row, count in zip(case.rows, cover.counts, strict=True))
            if own != cost:
                raise _disagreement(case, cost, own)
            return "proven"
    if cost == 0:
        return "proven"  # nothing costs less than nothing
    from optimizer.proof.search import prove_bound, prove_infeasible  # with numpy, which CP-SAT loads, not we
    from optimizer.solve.stated import stated

    program = stated(case)
    seconds = min(max(LEAST_S, spent_s), LONGEST_S, LONGEST_S if left_s is None else left_s)
    other: tuple[int, ...] = ()
    if len(program.costs) * len(program.rows) <= LARGEST:
        found = (prove_infeasible(program, MOST_CASES, seconds) if cost is None
                 else prove_bound(program, cost, MOST_CASES, seconds))
        if found.status == "proven":
            return "proven"
        other = found.counts
    if not other and spent_s >= HIGHS_FROM_S:
        other = _by_highs(program, seconds)
    if other and (cost is None or program.cost_of(other) < cost):
        raise _disagreement(case, cost, program.cost_of(other))
    return "not contradicted"


def proven_without_cp_sat(case: Case) -> Cover | None:
    """Return the best plan of one covering row by two ways of our own; None where one of them leaves it open.

    Branches over the row find it, and relaxations whose every step is added up in whole numbers prove that the demand
    alone costs no less: neither rests on the other, nor on a solver, which most questions then need not load.
    """
    from optimizer.proof.search import prove_bound

    cover = cheapest_cover(case)
    if cover is None or cover.counts is None:
        return None
    cost = sum(row.price * count for row, count in zip(case.rows, cover.counts, strict=True))
    if cost == 0 or prove_bound(_demand_alone(case), cost, MOST_CASES, OWN_S).status == "proven":
        return cover
    return None


def _demand_alone(case: Case) -> Linear:
    """Return a case of one service without any rule but its demand, stock and held nodes: no plan costs less here."""
    from optimizer.proof.linear import Inequality, Linear

    asked, held = case.demand[0], dict(case.at_least)
    rows = [Inequality("meet_demand", {i: min(row.capacity, asked) for i, row in enumerate(case.rows)}, asked)]
    rows += [Inequality("hold_nodes", {i: 1}, held[row.offer_id])
             for i, row in enumerate(case.rows) if row.offer_id in held]
    count = len(case.rows)
    return Linear(
        tuple(row.offer_id for row in case.rows), tuple(row.price for row in case.rows),
        tuple(row.most for row in case.rows), tuple(rows), (False,) * count, (True,) * count)


def _by_highs(program: Linear, seconds: float) -> tuple[int, ...]:
    """Return the cheapest counts that HiGHS finds, kept only if every row holds in whole numbers; else nothing."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    columns = [model.add_integer_variable(lb=0.0, ub=math.inf if most is None else float(most))
               for most in program.most]
    for row in program.rows:
        linear = model.add_linear_constraint(lb=float(row.least))
        for column, weight in row.terms.items():
            linear.set_coefficient(columns[column], float(weight))
    model.minimize(mathopt.fast_sum(
        float(cost) * column for cost, column in zip(program.costs, columns, strict=True) if cost))
    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=0.0, absolute_gap_tolerance=0.0, time_limit=timedelta(seconds=seconds))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    if not result.has_primal_feasible_solution():
        return ()
    counts = tuple(round(value) for value in result.variable_values(columns))
    return counts if program.keeps(counts) else ()


def _disagreement(case: Case, cost: int | None, other: int | None) -> DisagreementError:
    """Return the error with both models."""
    from optimizer.proof.certificate import as_text, program_as_json
    from optimizer.solve.stated import model_of, stated

    cp, x, _ = model_of(case)
    cp.minimize(OBJECTIVES["cost"](case, x))
    return DisagreementError(cost, other, {
        "cp_sat_model.txt": str(cp.proto), "program.json": as_text(program_as_json(stated(case)))})
