"""Families whose layers the plain rules cannot tell: each has a reader of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optimizer.load.architecture.attention import compressed, grouped, latent, latent_of
from optimizer.load.architecture.feed_forward import dense, mixture
from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.layers import (
    attention_of,
    feed_forward_of,
    mamba2_of,
    plain_layers,
    state_mixer,
)
from optimizer.load.architecture.parts import Block, Layer, Weight
from optimizer.load.architecture.plan import mixers, sparse
from optimizer.load.architecture.shape import Shape
from optimizer.load.architecture.state import mamba1, mamba1_rank, mamba2, plamo2_state

Builder = Callable[[Shape], list[Layer]]


def mamba(shape: Shape) -> list[Layer]:
    """Mamba and FalconMamba: nothing but state-space layers."""
    keys, hidden = shape.keys, shape.hidden
    inner = keys.whole("intermediate_size", "d_inner", default=hidden * keys.whole("expand", default=2))
    block = mamba1(keys, hidden, inner, keys.whole("state_size", default=16), keys.whole("conv_kernel", default=4),
                   mamba1_rank(keys, "time_step_rank", hidden), norms=False)
    return [Layer((block,), float(hidden))] * shape.layers


def mamba_2(shape: Shape) -> list[Layer]:
    """Mamba-2: nothing but state-space layers."""
    keys, hidden = shape.keys, shape.hidden
    heads = keys.whole("num_heads")
    block = mamba2(keys, hidden, heads * keys.whole("head_dim"), heads, keys.whole("state_size"),
                   keys.whole("n_groups", default=1), keys.whole("conv_kernel", default=4))
    return [Layer((block,), float(hidden))] * shape.layers


def falcon_h1(shape: Shape) -> list[Layer]:
    """Falcon-H1: attention and Mamba-2 side by side in every layer."""
    blocks = (attention_of(shape, "full"), mamba2_of(shape.keys, shape.hidden), feed_forward_of(shape, False))
    return [Layer(blocks, shape.layer_norms)] * shape.layers


def nemotron_h(shape: Shape) -> list[Layer]:
    """Nemotron-H and Nemotron 3: each layer is one block: Mamba-2, attention, dense or experts."""
    keys, hidden = shape.keys, shape.hidden
    pattern = keys.get("hybrid_override_pattern")
    letters = {"M": "state", "*": "full", "-": "mlp", "E": "experts"}
    kinds = mixers(keys, shape.layers)
    if isinstance(pattern, str):
        unknown = sorted(set(pattern) - set(letters))
        if unknown or len(pattern) != shape.layers:
            keys.refuse("hybrid_override_pattern", f"{shape.layers} letters among M, *, -, E")
        kinds = [letters.get(letter, "full") for letter in pattern]
    elif keys.get("layers_block_type") is None and keys.get("layer_types") is None:
        keys.refuse("hybrid_override_pattern", "the kind of each layer, here or in layers_block_type")
    heads = keys.whole("mamba_num_heads")
    made: dict[str, Callable[[], Block]] = {
        "state": lambda: mamba2(keys, hidden, heads * keys.whole("mamba_head_dim"), heads, keys.whole("ssm_state_size"),
                                keys.whole("n_groups", default=1), keys.whole("conv_kernel", default=4)),
        "full": lambda: attention_of(shape, "full"),
        "mlp": lambda: feed_forward_of(shape, False),
        "experts": lambda: mixture(replace(shape.mixture, latent=keys.whole_or_none("moe_latent_size"))),
    }
    blocks = {kind: made[kind]() for kind in set(kinds) & set(made)}
    if set(kinds) - set(made):
        keys.refuse("layers_block_type", "mamba, attention, mlp or moe", ", ".join(sorted(set(kinds) - set(made))))
    return [Layer((blocks[kind],), float(hidden)) for kind in kinds if kind in blocks]


def _nas_width(hidden: int, multiple: float) -> int:
    """Return the inner width that `ffn_mult` means: 2/3 of it x hidden, rounded up to a multiple of 256."""
    return -(-int(2 * multiple * hidden / 3) // 256) * 256


def nemotron_nas(shape: Shape) -> list[Layer]:
    """Models cut by neural architecture search: `block_configs` says of each layer what is left of it."""
    keys, hidden = shape.keys, shape.hidden
    given = keys.get("block_configs")
    if not isinstance(given, list) or len(given) != shape.layers or not all(isinstance(one, dict) for one in given):
        keys.refuse("block_configs", f"a list of {shape.layers} blocks")
        return []
    layers = []
    for index, one in enumerate(given):
        block = Keys(one, keys.label, f"{keys.prefix}block_configs.{index}.", parent=keys)
        layers.append(Layer((_nas_attention(shape, block.section("attention")),
                             _nas_feed_forward(hidden, block.section("ffn"))), 2.0 * hidden))
    return layers


def _nas_attention(shape: Shape, part: Keys) -> Block:
    if part.flag("no_op"):
        return Block(())
    if part.flag("replace_with_linear"):
        return Block((Weight("self_attn.linear_attn", "attention", float(shape.hidden**2)),))
    group = part.whole("n_heads_in_group")
    if shape.heads % group:
        part.refuse("n_heads_in_group", f"a divisor of num_attention_heads, {shape.heads}", group)
    window = part.get("window_length")
    kind = "sliding" if window is not None else "full"
    return grouped(shape.heads_of(max(1, shape.heads // group)), "sliding" if kind == "sliding" else "full",
                   part.whole("window_length") if window is not None else None)


def _nas_feed_forward(hidden: int, part: Keys) -> Block:
    if part.flag("no_op"):
        return Block(())
    if part.flag("replace_with_linear"):
        return Block((Weight("mlp.linear_mlp", "dense", float(hidden**2)),))
    return dense(hidden, _nas_width(hidden, part.number("ffn_mult", 1.0) if part.has("ffn_mult") else
                                    float(part.whole("ffn_mult"))))


def gemma4(shape: Shape) -> list[Layer]:
    """Gemma 4: sliding layers, and full ones with heads of another size; late layers may share caches; experts beside
    the dense block where `enable_moe_block` says so; a vector for every layer and token in the small ones."""
    keys, hidden = shape.keys, shape.hidden
    kinds = mixers(keys, shape.layers, "pattern", 6)
    same = keys.flag("attention_k_eq_v")
    size, global_heads = _global_heads(shape, same)
    shared_from = shape.layers - keys.whole("num_kv_shared_layers", default=0, least=0)
    wide = keys.flag("use_double_wide_mlp")
    per_layer = keys.whole("hidden_size_per_layer_input", default=0, least=0)
    layers = []
    for index, kind in enumerate(kinds):
        full, keeps = kind == "full", index < shared_from
        heads = replace(shape.heads_of(global_heads, size) if full else shape.heads_of(), qk_norm="head",
                        value_is_key=full and same)
        blocks = [grouped(heads, "full" if full else "sliding", None if full else shape.window, keeps),
                  dense(hidden, shape.widths[index] * (2 if wide and not keeps else 1))]
        if keys.flag("enable_moe_block"):
            beside = mixture(shape.mixture)  # checkpoints name them beside the dense block, not inside it
            blocks.append(Block(tuple(replace(one, module=one.module.removeprefix("mlp.")) for one in beside.weights)))
        if per_layer:
            blocks.append(Block((Weight("per_layer_projection", "dense", 2.0 * hidden * per_layer),)))
        norms = (4 + bool(per_layer) + 3 * keys.flag("enable_moe_block")) * hidden
        layers.append(Layer(tuple(blocks), float(norms)))
    return layers


def _global_heads(shape: Shape, same: bool) -> tuple[int, int]:
    """Read head size and KV heads of Gemma 4's full layers: as keys, or as what `per_layer_config` changes in them."""
    keys = shape.keys
    size = keys.whole("global_head_dim", default=512)
    heads = keys.whole("num_global_key_value_heads", default=shape.kv_heads) if same else shape.kv_heads
    changed = keys.section("per_layer_config").data
    for name in changed:
        one = keys.section("per_layer_config").section(name)
        size, heads = one.whole("head_dim", default=size), one.whole("num_key_value_heads", default=heads)
        if set(one.data) - {"head_dim", "num_key_value_heads"}:
            keys.refuse(f"per_layer_config.{name}", "head_dim and num_key_value_heads")
    return size, heads


