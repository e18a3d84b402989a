"""A shelf changes nothing but the time: same candidates, plans and rejections, whatever was asked before."""

from __future__ import annotations

import pytest

from optimizer.candidates import Shelf
from optimizer.load import load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.plan.best import best_plan
from optimizer.solve import SolveSettings, prepare

SHELF = Shelf()
"""Shared by all cases below, so that every one finds what the others left."""

CATALOG = load_catalog()

HARDER = ("services.0.headroom_fraction=0.5", "services.0.slo.ttft_ms=1500")


@pytest.mark.parametrize("overrides", [(), HARDER[:1], HARDER], ids=["asked", "more", "more and sooner"])
@pytest.mark.parametrize("name", [n for n in shipped_problem_names() if n not in (
    "overnight-summaries", "tokyo-three-year-budget")])
def test_plans_and_rejections_are_those_without_a_shelf(name: str, overrides: tuple[str, ...]) -> None:
    if name == "invoice-extraction" and len(overrides) > 1:
        overrides = overrides[:1]  # whole responses have no TTFT
    loaded = with_known_shapes(load_problem(name, overrides), CATALOG)
    plans = []
    for shelf in (None, SHELF):
        prepared = prepare(loaded, CATALOG, shelf=shelf)
        plans.append(best_plan(prepared, SolveSettings()))
    assert plans[0] == plans[1]


def test_a_shelf_too_small_for_what_is_asked_forgets_and_works_it_out_again() -> None:
    small, gpus = Shelf(tables=3), ["limits.gpus.allow=[l4-24gb, a10g-24gb]"]
    for isl_tokens in (512, 600, 512, 600):  # two GPU types each: the second asking throws out half of the first
        overrides = (*gpus, f"services.0.workload.0.isl_tokens={isl_tokens}")
        loaded = load_problem("helpdesk-llama3-8b", overrides)
        found, fresh = (prepare(loaded, CATALOG, shelf=shelf).candidates for shelf in (small, Shelf()))
        assert found.options
        assert found.options == fresh.options
