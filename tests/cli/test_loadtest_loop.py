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


CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
    "num_attention_heads": 32, "num_hidden_layers": 30, "num_key_value_heads": 8, "vocab_size": 32000,
    "max_position_embeddings": 8192, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}

ACME_GPU = """\
gpu_id,name,vendor,architecture,compute_capability,memory_gib,memory_usable_gib,memory_bandwidth_gb_per_s,memory_kind,\
fp16_tflops,tdp_watts,source_url,as_of,confidence,notes
acme-x1-96gb,Acme X1 96GB,nvidia,hopper,9.0,96,95,4000,hbm,900,500,https://example.org/acme,2026-11-22,high,
"""

ACME_OFFER = """\
offer_id,provider,region,gpu_id,gpu_count,kind,term_months,price,source_url,as_of,price_evidence
acme-x1,acme,tokyo,acme-x1-96gb,1,on_demand,0,2.0,quotation 7,2026-11-22,quoted
"""


@needs_client
def test_a_model_and_a_gpu_of_ones_own_go_through_with_the_printed_commands_only(
    run: Run, desk: Path, tmp_path: Path, known_server: Start, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "mine" / "acme-7b").mkdir(parents=True)
    (tmp_path / "mine" / "acme-7b" / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (tmp_path / "acme" / "offers").mkdir(parents=True)
    (tmp_path / "acme" / "gpus.csv").write_text(ACME_GPU, encoding="utf-8")
    (tmp_path / "acme" / "offers" / "acme.csv").write_text(ACME_OFFER, encoding="utf-8")
    capacity = "service_id,offer_id,max_concurrency,engine_id,source_url,as_of\nchat,acme-x1,4,vllm,x,2026-11-22\n"
    (tmp_path / "acme" / "capacities.csv").write_text(capacity, encoding="utf-8")
    problem = tmp_path / "mine" / "problem.yaml"
    problem.write_text(
        DESK.replace("llama-8b", "acme-7b/config.json").replace("big-80gb", "acme-x1-96gb")
        .replace("isl_tokens: 512, osl_tokens: 256", "isl_tokens: 64, osl_tokens: 8").replace("40", "4")
        .replace("evidence: interpolated", "evidence: estimated"), encoding="utf-8")
    found = run("loadtest", "plan", problem, "--overlay", "acme", "--url", known_server(**SERVER), "--format", "json")
    assert found.code == 0, found.err
    data = json.loads(found.out)
    (test,) = data["tests"]
    assert "--model mine/acme-7b/config.json --gpu acme-x1-96gb" in test["run_command"]
    assert run(*shlex.split(test["run_command"])[1:], "--runs", "1", "--until", "0.2").code in (0, 6)
    imported = run(*shlex.split(test["import_command"])[1:])
    assert imported.code == 0, imported.err
    assert (tmp_path / "own" / "models.yaml").read_text(encoding="utf-8").startswith("acme-7b:\n")
    assert "acme-x1-96gb" in (tmp_path / "own" / "gpus.csv").read_text(encoding="utf-8")
    assert run("catalog", "check", "--overlay", "own").code == 0  # it stands alone
    (tmp_path / "acme" / "capacities.csv").unlink()
    compared = run(*shlex.split(data["compare_command"])[1:], "--format", "json")
    assert compared.code in (0, 6), compared.err
    assert {level["gpu_id"] for level in json.loads(compared.out)["levels"]} == {"acme-x1-96gb"}
    solved = answered(run, *shlex.split(data["solve_command"])[1:])
    assert solved["deployments"][0]["evidence"] == "measured"
    again = run(*shlex.split(test["import_command"])[1:])
    assert (again.code, "0 rows added" in again.out or "known" in again.out) == (0, True)
