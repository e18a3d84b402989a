"""The JSON that other programs read: its keys are added to, never renamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

PLAN = {
    "schema_version", "problem", "status", "cost", "bound_usd_per_month", "gap_fraction", "nodes", "deployments",
    "services", "proposals", "rejections", "inputs",
}
COST = {"usd_per_hour", "usd_per_month", "breakdown"}
NODE = {
    "offer_id", "gpu_id", "gpu_count", "kind", "term_months", "provider", "region", "count", "usd_per_month",
    "price_as_of", "price_evidence",
}
DEPLOYMENT = {
    "service_id", "offer_id", "engine_id", "precision", "tp_size", "gpu_count", "replicas", "concurrency_per_replica",
    "concurrency_at_peak", "tokens_per_s_per_user", "ttft_ms", "evidence", "error_fraction", "source_url",
}
SERVICE = {"service_id", "model_id", "peak_concurrency", "capacity_concurrency", "tokens_per_s_per_user", "grade"}
PROPOSAL = {"name", "status", "usd_per_month", "nodes"}
REJECTION = {"gpu_id", "engine_id", "precision", "tp_size", "offer_ids", "step", "reason"}
INPUTS = {"problem_sha256", "catalog_sha256", "gpumix_version", "ortools_version"}


def document(run: Run, *arguments: str | Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run("solve", *arguments, "--format", "json").out)
    return data


def assert_keys(rows: list[dict[str, Any]], keys: set[str]) -> None:
    assert rows
    for row in rows:
        assert set(row) >= keys


def test_a_plan_has_every_key(run: Run, desk: Path) -> None:
    data = document(run, desk)
    assert set(data) >= PLAN
    assert set(data["cost"]) >= COST
    assert set(data["inputs"]) >= INPUTS
    assert_keys(data["nodes"], NODE)
    assert_keys(data["deployments"], DEPLOYMENT)
    assert_keys(data["services"], SERVICE)
    assert_keys(data["proposals"], PROPOSAL)
    assert_keys(data["rejections"], REJECTION)
    assert {row["step"] for row in data["rejections"]} <= {"memory", "engine", "speed", "policy", "evidence"}
    assert (data["schema_version"], data["gap_fraction"]) == (2, 0.0)
    assert data["bound_usd_per_month"] == data["cost"]["usd_per_month"] == 730 * data["cost"]["usd_per_hour"]
    assert sum(data["cost"]["breakdown"].values()) == pytest.approx(1825.0)


def test_counts_mean_what_the_contract_says(run: Run, desk: Path) -> None:
    data = document(run, desk, "--set", "services.0.demand.peak_concurrency=100")
    (one,), (service,) = data["deployments"], data["services"]
    assert one["replicas"] == 2  # all nodes together: 64 requests a node, 100 asked
    assert one["concurrency_per_replica"] == 64  # the cap, what to set as the engine's maximum sequences
    assert one["concurrency_at_peak"] == 50
    # 50 on each: 9 + 34 / 48 x 7 = 13.96 ms, 71.6 tokens/s
    assert (service["peak_concurrency"], service["capacity_concurrency"], service["grade"]) == (100, 128, "A")


@pytest.mark.parametrize(("arguments", "status", "code"), [
    (("--set", "limits.budget.amount=1"), "infeasible", 1),
    (("--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1"), "unknown", 5),
])
def test_without_a_plan_money_is_null_and_lists_are_empty(
    run: Run, desk: Path, arguments: tuple[str, str], status: str, code: int,
) -> None:
    assert run("solve", desk, *arguments, "--format", "json").code == code
    data = document(run, desk, *arguments)
    assert set(data) >= PLAN
    assert data["status"] == status
    assert (data["cost"]["usd_per_hour"], data["cost"]["usd_per_month"], data["gap_fraction"]) == (None, None, None)
    assert (data["nodes"], data["deployments"], data["services"], data["proposals"]) == ([], [], [], [])
    assert_keys(data["rejections"], REJECTION)
    assert data["reasons"]


def test_same_input_gives_same_bytes_and_no_time_of_day(run: Run, desk: Path) -> None:
    first, second = (run("solve", desk, "--format", "json").out for _ in range(2))
    assert first == second
    assert "elapsed" not in first
    assert "seconds" not in first


def test_another_problem_or_catalog_has_another_fingerprint(run: Run, desk: Path, small_catalog: Path) -> None:
    here = document(run, desk)["inputs"]
    changed = document(run, desk, "--set", "services.0.demand.peak_concurrency=41")["inputs"]
    assert changed["problem_sha256"] != here["problem_sha256"]
    assert changed["catalog_sha256"] == here["catalog_sha256"]
    with (small_catalog / "fx.csv").open("a", encoding="utf-8") as fx:
        fx.write("EUR,0.9,2026-08-21,https://example.org/fx\n")
    other = document(run, desk)["inputs"]
    assert other["catalog_sha256"] != here["catalog_sha256"]
    assert other["problem_sha256"] == here["problem_sha256"]
