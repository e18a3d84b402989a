"""Shared fleets: gpumix against plain CP-SAT and HiGHS, on services and offers drawn from the shipped catalog.

python -m tests.benchmarks.fleet              # 20 x 20, 50 x 50 and 500 x 100; some minutes
python -m tests.benchmarks.fleet --sizes 20x20 --seeds 1,2,3

Models, GPUs, prices and speeds are the catalog's; which of them, request lengths, speed targets, demands (log-normal)
and stocks are drawn with a seed. The rivals get the same options (the best of each number of GPUs), in two models:
`plain` counts replicas by service and offer with sum t n <= g N for each offer, which is exact as all sizes are powers
of two; `grouped` is gpumix's own, in which offers of one GPU type hold replicas together.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from optimizer.fleet import FleetCase, build_fleet, solve_fleet
from optimizer.fleet.rules import cost_of_nodes, fleet_model
from optimizer.fleet.solution import cost_of
from ortools.math_opt.python import mathopt

from optimizer.candidates import Market, enumerate_candidates
from optimizer.costs import priced_offers
from optimizer.formulation.cp_sat import cp_model
from optimizer.load import Catalog, load_catalog
from optimizer.schema.problem import Demand, Limits, Problem, RequestClass, Service, Slo
from optimizer.solve import SolveSettings
from optimizer.solve.prove import Clock
from optimizer.solve.solver import cp_solver

LENGTHS = ((256, 128), (512, 256), (1024, 256), (1024, 512), (2048, 512), (4096, 512), (512, 1024))
SPEEDS = (15.0, 20.0, 25.0, 30.0, 40.0)
LIMITS = {"20x20": 1.0, "50x50": 10.0, "500x100": 15.0}
"""Seconds that each solver is given, as the goal is."""

LARGEST_BILLION = 120
SPARE = 1.3
"""So many times more services are drawn than asked for, as some fit no offer drawn."""


@dataclass(frozen=True)
class Outcome:
    """What one solver found."""

    solver: str
    status: str
    usd_per_hour: float | None
    bound: float | None
    seconds: float
    """Of the processor."""


def service(draw: random.Random, number: int, models: list[str]) -> Service:
    """Draw a service."""
    isl, osl = draw.choice(LENGTHS)
    return Service(
        service_id=f"s{number:04d}", model=draw.choice(models), slo=Slo(tokens_per_s_per_user=draw.choice(SPEEDS)),
        workload=(RequestClass(isl_tokens=isl, osl_tokens=osl),), headroom_fraction=0.0,
        demand=Demand(peak_concurrency=int(draw.lognormvariate(3.5, 1.1)) + 1))


def drawn(services: int, offers: int, seed: int, catalog: Catalog) -> tuple[FleetCase, float]:
    """Draw an instance; return also the processor seconds that its candidates took."""
    draw = random.Random(seed)
    small = sorted(name for name, one in catalog.models.items() if one.parameters_billion <= LARGEST_BILLION)
    models = draw.sample(small, min(60, len(small)))
    asked = tuple(service(draw, number, models) for number in range(int(services * SPARE) + 2))
    problem = Problem(schema_version=1, name="fleet", services=asked, limits=Limits())
    market = Market.of(priced_offers(catalog, problem), problem.limits).admitted
    chosen = sorted(draw.sample(range(len(market)), offers))
    by = max(1, services // 20)
    stocked = [replace(market[i], stock=draw.choice((2, 4, 8, 16, 32)) * by, stock_pool="") for i in chosen]
    start = time.process_time()
    candidates = enumerate_candidates(problem, catalog, Market.of(stocked, problem.limits), {})
    took = time.process_time() - start
    case = build_fleet(candidates, problem.limits, None)
    return case.only([i for i, items in enumerate(case.by_service) if items][:services]), took


def gpumix(case: FleetCase, _limit: float) -> Outcome:
    """Solve as `gpumix fleet` does, tie-breaks and placement included, to its own end."""
    start, settings = time.process_time(), SolveSettings()
    found = solve_fleet(case, settings, Clock(settings))
    cost = None if found.placement is None else cost_of(case, found.placement.nodes) / 1e6
    bound = None if found.bound is None else found.bound / 1e6
    return Outcome("gpumix", found.status, cost, bound, time.process_time() - start)


Pairs = list[tuple[int, int, int, int]]
"""(service, offer, GPUs, capacity) of every replica that fits."""


def pairs_of(case: FleetCase) -> Pairs:
    """List the columns of the plain model."""
    return [
        (item.service, o, item.gpus, item.capacity) for item in case.items for o, supply in enumerate(case.supplies)
        if supply.group == item.group and supply.gpus >= item.gpus]


def plain_cp_sat(case: FleetCase, limit: float) -> Outcome:
    """Give CP-SAT replicas by service and offer, with its settings of measure but no reduction."""
    start, cp = time.process_time(), cp_model.CpModel()
    nodes = [cp.new_int_var(0, supply.most, "") for supply in case.supplies]
    carried, used = defaultdict(list), defaultdict(list)
    for s, o, gpus, capacity in pairs_of(case):
        count = cp.new_int_var(0, -(-case.demand[s] // capacity), "")
        carried[s].append(capacity * count)
        used[o].append(gpus * count)
    for s, demand in enumerate(case.demand):
        cp.add(sum(carried[s]) >= demand)
    for o, taken in used.items():
        cp.add(sum(taken) <= case.supplies[o].gpus * nodes[o])
    cp.minimize(sum(supply.price * count for supply, count in zip(case.supplies, nodes, strict=True)))
    return _cp_sat("CP-SAT, plain", cp, start, limit)


def grouped_cp_sat(case: FleetCase, limit: float) -> Outcome:
    """Give CP-SAT the model of gpumix, and nothing else."""
    start, model = time.process_time(), fleet_model(case)
    model.cp.minimize(cost_of_nodes(case, model))
    return _cp_sat("CP-SAT, grouped", model.cp, start, limit)


def _cp_sat(name: str, cp: cp_model.CpModel, start: float, limit: float) -> Outcome:
    solver = cp_solver(presolve=True, seconds=limit)
    status = solver.status_name(solver.solve(cp)).lower()
    found = status in ("optimal", "feasible")
    return Outcome(name, status, solver.objective_value / 1e6 if found else None, solver.best_objective_bound / 1e6,
                   time.process_time() - start)


def plain_highs(case: FleetCase, limit: float) -> Outcome:
    """Give HiGHS replicas by service and offer."""
    start, model = time.process_time(), mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=supply.most) for supply in case.supplies]
    carried, used = defaultdict(list), defaultdict(list)
    for s, o, gpus, capacity in pairs_of(case):
        count = model.add_integer_variable(lb=0, ub=-(-case.demand[s] // capacity))
        carried[s].append(capacity * count)
        used[o].append(gpus * count)
    for s, demand in enumerate(case.demand):
        model.add_linear_constraint(lb=demand, expr=mathopt.fast_sum(carried[s]))
    for o, taken in used.items():
        model.add_linear_constraint(ub=0, expr=mathopt.fast_sum(taken) - case.supplies[o].gpus * nodes[o])
    return _highs("HiGHS, plain", case, model, nodes, start, limit)


def grouped_highs(case: FleetCase, limit: float) -> Outcome:
    """Give HiGHS the model of gpumix."""
    start, model = time.process_time(), mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=supply.most) for supply in case.supplies]
    replicas = [model.add_integer_variable(lb=0, ub=item.most) for item in case.items]
    for s, mine in enumerate(case.by_service):
        held = mathopt.fast_sum(case.items[i].capacity * replicas[i] for i in mine)
        model.add_linear_constraint(lb=case.demand[s], expr=held)
    for group in case.groups:
        for size in case.sizes(group):
            mine = [i for i in case.by_group[group] if case.items[i].gpus >= size]
            taken = [case.items[i].gpus // size * replicas[i] for i in mine]
            slots = [case.supplies[o].gpus // size * nodes[o] for o in case.supplies_of[group]]
            model.add_linear_constraint(ub=0, expr=mathopt.fast_sum(taken) - mathopt.fast_sum(slots))
    return _highs("HiGHS, grouped", case, model, nodes, start, limit)


def _highs(
    name: str, case: FleetCase, model: mathopt.Model, nodes: list[mathopt.Variable], start: float, limit: float
) -> Outcome:
    price = [supply.price / 1e6 * count for supply, count in zip(case.supplies, nodes, strict=True)]
    model.minimize(mathopt.fast_sum(price))
    found = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(
        relative_gap_tolerance=0.0, time_limit=timedelta(seconds=limit)))
    bounds, status = found.termination.objective_bounds, found.termination.reason.name.lower()
    cost = bounds.primal_bound if status in ("optimal", "feasible") else None
    return Outcome(name, status, cost, bounds.dual_bound, time.process_time() - start)


SOLVERS: tuple[Callable[[FleetCase, float], Outcome], ...] = (
    gpumix, plain_cp_sat, plain_highs, grouped_cp_sat, grouped_highs)


def row(size: str, seed: int, one: Outcome, best_bound: float) -> str:
    """Write a line of the table; the gap is to the best bound of all solvers."""
    cost = "-" if one.usd_per_hour is None else f"{one.usd_per_hour:,.2f}"
    gap = "-" if one.usd_per_hour is None else f"{max(0.0, 1 - best_bound / one.usd_per_hour):.2%}"
    own = "-" if one.usd_per_hour is None or one.bound is None else f"{max(0.0, 1 - one.bound / one.usd_per_hour):.2%}"
    return f"| {size} | {seed} | {one.solver} | {one.status} | {cost} | {gap} | {own} | {one.seconds:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(LIMITS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--stretch", type=float, default=1.0, help="times the limits, where the machine is shared")
    told = parser.parse_args()
    catalog = load_catalog()
    print("| services x offers | seed | solver | ended | USD/hour | off the best bound | own gap | processor seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for size in told.sizes.split(","):
        services, offers = map(int, size.split("x"))
        for seed in map(int, told.seeds.split(",")):
            case, _ = drawn(services, offers, seed, catalog)
            found = [solve(case, LIMITS.get(size, 10.0) * told.stretch) for solve in SOLVERS]
            best = max(one.bound for one in found if one.bound is not None)
            for one in found:
                print(row(size, seed, one, best), flush=True)


if __name__ == "__main__":
    main()
