"""Models by the names that people write, and precisions that names state."""

from __future__ import annotations

import pytest

from optimizer.load import Catalog, load_catalog
from optimizer.load.catalog import known_model_names
from optimizer.load.model_names import nearest


@pytest.mark.parametrize(("name", "model_id", "precision"), [
    ("qwen3-32b", "qwen3-32b", "bf16"), ("Qwen3-32B", "qwen3-32b", "bf16"), ("Qwen/Qwen3-32B", "qwen3-32b", "bf16"),
    ("qwen/qwen3-32b-awq", "qwen3-32b", "int4"), ("RedHatAI/Qwen3-32B-FP8-dynamic", "qwen3-32b", "fp8"),
    ("nvidia/DeepSeek-V3.2-NVFP4", "deepseek-v3.2", "fp4"), ("deepseek-ai/DeepSeek-V3.2", "deepseek-v3.2", "fp8"),
    ("Qwen2.5-7B-Instruct-GPTQ-Int8", "qwen2.5-7b-instruct", "w8a16"),
    ("Qwen3-32B-8bit-GPTQ", "qwen3-32b", "w8a16"), ("Qwen3-32B-bnb-4bit", "qwen3-32b", "int4"),
    ("Qwen3-32B-NVFP4A16", "qwen3-32b", "fp4"), ("Qwen3-32B-quantized.w8a8", "qwen3-32b", "int8"),
    ("unsloth/Qwen3-8B-GGUF:Q4_K_M", "qwen3-8b", "q4_k_m"), ("Qwen/Qwen3-32B-FP8-Static-PerTensor", "qwen3-32b", "fp8"),
])
def test_a_name_finds_its_model_at_the_precision_that_it_states(
    shipped: Catalog, name: str, model_id: str, precision: str
) -> None:
    model = shipped.model(name)
    assert model is not None
    assert (model.hf_id, model.native_precision) == (shipped.models[model_id].hf_id, precision)


def test_a_name_is_found_where_only_its_model_is_read() -> None:
    few = load_catalog(references={"qwen/qwen3-32b-awq"})
    assert len(few.models) < 20
    assert few.model("qwen/qwen3-32b-awq") is not None


@pytest.mark.parametrize("name", ["Qwen3-32B-GGUF", "Qwen3-32B-IQ4_XS", "Qwen3-32B-EXL2-4.0bpw", "Qwen3-32B-MLX-4bit",
                                  "Qwen3-32B-3bit", "Qwen3-32B-Q3_K_M"])
def test_a_copy_of_a_precision_that_is_not_known_is_not_planned_as_the_original(shipped: Catalog, name: str) -> None:
    assert shipped.model(name) is None
    assert "qwen3-32b" in nearest(name, known_model_names())


def test_a_miss_names_the_nearest(shipped: Catalog) -> None:
    assert shipped.model("qwen3-33b") is None
    assert "qwen3-32b" in nearest("qwen3-33b", known_model_names())


def test_an_8_bit_cache_goes_with_every_weight_precision_of_an_engine(shipped: Catalog) -> None:
    vllm = shipped.engines["vllm"]
    for name in ("bf16", "fp8", "int8", "int4", "fp4", "mxfp4"):
        both = shipped.precisions[f"{name}-kv8"]
        assert (both.kv_bytes, both.weight_bytes) == (1.0, shipped.precisions[name].weight_bytes)
        assert (vllm.precisions[f"{name}-kv8"].min_compute_capability or 0.0) >= 8.0  # Ampere, not Turing
    assert "fp32-kv8" not in shipped.precisions
    assert "q4_k_m-kv8" not in shipped.engines["llama.cpp"].precisions
