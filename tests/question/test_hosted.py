"""Hosted APIs as a supply: base and overflow against every choice there is, bills to the token, rules and checks."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import ApiPrice, CapacityRow
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.solve import SolveSettings, prepare
from optimizer.units import exact
from optimizer.verify.periods import faults_of_periods
from tests.catalogs import tiny

MILLION = 1_000_000
ISL, OSL, SPEED = 500, 201, 20.0


def api(provider: str = "host", out: float = 1.0, **facts: Any) -> ApiPrice:
    return ApiPrice.model_validate({
        "provider": provider, "api_model": "m", "model_id": "m", "input_usd_per_million": 0.5,
        "output_usd_per_million": out, **tiny.SOURCE, **facts})


def loaded_of(problem: Problem) -> LoadedProblem:
    return LoadedProblem(problem, "", problem.name, "0" * 64, {})


@dataclass(frozen=True)
class Drawn:
    """A day of one service, a node that stands, a node that comes and goes, and APIs."""

    day: tuple[int, ...]
    standing: tuple[float, int]
    """Dollars an hour, requests in flight that one carries."""
    hourly: tuple[float, int]
    apis: tuple[ApiPrice, ...]
    limits: dict[str, Any]

    def asked(self) -> tuple[LoadedProblem, Catalog]:
        problem = Problem.model_validate({
            "schema_version": 1, "name": "day", "services": ({
                "service_id": "s", "model": "m", "slo": {"tokens_per_s_per_user": SPEED}, "headroom_fraction": 0.0,
                "workload": ({"isl_tokens": ISL, "osl_tokens": OSL, "share_fraction": 1.0},),
                "demand": {"hourly_concurrency": self.day}},),
            "limits": {"kinds": ("on_demand", "reserved", "api"), "max_term_months": 12, **self.limits}})
        offers = {
            "stands": tiny.offer("stands", self.standing[0], kind="reserved", term_months=12),
            "comes": tiny.offer("comes", self.hourly[0])}
        rows = {("s", name): CapacityRow(service_id="s", offer_id=name, max_concurrency=carries, engine_id="e")
                for name, (_, carries) in (("stands", self.standing), ("comes", self.hourly))}
        catalog = replace(
            tiny.catalog(gpus={"g": tiny.gpu()}, offers=offers, owned={}, capacities=rows),
            apis={(one.provider, one.api_model): one for one in self.apis})
        return loaded_of(problem), catalog

    def solve(self) -> Plan:
        loaded, catalog = self.asked()
        return best_plan(prepare(loaded, catalog), SolveSettings())


def draw(seed: int) -> Drawn:
    rng = random.Random(f"hosted {seed}")
    levels = [rng.randint(1, 9) for _ in range(3)]
    day = tuple(rng.choice(levels) for _ in range(24))
    return Drawn(day, (rng.randint(1, 20) / 10, rng.randint(2, 6)), (rng.randint(1, 30) / 10, rng.randint(1, 5)),
                 (api(out=rng.choice([1.0, 5.0, 20.0, 60.0])),), {})


def usd_per_request_hour(one: ApiPrice) -> Fraction:
    """Return what an hour of one request in flight costs: 20 tokens/s of output, 200 of them a request after the
    first, with 500 tokens in and 201 out each."""
    requests = exact(SPEED) / (OSL - 1) * 3600
    return requests * (ISL * exact(one.input_usd_per_million) + OSL * exact(one.output_usd_per_million)) / MILLION


def every_choice(drawn: Drawn) -> Fraction:
    """Return the least dollars a day over all bases; in each hour nodes that come and go, then the API for the rest."""
    each = usd_per_request_hour(drawn.apis[0])
    best: Fraction | None = None
    for base in range(max(drawn.day) + 1):
        total = exact(drawn.standing[0]) * base * 24
        for asked in drawn.day:
            left = max(0, asked - base * drawn.standing[1])
            total += min(exact(drawn.hourly[0]) * more + each * max(0, left - more * drawn.hourly[1])
                         for more in range(left + 1))
        best = total if best is None else min(best, total)
    assert best is not None
    return best


@pytest.mark.parametrize("seed", range(25))
def test_base_and_overflow_cost_no_more_than_any_other_choice(seed: int) -> None:
    drawn = draw(seed)
    plan = drawn.solve()
    assert plan.status == "optimal"
    assert plan.cost.usd_per_month == pytest.approx(float(every_choice(drawn) * 730 / 24), abs=0.01)


def test_the_draws_hold_plans_of_nodes_alone_of_an_api_alone_and_of_both() -> None:
    plans = [draw(seed).solve() for seed in range(25)]
    assert {(bool(plan.nodes), bool(plan.hosted)) for plan in plans} == {(True, False), (False, True), (True, True)}


DAY = (2,) * 8 + (9,) * 8 + (4,) * 8
BOTH = Drawn(DAY, (1.0, 5), (9.0, 5), (api(out=3.0),), {})


def test_a_bill_is_that_of_the_tokens_to_the_cent() -> None:
    plan = BOTH.solve()
    carried = {period.hours: sum(one.amount for one in period.hosted) for period in plan.periods}
    hours = sum(amount * len(hours) for hours, amount in carried.items())
    requests = Fraction(hours) * exact(SPEED) / (OSL - 1) * 3600 * Fraction(730, 24)
    assert plan.hosted[0].tokens_per_month == pytest.approx(float(requests * (ISL + OSL)))
    assert plan.hosted[0].usd_per_month == pytest.approx(
        float(Fraction(hours) * usd_per_request_hour(BOTH.apis[0]) * Fraction(730, 24)), abs=0.01)


@pytest.mark.parametrize("limits", [
    {"kinds": ("on_demand", "reserved")}, {"providers": {"forbid": ("host",)}}, {"evidence": "measured"}, {}],
    ids=str)
def test_an_api_is_used_only_where_the_problem_allows_it(limits: dict[str, Any]) -> None:
    assert bool(replace(BOTH, limits=limits).solve().hosted) is not bool(limits)


@pytest.mark.parametrize(("facts", "used"), [
    ({"tokens_per_s": SPEED - 1}, False), ({"tokens_per_s": SPEED}, True), ({"context_tokens": ISL}, False),
    ({"requests_per_minute": 1.0}, False)], ids=str)
def test_what_an_api_states_is_held_against_the_promise(facts: dict[str, Any], used: bool) -> None:
    assert bool(replace(BOTH, apis=(api(out=3.0, **facts),)).solve().hosted) is used


def test_a_rate_limit_leaves_the_rest_to_nodes_and_a_dearer_api() -> None:
    a_minute = SPEED / (OSL - 1) * 60
    plan = replace(BOTH, apis=(api(out=3.0, requests_per_minute=2 * a_minute), api("second", 4.0))).solve()
    peak = max(plan.periods, key=lambda period: period.demand[0].amount)
    assert {one.provider: one.amount for one in peak.hosted} == {"host": 2.0, "second": 2.0}


def test_a_lost_provider_takes_its_apis_along() -> None:
    alone = replace(BOTH, standing=(50.0, 5), hourly=(50.0, 5), apis=(api(out=3.0), api("second", 4.0)))
    assert {one.provider for one in alone.solve().hosted} == {"host"}
    safe = replace(alone, limits={"survive": {"provider": True}}).solve()
    for period in safe.periods:
        held = {one.provider: one.amount for one in period.hosted}
        assert sum(held.values()) - max(held.values()) >= period.demand[0].amount


@pytest.mark.parametrize("limits", [
    {"survive": {"nodes": 1}}, {"survive": {"nodes": 1, "by": "replacement"}}, {"survive": {"provider": True}},
    {"nodes": {"min": 0, "max": 1}}, {"budget": {"amount": 2000.0, "per": "month"}}, {"max_utilisation_fraction": 0.5}],
    ids=str)
def test_a_rule_more_never_makes_it_cheaper_and_the_plan_stands(limits: dict[str, Any]) -> None:
    free, bound = BOTH.solve(), replace(BOTH, limits=limits).solve()
    assert bound.status in ("optimal", "infeasible")
    if bound.cost.usd_per_month is not None:
        assert bound.cost.usd_per_month >= (free.cost.usd_per_month or math.inf) - 0.01


def test_years_pay_apis_from_the_running_costs_of_each_quarter() -> None:
    loaded, catalog = BOTH.asked()
    told = loaded.problem.model_dump()
    told["roadmap"] = {"start": "2027-Q1", "quarters": 4, "demand_growth_fraction_per_year": 0.5}
    problem = Problem.model_validate(told)
    plan = best_plan(prepare(loaded_of(problem), catalog), SolveSettings())
    assert plan.status == "optimal"
    assert plan.roadmap is not None
    assert plan.hosted
    assert plan.roadmap.quarters[-1].opex_usd > plan.roadmap.quarters[0].opex_usd


def test_every_figure_of_an_api_is_checked() -> None:
    loaded, catalog = BOTH.asked()
    plan = BOTH.solve()
    assert not faults_of_periods(plan, loaded.problem, catalog, {})
    told = json.loads(json.dumps(plan.model_dump(mode="json")))
    tampered = 0
    for where, key in [*product([told["hosted"][0]], told["hosted"][0]),
                       *((one, key) for period in told["periods"] for one in period.get("hosted", ()) for key in one)]:
        kept = where[key]
        where[key] = kept * 1.5 if isinstance(kept, float) else kept + 1 if isinstance(kept, int) else (
            7.0 if kept is None else f"{kept}x")
        assert faults_of_periods(Plan.model_validate_json(json.dumps(told)), loaded.problem, catalog, {}), key
        where[key] = kept
        tampered += 1
    assert tampered > 15


def test_a_peak_of_requests_in_flight_alone_gives_no_bill(tmp_path: Path) -> None:
    loaded, catalog = BOTH.asked()
    told = loaded.problem.model_dump()
    told["services"][0]["demand"] = {"peak_concurrency": 9}
    plan = best_plan(prepare(loaded_of(Problem.model_validate(told)), catalog), SolveSettings())
    assert plan.status == "optimal"
    assert not plan.hosted
