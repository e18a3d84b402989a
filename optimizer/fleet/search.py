"""The cheapest fleet by CP-SAT, ties broken; losses are added as they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.errors import Fault, ModelTooLargeError
from optimizer.fleet.case import FleetCase
from optimizer.fleet.losses import NOTHING_LOST, Loss, left_of, losses_of
from optimizer.fleet.rules import FleetModel, cost_of_nodes, fleet_model
from optimizer.fleet.solution import INFEASIBLE, FleetSolution, Placement, cost_of
from optimizer.formulation.cp_sat import LinearExpr, cp_model
from optimizer.solve.prove import LARGEST_WEIGHT, Clock, SolveSettings
from optimizer.solve.solver import cp_solver

SOON = 0.1
"""CP-SAT's deterministic time of the first attempt, without presolve."""

TIE_LIMIT = 1.0
"""CP-SAT's deterministic time for breaking ties and for placing replicas on given nodes; what it reaches stands."""

ORDER_WEIGHT = 2**52
"""Product of the ranges of the counts whose order one solve settles."""


@dataclass(frozen=True)
class Found:
    """Raw outcome of one model."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    nodes: tuple[int, ...]
    replicas: tuple[int, ...]
    """Of the model's first scenario."""
    served: tuple[bool, ...]
    bound: int
    value: int


def search(
    model: FleetModel, objective: LinearExpr | int, settings: SolveSettings, clock: Clock, hint: Placement | None = None
) -> Found:
    """Minimise: soon without presolve, else with it; infeasible is believed only without.

    Raises:
        ModelTooLargeError: the numbers exceed the solver's integers.
    """
    model.cp.minimize(objective)
    problem = model.cp.validate()
    if problem:
        allowed = f"smaller ones ({problem.splitlines()[0]})"
        raise ModelTooLargeError([Fault("problem", "demand", "numbers beyond 63-bit integers", allowed)])
    if hint is not None:
        _hint(model, hint)
    limit = settings.deterministic_limit
    first = _attempt(model, SOON if limit is None else min(SOON, limit), settings, clock, presolve=False)
    if first.status in ("optimal", "infeasible") or clock.expired() or (limit is not None and limit <= SOON):
        return first
    if first.nodes and hint is None:
        _hint(model, Placement(first.nodes, first.replicas))
    second = _attempt(model, limit, settings, clock, presolve=True)
    if second.status == "infeasible":
        second = _attempt(model, limit, settings, clock, presolve=False)
    if second.status in ("optimal", "infeasible"):
        return second
    best = first if first.nodes and (not second.nodes or first.value < second.value) else second
    return replace(best, bound=max(first.bound, second.bound))


def _hint(model: FleetModel, hint: Placement) -> None:
    model.cp.clear_hints()  # type: ignore[no-untyped-call]
    for variable, value in zip(model.nodes, hint.nodes, strict=True):
        model.cp.add_hint(variable, value)
    for variable, value in zip(next(iter(model.replicas.values())), hint.replicas, strict=True):
        model.cp.add_hint(variable, value)


def _attempt(
    model: FleetModel, limit: float | None, settings: SolveSettings, clock: Clock, presolve: bool
) -> Found:
    solver = cp_solver(presolve, limit, clock.left(), settings.seed)
    names = {cp_model.OPTIMAL: "optimal", cp_model.FEASIBLE: "feasible", cp_model.INFEASIBLE: "infeasible"}
    status = names.get(solver.solve(model.cp), "unknown")
    bound = solver.response_proto.inner_objective_lower_bound
    if status not in ("optimal", "feasible"):
        return Found(status, (), (), (), bound, 0)  # type: ignore[arg-type]
    first = next(iter(model.replicas.values()))
    return Found(
        status, tuple(solver.value(one) for one in model.nodes),  # type: ignore[arg-type]
        tuple(solver.value(one) for one in first), tuple(bool(solver.value(one)) for one in model.served), bound,
        round(solver.objective_value))


def cheapest(
    case: FleetCase, settings: SolveSettings, clock: Clock, hint: Placement | None = None, in_order: bool = True,
    floor: int = 0, losses: Sequence[Loss] = (),
) -> FleetSolution:
    """Find the cheapest fleet; among equals the fewest nodes, then the first offers by id, then the fewest GPUs in use.

    A loss joins the model when a fleet found does not survive it; until then it costs nothing.

    Args:
        case: the question.
        settings: how long to search.
        clock: counts the time down.
        hint: a fleet to start from.
        in_order: break ties; else only the cost counts.
        floor: no fleet costs less, as is proven already.
        losses: those to look at from the start.
    """
    while True:
        found, bound = _least_cost(case, losses, settings, clock, hint, floor)
        if found.status == "infeasible":
            return INFEASIBLE
        if not found.nodes:
            return FleetSolution("unknown", None, bound)
        if in_order and found.status == "optimal" and not clock.expired():
            found = _first_in_order(case, losses, found, settings, clock)
        short = [loss for loss in losses_of(case, found.nodes) if loss not in losses and not _stands(case, found, loss)]
        if not short:
            return _placed(case, found, bound, settings) if in_order else _raw(case, found, bound)
        if found.status != "optimal":
            return FleetSolution("unknown", None, bound)
        losses, hint = (*losses, *short), None


