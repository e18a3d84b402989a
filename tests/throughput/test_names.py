"""Names as people and sources write them."""

from __future__ import annotations

import pytest

from optimizer.load import Catalog
from optimizer.throughput.names import UnknownNameError, model_named, precision_named, question_named


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(("llama-3-8b-instruct", "h100-sxm-80gb", "vllm", "bf16"),
                     ("llama-3-8b-instruct", "h100-sxm-80gb", "vllm", "bf16"), id="ids"),
        pytest.param(("meta-llama/Meta-Llama-3-8B-Instruct", "H100-80GB-SXM", "vLLM", "BF16"),
                     ("llama-3-8b-instruct", "h100-sxm-80gb", "vllm", "bf16"), id="as sources write them"),
        pytest.param(("qwen3-32b", "NVIDIA A40", "TensorRT-LLM", "FP8 weights (weight-only)"),
                     ("qwen3-32b", "a40-48gb", "tensorrt-llm", "fp8"), id="the first word of a precision"),
    ],
)
def test_names_stand_for_ids(shipped: Catalog, given: tuple[str, ...], found: tuple[str, ...]) -> None:
    model, gpu, engine, precision = given
    asked = question_named(shipped, model, gpu, engine, precision, 2, 2, 100, 50)
    assert asked.model is shipped.models[found[0]]
    assert (asked.gpu.gpu_id, asked.engine_id, asked.precision_id) == found[1:]
    assert (asked.tp_size, asked.gpu_count, asked.isl_tokens, asked.osl_tokens) == (2, 2, 100, 50)


def test_no_precision_is_the_models_own(shipped: Catalog) -> None:
    asked = question_named(shipped, "gpt-oss-120b", "h100-sxm-80gb", "vllm", "", 1, 1, 100, 50)
    assert asked.precision_id == "mxfp4"


def test_unknown_names_say_what_comes_near(shipped: Catalog) -> None:
    with pytest.raises(UnknownNameError, match="model 'llama-9' is not in the catalog"):
        model_named(shipped, "llama-9")
    with pytest.raises(UnknownNameError, match=r"GPU 'a5000'.*rtx-a5000-24gb"):
        question_named(shipped, "qwen3-32b", "a5000", "vllm", "", 1, 1, 100, 50)
    with pytest.raises(UnknownNameError, match="precision 'int3'"):
        precision_named(shipped, "int3")
