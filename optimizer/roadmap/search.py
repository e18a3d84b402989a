"""Solve a roadmap's program: the linear relaxation, a first plan from it, and CP-SAT between the two."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation.case import LARGEST_SUM
from optimizer.formulation.cp_sat import LinearExpr, cp_model
from optimizer.roadmap.bound import Relaxed, relaxed
from optimizer.roadmap.cuts import strengthened
from optimizer.roadmap.program import Program, cost_of, is_kept
from optimizer.roadmap.rounding import rounded_up
from optimizer.schema.plan import Status
from optimizer.solve import SolveSettings
from optimizer.solve.solver import cp_solver

DETERMINISTIC_LIMIT = 6.0
"""CP-SAT's own time after which the best plan so far is taken, when the user sets no limit."""

FEW = 120
"""Stays up to which none is left aside in the first search."""

NEAR_SHARE = 0.25
"""Part of the limit that the first search, among the most promising stays, may take."""

SOON = 0.2
"""CP-SAT's own time of the attempt without presolve."""


@dataclass(frozen=True)
class Found:
    """What the search ended with."""

    status: Status
    counts: tuple[int, ...]
    """By column; empty without a plan."""
    cost: int | None
    """Cents, recomputed from the counts."""
    bound: int | None
    """No plan costs less."""


INFEASIBLE = Found("infeasible", (), None, None)


class _Clock:
    def __init__(self, settings: SolveSettings) -> None:
        limit = settings.time_limit_s
        self.end = None if limit is None else time.monotonic() + limit

    def left(self) -> float | None:
        """Return seconds left, None without a limit."""
        return None if self.end is None else self.end - time.monotonic()

    def expired(self) -> bool:
        """Say whether the time is over."""
        left = self.left()
        return left is not None and left <= 0


def _check_size(program: Program) -> None:
    """Refuse numbers that could leave the solver's integers."""
    sums = [sum(abs(cost) * most for cost, most in zip(program.costs, program.most, strict=True))]
    sums += [
        sum(abs(weight) * program.most[column] for column, weight in zip(row.columns, row.weights, strict=True))
        for row in program.rows
    ]
    if max(sums) >= LARGEST_SUM:
        allowed = f"less than {LARGEST_SUM:.1e}: the solver's integers have 63 bits"
        raise ModelTooLargeError([Fault("problem", "roadmap", f"sums that may reach {max(sums):.1e}", allowed)])


def solve_program(program: Program, settings: SolveSettings) -> Found:
    """Find the cheapest counts, or the best within the limits, with a bound that holds in whole cents."""
    _check_size(program)
    clock = _Clock(settings)
    base = relaxed(program, clock.left())
    if base is None:
        return _confirmed_infeasible(program, settings, clock)
    whole, base = strengthened(program, base, clock.left())
    first = rounded_up(whole, base.values) if base.values else None
    best = None if first is None else tuple(first)
    if best is not None and cost_of(program, best) == base.bound:
        return Found("optimal", best, base.bound, base.bound)
    few = promising(whole, base)
    if sum(map(bool, few.most)) < sum(map(bool, whole.most)) and not clock.expired():
        limit = (_limit(settings) or DETERMINISTIC_LIMIT) * NEAR_SHARE
        near = _attempt(few, base.bound, best, True, limit, settings, clock)
        best = near.counts or best
    tight = whole if best is None else tightened(whole, base, cost_of(program, best))
    return _by_cp_sat(program, tight, base.bound, best, settings, clock)


