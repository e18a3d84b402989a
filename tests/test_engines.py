"""Why an engine does not run something, one reason each; and that it runs everything else."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.engines import gpu_refusal, model_refusal, precision_refusal, refusal, split_refusal
from optimizer.load import Catalog
from optimizer.schema.catalog import Engine, EnginePrecision, Gpu, LlmModel


def engine(shipped: Catalog, **facts: Any) -> Engine:
    """Nvidia from 7.5, bf16 from 8.0, fp8 from 8.9, tensor parallel 1, 2, 4; not the t5 family."""
    base = {
        "vendors": ("nvidia",), "min_compute_capability": 7.5, "families": None, "unsupported_families": ("t5",),
            "tp_sizes": (1, 2, 4),
        "precisions": {"bf16": EnginePrecision(min_compute_capability=8.0),
            "fp8": EnginePrecision(min_compute_capability=8.9),
                       "int4": EnginePrecision(amd=False)},
    }
    return shipped.engines["vllm"].model_copy(update=base | facts)


def gpu(shipped: Catalog, capability: float | None = 8.0, vendor: str = "nvidia") -> Gpu:
    return shipped.gpus["l4-24gb"].model_copy(update={"gpu_id": "card", "compute_capability": capability,
        "vendor": vendor})


def model(shipped: Catalog, **facts: Any) -> LlmModel:
    return shipped.models["llama-3.1-8b-instruct"].model_copy(update=facts)


def test_a_gpu_of_another_vendor(shipped: Catalog) -> None:
    assert gpu_refusal(engine(shipped), gpu(shipped, None, "amd")) == "vLLM does not run on AMD GPUs"
    assert gpu_refusal(engine(shipped, vendors=("nvidia", "amd")), gpu(shipped, None, "amd")) is None


def test_a_gpu_too_old(shipped: Catalog) -> None:
    assert gpu_refusal(engine(shipped), gpu(shipped, 7.0)) == "vLLM needs compute capability 7.5, card has 7"
    assert gpu_refusal(engine(shipped), gpu(shipped, 7.5)) is None


def test_a_gpu_of_unknown_capability(shipped: Catalog) -> None:
    assert gpu_refusal(engine(shipped), gpu(shipped, None)) == "vLLM needs compute capability 7.5, card has none stated"
    assert precision_refusal(engine(shipped), "bf16", gpu(shipped,
        None)) == "bf16 needs compute capability 8 in vLLM, card has none stated"


def test_a_family(shipped: Catalog) -> None:
    assert model_refusal(engine(shipped), model(shipped, family="t5")) == "vLLM does not run the t5 family"
    assert model_refusal(engine(shipped), model(shipped)) is None
    listed = engine(shipped, families=("qwen2",))
    assert model_refusal(listed, model(shipped)) == "vLLM is not known to run the llama family"
    assert model_refusal(listed, model(shipped, family="qwen2")) is None


def test_a_precision(shipped: Catalog) -> None:
    assert precision_refusal(engine(shipped), "mxfp4", gpu(shipped)) == "vLLM has no mxfp4"
    assert precision_refusal(engine(shipped), "fp8", gpu(shipped,
        8.6)) == "fp8 needs compute capability 8.9 in vLLM, card has 8.6"
    assert precision_refusal(engine(shipped), "fp8", gpu(shipped, 8.9)) is None
    assert precision_refusal(engine(shipped), "bf16", gpu(shipped, None, "amd")) is None
    assert precision_refusal(engine(shipped), "int4", gpu(shipped, None, "amd")) == "vLLM has no int4 on AMD GPUs"


def test_a_precision_without_kernels_for_newer_gpus(shipped: Catalog) -> None:
    int8 = EnginePrecision(min_compute_capability=7.5, max_compute_capability=9.0)
    older = engine(shipped, precisions={"int8": int8})
    assert precision_refusal(older, "int8", gpu(shipped, 9.0)) is None
    assert precision_refusal(older, "int8", gpu(shipped, 10.0)) == (
        "int8 needs compute capability 9 or less in vLLM, card has 10")
    assert precision_refusal(older, "int8", gpu(shipped, 7.0)) == (
        "int8 needs compute capability 7.5 in vLLM, card has 7")


def test_vllm_has_no_int8_on_blackwell(shipped: Catalog) -> None:
    llama, vllm = model(shipped), shipped.engines["vllm"]
    why = {name: refusal(vllm, llama, "int8", card, 1) or "" for name, card in shipped.gpus.items()}
    refused = {name for name, reason in why.items() if "9 or less" in reason}
    assert refused == {name for name, card in shipped.gpus.items() if (card.compute_capability or 0) >= 10}


@pytest.mark.parametrize(("heads", "kv_heads", "tp_size", "reason"), [
    (32, 8, 1, None), (32, 8, 4, None),
    (32, 2, 4, None),  # two heads, each held by two ranks
    (32, 8, 8, "vLLM has no tensor parallel 8"),
    (14, 2, 4, "14 attention heads do not divide by tensor parallel 4"),
    (28, 7, 4, "7 KV heads neither divide nor are divided by tensor parallel 4"),
])
def test_a_split(shipped: Catalog, heads: int, kv_heads: int, tp_size: int, reason: str | None) -> None:
    assert split_refusal(engine(shipped), model(shipped, attention_heads=heads, kv_heads=kv_heads), tp_size) == reason


def test_an_engine_that_splits_by_layers_does_not_mind_heads(shipped: Catalog) -> None:
    assert split_refusal(engine(shipped, heads_divisible=False), model(shipped, attention_heads=14, kv_heads=7),
        4) is None


def test_the_first_reason_is_given(shipped: Catalog) -> None:
    old, odd = gpu(shipped, 7.0), model(shipped, family="t5", attention_heads=31)
    assert refusal(engine(shipped), odd, "fp9", old, 4) == "vLLM needs compute capability 7.5, card has 7"
    assert refusal(engine(shipped), odd, "fp9", gpu(shipped), 4) == "vLLM does not run the t5 family"
    assert refusal(engine(shipped), model(shipped, attention_heads=31), "fp9", gpu(shipped), 4) == "vLLM has no fp9"
    assert refusal(engine(shipped), model(shipped, attention_heads=31), "bf16", gpu(shipped), 4) == (
        "31 attention heads do not divide by tensor parallel 4")
    assert refusal(engine(shipped), model(shipped), "bf16", gpu(shipped), 4) is None


@pytest.mark.parametrize(("engine_id", "gpu_id", "precision", "runs"), [
    ("vllm", "rtx-a5000-24gb", "bf16", True), ("vllm", "t4-16gb", "bf16", False), ("vllm", "t4-16gb", "fp16", True),
    ("vllm", "a100-sxm-80gb", "fp8", True),  # weight-only
    ("tensorrt-llm", "a100-sxm-80gb", "fp8", False), ("tensorrt-llm", "h100-sxm-80gb", "fp8", True),
    ("tensorrt-llm", "v100-sxm-32gb", "fp16", False), ("tensorrt-llm", "mi300x-192gb", "bf16", False),
    ("vllm", "mi300x-192gb", "bf16", True), ("tensorrt-llm", "h100-sxm-80gb", "fp4", False),
        ("tensorrt-llm", "b200-sxm-180gb", "fp4", True),
    ("llama.cpp", "v100-sxm-32gb", "q4_k_m", True), ("vllm", "h100-sxm-80gb", "q4_k_m", False),
])
def test_shipped_facts(shipped: Catalog, engine_id: str, gpu_id: str, precision: str, runs: bool) -> None:
    why = refusal(shipped.engines[engine_id], model(shipped), precision, shipped.gpus[gpu_id], 1)
    assert (why is None) == runs


def test_a_family_that_overflows_float16_needs_bfloat16(shipped: Catalog) -> None:
    vllm, gemma = shipped.engines["vllm"], shipped.models["gemma-2-9b-it"]
    t4, l4 = shipped.gpus["t4-16gb"], shipped.gpus["l4-24gb"]
    assert "overflow" in (refusal(vllm, gemma, "fp16", l4, 1) or "")
    assert "has no bfloat16" in (refusal(vllm, gemma, "int4", t4, 1) or "")
    assert refusal(vllm, gemma, "bf16", l4, 1) is None


def test_intel_runs_what_the_engine_says(shipped: Catalog) -> None:
    arc, qwen = shipped.gpus["arc-pro-b70-32gb"], shipped.models["qwen3-8b"]
    assert refusal(shipped.engines["vllm"], qwen, "bf16", arc, 1) is None
    assert "on Intel GPUs" in (refusal(shipped.engines["vllm"], qwen, "fp4", arc, 1) or "")
    assert "does not run on INTEL" in (refusal(shipped.engines["sglang"], qwen, "bf16", arc, 1) or "")
