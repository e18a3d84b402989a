"""Every shipped problem's plan, saved and read again, stands and is the cheapest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.load import Catalog, load_problem
from optimizer.load.plan import read_plan
from optimizer.load.problem import shipped_problem_names, with_known_shapes
from optimizer.plan.best import best_plan
from optimizer.replay import difference, replay
from optimizer.solve import SolveSettings, prepare


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_problem_names())
def test_a_saved_plan_stands_and_is_the_cheapest(shipped: Catalog, tmp_path: Path, name: str) -> None:
    loaded = with_known_shapes(load_problem(name), shipped)
    plan = best_plan(prepare(loaded, shipped), SolveSettings())
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.as_json()), encoding="utf-8")
    saved = read_plan(path)
    assert difference(plan, saved, "a", "b").same
    found = replay(saved, loaded, shipped, SolveSettings(), 0.0)
    assert (found.faults, found.prices, found.speeds, found.other_inputs) == ((), (), (), ())
    assert found.passed
    assert found.optimal is (plan.status == "optimal")
