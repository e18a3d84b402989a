"""`gpumix catalog accuracy --memory`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.conftest import Run

LOG = ("case_id,source_group,model_hf_id,precision,gpu,tp,gpu_memory_utilization,vllm_version,model_weights_gib,"
       "kv_cache_tokens\nmine,own,Qwen/Qwen3-8B,bf16,A100-40GB-SXM,1,0.9,0.9.2,15.2683,136080\n")


def test_own_logs_are_compared(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    path.write_text(LOG, encoding="utf-8")
    result = run("catalog", "accuracy", "--memory", str(path), "--format", "json")
    assert (result.code, result.err) == (0, "")
    (row,) = json.loads(result.out)["rows"]
    assert abs(row["weights_error_fraction"]) < 0.001
    assert abs(row["kv_error_fraction"]) < 0.05
    (cells,) = csv.DictReader(io.StringIO(run("catalog", "accuracy", "--memory", str(path), "--format", "csv").out))
    assert int(cells["predicted_kv_tokens"]) == row["predicted_kv_tokens"]
    assert "1 start-up log of logs.csv" in run("catalog", "accuracy", "--memory", str(path)).out


def test_a_file_that_is_not_there(run: Run) -> None:
    result = run("catalog", "accuracy", "--memory", "nothing.csv")
    assert (result.code, result.err) == (2, "gpumix: nothing.csv: found no such file; allowed: a readable file\n")
