"""What requests keep: KV of every token, windows of it, and states of fixed size; and how an engine deals them out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.schema.catalog import EngineOverhead, LayerKind, LlmModel, Precision

KV_BLOCK_TOKENS = 16
"""Tokens in one block of a paged KV cache (vLLM's default block size)."""

COMPRESSED_BLOCK_TOKENS = 256
"""The same where entries stand for several tokens (DeepSeek V4 in vLLM)."""

IN_FLIGHT_MARGIN_TOKENS = 64
"""Tokens beside those of a step whose windows a request keeps: with them the layered caches of V4-Flash that were
traced in vLLM 0.30 are met to the byte (3,915 x context + 407,160 x (tokens of a step + 64))."""


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """How one GPU's cache is dealt out: blocks of equal size, so many groups of layers a request."""

    block_tokens: int
    """Tokens in one block of a group whose layers keep the whole context."""
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
    window_block_tokens: int = 0
    """Tokens in one block of a window group, where its layers keep more or less of a token; 0: as many."""
    step_bytes: float = 0.0
    """What the tokens of one step take while they are computed, once for all requests."""

    @property
    def groups(self) -> int:
        """Groups of all kinds."""
        return self.context_groups + self.window_groups + self.state_groups

    @property
    def bytes_per_token(self) -> float:
        """Bytes that one token takes in all its groups while it is inside every window."""
        window_tokens = self.window_block_tokens or self.block_tokens
        return self.block_bytes * (self.context_groups / self.block_tokens + self.window_groups / window_tokens)

    @property
    def state_bytes_per_request(self) -> float:
        """Bytes that a request's state takes, whatever its length."""
        return self.state_bytes + self.state_groups * self.state_blocks * self.block_bytes

    def request_bytes(self, tokens: int) -> float:
        """Return what one request of so many tokens takes, in whole blocks.

        A window group keeps at most window - 1 + the tokens of one step, and one block more where that does not start
        on a block's edge (vLLM, `SlidingWindowSpec.max_memory_usage_bytes`).
        """
        whole, each = -(-tokens // self.block_tokens), self.window_block_tokens or self.block_tokens
        window = min(-(-tokens // each), -(-self.window_tokens // each) + 1)
        blocks = self.context_groups * whole + self.window_groups * window
        return blocks * self.block_bytes + self.state_bytes_per_request

    def blocks_in(self, free_bytes: float) -> int:
        """Return how many blocks the free memory holds."""
        return int(max(0.0, free_bytes - self.step_bytes) / self.block_bytes) if self.block_bytes else 0

    def tokens_in(self, free_bytes: float) -> int:
        """Return how many tokens the free memory holds, counted as inside every window and without states.

        Without a block, the number of requests is all that the memory limits: 10^12 where there is any memory left.
        """
        if not self.block_bytes:
            return 10**12 if free_bytes > 0 else 0
        groups = self.context_groups + self.window_groups
        if self.window_block_tokens:
            return int(self.blocks_in(free_bytes) * self.block_bytes / self.bytes_per_token)
        return self.blocks_in(free_bytes) // groups * self.block_tokens

    def share_in(self, free_bytes: float, tokens: int) -> float:
        """Return how many requests of so many tokens the free memory holds at once, fractions included."""
        each = self.request_bytes(tokens)
        left = max(0.0, free_bytes - self.step_bytes)
        whole = self.blocks_in(free_bytes) * self.block_bytes if self.block_bytes else left
        return whole / each if each else (1e12 if left else 0.0)

    def requests_in(self, free_bytes: float, tokens: int) -> int:
        """Return how many requests of so many tokens the free memory holds at once."""
        return int(self.share_in(free_bytes, tokens) + 1e-9)


def kind_bytes_per_token(kind: LayerKind, precision: Precision, tp_size: int) -> float:
    """Return bytes that one token takes on each GPU in one layer of a kind that keeps it.

    Attention heads are split over the tensor-parallel ranks; with more ranks than KV heads each holds a whole head.
    What has no heads (MLA's compressed vector, an indexer's keys) is whole on every rank.
    """
    heads = kind.kv_heads
    share = max(1, math.ceil(heads / tp_size)) / heads if heads else 1.0
    return kind.values_per_token * share * precision.kv_bytes + kind.bytes_per_token


def kv_bytes_per_token_per_gpu(model: LlmModel, precision: Precision, tp_size: int) -> float:
    """Return KV bytes that one token inside every window takes on each GPU; layers without a KV cache count nothing."""
    return sum(kind.layers * kind_bytes_per_token(kind, precision, tp_size) for kind in model.kinds)


def group_layers(model: LlmModel) -> int:
    """Return the layers of one group: as many as the rarest kind has, or the commonest where that is near.

    A paged cache is dealt out in groups of equally many layers of one kind; near is less than a quarter larger (vLLM,
    `get_kv_cache_groups`).
    """
    counts = [layers for layers in _counts(model) if layers]
    if not counts:
        return 0
    return max(counts) if max(counts) < 1.25 * min(counts) else min(counts)


def _split(model: LlmModel) -> tuple[list[LayerKind], list[LayerKind], list[LayerKind]]:
    """Return the kinds that keep the whole context, a window of it, and a state."""
    whole = [kind for kind in model.kinds if kind.grows]
    windows = [kind for kind in model.kinds if kind.window_tokens and kind.values_per_token]
    return whole, windows, [kind for kind in model.kinds if kind.has_state]


def _counts(model: LlmModel) -> tuple[int, int, int]:
    whole, windows, states = (sum(kind.layers for kind in kinds) for kinds in _split(model))
    return whole, windows, states


def cached_layers(model: LlmModel) -> int:
    """Return layers for which a grouped cache holds room, padding included; the last group of each kind is padded.

    Gemma-3-27B: 10 full + 52 sliding layers = 7 groups of 10.
    """
    group = group_layers(model)
    return group * sum(math.ceil(layers / group) for layers in _counts(model)) if group else 0


def cache_layout(
    model: LlmModel, precision: Precision, overhead: EngineOverhead, tp_size: int, batched_tokens: int
) -> CacheLayout:
    """Return how an engine deals out the cache on each GPU.

    Args:
        batched_tokens: tokens of one step.
    """
    _, windows, states = _split(model)
    keeping = bool(kv_bytes_per_token_per_gpu(model, precision, tp_size))
    if overhead.grouped_cache and keeping and (windows or states):
        return _grouped(model, precision, overhead, tp_size, batched_tokens)
    in_flight = sum(kind.layers * kind.in_flight_bytes_per_token for kind in model.kinds)
    tokens = COMPRESSED_BLOCK_TOKENS if in_flight else KV_BLOCK_TOKENS
    block = tokens * kv_bytes_per_token_per_gpu(model, precision, tp_size)
    kept = sum(kind.layers * kind.state_bytes for kind in states) / tp_size + in_flight * IN_FLIGHT_MARGIN_TOKENS
    return CacheLayout(tokens, block, 1, state_bytes=kept, step_bytes=in_flight * batched_tokens)


def _mean_bytes(kinds: list[LayerKind], precision: Precision, tp_size: int) -> float:
    """Return bytes of one token in one layer of some kinds, on average."""
    layers = sum(kind.layers for kind in kinds)
    whole = sum(kind.layers * kind_bytes_per_token(kind, precision, tp_size) for kind in kinds)
    return whole / layers if layers else 0.0


def _grouped(
    model: LlmModel, precision: Precision, overhead: EngineOverhead, tp_size: int, batched_tokens: int
) -> CacheLayout:
    """Deal out groups of layers that share one pool; a block is lengthened until one layer's state fits into it.

    Where layers with a window keep more or less of a token than the others, their blocks hold fewer or more tokens, so
    that all blocks are of one size (vLLM, `unify_kv_cache_spec_page_size`).
    """
    whole, windows, states = _split(model)
    group = group_layers(model)
    of_whole, of_window = (_mean_bytes(kinds, precision, tp_size) for kinds in (whole, windows))
    each = max(of_whole, of_window)
    state = max((kind.state_bytes for kind in states), default=0.0) / tp_size
    tokens = KV_BLOCK_TOKENS * max(1, math.ceil(state / (KV_BLOCK_TOKENS * each)))
    page = tokens * each
    of_context, of_windows, of_states = (math.ceil(layers / group) for layers in _counts(model))
    kept = max(kind.window_tokens or 0 for kind in windows) - 1 + batched_tokens if windows else 10**9
    context_tokens, window_tokens = (
        int(page / one) // KV_BLOCK_TOKENS * KV_BLOCK_TOKENS if one else tokens for one in (of_whole, of_window))
    apart = window_tokens if windows and whole and window_tokens != context_tokens else 0
    return CacheLayout(context_tokens if whole else window_tokens, group * page, of_context, of_windows, kept,
                       of_states, overhead.state_blocks, window_block_tokens=apart)
