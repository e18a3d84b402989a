"""What requests keep: KV of every token, windows of it, and states of fixed size; and how an engine deals them out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.schema.catalog import EngineOverhead, LlmModel, Precision

KV_BLOCK_TOKENS = 16
"""Tokens in one block of a paged KV cache (vLLM's default block size)."""


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """How one GPU's cache is dealt out: blocks of equal size, so many groups of layers a request."""

    block_tokens: int
    block_bytes: float
    """One block of one group of layers; 0 where no layer keeps a KV cache."""
    context_groups: int
    """Groups whose layers keep the whole context."""
    window_groups: int = 0
    """Groups whose layers keep a window of it."""
    window_tokens: int = 0
    """What a window group keeps at most: the window and the tokens of one step."""
    state_groups: int = 0
    state_blocks: int = 0
    """Blocks a state takes in each of its groups."""
    state_bytes: float = 0.0
    """State of one request where it lies outside the blocks."""

    @property
    def groups(self) -> int:
        """Groups of all kinds."""
        return self.context_groups + self.window_groups + self.state_groups

    @property
    def bytes_per_token(self) -> float:
        """Bytes that one token takes in all its groups while it is inside every window."""
        return self.block_bytes * (self.context_groups + self.window_groups) / self.block_tokens

    @property
    def state_bytes_per_request(self) -> float:
        """Bytes that a request's state takes, whatever its length."""
        return self.state_bytes + self.state_groups * self.state_blocks * self.block_bytes

    def request_bytes(self, tokens: int) -> float:
        """Return what one request of so many tokens takes, in whole blocks.

        A window group keeps at most window - 1 + the tokens of one step, and one block more where that does not start
        on a block's edge (vLLM, `SlidingWindowSpec.max_memory_usage_bytes`).
        """
        whole = -(-tokens // self.block_tokens)
        window = min(whole, -(-self.window_tokens // self.block_tokens) + 1)
        blocks = self.context_groups * whole + self.window_groups * window
        return blocks * self.block_bytes + self.state_bytes_per_request

    def blocks_in(self, free_bytes: float) -> int:
        """Return how many blocks the free memory holds."""
        return int(max(0.0, free_bytes) / self.block_bytes) if self.block_bytes else 0

    def tokens_in(self, free_bytes: float) -> int:
        """Return how many tokens the free memory holds, counted as inside every window and without states."""
        groups = self.context_groups + self.window_groups
        return self.blocks_in(free_bytes) // groups * self.block_tokens if self.block_bytes else 10**12

    def share_in(self, free_bytes: float, tokens: int) -> float:
        """Return how many requests of so many tokens the free memory holds at once, fractions included."""
        each = self.request_bytes(tokens)
        whole = self.blocks_in(free_bytes) * self.block_bytes if self.block_bytes else max(0.0, free_bytes)
        return whole / each if each else 1e12

    def requests_in(self, free_bytes: float, tokens: int) -> int:
        """Return how many requests of so many tokens the free memory holds at once."""
        return int(self.share_in(free_bytes, tokens) + 1e-9)


def kv_bytes_per_token_and_layer(model: LlmModel, precision: Precision, tp_size: int) -> float:
    """Return KV bytes that one token takes on each GPU in one layer that keeps them.

    Attention heads are split over the tensor-parallel ranks; with more ranks than KV heads each holds a whole head.
    MLA keeps one compressed vector a layer, whole on every rank.
    """
    if model.attention == "mla":
        return (model.mla_kv_values_per_layer or 0) * precision.kv_bytes
    return 2 * max(1, math.ceil(model.kv_heads / tp_size)) * model.head_dim * precision.kv_bytes


def kv_bytes_per_token_per_gpu(model: LlmModel, precision: Precision, tp_size: int) -> float:
    """Return KV bytes that one token inside every window takes on each GPU; layers without a KV cache count nothing."""
    layers = model.full_attention_layers + (0 if model.attention == "mla" else model.sliding_window_layers)
    return layers * kv_bytes_per_token_and_layer(model, precision, tp_size)


def group_layers(model: LlmModel) -> int:
    """Return the layers of one group: as many as the rarest kind has, or the commonest where that is near.

    A paged cache is dealt out in groups of equally many layers of one kind; near is less than a quarter larger (vLLM,
    `get_kv_cache_groups`).
    """
    kinds = [layers for layers in _kinds(model) if layers]
    if not kinds:
        return 0
    return max(kinds) if max(kinds) < 1.25 * min(kinds) else min(kinds)


def _kinds(model: LlmModel) -> tuple[int, int, int]:
    return model.full_attention_layers, model.sliding_window_layers, model.state_layers


def cached_layers(model: LlmModel) -> int:
    """Return layers for which a grouped cache holds room, padding included; the last group of each kind is padded.

    Gemma-3-27B: 10 full + 52 sliding layers = 7 groups of 10.
    """
    group = group_layers(model)
    return group * sum(math.ceil(layers / group) for layers in _kinds(model)) if group else 0


def cache_layout(
    model: LlmModel, precision: Precision, overhead: EngineOverhead, tp_size: int, batched_tokens: int
) -> CacheLayout:
    """Return how an engine deals out the cache on each GPU.

    Args:
        batched_tokens: tokens of one step.
    """
    if overhead.grouped_cache and kv_bytes_per_token_and_layer(model, precision, tp_size) and group_layers(model):
        return _grouped(model, precision, overhead, tp_size, batched_tokens)
    block = KV_BLOCK_TOKENS * kv_bytes_per_token_per_gpu(model, precision, tp_size)
    states = model.state_layers * model.state_bytes_per_layer / tp_size
    return CacheLayout(KV_BLOCK_TOKENS, block, 1, state_bytes=states)


def _grouped(
    model: LlmModel, precision: Precision, overhead: EngineOverhead, tp_size: int, batched_tokens: int
) -> CacheLayout:
    """Deal out groups of layers that share one pool; a block is lengthened until one layer's state fits into it."""
    each = kv_bytes_per_token_and_layer(model, precision, tp_size)
    group = group_layers(model)
    state = model.state_bytes_per_layer / tp_size if model.state_layers else 0.0
    tokens = KV_BLOCK_TOKENS * max(1, math.ceil(state / (KV_BLOCK_TOKENS * each)))
    context, window, states = (math.ceil(layers / group) for layers in _kinds(model))
    kept = (model.sliding_window_tokens or 0) - 1 + batched_tokens if model.sliding_window_tokens else 10**9
    return CacheLayout(tokens, group * tokens * each, context, window, kept, states, overhead.state_blocks)