def _least_cost(
    case: FleetCase, losses: Sequence[Loss], settings: SolveSettings, clock: Clock, hint: Placement | None, floor: int
) -> tuple[Found, int]:
    """Minimise cost, then the number of nodes, in one objective as far as numbers allow; return also a cost bound."""
    model = fleet_model(case, losses)
    if floor:
        model.cp.add(cost_of_nodes(case, model) >= floor)
    nodes = sum(supply.most for supply in case.supplies) + 1
    nodes = nodes if case.cost_bound * nodes < LARGEST_WEIGHT else 1
    count = LinearExpr.sum(model.nodes)
    objective = cost_of_nodes(case, model) * nodes + (count if nodes > 1 else 0)
    found = search(model, objective, settings, clock, hint)
    return found, max(0, -(-(found.bound - (nodes - 1)) // nodes))


def _first_in_order(
    case: FleetCase, losses: Sequence[Loss], found: Found, settings: SolveSettings, clock: Clock
) -> Found:
    """Among fleets of this cost and number of nodes, take the one with most nodes of the first offers by id."""
    cost, count = cost_of(case, found.nodes), sum(found.nodes)
    rivals = [i for i, supply in enumerate(case.supplies) if supply.price <= cost]
    if len(rivals) < 2 or not count:
        return found
    fixed: dict[int, int] = {}
    brief = replace(settings, deterministic_limit=min(TIE_LIMIT, settings.deterministic_limit or TIE_LIMIT))
    if search(_another(case, losses, found), 0, brief, clock).status == "infeasible":
        return found
    for chunk in _chunks(case, rivals, count):
        model = _no_dearer(case, losses, found)
        for i, value in fixed.items():
            model.cp.add(model.nodes[i] == value)
        weight, terms = 1, []
        for i in reversed(chunk):
            terms.append(-weight * model.nodes[i])
            weight *= min(case.supplies[i].most, count) + 1
        better = search(model, sum(terms), brief, clock, Placement(found.nodes, found.replicas))
        if better.status != "optimal":
            return found
        found = replace(better, status=found.status)
        fixed |= {i: found.nodes[i] for i in chunk}
        if sum(fixed.values()) == count:
            break
    return found


def _no_dearer(case: FleetCase, losses: Sequence[Loss], found: Found) -> FleetModel:
    """Build the model of fleets that cost no more and have no more nodes."""
    model = fleet_model(case, losses)
    model.cp.add(cost_of_nodes(case, model) <= cost_of(case, found.nodes))
    model.cp.add(LinearExpr.sum(model.nodes) <= sum(found.nodes))
    return model


def _another(case: FleetCase, losses: Sequence[Loss], found: Found) -> FleetModel:
    """Build the model of those with more nodes of some offer than the one found."""
    model = _no_dearer(case, losses, found)
    more = []
    for variable, count, supply in zip(model.nodes, found.nodes, case.supplies, strict=True):
        if count < supply.most:
            literal = model.cp.new_bool_var("")
            model.cp.add(variable >= count + 1).only_enforce_if(literal)
            more.append(literal)
    model.cp.add_bool_or(more)
    return model


def _chunks(case: FleetCase, rivals: Sequence[int], count: int) -> list[list[int]]:
    """Split offers, in order, into runs whose counts fit one mixed-radix number."""
    chunks: list[list[int]] = [[]]
    product = 1
    for i in rivals:
        span = min(case.supplies[i].most, count) + 1
        if product * span > ORDER_WEIGHT and chunks[-1]:
            chunks.append([])
            product = 1
        product *= span
        chunks[-1].append(i)
    return chunks


def place(
    case: FleetCase, nodes: Sequence[int], seed: int = 0, limit: float | None = TIE_LIMIT
) -> Placement | None:
    """Place replicas of every service on given nodes, on as few GPUs as can be found; None where they do not fit.

    Raises:
        TimeoutError: it is not known whether they fit.
    """
    given = replace(
        case, supplies=tuple(replace(s, most=count) for s, count in zip(case.supplies, nodes, strict=True)),
        budget=None, at_least=(), min_nodes=0, watts=None, stock=tuple(None for _ in case.stock), max_nodes=None)
    model = fleet_model(given)
    for variable, count in zip(model.nodes, nodes, strict=True):
        model.cp.add(variable == count)
    used = LinearExpr.weighted_sum(model.replicas[NOTHING_LOST], [item.gpus for item in case.items])
    brief = SolveSettings(deterministic_limit=limit, seed=seed)
    found = search(model, used, brief, Clock(brief))
    if found.status == "unknown":
        raise TimeoutError
    return Placement(tuple(nodes), found.replicas) if found.nodes else None


def placed_on(case: FleetCase, known: Placement, settings: SolveSettings) -> Placement:
    """Place replicas again on a fleet's nodes, on as few GPUs as can be found."""
    try:
        return place(case, known.nodes, settings.seed) or known
    except TimeoutError:
        return known


def _stands(case: FleetCase, found: Found, loss: Loss) -> bool:
    """Say whether every service can be placed again on what a loss leaves; not known counts as not."""
    try:
        return place(case, left_of(case, found.nodes, loss)) is not None
    except TimeoutError:
        return False


def _raw(case: FleetCase, found: Found, bound: int) -> FleetSolution:
    bound = cost_of(case, found.nodes) if found.status == "optimal" else bound
    return FleetSolution(found.status, Placement(found.nodes, found.replicas), bound, tuple(True for _ in case.demand))


def _placed(case: FleetCase, found: Found, bound: int, settings: SolveSettings) -> FleetSolution:
    """Place replicas on the nodes found, and again after each loss."""
    placement = placed_on(case, Placement(found.nodes, found.replicas), settings)
    after = []
    for loss in losses_of(case, found.nodes):
        left = left_of(case, found.nodes, loss)
        try:
            again = place(case, left, settings.seed)
        except TimeoutError:
            again = place(case, left, settings.seed, limit=None)
        if again is not None:
            after.append((loss, again))
    bound = cost_of(case, found.nodes) if found.status == "optimal" else bound
    return FleetSolution(found.status, placement, bound, tuple(True for _ in case.demand), tuple(after))
