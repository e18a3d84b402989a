"""`gpumix explain`: formats, options, exit codes, and each kind of relaxation worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import DESK, Run

FORMS = ["text", "json", "csv", "markdown"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("arguments", [(), ("--set", "limits.budget.amount=1")], ids=["plan", "none"])
def test_every_format_ends_with_the_code_of_its_answer(
    run: Run, desk: Path, form: str, arguments: tuple[str, ...]
) -> None:
    result = run("explain", desk, "--format", form, *arguments)
    assert (result.code, result.err) == (1 if arguments else 0, "")
    assert result.out


def test_json_says_everything(run: Run, desk: Path) -> None:
    data = json.loads(run("explain", desk, "--format", "json").out)
    assert set(data) >= {
        "schema_version", "problem", "plan", "gpus", "engines", "limits", "stability", "alternatives", "diagnosis"}
    assert data["plan"]["status"] == "optimal"
    assert data["diagnosis"] is None
    gpus = {one["gpu_id"]: one["verdict"] for one in data["gpus"]}
    assert gpus == {"big-80gb": "in the plan", "small-24gb": "rejected"}
    none = json.loads(run("explain", desk, "--format", "json", "--set", "limits.budget.amount=1").out)
    assert (none["plan"]["nodes"], none["gpus"], none["alternatives"]) == ([], [], [])
    assert none["diagnosis"]["proven"] is True
    assert {"key", "asks", "gives", "value", "usd_per_month"} <= set(none["diagnosis"]["relaxations"][0])


def test_csv_has_the_gpus_or_the_relaxations(run: Run, desk: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("explain", desk, "--format", "csv").out)))
    assert list(rows[0]) == [
        "gpu_id", "verdict", "reason", "offer_id", "gpu_count", "usd_per_hour", "enters_at_usd_per_hour",
        "capacity_per_node", "enters_at_capacity", "speed_factor"]
    assert [row["gpu_id"] for row in rows] == ["big-80gb", "small-24gb"]
    budget = ("--set", "limits.budget.amount=1")
    (row,) = csv.DictReader(io.StringIO(run("explain", desk, "--format", "csv", *budget).out))
    # the cheapest node that carries anything costs 2.50 x 730 = 1,825 USD a month
    assert (row["key"], row["gives"]) == ("limits.budget", "1,825.00 USD a month (+1,824.00)")


@pytest.mark.parametrize(("option", "value"), [
    ("--alternatives", "-1"), ("--alternatives", "1000"), ("--within", "nan"), ("--within", "-1"), ("--within", "inf"),
])
def test_options_out_of_range_are_refused_in_one_line(run: Run, desk: Path, option: str, value: str) -> None:
    result = run("explain", desk, option, value)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert f"{option}: found {value}; allowed: a " in result.err


def test_both_options_out_of_range_are_told_at_once(run: Run, desk: Path) -> None:
    result = run("explain", desk, "--alternatives", "-1", "--within", "-1")
    assert (result.code, result.err.count("--alternatives"), result.err.count("--within")) == (2, 1, 1)


@pytest.mark.parametrize("arguments", [("--alternatives", "0"), ("--within", "0"), ("--alternatives", "100")])
def test_options_at_the_ends_of_their_range_are_taken(run: Run, desk: Path, arguments: tuple[str, str]) -> None:
    assert run("explain", desk, *arguments).code == 0


def too_wide(text: str) -> list[str]:
    """List lines past 80 columns, but for single words such as addresses and ids that cannot be broken."""
    return [line for line in text.splitlines() if len(line) > 80 and len(line.split()) > 1]


@pytest.mark.parametrize("arguments", [
    ("explain", "office-a5000-workstations"),
    pytest.param(("explain", "office-a5000-workstations", "--set", "limits.budget.amount=1"), marks=pytest.mark.slow),
    pytest.param(("explain", "budget-too-small"), marks=pytest.mark.slow),
    pytest.param(("explain", "measured-only-gpt-oss-120b"), marks=pytest.mark.slow),
    pytest.param(("explain", "chat-and-code"), marks=pytest.mark.slow),
    ("pareto", "office-a5000-workstations", "--against", "users"),
    ("pareto", "office-a5000-workstations", "--against", "losses"),
    ("pareto", "office-a5000-workstations", "--against", "ttft"),
], ids=" ".join)
def test_texts_fit_80_columns(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code in (0, 1)
    assert result.out
    assert too_wide(result.out) == []


# One node of cloud-big-x1 (2.50 USD/h = 1,825 USD/month) has 7 ms a token and 30 ms TTFT alone, 9 and 120 ms at 16
# requests in flight, 16 and 400 ms at 64; beyond 64 nothing is measured.
TWO = "services.0.demand.peak_concurrency=128"
RELAXED = {
    # 1,825.00 > 1,000: 825 more
    "limits.budget": (["limits.budget.amount=1000"], "1,825.00 USD a month (+825.00)", 1825.0),
    # no request is faster than 1000 / 7 = 142.857 tokens/s
    "services.0.slo.tokens_per_s_per_user": (
        ["services.0.slo.tokens_per_s_per_user=200"], "142.85 tokens/s", 40 * 1825.0),
    # two nodes of 64 carry 128
    "limits.nodes.max": ([TWO, "limits.nodes.max=1"], "2 nodes", 3650.0),
    # at most 64 on one node, asked 128
    "services.0.demand.peak_concurrency": ([TWO, "limits.nodes.max=1"], "64 requests in flight", 1825.0),
    # 64 = 50 x 1.28
    "services.0.headroom_fraction": (
        ["services.0.demand.peak_concurrency=50", "services.0.headroom_fraction=0.5", "limits.nodes.max=1"],
        "0.28", 1825.0),
    # a single request waits 30 ms
    "services.0.slo.ttft_ms": (["services.0.slo.ttft_ms=20"], "30 ms", 40 * 1825.0),
    # two nodes of 64, one in stock
    "limits.stock": ([TWO, "limits.stock={cloud-big-x1: 1}"], "+1 of cloud-big-x1", 3650.0),
    # of two nodes one may go: the other carries 40
    "limits.survive": (["limits.survive.nodes=2", "limits.nodes.max=2"], "nodes: 1", 3650.0),
    # the same node reserved for 12 months: 1.75 x 730
    "limits.kinds": (["limits.kinds=[spot]"], "with reserved (also with on_demand)", 1277.5),
    # three nodes asked, one in stock
    "limits.nodes.min": (
        ["limits.nodes.min=3", "limits.stock={cloud-big-x1: 1}"], "1 nodes", 1825.0),
    # the small card only has estimates, and interpolated ones are asked
    "limits.gpus": (["limits.gpus.allow=[small-24gb]"], "with big-80gb", 1825.0),
}


@pytest.mark.parametrize("key", RELAXED)
def test_relaxations_by_hand(run: Run, desk: Path, key: str) -> None:
    overrides, gives, monthly = RELAXED[key]
    options = [part for override in overrides for part in ("--set", override)]
    result = run("explain", desk, "--format", "json", *options)
    assert result.code == 1
    found = {one["key"]: one for one in json.loads(result.out)["diagnosis"]["relaxations"]}
    assert key in found, result.out
    assert (found[key]["gives"]["text"], found[key]["usd_per_month"]) == (gives, monthly)
    told = run("solve", "--details", desk, *options)
    assert told.code == 1
    assert told.out.splitlines()[1].startswith("INFEASIBLE: proven")
    assert gives in " ".join(told.out.split())
    assert gives in " ".join(run("explain", desk, *options).out.split())


def test_the_smallest_conflict_is_named_by_its_keys(run: Run, desk: Path) -> None:
    # one node carries 64 of 128: demand and the number of nodes stand in each other's way, and nothing else does
    options = ("--set", TWO, "--set", "limits.nodes.max=1", "--set", "limits.budget.amount=90000")
    found = json.loads(run("explain", desk, "--format", "json", *options).out)["diagnosis"]
    keys = {one["key"] for one in found["conflict"]}
    assert {"services.0.demand.peak_concurrency", "limits.nodes.max"} <= keys
    assert "limits.budget" in found["useless"]


def test_where_nothing_helps_alone_what_must_give_together_is_named(run: Run, desk: Path) -> None:
    # nodes: one carries 64 of 128; money: 1,000 is less than the 1,825 of a single node
    options = ("--set", TWO, "--set", "limits.nodes.max=1", "--set", "limits.budget.amount=1000")
    found = json.loads(run("explain", desk, "--format", "json", *options).out)["diagnosis"]
    assert found["relaxations"] == []
    assert len(found["together"]) == 2
    assert "limits.budget" in {one["key"] for one in found["together"]}
    text = " ".join(run("solve", "--details", desk, *options).out.split())
    assert "no single change helps; without" in text


def test_both_ends_of_the_number_of_nodes_are_lifted(run: Run, desk: Path) -> None:
    """Two services need a node each: the cap of one is the conflict, whatever the minimum says."""
    second = DESK[DESK.index("  - service_id"):DESK.index("limits:")].replace("chat", "code")
    desk.write_text(DESK.replace("limits:", f"{second}limits:"), encoding="utf-8")
    options = ("--set", "limits.nodes.min=1", "--set", "limits.nodes.max=1")
    found = json.loads(run("explain", desk, "--format", "json", *options).out)["diagnosis"]
    assert [one["key"] for one in found["conflict"]] == ["limits.nodes.max"]
    assert [(one["gives"]["text"], one["usd_per_month"]) for one in found["relaxations"]] == [("2 nodes", 3650.0)]
