"""`gpumix solve` and `check`: formats, overrides, limits, catalogs laid over each other."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

Overlay = Callable[[str, float], Path]


def answer(run: Run, *arguments: str | Path) -> dict[str, Any]:
    """Solve and read the JSON."""
    result = run("solve", *arguments, "--format", "json")
    assert result.err == ""
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_text_says_nodes_cost_and_proof(run: Run, desk: Path) -> None:
    result = run("solve", "--details", desk)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[:3] == [
        "desk", "OPTIMAL: proven, nothing cheaper exists in this catalog",
        "$1,825.00/month for 1 node: 1 x cloud-big-x1",
    ]
    assert "  capacity: 1 node x 1 GPU x 40 requests = 40 >= 40" in lines
    assert "  every user: 80.0 tokens/s at the peak, 25 asked: grade A" in lines
    assert "80.0 tokens/s at 40 in flight, TTFT 260 ms: interpolated +-" in result.out  # 120 + 24 / 48 x 280 ms
    assert "  $1,825.00/month, $2.5000/hour (730 hours a month)" in lines
    assert "  lower bound $1,825.00/month = cost, gap 0%" in lines
    assert "https://example.org/prices" in result.out  # where the price comes from
    assert "https://example.org/lab" in result.out  # where the speed comes from


def test_json_is_one_document(run: Run, desk: Path) -> None:
    data = answer(run, desk)
    assert (data["status"], data["cost"]["usd_per_month"]) == ("optimal", 1825.0)
    assert [(node["count"], node["offer_id"]) for node in data["nodes"]] == [(1, "cloud-big-x1")]


def test_csv_has_a_row_for_each_offer(run: Run, desk: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(run("solve", desk, "--format", "csv").out))
    assert (row["problem"], row["status"], row["offer_id"], row["count"]) == ("desk", "optimal", "cloud-big-x1", "1")
    assert (row["usd_per_month"], row["usd_per_hour_each"]) == ("1825.0", "2.5")


def test_csv_of_no_plan_has_its_status(run: Run, desk: Path) -> None:
    result = run("solve", desk, "--format", "csv", "--set", "limits.budget.amount=1")
    (row,) = csv.DictReader(io.StringIO(result.out))
    assert (result.code, row["status"], row["offer_id"]) == (1, "infeasible", "")


def test_markdown_has_tables_and_linked_sources(run: Run, desk: Path) -> None:
    out = run("solve", desk, "--format", "markdown").out
    assert out.startswith("# desk\n")
    assert "\\$1,825.00/month for 1 node: 1 × cloud-big-x1" in out
    assert "| 1 | cloud-big-x1 | \\$1,825.00 | 1 × big-80gb, on demand, cloud tokyo; " in out
    assert "| cloud-big-x1 | price | <https://example.org/prices> |" in out
    assert "\x1b" not in out


def test_options_come_in_any_order(run: Run, desk: Path) -> None:
    after = run("solve", desk, "--format", "json", "--set", "limits.nodes.max=3")
    before = run("solve", "--set", "limits.nodes.max=3", "--format", "json", desk)
    assert (after.code, before) == (0, after)


@pytest.mark.parametrize(("override", "asked"), [
    ("services.0.slo.grade=B", 30.0),  # the grade takes the place of the 25 tokens/s in the file
    ("services.0.slo.tokens_per_s_per_user=33", 33.0),
])
def test_set_replaces_grade_and_number_by_each_other(run: Run, desk: Path, override: str, asked: float) -> None:
    assert answer(run, desk, "--set", override)["services"][0]["target_tokens_per_s"] == asked


def test_set_repeats_and_the_last_one_holds(run: Run, desk: Path) -> None:
    key = "services.0.demand.peak_concurrency"
    # 65 requests are more than the 64 of one node
    assert answer(run, desk, "--set", f"{key}=10", "--set", f"{key}=65")["nodes"][0]["count"] == 2
    assert answer(run, desk, "--set", f"{key}=65", "--set", f"{key}=10")["nodes"][0]["count"] == 1


@pytest.mark.parametrize("override", [
    "nodes", "=3", "services.7.model=x", "services.0.slo.grade=Z", "limits.nodes.max=two",
])
def test_set_names_what_it_cannot_read(run: Run, desk: Path, override: str) -> None:
    result = run("solve", desk, "--set", override)
    assert (result.code, result.out) == (2, "")
    assert override in result.err
    assert "found" in result.err
    assert "allowed" in result.err


@pytest.mark.parametrize("option", ["--time-limit", "--deterministic-limit"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_limits_are_numbers_above_zero(run: Run, desk: Path, option: str, value: str) -> None:
    result = run("solve", "--details", desk, option, value)
    assert (result.code, result.out) == (2, "")
    assert option in result.err


@pytest.mark.parametrize("option", ["--time-limit", "--deterministic-limit"])
def test_a_limit_wide_enough_changes_nothing_in_the_plan(run: Run, desk: Path, option: str) -> None:
    limited, free = answer(run, desk, option, "60"), answer(run, desk)
    assert {**limited, "proposals": free["proposals"]} == free


def test_a_limit_too_small_for_any_plan_ends_with_code_5(run: Run, desk: Path) -> None:
    result = run("solve", "--details", desk, "--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1")
    assert result.code == 5
    assert result.out.splitlines()[1] == "UNKNOWN: the limit was reached before any plan was found"
    assert result.out.count("before any plan was found") == 1
    assert answer(run, desk, "--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1")["nodes"] == []


def test_explain_lists_rejections_by_step(run: Run, desk: Path) -> None:
    plain, explained = run("solve", "--details", desk).out, run("solve", "--details", desk, "--explain").out
    assert explained.startswith(plain)
    lines = explained.removeprefix(plain).splitlines()
    assert "Rejected by policy" in lines
    assert ["big-80gb", "1", "kind", "reserved", "is", "not", "among", "limits.kinds"] in map(str.split, lines)
    markdown = run("solve", desk, "--explain", "--format", "markdown").out
    assert "| big-80gb | 1 | kind reserved is not among limits.kinds |" in markdown


def test_overlay_price_is_taken_and_named(run: Run, desk: Path, overlay: Overlay) -> None:
    result = run("solve", "--details", desk, "--overlay", overlay("first", 1.5))
    assert "$1,095.00/month for 1 node: 1 x quote-big-x1" in result.out.splitlines()  # 1.5 x 730
    assert "quoted price of 2026-11-02, from your overlay" in " ".join(result.out.split())
    assert "! From your overlay: the price of quote-big-x1." in result.out.splitlines()


def test_overlays_lie_over_each_other(run: Run, desk: Path, overlay: Overlay, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = overlay("first", 1.5), overlay("second", 1.0)
    assert answer(run, desk, "--overlay", first, "--overlay", second)["cost"]["usd_per_hour"] == 1.0
    assert answer(run, desk, "--overlay", second, "--overlay", first)["cost"]["usd_per_hour"] == 1.5
    monkeypatch.setenv("GPUMIX_OVERLAY", f"{first}{os.pathsep}{second}")
    assert answer(run, desk)["cost"]["usd_per_hour"] == 1.0
    assert answer(run, desk, "--overlay", first)["cost"]["usd_per_hour"] == 1.5  # an option lies above the environment
    assert answer(run, desk, "--overlay", first)["inputs"]["overlays"] == ["first", "second", "first"]


def test_a_broken_overlay_is_the_users_and_a_broken_catalog_the_catalogs(
    run: Run, desk: Path, overlay: Overlay, small_catalog: Path,
) -> None:
    for command in ("solve", "check", "pareto"):
        mine = run(command, desk, "--overlay", overlay(f"bad-{command}", -1.0))
        assert mine.code == 2
        assert "offers/quote.csv: line 2.price: found '-1.0'; allowed: greater than 0" in mine.err
    (small_catalog / "gpus.csv").write_text("gpu_id\n", encoding="utf-8")
    theirs = run("solve", "--details", desk)
    assert theirs.code == 3
    assert "gpus.csv" in theirs.err


def test_catalog_option_wins_over_the_environment(run: Run, desk: Path, tmp_path: Path, small_catalog: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUMIX_CATALOG", str(tmp_path / "nowhere"))
    assert run("solve", "--details", desk).code == 3
    assert run("solve", "--details", desk, "--catalog", small_catalog).code == 0


def test_check_validates_names_without_solving(run: Run, desk: Path) -> None:
    good = run("check", desk)
    assert (good.code, good.out, good.err) == (0, f"{desk}: valid (1 service)\n", "")
    bad = run("check", desk, "--set", "limits.gpus.allow=[nothing]", "--set", "services.0.engines=[nobody]")
    assert (bad.code, bad.out) == (2, "")
    assert len(bad.err.splitlines()) == 2  # both faults at once
    assert all(line.startswith("gpumix: ") for line in bad.err.splitlines())


def test_a_quoted_formula_is_harmless_in_a_spreadsheet(run: Run, desk: Path, tmp_path: Path, overlay: Overlay) -> None:
    quote = overlay("first", 1.5) / "offers" / "quote.csv"
    quote.write_text(quote.read_text(encoding="utf-8").replace("quotation first", "=HYPERLINK(1)"), encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(run("solve", desk, "--overlay", tmp_path / "first", "--format", "csv").out))
    assert row["source_url"] == "'=HYPERLINK(1)"


def test_a_share_of_millions_of_nodes_is_rounded_not_wrong(run: Run) -> None:
    """One node of 10^6 is sent about 10^-6 of the requests, which the plan rounds at the ninth digit."""
    result = run("solve", "--details", "tokyo-cloud-or-own", "--set", "services.0.demand.peak_concurrency=100000000",
                 "--set", "limits.budget=null", "--format", "json")
    assert (result.code, result.err) == (0, "")
