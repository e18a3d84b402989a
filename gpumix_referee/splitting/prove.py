"""The cheapest nodes for traffic that is split over node types: what the quick search leaves open, CP-SAT settles."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from gpumix_referee.splitting.counts import LONG, CountSearch, Decide, search_counts, search_on
from gpumix_referee.splitting.near_split import overloaded, split_or_cut
from gpumix_referee.splitting.placing import Placement
from gpumix_referee.splitting.program import RoutingModel, coarse, forbid, forbid_counts, keep_cut, routing_model
from gpumix_referee.splitting.scaled import Cut, ScaledTraffic, scaled
from gpumix_referee.splitting.split import Routing, Traffic
from optimizer.formulation.cp_sat import cp_model
from optimizer.solve.solver import cp_solver, seconds_left

Attempt = tuple[bool, float | None]
"""Whether CP-SAT presolves, and its deterministic time."""

AT_ONCE: tuple[Attempt, ...] = ((False, 0.05),)
"""Without presolve, for some tens of milliseconds: most questions need no more."""

PATIENTLY: tuple[Attempt, ...] = ((False, 0.5), (True, None))

@dataclass
class _Answer:
    """The best routing so far, and what is proven."""

    case: ScaledTraffic
    best: Placement | None
    upper: int
    lower: int


def finish_routing(traffic: Traffic, search: CountSearch, time_limit_s: float | None = None) -> Routing:
    """Settle with CP-SAT what the search over counts left open.

    The model of sliced classes is whole; when it is not settled at once, the free split of the same classes, which
    costs no more, lends it cuts and a bound. Of freely split classes only the counts are searched: longer than before,
    with a linear program for those that stay open, and then by CP-SAT. Each vector of counts is answered with exact
    shares or with a cut that goes back in.
    """
    end = None if time_limit_s is None else time.monotonic() + time_limit_s
    case = search.case
    if not case.sliced:
        decide = partial(split_or_cut, traffic, case)
        search = search_on(search, LONG, decide, end)
        answer = _Answer(case, search.best, search.upper, search.bound)
        model = routing_model(case, search.cuts, search.bound, search.upper)
        _search_counts(answer, model, end, AT_ONCE + PATIENTLY, partial(_consider, answer, model, decide))
        return _routing(answer)
    answer = _Answer(case, search.best, search.upper, search.bound)
    model = routing_model(case, search.cuts, search.bound, search.upper)
    take = partial(_consider_slices, traffic, answer, model)
    if not _search_counts(answer, model, end, AT_ONCE, take):
        _learn_from_free_split(traffic, answer, model, end)
        _search_counts(answer, model, end, PATIENTLY, take)
    return _routing(answer)


def _search_counts(
    answer: _Answer, model: RoutingModel, end: float | None, attempts: Sequence[Attempt],
    take: Callable[[tuple[int, ...], tuple[tuple[int, ...], ...]], None],
) -> bool:
    """Solve the model again and again until what it finds stands; say whether it is settled."""
    while answer.lower < answer.upper:
        solver, status = _solve(model, end, attempts)
        if status == cp_model.INFEASIBLE:
            answer.lower = answer.upper
            break
        answer.lower = max(answer.lower, solver.response_proto.inner_objective_lower_bound)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return False
        counts = tuple(solver.value(one) for one in model.nodes)
        take(counts, tuple(tuple(0 if one is None else solver.value(one) for one in row) for row in model.slices))
        if status != cp_model.OPTIMAL:
            return False
    answer.lower = min(answer.lower, answer.upper)
    return True


def _solve(
    model: RoutingModel, end: float | None, attempts: Sequence[Attempt]
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Call CP-SAT, each attempt longer than the last; that nothing is left is believed only without presolve."""
    for presolve, limit in attempts:
        solver = cp_solver(presolve, limit, seconds_left(end))
        status = solver.solve(model.cp)
        if status == cp_model.INFEASIBLE and presolve:
            solver = cp_solver(False, None, seconds_left(end))
            status = solver.solve(model.cp)
        if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE) or (end is not None and time.monotonic() >= end):
            break
    return solver, status


def _learn_from_free_split(traffic: Traffic, answer: _Answer, model: RoutingModel, end: float | None) -> None:
    """Add the cuts and the bound of the free split."""
    free = replace(traffic, slices=None)
    case = scaled(free)
    decide = partial(split_or_cut, free, case)
    quick = search_counts(case, decide)
    search = quick if quick.settled else search_on(quick, LONG, decide, end)
    for cut in search.cuts:
        keep_cut(model, cut)
    answer.lower = max(answer.lower, search.bound)
    cost = sum(price * count for price, count in zip(answer.case.prices, model.nodes, strict=True))
    model.cp.add_linear_constraint(cost, answer.lower, answer.upper)


def _consider_slices(
    traffic: Traffic, answer: _Answer, model: RoutingModel, counts: tuple[int, ...],
    slices: tuple[tuple[int, ...], ...],
) -> None:
    """Take a placement of slices as the answer if it fits exactly, else forbid what only rounding let through."""
    shares = tuple(tuple(Fraction(one, answer.case.parts) for one in row) for row in slices)
    over = overloaded(traffic, counts, shares)
    for t in over:
        forbid(model, t, counts[t], slices)
    if not over:
        answer.best, answer.upper = Placement(counts, shares), answer.case.cost(counts)


def _consider(
    answer: _Answer, model: RoutingModel, decide: Decide, counts: tuple[int, ...],
    slices: tuple[tuple[int, ...], ...],
) -> None:
    """Take counts as the answer if the classes can be split over them, else tell the model why not."""
    found = decide(counts)
    if isinstance(found, Cut) and coarse(found).short(counts):
        keep_cut(model, found)
    elif isinstance(found, Cut):
        forbid_counts(model, counts)
    else:
        answer.best, answer.upper = found, answer.case.cost(counts)


def _routing(answer: _Answer) -> Routing:
    unit = answer.case.unit
    bound = answer.lower * unit
    if answer.best is None:
        return Routing("unknown", (), (), None, bound)
    status = "optimal" if answer.lower == answer.upper else "feasible"
    return Routing(status, answer.best.nodes, answer.best.shares, answer.upper * unit, bound)  # type: ignore[arg-type]
