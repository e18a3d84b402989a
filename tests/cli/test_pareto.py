"""`gpumix pareto`: ranges, services, formats, and what it says when there is nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import DESK, Run

# One node of cloud-big-x1 at 16 requests has 9 ms, at 40 12.5 ms. Two nodes carry 20 each: 9 + 4 / 48 x 7 = 9.583 ms.
ONE_NODE, TWO_NODES = 80.0, 1000 / (9 + 4 / 48 * 7)


def points(run: Run, *arguments: str | Path) -> list[tuple[float, float]]:
    """Walk a frontier and return (tokens/s, USD/month) of its points."""
    data = json.loads(run("pareto", *arguments, "--format", "json").out)
    assert data["complete"] is True
    return [(round(p["tokens_per_s_per_user"], 6), p["usd_per_month"]) for p in data["points"]]


def test_points_are_those_of_the_curve(run: Run, desk: Path) -> None:
    found = points(run, desk, "--range", "60:100")
    assert found == [(ONE_NODE, 1825.0), (round(TWO_NODES, 6), 3650.0)]


def test_range_without_an_end_goes_as_fast_as_any_offer(run: Run, desk: Path) -> None:
    whole = points(run, desk)
    assert points(run, desk, "--range", "60") == points(run, desk, "--range", "60:") == whole
    assert whole[-1][0] == round(1000 / 7, 6)  # a single request, below which the curve is flat


def test_budget_ends_the_frontier_and_is_named(run: Run, desk: Path) -> None:
    limit = ("--set", "limits.budget.amount=4000")
    assert points(run, desk, *limit) == [(ONE_NODE, 1825.0), (round(TWO_NODES, 6), 3650.0)]
    told = run("pareto", desk, *limit).out.splitlines()
    assert "chat: from 5 up (tokens/s), within the budget of 4,000 USD a month" in told


def test_text_marks_the_point_that_was_asked_for(run: Run, desk: Path) -> None:
    lines = run("pareto", desk, "--range", "5:100", "--set", "services.0.slo.tokens_per_s_per_user=90").out.splitlines()
    (marked,) = [line for line in lines if line.strip().startswith("104.3")]
    assert marked.split()[:6] == ["104.3", "A", "$3,650.00", "interpolated", "yes", "asked"]
    assert "2 plans, complete and proven: every other one is slower or costs more." in lines
    said = " ".join(" ".join(lines).split())
    assert "asked: 104.3 tokens/s at $3,650.00 (cheapest that keeps the 90 tokens/s of the problem)" in said


def test_csv_and_markdown_have_a_row_for_each_point(run: Run, desk: Path) -> None:
    first, second = csv.DictReader(io.StringIO(run("pareto", desk, "--range", "5:100", "--format", "csv").out))
    assert (first["usd_per_month"], first["asked"], first["nodes"]) == ("1825.00", "yes", "1 x cloud-big-x1")
    assert (second["usd_per_month"], second["asked"], second["nodes"]) == ("3650.00", "no", "2 x cloud-big-x1")
    markdown = run("pareto", desk, "--range", "5:100", "--format", "markdown").out.splitlines()
    named = "cheapest, asked, grade C, grade B, grade A"
    assert f"| 80.0 | A | \\$1,825.00 | interpolated | yes | {named} | 1 × cloud-big-x1 |" in markdown
    other = "| 104.3 | A | \\$3,650.00 | interpolated | yes |  | 2 × cloud-big-x1; +1 cloud-big-x1 |"
    assert other in markdown


def test_json_keeps_the_contract_of_a_frontier(run: Run, desk: Path) -> None:
    data = json.loads(run("pareto", desk, "--range", "5:100", "--format", "json").out)
    assert set(data) >= {"axis", "range", "points", "complete", "rejections"}
    assert (data["axis"], data["range"]) == ("speed", [5.0, 100.0])
    for point in data["points"]:
        assert set(point) >= {"value", "tokens_per_s_per_user", "usd_per_month", "robust", "plan"}
        assert point["value"] == point["tokens_per_s_per_user"]
        assert "rejections" not in point["plan"]  # they stand once in the document


def test_service_chooses_whose_speed(run: Run, desk: Path) -> None:
    second = DESK[DESK.index("  - service_id"):DESK.index("limits:")].replace("chat", "code").replace("40}", "10}")
    desk.write_text(DESK.replace("limits:", f"{second}limits:"), encoding="utf-8")
    asked = ("pareto", desk, "--range", "25:90")
    chat, code = (json.loads(run(*asked, "--service", name, "--format", "json").out) for name in ("chat", "code"))
    assert (chat["service_id"], code["service_id"]) == ("chat", "code")
    assert run(*asked).out == run(*asked, "--service", "chat").out
    # one node for each service: 3,650; 10 requests on theirs have 7 + 9 / 15 x 2 = 8.2 ms
    first = code["points"][0]
    assert (first["value"], first["usd_per_month"]) == (pytest.approx(1000 / 8.2), 3650.0)
    wrong = run("pareto", desk, "--service", "nobody")
    assert (wrong.code, wrong.err) == (2, "gpumix: --service: nobody: found no such service; allowed: chat, code\n")


@pytest.mark.parametrize("speeds", ["a:b", ":40", "60:30", "0:5", "-5:10", "", "5:10:20"])
def test_ranges_that_make_no_sense_are_refused(run: Run, desk: Path, speeds: str) -> None:
    result = run("pareto", desk, f"--range={speeds}")
    assert (result.code, result.out) == (2, "")
    assert "--range" in result.err
    assert "LOW:HIGH" in result.err


def test_a_range_of_no_number_is_refused(run: Run, desk: Path) -> None:
    assert run("pareto", desk, "--range", "nan:5").code == 2


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown"])
def test_nothing_in_the_range_is_proven_infeasible(run: Run, desk: Path, form: str) -> None:
    result = run("pareto", desk, "--range", "500:600", "--format", form)
    assert result.code == 1
    if form in ("text", "markdown"):
        assert "no plan keeps every rule anywhere in this range: proven" in result.out


def test_a_limit_reached_before_any_plan_is_not_infeasible(run: Run, desk: Path) -> None:
    result = run("pareto", desk, "--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1",
                 "--set", "limits.engine_policy=per_gpu")  # no case that is enumerated
    assert result.code == 5
    assert "a limit was reached before any plan was found" in result.out
    assert "proven" not in result.out
