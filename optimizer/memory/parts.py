"""In which precision each part of a model lies: its weights by part, and its KV cache."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.load.cache_choices import SUFFIX
from optimizer.memory.weights import SIXTEEN_BIT_BYTES, stored_weights
from optimizer.schema.catalog import LlmModel, Precision

SIXTEEN_BIT = "16-bit"
"""What is not quantised: bf16 or fp16, as the engine computes."""

CACHE = "kv_cache"


def _cache_of(model: LlmModel, precision: Precision) -> str:
    """Return the precision of the KV cache; one whose bytes the architecture fixes is 8-bit (DeepSeek V4)."""
    fixed = all(not kind.values_per_token for kind in model.kinds if kind.grows)
    if fixed and any(kind.bytes_per_token for kind in model.kinds):
        return "fp8"
    if precision.kv_bytes < SIXTEEN_BIT_BYTES:
        return model.native_kv_precision or "fp8"
    return SIXTEEN_BIT if precision.kv_bytes == SIXTEEN_BIT_BYTES else "32-bit"


def _named_parts(model: LlmModel) -> tuple[str, ...]:
    """List the parts that a model has, those that precisions quantise first."""
    kinds = {kind.mixer for kind in model.kinds}
    attends = bool(kinds & {"full", "sliding", "mla", "compressed"})
    state = bool(kinds & {"linear", "state_space", "convolution"})
    return (*(("experts",) if model.experts else ()), *(("attention",) if attends else ()),
            *(("state",) if state else ()), *(() if model.experts else ("dense",)),
            *(() if model.tied_embeddings else ("head",)), "embeddings")


def precision_parts(model: LlmModel, precision_id: str, precisions: Mapping[str, Precision]) -> dict[str, str]:
    """Return part -> precision of a model's copy in one precision, the KV cache last.

    The checkpoint's own parts stand as its files state them; another precision quantises all parts, all but embeddings
    and head, or the experts alone, as `precisions.yaml` or the model's own `copies` say.
    """
    precision = precisions[precision_id]
    weights, cache = precision_id.removesuffix(SUFFIX), {CACHE: _cache_of(model, precision)}
    known = {part: one for part, one in model.precision_parts if part != CACHE}
    if known and weights == model.native_precision:
        return known | cache
    kept = {"all": (), "matrices": ("head", "embeddings")}.get(stored_weights(model, precision).quantises)
    return {part: SIXTEEN_BIT if (part != "experts" if kept is None else part in kept) else weights
            for part in _named_parts(model)} | cache


def checkpoint_parts(model: LlmModel, precisions: Mapping[str, Precision]) -> dict[str, str]:
    """Return part -> precision of the published checkpoint; its cache is 8-bit where it brings scales for one."""
    own = next(name for name in (*model.own_precisions, "bf16") if name in precisions)
    return precision_parts(model, own, precisions)
