"""Softmax attention of one layer: its matrices, and the keys and values it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.parts import Block, Cache, Mixer, Weight

INDEXER_SCALE_BYTES = 4
"""An indexer's key of a token: one byte a number and one 32-bit scale (vLLM, `DeepseekV32IndexerCache`)."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The shape of grouped-query attention in one layer."""

    hidden: int
    heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Literal["", "head", "heads", "whole"] = ""
    """Norms of queries and keys: of one head's width, of each head, or of all heads together."""
    gate: Literal["", "wide", "heads"] = ""
    """A gate on the output: as wide as the queries, or one number a head."""
    sinks: bool = False
    value_is_key: bool = False
    """Whether values are the keys' projection: no matrix of their own, though both are cached."""


def grouped(shape: Heads, mixer: Mixer = "full", window: int | None = None, keeps: bool = True) -> Block:
    """Count q, k, v and output projections.

    Args:
        keeps: False where the layer reads another layer's keys and values.
    """
    s = shape
    queries, keys = s.heads * s.key_dim, s.kv_heads * s.key_dim
    values, output = s.kv_heads * s.value_dim, s.heads * s.value_dim
    weights = [Weight("self_attn.q_proj", "attention", s.hidden * queries + s.qkv_bias * queries),
               Weight("self_attn.o_proj", "attention", s.hidden * output + s.out_bias * s.hidden)]
    if keeps:
        weights.append(Weight("self_attn.k_proj", "attention", s.hidden * keys + s.qkv_bias * keys))
        if not s.value_is_key:
            weights.append(Weight("self_attn.v_proj", "attention", s.hidden * values + s.qkv_bias * values))
    norms = {"": 0, "head": 2 * s.key_dim, "heads": queries + keys, "whole": queries + keys}[s.qk_norm]
    norms += s.heads * s.sinks
    gate = {"": 0, "wide": s.hidden * output, "heads": s.hidden * s.heads}[s.gate]
    weights += [Weight("self_attn.g_proj", "attention", gate), Weight("self_attn.norm", "norms", norms)]
    cached = float(keys + values) if keeps else 0.0
    cache = Cache(mixer, s.kv_heads, cached, window) if keeps else Cache()
    return Block(tuple(one for one in weights if one.count), cache)


@dataclass(frozen=True, slots=True)
class Latent:
    """The shape of multi-head latent attention (MLA)."""

    hidden: int
    heads: int
    query_rank: int | None
    kv_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int
    bias: bool = False
    gate: Literal["", "wide", "heads"] = ""

    @property
    def cached(self) -> int:
        """Values kept of one token: the compressed keys and values, and the rotated part."""
        return self.kv_rank + self.rope_dim


def latent(shape: Latent, indexer: tuple[int, int] | None = None, query_norm: bool = True) -> Block:
    """Count low-rank queries, joint keys and values, and the output projection; every rank keeps the whole vector.

    Args:
        indexer: (heads, head size) of the indexer of sparse attention, None without one.

    >>> from optimizer.load.architecture.attention import Latent, latent
    >>> block = latent(Latent(7168, 128, 1536, 512, 64, 128, 128))  # DeepSeek-V3
    >>> int(sum(w.count for w in block.weights if w.part == "attention")), block.cache.values_per_token
    (187105280, 576.0)
    """
    s = shape
    width, output = s.heads * (s.nope_dim + s.rope_dim), s.heads * s.value_dim
    weights = []
    if s.query_rank is None:
        weights.append(Weight("self_attn.q_proj", "attention", s.hidden * width))
    else:
        weights += [Weight("self_attn.q_a_proj", "attention", s.query_rank * (s.hidden + s.bias)),
                    Weight("self_attn.q_b_proj", "attention", s.query_rank * width),
                    Weight("self_attn.q_a_layernorm", "norms", s.query_rank * query_norm)]
    weights += [
        Weight("self_attn.kv_a_proj_with_mqa", "attention", s.cached * (s.hidden + s.bias)),
        Weight("self_attn.kv_a_layernorm", "norms", s.kv_rank),
        Weight("self_attn.kv_b_proj", "attention", s.kv_rank * s.heads * (s.nope_dim + s.value_dim)),
        Weight("self_attn.o_proj", "attention", output * s.hidden + s.bias * s.hidden),
        Weight("self_attn.g_proj", "attention",
               {"": 0, "wide": s.hidden * output, "heads": s.hidden * s.heads}[s.gate])]
    beside = 0.0
    if indexer:
        heads, size = indexer
        source = s.query_rank or s.hidden
        count = source * heads * size + s.hidden * size + s.hidden * heads + 2 * size
        weights.append(Weight("self_attn.indexer", "attention", count))
        beside = float(size + INDEXER_SCALE_BYTES)
    return Block(tuple(one for one in weights if one.count),
                 Cache("mla", 0, float(s.cached), bytes_per_token=beside))


