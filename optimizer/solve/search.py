"""Build a case, run CP-SAT, and read back the proven cheapest plan; ties are broken so that the plan is unique."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.candidates import CandidateSet
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation import CONSTRAINTS, OBJECTIVES, Case, CaseRow, Variables, build_case, reduce_case, shortlist
from optimizer.formulation.cp_sat import cp_model
from optimizer.schema.plan import Status
from optimizer.schema.problem import Limits, Survive
from optimizer.solve.cover import Cover, cheapest_cover, is_one_cover

LARGEST_WEIGHT = 2**61
"""Packed objectives stay below this; larger ones are solved in stages."""

SOON = 0.05
"""CP-SAT's deterministic time of the first attempt, without presolve: some tens of milliseconds."""

FEW_ROWS = 8
"""Rows up to which the order of offers may be packed into the objective."""

ORDER_CHUNK = 2**52
"""Product of the ranges of the counts whose order one solve settles."""


@dataclass(frozen=True)
class SolveSettings:
    """How long to search, and whether to reduce first."""

    time_limit_s: float | None = None
    """Wall-clock seconds for everything."""
    deterministic_limit: float | None = None
    """CP-SAT's deterministic time for each solve: the same answer on every machine."""
    seed: int = 0
    reduced: bool = True
    """False: solve the unreduced model (to check the reductions)."""
    enumerated: bool = False
    """Whether cases of one covering row may be proven by enumeration (`solve.cover`) in place of CP-SAT."""


@dataclass(frozen=True)
class Chosen:
    """Nodes of one row in a solution."""

    row: CaseRow
    nodes: int


@dataclass(frozen=True)
class Solution:
    """What the solver found."""

    status: Status
    chosen: tuple[Chosen, ...]
    cost: int | None
    """Micro-dollars an hour, recomputed from the counts."""
    bound: int | None
    """No plan costs less than this."""
    targets: tuple[float, ...]
    """Speed targets of the services that were solved for (raised by the tie-break)."""
    survive: Survive
    """Losses after which the demand must still be carried."""

    @property
    def has_plan(self) -> bool:
        """Whether there are nodes to show."""
        return self.status in ("optimal", "feasible")


class Clock:
    """Counts down the wall-clock limit over all stages."""

    def __init__(self, settings: SolveSettings) -> None:
        limit = settings.time_limit_s
        self.end = None if limit is None else time.monotonic() + limit

    def left(self) -> float | None:
        """Return seconds left, never less than a hair."""
        return None if self.end is None else max(0.001, self.end - time.monotonic())

    def expired(self) -> bool:
        """Say whether the time is over."""
        return self.end is not None and time.monotonic() >= self.end


def _solver(settings: SolveSettings, clock: Clock, presolve: bool) -> cp_model.CpSolver:
    """Set CP-SAT up as measured: one worker with the full LP (the default loses its bound), same answer every time.

    Its default gap limit of 1e-4 is taken on doubles, which past 2^53 calls plans optimal that are not; so it is 0.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.absolute_gap_limit = 0.0
    solver.parameters.relative_gap_limit = 0.0
    solver.parameters.cp_model_presolve = presolve
    solver.parameters.random_seed = settings.seed
    solver.parameters.catch_sigint_signal = False  # an interruption is the command's to handle
    if settings.deterministic_limit is not None:
        solver.parameters.max_deterministic_time = settings.deterministic_limit
    left = clock.left()
    if left is not None:
        solver.parameters.max_time_in_seconds = left
    return solver


Build = Callable[[cp_model.CpModel, Variables], None]


@dataclass(frozen=True)
class _Run:
    """Raw outcome of one call of CP-SAT."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    counts: tuple[int, ...]
    bound: int
    """Proven lower bound of the objective, in its own integers."""


def run_case(case: Case, settings: SolveSettings, clock: Clock, build: Build) -> _Run:
    """Build all rules and what `build` adds, and solve.

    Most cases are proven in milliseconds without presolve, which alone takes 2 to 20 ms; what is not proven soon is
    solved with it, and the better of both is kept. Infeasible is only believed without presolve (it has had faults:
    or-tools issues 5141 and 5274).
    """
    cp = cp_model.CpModel()
    x = Variables.of(cp, case)
    for rule in CONSTRAINTS:
        if rule.active(case):
            rule.apply(cp, case, x)
    build(cp, x)
    problem = cp.validate()
    if problem:
        allowed = f"smaller ones ({problem.splitlines()[0]})"
        raise ModelTooLargeError([Fault("problem", "demand", "numbers beyond 63-bit integers", allowed)])
    soon = SOON if settings.deterministic_limit is None else min(SOON, settings.deterministic_limit)
    first = _attempt(cp, x, replace(settings, deterministic_limit=soon), clock, presolve=False)
    if first.status in ("optimal", "infeasible") or clock.expired():
        return first
    second = _attempt(cp, x, settings, clock, presolve=True)
    if second.status == "infeasible":
        second = _attempt(cp, x, settings, clock, presolve=False)
    return second if second.status in ("optimal", "infeasible") else _better(case, first, second)