def ernie_vision_experts(shape: Shape) -> tuple[Weight, ...]:
    """Count the experts of ERNIE 4.5 VL that only pictures pass: as many as for text, of a width of their own."""
    width = shape.keys.whole("vision_expert_width", default=0, least=0)
    layers = sum(sparse(shape.keys, shape.layers))
    count = float(layers * shape.mixture.experts * 3 * shape.hidden * width)
    return (Weight("vision_experts", "experts", count, 0.0),) if width else ()


def per_layer_tables(shape: Shape) -> tuple[Weight, ...]:
    """Count Gemma's vectors of every layer for every token, and their projection."""
    keys = shape.keys
    width = keys.whole("hidden_size_per_layer_input", default=0, least=0)
    rows = keys.whole("vocab_size_per_layer_input", default=shape.vocabulary)
    if not width:
        return ()
    return (Weight("embed_tokens_per_layer", "embeddings", float(rows * shape.layers * width)),
            Weight("per_layer_model_projection", "dense", float(shape.hidden * shape.layers * width)))


def gemma3n(shape: Shape) -> list[Layer]:
    """Gemma 3n: as Gemma 4's small ones, with alternating updates (AltUp) and low-rank paths (Laurel)."""
    keys, hidden = shape.keys, shape.hidden
    kinds = mixers(keys, shape.layers, "pattern", 5)
    shared_from = shape.layers - keys.whole("num_kv_shared_layers", default=0, least=0)
    copies, rank = keys.whole("altup_num_inputs", default=4), keys.whole("laurel_rank", default=64)
    per_layer = keys.whole("hidden_size_per_layer_input", default=0, least=0)
    beside = Block((Weight("laurel", "dense", float(2 * hidden * rank)),
                    Weight("altup", "dense", float(copies * hidden + copies**3 + copies**2)),
                    Weight("per_layer_projection", "dense", 2.0 * hidden * per_layer)))
    layers = []
    for index, kind in enumerate(kinds):
        keeps, full = index < shared_from, kind == "full"
        attention = grouped(replace(shape.heads_of(), qk_norm="head"), "full" if full else "sliding",
                            None if full else shape.window)
        if not keeps:  # the projections are there, but the layer reads an earlier layer's keys and values
            attention = Block(attention.weights)
        layers.append(Layer((attention, dense(hidden, shape.widths[index]), beside), 8.0 * hidden))
    return layers


