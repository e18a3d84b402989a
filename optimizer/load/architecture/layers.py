"""Layers of one mixer and one feed-forward block each, as most families have them."""

from __future__ import annotations

from dataclasses import replace

from optimizer.load.architecture.attention import grouped, latent, latent_of
from optimizer.load.architecture.feed_forward import dense, mixture
from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.parts import Block, Layer
from optimizer.load.architecture.plan import mixers, sparse
from optimizer.load.architecture.shape import Shape
from optimizer.load.architecture.state import (
    gated_delta,
    kimi_delta,
    lightning,
    mamba1,
    mamba1_rank,
    mamba2,
    short_convolution,
)


def mamba2_of(keys: Keys, hidden: int) -> Block:
    """Count a Mamba-2 layer named as Bamba, Granite 4 and Falcon-H1 do."""
    keys.get("mamba_d_head")
    inner = keys.whole("mamba_d_ssm", default=hidden * keys.whole("mamba_expand", default=2))
    return mamba2(keys, hidden, inner, keys.whole("mamba_n_heads"), keys.whole("mamba_d_state"),
                  keys.whole("mamba_n_groups", default=1), keys.whole("mamba_d_conv", default=4),
                  keys.flag("mamba_rms_norm", default=True))


def mamba1_of(keys: Keys, hidden: int) -> Block:
    """Count a Mamba layer named as Jamba does."""
    inner = hidden * keys.whole("mamba_expand", default=2)
    rank = mamba1_rank(keys, "mamba_dt_rank", hidden)
    return mamba1(keys, hidden, inner, keys.whole("mamba_d_state", default=16),
                  keys.whole("mamba_d_conv", default=4), rank, norms=True)


def state_mixer(shape: Shape) -> Block:
    """Count what a layer that does not attend has in place of attention."""
    keys, kind = shape.keys, shape.rules.mixer
    if kind == "mamba1":
        return mamba1_of(keys, shape.hidden)
    if kind == "mamba2":
        return mamba2_of(keys, shape.hidden)
    if kind == "gated_delta":
        return gated_delta(keys, shape.hidden)
    if kind == "lightning":
        return lightning(shape.hidden, shape.heads, shape.head_dim)
    if kind == "convolution":
        return short_convolution(shape.hidden, keys.whole("conv_L_cache"), keys.flag("conv_bias"))
    if kind == "kimi_delta":
        nested = keys.section("linear_attn_config")
        source = nested if nested.data else keys
        names = ("num_heads", "head_dim", "short_conv_kernel_size") if nested.data else (
            "linear_num_heads", "linear_head_dim", "linear_conv_kernel_dim")
        heads, size, kernel = (source.whole(name) for name in names)
        full = keys.word("model_type") == "bailing_hybrid"
        return kimi_delta(shape.hidden, heads, size, kernel, nested.flag("use_full_rank_gate", default=full), full)
    keys.refuse("layer_types", "layers that this family has", "layers that do not attend, in a family without them")
    return Block(())


def attention_of(shape: Shape, kind: str) -> Block:
    """Count a layer's grouped-query attention."""
    window = shape.window if kind == "sliding" else None
    return grouped(shape.heads_of(sliding=kind == "sliding"), "sliding" if kind == "sliding" else "full", window)


def mixer_of(shape: Shape, kind: str) -> Block:
    """Count what a layer mixes tokens with."""
    if kind == "state":
        return state_mixer(shape)
    if shape.latent:
        facts = latent_of(shape.keys, shape.hidden, shape.heads, shape.qkv_bias)
        indexer = None
        if shape.rules.mixer == "mla_sparse":
            indexer = shape.keys.whole("index_n_heads"), shape.keys.whole("index_head_dim")
        return latent(facts, indexer)
    return attention_of(shape, kind)


def feed_forward_of(shape: Shape, has_experts: bool, index: int = 0) -> Block:
    """Count a layer's dense block or its experts."""
    if has_experts:
        return mixture(shape.mixture)
    return dense(shape.hidden, shape.widths[index], shape.rules.gated, shape.mlp_bias)


def without_indexer(block: Block) -> Block:
    """Return a layer of sparse attention that takes another layer's choice of tokens."""
    left = tuple(weight for weight in block.weights if not weight.module.endswith("indexer"))
    return Block(left, replace(block.cache, bytes_per_token=0.0))


def plain_layers(shape: Shape) -> list[Layer]:
    """Count layers of one mixer and one feed-forward block each."""
    kinds = mixers(shape.keys, shape.layers, shape.rules.window, shape.rules.pattern)
    experts = sparse(shape.keys, shape.layers) if shape.mixture_stated else [False] * shape.layers
    known: dict[tuple[str, bool, int, bool], Layer] = {}
    layers = []
    for index, (kind, mixed) in enumerate(zip(kinds, experts, strict=True)):
        if kind not in ("full", "sliding", "chunked", "state"):
            shape.keys.refuse("layer_types", "layers that this family has", kind)
        shared = shape.rules.mixer == "mla_sparse" and shape.shares_indexer(index)
        key = (kind, mixed, shape.widths[index], shared)
        if key not in known:
            block = mixer_of(shape, kind)
            block = without_indexer(block) if shared else block
            known[key] = Layer((block, feed_forward_of(shape, mixed, index)), shape.layer_norms)
        layers.append(known[key])
    return layers
