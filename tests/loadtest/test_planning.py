"""Which tests a plan asks for."""

from __future__ import annotations

from optimizer.load.serving import load_serving
from optimizer.loadtest.planning import plan_tests
from optimizer.solve import SolveSettings
from tests.problems.conftest import solve_shipped


def test_offers_that_run_the_same_are_tested_once() -> None:
    """Three offers of the A100 with two settings: two tests, each writes one file of records; and one of the L4."""
    case = solve_shipped("office-day-profile")
    found = plan_tests(case.loaded, case.catalog, SolveSettings(), "own", "http://localhost:8000", load_serving())
    assert len(case.plan.deployments) == 4
    assert sorted(test.gpu_id for test in found.tests) == ["a100-sxm-40gb", "a100-sxm-40gb", "l4-24gb"]


def test_classes_routed_apart_are_tested_where_they_come() -> None:
    """Both classes on the H100."""
    case = solve_shipped("documents-by-length")
    found = plan_tests(case.loaded, case.catalog, SolveSettings(), "own", "http://localhost:8000", load_serving())
    assert sorted((test.gpu_id, test.isl_tokens) for test in found.tests) == [
        ("h100-sxm-80gb", 512), ("h100-sxm-80gb", 24000)]
