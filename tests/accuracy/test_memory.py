"""Predicted against logged memory: names, refusals, what is compared, and the sums."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from optimizer.accuracy.memory import (
    LoggedMemory,
    MemoryAccuracy,
    MemoryErrors,
    find_gpu,
    find_model,
    find_precision,
    memory_accuracy,
)
from optimizer.errors import InputError
from optimizer.load import Catalog

LLAMA: dict[str, Any] = {
    "case_id": "a", "source_group": "lab", "model_hf_id": "meta-llama/Llama-3.1-8B-Instruct", "precision": "bf16",
    "gpu": "H100-80GB-SXM", "tp": 1, "gpu_memory_utilization": 0.95, "vllm_version": "0.19.0",
    "total_gpu_mem_gib": 79.19, "max_model_len": 8192, "model_weights_gib": 14.99, "activation_peak_gib": 1.89,
    "non_torch_gib": 0.25, "kv_cache_gib": 58.11, "kv_cache_tokens": 476016, "max_concurrency_x": 58.11}
"""One start of vLLM 0.19: llm-d-incubation/llm-d-planner 6417620, accuracy/results/v0.19.0/logs, Llama-3.1-8B, 8192."""


def compare(catalog: Catalog, folder: Path, *rows: dict[str, Any]) -> MemoryAccuracy:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [",".join(columns), *(",".join(str(row.get(key, "")) for key in columns) for row in rows)]
    path = folder / "logs.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return memory_accuracy(catalog, path)


def only(catalog: Catalog, folder: Path, **changed: Any) -> LoggedMemory:
    (row,) = compare(catalog, folder, LLAMA | changed).rows
    return row


def total(found: MemoryAccuracy, group: str, name: str) -> MemoryErrors:
    return next(one for one in found.totals if (one.group, one.name) == (group, name))


@pytest.mark.parametrize(("name", "model"), [
    ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct"),
    ("llama-3.1-8b-instruct", "llama-3.1-8b-instruct"),
    ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama-3.1-8b-instruct"),
    ("RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic", "llama-3.3-70b-instruct"),
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b-instruct"),
    ("Phi-4-AutoRound-GPTQ-4bit", "phi-4"),
    ("nobody/none-8b", None),
])
def test_models_are_found_by_their_names_and_those_of_their_copies(
    shipped: Catalog, name: str, model: str | None
) -> None:
    assert find_model(shipped, name) == model


@pytest.mark.parametrize(("name", "gpu"), [
    ("H100-80GB-SXM", "h100-sxm-80gb"), ("RTX3090", "rtx-3090-24gb"), ("A100-40GB-SXM", "a100-sxm-40gb"),
    ("RTXA5000", "rtx-a5000-24gb"), ("L40S", "l40s-48gb"), ("(80GB-class)", None), ("RTX9090", None), ("", None),
])
def test_gpus_are_found_by_name_alias_or_words(shipped: Catalog, name: str, gpu: str | None) -> None:
    assert find_gpu(shipped, name) == gpu


def test_words_that_fit_several_gpus_do_if_their_memory_is_the_same(shipped: Catalog) -> None:
    found = find_gpu(shipped, "A100-80GB")
    assert found is not None
    assert shipped.gpus[found].memory_usable_gib == shipped.gpus["a100-sxm-80gb"].memory_usable_gib
    assert find_gpu(shipped, "H200") == "h200-sxm-141gb"
    assert find_gpu(shipped, "80gb") is None  # A100 and H100, or more: 79.2 and other figures


@pytest.mark.parametrize(("name", "precision"), [
    ("bf16", "bf16"), ("int8-w8a8", "int8"), ("gptq-int4", "int4"), ("BF16", "bf16"), ("int3", None)])
def test_precisions_are_found_with_their_kind(shipped: Catalog, name: str, precision: str | None) -> None:
    assert find_precision(shipped, name) == precision


def test_weights_are_computed_and_not_read_from_the_log(shipped: Catalog, tmp_path: Path) -> None:
    # 14.957 + 0.031 GiB whatever the log says; logged 10: +49.9%
    row = only(shipped, tmp_path, model_weights_gib=10.0, kv_cache_gib="", activation_peak_gib="")
    assert row.predicted_weights_gib == pytest.approx(14.989, abs=0.001)
    assert row.weights_error_fraction == pytest.approx(0.4989, abs=0.001)
    assert row.predicted_kv_tokens == only(shipped, tmp_path).predicted_kv_tokens


def test_a_log_of_llama_8b(shipped: Catalog, tmp_path: Path) -> None:
    # 0.95 x 79.19 - 14.989 - 2.149 = 58.09 GiB = 475,904 tokens of 131,072 bytes; logged 476,016
    row = only(shipped, tmp_path)
    assert row.predicted_kv_gib == pytest.approx(58.093, abs=0.002)
    assert row.predicted_kv_tokens == int(row.predicted_kv_gib * 2**30 / 131_072 / 16) * 16
    assert row.kv_error_fraction == pytest.approx(row.predicted_kv_tokens / 476_016 - 1)
    assert abs(row.kv_error_fraction) < 0.001
    assert row.predicted_max_concurrency == pytest.approx(row.predicted_kv_tokens / 8192)
    assert abs(row.concurrency_error_fraction or 1) < 0.001
    assert (row.precision_class, row.uncertain) == ("bf16", False)


def test_an_8_bit_cache_of_the_log_is_one_of_the_prediction(shipped: Catalog, tmp_path: Path) -> None:
    # the same start with --kv-cache-dtype fp8 logged 952,032 tokens
    row = only(shipped, tmp_path, kv_cache_dtype="fp8", kv_cache_tokens=952_032)
    assert abs(row.kv_error_fraction or 1) < 0.001


def test_blocks_stand_for_tokens_and_gib_for_both(shipped: Catalog, tmp_path: Path) -> None:
    blocks = only(shipped, tmp_path, kv_cache_tokens="", num_gpu_blocks=29_751)
    assert blocks.logged_kv_tokens == 29_751 * 16
    gib = only(shipped, tmp_path, kv_cache_tokens="")
    assert gib.logged_kv_tokens is None
    assert gib.kv_error_fraction == pytest.approx(gib.predicted_kv_gib / 58.11 - 1)


def test_tokens_of_several_kinds_of_layers_are_counted_as_the_version_did(shipped: Catalog, tmp_path: Path) -> None:
    # Qwen3-Next on two H200 with vLLM 0.10.2: 973,760 tokens = blocks / 4 groups x 544, 14.77 requests of 262,144;
    # a later version would have logged 14.77 x 262,144 = 3,871,867 tokens for the same cache
    facts = {"model_hf_id": "Qwen/Qwen3-Next-80B-A3B-Instruct", "gpu": "H200-141GB", "tp": 2, "vllm_version": "0.10.2",
             "gpu_memory_utilization": 0.9, "total_gpu_mem_gib": 139.81, "max_model_len": 262_144,
             "model_weights_gib": 74.28, "activation_peak_gib": 5.58, "non_torch_gib": 1.38, "kv_cache_gib": 44.59,
             "max_concurrency_x": 14.77}
    early = only(shipped, tmp_path, **facts, kv_cache_tokens=973_760)
    late = only(shipped, tmp_path, **facts, kv_cache_tokens=3_871_867)
    assert early.predicted_kv_tokens % 544 == 0
    assert late.predicted_kv_tokens > 3.9 * early.predicted_kv_tokens
    assert early.kv_error_fraction == pytest.approx(late.kv_error_fraction, abs=0.002)
    assert early.concurrency_error_fraction == pytest.approx(early.kv_error_fraction, abs=0.002)


def test_a_small_cache_is_uncertain_and_left_out_of_the_sums(shipped: Catalog, tmp_path: Path) -> None:
    # Llama-3.3-70B INT8 on one H100: 5.01 of 75.2 GiB left, logged 16,416 tokens
    small = LLAMA | {
        "case_id": "b", "model_hf_id": "RedHatAI/Llama-3.3-70B-Instruct-quantized.w8a8", "precision": "int8-w8a8",
        "model_weights_gib": 67.72, "activation_peak_gib": "", "kv_cache_gib": 5.01, "kv_cache_tokens": 16_416,
        "max_concurrency_x": 2.0}
    found = compare(shipped, tmp_path, LLAMA, small)
    assert [row.uncertain for row in found.rows] == [False, True]
    overall = total(found, "all", "all")
    assert (overall.rows, overall.uncertain, overall.kv_rows) == (2, 1, 1)
    assert overall.kv_median_error_fraction == pytest.approx(abs(found.rows[0].kv_error_fraction or 1))
    assert total(found, "precision_class", "quantised").kv_median_error_fraction is None
    assert total(found, "precision_class", "quantised").weights_median_error_fraction is not None


def test_sums_by_group_count_repeated_runs_once(shipped: Catalog, tmp_path: Path) -> None:
    rows = [LLAMA | {"case_id": str(number), "kv_cache_tokens": tokens} for number, tokens in
            enumerate((476_016, 480_000, 500_000))]
    other = LLAMA | {"case_id": "x", "source_group": "user", "tp": 2, "kv_cache_tokens": 1_200_000, "kv_cache_gib": "",
                     "model_weights_gib": 7.51, "max_concurrency_x": ""}
    found = compare(shipped, tmp_path, *rows, other)
    errors = [abs(row.kv_error_fraction or 0.0) for row in found.rows]
    overall = total(found, "all", "all")
    assert (overall.rows, overall.configurations) == (4, 2)
    assert overall.kv_median_error_fraction == pytest.approx(statistics.median(errors))
    once = statistics.median([statistics.median(errors[:3]), errors[3]])
    assert overall.kv_median_error_fraction_of_configurations == pytest.approx(once)
    # 90th percentile of four sorted errors: 0.3 of the way from the second largest... to the largest: 2.7 steps up
    ordered = sorted(errors)
    assert overall.kv_p90_error_fraction == pytest.approx(ordered[2] + 0.7 * (ordered[3] - ordered[2]))
    assert total(found, "source_group", "lab").rows == 3
    assert total(found, "source_group", "all but lab").kv_median_error_fraction == pytest.approx(errors[3])
    assert total(found, "engine_version", "0.19.0").rows == 4


@pytest.mark.parametrize(("changed", "reason"), [
    ({"model_hf_id": "nobody/none"}, "nobody/none is no model of the catalog"),
    ({"gpu": "(80GB-class)"}, "(80GB-class) is no GPU of the catalog"),
    ({"precision": "int3"}, "int3 is no precision of the catalog"),
    ({"gpu_memory_utilization": ""}, "the share of the memory is not stated"),
    ({"pp": 2}, "pipeline parallel is not planned"),
    ({"tp": 3}, "32 attention heads do not divide by tensor parallel 3"),
    ({"kv_cache_gib": 62.0}, "its own terms do not close: -3.90 GiB"),  # 75.23 - 14.99 - 1.89 - 0.25 - 62
    ({"kv_cache_gib": "", "kv_cache_tokens": "", "model_weights_gib": ""}, "neither weights nor cache were logged"),
])
def test_what_cannot_be_compared_says_why(
    shipped: Catalog, tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    found = compare(shipped, tmp_path, LLAMA, LLAMA | {"case_id": "b"} | changed)
    assert [row.case_id for row in found.rows] == ["a"]
    assert [(log.case_id, log.reason) for log in found.unused] == [("b", reason)]


def test_bad_cells_are_all_named(shipped: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        compare(shipped, tmp_path, LLAMA | {"tp": 0}, LLAMA | {"gpu_memory_utilization": 95})
    assert [fault.key for fault in caught.value.faults] == ["line 2.tp", "line 3.gpu_memory_utilization"]


def test_a_file_without_rows_is_refused(shipped: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    path.write_text(",".join(LLAMA) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="no row"):
        memory_accuracy(shipped, path)
