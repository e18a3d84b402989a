"""Solve one case, integers in and integers out: CP-SAT with all tie-breaks, and the shortcuts that are as exact."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.costs.contracts import billed_beyond
from optimizer.errors import Fault, InputError, ModelTooLargeError
from optimizer.formulation import CONSTRAINTS, OBJECTIVES, Case, Variables, reduce_case
from optimizer.formulation.cp_sat import cp_model
from optimizer.solve.alike import LIMIT, alike, cheapest_kinds
from optimizer.solve.cover import cheapest_cover, is_one_cover
from optimizer.solve.second import confirm, proven_without_cp_sat
from optimizer.solve.solver import cp_solver
from optimizer.traffic.class_split import losses, missing_cut

LARGEST_WEIGHT = 2**61
"""Packed objectives stay below this; larger ones are solved in stages."""

SOON = 0.05
"""CP-SAT's deterministic time of the first attempt, without presolve: some tens of milliseconds."""

EXTRA_S = 2.0
"""Seconds beyond a time limit for nodes that carry routed classes in the same shares."""

FEW_ROWS = 8
"""Rows up to which the order of offers may be packed into the objective."""

MOST_ROUNDS = 10_000
"""Answers of the model that are split before a search for routed classes is given up."""

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
    confirmed: bool = True
    """Whether a second engine looks at what CP-SAT proves; not at the what-ifs that stand beside a plan."""


def checked_settings(
    time_limit: tuple[str, float | None], deterministic_limit: tuple[str, float | None]
) -> SolveSettings:
    """Return settings with these limits, each given with the name of the option that states it.

    Raises:
        InputError: one of them is not a number above 0.
    """
    faults = [
        Fault("options", name, f"{value}", "a number above 0")
        for name, value in (time_limit, deterministic_limit) if value is not None and not 0 < value < float("inf")
    ]
    if faults:
        raise InputError(faults)
    return SolveSettings(time_limit_s=time_limit[1], deterministic_limit=deterministic_limit[1])


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


Build = Callable[["cp_model.CpModel", Variables], None]


@dataclass(frozen=True)
class Run:
    """Raw outcome of one call of CP-SAT."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    counts: tuple[int, ...]
    bound: int
    """Proven lower bound of the objective, in its own integers."""


def run_case(case: Case, settings: SolveSettings, clock: Clock, build: Build) -> Run:
    """Build all rules and what `build` adds, and solve; where classes are routed apart, until the nodes carry them.

    The model knows the split of classes by cuts only. Each answer is split exactly; nodes that do not carry the classes
    are ruled out by one more cut, and the model is solved again: as cuts hold for all nodes that carry the classes,
    the first answer that does is the optimum.
    """
    for _ in range(MOST_ROUNDS):
        run = _run_under_cuts(case, settings, clock, build)
        if not run.counts or not _learn(case, run.counts):
            return run
        if clock.expired():
            break
    return Run("unknown", (), run.bound)


def _learn(case: Case, counts: Sequence[int]) -> bool:
    """Add the cuts that nodes break because they do not carry the classes; false when they do."""
    more = False
    for service in case.routed:
        mine = [counts[i] for i in service.rows]
        for loss in losses(mine, service.groups, case.lose_nodes):
            cut = missing_cut(service.loads, loss, mine)
            if cut is not None:
                service.cuts.append(cut)
                more = True
    return more


def _run_under_cuts(case: Case, settings: SolveSettings, clock: Clock, build: Build) -> Run:
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


def _better(case: Case, one: Run, other: Run) -> Run:
    """Return the cheaper plan of two runs that were stopped, with the higher of their bounds."""
    bound = max(one.bound, other.bound)
    if not one.counts or (other.counts and cost_of(case, other.counts) <= cost_of(case, one.counts)):
        return replace(other, bound=bound)
    return replace(one, bound=bound)


def _attempt(cp: cp_model.CpModel, x: Variables, settings: SolveSettings, clock: Clock, presolve: bool) -> Run:
    """Call CP-SAT once."""
    solver = cp_solver(presolve, settings.deterministic_limit, clock.left(), settings.seed)
    names = {cp_model.OPTIMAL: "optimal", cp_model.FEASIBLE: "feasible", cp_model.INFEASIBLE: "infeasible"}
    status = names.get(solver.solve(cp), "unknown")
    counts = tuple(solver.value(node) for node in x.nodes) if status in ("optimal", "feasible") else ()
    return Run(status, counts, solver.response_proto.inner_objective_lower_bound)  # type: ignore[arg-type]


def cost_of(case: Case, counts: Sequence[int]) -> int:
    """Return micro-dollars an hour of so many nodes of each row, as providers with a contract bill them."""
    listed = sum(row.price * count for row, count in zip(case.rows, counts, strict=True))
    return listed + (_billed_beyond(case, counts) if case.bills else 0)


def _billed_beyond(case: Case, counts: Sequence[int]) -> int:
    """Return what the contracts add to the prices of the nodes."""
    spend: dict[str, int] = {}
    nodes: dict[str, int] = {}
    for row, count in zip(case.rows, counts, strict=True):
        spend[row.provider] = spend.get(row.provider, 0) + row.price * count
        nodes[row.provider] = nodes.get(row.provider, 0) + count
    return billed_beyond(case.bills, spend, nodes)


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


def _minimise_cost(case: Case, settings: SolveSettings, clock: Clock) -> tuple[Run, int, Packing]:
    """Minimise cost, then nodes, then by order, in one objective as far as numbers allow; return also a cost bound."""
    packing = Packing.of(case)
    run = run_case(case, settings, clock, lambda cp, x: packing.minimise(cp, case, x))
    if packing.nodes == 1 and run.status == "optimal":
        cost = cost_of(case, run.counts)
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
    cost, nodes = cost_of(case, counts), sum(counts)
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


@dataclass(frozen=True)
class Proven:
    """The outcome of one case."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    counts: tuple[int, ...]
    """Nodes of each row; empty without a plan."""
    bound: int | None
    """No plan costs less, in micro-dollars an hour."""


