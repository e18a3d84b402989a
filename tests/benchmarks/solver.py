"""2,000 offers x 20 options: candidates, reduction and proof, against HiGHS and PuLP/CBC on the unreduced model."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from optimizer.formulation import Case, build_case, reduce_case
from optimizer.load import Catalog, LoadedProblem, load_catalog
from optimizer.load.problem import parse_problem
from optimizer.schema.catalog import RentedOffer
from optimizer.solve import Prepared, SolveSettings, prepare, prove
from tests.benchmarks.timing import median_seconds, seconds

OFFERS = 2000
GPUS = (
    "l4-24gb",
    "l40s-48gb",
    "a10g-24gb",
    "a100-sxm-80gb",
    "h100-sxm-80gb",
    "h200-sxm-141gb",
    "rtx-a6000-48gb",
    "b200-sxm-180gb",
)
PROBLEM = """
schema_version: 1
name: benchmark
services:
  - service_id: chat
    model: llama-3.1-8b-instruct
    precisions: [bf16, fp8, int8, int4]
    engines: [vllm, sglang, tensorrt-llm]
    slo: {tokens_per_s_per_user: 25, ttft_ms: 4000}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 5000}
limits: {kinds: [on_demand]}
"""


def offers(seed: int = 0) -> dict[str, RentedOffer]:
    """Make nodes of real GPU types at prices of no pattern, a third of them in short supply."""
    draw = random.Random(seed)
    made = {}
    for number in range(OFFERS):
        gpu, count = draw.choice(GPUS), draw.choice((1, 2, 4, 8))
        offer_id = f"offer-{number:04d}"
        made[offer_id] = RentedOffer(
            offer_id=offer_id,
            provider="bench",
            region=f"r{number % 20}",
            gpu_id=gpu,
            gpu_count=count,
            kind="on_demand",
            price=round(count * draw.uniform(0.4, 6.0), 6),
            stock=draw.choice((None, None, draw.randint(1, 30))),
            source_url="tests/benchmarks",
            as_of="2026-11-22",
        )
    return made


def question() -> tuple[LoadedProblem, Catalog]:
    """Return the problem and a catalog with only the made offers."""
    loaded = parse_problem(PROBLEM, "benchmark")
    catalog = load_catalog(references={"llama-3.1-8b-instruct"})
    return loaded, replace(catalog, offers=offers(), owned={})


def with_highs(case: Case) -> int:
    """Solve the covering model with HiGHS through MathOpt, gap 0, and return the optimum."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=row.most) for row in case.rows]
    model.add_linear_constraint(
        sum(row.capacity * x for row, x in zip(case.rows, nodes, strict=True)) >= case.demand[0]
    )
    _stock(case, nodes, lambda mine, cap: model.add_linear_constraint(sum(mine) <= cap))
    model.minimize(sum(row.price * x for row, x in zip(case.rows, nodes, strict=True)))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(relative_gap_tolerance=0.0))
    return round(result.objective_value())


def with_cbc(case: Case) -> int:
    """Solve the covering model with PuLP and CBC, and return the optimum."""
    import pulp

    model = pulp.LpProblem("covering", pulp.LpMinimize)
    nodes = [pulp.LpVariable(f"x{i}", 0, row.most, cat="Integer") for i, row in enumerate(case.rows)]
    model += pulp.lpSum(row.price * x for row, x in zip(case.rows, nodes, strict=True))
    model += pulp.lpSum(row.capacity * x for row, x in zip(case.rows, nodes, strict=True)) >= case.demand[0]

    def cap_stock(mine: list, cap: int) -> None:
        nonlocal model
        model += pulp.lpSum(mine) <= cap

    _stock(case, nodes, cap_stock)
    model.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0.0))
    return round(pulp.value(model.objective))


def _stock(case: Case, nodes: list, cap: Callable[[list, int], object]) -> None:
    by_offer: dict[int, list] = {}
    for row, x in zip(case.rows, nodes, strict=True):
        by_offer.setdefault(row.offer, []).append(x)
    for offer, mine in by_offer.items():
        if case.stock[offer] is not None:
            cap(mine, case.stock[offer])


def reduced_case(prepared: Prepared) -> Case:
    """Turn the candidates into the reduced integers that the solver gets."""
    targets = prepared.candidates.targets()
    return reduce_case(build_case(prepared.candidates, prepared.problem.limits, targets, None))


def proof(case: Case) -> int:
    """Prove the optimum of a reduced case, and return it."""
    settings = SolveSettings()
    run, bound, _ = prove._minimise_cost(case, settings, prove.Clock(settings))
    cost = prove.cost_of(case, run.counts)
    if (run.status, bound) != ("optimal", cost):
        raise RuntimeError(f"not proven: {run.status}, bound {bound}, cost {cost}")
    return cost


def main() -> None:
    """Print the table."""
    loaded, catalog = question()
    ready = median_seconds(lambda: reduced_case(prepare(loaded, catalog)), 3)
    prepared = prepare(loaded, catalog)
    options = sum(sum(1 for _ in prepared.candidates.options_on(0, o)) for o in prepared.candidates.offers) / OFFERS
    small = reduced_case(prepared)
    proven = median_seconds(lambda: proof(small))
    case = build_case(prepared.candidates, prepared.problem.limits, prepared.candidates.targets(), None, unreduced=True)
    answers = {"gpumix": proof(small)}
    print(
        f"| {OFFERS} offers x {options:.0f} options ({len(case.rows):,} columns) | seconds | ratio |\n|---|---|---|"
    )
    print(f"| candidates enumerated and reduced to {len(small.rows)} columns | {ready:.3f} | |")
    print(f"| optimum proven by CP-SAT | {proven:.4f} | |")
    print(f"| gpumix, both together | {ready + proven:.3f} | 1 |")
    for name, solver in (("HiGHS (MathOpt), unreduced", with_highs), ("PuLP/CBC, unreduced", with_cbc)):
        try:
            took = seconds(lambda solver=solver, name=name: answers.__setitem__(name, solver(case)))
        except ImportError as missing:
            print(f"| {name} | {missing} | |")
            continue
        print(f"| {name} | {took:.3f} | {took / (ready + proven):.0f} |")
    print(f"\nsame optimum: {len(set(answers.values())) == 1} ({', '.join(f'{k} {v}' for k, v in answers.items())})\n")


if __name__ == "__main__":
    main()
