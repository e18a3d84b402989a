"""In which precision each part of a model lies, of its own checkpoint and of another precision."""

from __future__ import annotations

from optimizer.load import Catalog
from optimizer.memory.parts import checkpoint_parts, precision_parts


def test_a_precision_of_matrices_leaves_embeddings_and_head_at_16_bits(shipped: Catalog) -> None:
    parts = precision_parts(shipped.models["llama-3.3-70b-instruct"], "fp8-kv8", shipped.precisions)
    assert parts == {"attention": "fp8", "dense": "fp8", "head": "16-bit", "embeddings": "16-bit", "kv_cache": "fp8"}


def test_a_precision_of_experts_leaves_everything_else(shipped: Catalog) -> None:
    parts = checkpoint_parts(shipped.models["gpt-oss-120b"], shipped.precisions)
    assert parts == {"experts": "mxfp4", "attention": "16-bit", "head": "16-bit", "embeddings": "16-bit",
                     "kv_cache": "16-bit"}


def test_a_cache_whose_bytes_the_architecture_fixes_is_eight_bit(shipped: Catalog) -> None:
    assert checkpoint_parts(shipped.models["deepseek-v4-flash"], shipped.precisions)["kv_cache"] == "fp8"


def test_parts_are_those_that_the_model_has(shipped: Catalog) -> None:
    parts = checkpoint_parts(shipped.models["gemma-3-27b-it"], shipped.precisions)
    assert "head" not in parts  # one table serves as head and embedding
    assert "experts" not in parts
