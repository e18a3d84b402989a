"""`gpumix compare` as a reader and as a program sees it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

CASE = "own-against-cloud-8x-h100"


def test_text_fits_a_terminal_and_says_when_owning_pays_back(run: Run) -> None:
    found = run("compare", CASE)
    assert found.code == 0
    assert "after 8,556 hours" in found.out
    assert "By the end of month 12" in found.out
    assert max(len(line) for line in found.out.splitlines()) <= 80


def test_yen_are_shown_with_their_rate(run: Run) -> None:
    found = run("compare", "tokyo-cloud-or-own")
    assert "JPY/month" in found.out
    assert "158.48 a dollar (2026-08-21)" in found.out
    assert max(len(line) for line in found.out.splitlines()) <= 80


def test_json_has_every_key_of_the_contract(run: Run) -> None:
    data = json.loads(run("compare", CASE, "--format", "json").out)
    assert set(data) >= {"variants", "break_even_month", "break_even_utilisation_fraction"}
    assert [one["name"] for one in data["variants"]] == ["rented", "owned", "mixed", "aws"]
    for one in data["variants"]:
        assert set(one) >= {"name", "status", "usd_per_month", "total_usd"}
        assert set(one["total_usd"]) == {"12", "36", "60"}
    assert data["break_even_month"] == 12
    assert data["break_even_hours"] == pytest.approx(8556.24, abs=0.01)
    assert data["verdict"] == "owned"


def test_csv_and_markdown_tell_the_same(run: Run) -> None:
    data = json.loads(run("compare", CASE, "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(run("compare", CASE, "--format", "csv").out)))
    assert [row["name"] for row in rows] == [one["name"] for one in data["variants"]]
    assert [row["total_usd_60"] for row in rows] == [f"{one['total_usd']['60']:.2f}" for one in data["variants"]]
    page = run("compare", CASE, "--format", "markdown").out
    assert page.startswith(f"# {CASE}")
    assert "8,556 hours" in page


def test_without_any_plan_the_code_is_1_and_money_is_null(run: Run) -> None:
    found = run("compare", CASE, "--set", "limits.budget.amount=1", "--format", "json")
    data = json.loads(found.out)
    assert found.code == 1
    assert {one["status"] for one in data["variants"]} == {"infeasible"}
    assert all(one["usd_per_month"] is None and one["reason"] for one in data["variants"])
    assert data["variants"][0]["total_usd"] == {"12": None, "36": None, "60": None}
    assert (data["break_even_month"], data["break_even_utilisation_fraction"], data["verdict"]) == (None, None, None)
    assert "limits.budget stands in the way" in run("compare", CASE, "--set", "limits.budget.amount=1").out


def test_a_limit_that_leaves_no_plan_is_no_proof(run: Run) -> None:
    found = run("compare", "three-years-reserved", "--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1")
    assert found.code == 5
    assert "before the limit was reached" in found.out
    assert "There is no plan" not in found.out
    assert "Not proven (a limit was reached): rented, mixed" in found.out


@pytest.mark.parametrize("ending", [".png", ".svg", ".html"])
def test_a_chart_is_the_same_twice(run: Run, tmp_path: Path, ending: str) -> None:
    files = [tmp_path / f"{name}{ending}" for name in ("a", "b")]
    for file in files:
        assert run("compare", CASE, "--chart", file).code == 0
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert first.startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".html": b"<!DOCTYPE"}[ending])


def test_no_chart_of_nothing(run: Run, tmp_path: Path) -> None:
    found = run("compare", CASE, "--set", "limits.budget.amount=1", "--chart", tmp_path / "a.png")
    assert found.code == 1
    assert "no chart is drawn" in found.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("arguments", "found"), [
    (("--chart", "a.gif"), "'.gif'"),
    (("--set", "assumptions.rent_usd_per_hour.nothing=1"), "no such rented node"),
    (("--set", "assumptions.running_usd_per_hour.nothing=1"), "no such owned node"),
    (("--set", "assumptions.adjustments={nobody: [{discount_fraction: 0.1}]}"), "no such provider"),
    (("--set", "assumptions.rent_factor=0"), "0"),
    (("--set", "accounting.fiscal_year_start_month=13"), "13"),
])
def test_bad_input_is_one_line_and_code_2(run: Run, arguments: tuple[str, str], found: str) -> None:
    result = run("compare", CASE, *arguments)
    assert result.code == 2
    assert found in result.err
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