INFEASIBLE = Proven("infeasible", (), None)


def _only_row(case: Case) -> Proven:
    """Solve a case that reductions left with one row by arithmetic: the fewest nodes that suffice cost least."""
    row = case.rows[0]
    nodes = max(-(-case.demand[0] // row.capacity), case.min_nodes)
    cost = row.price * nodes
    dear = case.budget is not None and cost > case.budget
    hungry = case.watts is not None and row.watts * nodes > case.watts
    return INFEASIBLE if nodes > row.most or dear or hungry else Proven("optimal", (nodes,), cost)


def prove(case: Case, settings: SolveSettings, clock: Clock, in_order: bool = True) -> Proven:
    """Find the cheapest plan of a case: fewest nodes, then first offers by id, among equals in cost.

    Where routed classes leave a limit without any plan, nodes that carry them in the same shares stand in.
    """
    found = prove_reduced(case, settings, clock, in_order)
    if found.status != "unknown" or not case.routed:
        return found
    counts = _in_same_shares(case, settings)
    return found if counts is None else Proven("feasible", counts, min(found.bound or 0, cost_of(case, counts)))


def _in_same_shares(case: Case, settings: SolveSettings) -> tuple[int, ...] | None:
    """Return nodes that carry routed classes in the same shares; None where none are found soon."""
    extra = None if settings.time_limit_s is None else EXTRA_S
    brief = SolveSettings(time_limit_s=extra, deterministic_limit=LIMIT, seed=settings.seed)
    whole = alike(case)
    for part in (cheapest_kinds(whole), whole):
        reduced = reduce_case(part)
        found = prove_reduced(reduced, brief, Clock(brief), in_order=False)
        if found.counts:
            taken = {(row.service, row.rank): n for row, n in zip(reduced.rows, found.counts, strict=True)}
            return tuple(taken.get((row.service, row.rank), 0) for row in case.rows)
    return None


def prove_reduced(case: Case, settings: SolveSettings, clock: Clock, in_order: bool) -> Proven:
    """Solve a reduced case by arithmetic, by enumeration or by CP-SAT, whichever is quickest."""
    if any(not any(row.service == service for row in case.rows) for service in range(len(case.demand))):
        return INFEASIBLE
    if not all(service.servable() for service in case.routed):
        return INFEASIBLE
    special = case.lose_nodes or case.lose_provider or case.lose_region or case.at_least or case.routed
    if len(case.rows) == 1 and not special and case.spot_share is None and not case.bills:
        return _only_row(case)
    if is_one_cover(case) and (settings.enumerated or settings.reduced):
        cover = cheapest_cover(case) if settings.enumerated else proven_without_cp_sat(case)
        if cover is not None:
            counts = cover.counts
            return INFEASIBLE if counts is None else Proven("optimal", counts, cost_of(case, counts))
    return _by_cp_sat(case, settings, clock, in_order)


def _by_cp_sat(case: Case, settings: SolveSettings, clock: Clock, in_order: bool) -> Proven:
    start = time.monotonic()
    run, bound, packing = _minimise_cost(case, settings, clock)
    settled = run.status in ("optimal", "infeasible")
    if settled and settings.confirmed and settings.reduced and not clock.expired():
        confirm(case, cost_of(case, run.counts) if run.counts else None, time.monotonic() - start, clock.left())
    counts: Sequence[int] = run.counts
    if run.status == "optimal" and in_order and packing.orders == 1 and not clock.expired():
        counts = _first_in_order(case, counts, settings, clock)
    return proven_of(case, run, bound, counts)


def proven_of(case: Case, run: Run, bound: int, counts: Sequence[int]) -> Proven:
    """Read a run of CP-SAT back; an optimal plan is its own bound."""
    if run.status == "infeasible":
        return INFEASIBLE
    return Proven(run.status, tuple(counts), cost_of(case, counts) if run.status == "optimal" else bound)


def keeps_shared_rules(case: Case, counts: Sequence[int]) -> bool:
    """Say whether plans of single services, taken together, keep the rules that look at all of them."""
    used = [(row, count) for row, count in zip(case.rows, counts, strict=True) if count]
    taken: dict[int, int] = {}
    own: dict[str, int] = {}
    engines: dict[str, set[str]] = {}
    for row, count in used:
        taken[row.offer] = taken.get(row.offer, 0) + count
        own[row.offer_id] = own.get(row.offer_id, 0) + count
        engines.setdefault(row.gpu if case.engine_policy == "per_gpu" else "", set()).add(row.engine)
    nodes = sum(counts)
    return (
        all((stock := case.stock[offer]) is None or count <= stock for offer, count in taken.items())
        and all(row.own_stock is None or own[row.offer_id] <= row.own_stock for row, _ in used)
        and (case.budget is None or cost_of(case, counts) <= case.budget)
        and case.min_nodes <= nodes
        and (case.max_nodes is None or nodes <= case.max_nodes)
        and (case.max_gpu_types is None or len({row.gpu for row, _ in used}) <= case.max_gpu_types)
        and (case.engine_policy == "any" or all(len(names) == 1 for names in engines.values()))
        and (case.watts is None or sum(row.watts * count for row, count in used) <= case.watts)
    )
