"""The proven cheapest timetable of a case: by staircases where they are exact, else by CP-SAT."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation.cp_sat import CpModel, IntVar, cp_model
from optimizer.schema.plan import Status
from optimizer.solve.prove import Clock, SolveSettings
from optimizer.solve.solver import cp_solver
from optimizer.timetable.case import TimeCase, bounded
from optimizer.timetable.cuts import hold_bound
from optimizer.timetable.keeps import keeps_all
from optimizer.timetable.ladder import Found, Roster, cheapest_timetable, cost_of, is_one_service
from optimizer.timetable.model import TimeVariables, node_hours, time_model, total_cost

TIE_LIMIT = 0.3
"""CP-SAT's deterministic time for the fewest node-hours among equals; a tie that takes longer stays as it was found."""


SOON = 1.0
"""CP-SAT's deterministic time for work that may cost nothing more."""


@dataclass(frozen=True)
class TimeProven:
    """The outcome of one case."""

    status: Status
    roster: Roster | None
    cost: int | None
    """Micro-dollars a cycle."""
    bound: int | None
    """No timetable costs less."""


INFEASIBLE = TimeProven("infeasible", None, None, None)


def prove_timetable(case: TimeCase, settings: SolveSettings, clock: Clock) -> TimeProven:
    """Find the cheapest timetable, of fewest node-hours among equals."""
    if any(not case.of_service(service) for service in range(len(case.kinds))):
        return INFEASIBLE
    found = _by_staircases(case) if settings.reduced else None
    if found is None and settings.reduced:
        return _beside_one_service(case, settings, clock)
    if found is None:
        return by_cp_sat(case, settings, clock, 0)
    if found.roster is None or found.cost is None or _is_too_dear(case, found.cost):
        return INFEASIBLE
    if keeps_all(case, found.roster):
        return TimeProven("optimal", found.roster, found.cost, found.cost)
    return by_cp_sat(case, settings, clock, found.cost)


def _beside_one_service(case: TimeCase, settings: SolveSettings, clock: Clock) -> TimeProven:
    """Prove a case of one interactive service with work that can wait beside it.

    The service alone costs no more than both. Often its nodes have room for the work: then that cost is the optimum,
    and only which nodes serve what is left to find.
    """
    alone = _interactive_alone(case)
    if alone is None:
        return by_cp_sat(case, settings, clock, 0)
    found = cheapest_timetable(alone)
    if found is None:
        return by_cp_sat(case, settings, clock, 0)
    if found.roster is None or found.cost is None or _is_too_dear(case, found.cost):
        return INFEASIBLE
    free = _for_nothing_more(case, found.cost, found.roster, settings, clock)
    return by_cp_sat(case, settings, clock, found.cost) if free is None else free


def _interactive_alone(case: TimeCase) -> TimeCase | None:
    """Return the one interactive service of a case by itself, None where there is not just one."""
    sync = [service for service, kind in enumerate(case.kinds) if kind == "sync"]
    if len(sync) != 1 or len(case.kinds) == 1:
        return None
    rows = tuple(replace(row, service=0) for row in case.rows if row.service == sync[0])
    slots = tuple(replace(slot, demand=(slot.demand[sync[0]],)) for slot in case.slots)
    elastic = {row.offer_id: base is None for row, base in zip(case.rows, case.base_of, strict=True)}
    alone = bounded(replace(case, rows=rows, slots=slots, works=(), kinds=("sync",)), elastic)
    known = {row.offer_id for row in rows}
    return alone if is_one_service(alone) and not case.limits.at_least.keys() - known else None


def _for_nothing_more(
    case: TimeCase, cost: int, roster: Roster, settings: SolveSettings, clock: Clock
) -> TimeProven | None:
    """Look for a roster that costs no more than one service alone, and is the optimum then; None when none is found."""
    cp, x = time_model(case)
    cp.add(total_cost(case, x) <= cost)
    alone = _interactive_alone(case)
    for base, count in zip(case.bases, x.base, strict=True):
        stands = dict(zip((one.offer_id for one in alone.bases), roster.base, strict=True)) if alone else {}
        cp.add_hint(count, stands.get(base.offer_id, 0))
    solver = cp_solver(True, min(SOON, settings.deterministic_limit or SOON), clock.left(), settings.seed)
    if solver.solve(cp) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    found = _read(solver, case, x)
    return TimeProven("optimal", found, cost, cost) if cost_of(case, found) == cost else None


def _is_too_dear(case: TimeCase, cost: int) -> bool:
    return case.budget is not None and cost > case.budget


