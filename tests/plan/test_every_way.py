"""The one program answers what the quicker ways answer, to the same cent, and what oracles of its own forms answer."""

from __future__ import annotations

import pytest

from optimizer.demand import profile_hours
from optimizer.load import Catalog, LoadedProblem, load_problem
from optimizer.load.problem import shipped_problem_names
from optimizer.plan.best import best_plan, spans_periods
from optimizer.plan.periods import plan_of_periods
from optimizer.question.build import ask
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, prepare
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search

SETTINGS = SolveSettings()
PLAIN = ["limits.budget=null"]


def by_one_program(loaded: LoadedProblem, catalog: Catalog) -> Plan:
    asked = ask(prepare(loaded, catalog))
    return plan_of_periods(asked, search(asked.question, Effort()), with_rejections=False)


@pytest.mark.parametrize("name", shipped_problem_names())
def test_shipped_problems_cost_what_the_quicker_ways_say(name: str, shipped: Catalog) -> None:
    loaded = load_problem(name, [])
    if loaded.problem.roadmap is not None:
        pytest.skip("budget plans have no quicker way: tests/plan/test_random_quarters.py holds them against oracles")
    if profile_hours(loaded.problem) == 168:
        pytest.skip("a week takes seconds by the one program; its day does not")
    old_plan, new = best_plan(prepare(loaded, shipped), SETTINGS), by_one_program(loaded, shipped)
    assert new.status == old_plan.status
    assert new.cost.usd_per_month == pytest.approx(old_plan.cost.usd_per_month)


@pytest.mark.parametrize("sets", [
    ["limits.engine_policy=fleet"], ["limits.survive.nodes=1"],
    pytest.param(["limits.survive.nodes=2"], marks=pytest.mark.slow),
    pytest.param(["limits.survive.provider=true", "limits.nodes.max=40"], marks=pytest.mark.slow),
    ["limits.kinds=[on_demand, spot]", "limits.spot_share_fraction=0.3"],
    ["limits.contracts={runpod: {minimum_usd_per_month: 3000, signed: true}}"],
    ["limits.contracts={runpod: {tiers: [{above_usd_per_month: 700, discount_fraction: 0.2}]}}"],
    ["limits.nodes.min=7"], ["limits.max_gpu_types=1"], ["limits.max_utilisation_fraction=0.5"],
], ids=lambda sets: sets[0])
def test_rules_over_two_services_cost_what_one_peak_says(sets: list[str], shipped: Catalog) -> None:
    loaded = load_problem("chat-and-code", [*PLAIN, *sets])
    old, new = best_plan(prepare(loaded, shipped), SETTINGS), by_one_program(loaded, shipped)
    assert (new.status, old.status) == ("optimal", "optimal")
    assert new.cost.usd_per_month == pytest.approx(old.cost.usd_per_month)


@pytest.mark.parametrize(("sets", "usd_per_month"), [
    ([], 11007.52), (["limits.max_gpu_types=1"], 12703.00), (["limits.engine_policy=fleet"], 11007.52),
    pytest.param(["limits.survive.nodes=1"], 19207.96, marks=pytest.mark.slow),
], ids=str)
def test_shared_nodes_cost_what_a_second_program_found(
    sets: list[str], usd_per_month: float, shipped: Catalog
) -> None:
    """The costs are those of version 0.1, whose fleets had a program of their own; its catalog was this one."""
    shared = load_problem("shared-node-small-models", ["sharing=nodes", *PLAIN, *sets])
    new = best_plan(prepare(shared, shipped), SETTINGS)
    assert new.status == "optimal"
    assert new.cost.usd_per_month == pytest.approx(usd_per_month, abs=0.01)
    assert new.periods[0].layouts


DAY = "[0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3]"
HOURS = f"services.0.demand={{peak_concurrency: 40, profile: {DAY}}}"
YEARS = "roadmap={start: 2027-Q1, quarters: 4, demand_growth_fraction_per_year: 0.5}"


@pytest.mark.parametrize(("name", "sets"), [
    ("shared-node-small-models", ["sharing=nodes", HOURS, "limits.contracts={aws: {minimum_usd_per_month: 12000}}"]),
    pytest.param("chat-and-code", [*PLAIN, "limits.survive={provider: true, by: replacement}"], marks=pytest.mark.slow),
    ("chat-and-code", [*PLAIN, YEARS]),
    pytest.param("office-day-profile", [*PLAIN, YEARS, "limits.horizon_months=12"], marks=pytest.mark.slow),
    ("office-day-profile", ["limits.contracts={aws: {minimum_usd_per_month: 3000, signed: true}}"]),
    ("documents-by-length", [*PLAIN, HOURS]),
    ("documents-by-length", [*PLAIN, YEARS]),
    ("documents-by-length", [*PLAIN, "sharing=nodes"]),
], ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60])
def test_questions_that_only_the_one_program_answers_are_proven(name: str, sets: list[str], shipped: Catalog) -> None:
    loaded = load_problem(name, sets)
    assert spans_periods(loaded.problem)
    plan = best_plan(prepare(loaded, shipped), SETTINGS)
    assert plan.status == "optimal"
    assert plan.periods


@pytest.mark.slow
def test_replacement_costs_no_more_than_spare_nodes(shipped: Catalog) -> None:
    spare, again = (
        best_plan(prepare(load_problem("chat-and-code", [
            *PLAIN, f"limits.survive={{nodes: 1, by: {by}}}"]), shipped), SETTINGS).cost.usd_per_month
        for by in ("spare", "replacement"))
    assert spare is not None
    assert again is not None
    assert again <= spare