def _better(case: Case, one: _Run, other: _Run) -> _Run:
    """Return the cheaper plan of two runs that were stopped, with the higher of their bounds."""
    bound = max(one.bound, other.bound)
    if not one.counts or (other.counts and _cost_of(case, other.counts) <= _cost_of(case, one.counts)):
        return replace(other, bound=bound)
    return replace(one, bound=bound)


def _attempt(cp: cp_model.CpModel, x: Variables, settings: SolveSettings, clock: Clock, presolve: bool) -> _Run:
    """Call CP-SAT once."""
    solver = _solver(settings, clock, presolve)
    names = {cp_model.OPTIMAL: "optimal", cp_model.FEASIBLE: "feasible", cp_model.INFEASIBLE: "infeasible"}
    status = names.get(solver.solve(cp), "unknown")
    counts = tuple(solver.value(node) for node in x.nodes) if status in ("optimal", "feasible") else ()
    return _Run(status, counts, solver.response_proto.inner_objective_lower_bound)  # type: ignore[arg-type]


def _cost_of(case: Case, counts: Sequence[int]) -> int:
    return sum(row.price * count for row, count in zip(case.rows, counts, strict=True))


@dataclass(frozen=True)
class Packing:
    """Cost, number of nodes and order of offers as one integer objective: (cost x nodes + count) x orders - order."""

    nodes: int
    """More than any number of nodes; 1 leaves the count out."""
    orders: int
    """More than any order; 1 leaves the order out."""

    @classmethod
    def of(cls, case: Case) -> Packing:
        """Pack as much as the solver's integers hold."""
        nodes = sum(row.most for row in case.rows) + 1
        orders = math.prod(row.most + 1 for row in case.rows) if len(case.rows) <= FEW_ROWS else LARGEST_WEIGHT
        if case.cost_bound * nodes * orders < LARGEST_WEIGHT:
            return cls(nodes, orders)
        return cls(nodes if case.cost_bound * nodes < LARGEST_WEIGHT else 1, 1)

    def minimise(self, cp: cp_model.CpModel, case: Case, x: Variables) -> None:
        """State the objective."""
        objective = OBJECTIVES["cost"](case, x)
        if self.nodes > 1:
            objective = objective * self.nodes + OBJECTIVES["nodes"](case, x)
        if self.orders > 1:
            weights = _order_weights(case, range(len(case.rows)))
            objective = objective * self.orders - cp_model.LinearExpr.weighted_sum(x.nodes, weights)
        cp.minimize(objective)

    def cost_bound(self, bound: int) -> int:
        """Return the bound of the cost that a bound of the objective gives.

        cost x nodes x orders >= bound - (nodes - 1) x orders, so cost >= bound / (nodes x orders) - something below 1.
        """
        return max(0, -(-(bound - (self.nodes - 1) * self.orders) // (self.nodes * self.orders)))


def _order_weights(case: Case, indices: Sequence[int]) -> list[int]:
    """Return the weights that make counts one mixed-radix number, the first row its highest digit."""
    weights, weight = [0] * len(indices), 1
    for position in range(len(indices) - 1, -1, -1):
        weights[position] = weight
        weight *= case.rows[indices[position]].most + 1
    return weights


def _minimise_cost(case: Case, settings: SolveSettings, clock: Clock) -> tuple[_Run, int, Packing]:
    """Minimise cost, then nodes, then by order, in one objective as far as numbers allow; return also a cost bound."""
    packing = Packing.of(case)
    run = run_case(case, settings, clock, lambda cp, x: packing.minimise(cp, case, x))
    if packing.nodes == 1 and run.status == "optimal":
        cost = _cost_of(case, run.counts)
        fewest = run_case(case, settings, clock, lambda cp, x: _fix_cost_and_minimise_nodes(cp, case, x, cost))
        if fewest.counts:
            run = replace(run, counts=fewest.counts)
    return run, packing.cost_bound(run.bound), packing


def _fix_cost_and_minimise_nodes(cp: cp_model.CpModel, case: Case, x: Variables, cost: int) -> None:
    cp.add(OBJECTIVES["cost"](case, x) <= cost)
    cp.minimize(OBJECTIVES["nodes"](case, x))


def _chunks(case: Case) -> list[list[int]]:
    """Split the rows, in the order of their rank, into runs whose counts fit one mixed-radix number."""
    order = sorted(range(len(case.rows)), key=lambda i: (case.rows[i].service, case.rows[i].rank))
    chunks: list[list[int]] = [[]]
    product = 1
    for i in order:
        product *= case.rows[i].most + 1
        if product > ORDER_CHUNK and chunks[-1]:
            chunks.append([])
            product = case.rows[i].most + 1
        chunks[-1].append(i)
    return chunks


def _first_in_order(case: Case, counts: Sequence[int], settings: SolveSettings, clock: Clock) -> Sequence[int]:
    """Among plans of this cost and number of nodes, take the one with most nodes of the first offers by id."""
    cost, nodes = _cost_of(case, counts), sum(counts)
    if nodes == 0 or len(case.rows) < 2:
        return counts
    fixed: dict[int, int] = {}
    for chunk in _chunks(case):
        weights = _order_weights(case, chunk)

        def build(
            cp: cp_model.CpModel, x: Variables, chunk: list[int] = chunk, weights: list[int] = weights,
            known: tuple[tuple[int, int], ...] = tuple(fixed.items()),
        ) -> None:
            cp.add(OBJECTIVES["cost"](case, x) == cost)
            cp.add(OBJECTIVES["nodes"](case, x) == nodes)
            for i, value in known:
                cp.add(x.nodes[i] == value)
            cp.maximize(sum(w * x.nodes[i] for w, i in zip(weights, chunk, strict=True)))

        run = run_case(case, settings, clock, build)
        if run.status != "optimal":
            return counts
        counts = run.counts
        fixed |= {i: counts[i] for i in chunk}
        if sum(fixed.values()) == nodes:
            break
    return counts


def solution_of(
    case: Case, run: _Run, bound: int, counts: Sequence[int], targets: tuple[float, ...], survive: Survive
) -> Solution:
    """Read a run back as a solution; an optimal one is its own bound."""
    chosen = tuple(Chosen(row, count) for row, count in zip(case.rows, counts, strict=True) if count) if counts else ()
    cost = _cost_of(case, counts) if counts else None
    status: Status = run.status
    if status == "optimal" and cost is not None:
        bound = cost
    known = bound if status in ("optimal", "feasible", "unknown") else None
    return Solution(status, chosen, cost, known, targets, survive)


def _only_row(case: Case, targets: tuple[float, ...], survive: Survive) -> Solution:
    """Solve a case that reductions left with one row by arithmetic: the fewest nodes that suffice cost least."""
    row = case.rows[0]
    nodes = max(-(-case.demand[0] // row.capacity), case.min_nodes)
    cost = row.price * nodes
    dear = case.budget is not None and cost > case.budget
    hungry = case.watts is not None and row.watts * nodes > case.watts
    if nodes > row.most or dear or hungry:
        return Solution("infeasible", (), None, None, targets, survive)
    return Solution("optimal", (Chosen(row, nodes),), cost, cost, targets, survive)


def _covered(case: Case, cover: Cover, targets: tuple[float, ...], survive: Survive) -> Solution:
    """Read an enumerated case back as a solution."""
    if cover.counts is None:
        return Solution("infeasible", (), None, None, targets, survive)
    chosen = tuple(Chosen(row, count) for row, count in zip(case.rows, cover.counts, strict=True) if count)
    cost = _cost_of(case, cover.counts)
    return Solution("optimal", chosen, cost, cost, targets, survive)


def solve_at(
    candidates: CandidateSet, limits: Limits, targets: tuple[float, ...], budget: int | None, settings: SolveSettings,
    clock: Clock | None = None, in_order: bool = True,
) -> Solution:
    """Find the cheapest plan at given speed targets: fewest nodes, then first offers by id, among equals in cost."""
    clock = clock or Clock(settings)
    if settings.reduced:
        case = reduce_case(build_case(shortlist(candidates, limits), limits, targets, budget))
    else:
        case = build_case(candidates, limits, targets, budget, unreduced=True)
    if any(not any(row.service == service for row in case.rows) for service in range(len(case.demand))):
        return Solution("infeasible", (), None, None, targets, limits.survive)
    if len(case.rows) == 1 and not (case.lose_nodes or case.lose_provider or case.lose_region or case.at_least):
        return _only_row(case, targets, limits.survive)
    if settings.enumerated and is_one_cover(case):
        cover = cheapest_cover(case)
        if cover is not None:
            return _covered(case, cover, targets, limits.survive)
    run, bound, packing = _minimise_cost(case, settings, clock)
    counts: Sequence[int] = run.counts
    if run.status == "optimal" and in_order and packing.orders == 1 and not clock.expired():
        counts = _first_in_order(case, counts, settings, clock)
    return solution_of(case, run, bound, counts, targets, limits.survive)


def carried(solution: Solution, service: int, tokens_per_s: float) -> int:
    """Return the demand that a solution's nodes carry for a service at a speed."""
    return sum(
        chosen.nodes * amount_at(chosen, tokens_per_s) for chosen in solution.chosen if chosen.row.service == service
    )


def kept_by(solution: Solution, service: int, amount: Callable[[Chosen], int]) -> int:
    """Return the demand carried after the worst loss to survive, by what one node of a row carries.

    0 when some node carries nothing (one kept for limits.nodes.min alone).
    """
    held = [(amount(c), c.nodes, c.row.candidate.offer.place) for c in solution.chosen if c.row.service == service]
    if any(capacity == 0 for capacity, _, _ in held):
        return 0
    total, survive = sum(capacity * nodes for capacity, nodes, _ in held), solution.survive
    lost, gone = 0, survive.nodes
    for capacity, nodes, _ in sorted(held, reverse=True):
        lost += capacity * min(nodes, gone)
        gone -= min(nodes, gone)
    for asked, parts in ((survive.provider, 1), (survive.region, 2)):  # a place is a provider and its region
        for name in {place[:parts] for _, _, place in held} if asked else ():
            lost = max(lost, sum(capacity * nodes for capacity, nodes, place in held if place[:parts] == name))
    return total - lost


def amount_at(chosen: Chosen, tokens_per_s: float) -> int:
    """Return the demand that one node of a row carries at a speed."""
    option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
    return option.replicas_on(offer) * option.speed.amount(tokens_per_s)


def _kept(solution: Solution, service: int, tokens_per_s: float) -> int:
    """Return the demand carried at a speed after the worst loss to survive."""
    return kept_by(solution, service, lambda chosen: amount_at(chosen, tokens_per_s))


def achieved_speed(solution: Solution, service: int, demand: int) -> float:
    """Return v*: the largest speed at which all nodes serve and carry a service's demand, losses included."""
    options = [chosen.row.candidate.option.speed for chosen in solution.chosen if chosen.row.service == service]

    def next_level(tokens_per_s: float) -> float | None:
        levels = (option.next_speed(tokens_per_s) for option in options)
        return min((level for level in levels if level is not None), default=None)

    reached, step = solution.targets[service], 1.0
    while (level := next_level(reached)) is not None and _kept(solution, service, level) >= demand:
        reached = level
        while _kept(solution, service, reached * (1 + step)) >= demand:  # leap over levels, in ever smaller steps
            reached *= 1 + step
        step = max(step / 4, 1e-9)
    return reached


def solve(candidates: CandidateSet, limits: Limits, budget: int | None, settings: SolveSettings) -> Solution:
    """Find the proven cheapest plan; among equals the one of highest plan speed, fewest nodes, first offers by id."""
    clock = Clock(settings)
    solution = solve_at(candidates, limits, candidates.targets(), budget, settings, clock)
    if solution.status != "optimal":
        return solution
    for service, demand in enumerate(candidates.demands):
        if candidates.services[service].kind == "async" or not solution.targets[service]:
            continue
        solution = _fastest_at_this_cost(candidates, limits, budget, solution, service, demand.amount, settings, clock)
    return solution


def _fastest_at_this_cost(
    candidates: CandidateSet, limits: Limits, budget: int | None, solution: Solution, service: int, demand: int,
    settings: SolveSettings, clock: Clock,
) -> Solution:
    """Raise one service's speed as far as the cost stays the same."""
    while not clock.expired():
        reached = achieved_speed(solution, service, demand)
        targets = tuple(reached if i == service else target for i, target in enumerate(solution.targets))
        solution = replace(solution, targets=targets)
        above = math.nextafter(reached, math.inf)
        higher = tuple(above if i == service else target for i, target in enumerate(targets))
        better = solve_at(candidates, limits, higher, budget, settings, clock)
        if better.status != "optimal" or better.cost != solution.cost:
            return solution
        solution = better
    return solution
