"""Services on shared nodes: gpumix against plain CP-SAT and HiGHS, on services and offers of the shipped catalog.

python -m tests.benchmarks.fleet              # 20 x 20, 50 x 50 and 500 x 100; some minutes
python -m tests.benchmarks.fleet --sizes 2000x200 --seeds 1 --only gpumix

Models, GPUs, prices and speeds are the catalog's; which of them, request lengths, speed targets, demands (log-normal)
and stocks are drawn with a seed. The rivals get the same options (the best of each number of GPUs), in two models:
`plain` counts replicas by service and offer with sum t n <= g N for each offer, which is exact as all sizes are powers
of two; `grouped` is gpumix's own program, in which offers of one GPU type hold replicas together.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.candidates import Market, Shelf, enumerate_candidates
from optimizer.costs import priced_offers
from optimizer.load import Catalog, LoadedProblem, load_catalog
from optimizer.question.build import ask
from optimizer.question.program import Known, Program
from optimizer.question.question import Question
from optimizer.question.rules import program_of
from optimizer.schema.problem import Demand, Limits, Problem, RequestClass, Service, Slo
from optimizer.solve import Prepared
from optimizer.solve.solver import cp_solver
from optimizer.strategies.answer import answer
from optimizer.strategies.cp_sat import model_of
from optimizer.strategies.found import Effort
from optimizer.strategies.highs import by_highs

LENGTHS = ((256, 128), (512, 256), (1024, 256), (1024, 512), (2048, 512), (4096, 512), (512, 1024))
SPEEDS = (15.0, 20.0, 25.0, 30.0, 40.0)
LIMITS = {"20x20": 1.0, "50x50": 10.0, "500x100": 10.0, "2000x200": 60.0}
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
    bound: float
    seconds: float
    """Of the processor."""


def service(draw: random.Random, number: int, models: list[str]) -> Service:
    """Draw a service."""
    isl, osl = draw.choice(LENGTHS)
    return Service(
        service_id=f"s{number:04d}", model=draw.choice(models), slo=Slo(tokens_per_s_per_user=draw.choice(SPEEDS)),
        workload=(RequestClass(isl_tokens=isl, osl_tokens=osl),), headroom_fraction=0.0,
        demand=Demand(peak_concurrency=int(draw.lognormvariate(3.5, 1.1)) + 1))


def drawn(services: int, offers: int, seed: int, catalog: Catalog) -> Question:
    """Draw a question whose every service fits some offer."""
    draw, shelf = random.Random(seed), Shelf(100_000)
    small = sorted(name for name, one in catalog.models.items() if one.parameters_billion <= LARGEST_BILLION)
    models = draw.sample(small, min(60, len(small)))
    every = tuple(service(draw, number, models) for number in range(int(services * SPARE) + 2))
    problem = Problem(schema_version=1, name="fleet", services=every[:1], limits=Limits(), sharing="nodes")
    market = Market.of(priced_offers(catalog, problem), problem.limits).admitted
    chosen = sorted(draw.sample(range(len(market)), offers))
    by = max(1, services // 20)
    stocked = [replace(market[i], stock=draw.choice((2, 4, 8, 16, 32)) * by, stock_pool="") for i in chosen]

    def asked(some: tuple[Service, ...]) -> Question:
        part = problem.model_copy(update={"services": some})  # a problem file has at most 1,000
        candidates = enumerate_candidates(part, catalog, Market.of(stocked, part.limits), {}, shelf)
        return ask(Prepared(LoadedProblem(part, "", "fleet", "0" * 64, {}), part, catalog, candidates, None)).question

    fits = {way.service for way in asked(every).ways}
    return asked(tuple(one for i, one in enumerate(every) if i in fits)[:services])


def gpumix(question: Question, limit: float) -> Outcome:
    """Answer as `gpumix solve` does."""
    start = time.process_time()
    found = answer(question, Effort(time.monotonic() + limit))
    return Outcome(f"gpumix ({found.method})", found.status, None if found.cost is None else found.cost / 1e6,
                   found.bound / 1e6, time.process_time() - start)


def grouped(question: Question) -> Program:
    """State the program of gpumix, and nothing else."""
    return program_of(question, Known.of(question))


def plain(question: Question) -> Program:
    """Count replicas by service and offer."""
    program = Program([stay.price for stay in question.stays], [stay.most for stay in question.stays])
    carried: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, stay in enumerate(question.stays):
        supply = question.supplies[stay.supply]
        used = [(number, -supply.gpus)]
        for way in (question.ways[i] for i in question.ways_of.get(supply.host, ())):
            if way.gpus <= supply.gpus:
                demand = question.periods[0].demand[way.service]
                used.append((program.column(-(-demand // way.capacity)), way.gpus))
                carried[way.service].append((used[-1][0], min(way.capacity, demand)))
        program.row(used, most=0)
    for one, terms in carried.items():
        program.row(terms, least=question.periods[0].demand[one])
    return program


def cp_sat(name: str, program: Program, limit: float) -> Outcome:
    """Give a program to CP-SAT, with its settings of measure."""
    start, (cp, _) = time.process_time(), model_of(program)
    solver = cp_solver(presolve=True, seconds=limit)
    status = solver.status_name(solver.solve(cp)).lower()
    found = status in ("optimal", "feasible")
    return Outcome(name, status, solver.objective_value / 1e6 if found else None, solver.best_objective_bound / 1e6,
                   time.process_time() - start)


def highs(name: str, program: Program, limit: float) -> Outcome:
    """Give a program to HiGHS."""
    start = time.process_time()
    found = by_highs(program, Effort(time.monotonic() + limit))
    return Outcome(name, found.status, program.cost_of(found.values) / 1e6 if found.values else None, found.bound / 1e6,
                   time.process_time() - start)


SOLVERS: dict[str, Callable[[Question, float], Outcome]] = {
    "gpumix": gpumix,
    "CP-SAT, plain": lambda question, limit: cp_sat("CP-SAT, plain", plain(question), limit),
    "HiGHS, plain": lambda question, limit: highs("HiGHS, plain", plain(question), limit),
    "CP-SAT, grouped": lambda question, limit: cp_sat("CP-SAT, grouped", grouped(question), limit),
    "HiGHS, grouped": lambda question, limit: highs("HiGHS, grouped", grouped(question), limit),
}


def row(size: str, seed: int, one: Outcome, best_bound: float) -> str:
    """Write a line of the table; the gap is to the best bound of all solvers."""
    cost = "-" if one.usd_per_hour is None else f"{one.usd_per_hour:,.2f}"
    gap = "-" if one.usd_per_hour is None else f"{max(0.0, 1 - best_bound / one.usd_per_hour):.3%}"
    own = "-" if one.usd_per_hour is None else f"{max(0.0, 1 - one.bound / one.usd_per_hour):.3%}"
    return f"| {size} | {seed} | {one.solver} | {one.status} | {cost} | {gap} | {own} | {one.seconds:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20x20,50x50,500x100")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--only", default=",".join(SOLVERS).replace(", ", "|"), help="solvers, parted by commas")
    parser.add_argument("--stretch", type=float, default=1.0, help="times the limits, where the machine is shared")
    told = parser.parse_args()
    catalog, names = load_catalog(), [name.replace("|", ", ") for name in told.only.split(",")]
    print("| services x offers | seed | solver | ended | USD/hour | off the best bound | own gap | processor seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for size in told.sizes.split(","):
        services, offers = map(int, size.split("x"))
        for seed in map(int, told.seeds.split(",")):
            question = drawn(services, offers, seed, catalog)
            found = [SOLVERS[name](question, LIMITS.get(size, 10.0) * told.stretch) for name in names]
            best = max(one.bound for one in found)
            for one in found:
                print(row(size, seed, one, best), flush=True)


if __name__ == "__main__":
    main()
