"""Break-even prices on the shipped problems: at them, and one micro-dollar below, an optimal plan holds the node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.explain.entering import GpuVerdict, gpu_verdicts
from optimizer.solve import Prepared, SolveSettings, prepare, solve, solve_at
from optimizer.solve.variants import with_limits
from optimizer.units import MICRO
from tests.oracles import price_ends
from tests.problems.conftest import loaded_with_catalog, one_peak_problems

SETTINGS = SolveSettings()

QUICK = {"measured-curves-llama-70b", "measured-only-gpt-oss-120b", "office-a5000-workstations", "tokyo-cloud-only"}

NAMES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in one_peak_problems() if name not in ("budget-too-small", "documents-by-length")  # no plan; routed
]


def least_cost(prepared: Prepared, verdict: GpuVerdict, price: int) -> int | None:
    """Return the least cost of a plan that holds the node at a price, the other offers of its GPU type left out."""
    offers = tuple(
        replace(o, ends=price_ends(price)) if o.offer_id == verdict.offer_id else o
        for o in prepared.candidates.offers if o.gpu_id != verdict.gpu_id or o.offer_id == verdict.offer_id
    )
    assert verdict.offer_id is not None
    at_least = {**prepared.problem.limits.at_least, verdict.offer_id: 1}
    limits = with_limits(prepared.problem, at_least=at_least).limits
    candidates = replace(prepared.candidates, offers=offers)
    found = solve_at(candidates, limits, candidates.targets(), prepared.budget, SETTINGS, in_order=False)
    assert found.status in ("optimal", "infeasible")
    return found.cost


@pytest.mark.parametrize("name", NAMES)
def test_break_even_prices_are_exact_to_a_micro_dollar(name: str) -> None:
    prepared = prepare(*loaded_with_catalog(name))
    best = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS)
    assert best.cost is not None
    lost = [one for one in gpu_verdicts(prepared, best, SETTINGS) if one.verdict in ("lost", "equal")]
    assert lost or name == "office-a5000-workstations"  # which allows a single GPU type
    for one in lost:
        if one.enters_at_usd_per_hour is None:
            cost = least_cost(prepared, one, 0)
            assert cost is None or cost > best.cost, one
            continue
        price = round(one.enters_at_usd_per_hour * MICRO)
        cheap = [least_cost(prepared, one, p) for p in (price, max(0, price - 1))]
        assert all(cost is not None and cost <= best.cost for cost in cheap), one
        above = least_cost(prepared, one, price + 1)
        assert above is None or above > best.cost, one