def gemma3n_outside(shape: Shape) -> tuple[Weight, ...]:
    """Count Gemma 3n's tables, and the projections of its alternating updates."""
    copies = shape.keys.whole("altup_num_inputs", default=4)
    return (*per_layer_tables(shape), Weight("altup_projections", "dense", 2.0 * (copies - 1) * shape.hidden**2))


def mimo_v2(shape: Shape) -> list[Layer]:
    """MiMo-V2: full and sliding layers with KV heads and head sizes of their own."""
    keys = shape.keys
    if not keys.has("hybrid_layer_pattern") and not keys.has("layer_types"):
        keys.refuse("hybrid_layer_pattern", "which layers slide, here or in layer_types")
    kinds = mixers(keys, shape.layers)
    experts = sparse(keys, shape.layers)
    value = keys.whole("v_head_dim", default=shape.head_dim)
    slide = (keys.whole("swa_num_key_value_heads", default=2 * shape.kv_heads),
             keys.whole("swa_head_dim", default=shape.head_dim), keys.whole("swa_v_head_dim", default=value))
    if keys.whole("swa_num_attention_heads", default=shape.heads) != shape.heads:
        keys.refuse("swa_num_attention_heads", f"as many as num_attention_heads, {shape.heads}")
    layers = []
    for kind, mixed in zip(kinds, experts, strict=True):
        sliding = kind == "sliding"
        heads = shape.heads_of(*slide) if sliding else shape.heads_of(value_dim=value)
        block = grouped(heads, "sliding" if sliding else "full", shape.window if sliding else None)
        layers.append(Layer((block, feed_forward_of(shape, mixed)), shape.layer_norms))
    return layers


