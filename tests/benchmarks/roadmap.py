"""20 quarters x 50 offers: a budget plan proven or nearly so, as `gpumix solve` answers it, against HiGHS alone.

python -m tests.benchmarks.roadmap
"""

from __future__ import annotations

import random
import time
from dataclasses import replace

from optimizer.load import Catalog, LoadedProblem, load_catalog
from optimizer.load.problem import parse_problem
from optimizer.question.build import ask
from optimizer.question.program import Known
from optimizer.question.rules import program_of
from optimizer.schema.catalog import OwnedNode, RentedOffer
from optimizer.solve import prepare
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from optimizer.strategies.highs import by_highs

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


def main(seconds: float = 30.0) -> None:
    """Print the table; gpumix stops by itself, HiGHS after seconds of the wall clock."""
    print("| 20 quarters x 50 offers | stays | gpumix: processor s, gap, cost | HiGHS, same rows: gap, cost |")
    print("|---|---|---|---|")
    for name, (demand, caps) in CASES.items():
        start = time.process_time()
        asked = ask(prepare(*question(demand, caps)))
        found = answer(asked.question, Effort())
        took = time.process_time() - start
        assert found.cost is not None
        program = program_of(found.question, Known.of(found.question))
        other = by_highs(program, Effort(time.monotonic() + seconds))
        cost = program.cost_of(other.values) if other.values else None
        beside = "none" if cost is None else f"{(cost - other.bound) / cost:.2%}, {cost:,}"
        print(f"| {name} | {len(asked.question.stays):,} to {len(found.question.stays):,} | {took:.1f}, "
              f"{(found.cost - found.bound) / found.cost:.2%}, {found.cost:,} | {beside} |", flush=True)


if __name__ == "__main__":
    main()
