"""Step 3: what a replica's GPUs hold: weights, overhead, KV cache, and how many requests fit."""

from optimizer.memory.cache import (
    KV_BLOCK_TOKENS,
    CacheLayout,
    cache_layout,
    cached_layers,
    kv_bytes_per_token_per_gpu,
)
from optimizer.memory.fit import Loaded, MemoryFit, largest_fitting_concurrency, loaded, memory_fit
from optimizer.memory.overhead import (
    default_batched_tokens,
    default_max_num_seqs,
    is_large,
    is_newer,
    overhead_gib_per_gpu,
    overhead_in_force,
    profiled_tokens,
)
from optimizer.memory.weights import (
    WeightParts,
    expert_split,
    expert_width,
    stored_weights,
    weight_parts,
    weights_bytes,
)

__all__ = [
    "KV_BLOCK_TOKENS", "CacheLayout", "Loaded", "MemoryFit", "WeightParts", "cache_layout", "cached_layers",
    "default_batched_tokens", "default_max_num_seqs", "expert_split", "expert_width", "is_large", "is_newer",
    "kv_bytes_per_token_per_gpu", "largest_fitting_concurrency", "loaded", "memory_fit", "overhead_gib_per_gpu",
    "overhead_in_force", "profiled_tokens", "stored_weights", "weight_parts", "weights_bytes",
]
