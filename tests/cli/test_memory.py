"""`gpumix memory`: step 3 alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from optimizer.load.problem import shipped_problems_dir
from tests.cli.conftest import Run

SHIPPED = ("memory", "llama-3.1-8b-instruct", "--gpu", "rtx-a5000-24gb", "--engine", "vllm")


def test_json_has_the_promised_keys_and_they_add_up(run: Run) -> None:
    result = run(*SHIPPED, "--context", "2048", "--format", "json")
    data = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    # 8,030,261,248 parameters x 2 bytes = 14.96 GiB; positions 131,072 x 128 x 2 bytes = 0.03 GiB; KV of a token:
    # 2 x 32 layers x 8 heads x 128 x 2 bytes = 131,072
    assert data["plain_weights_gib"] == pytest.approx(8_030_261_248 * 2 / 2**30)
    assert data["weights_gib"] == pytest.approx(data["plain_weights_gib"] + 0.03125)
    parts = ("plain_weights_gib", "quantised_weights_gib", "scales_gib", "vision_gib", "loading_gib")
    assert data["weights_gib"] == pytest.approx(sum(data[part] for part in parts))
    assert (data["request_gib"], data["state_bytes_per_request"]) == (0.25, 0.0)
    assert data["kv_bytes_per_token"] == 131_072
    assert data["kv_cache_gib"] == pytest.approx(data["usable_gib"] - data["weights_gib"] - data["overhead_gib"])
    whole_blocks = int(data["kv_cache_gib"] * 2**30 / 131_072) // 16 * 16
    assert data["kv_cache_tokens"] == whole_blocks
    assert data["max_concurrency"] == data["kv_cache_tokens"] // 2048


def test_text_spells_the_sum_out(run: Run) -> None:
    data = json.loads(run(*SHIPPED, "--context", "2048", "--format", "json").out)
    lines = run(*SHIPPED, "--context", "2048").out.splitlines()
    assert lines[0] == "llama-3.1-8b-instruct at bf16 on 1 x rtx-a5000-24gb, vllm"
    assert lines[1].split()[:4] == ["-", "8.03", "billion", "parameters"]
    said = [" ".join(line.split()) for line in lines]
    assert "- weights 14.99 GiB" in said
    assert f"/ 131,072 bytes a token {data['kv_cache_tokens']:,} tokens" in said
    assert f"/ 2,048 tokens a request {data['max_concurrency']} at once 256 MiB a request" in said


def test_tensor_parallel_counts_the_set(run: Run) -> None:
    one, two = (json.loads(run(*SHIPPED, "--tp", size, "--format", "json").out) for size in ("1", "2"))
    assert two["usable_gib"] == 2 * one["usable_gib"]
    assert two["weights_gib"] == pytest.approx(one["weights_gib"] + 0.03125)  # the second table of positions


def test_csv_and_markdown_carry_the_same_figures(run: Run) -> None:
    (row,) = csv.DictReader(io.StringIO(run(*SHIPPED, "--context", "2048", "--format", "csv").out))
    data = json.loads(run(*SHIPPED, "--context", "2048", "--format", "json").out)
    assert int(row["max_concurrency"]) == data["max_concurrency"]
    markdown = run(*SHIPPED, "--context", "2048", "--format", "markdown").out.splitlines()
    assert "| \\- weights | 14.99 GiB |  |" in markdown


def test_what_does_not_fit_ends_with_code_1_and_the_missing_gib(run: Run) -> None:
    result = run("memory", "llama-3.1-70b", "--gpu", "rtx-a5000-24gb")
    data = json.loads(run("memory", "llama-3.1-70b", "--gpu", "rtx-a5000-24gb", "--format", "json").out)
    assert result.code == 1
    missing = f"{-data['kv_cache_gib']:.2f} GiB are missing before the first request"
    assert f"  does not fit: {missing}" in result.out.splitlines()
    assert data["fits"] is False


def test_a_long_context_that_does_not_fit_names_the_option(run: Run) -> None:
    result = run(*SHIPPED)  # 131,072 tokens by default
    assert result.code == 1
    assert "--context TOKENS" in result.out


def test_an_engine_that_cannot_run_says_why(run: Run) -> None:
    asked = ("memory", "llama-3.1-8b-instruct", "--gpu", "mi300x-192gb", "--context", "4096")
    result = run(*asked, "--engine", "tensorrt-llm")
    assert result.code == 1
    assert "cannot run: TensorRT-LLM does not run on AMD GPUs" in result.out


def test_the_engines_own_limit_is_named_where_memory_holds_more(run: Run) -> None:
    asked = ("memory", "qwen3-0.6b", "--gpu", "h100-sxm-80gb", "--context", "128", "--max-num-seqs", "8")
    assert "  the engine takes 8 of them at once, unless --max-num-seqs says otherwise" in run(*asked).out.splitlines()


def test_a_config_json_serves_as_model(run: Run, tmp_path: Path) -> None:
    config = shipped_problems_dir() / "own-model" / "config.json"
    data = json.loads(run("memory", config, "--gpu", "h100-sxm-80gb", "--format", "json").out)
    assert data["weights_gib"] == pytest.approx(12.03e9 * 2 / 2**30, rel=1e-3)
    missing = run("memory", tmp_path / "config.json", "--gpu", "h100-sxm-80gb")
    assert missing.code == 2
    assert "no such file" in missing.err


def test_unknown_names_are_told_all_at_once_with_those_near(run: Run) -> None:
    result = run("memory", "llama-3.1-8b-instruct", "--gpu", "h100", "--engine", "vlm", "--precision", "bf-16")
    assert (result.code, result.out) == (2, "")
    told = result.err.splitlines()
    assert len(told) == 3
    near = "h100-nvl-94gb, h100-sxm-80gb, h100-pcie-80gb"
    assert told[0].startswith(f"gpumix: memory: --gpu: found 'h100'; allowed: {near};")
    assert told[1].startswith("gpumix: memory: --engine: found 'vlm'; allowed: vllm;")
    assert told[2].startswith("gpumix: memory: --precision: found 'bf-16'; allowed: bf16, bf16-kv8;")


def test_unknown_model_points_to_the_list(run: Run) -> None:
    result = run("memory", "no-such-model", "--gpu", "h100-sxm-80gb")
    assert result.code == 2
    assert "gpumix catalog list models" in result.err


@pytest.mark.parametrize("wrong", [
    ("--tp", "0"), ("--tp", "two"), ("--context", "0"), ("--context", "999999999"), ("--memory-fraction", "1.5"),
    ("--max-num-seqs", "0"),
])
def test_numbers_out_of_range_are_refused(run: Run, wrong: tuple[str, str]) -> None:
    result = run(*SHIPPED, *wrong)
    assert (result.code, result.out) == (2, "")
    assert wrong[0] in result.err


def test_without_a_gpu_only_the_model_is_told(run: Run) -> None:
    result = run("memory", "llama-3.1-8b-instruct", "--format", "json")
    data = json.loads(result.out)
    assert result.code == 0
    assert (data["parameters_billion"], data["kv_bytes_per_token"], data["precision"]) == (8.030261248, 131_072, "bf16")
    assert "usable_gib" not in data


def test_the_parts_of_the_weights_can_be_followed(run: Run) -> None:
    lines = run("memory", "gemma-3-27b-it", "--gpu", "l40s-48gb", "--precision", "int4", "--context", "4096").out
    told = [line.split() for line in lines.splitlines() if line.startswith("  thereof")]
    parts = {" ".join(words[1:-2]): float(words[-2]) for words in told}
    assert list(parts) == ["not quantised", "quantised", "scales", "vision tower"]
    # tied embedding 262,208 x 5,376 x 2 bytes; the rest at 0.5 + 0.02 bytes; the tower 423,060,320 x 2 bytes; 0.03 GiB
    # of positions stands only in the sum
    assert parts["not quantised"] == 2.63
    assert parts["scales"] == pytest.approx(parts["quantised"] * 0.04, abs=0.01)
    assert parts["vision tower"] == 0.79
    weights = next(line for line in lines.splitlines() if "- weights" in line)
    assert sum(parts.values()) == pytest.approx(float(weights.split()[2]), abs=0.055)


def test_the_state_of_a_hybrid_model_is_said(run: Run) -> None:
    told = run("memory", "qwen3.5-27b", "--gpu", "h100-sxm-80gb", "--context", "32768")
    assert "of them its state" in " ".join(told.out.split())
    data = json.loads(run("memory", "qwen3.5-27b", "--gpu", "h100-sxm-80gb", "--context", "32768",
                          "--format", "json").out)
    assert data["max_concurrency"] < data["kv_cache_tokens"] // 32768


def test_the_overhead_says_what_it_means(run: Run) -> None:
    told = {engine: json.loads(run("memory", "llama-3.1-8b-instruct", "--gpu", "h100-sxm-80gb", "--engine", engine,
                                   "--context", "2048", "--format", "json").out)
            for engine in ("vllm", "sglang", "tensorrt-llm")}
    assert told["vllm"]["overhead_means"]["text"] == "activations at 1,024 sequences, CUDA"
    assert told["sglang"]["overhead_means"]["text"] == "what the engine reserves"
    assert told["tensorrt-llm"]["overhead_means"]["text"].endswith("and a share left free")
    assert told["tensorrt-llm"]["overhead_error_gib"] > told["vllm"]["overhead_error_gib"]


def test_an_older_version_has_its_own_overhead(run: Run) -> None:
    # (38.5 - 14.2) bytes x 1,024 sequences x 128,256 = 2.97 GiB more for the sampler's sort
    asked = ("memory", "llama-3.1-8b-instruct", "--gpu", "h100-sxm-80gb", "--context", "2048", "--format", "json")
    told = {version: json.loads(run(*asked, "--engine-version", version).out) for version in ("0.16.0", "0.19.0")}
    assert told["0.16.0"]["engine_version"] == "0.16.0"
    assert told["0.16.0"]["overhead_gib"] - told["0.19.0"]["overhead_gib"] == pytest.approx(2.97, abs=0.25)
    wrong = run("memory", "llama-3.1-8b-instruct", "--gpu", "h100-sxm-80gb", "--engine-version", "new")
    assert (wrong.code, wrong.err) == (
        2, "gpumix: memory: --engine-version: found 'new'; allowed: a version such as 0.16.0\n")
