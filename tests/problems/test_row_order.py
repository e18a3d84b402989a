"""A plan does not depend on the order of the catalog's rows."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from optimizer.answer import with_approval
from optimizer.load import load_catalog, shipped_catalog_dir, shipped_problem_names
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, prepare
from tests.problems.conftest import solve_shipped


def shuffle_rows(path: Path, seed: int) -> None:
    """Shuffle the rows of a CSV file below its header; no cell of the catalog has a line break."""
    header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(seed).shuffle(rows)
    path.write_text(header + "".join(rows), encoding="utf-8")


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped catalog with the rows of every CSV file in another order."""
    folder = tmp_path_factory.mktemp("shuffled") / "catalogs"
    shutil.copytree(shipped_catalog_dir(), folder)
    for seed, path in enumerate(sorted(folder.rglob("*.csv"))):
        shuffle_rows(path, seed)
    return folder


def bare(plan: Plan) -> Plan:
    """Leave out the catalog's fingerprint, and what stands beside a plan."""
    inputs = plan.inputs.model_copy(update={"catalog_sha256": ""})
    beside = {"proposals": (), "depends_on": (), "warnings": (), "reasons": (), "shares": (), "saving": None,
              "recommendation": None}
    return plan.model_copy(update={"inputs": inputs, **beside})


def test_rows_are_really_in_another_order(shuffled: Path) -> None:
    for path in sorted(shuffled.rglob("*.csv")):
        shipped = (shipped_catalog_dir() / path.relative_to(shuffled)).read_text(encoding="utf-8")
        rows = path.read_text(encoding="utf-8").splitlines()
        assert sorted(rows) == sorted(shipped.splitlines())
        assert rows != shipped.splitlines() or len(rows) <= 5


@pytest.mark.parametrize("name", shipped_problem_names())
def test_plan_is_the_same_with_rows_in_another_order(name: str, shuffled: Path) -> None:
    one = solve_shipped(name)
    references = {service.model for service in one.loaded.problem.services}
    catalog = load_catalog(shuffled, (), None if one.loaded.own_models else references)
    assert catalog.sha256 != one.catalog.sha256
    prepared = prepare(one.loaded, catalog)
    plan = with_approval(best_plan(prepared, SolveSettings()), prepared)
    assert bare(plan) == bare(one.plan)
