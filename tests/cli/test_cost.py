"""`gpumix cost` as a reader and as a program sees it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cli.conftest import Run

SERVER = "owned-server-8x-l40s.on-prem-jp"


@pytest.mark.parametrize("offer", [
    SERVER, "sakura-phy-h100-ishikari-reserved-2m", "coreweave-hgx-h100-north-america-spot"])
def test_text_fits_a_terminal(run: Run, offer: str) -> None:
    found = run("cost", offer, "--set", "currency=JPY")
    assert found.code == 0
    assert "158.48 a dollar" in found.out
    long = [line for line in found.out.splitlines() if len(line) > 80 and "http" not in line]
    assert long == []


def test_the_document_adds_up(run: Run) -> None:
    data = json.loads(run("cost", SERVER, "--problem", "tokyo-cloud-or-own", "--format", "json").out)
    assert data["horizon_months"] == 36
    assert sum(line["usd_per_month"] for line in data["lines"]) == pytest.approx(data["usd_per_month"])
    assert len(data["fiscal_years"]) == 3
    assert data["currency"] == "JPY"
    for line in (*data["purchase"], *data["lines"]):
        assert line["formula"]
        assert line["figures"]


def test_the_problem_and_the_plan_price_it_alike(run: Run) -> None:
    plan = json.loads(run("solve", "tokyo-cloud-or-own", "--format", "json").out)
    for node in plan["nodes"]:
        cost = json.loads(run("cost", node["offer_id"], "--problem", "tokyo-cloud-or-own", "--format", "json").out)
        assert cost["usd_per_month"] * node["count"] == pytest.approx(node["usd_per_month"])


def test_csv_has_a_row_for_each_figure(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("cost", SERVER, "--format", "csv").out)))
    assert {row["part"] for row in rows} == {"purchase", "month"}
    assert all(row["evidence"] and row["formula"] for row in rows)


def test_markdown_has_the_fiscal_years(run: Run) -> None:
    page = run("cost", SERVER, "--format", "markdown").out
    assert page.startswith(f"# {SERVER}")
    assert "## Fiscal years" in page


@pytest.mark.parametrize(("arguments", "found"), [
    (("nothing",), "'nothing'"), (("owned-server-8x-l40s",), "owned-server-8x-l40s.on-prem-us or"),
    ((SERVER, "--set", "accounting.tax=maybe"), "maybe"), ((SERVER, "--set", "accounting.start=2027-13"), "2027-13"),
    ((SERVER, "--problem", "nowhere"), "nowhere"),
    ((SERVER, "--set", "assumptions.adjustments.aws=[{}]"), "exactly one in each step"),
])
def test_bad_input_is_one_line_and_code_2(run: Run, arguments: tuple[str, ...], found: str) -> None:
    result = run("cost", *arguments)
    assert result.code == 2
    assert found in result.err
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
