"""Step 3: what a replica's GPUs hold: weights, overhead, KV cache, and how many requests fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.schema.catalog import Engine, Gpu, LlmModel, Precision
from optimizer.units import GIB, largest_holding

KV_BLOCK_TOKENS = 16
"""Tokens in one block of a paged KV cache (vLLM's default block size)."""

SIXTEEN_BIT_BYTES = 2.0
"""Bytes of a weight that quantised checkpoints leave at 16 bits: the embeddings."""


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Memory of one replica; GiB and tokens are those of all its GPUs together."""

    gpu_count: int
    weights_gib: float
    overhead_gib: float
    kv_cache_gib: float
    """Left for the KV cache; negative when the weights do not fit."""
    kv_bytes_per_token: float
    kv_cache_tokens: int
    usable_gib: float
    """Memory that the engine may take."""

    def max_concurrency(self, context_tokens: int) -> int:
        """Return how many requests of so many tokens the KV cache holds at once, each in whole blocks."""
        blocks = -(-context_tokens // KV_BLOCK_TOKENS)
        return self.kv_cache_tokens // KV_BLOCK_TOKENS // blocks

    @property
    def uncertain(self) -> bool:
        """Say whether the cache is so small that an error of 1-2 GiB would decide (under 10% of the memory)."""
        return self.kv_cache_gib < 0.1 * self.usable_gib


def expert_split(model: LlmModel) -> tuple[float, float]:
    """Return (parameters read every step, parameters of all experts), in billions.

    From total P = N + X and active A = N + X k / E: X = (P - A) / (1 - k / E).
    """
    if not model.experts or model.experts <= model.experts_per_token:
        return model.parameters_billion, 0.0
    idle_fraction = 1 - model.experts_per_token / model.experts
    experts = (model.parameters_billion - model.active_parameters_billion) / idle_fraction
    experts = min(max(experts, 0.0), model.parameters_billion)
    return model.parameters_billion - experts, experts


def weights_bytes(model: LlmModel, precision: Precision) -> float:
    """Return the bytes of all weights; what a precision does not quantise stays at 16 bits.

    Median error of parameters x bytes against start-up logs of vLLM: 0.33%.
    """
    parameters = model.parameters_billion * 1e9
    if precision.quantises == "all":
        return parameters * precision.weight_bytes
    if precision.quantises == "experts":
        sixteen = expert_split(model)[0] * 1e9
    else:
        sixteen = model.vocabulary * model.hidden_size * (1 if model.tied_embeddings else 2)
    sixteen = min(parameters, sixteen)
    return (parameters - sixteen) * precision.weight_bytes + sixteen * SIXTEEN_BIT_BYTES


def kv_bytes_per_token_per_gpu(model: LlmModel, precision: Precision, tp_size: int) -> float:
    """Return KV bytes that one token takes on each GPU.

    Attention heads are split over the tensor-parallel ranks; with more ranks than KV heads each holds a whole head.
    MLA keeps one compressed vector a layer, whole on every rank. Sliding-window layers get no discount (vLLM gives
    none); layers without a KV cache (linear attention) count nothing.
    """
    if model.attention == "mla":
        return model.full_attention_layers * (model.mla_kv_values_per_layer or 0) * precision.kv_bytes
    layers = model.full_attention_layers + model.sliding_window_layers
    return 2 * layers * max(1, math.ceil(model.kv_heads / tp_size)) * model.head_dim * precision.kv_bytes


def cached_layers(model: LlmModel) -> int:
    """Return layers for which the KV cache holds room, padding included.

    A paged cache is dealt out in groups of equally many layers of one kind: groups of the rarer kind's size, or of the
    commoner one's where that is less than a quarter larger; the last group of each kind is padded (vLLM,
    `get_kv_cache_groups`). Gemma-3-27B: 10 full + 52 sliding layers = 7 groups of 10.
    """
    kinds = [layers for layers in (model.full_attention_layers, model.sliding_window_layers) if layers]
    if len(kinds) < 2:
        return sum(kinds)
    group = max(kinds) if max(kinds) < 1.25 * min(kinds) else min(kinds)
    return group * sum(math.ceil(layers / group) for layers in kinds)


def is_large(gpu: Gpu, engine: Engine) -> bool:
    """Say whether the engine treats a GPU as large."""
    return gpu.memory_gib >= engine.overhead.large_gpu_gib and gpu.architecture not in engine.overhead.large_gpu_except


def default_max_num_seqs(gpu: Gpu, engine: Engine) -> int:
    """Return the engine's own maximum of sequences on a GPU."""
    over = engine.overhead
    return over.default_max_num_seqs_large if is_large(gpu, engine) else over.default_max_num_seqs


def overhead_gib_per_gpu(model: LlmModel, engine: Engine, gpu: Gpu, gpu_count: int, max_num_seqs: int) -> float:
    """Return GiB a GPU loses to activations and to what lies outside the allocator."""
    over = engine.overhead
    activation = over.activation_bytes_per_sequence_and_vocabulary * max_num_seqs * model.vocabulary / GIB
    parallel = over.non_torch_parallel_large_gib if is_large(gpu, engine) else over.non_torch_parallel_gib
    return max(activation, over.activation_floor_gib) + (over.non_torch_gib if gpu_count == 1 else parallel)


def memory_fit(
    model: LlmModel,
    precision: Precision,
    engine: Engine,
    gpu: Gpu,
    tp_size: int,
    max_num_seqs: int | None = None,
    memory_fraction: float | None = None,
) -> MemoryFit:
    """Return what one replica of `tp_size` GPUs holds.

    utilisation x real memory - weights - activation - outside = KV cache, which closes within 0.01 GiB on vLLM's logs.

    Args:
        max_num_seqs: sequences the engine is started with; None: its default.
        memory_fraction: share of the memory it may take; None: its default.
    """
    usable = gpu.memory_usable_gib * (memory_fraction or engine.memory_fraction)
    weights = weights_bytes(model, precision) / tp_size / GIB
    sequences = max_num_seqs or default_max_num_seqs(gpu, engine)
    overhead = overhead_gib_per_gpu(model, engine, gpu, tp_size, sequences)
    free = usable - weights - overhead
    layers = model.full_attention_layers + model.sliding_window_layers
    padding = cached_layers(model) / layers if layers else 1.0
    per_token = kv_bytes_per_token_per_gpu(model, precision, tp_size) * padding
    tokens = int(max(0.0, free) * GIB / per_token) // KV_BLOCK_TOKENS * KV_BLOCK_TOKENS if per_token else 10**12
    return MemoryFit(
        tp_size, weights * tp_size, overhead * tp_size, free * tp_size, per_token * tp_size, tokens, usable * tp_size
    )


def largest_fitting_concurrency(
    model: LlmModel, precision: Precision, engine: Engine, gpu: Gpu, tp_size: int, request_tokens: int, most: int
) -> int:
    """Return the largest c <= most such that c requests fit an engine started with c sequences at most."""
    return largest_holding(
        most,
        lambda c: (
            memory_fit(model, precision, engine, gpu, tp_size, max_num_seqs=c).max_concurrency(request_tokens) >= c
        ),
    )