def latent_of(keys: Keys, hidden: int, heads: int, bias: bool = False,
              gate: Literal["", "wide", "heads"] = "") -> Latent:
    """Read the shape of latent attention."""
    rank = keys.get("q_lora_rank")
    return Latent(hidden, heads, None if rank is None else keys.whole("q_lora_rank"), keys.whole("kv_lora_rank"),
                  keys.whole("qk_rope_head_dim", least=0), keys.whole("qk_nope_head_dim"), keys.whole("v_head_dim"),
                  bias, gate)


COMPRESSED_PAGE_TOKENS, COMPRESSED_ALIGNMENT = 256, 576
"""DeepSeek V4 in vLLM: pages of 256 tokens, each cache's page padded to a multiple of 576 bytes.

With entries of 584 bytes (448 8-bit numbers, 64 rotated 16-bit ones, 8 bytes of scales) and indexer keys of 132 bytes
this gives 3,915 bytes a token for V4-Flash, which is what its layered caches traced in vLLM 0.30 grow by.
"""

COMPRESSED_ENTRY_BYTES = 584

WINDOW_TOKEN_BYTES = 585
"""One token of a layer's window: a page of 64 entries, padded, is 37,440 bytes."""

COMPRESSING, COMPRESSING_SPARSE = 8.0, 16.0 + 157 / 21
"""Window entries that a token takes besides in a layer's compressor while it is in flight: pages of 8 and of 4 tokens
for ratios of 128 and 4; the indexer's compressor has what the 407,160 bytes a token of V4-Flash leave for it."""


def _page(entries: float, size: int) -> float:
    """Return bytes of one page, padded."""
    return -(-entries * size // COMPRESSED_ALIGNMENT) * COMPRESSED_ALIGNMENT


def compressed(keys: Keys, hidden: int, heads: int, ratio: int, window: int) -> Block:
    """Count attention over compressed entries (DeepSeek V4): one shared key-value head, grouped low-rank output.

    A ratio of 4 has an indexer and overlapping compression, a larger one neither, 0 keeps the window alone. The cache
    is 8-bit whatever the precision asked for, so that its bytes are stated outright.
    """
    dim, rank = keys.whole("head_dim"), keys.whole("q_lora_rank")
    groups, out_rank = keys.whole("o_groups"), keys.whole("o_lora_rank")
    weights = [
        Weight("self_attn.q_a_proj", "attention", hidden * rank),
        Weight("self_attn.q_b_proj", "attention", rank * heads * dim),
        Weight("self_attn.kv_proj", "attention", hidden * dim),
        Weight("self_attn.o_a_proj", "attention", heads * dim * out_rank),
        Weight("self_attn.o_b_proj", "attention", groups * out_rank * hidden),
        Weight("self_attn.norm", "norms", rank + dim + heads)]
    per_token = 0.0
    indexed = ratio == 4
    if ratio:
        overlap = 2 if indexed else 1
        weights.append(Weight("self_attn.compressor", "attention", overlap * dim * (2 * hidden + ratio) + dim))
        entries = COMPRESSED_PAGE_TOKENS / ratio
        per_token = _page(entries, COMPRESSED_ENTRY_BYTES) / COMPRESSED_PAGE_TOKENS
    if indexed:
        index_heads, size = keys.whole("index_n_heads"), keys.whole("index_head_dim")
        count = 2 * size * (2 * hidden + ratio) + size + rank * index_heads * size + hidden * index_heads
        weights.append(Weight("self_attn.indexer", "attention", count))
        per_token += _page(COMPRESSED_PAGE_TOKENS / ratio, size + INDEXER_SCALE_BYTES) / COMPRESSED_PAGE_TOKENS
    units = 1.0 + (COMPRESSING_SPARSE if indexed else COMPRESSING if ratio else 0.0)
    return Block(tuple(weights), Cache("compressed", window_tokens=None if ratio else window,
                                       tokens_per_entry=max(1, ratio), bytes_per_token=per_token,
                                       in_flight_bytes=units * WINDOW_TOKEN_BYTES))
