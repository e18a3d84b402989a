"""Three named plans, the rule that picks one, levers and the first screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.answer import answer
from optimizer.costs import rate_per_usd
from optimizer.demand import profile_hours
from optimizer.load import Catalog, load_problem
from optimizer.load.inputs import load_facts
from optimizer.load.problem import parse_problem, shipped_problem_names
from optimizer.messages import voice_of
from optimizer.plan.best import spans_periods
from optimizer.recommend.choose import WITHIN, _choice
from optimizer.recommend.levers import slower_speed
from optimizer.recommend.questions import measured, robust
from optimizer.reports.cells import width_of, wrapped
from optimizer.reports.first_screen import LONGEST, WIDTH, first_screen
from optimizer.schema.plan import Plan
from optimizer.schema.recommendation import NamedPlan, PlanName, Recommendation
from optimizer.solve import SolveSettings, prepare, solve_prepared
from optimizer.solve.variants import with_limits
from tests.cli.conftest import DESK

ONE_PEAK = [
    name for name in shipped_problem_names()
    if not spans_periods(load_problem(name).problem) and profile_hours(load_problem(name).problem) is None
]
QUICK = [name for name in ONE_PEAK if name not in ("chat-and-code", "survive-node-loss", "shared-node-small-models")]


def answered(reference: str, *overrides: str) -> tuple[Plan, Catalog]:
    loaded, catalog = load_facts(load_problem(reference, overrides), None, [])
    return answer(loaded, catalog, SolveSettings(), brief=True), catalog


def screen_of(reference: str, language: str) -> list[str]:
    loaded, catalog = load_facts(load_problem(reference), None, [])
    plan = answer(loaded, catalog, SolveSettings(), brief=True)
    rate = float(rate_per_usd(catalog, loaded.problem, loaded.problem.currency))
    return first_screen(plan, voice_of(language, loaded.problem.currency, rate), reference).splitlines()


def recommendation(plan: Plan) -> Recommendation:
    assert plan.recommendation is not None
    return plan.recommendation


def plain(line: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", line)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", QUICK)
def test_a_first_screen_fits_a_terminal(name: str, language: str) -> None:
    lines = screen_of(name, language)
    assert len(lines) <= LONGEST
    assert all(width_of(plain(line)) <= WIDTH for line in lines)
    assert any("--details" in line for line in lines)


def test_yen_come_before_dollars_and_japanese_is_whole() -> None:
    text = "\n".join(map(plain, screen_of("tokyo-cloud-or-own", "ja")))
    assert "円" in text
    assert "証明済み" in text
    assert not [word for word in ("$", "ドル", "Why") if word in text]


@pytest.mark.parametrize("name", ["helpdesk-llama3-8b", "office-a5000-workstations", "chat-with-documents"])
def test_the_robust_question_is_the_one_that_preparing_anew_asks(name: str) -> None:
    """Slow ends in place give the optimum of a problem that states confidence and the high end of prices itself."""
    loaded, catalog = load_facts(load_problem(name), None, [])
    stated = with_limits(loaded.problem, speed_confidence=0.9)
    stated = stated.model_copy(update={"assumptions": stated.assumptions.model_copy(update={"price_end": "high"})})
    asked = prepare(loaded, catalog)
    assert solve_prepared(robust(asked), SolveSettings()).cost == solve_prepared(
        prepare(loaded, catalog, stated), SolveSettings()).cost
    held = with_limits(loaded.problem, evidence="interpolated")
    assert solve_prepared(measured(asked), SolveSettings()).cost == solve_prepared(
        prepare(loaded, catalog, held), SolveSettings()).cost


@pytest.mark.slow
def test_no_named_plan_is_cheaper_than_the_cheapest() -> None:
    for name in QUICK:
        plan, _ = answered(name)
        if plan.recommendation is None:
            assert plan.status == "infeasible"
            continue
        costs = {one.name: one.usd_per_month for one in plan.recommendation.plans}
        assert costs["cheapest"] == pytest.approx(plan.cost.usd_per_month)
        assert all(cost is None or cost >= (costs["cheapest"] or 0) - 0.01 for cost in costs.values()), name


@pytest.mark.parametrize("name", ["helpdesk-llama3-8b", "campus-daily-users", "tokyo-cloud-or-own"])
def test_every_lever_is_what_its_overrides_cost(name: str) -> None:
    found = recommendation(answered(name)[0])
    assert found.levers
    for lever in found.levers:
        changed, _ = answered(name, *lever.overrides, "limits.budget=null")
        assert changed.cost.usd_per_month == pytest.approx(lever.usd_per_month), lever.name
    sizes = [abs(one.change_fraction) for one in found.levers if one.change_fraction is not None]
    assert sizes == sorted(sizes, reverse=True)


def test_nodes_break_where_it_is_said() -> None:
    """A plan that breaks at 5% slower speeds keeps its promise at 4% slower and not at 5%."""
    cheapest = recommendation(answered("helpdesk-llama3-8b")[0]).plans[0]
    assert cheapest.slower_fraction is not None
    service = cheapest.services[0]
    assert service.tokens_per_s_per_user is not None
    assert service.tokens_per_s_per_user * (1 - cheapest.slower_fraction) >= 25
    assert service.tokens_per_s_per_user * (1 - cheapest.slower_fraction - 0.01) < 25


def named(name: PlanName, usd: float | None) -> NamedPlan:
    return NamedPlan(
        name=name, status="infeasible" if usd is None else "optimal", usd_per_month=usd, usd_per_month_high=None,
        currency="USD", rate_per_usd=1.0, purchases=None, first_year=None, first_year_cash=None, nodes=(), services=(),
        slower_fraction=None, next_best_usd_per_month=None)


@pytest.mark.parametrize(("robust_usd", "measured_usd", "chosen"), [
    (125.0, 100.0, "robust"), (125.01, 124.0, "measured"), (None, 126.0, "cheapest"), (300.0, None, "cheapest"),
])
def test_the_rule_takes_robust_then_measured_within_a_quarter(
    robust_usd: float | None, measured_usd: float | None, chosen: str
) -> None:
    assert WITHIN == 0.25
    plans = [replace_nodes(named("cheapest", 100.0), 1), named("robust", robust_usd), named("measured", measured_usd)]
    recommended, because = _choice(tuple(plans))
    assert recommended == chosen
    assert because


def replace_nodes(plan: NamedPlan, hosted: int) -> NamedPlan:
    return plan.model_copy(update={"hosted": hosted, "nodes": ("x",)})


def test_a_measured_desk_is_robust_already(desk_problem: tuple[Plan, Catalog]) -> None:
    plan, _ = desk_problem
    found = recommendation(plan)
    assert {one.status for one in found.plans} == {"optimal"}
    assert found.recommended == "robust"
    assert found.plans[0].nodes == found.plans[1].nodes


@pytest.fixture
def desk_problem(small_catalog: Path) -> tuple[Plan, Catalog]:
    loaded, catalog = load_facts(parse_problem(DESK, "desk.yaml"), small_catalog, [])
    return answer(loaded, catalog, SolveSettings()), catalog


def test_the_same_question_gives_the_same_plan_wherever_its_file_lies(small_catalog: Path) -> None:
    digests = set()
    for label in ("desk.yaml", "/elsewhere/desk.yaml"):
        loaded, catalog = load_facts(parse_problem(DESK, label), small_catalog, [])
        digests.add(answer(loaded, catalog, SolveSettings()).sha256)
    assert len(digests) == 1


def test_speeds_fall_by_steps() -> None:
    assert [slower_speed(one) for one in (25, 70, 6, 5)] == [20, 60, 5, None]


def test_lines_break_by_cells() -> None:
    assert wrapped("構成案の比較と感度", 8) == ["構成案の", "比較と感", "度"]
    assert max(map(width_of, wrapped("a b " * 30, 20, "  "))) <= 20
