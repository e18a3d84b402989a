"""A shelf changes nothing but the time: same candidates, plans and rejections, whatever was asked before."""

from __future__ import annotations

import pytest

from optimizer.candidates import Shelf
from optimizer.load import load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.solve import SolveSettings, prepare
from optimizer.timetable import best_plan

SHELF = Shelf()
"""Shared by all cases below, so that every one finds what the others left."""

CATALOG = load_catalog()

HARDER = ("services.0.headroom_fraction=0.5", "services.0.slo.ttft_ms=1500")


@pytest.mark.parametrize("overrides", [(), HARDER[:1], HARDER], ids=["asked", "more", "more and sooner"])
@pytest.mark.parametrize("name", [n for n in shipped_problem_names() if n != "overnight-summaries"])
def test_plans_and_rejections_are_those_without_a_shelf(name: str, overrides: tuple[str, ...]) -> None:
    if name == "invoice-extraction" and len(overrides) > 1:
        overrides = overrides[:1]  # whole responses have no TTFT
    loaded = with_known_shapes(load_problem(name, overrides), CATALOG)
    plans = []
    for shelf in (None, SHELF):
        prepared = prepare(loaded, CATALOG, shelf=shelf)
        plans.append(best_plan(prepared, SolveSettings()))
    assert plans[0] == plans[1]
