"""A demand by the hour on the command line: every format, a batch, and what refuses it.

200 requests in flight at the peak on nodes of 64 for 2.50 dollars an hour: 9 hours at 40 ask one node, 5 hours at 100
two, 10 hours at 200 four: 9 + 10 + 40 = 59 node-hours a day, 147.50 dollars, x 730 / 24 = 4,486.46 dollars a month.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

DAY = "[0.2,0.2,0.2,0.2,0.2,0.2,0.5,0.5,1,1,1,1,1,1,1,1,1,1,0.5,0.5,0.5,0.2,0.2,0.2]"
PROFILE = ("--set", f"services.0.demand={{peak_concurrency: 200, profile: {DAY}}}")
MONTH = 59 * 2.5 * 730 / 24


def test_json_has_every_period(run: Run, desk: Path) -> None:
    data = json.loads(run("solve", desk, *PROFILE, "--format", "json").out)
    assert data["cost"]["usd_per_month"] == data["bound_usd_per_month"] == pytest.approx(MONTH)
    assert data["gap_fraction"] == 0.0
    periods = [(one["hours"][0], len(one["hours"]), one["demand"][0]["amount"], one["nodes"])
               for one in data["periods"]]
    assert periods == [(0, 9, 40.0, {"cloud-big-x1": 1}), (6, 5, 100.0, {"cloud-big-x1": 2}),
                       (8, 10, 200.0, {"cloud-big-x1": 4})]
    (node,) = data["nodes"]
    assert (node["count"], node["node_hours_per_month"]) == (4, pytest.approx(59 * 730 / 24))
    assert "periods" not in json.loads(run("solve", desk, "--format", "json").out)


def test_text_and_markdown_show_every_hour(run: Run, desk: Path) -> None:
    text = run("solve", "--details", desk, *PROFILE).out
    assert "Hour by hour (a day)" in text
    assert [line.split()[:5] for line in text.splitlines() if line.strip().startswith(("00-05", "06-07", "08-17"))] == [
        ["00-05", "40", "1", "+0", "2.50"], ["06-07", "100", "1", "+1", "5.00"], ["08-17", "200", "1", "+3", "10.00"]]
    # one node all day costs 1,825.00, 35 node-hours a day beyond it 2,661.46; four nodes all day would cost 7,300.00
    said = " ".join(text.split())
    assert "1 node standing all the time $1,825.00/month, up to 3 more by the hour $2,661.46/month" in said
    assert "hours at each number of nodes: 1 node 9 h, 2 nodes 5 h, 4 nodes 10 h" in said
    assert "would cost $7,300.00/month: following the load saves $2,813.54/month (39%)" in said
    assert "up to 4 x cloud-big-x1" in text
    markdown = run("solve", desk, *PROFILE, "--format", "markdown").out
    assert "| 08-17 | 200 | 1 | +3 | 10.00 |" in markdown


def test_csv_lists_the_nodes_of_each_hour(run: Run, desk: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(run("solve", desk, *PROFILE, "--format", "csv").out))
    assert row["nodes_by_hour"] == " ".join(["1"] * 6 + ["2"] * 2 + ["4"] * 10 + ["2"] * 3 + ["1"] * 3)
    assert "nodes_by_hour" not in run("solve", desk, "--format", "csv").out


def test_a_batch_solves_hour_by_hour(run: Run, desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("batch", desk, *PROFILE, "--set", "services.0.headroom_fraction=0,0.1", "--out", out).code == 0
    rows = list(csv.DictReader((out / "results.csv").open(encoding="utf-8")))
    assert float(rows[0]["usd_per_month"]) == pytest.approx(MONTH)


def test_a_trace_beside_the_problem_is_counted(run: Run, desk: Path) -> None:
    stamps = [f"2026-11-02T{hour:02d}:{minute:02d}:00" for hour in range(24) for minute in range(60)]
    (desk.parent / "calls.csv").write_text("time\n" + "\n".join(stamps) + "\n", encoding="utf-8")
    demand = ("--set", "services.0.demand={profile: calls.csv}")
    data = json.loads(run("solve", desk, *demand, "--format", "json").out)
    assert [one["demand"][0]["amount"] for one in data["periods"]] == [pytest.approx(1 / 60, abs=1e-6)]


def test_no_plan_names_the_rule_in_the_way(run: Run, desk: Path) -> None:
    result = run("solve", "--details", desk, *PROFILE, "--set", "limits.budget={amount: 4486}")
    assert result.code == 1
    assert "limits.budget: $4,486.00/month is too little, $4,486.46 is enough" in result.out
    assert run("solve", "--details", desk, *PROFILE, "--set", "limits.budget={amount: 4487}").code == 0


@pytest.mark.parametrize(("stated", "fault"), [
    ("{file: calls.csv, timezone: Mars/Base}", "demand.profile.timezone: found 'Mars/Base'; allowed: a name"),
    ("calls.csv", "calls.csv: line 3, time: found 'soon'; allowed: a time"),
])
def test_a_trace_is_faulted_by_its_key_not_by_options(run: Run, desk: Path, stated: str, fault: str) -> None:
    """`gpumix solve` has no --timezone and no --time-format."""
    (desk.parent / "calls.csv").write_text("time\n2026-11-02T00:00:00\nsoon\n", encoding="utf-8")
    result = run("solve", "--details", desk, "--set", f"services.0.demand={{profile: {stated}}}")
    assert result.code == 2
    assert fault in result.err
    assert "--time" not in result.err


def test_the_least_work_that_waits_is_planned(run: Run, desk: Path) -> None:
    """A thousandth of a micro-request is counted as a whole one; the share of the nodes is checked that far only."""
    waits = "{service_id: papers, model: llama-8b, kind: async, workload: [{isl_tokens: 512, osl_tokens: 256}], " \
            "deadline: {requests: 1.0e-9, start_hour: 18, end_hour: 8}, headroom_fraction: 0.0}"
    chat = f"{{service_id: chat, model: llama-8b, slo: {{tokens_per_s_per_user: 25}}, headroom_fraction: 0.0, " \
           f"workload: [{{isl_tokens: 512, osl_tokens: 256}}], demand: {{peak_concurrency: 200, profile: {DAY}}}}}"
    result = run("solve", desk, "--set", f"services=[{chat}, {waits}]", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["status"] == "optimal"
