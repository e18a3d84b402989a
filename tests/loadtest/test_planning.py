"""Which tests a plan asks for."""

from __future__ import annotations

from optimizer.load.serving import load_serving
from optimizer.loadtest.planning import Asked, plan_tests
from optimizer.solve import SolveSettings
from tests.problems.conftest import solve_shipped


def test_offers_that_run_the_same_are_tested_once() -> None:
    """Three offers of the A100 with two settings: two tests, each writes one file of records; and one of the L4."""
    case = solve_shipped("office-day-profile")
    found = plan_tests(case.loaded, case.catalog, SolveSettings(), Asked("office-day-profile"), load_serving())
    assert len(case.plan.deployments) == 4
    assert sorted(test.gpu_id for test in found.tests) == ["a100-sxm-40gb", "a100-sxm-40gb", "l4-24gb"]


def test_classes_routed_apart_are_tested_where_they_come() -> None:
    """Both classes on the H100, the short one on the A5000 too."""
    case = solve_shipped("documents-by-length")
    found = plan_tests(case.loaded, case.catalog, SolveSettings(), Asked("office-day-profile"), load_serving())
    assert sorted((test.gpu_id, test.isl_tokens) for test in found.tests) == [
        ("h100-sxm-80gb", 512), ("h100-sxm-80gb", 24000), ("rtx-a5000-24gb", 512)]


def test_a_test_says_how_long_it_takes() -> None:
    case = solve_shipped("office-day-profile")
    test, *_ = plan_tests(case.loaded, case.catalog, SolveSettings(), Asked("office-day-profile"), load_serving()).tests
    assert test.minutes is not None
    # two runs of each level: the first, of one user, is 10 + 64 requests one after another
    one = (test.osl_tokens - 1) / (test.tokens_per_s_per_user or 1.0)
    assert 2 * min(600.0, 75 * one) / 60 < test.minutes <= len(test.users) * 2 * 600 / 60


def test_commands_keep_what_the_plan_was_solved_with() -> None:
    case = solve_shipped("office-day-profile")
    asked = Asked("office-day-profile", overlays=("my rows",), catalog="cat", overrides=("limits.max_gpu_types=2",))
    found = plan_tests(case.loaded, case.catalog, SolveSettings(), asked, load_serving())
    kept = "--catalog cat --overlay 'my rows'"
    assert found.solve_command == f"gpumix solve office-day-profile --set limits.max_gpu_types=2 {kept} --overlay own"
    assert found.compare_command.removeprefix("gpumix loadtest compare ") == found.solve_command.removeprefix(
        "gpumix solve ")
    for test in found.tests:
        assert test.run_command.endswith(kept)
        assert test.import_command.endswith(f"--into own {kept}")
