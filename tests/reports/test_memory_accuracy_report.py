"""The four forms of predicted against logged memory carry the same figures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from optimizer.accuracy.memory import MemoryAccuracy
from optimizer.load import Catalog
from optimizer.reports.memory_accuracy_report import memory_accuracy_document
from tests.accuracy.test_memory import LLAMA, compare
from tests.documents.written import written


@pytest.fixture
def found(shipped: Catalog, tmp_path: Path) -> MemoryAccuracy:
    gib = LLAMA | {"case_id": "b", "kv_cache_tokens": "", "max_model_len": ""}
    return compare(shipped, tmp_path, LLAMA, gib, LLAMA | {"case_id": "c", "gpu": "nothing"})


def test_text(found: MemoryAccuracy) -> None:
    lines = written(memory_accuracy_document(found), "text").splitlines()
    assert "2 start-up logs of logs.csv" in lines[0]
    assert any(line.split()[:3] == ["all", "2", "0.0%"] for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "a: llama-3.1-8b-instruct at bf16 on 1 x h100-sxm-80gb: 475,888 tokens, logged 476,016 (-0.0%)" in text
    assert "58.09 GiB of cache, logged 58.11" in text
    assert "c: nothing is no GPU of the catalog" in text
    assert max(map(len, lines[1:])) <= 80


def test_json(found: MemoryAccuracy) -> None:
    data = json.loads(written(memory_accuracy_document(found), "json"))
    errors = [abs(row["kv_error_fraction"]) for row in data["rows"]]
    assert data["totals"]["median_error_fraction"] == pytest.approx(sum(errors) / 2)
    assert max(errors) >= data["totals"]["p90_error_fraction"] >= data["totals"]["median_error_fraction"]
    assert data["totals"]["groups"][0]["group"] == "all"
    assert data["unused"] == [{"case_id": "c", "reason": "nothing is no GPU of the catalog"}]


def test_csv_and_markdown(found: MemoryAccuracy) -> None:
    rows = list(csv.DictReader(io.StringIO(written(memory_accuracy_document(found), "csv"))))
    assert [row["case_id"] for row in rows] == ["a", "b"]
    assert float(rows[0]["predicted_weights_gib"]) == found.rows[0].predicted_weights_gib
    markdown = written(memory_accuracy_document(found), "markdown").splitlines()
    assert any(line.startswith("| logs of | logs | weights |") for line in markdown)
    assert any("c: nothing is no GPU" in line for line in markdown)
