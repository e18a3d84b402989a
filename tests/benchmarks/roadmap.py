"""20 quarters x 50 offers: a budget plan proven, against HiGHS on the same rows and on the unreduced ones.

python -m tests.benchmarks.roadmap
"""

from __future__ import annotations

import random
import time
from dataclasses import replace

from optimizer.costs.quarters import Calendar
from optimizer.load import Catalog, LoadedProblem, load_catalog
from optimizer.load.problem import parse_problem
from optimizer.roadmap.build import build_case, peak_problem
from optimizer.roadmap.program import Program, cost_of, program_of
from optimizer.roadmap.reduction import reduced
from optimizer.roadmap.search import solve_program
from optimizer.schema.catalog import OwnedNode, RentedOffer
from optimizer.solve import SolveSettings, prepare

GPUS = {"l4-24gb": 0.7, "l40s-48gb": 1.6, "a100-sxm-80gb": 2.6, "h100-sxm-80gb": 3.9, "h200-sxm-141gb": 4.6,
        "rtx-6000-ada-48gb": 2.4, "b200-sxm-180gb": 7.5}
"""USD an hour that rents are drawn around."""

PROBLEM = """
schema_version: 1
name: benchmark
services:
  - service_id: chat
    model: llama-3.1-8b-instruct
    precisions: [bf16, fp8]
    slo: {{tokens_per_s_per_user: 30, ttft_ms: 4000}}
    workload: [{{isl_tokens: 1024, osl_tokens: 256}}]
    demand: {{peak_concurrency: {demand}}}
limits: {{kinds: [on_demand, reserved, owned], max_term_months: 36}}
assumptions: {{staff_fte_per_gpu: 0.01}}
roadmap:
  start: 2027-Q2
  quarters: 20
  fiscal_year_start_month: 4
  demand_growth_fraction_per_year: 0.35
  lead_time_quarters: 2
  price_change_fraction_per_year: -0.15
  caps: {caps}
"""

CASES = {
    "200 requests": (200, "{}"), "2,000 requests": (2000, "{}"), "20,000 requests": (20_000, "{}"),
    "2,000 requests, capex capped": (2000, "{capex_per_fiscal_year: 150000}"),
}
"""Demand in the first quarter (four and a half times as much in the last), caps a year."""


def offers(seed: int = 0) -> tuple[dict[str, RentedOffer], dict[str, OwnedNode]]:
    """Make 50 nodes: 20 on demand, 15 reserved, 15 to buy, at prices of no pattern, a third in short supply."""
    draw = random.Random(seed)
    rented, owned = {}, {}
    for number in range(50):
        gpu, count = draw.choice(sorted(GPUS)), draw.choice((1, 2, 4, 8))
        hourly = round(GPUS[gpu] * count * draw.uniform(0.7, 1.3), 4)
        stock = draw.choice((None, None, draw.randint(1, 30)))
        if number < 35:
            kind, months = ("on_demand", 0) if number < 20 else ("reserved", draw.choice((12, 36)))
            price = round(hourly * {0: 1.0, 12: 0.7, 36: 0.5}[months], 4)
            rented[f"offer-{number:02d}"] = RentedOffer(
                offer_id=f"offer-{number:02d}", provider="bench", region="r", gpu_id=gpu, gpu_count=count,
                kind=kind,  # type: ignore[arg-type]
                term_months=months, price=price, stock=stock,
                upfront_fraction=draw.choice((0.0, 0.5)) if months else 0.0,
                source_url="tests/benchmarks", as_of="2026-11-22")
        else:
            parts = ({"item": "all", "unit_price": round(hourly * 5_000, 2), "as_of": "2026", "notes": "made"},)
            owned[f"offer-{number:02d}"] = OwnedNode.model_validate({
                "offer_id": f"offer-{number:02d}", "name": "made", "gpu_id": gpu, "gpu_count": count, "form": "server",
                "sites": ("on-prem-us",), "colocated": True, "host_watts": 400.0, "stock": stock, "parts": parts})
    return rented, owned


def question(demand: int, caps: str) -> tuple[LoadedProblem, Catalog]:
    """Return a problem and a catalog with only the made offers."""
    loaded = parse_problem(PROBLEM.format(demand=demand, caps=caps), "benchmark")
    rented, owned = offers()
    return loaded, replace(load_catalog(references={"llama-3.1-8b-instruct"}), offers=rented, owned=owned)


def with_highs(program: Program, seconds: float) -> tuple[int | None, float]:
    """Return the best cost that HiGHS finds within a time at gap 0, and its gap."""
    import datetime
    import math

    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    counts = [model.add_integer_variable(lb=0, ub=most) for most in program.most]
    for row in program.rows:
        linear = model.add_linear_constraint(
            lb=-math.inf if row.least is None else row.least, ub=math.inf if row.most is None else row.most)
        for column, weight in zip(row.columns, row.weights, strict=True):
            linear.set_coefficient(counts[column], weight)
    model.minimize(sum(cost * count for cost, count in zip(program.costs, counts, strict=True)))
    limits = mathopt.SolveParameters(relative_gap_tolerance=0.0, time_limit=datetime.timedelta(seconds=seconds))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=limits)
    if not result.has_primal_feasible_solution():
        return None, float("inf")
    best = cost_of(program, [round(value) for value in result.variable_values(counts)])
    return best, max(0.0, (best - result.dual_bound()) / best)


def main(seconds: float = 60.0) -> None:
    """Print the table; seconds are of the processor."""
    print("| 20 quarters x 50 offers | stays | gpumix: s, gap | HiGHS, same rows: s, gap | HiGHS, unreduced: s, gap |")
    print("|---|---|---|---|---|")
    for name, (demand, caps) in CASES.items():
        loaded, catalog = question(demand, caps)
        problem, roadmap = loaded.problem, loaded.problem.roadmap
        assert roadmap is not None
        start = time.process_time()
        prepared = prepare(loaded, catalog, peak_problem(problem, roadmap))
        whole = build_case(prepared, problem, roadmap, Calendar.of(roadmap, problem))
        small = reduced(whole)
        program = program_of(small)
        found = solve_program(program, SolveSettings())
        took = time.process_time() - start
        assert found.cost is not None
        assert found.bound is not None
        cells = [f"{took:.1f}, {(found.cost - found.bound) / found.cost:.2%}"]
        for rows in (program, program_of(whole)):
            start = time.process_time()
            best, gap = with_highs(rows, seconds)
            spent = time.process_time() - start
            cells.append(f"{spent:.1f} ({spent / took:.1f} x), {gap:.2%}")
            if gap < 1e-9 and found.status == "optimal":
                assert best is not None
                assert abs(best - found.cost) <= 1e-9 * found.cost, (best, found.cost)
        print(f"| {name} | {len(whole.stays):,} to {len(small.stays):,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
