"""Shipped problems over years: HiGHS on the unreduced rows, and one quarter against the plan of `gpumix solve`."""

from __future__ import annotations

import math

import pytest
from ortools.math_opt.python import mathopt

from optimizer.costs.over_time import HOURS_PER_QUARTER
from optimizer.costs.quarters import Calendar
from optimizer.load import load_problem, shipped_problem_names
from optimizer.roadmap import budget_plan
from optimizer.roadmap.build import build_case, peak_problem
from optimizer.roadmap.program import Program, cost_of, program_of
from optimizer.roadmap.reduction import reduced
from optimizer.roadmap.refusals import refused_rules
from optimizer.solve import SolveSettings, prepare, solve
from optimizer.verify.roadmap import faults_of_budget_plan
from tests.problems.conftest import loaded_with_catalog

GROWING = (
    "roadmap={start: 2027-Q2, quarters: 8, demand_growth_fraction_per_year: 0.4, lead_time_quarters: 1, "
    "price_change_fraction_per_year: -0.1}"
)
ONE_QUARTER = "roadmap={start: 2027-Q2, quarters: 1}"
POINTLESS = ("limits.budget=", "limits.at_least={}", "limits.engine_policy=any")
"""Rules of one point in time, lifted."""

OWN_ROADMAP = {"tokyo-three-year-budget"}
HARD = {"chat-and-code", "survive-node-loss", "survive-provider-loss", "shared-node-small-models", "own-model"}
"""Left to the slow run: rules that HiGHS takes minutes for on the unreduced rows, or a catalog read whole."""

QUICK = ["assistant-llama-70b", "measured-curves-llama-70b", "tokyo-cloud-only"]


def with_highs(program: Program) -> int | None:
    """Return the least cost of a program's rows by HiGHS, gap 0."""
    model = mathopt.Model()
    counts = [model.add_integer_variable(lb=0, ub=most) for most in program.most]
    for row in program.rows:
        linear = model.add_linear_constraint(
            lb=-math.inf if row.least is None else row.least, ub=math.inf if row.most is None else row.most)
        for column, weight in zip(row.columns, row.weights, strict=True):
            linear.set_coefficient(counts[column], weight)
    model.minimize(sum(cost * count for cost, count in zip(program.costs, counts, strict=True)))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(relative_gap_tolerance=0.0))
    if result.termination.reason == mathopt.TerminationReason.OPTIMAL:
        found = [round(value) for value in result.variable_values(counts)]
        return cost_of(program, found)
    assert result.termination.reason == mathopt.TerminationReason.INFEASIBLE
    return None


def check_against_highs(name: str, unreduced: bool = True) -> None:
    loaded, catalog = loaded_with_catalog(name, *(() if name in OWN_ROADMAP else (GROWING, *POINTLESS)))
    problem, roadmap = loaded.problem, loaded.problem.roadmap
    assert roadmap is not None
    plan = budget_plan(loaded, catalog, SolveSettings())
    prepared = prepare(loaded, catalog, peak_problem(problem, roadmap))
    whole = build_case(prepared, problem, roadmap, Calendar.of(roadmap, problem))
    expected = with_highs(program_of(whole if unreduced else reduced(whole)))
    assert plan.status == ("infeasible" if expected is None else "optimal")
    assert plan.total_cost_usd == (None if expected is None else expected / 100)
    assert faults_of_budget_plan(plan, problem, catalog, loaded.own_models) == []


@pytest.mark.parametrize("name", QUICK)
def test_highs_agrees_on_the_unreduced_rows(name: str) -> None:
    check_against_highs(name)


@pytest.mark.slow
def test_highs_agrees_on_the_shipped_roadmap() -> None:
    check_against_highs("tokyo-three-year-budget", unreduced=False)


def planned_over_years(name: str) -> bool:
    """Say whether a plan over years knows all rules of a problem, those of `POINTLESS` lifted."""
    return not list(refused_rules(load_problem(name, POINTLESS).problem))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(filter(planned_over_years, set(shipped_problem_names()) - HARD - set(QUICK))))
def test_highs_agrees_on_the_unreduced_rows_of_all(name: str) -> None:
    check_against_highs(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HARD))
def test_hard_ones_are_proven_or_show_their_gap(name: str) -> None:
    loaded, catalog = loaded_with_catalog(name, GROWING, *POINTLESS)
    plan = budget_plan(loaded, catalog, SolveSettings())
    assert plan.gap_fraction is not None
    assert plan.status == "optimal" or 0 < plan.gap_fraction < 0.3


@pytest.mark.parametrize("name", ["assistant-llama-70b", "tokyo-cloud-or-own", "invoice-extraction", "chat-and-code"])
def test_one_quarter_is_what_solve_chooses(name: str) -> None:
    """Over a horizon of three months and without interest both count the same money, but for rounding to cents."""
    keys = (ONE_QUARTER, *POINTLESS, "limits.horizon_months=3", "assumptions.discount_fraction_per_year=0")
    loaded, catalog = loaded_with_catalog(name, *keys)
    plan = budget_plan(loaded, catalog, SolveSettings())
    prepared = prepare(loaded, catalog)
    main = solve(prepared.candidates, loaded.problem.limits, prepared.budget, SolveSettings())
    assert main.cost is not None
    assert plan.total_cost_usd is not None
    nodes = sum(stay.count for stay in plan.stays)
    # a cent a node; and a commitment of one or two months is a quarter here, as it is over three months there
    assert plan.total_cost_usd == pytest.approx(main.cost * HOURS_PER_QUARTER / 1e6, abs=0.02 * max(nodes, 10))
