"""What one replica holds, and how many requests fit."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.memory.cache import CacheLayout, cache_layout
from optimizer.memory.overhead import default_batched_tokens, default_max_num_seqs, overhead_gib_per_gpu
from optimizer.memory.weights import WeightParts, weight_parts
from optimizer.schema.catalog import Engine, EngineOverhead, Gpu, LlmModel, Precision
from optimizer.units import GIB, largest_holding


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Memory of one replica; GiB, bytes and tokens are those of all its GPUs together."""

    gpu_count: int
    weights: WeightParts
    overhead_gib: float
    usable_gib: float
    """Memory that the engine may take."""
    layout: CacheLayout
    """Of each GPU."""

    @property
    def weights_gib(self) -> float:
        """All weights."""
        return self.weights.total / GIB

    @property
    def kv_cache_gib(self) -> float:
        """Left for the KV cache; negative when the weights do not fit."""
        return self.usable_gib - self.weights_gib - self.overhead_gib

    @property
    def free_bytes_per_gpu(self) -> float:
        """The same in bytes on each GPU."""
        return self.kv_cache_gib * GIB / self.gpu_count

    @property
    def kv_bytes_per_token(self) -> float:
        """KV of one token inside every window, copies on several ranks included."""
        return self.layout.bytes_per_token * self.gpu_count

    @property
    def state_bytes_per_request(self) -> float:
        """What a request keeps whatever its length: the states of linear-attention and state-space layers."""
        return self.layout.state_bytes_per_request * self.gpu_count

    @property
    def kv_cache_tokens(self) -> int:
        """Tokens inside every window that the cache holds, states left out."""
        return self.layout.tokens_in(self.free_bytes_per_gpu)

    def request_gib(self, context_tokens: int) -> float:
        """Return what one request of so many tokens takes."""
        return self.layout.request_bytes(context_tokens) * self.gpu_count / GIB

    def max_concurrency(self, context_tokens: int) -> int:
        """Return how many requests of so many tokens the cache holds at once, each in whole blocks."""
        return self.layout.requests_in(self.free_bytes_per_gpu, context_tokens)

    @property
    def uncertain(self) -> bool:
        """Say whether the cache is so small that an error of 1-2 GiB would decide (under 10% of the memory)."""
        return self.kv_cache_gib < 0.1 * self.usable_gib


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on the GPUs of one replica, before it is known how many requests the engine is started for."""

    model: LlmModel
    gpu: Gpu
    tp_size: int
    weights: WeightParts
    overhead: EngineOverhead
    layout: CacheLayout
    batched_tokens: int
    usable_gib: float
    cache_fraction: float
    """Share of what weights and overhead leave that the cache may take."""

    def started(self, max_num_seqs: int) -> MemoryFit:
        """Return what is left with so many sequences at most."""
        lost = self.tp_size * overhead_gib_per_gpu(
            self.model, self.overhead, self.gpu, self.tp_size, max_num_seqs, self.batched_tokens)
        left = self.usable_gib - self.weights.total / GIB - lost
        lost += (1 - self.cache_fraction) * max(0.0, left)
        return MemoryFit(self.tp_size, self.weights, lost, self.usable_gib, self.layout)


def loaded(
    model: LlmModel, precision: Precision, engine: Engine, gpu: Gpu, tp_size: int,
    memory_fraction: float | None = None, overhead: EngineOverhead | None = None, batched_tokens: int | None = None,
) -> Loaded:
    """Work out everything that does not depend on the number of sequences; arguments as for `memory_fit`."""
    over = overhead or engine.overhead
    weights = weight_parts(model, precision, engine.precisions.get(precision.runs_like), tp_size)
    step = default_batched_tokens(gpu, over) if batched_tokens is None else batched_tokens
    fraction, free = memory_fraction or engine.memory_fraction, engine.share_of == "free"
    if over.reserved and memory_fraction:  # a share that is stated takes the place of what the engine reserves itself
        over = over.model_copy(update={"reserved": ()})
    usable = gpu.memory_usable_gib * (1.0 if free else fraction) * tp_size
    layout = cache_layout(model, precision, over, tp_size, step)
    return Loaded(model, gpu, tp_size, weights, over, layout, step, usable, fraction if free else 1.0)


def memory_fit(
    model: LlmModel, precision: Precision, engine: Engine, gpu: Gpu, tp_size: int, max_num_seqs: int | None = None,
    memory_fraction: float | None = None, overhead: EngineOverhead | None = None, batched_tokens: int | None = None,
) -> MemoryFit:
    """Return what one replica of `tp_size` GPUs holds.

    utilisation x real memory - weights - activation - outside = KV cache, which closes within 0.01 GiB on vLLM's logs.

    Args:
        max_num_seqs: sequences the engine is started with; None: its default.
        memory_fraction: share of the memory it may take; None: its default.
        overhead: what the engine takes at an older version (`overhead_in_force`); None: now.
        batched_tokens: tokens of one step; None: its default.
    """
    sequences = max_num_seqs or default_max_num_seqs(gpu, overhead or engine.overhead)
    return loaded(model, precision, engine, gpu, tp_size, memory_fraction, overhead,
                  batched_tokens).started(sequences)


def largest_fitting_concurrency(
    model: LlmModel, precision: Precision, engine: Engine, gpu: Gpu, tp_size: int, request_tokens: int, most: int
) -> int:
    """Return the largest c <= most such that c requests fit an engine started with c sequences at most."""
    replica = loaded(model, precision, engine, gpu, tp_size)
    return largest_holding(most, lambda count: replica.started(count).max_concurrency(request_tokens) >= count)