def deepseek_v4(shape: Shape) -> list[Layer]:
    """DeepSeek V4: caches of compressed entries, ratios by layer; residual streams joined by hyper-connections."""
    keys, hidden = shape.keys, shape.hidden
    ratios = keys.numbers("compress_ratios")
    words = keys.words("layer_types", shape.layers)
    rates = keys.section("compress_rates")
    if ratios is None and words is not None:
        ratios = [0 if word == "sliding_attention" else rates.whole(word) for word in words]
    if ratios is None or len(ratios) < shape.layers or any(ratio not in (0, 4, 128) for ratio in ratios):
        keys.refuse("compress_ratios", f"a list of {shape.layers} ratios, each 0, 4 or 128")
        return []
    keys.words("mlp_layer_types", shape.layers)
    streams = keys.whole("hc_mult", default=1)
    hyper = Block((Weight("hc", "attention", 2.0 * (streams * hidden + 1) * (streams + 2) * streams),)
                  if streams > 1 else ())
    window = shape.window or 0
    made = {ratio: compressed(keys, hidden, shape.heads, ratio, window) for ratio in set(ratios[:shape.layers])}
    return [Layer((made[ratio], mixture(shape.mixture), hyper), 2.0 * hidden) for ratio in ratios[:shape.layers]]


def kimi_linear(shape: Shape) -> list[Layer]:
    """Kimi Linear and K3: delta attention, every fourth layer latent attention; K3's experts work at a latent width."""
    keys = shape.keys
    nested = keys.section("linear_attn_config")
    full = nested.numbers("full_attn_layers")
    if full is not None:
        nested.numbers("kda_layers")
        kinds = ["full" if index + 1 in full else "state" for index in range(shape.layers)]
    elif keys.has("layer_types"):
        kinds = mixers(keys, shape.layers)
    else:
        keys.refuse("linear_attn_config.full_attn_layers", "the numbers of the layers that attend")
        kinds = ["full"] * shape.layers
    return _delta_layers(shape, kinds, "wide" if keys.flag("mla_use_output_gate") else "")


def bailing_hybrid(shape: Shape) -> list[Layer]:
    """Ling hybrids: delta attention, the last layer of each group latent attention."""
    keys = shape.keys
    if keys.has("layer_types"):
        kinds = mixers(keys, shape.layers)
    else:
        group = keys.whole("layer_group_size")
        whole = shape.layers // group * group
        kinds = ["full" if (index + 1) % group == 0 or index >= whole else "state" for index in range(shape.layers)]
    return _delta_layers(shape, kinds, "heads")


def _delta_layers(shape: Shape, kinds: list[str], gate: str) -> list[Layer]:
    """Count layers of delta and latent attention with experts behind them."""
    keys = shape.keys
    mixed = replace(shape.mixture, latent=keys.whole_or_none("routed_expert_hidden_size"),
                    latent_norm=keys.flag("latent_moe_use_norm"))
    facts = latent_of(keys, shape.hidden, shape.heads, False, "wide" if gate == "wide" else "heads" if gate else "")
    blocks = {"full": latent(facts)}
    if "state" in kinds:
        blocks["state"] = state_mixer(shape)
    experts = sparse(keys, shape.layers)
    return [Layer((blocks["state" if kind == "state" else "full"],
                   mixture(mixed) if has else feed_forward_of(shape, False)), shape.layer_norms)
            for kind, has in zip(kinds, experts, strict=True)]


def longcat(shape: Shape) -> list[Layer]:
    """LongCat-Flash: two attentions and two dense blocks in every layer, and experts some of which do nothing."""
    keys = shape.keys
    idle = keys.whole("zero_expert_num", default=0, least=0)
    mixed = replace(shape.mixture, zero_experts=idle)
    whole = mixture(mixed)
    share = mixed.experts / (mixed.experts + idle)
    experts = Block(tuple(replace(one, used_fraction=one.used_fraction * share) if one.part == "experts" else one
                          for one in whole.weights))
    attention = latent(latent_of(keys, shape.hidden, shape.heads, shape.qkv_bias))
    block = dense(shape.hidden, keys.whole("ffn_hidden_size"))
    return [Layer((attention, attention, block, block, experts), 4.0 * shape.hidden)] * shape.layers


