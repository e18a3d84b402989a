"""Shipped problems over years: HiGHS on the unreduced rows, and one quarter against the plan of `gpumix solve`."""

from __future__ import annotations

import pytest

from optimizer.costs.over_time import HOURS_PER_QUARTER
from optimizer.plan.best import best_plan
from optimizer.question.build import ask
from optimizer.question.program import Known
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of
from optimizer.solve import SolveSettings, prepare, solve
from optimizer.strategies.found import Effort
from optimizer.strategies.highs import by_highs
from tests.problems.conftest import loaded_with_catalog

GROWING = (
    "roadmap={start: 2027-Q2, quarters: 8, demand_growth_fraction_per_year: 0.4, lead_time_quarters: 1, "
    "price_change_fraction_per_year: -0.1}"
)
ONE_QUARTER = "roadmap={start: 2027-Q2, quarters: 1}"
POINTLESS = ("limits.budget=", "limits.at_least={}", "limits.engine_policy=any")
"""Rules of one point in time, lifted."""

OWN_ROADMAP = {"tokyo-three-year-budget"}
QUICK = ["assistant-llama-70b", "measured-curves-llama-70b", "tokyo-cloud-only"]


def check_against_highs(name: str, unreduced: bool = True) -> None:
    loaded, catalog = loaded_with_catalog(name, *(() if name in OWN_ROADMAP else (GROWING, *POINTLESS)))
    plan = best_plan(prepare(loaded, catalog), SolveSettings())
    question = ask(prepare(loaded, catalog)).question
    question = question if unreduced else reduced(question)
    program = program_of(question, Known.of(question))
    found = by_highs(program, Effort())
    assert plan.status == ("optimal" if found.values else "infeasible")
    if found.values:
        assert plan.roadmap is not None
        assert plan.roadmap.total_cost_usd == program.cost_of(found.values) / 100


@pytest.mark.parametrize("name", QUICK)
def test_highs_agrees_on_the_unreduced_rows(name: str) -> None:
    check_against_highs(name)


@pytest.mark.slow
def test_highs_agrees_on_the_shipped_roadmap() -> None:
    check_against_highs("tokyo-three-year-budget", unreduced=False)


@pytest.mark.parametrize("name", ["assistant-llama-70b", "tokyo-cloud-or-own", "invoice-extraction", "chat-and-code"])
def test_one_quarter_is_what_solve_chooses(name: str) -> None:
    """Over a horizon of three months and without interest both count the same money, but for rounding to cents."""
    keys = (*POINTLESS, "limits.horizon_months=3", "assumptions.discount_fraction_per_year=0")
    loaded, catalog = loaded_with_catalog(name, ONE_QUARTER, *keys)
    plan = best_plan(prepare(loaded, catalog), SolveSettings())
    peak, _ = loaded_with_catalog(name, *keys)
    prepared = prepare(peak, catalog)
    main = solve(prepared.candidates, peak.problem.limits, prepared.budget, SolveSettings())
    assert main.cost is not None
    assert plan.roadmap is not None
    nodes = sum(stay.count for stay in plan.roadmap.stays)
    # a cent a node; and a commitment of one or two months is a quarter here, as it is over three months there
    assert plan.roadmap.total_cost_usd == pytest.approx(
        main.cost * HOURS_PER_QUARTER / 1e6, abs=0.02 * max(nodes, 10))
