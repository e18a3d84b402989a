"""The cheapest replicas of several servers on shared inventories; what is short, and what to drop first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gpumix_referee.pooling.program import PoolCase, PoolModel, needs_replicas, pool_model
from optimizer.formulation.cp_sat import LinearExpr, cp_model
from optimizer.solve.solver import cp_solver, seconds_left

SOON = 0.05
"""CP-SAT's deterministic time of the attempt without presolve."""

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class PoolSolution:
    """What was found."""

    status: Status
    replicas: tuple[int, ...]
    """By option; empty without an answer."""
    served: tuple[bool, ...]
    """By server."""
    cost: int | None
    bound: int | None
    further: tuple[int, ...]
    """Cards beyond the stock, by inventory."""


NOTHING = PoolSolution("unknown", (), (), None, None, ())


def solve_pool(case: PoolCase, time_limit_s: float | None = None) -> PoolSolution:
    """Serve every server at the least cost."""
    return _minimise(case, pool_model(case), None, _end(time_limit_s))


def least_further_cards(case: PoolCase, time_limit_s: float | None = None) -> PoolSolution:
    """Find the fewest cards, of whatever inventory, that must be added for every server to be served."""
    model = pool_model(case, may_add=True)
    return _minimise(case, model, sum(model.further), _end(time_limit_s))


def solve_dropping(case: PoolCase, time_limit_s: float | None = None) -> PoolSolution:
    """Serve as many servers of the highest priority as can be, then of the next, and so on; then at the least cost."""
    model, end = pool_model(case, may_drop=True), _end(time_limit_s)
    served = list(model.served)
    for server in range(len(case.demand)):
        if not needs_replicas(case, server):
            model.cp.add(served[server] == 1)
    for level in sorted(set(case.priority)):
        mine = [served[server] for server, priority in enumerate(case.priority) if priority == level]
        found = _minimise(case, model, -sum(mine), end)
        if found.status != "optimal":
            return NOTHING
        kept = sum(on for on, priority in zip(found.served, case.priority, strict=True) if priority == level)
        model.cp.add(sum(mine) == kept)
    return _minimise(case, model, None, end)


def _end(time_limit_s: float | None) -> float | None:
    return None if time_limit_s is None else time.monotonic() + time_limit_s


def _minimise(case: PoolCase, model: PoolModel, aim: LinearExpr | int | None, end: float | None) -> PoolSolution:
    """Minimise an aim, or the cost: first without presolve, then with; infeasible is believed only without."""
    model.cp.minimize(model.cost if aim is None else aim)
    attempts: Sequence[tuple[bool, float | None]] = ((False, SOON), (True, None))
    for presolve, limit in attempts:
        solver = cp_solver(presolve, limit, seconds_left(end))
        status = solver.solve(model.cp)
        if status == cp_model.INFEASIBLE and presolve:
            status = (solver := cp_solver(False, None, seconds_left(end))).solve(model.cp)
        if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
            break
    if status == cp_model.INFEASIBLE:
        return PoolSolution("infeasible", (), (), None, None, ())
    bound = solver.response_proto.inner_objective_lower_bound if aim is None else None
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return PoolSolution("unknown", (), (), None, bound, ())
    replicas = tuple(solver.value(one) for one in model.replicas)
    cost = sum(one.price * count for one, count in zip(case.options, replicas, strict=True))
    optimal = status == cp_model.OPTIMAL
    return PoolSolution(
        "optimal" if optimal else "feasible", replicas, tuple(bool(solver.value(one)) for one in model.served), cost,
        cost if optimal and aim is None else bound, tuple(solver.value(one) for one in model.further))
