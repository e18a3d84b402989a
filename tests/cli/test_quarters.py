"""`gpumix solve` of a problem with a roadmap: formats, charts, limits, and every fault of a roadmap at once."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DESK, Run

ROADMAP = """\
roadmap:
  start: 2027-Q2
  quarters: 4
  fiscal_year_start_month: 4
  demand_factors: [1.0, 1.0, 1.7, 1.7]
"""
"""40 requests on one cloud-big-x1 (64 a node at 2.50 USD/h: 5,475 USD a quarter), then 68 on two: 32,850 in all.

The commitment of twelve months at 1.75 USD/h costs 15,330, less than three quarters of 5,475: one node of it for the
whole year, another rented for two quarters: 15,330 + 10,950 = 26,280.
"""


@pytest.fixture
def years(desk: Path) -> Path:
    """The desk with a roadmap of four quarters, commitments allowed."""
    desk.write_text(DESK.replace("[on_demand]", "[on_demand, reserved]") + ROADMAP, encoding="utf-8")
    return desk


def answer(run: Run, *arguments: str | Path) -> dict[str, Any]:
    result = run("solve", *arguments, "--format", "json")
    assert result.err == ""
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_json_is_one_document_with_the_money_of_each_quarter(run: Run, years: Path) -> None:
    data = answer(run, years)
    roadmap = data["roadmap"]
    assert (data["status"], roadmap["total_cost_usd"], roadmap["bound_usd"], data["gap_fraction"]) == (
        "optimal", 26280.0, 26280.0, 0.0)
    assert [quarter["label"] for quarter in roadmap["quarters"]] == ["2027-Q2", "2027-Q3", "2027-Q4", "2028-Q1"]
    assert [quarter["opex_usd"] for quarter in roadmap["quarters"]] == [3832.5, 3832.5, 9307.5, 9307.5]
    assert [(year["label"], year["opex_usd"]) for year in roadmap["fiscal_years"]] == [("FY2027", 26280.0)]
    assert {one["offer_id"]: one["capacity_per_node"] for one in data["deployments"]} == {
        "cloud-big-x1": 64, "cloud-big-x1-12m": 64}
    assert answer(run, years) == data


def test_the_recommendation_tells_the_sums_of_the_quarters(run: Run, years: Path) -> None:
    one = answer(run, years)["recommendation"]["plans"][0]
    assert (one["purchases"], one["first_year"], one["first_year_cash"]) == (0.0, "FY2027", 26280.0)
    assert (one["usd_per_month"], one["usd_per_month_high"]) == (2190.0, None)


def test_a_horizon_that_is_not_the_plans_own_is_refused(run: Run, years: Path) -> None:
    """Nodes of a plan over four quarters are needed for twelve months; another horizon would change nothing."""
    plain = run("solve", years)
    assert plain.code == 0
    assert run("solve", years, "--set", "limits.horizon_months=12").out.splitlines()[:-1] == plain.out.splitlines()[:-1]
    for other in (1, 36):
        result = run("solve", years, "--set", f"limits.horizon_months={other}")
        assert (result.code, result.out) == (2, "")
        assert f"limits.horizon_months: found {other}; allowed: 12" in result.err


def test_text_fits_80_columns_and_says_what_to_do(run: Run, years: Path) -> None:
    out = run("solve", years).out
    assert "OPTIMAL: proven, nothing cheaper exists in this catalog" in out
    assert "$26,280.00 in all, nominal: 2027-Q2 to 2028-Q1, 4 quarters" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["2027-Q2", "40", "-", "1", "A", "-", "1", "A", "3,832.50"] in lines
    assert ["FY2027", "4", "26,280.00"] in lines
    assert ["2027-Q4", "68", "-", "1", "B", "-", "1", "A,", "1", "B", "9,307.50"] in lines
    assert ["A", "cloud-big-x1-12m"] in lines
    assert max(len(line) for line in out.splitlines() if "http" not in line) <= 80


def test_csv_has_a_row_for_each_quarter(run: Run, years: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("solve", years, "--format", "csv").out)))
    assert [(row["quarter"], row["fiscal_year"], row["cash_usd"], row["nodes"]) for row in rows] == [
        ("2027-Q2", "FY2027", "3832.5", "1"), ("2027-Q3", "FY2027", "3832.5", "1"),
        ("2027-Q4", "FY2027", "9307.5", "2"), ("2028-Q1", "FY2027", "9307.5", "2")]
    assert rows[0]["rented"] == "1 x cloud-big-x1-12m"
    assert rows[-1]["cumulative_cash_usd"] == "26280.0"


def test_markdown_has_quarters_and_fiscal_years(run: Run, years: Path) -> None:
    out = run("solve", years, "--format", "markdown").out
    assert out.startswith("# desk\n")
    assert "| 2027-Q4 | 68 | \\- | 1 B | \\- | 1 A, 1 B | 9,307.50 |" in out
    assert "| FY2027 | 4 | 26,280.00 |" in out
    assert "\x1b" not in out


def test_yen_are_shown_where_the_problem_counts_in_them(run: Run, years: Path) -> None:
    result = run("solve", years, "--set", "currency=JPY", "--set", "fx={rate_per_usd: 100, as_of: 2026-11-01}")
    assert "JPY 2,628,000 ($26,280.00) in all" in result.out
    assert "lower bound JPY 2,628,000, gap 0.00% at 100 JPY a dollar (2026-11-01)" in result.out


def test_charts_are_written_whole_and_the_same_each_time(run: Run, years: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "plan.png", tmp_path / "plan.svg"]
    arguments = [part for path in paths for part in ("--chart", path)]
    assert run("solve", years, *arguments).code == 0
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]
    run("solve", years, *arguments)
    assert [path.read_bytes() for path in paths] == first


@pytest.mark.parametrize("name", ["plan.html", "plan.gif", "plan", "none/plan.png"])
def test_a_chart_that_cannot_be_is_refused_before_anything_is_solved(run: Run, years: Path, name: str) -> None:
    result = run("solve", years, "--chart", name)
    assert (result.code, result.out) == (2, "")
    assert name in result.err
    assert ".html" not in result.err.split("allowed")[1]


def test_without_a_plan_the_reason_is_given_and_no_chart_is_drawn(run: Run, years: Path, tmp_path: Path) -> None:
    chart = tmp_path / "plan.png"
    result = run("solve", years, "--set", "roadmap.caps.opex_per_fiscal_year=100", "--chart", chart)
    assert result.code == 1
    assert "roadmap.caps on opex: without it there is a plan" in result.out
    assert "no chart is drawn" in result.err
    assert not chart.exists()
    data = answer_of(run("solve", years, "--set", "roadmap.caps.opex_per_fiscal_year=100", "--format", "json").out)
    assert (data["status"], data["cost"]["usd_per_month"], "roadmap" in data) == ("infeasible", None, False)


def answer_of(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    return data


def test_the_command_of_version_0_1_says_what_to_write(run: Run, years: Path) -> None:
    result = run("plan", years, "--format", "json")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "gpumix: plan: found a command that is gone; allowed: gpumix solve PROBLEM with `roadmap:` in the problem\n")
    assert "\n  plan " not in run("--help").out


def test_a_chart_needs_a_roadmap(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("solve", desk, "--chart", tmp_path / "plan.png")
    assert (result.code, result.out) == (2, "")
    assert "--chart: found a problem without roadmap" in result.err


WRONG = {
    "": ("roadmap.start", "roadmap.quarters"),
    "{start: 2027-13, quarters: 4}": ("roadmap.start",),
    "{start: 2027-Q5, quarters: 4}": ("roadmap.start",),
    "{start: 2027-04-15, quarters: 4}": ("roadmap",),
    "{start: 9999-Q4, quarters: 4}": ("roadmap.start: found '9999-Q4'; allowed: a quarter as 2027-Q2",),
    "{start: 5, quarters: 4}": ("roadmap.start: found 5; allowed: a quarter as 2027-Q2",),
    "{start: soon, quarters: four}": ("roadmap.start", "roadmap.quarters"),
    "{start: 2027-Q2, quarters: 0}": ("roadmap.quarters",),
    "{start: 2027-Q2, quarters: 21}": ("roadmap.quarters",),
    "{start: 2027-Q2, quarters: 4.5}": ("roadmap.quarters",),
    "{start: 2027-Q2, quarters: 4, fiscal_year_start_month: 13}": ("roadmap.fiscal_year_start_month",),
    "{start: 2027-Q2, quarters: 4, fiscal_year_start_month: 5}": ("roadmap.start",),
    "{start: 2027-Q2, quarters: 4, demand_growth_fraction_per_year: .nan}": ("demand_growth_fraction_per_year",),
    "{start: 2027-Q2, quarters: 4, demand_growth_fraction_per_year: -1}": ("demand_growth_fraction_per_year",),
    "{start: 2027-Q2, quarters: 4, demand_factors: [1, 2]}": ("demand_factors",),
    "{start: 2027-Q2, quarters: 2, demand_factors: [1.0, 0.0]}": ("demand_factors",),
    "{start: 2027-Q2, quarters: 2, demand_factors: [1.0, 1.0e+30]}": ("demand_factors",),
    "{start: 2027-Q2, quarters: 2, demand_factors: [1.0, 1.0], demand_growth_fraction_per_year: 0.1}": (
        "demand_factors",),
    "{start: 2027-Q2, quarters: 4, demand_growth_by_service: {nobody: 0.1}, price_change_by_gpu: {tpu: 0.1}, "
    "lead_time_by_offer: {none: 1}}": (
        "roadmap.demand_growth_by_service.nobody", "roadmap.price_change_by_gpu.tpu",
        "roadmap.lead_time_by_offer.none"),
    "{start: 2027-Q2, quarters: 4, lead_time_quarters: -1}": ("roadmap.lead_time_quarters",),
    "{start: 2027-Q2, quarters: 4, price_change_fraction_per_year: -1}": ("price_change_fraction_per_year",),
    "{start: 2027-Q2, quarters: 4, discount_fraction_per_year: 2}": ("discount_fraction_per_year",),
    "{start: 2027-Q2, quarters: 4, end_value: plenty}": ("roadmap.end_value",),
    "{start: 2027-Q2, quarters: 4, owned_already: [{offer_id: none, count: 1, bought: 2026-01-01}]}": (
        "roadmap.owned_already.0.offer_id",),
    "{start: 2027-Q2, quarters: 4, owned_already: [{offer_id: owned-small-x2.on-prem-jp, count: 0, "
    "bought: 2028-01-01}]}": ("roadmap.owned_already.0.count",),
    "{start: 2027-Q2, quarters: 4, owned_already: [{offer_id: owned-small-x2.on-prem-jp, count: 1, "
    "bought: 2028-01-01}]}": ("owned_already.0.bought",),
    "{start: 2027-Q2, quarters: 4, caps: {capex_per_fiscal_year: -5, opex_per_fiscal_year: lots}}": (
        "roadmap.caps.capex_per_fiscal_year", "roadmap.caps.opex_per_fiscal_year"),
    "{start: 2027-Q2, quarters: 4, caps: {fiscal_years: {2027: {capex: 1}}}}": ("fiscal_years",),
    "{start: 2027-Q2, quarters: 4, caps: {fiscal_years: {FY2035: {capex: 1}}}}": (
        "roadmap.caps.fiscal_years.FY2035",),
    "{start: 2027-Q2, quarters: 4, budget: 5}": ("roadmap.budget",),
}


@pytest.mark.parametrize("roadmap", WRONG)
def test_every_fault_of_a_roadmap_is_named_at_once(run: Run, desk: Path, roadmap: str) -> None:
    desk.write_text(f"{DESK}roadmap: {roadmap or '{}'}\n", encoding="utf-8")
    result = run("solve", desk)
    assert (result.code, result.out) == (2, "")
    for key in WRONG[roadmap]:
        assert key in result.err
    assert "found" in result.err
    assert "allowed" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("option", ["--time-limit", "--deterministic-limit"])
def test_limits_are_numbers_above_zero_and_wide_ones_change_nothing(run: Run, years: Path, option: str) -> None:
    assert run("solve", years, option, "0").code == 2
    assert answer(run, years, option, "60") == answer(run, years)


def test_a_plan_is_written_to_a_file(run: Run, years: Path, tmp_path: Path) -> None:
    place = tmp_path / "plan.md"
    assert run("solve", years, "--format", "markdown", "--output", place).out == ""
    assert place.read_text(encoding="utf-8").startswith("# desk\n")


def test_agreed_prices_stand_beside_nodes_that_are_there_already(run: Run, years: Path) -> None:
    """At half the rents the year costs 13,140 at most, whatever the node that is there adds."""
    own = "[{offer_id: owned-small-x2.on-prem-jp, count: 1, bought: 2026-04}]"
    terms = "{adjustments: {cloud: [{discount_fraction: 0.5}]}, rent_usd_per_hour: {cloud-big-x1: 2.5}}"
    data = answer(run, years, "--set", f"roadmap.owned_already={own}", "--set", f"assumptions={terms}")
    assert data["status"] == "optimal"
    assert data["roadmap"]["total_cost_usd"] <= 26_280 / 2


def test_a_saved_plan_is_held_against_the_cheapest_of_today(run: Run, years: Path, tmp_path: Path) -> None:
    """26,280 USD over twelve months are 2,190 a month; without commitments 32,850, 2,737.50: 25% more."""
    saved, dear = tmp_path / "saved.json", tmp_path / "dear.json"
    run("solve", years, "--format", "json", "--output", saved)
    run("solve", years, "--set", "limits.kinds=[on_demand]", "--format", "json", "--output", dear)
    met = run("verify", saved, "--problem", years)
    assert met.code == 0
    assert "today $2,190.00/month" in met.out
    assert "Prices that changed" not in met.out
    missed = run("verify", dear, "--problem", years)
    assert missed.code == 6
    assert "today $2,737.50/month" in missed.out
