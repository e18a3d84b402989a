"""`gpumix speed` and `gpumix catalog accuracy`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ASKED = ("speed", "qwen3-32b", "--gpu", "h100-sxm-80gb", "--engine", "vllm", "--tp", "2", "--precision", "bf16")


def test_a_measured_level_is_answered_exactly(run: Run) -> None:
    # a row of the shipped catalog: 1,024 in and out, 64 in flight, 26.0865 ms
    data = json.loads(run(*ASKED, "--isl", "1024", "--osl", "1024", "--concurrency", "64", "--format", "json").out)
    assert data["tpot_ms"] == pytest.approx(26.09, abs=0.01)
    assert data["tokens_per_s_per_user"] == pytest.approx(1000 / data["tpot_ms"])
    assert (data["evidence"], data["gap"]) == ("measured", "measured")
    assert data["low"] < data["tpot_ms"] < data["high"]
    assert all(row["source_url"].startswith("https://") for row in data["rows"])
    assert sum(data["terms_ms"].values()) * data["correction"] == pytest.approx(data["tpot_ms"])


@pytest.mark.parametrize(
    ("changed", "evidence", "gap"),
    [
        pytest.param(("--concurrency", "40"), "interpolated", "interior", id="between levels"),
        pytest.param(("--concurrency", "1"), "estimated", "edge", id="before the first level"),
        pytest.param(("--isl", "300"), "estimated", "curve", id="other lengths"),
        pytest.param(("--tp", "1"), "estimated", "configuration", id="another tensor parallel"),
        pytest.param(("--engine", "tensorrt-llm", "--gpu", "h200-sxm-141gb"), "estimated", "combination", id="machine"),
        pytest.param(("--gpu", "l40-48gb"), "estimated", "gpu", id="a GPU without rows"),
    ],
)
def test_the_gap_is_named(run: Run, changed: tuple[str, ...], evidence: str, gap: str) -> None:
    given = dict(zip(ASKED[2::2], ASKED[3::2], strict=True)) | {"--isl": "1024", "--osl": "1024", "--concurrency": "64"}
    given |= dict(zip(changed[::2], changed[1::2], strict=True))
    data = json.loads(run(*ASKED[:2], *(part for pair in given.items() for part in pair), "--format", "json").out)
    assert (data["evidence"], data["gap"]) == (evidence, gap)


def test_text_says_terms_interval_and_rows(run: Run) -> None:
    text = run(*ASKED, "--isl", "300", "--concurrency", "64").out
    assert "tokens/s for each user: TPOT" in text
    assert "90% interval" in text
    assert "reading the weights" in text
    assert "not measured: requests of these lengths on this replica (gap: curve)" in text
    assert "https://github.com/" in text


def test_every_unknown_name_is_told(run: Run) -> None:
    result = run("speed", "llama-9", "--gpu", "h1000", "--engine", "nope", "--precision", "int3")
    assert result.code == 2
    assert [line.split(":")[2].strip() for line in result.err.splitlines()] == [
        "MODEL", "--gpu", "--engine", "--precision"]


def test_accuracy_against_own_rows(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,gpu,engine,input_tokens,output_tokens,concurrency,tpot_ms\n"
                    "llama-3-8b-instruct,rtx-a5000-24gb,vllm,500,200,8,30\nnobody,l4-24gb,vllm,1,1,1,1\n", "utf-8")
    picture = tmp_path / "plot.png"
    result = run("catalog", "accuracy", "--against", path, "--plot", picture, "--format", "json")
    data = json.loads(result.out)
    assert len(data["rows"]) == len(data["refused"]) == 1
    assert data["totals"]["coverage_fraction"] in (0.0, 1.0)
    assert picture.stat().st_size > 1000