def _by_staircases(case: TimeCase) -> Found | None:
    """Search each engine alone where one must serve the fleet, else all together; None when it is not for that."""
    if case.limits.engine_policy != "fleet":
        return cheapest_timetable(case) if is_one_service(case) else None
    best: Found = Found(None, None)
    for engine in sorted({row.engine for row in case.rows}):
        mine = [i for i, row in enumerate(case.rows) if row.engine == engine]
        alone = bounded(
            replace(case, rows=tuple(case.rows[i] for i in mine)),
            {row.offer_id: base is None for row, base in zip(case.rows, case.base_of, strict=True)})
        found = cheapest_timetable(alone) if is_one_service(alone) else None
        if found is None:
            return None
        if found.roster is not None and found.cost is not None and (best.cost is None or found.cost < best.cost):
            best = Found(_widened(case, alone, mine, found.roster), found.cost)
    return best


def _widened(case: TimeCase, part: TimeCase, mine: list[int], found: Roster) -> Roster:
    """Read a timetable of some rows as one of all."""
    counts = {base.offer_id: count for base, count in zip(part.bases, found.base, strict=True)}
    use = dict(zip(mine, found.use, strict=True))
    nothing = (0,) * len(case.slots)
    return Roster(
        tuple(counts.get(base.offer_id, 0) for base in case.bases),
        tuple(use.get(i, nothing) for i in range(len(case.rows))))


def by_cp_sat(case: TimeCase, settings: SolveSettings, clock: Clock, least: int) -> TimeProven:
    """Minimise the cost, then the node-hours; infeasible is only believed without presolve.

    Args:
        case: the question.
        settings: limits of the search.
        clock: what is left of the time.
        least: no timetable costs less, as far as is known.
    """
    cp, x = time_model(case)
    hold_bound(cp, case, x.use)
    cost = total_cost(case, x)
    if case.budget is not None:
        cp.add(cost <= case.budget)
    cp.minimize(cost)  # without `least` as a rule: it took three times as long with it
    problem = cp.validate()
    if problem:
        allowed = f"smaller ones ({problem.splitlines()[0]})"
        raise ModelTooLargeError([Fault("problem", "demand", "numbers beyond 63-bit integers", allowed)])
    solver = cp_solver(True, settings.deterministic_limit, clock.left(), settings.seed)
    status = solver.solve(cp)
    if status == cp_model.INFEASIBLE:
        solver = cp_solver(False, settings.deterministic_limit, clock.left(), settings.seed)
        status = solver.solve(cp)
    if status == cp_model.INFEASIBLE:
        return INFEASIBLE
    bound = max(least, solver.response_proto.inner_objective_lower_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return TimeProven("unknown", None, None, bound)
    found = _read(solver, case, x)
    spent = cost_of(case, found)
    if status != cp_model.OPTIMAL:
        return TimeProven("feasible", found, spent, bound)
    if not clock.expired():
        found = _fewest_node_hours(cp, case, x, found, spent, settings, clock)
    return TimeProven("optimal", found, spent, spent)


def _read(solver: cp_model.CpSolver, case: TimeCase, x: TimeVariables) -> Roster:
    """Read the counts of a solution."""
    base = tuple(solver.value(count) for count in x.base)
    return Roster(base, tuple(
        tuple(one if isinstance(one, int) else solver.value(one) for one in counts) for counts in x.use))


def _fewest_node_hours(
    cp: CpModel, case: TimeCase, x: TimeVariables, found: Roster, spent: int, settings: SolveSettings, clock: Clock
) -> Roster:
    """Among timetables of this cost, look for the one of fewest node-hours."""
    cp.add(total_cost(case, x) <= spent)
    for variable, value in _values(x, found):
        cp.add_hint(variable, value)
    cp.minimize(node_hours(case, x))
    limit = min(TIE_LIMIT, settings.deterministic_limit or TIE_LIMIT)
    solver = cp_solver(True, limit, clock.left(), settings.seed)
    status = solver.solve(cp)
    return _read(solver, case, x) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else found


def _values(x: TimeVariables, found: Roster) -> list[tuple[IntVar, int]]:
    """Pair every variable with its value, each once."""
    pairs = dict(zip((count.index for count in x.base), zip(x.base, found.base, strict=True), strict=True))
    for counts, values in zip(x.use, found.use, strict=True):
        for one, value in zip(counts, values, strict=True):
            if not isinstance(one, int):
                pairs[one.index] = (one, value)
    return list(pairs.values())
