"""`gpumix loadtest plan` and `compare`: which tests, and what their rows say about the promise and the plan."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from optimizer.loadtest.planning import levels_for
from tests.cli.conftest import Run

HEAD = ("model_id,precision,gpu_id,gpu_count,tp_size,layout,engine_id,isl_tokens,osl_tokens,concurrency,ttft_ms,"
        "tpot_ms,tpot_p50_ms,tpot_p90_ms,tpot_error_fraction,use,source_id,source_url,as_of,confidence")


def own(folder: Path, *levels: tuple[int, float, float, float], lengths: str = "512,256") -> Path:
    """Write own rows: (users, TTFT, TPOT, its 90th percentile)."""
    rows = [f"llama-8b,bf16,big-80gb,1,1,tp1,vllm,{lengths},{users},{ttft},{tpot},{tpot},{p90},0.01,curve,own,"
            f"file sha256:0,2026-11-22,high" for users, ttft, tpot, p90 in levels]
    (folder / "throughput").mkdir(parents=True)
    (folder / "throughput" / "loadtest.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return folder


SLOW = ((1, 30, 20, 21), (20, 100, 40, 45), (21, 110, 41, 46), (40, 300, 70, 80))
"""25 tokens/s, 40 ms, up to 20 in flight; the catalog says 12.5 ms at 40."""


def told(run: Run, *arguments: str | Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run("loadtest", "compare", *arguments, "--format", "json").out)
    return data


def test_levels_hold_the_peak_the_most_and_what_lies_beyond() -> None:
    assert levels_for(1, 1) == (1, 2)
    assert levels_for(3, 4) == (1, 2, 3, 4, 6)


def test_a_plan_names_the_tests_with_ready_commands(run: Run, desk: Path) -> None:
    (test,) = json.loads(run("loadtest", "plan", desk, "--format", "json").out)["tests"]
    # 64 requests fit 25 tokens/s, but no more than the 40 asked are followed
    assert test["users"] == [1, 10, 20, 40, 60]
    assert test["evidence"] == "interpolated"
    words = shlex.split(test["run_command"])
    assert words[:3] == ["gpumix", "loadtest", "run"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert (given["--isl"], given["--osl"], given["--users"]) == ("512", "256", "1,10,20,40,60")
    assert (given["--gpu"], given["--tp"], given["--precision"], given["--engine"]) == ("big-80gb", "1", "bf16", "vllm")
    assert shlex.split(test["import_command"])[3] == given["--records"]


def test_the_start_command_comes_from_the_catalog(run: Run) -> None:
    found = json.loads(run("loadtest", "plan", "measured-only-gpt-oss-120b", "--format", "json").out)["tests"]
    assert found
    for test in found:
        assert test["start_command"].startswith(("vllm serve openai/gpt-oss-120b", "trtllm-serve", "python -m sglang"))
        assert f" {max(test['users'])} " in test["start_command"]
    text = run("loadtest", "plan", "measured-only-gpt-oss-120b").out
    assert "  gpumix loadtest compare measured-only-gpt-oss-120b --overlay own" in text.splitlines()


def test_every_report_of_a_plan_and_an_infeasible_problem(run: Run, desk: Path) -> None:
    assert len(list(csv.DictReader(io.StringIO(run("loadtest", "plan", desk, "--format", "csv").out)))) == 1
    assert "1\\. chat on 1 × big-80gb" in run("loadtest", "plan", desk, "--format", "markdown").out
    none = run("loadtest", "plan", desk, "--set", "limits.budget.amount=1")
    assert (none.code, none.out.splitlines()[-1]) == (1, "no plan, so nothing to test")


def test_a_slower_server_breaks_the_promise_and_changes_the_plan(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("loadtest", "compare", desk, "--overlay", own(tmp_path / "own", *SLOW), "--format", "json")
    data = json.loads(result.out)
    assert result.code == 6
    (promise,) = data["promises"]
    assert (promise["concurrency_at_peak"], promise["kept_p50"], promise["kept_p90"]) == (40, False, False)
    assert promise["p50_tokens_per_s"] == pytest.approx(1000 / 70)
    assert promise["p90_tokens_per_s"] == pytest.approx(1000 / 80)
    # the median holds to 20; nine of ten see 21 + (c - 1) / 19 x 24 ms <= 40 up to c = 16.04
    assert (promise["largest_p50"], promise["largest_p90"]) == (20, 16)
    # 40 / 20 = 2 nodes of 1,825 USD
    assert (data["before"]["usd_per_month"], data["after"]["usd_per_month"]) == (1825.0, 3650.0)
    assert data["change"]["text"] == "other nodes, +1,825.00 USD/month"


def test_predictions_are_those_without_own_rows(run: Run, desk: Path, tmp_path: Path) -> None:
    data = told(run, desk, "--overlay", own(tmp_path / "own", (16, 120, 9, 10), (40, 300, 70, 80)))
    same, slower = data["levels"]
    assert (same["concurrency"], same["evidence"], same["predicted_tpot_ms"]) == (16, "measured", 9.0)
    assert (same["tpot_verdict"], same["ttft_verdict"]) == ("not distinguishable", "not distinguishable")
    assert slower["evidence"] == "interpolated"
    assert 9 < slower["predicted_tpot_ms"] < 16
    assert slower["tpot_verdict"].startswith("+")
    assert slower["measured_tpot_low_ms"] == pytest.approx(69.3)
    assert slower["measured_tpot_high_ms"] == pytest.approx(70.7)


def test_a_server_as_predicted_keeps_the_promise_and_the_plan(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", (1, 30, 7, 7.2), (16, 120, 9, 9.5), (64, 400, 16, 17))
    result = run("loadtest", "compare", desk, "--overlay", folder)
    assert result.code == 0, result.out
    text = " ".join(result.out.split())
    assert "Solved again with these rows: the same nodes" in text
    assert "kept up to 64 in flight for half, 64 for nine of ten (measured to 64)" in text


def test_a_peak_that_was_not_reached_is_not_called_kept(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("loadtest", "compare", desk, "--overlay", own(tmp_path / "own", (1, 30, 7, 7.2), (16, 120, 9, 9.5)))
    assert result.code == 0
    assert "not measured" in result.out
    assert "NOT kept" not in result.out


def test_a_limit_of_the_first_token_is_part_of_the_promise(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", (1, 30, 7, 7), (40, 900, 12, 12), (64, 1400, 16, 16))
    limit = ("--set", "services.0.slo.ttft_ms=800")
    result = run("loadtest", "compare", desk, *limit, "--overlay", folder)
    assert result.code == 6
    assert "TTFT 900 ms; 25 tokens/s asked, TTFT within 800 ms: NOT kept" in " ".join(result.out.split())


def test_own_rows_come_before_shipped_ones_even_when_faster(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", (1, 30, 5, 5), (16, 120, 6, 6), (64, 400, 7, 7))
    (one,) = json.loads(run("solve", desk, "--overlay", folder, "--format", "json").out)["deployments"]
    assert one["tokens_per_s_per_user"] > 1000 / 7  # 80 by the catalog's rows
    assert one["source_url"] == "file sha256:0"


def test_prices_of_the_overlay_hold_before_and_after(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", *SLOW)
    (folder / "offers").mkdir()
    head = "offer_id,provider,region,gpu_id,gpu_count,kind,price,source_url,as_of"
    (folder / "offers" / "q.csv").write_text(f"{head}\nquote,acme,tokyo,big-80gb,1,on_demand,1.0,quote,2026\n", "utf-8")
    data = told(run, desk, "--overlay", folder)
    assert (data["before"]["usd_per_month"], data["after"]["usd_per_month"]) == (730.0, 1460.0)


def test_rows_that_answer_nothing_are_told(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", *SLOW, lengths="4096,64")
    result = run("loadtest", "compare", desk, "--overlay", folder)
    assert (result.code, result.out) == (2, "")
    assert "no row that answers desk" in result.err
    none = run("loadtest", "compare", desk)
    assert (none.code, "--overlay: found nothing" in none.err) == (2, True)


def test_every_report_of_a_comparison(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", *SLOW)
    table = run("loadtest", "compare", desk, "--overlay", folder, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["concurrency"] for row in rows] == ["1", "20", "21", "40"]
    markdown = run("loadtest", "compare", desk, "--overlay", folder, "--format", "markdown").out
    assert "after: \\$3,650.00/month, 2 × cloud-big-x1" in markdown


OWN = """\
model_id,precision,gpu_id,gpu_count,tp_size,layout,engine_id,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,use,\
source_id,source_url,as_of
llama-8b,bf16,big-80gb,1,1,tp1,vllm,512,256,1,30,20,curve,own,mine,2026-11
llama-8b,bf16,big-80gb,1,1,tp1,vllm,512,256,40,300,30,curve,own,mine,2026-11
llama-8b,bf16,big-80gb,1,1,tp1,vllm,512,256,48,400,36,curve,own,mine,2026-11
"""
"""Forty in flight at 30 ms a token: 33 tokens/s, and 25 are promised."""


def test_a_promise_that_was_tested_and_kept_keeps_the_engine(
    run: Run, desk: Path, small_catalog: Path, tmp_path: Path,
) -> None:
    """Another engine, which nobody tested, is estimated to be faster on the same node: the tested one stays."""
    engines = small_catalog / "engines.yaml"
    text = engines.read_text(encoding="utf-8")
    engines.write_text(text + text.replace("vllm:\n", "untested:\n", 1), encoding="utf-8")
    desk.write_text(desk.read_text(encoding="utf-8").replace("evidence: interpolated", "evidence: estimated"), "utf-8")
    without = json.loads(run("solve", desk, "--set", "services.0.engines=[untested]", "--format", "json").out)
    (tmp_path / "own" / "throughput").mkdir(parents=True)
    (tmp_path / "own" / "throughput" / "own.csv").write_text(OWN, encoding="utf-8")
    tested = json.loads(run("solve", desk, "--overlay", "own", "--format", "json").out)
    assert without["cost"]["usd_per_month"] == tested["cost"]["usd_per_month"]
    assert without["deployments"][0]["tokens_per_s_per_user"] > tested["deployments"][0]["tokens_per_s_per_user"]
    assert (tested["deployments"][0]["engine_id"], tested["deployments"][0]["evidence"]) == ("vllm", "measured")
