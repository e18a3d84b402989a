"""The whole loop: solve, plan the test, run it, import it, compare, solve again with another answer."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DESK, Run
from tests.loadtest.conftest import Start, known_server, needs_client

__all__ = ["known_server"]

LAB = """\
model_id,precision,gpu_id,gpu_count,tp_size,engine_id,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,use,source_id,source_url,as_of
llama-8b,bf16,big-80gb,1,1,vllm,64,8,1,20,4,curve,lab,https://example.org/lab,2026-05
llama-8b,bf16,big-80gb,1,1,vllm,64,8,4,30,5,curve,lab,https://example.org/lab,2026-05
llama-8b,bf16,big-80gb,1,1,vllm,64,8,8,40,6,curve,lab,https://example.org/lab,2026-05
"""
"""A laboratory saw 200 tokens/s with four requests in flight."""

SERVER = {"slots": 8, "knots": [[1, 8], [2, 9], [4, 30], [8, 60]], "prefill_ms": 10}
"""This server keeps 60 tokens/s (16.7 ms) with two in flight, and not with four (30 ms: 33 tokens/s)."""


def answered(run: Run, *arguments: str | Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run(*arguments, "--format", "json").out)
    return data


@needs_client
def test_a_slower_server_than_predicted_changes_the_plan(
    run: Run, desk: Path, small_catalog: Path, tmp_path: Path, known_server: Start,
) -> None:
    (small_catalog / "throughput" / "lab.csv").write_text(LAB, encoding="utf-8")
    desk.write_text(
        DESK.replace("isl_tokens: 512, osl_tokens: 256", "isl_tokens: 64, osl_tokens: 8")
        .replace("tokens_per_s_per_user: 25", "tokens_per_s_per_user: 60").replace("40", "4"), encoding="utf-8")
    first = answered(run, "solve", desk)
    assert [node["count"] for node in first["nodes"]] == [1]  # 200 tokens/s predicted, 60 asked

    (test,) = answered(run, "loadtest", "plan", desk, "--into", "own", "--url", known_server(**SERVER))["tests"]
    assert test["users"] == [1, 2, 4, 6]
    command = shlex.split(test["run_command"])
    measured = run(*command[1:], "--runs", "1", "--until", "0.2")
    assert measured.code == 0, measured.err
    imported = run(*shlex.split(test["import_command"])[1:])
    assert imported.code == 0, imported.err
    assert "4 rows added" in imported.out

    compared = run("loadtest", "compare", desk, "--overlay", "own", "--format", "json")
    data = json.loads(compared.out)
    assert compared.code == 6
    (promise,) = data["promises"]
    assert (promise["concurrency_at_peak"], promise["kept_p50"]) == (4, False)
    assert promise["p50_tokens_per_s"] == pytest.approx(1000 / 30, rel=0.15)
    assert promise["largest_p50"] == 2
    assert data["levels"][2]["tpot_verdict"].startswith("+")

    second = answered(run, "solve", desk, "--overlay", "own")
    assert [node["count"] for node in second["nodes"]] == [2]
    assert second["deployments"][0]["concurrency_per_replica"] == 2
    assert second["cost"]["usd_per_month"] == 2 * first["cost"]["usd_per_month"] == data["after"]["usd_per_month"]
    assert second["deployments"][0]["evidence"] == "measured"
