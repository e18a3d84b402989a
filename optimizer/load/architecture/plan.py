"""Which kind of mixer and which kind of feed-forward block each layer has, from the keys families say it with."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.load.architecture.keys import Keys

KINDS = {
    "full_attention": "full", "attention": "full", "global": "full", "global_attention": "full", "full": "full",
    "indexed_attention": "full", "deepseek_sparse_attention": "full", "sparse_attention": "full", "mla": "full",
    "minimax_m3_sparse": "full", "sparse": "full", "*": "full",
    "sliding_attention": "sliding", "sliding_window": "sliding", "local": "sliding", "local_attention": "sliding",
    "swa": "sliding", "sliding": "sliding", "chunked_attention": "chunked",
    "linear_attention": "state", "linear": "state", "mamba": "state", "mamba2": "state", "conv": "state",
    "short_conv": "state", "recurrent": "state", "M": "state", "kda": "state", "hybrid": "hybrid",
    "compressed_sparse_attention": "compressed", "heavily_compressed_attention": "compressed",
    "moe": "experts", "E": "experts", "mlp": "mlp", "-": "mlp",
}
"""Words that layer lists use. A word that is not here is refused: it never means a layer without a cache."""


def _translated(keys: Keys, name: str, words: list[str]) -> list[str]:
    unknown = sorted({word for word in words if word not in KINDS})
    if unknown:
        keys.refuse(name, f"layers of the kinds {', '.join(word for word in KINDS if len(word) > 1)}",
                    f"{', '.join(unknown)}: a kind of layer that gpumix does not know")
    return [KINDS.get(word, "full") for word in words]


def _by_period(keys: Keys, layers: int) -> list[str] | None:
    """Read rules such as `every eighth layer attends`."""
    if keys.has("attn_layer_period"):
        period, offset = keys.whole("attn_layer_period"), keys.whole("attn_layer_offset", default=0, least=0)
        return ["full" if index % period == offset else "state" for index in range(layers)]
    interval = keys.get("full_attention_interval")
    if interval is not None:
        step = keys.whole("full_attention_interval")
        return ["full" if (index + 1) % step == 0 else "state" for index in range(layers)]
    return None


def _by_list(keys: Keys, layers: int) -> list[str] | None:
    """Read lists that name a kind, or the numbers of the layers of one kind."""
    for name in ("layer_types", "layers_block_type"):
        if (words := keys.words(name, layers)) is not None:
            return _translated(keys, name, words)
    for name, first, second in (("hybrid_layer_pattern", "full", "sliding"), ("attn_type_list", "state", "full")):
        if (marks := keys.numbers(name)) is not None:
            if len(marks) < layers or set(marks) - {0, 1}:
                keys.refuse(name, f"a list of {layers} zeros and ones")
            return [second if mark else first for mark in [*marks, *[0] * layers][:layers]]
    for name in ("attn_layer_indices", "full_attn_idxs"):
        if (chosen := keys.numbers(name)) is not None:
            return ["full" if index in chosen else "state" for index in range(layers)]
    return None


def _by_pattern(keys: Keys, layers: int, default: int | None) -> list[str] | None:
    """Read `sliding_window_pattern`: every so manieth layer is full, or letters L and G in turn."""
    pattern = keys.get("sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers")
    if isinstance(pattern, str):
        if not pattern or set(pattern) - {"L", "G"}:
            keys.refuse("sliding_window_pattern", "a whole number, or letters L (local) and G (global)")
            return ["full"] * layers
        letters = [pattern[index % len(pattern)] for index in range(layers)]
        letters[-1] = "G"  # the last layer always attends to everything (EXAONE 4)
        return ["full" if letter == "G" else "sliding" for letter in letters]
    if pattern is None and default is None:
        return None
    step = keys.whole("sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers",
                      default=default)
    return ["full" if (index + 1) % step == 0 else "sliding" for index in range(layers)]


def mixers(keys: Keys, layers: int, window: str = "", pattern: int | None = None) -> list[str]:
    """Return the kind of each layer's mixer: full, sliding, chunked, state, hybrid, compressed, experts or mlp.

    Args:
        window: what a stated window means where no list does: `all` layers slide, `late` from max_window_layers on,
            `pattern` every so manieth is full.
        pattern: the family's own step of that pattern.
    """
    period = _by_period(keys, layers)
    listed = _by_list(keys, layers) or period
    size = keys.get("sliding_window", "window_size", "sliding_window_size")
    if listed is not None:
        return listed
    use = keys.get("use_sliding_window")
    keys.get("sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers")
    if size is None or use is False or (isinstance(size, int) and size <= 0):
        return ["full"] * layers
    if window == "pattern":
        return _by_pattern(keys, layers, pattern) or ["full"] * layers
    if window == "late":
        first = keys.whole("max_window_layers", default=layers, least=0) if use else layers
        return ["sliding" if index >= first else "full" for index in range(layers)]
    return ["sliding" if window == "all" else "full"] * layers


def _members(keys: Keys, name: str) -> set[int] | None:
    """Read layers listed as numbers, or as text with commas between them."""
    value = keys.get(name)
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if all(part.isdigit() for part in parts):
            return {int(part) for part in parts}
        keys.refuse(name, "numbers of layers")
        return None
    found = keys.numbers(name)
    return None if found is None else set(found)


def _sparse_words(keys: Keys, layers: int) -> Callable[[int], bool] | None:
    """Read lists that say of each layer whether it has experts."""
    words = keys.words("mlp_layer_types", layers)
    if words is not None:
        unknown = sorted(set(words) - {"dense", "sparse", "moe", "hash_moe"})
        if unknown:
            keys.refuse("mlp_layer_types", "layers that are dense, sparse, moe or hash_moe", ", ".join(unknown))
        return lambda index: words[index] != "dense"
    for name in ("moe_layers_enum", "moe_layers"):
        if (members := _members(keys, name)) is not None:
            return lambda index: index in members
    for name in ("moe_layer_freq", "is_moe_layer"):
        value = keys.data.get(name)
        if isinstance(value, list):
            keys.read.add(name)
            if len(value) < layers or set(map(str, value)) - {"0", "1", "True", "False"}:
                keys.refuse(name, f"a list of {layers} zeros and ones")
                return lambda index: True
            return lambda index: bool(value[index])
    return None


def sparse(keys: Keys, layers: int) -> list[bool]:
    """Say of each layer whether it has experts."""
    listed = _sparse_words(keys, layers)
    first = keys.whole("first_k_dense_replace", "num_dense_layers", "first_k_dense", "moe_layer_start_index",
                       "n_dense_layers", default=0, least=0)
    if listed is not None:
        return [listed(index) for index in range(layers)]
    last = keys.get("moe_layer_end_index")
    last = layers - 1 if last in (None, -1) else keys.whole("moe_layer_end_index", least=0)
    step = keys.whole("decoder_sparse_step", "moe_layer_freq", "interleave_moe_layer_step", "moe_layer_interval",
                      "expert_layer_period", default=1)
    offset = keys.whole("expert_layer_offset", default=step - 1, least=0)
    from_first = keys.has("moe_layer_freq")  # DeepSeek counts from layer 0, the others from the end of the first step
    dense = set(keys.numbers("mlp_only_layers") or ())
    return [first <= index <= last and index not in dense and index % step == (0 if from_first else offset % step)
            for index in range(layers)]
