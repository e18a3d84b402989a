"""Contracts and the cap on spot nodes, from the problem file to the plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Run

CASE = "three-years-reserved"
KINDS = ("--set", "limits.kinds=[on_demand,reserved,spot]")


def plan(run: Run, *settings: str) -> dict[str, Any]:
    found = run("solve", CASE, *(part for text in settings for part in ("--set", text)), "--format", "json")
    assert found.code == 0, found.err
    data: dict[str, Any] = json.loads(found.out)
    return data


def test_a_minimum_that_is_signed_draws_the_plan_to_its_provider(run: Run) -> None:
    free = plan(run)
    signed = plan(run, "limits.contracts={gcp: {minimum_usd_per_month: 30000, signed: true}}")
    # 30,000 a month are billed anyway, so that whatever they buy is cheapest
    assert signed["cost"]["usd_per_month"] == pytest.approx(30_000, abs=0.01)
    spent = sum(node["usd_per_month"] for node in signed["nodes"])
    assert signed["cost"]["breakdown"]["contracts"] == pytest.approx(30_000 - spent, abs=0.01)
    assert free["cost"]["usd_per_month"] < 30_000
    assert "contracts" not in free["cost"]["breakdown"]


def test_volume_tiers_take_off_what_lies_above(run: Run) -> None:
    # the plan costs more than 10,000 at gcp: a tenth of what lies above is taken off
    found = plan(run, "limits.providers.allow=[gcp]",
                 "limits.contracts={gcp: {tiers: [{above_usd_per_month: 10000, discount_fraction: 0.1}]}}")
    listed = sum(node["usd_per_month"] for node in found["nodes"])
    assert listed > 10_000
    assert found["cost"]["usd_per_month"] == pytest.approx(10_000 + 0.9 * (listed - 10_000), abs=0.01)
    assert found["bound_usd_per_month"] == found["cost"]["usd_per_month"]


def test_a_contract_that_changes_nothing_changes_nothing(run: Run) -> None:
    free, same = plan(run), plan(run, "limits.contracts={aws: {}, gcp: {}}")
    assert same["nodes"] == free["nodes"]
    assert same["cost"] == free["cost"]


def test_tiers_that_no_plan_reaches_change_nothing(run: Run) -> None:
    far = "limits.contracts={gcp: {tiers: [{above_usd_per_month: 999999999999, discount_fraction: 0.123456789}]}}"
    assert plan(run, far)["cost"] == plan(run)["cost"]


def test_the_cap_on_spot_lies_between_none_and_all(run: Run) -> None:
    kinds = "limits.kinds=[on_demand,reserved,spot]"
    costs = [plan(run, kinds, f"limits.spot_share_fraction={share}")["cost"]["usd_per_month"]
             for share in ("null", "0.9", "0.5", "0.0")]
    none = plan(run)["cost"]["usd_per_month"]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1] == none


def test_hours_lost_to_interruptions_make_spot_dearer(run: Run) -> None:
    kinds = "limits.kinds=[spot]"
    free = plan(run, kinds)["cost"]["usd_per_month"]
    lost = plan(run, kinds, "assumptions.spot_interruption_fraction=0.2")["cost"]
    assert lost["usd_per_month"] == pytest.approx(free / 0.8, rel=1e-6)
    assert lost["breakdown"]["interruptions"] == pytest.approx(free / 4, rel=1e-6)


def test_compare_pays_the_bills_too(run: Run) -> None:
    signed = "limits.contracts={gcp: {minimum_usd_per_month: 30000, signed: true}}"
    data = json.loads(run("compare", CASE, "--set", signed, "--format", "json").out)
    gcp = next(one for one in data["variants"] if one["name"] == "gcp")
    assert gcp["total_usd"]["36"] == pytest.approx(36 * gcp["usd_per_month"], rel=1e-6)
    owned = next(one for one in data["variants"] if one["name"] == "aws")
    assert owned["usd_per_month"] > 30_000  # billed although nothing of gcp is used


@pytest.mark.parametrize(("command", "setting", "found"), [
    ("solve", "limits.contracts={nobody: {}}", "no such provider"),
    ("solve", "limits.contracts={owned: {}}", "no such provider"),
    ("solve", "limits.contracts={aws: {tiers: [{above_usd_per_month: 2, discount_fraction: 0.1},"
              " {above_usd_per_month: 1, discount_fraction: 0.2}]}}", "rising thresholds"),
    ("solve", "limits.contracts={aws: {tiers: [{above_usd_per_month: 1, discount_fraction: 0.2},"
              " {above_usd_per_month: 2, discount_fraction: 0.1}]}}", "rise with the spend"),
    ("solve", "limits.spot_share_fraction=1.0", "1"),
])
def test_bad_input_is_one_line_and_code_2(run: Run, command: str, setting: str, found: str) -> None:
    result = run(command, CASE, "--set", setting)
    assert result.code == 2
    assert found in result.err
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