def tightened(program: Program, base: Relaxed, cost: int) -> Program:
    """Lower the most of every column of which more would cost more than a plan that is known.

    A column with reduced cost r > 0 stands at most (cost - bound) / r times in a plan no dearer.
    """
    room = max(0, cost - base.bound)
    most = [
        min(old, room // extra) if extra > 0 else old
        for old, extra in zip(program.most, base.reduced_costs, strict=True)
    ]
    return replace(program, most=most)


def promising(program: Program, base: Relaxed) -> Program:
    """Leave only the stays that the relaxation takes or comes closest to taking: a good plan is soon among them."""
    priced = [column for column, cost in enumerate(program.costs) if cost]
    used = {column for column in priced if base.values and base.values[column] > 0}
    order = sorted(priced, key=lambda column: (base.reduced_costs[column], column))
    kept = used | set(order[: max(FEW, len(priced) // 8)])
    most = [
        old if not cost or column in kept else 0
        for column, (old, cost) in enumerate(zip(program.most, program.costs, strict=True))
    ]
    return replace(program, most=most)


def _limit(settings: SolveSettings) -> float | None:
    """Return CP-SAT's own time for the whole search, None where seconds limit it."""
    if settings.deterministic_limit is None and settings.time_limit_s is None:
        return DETERMINISTIC_LIMIT
    return settings.deterministic_limit


def _model(program: Program, bound: int, hint: Sequence[int] | None) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """State the program to CP-SAT, with the bound and a plan that is known."""
    cp = cp_model.CpModel()
    counts = [cp.new_int_var(0, most, "") for most in program.most]
    for row in program.rows:
        total = LinearExpr.weighted_sum([counts[column] for column in row.columns], list(row.weights))
        if row.least is not None:
            cp.add(total >= row.least)
        if row.most is not None:
            cp.add(total <= row.most)
    priced = [column for column, cost in enumerate(program.costs) if cost]
    cost = LinearExpr.weighted_sum([counts[column] for column in priced], [program.costs[column] for column in priced])
    cp.add(cost >= bound)
    cp.minimize(cost)
    for variable, value in zip(counts, hint or (), strict=False):
        cp.add_hint(variable, value)
    fault = cp.validate()
    if fault:
        allowed = f"smaller ones ({fault.splitlines()[0]})"
        raise ModelTooLargeError([Fault("problem", "roadmap", "numbers beyond 63-bit integers", allowed)])
    return cp, counts


def _attempt(
    program: Program, bound: int, hint: Sequence[int] | None, presolve: bool, limit: float | None,
    settings: SolveSettings, clock: _Clock,
) -> Found:
    """Run CP-SAT once."""
    cp, counts = _model(program, bound, hint)
    solver = cp_solver(presolve, limit, clock.left(), settings.seed)
    status = solver.solve(cp)
    if status == cp_model.INFEASIBLE:
        return INFEASIBLE
    proven = max(bound, round(solver.best_objective_bound)) if status != cp_model.UNKNOWN else bound
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found("unknown", (), None, bound)
    values = tuple(solver.value(count) for count in counts)
    cost = cost_of(program, values)
    return Found("optimal" if status == cp_model.OPTIMAL else "feasible", values, cost, min(proven, cost))


def _by_cp_sat(
    program: Program, tight: Program, bound: int, best: tuple[int, ...] | None, settings: SolveSettings, clock: _Clock
) -> Found:
    limit = _limit(settings)
    known = Found("unknown", (), None, bound) if best is None else Found(
        "feasible", best, cost_of(program, best), bound)
    soon = SOON if limit is None else min(SOON, limit)
    for presolve, some in ((False, soon), (True, limit)):
        if clock.expired():
            break
        found = _attempt(tight, known.bound or bound, known.counts or None, presolve, some, settings, clock)
        if found.status == "infeasible":
            return _confirmed_infeasible(program, settings, clock)
        known = _better(known, found)
        if known.status == "optimal":
            break
    return known


def _better(old: Found, new: Found) -> Found:
    """Keep the cheaper plan and the higher bound of two searches."""
    bound = max(old.bound or 0, new.bound or 0)
    chosen = new if old.cost is None or (new.cost is not None and new.cost <= old.cost) else old
    if chosen.cost is None:
        return replace(chosen, bound=bound)
    return replace(chosen, bound=min(bound, chosen.cost), status="optimal" if bound >= chosen.cost else "feasible")


def _confirmed_infeasible(program: Program, settings: SolveSettings, clock: _Clock) -> Found:
    """Believe that nothing keeps every row only without presolve, which has had faults (or-tools 5141 and 5274)."""
    found = _attempt(program, 0, None, False, _limit(settings), settings, clock)
    if found.counts and not is_kept(program, list(found.counts)):
        raise AssertionError("CP-SAT returned counts that break a row")
    return found