def minimax_m3(shape: Shape) -> list[Layer]:
    """MiniMax-M3: some layers attend to chosen blocks of tokens only, but keep all of them."""
    keys = shape.keys
    chosen = keys.section("sparse_attention_config")
    heads = chosen.whole("sparse_num_index_heads", default=keys.whole("index_n_heads", default=4))
    size = chosen.whole("sparse_index_dim", default=keys.whole("index_head_dim", default=128))
    marks = chosen.numbers("sparse_attention_freq") or [0] * shape.layers
    words = keys.words("layer_types", shape.layers)
    sparse_layers = [word == "minimax_m3_sparse" for word in words] if words else [bool(mark) for mark in marks]
    if len(sparse_layers) != shape.layers:
        chosen.refuse("sparse_attention_freq", f"a list of {shape.layers} zeros and ones")
        return []
    experts = sparse(keys, shape.layers)
    index = Block((Weight("self_attn.index_proj", "attention", float(shape.hidden * size * (heads + 1))),))
    attention = attention_of(shape, "full")
    return [Layer((attention, *((index,) if chooses else ()), feed_forward_of(shape, has)), shape.layer_norms)
            for chooses, has in zip(sparse_layers, experts, strict=True)]


def residual(shape: Shape) -> list[Layer]:
    """Snowflake Arctic and Grok-2: a dense block beside the experts of every layer that has some."""
    keys, hidden = shape.keys, shape.hidden
    if keys.has("parallel_attn_mlp_res"):  # Arctic: as wide as the layer itself
        beside, step = keys.flag("parallel_attn_mlp_res"), keys.whole("moe_layer_frequency", default=2)
        keys.get("use_residual")
    else:
        beside, step = keys.flag("residual_moe"), 1
    width = hidden if keys.has("parallel_attn_mlp_res") else shape.widths[0]
    attention, experts = attention_of(shape, "full"), mixture(shape.mixture)
    with_experts = (attention, experts, *((dense(hidden, width),) if beside else ()))
    without = (attention, feed_forward_of(shape, False))
    return [Layer(with_experts if (index + 1) % step == 0 else without, shape.layer_norms)
            for index in range(shape.layers)]


def step3(shape: Shape) -> list[Layer]:
    """Step 3: queries of all heads from one narrow vector (multi-matrix factorisation attention)."""
    keys, narrow = shape.keys, shape.keys.whole("share_q_dim")
    whole = attention_of(shape, "full")
    queries = Weight("self_attn.q_proj", "attention", float(narrow * (shape.hidden + shape.heads * shape.head_dim)))
    others = tuple(one for one in whole.weights if one.module != "self_attn.q_proj")
    attention = Block((queries, *others, Weight("self_attn.inter_norm", "norms", float(narrow))), whole.cache)
    return [Layer((attention, feed_forward_of(shape, has)), shape.layer_norms)
            for has in sparse(keys, shape.layers)]


def plamo2(shape: Shape) -> list[Layer]:
    """PLaMo 2: Mamba and attention in turn, each with a dense block; engines keep all keys and values."""
    keys, hidden = shape.keys, shape.hidden
    step = keys.whole("mamba_step", default=2)
    turn = step // 2 if shape.layers > step // 2 else shape.layers - 1
    state = plamo2_state(keys, hidden, shape.head_dim) if keys.flag("mamba_enabled", default=True) else None
    keys.get("attention_window_size", "full_attention_idx")  # the window hides tokens, but engines keep them
    attention = attention_of(shape, "full")
    feed = feed_forward_of(shape, False)
    return [Layer((attention if state is None or index % step == turn else state, feed), shape.layer_norms)
            for index in range(shape.layers)]


BUILDERS: dict[str, Builder] = {
    "mamba": mamba, "mamba2": mamba_2, "falcon_h1": falcon_h1, "nemotron_h": nemotron_h, "nemotron_nas": nemotron_nas,
    "gemma4": gemma4, "gemma3n": gemma3n, "mimo_v2": mimo_v2, "deepseek_v4": deepseek_v4, "kimi_linear": kimi_linear,
    "bailing_hybrid": bailing_hybrid, "longcat": longcat, "minimax_m3": minimax_m3,
    "ernie_vl": plain_layers, "residual": residual, "step3": step3, "plamo2": plamo2,
}
"""Names that `Rules.build` takes."""

OUTSIDE: dict[str, Callable[[Shape], tuple[Weight, ...]]] = {"gemma4": per_layer_tables, "gemma3n": gemma3n_outside,
                                                                "ernie_vl": ernie_vision_experts}
"""What such families keep outside of layers beside embeddings, norm and head."""
