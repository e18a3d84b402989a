"""A Hugging Face config.json as the architecture facts of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of, shown
from optimizer.load.text import decode, read_bytes
from optimizer.load.weights import Decoder, count_parameters, mla_parameters
from optimizer.schema.catalog import LlmModel

DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "bf16"}
"""Precision served by default for the dtype a checkpoint was saved in (32-bit checkpoints are served at 16)."""

BY_BITS = {4: "int4", 8: "w8a16"}
"""Weight-only precision by bits."""

QUANTISED = {
    "fp8": "fp8", "fbgemm_fp8": "fp8", "awq": "int4", "gptq": "int4", "mxfp4": "mxfp4",
    "compressed-tensors": "fp8", "modelopt": "fp8",
}
"""quant_method of a config -> precision, where the config says no more."""

MODELOPT = {"FP8": "fp8", "NVFP4": "fp4", "W4A16_AWQ": "int4", "INT8_SQ": "int8"}
"""quant_algo of a ModelOpt config -> precision."""

UNTIED = frozenset({
    "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "deepseek_v2",
    "deepseek_v3", "phi", "phi3",
    "gpt_neox", "gptj", "gpt_oss", "glm4_moe", "minimax_m2", "olmo", "stablelm", "codegen", "internlm2", "baichuan",
})
"""model_type whose class leaves tie_word_embeddings off where the config says nothing; all others tie."""

UNGATED = frozenset({
    "gpt2", "gpt_neox", "gptj", "gpt_bigcode", "opt", "bloom", "falcon", "mpt", "phi", "starcoder2", "codegen",
})
"""model_type whose MLP has two matrices."""

GATED_ATTENTION = frozenset({"qwen3_next"})
"""model_type whose attention has an output gate where the config does not say so."""

SLIDING_PATTERN = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}
"""model_type -> every so manieth layer attends to the full context, the others to a window."""

ALL_SLIDE = frozenset({"mistral", "mixtral", "phi3", "starcoder2"})
"""model_type all of whose layers slide where sliding_window is set."""

FULL, SLIDING = frozenset({"full_attention", "attention"}), frozenset({"sliding_attention", "chunked_attention"})
"""Entries of layer_types with a KV cache; others keep a state of fixed size."""

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")

MOST_LAYERS, LARGEST = 10_000, 10**9
"""No model has more layers, and no other number of a config.json that matters here exceeds the second."""


class _Config:
    """The numbers of a config, with the faults found while reading them."""

    def __init__(self, data: dict[str, Any], label: str) -> None:
        self.data, self.label = data, label
        self.faults: list[Fault] = []

    def whole(self, *keys: str, default: int | None = None, least: int = 1, most: int = LARGEST) -> int:
        """Read the first of several keys that is there as a whole number."""
        for key in keys:
            value = self.data.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                self.faults.append(Fault(self.label, key, shown(value), f"a whole number from {least} to {most:,}"))
                return least or 1
            return value
        if default is None:
            self.faults.append(Fault(self.label, keys[0], "nothing", f"a whole number from {least}"))
            return least or 1
        return default

    def refuse(self, key: str, allowed: str) -> None:
        """Note a value that cannot be taken."""
        self.faults.append(Fault(self.label, key, shown(self.data.get(key)), allowed))

    def check(self) -> None:
        """Raise all faults found so far."""
        if self.faults:
            raise InputError(tuple(dict.fromkeys(self.faults)))

    @property
    def kind(self) -> str:
        """The model_type."""
        return str(self.data.get("model_type") or "unknown")


def _expert_layers(config: _Config, layers: int) -> int:
    """Count layers with experts: not the first ones, not those listed, only every so manieth."""
    dense_first = config.whole("first_k_dense_replace", default=0, least=0)
    step = config.whole("decoder_sparse_step", default=1)
    listed = config.data.get("mlp_only_layers") or ()
    dense = set(listed) if isinstance(listed, list) and all(isinstance(layer, int) for layer in listed) else set()
    return sum(layer >= dense_first and layer not in dense and (layer + 1) % step == 0 for layer in range(layers))


def _layer_kinds(config: _Config, layers: int) -> tuple[int, int]:
    """Return (layers with full attention, layers with a sliding window); the rest keep no KV cache."""
    kinds = config.data.get("layer_types") or config.data.get("layers_block_type")
    if kinds is not None:
        if not isinstance(kinds, list) or len(kinds) != layers:
            key = "layer_types" if "layer_types" in config.data else "layers_block_type"
            config.refuse(key, f"a list of {layers} layers")
            return layers, 0
        return sum(str(kind) in FULL for kind in kinds), sum(str(kind) in SLIDING for kind in kinds)
    interval = config.whole("full_attention_interval", default=0, least=0)
    if interval:
        return layers // interval, 0
    if config.data.get("sliding_window") is None or config.data.get("use_sliding_window") is False:
        return layers, 0
    pattern = SLIDING_PATTERN.get(config.kind)
    if pattern is not None:
        full = layers // config.whole("sliding_window_pattern", default=pattern)
        return full, layers - full
    return (0, layers) if config.kind in ALL_SLIDE else (layers, 0)


def _kv_heads(config: _Config, heads: int) -> int:
    if config.data.get("multi_query") is True and config.data.get("new_decoder_architecture") is not True:
        return 1
    return config.whole("num_key_value_heads", "num_kv_heads", default=heads)


def _mla(config: _Config, hidden: int, heads: int) -> tuple[int, int, int] | None:
    """Return (weights of a layer, values cached a token and layer, width of a query head) of latent attention."""
    if config.data.get("kv_lora_rank") is None:
        return None
    kv_rank, rope = config.whole("kv_lora_rank"), config.whole("qk_rope_head_dim")
    nope, value = config.whole("qk_nope_head_dim"), config.whole("v_head_dim")
    q_rank = None if config.data.get("q_lora_rank") is None else config.whole("q_lora_rank")
    return mla_parameters(hidden, heads, q_rank, kv_rank, rope, nope, value), kv_rank + rope, nope + rope


def _linear_parameters(config: _Config, hidden: int) -> int:
    """Count the weights of one gated linear-attention layer (Qwen3-Next), 0 where the config has none."""
    if config.data.get("linear_num_value_heads") is None:
        return 0
    key_heads, value_heads = config.whole("linear_num_key_heads"), config.whole("linear_num_value_heads")
    keys = key_heads * config.whole("linear_key_head_dim")
    values = value_heads * config.whole("linear_value_head_dim")
    return hidden * (2 * keys + 3 * values + 2 * value_heads)


def _linear_state_bytes(config: _Config) -> float:
    """Return the state of one gated linear-attention layer, 0 where the config has none.

    Value heads x key size x value size numbers of the recurrent state (16 bits unless `mamba_ssm_dtype` says 32), and
    kernel - 1 columns of the convolution at 16 bits.
    """
    if config.data.get("linear_num_value_heads") is None:
        return 0.0
    key_size, value_size = config.whole("linear_key_head_dim"), config.whole("linear_value_head_dim")
    heads = config.whole("linear_num_value_heads")
    each = 4 if config.data.get("mamba_ssm_dtype") == "float32" else 2
    columns = 2 * config.whole("linear_num_key_heads") * key_size + heads * value_size
    kernel = config.whole("linear_conv_kernel_dim", default=4)
    return float(heads * key_size * value_size * each + (kernel - 1) * columns * 2)


def _vision_parameters(config: _Config, hidden: int) -> int:
    """Count a vision tower and its projector; 0 where the config has none or names its shape otherwise.

    A layer: 4 h^2 of attention + 2 h x width of its MLP + biases and norms; then patches, positions, and a merger of
    spatial_merge_size^2 patches that ends at the decoder's width.
    """
    given = config.data.get("vision_config")
    if not isinstance(given, dict):
        return 0
    tower = _Config(given, config.label)
    width = tower.whole("hidden_size", "vt_hidden_size", default=0, least=0)
    layers = tower.whole("num_hidden_layers", "depth", "vt_num_hidden_layers", "layers", default=0, least=0,
                         most=MOST_LAYERS)
    inner = tower.whole("intermediate_size", "vt_intermediate_size", default=4 * width, least=0)
    patch = tower.whole("patch_size", default=0, least=0) ** 2 * 3 * tower.whole("temporal_patch_size", default=1)
    positions = tower.whole("num_position_embeddings", "position_embedding_size", default=0, least=0)
    merged = width * tower.whole("spatial_merge_size", default=1) ** 2
    config.faults += [Fault(one.file, f"vision_config.{one.key}", one.found, one.allowed) for one in tower.faults]
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + 5 * width
    return layers * layer + (patch + 1 + positions) * width + merged * (merged + hidden) if layers else 0


def _decoder(config: _Config, linear: int) -> Decoder:
    """Read the shape."""
    layers = config.whole(*LAYERS, most=MOST_LAYERS)
    hidden = config.whole("hidden_size", "n_embd", "d_model")
    heads = config.whole("num_attention_heads", "n_head", "n_heads")
    vocabulary = config.whole("vocab_size")
    config.check()
    intermediate = config.whole("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", default=4 * hidden)
    experts = config.whole("num_experts", "num_local_experts", "n_routed_experts", default=0, least=0)
    width = config.whole("moe_intermediate_size", default=intermediate) if experts else 0
    shared = config.whole("n_shared_experts", default=0, least=0) * width
    tied = config.data.get("tie_word_embeddings")
    mla = _mla(config, hidden, heads)
    head_dim = mla[2] if mla else config.whole("head_dim", default=max(1, hidden // heads))
    shape = Decoder(
        layers, hidden, heads, _kv_heads(config, heads), head_dim, intermediate, vocabulary,
        tied if isinstance(tied, bool) else config.kind not in UNTIED, config.kind not in UNGATED,
        _expert_layers(config, layers) if experts else 0, experts,
        config.whole("num_experts_per_tok", "experts_per_token", "num_experts_per_token", default=1) if experts else 0,
        width, config.whole("shared_expert_intermediate_size", default=shared, least=0) if experts else 0,
        linear, _linear_parameters(config, hidden),
        config.data.get("attn_output_gate") is True or config.kind in GATED_ATTENTION, mla[0] if mla else None,
    )
    if shape.experts_per_token > experts:
        config.refuse("num_experts_per_tok", f"at most the number of experts, {experts}")
    if shape.kv_heads > heads:
        config.refuse("num_key_value_heads", f"at most num_attention_heads, {heads}")
    return shape


def _precision(config: _Config) -> str:
    """Say how the weights are stored."""
    quantised = config.data.get("quantization_config")
    if not isinstance(quantised, dict):
        return DTYPES.get(str(config.data.get("torch_dtype") or config.data.get("dtype")), "bf16")
    method, bits = str(quantised.get("quant_method")), quantised.get("bits")
    found = QUANTISED.get(method)
    if method in {"awq", "gptq"} and bits is not None:
        found = BY_BITS.get(bits) if isinstance(bits, int) else None
    if method == "modelopt" and "quant_algo" in quantised:
        found = MODELOPT.get(str(quantised["quant_algo"]))
    if method == "compressed-tensors":
        found = _compressed(quantised)
    if found is None:
        inner = {key: quantised[key] for key in ("quant_method", "bits", "quant_algo") if key in quantised}
        allowed = f"a quant_method among {', '.join(QUANTISED)}"
        config.faults.append(Fault(config.label, "quantization_config", shown(str(inner)), allowed))
    return found or "bf16"


def _compressed(quantised: dict[str, Any]) -> str | None:
    """Read the first group of a compressed-tensors config: number type, bits, whether activations are quantised."""
    groups = quantised.get("config_groups")
    group = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = group.get("weights") if isinstance(group, dict) else None
    if not isinstance(weights, dict) or not isinstance(group, dict):
        return QUANTISED["compressed-tensors"]
    bits, weight_only = weights.get("num_bits"), group.get("input_activations") is None
    if weights.get("type", "int") == "int":
        return (BY_BITS.get(bits) if weight_only else {8: "int8"}.get(bits)) if isinstance(bits, int) else None
    return {8: "fp8", 4: "fp4"}.get(bits) if isinstance(bits, int) else None


def _object(raw: bytes, label: str) -> dict[str, Any]:
    """Read the JSON object of a decoder-only model."""
    try:
        data = json.loads(decode(raw, label))
    except json.JSONDecodeError as error:
        place, found = f"line {error.lineno}, column {error.colno}", f"text that JSON cannot read ({error.msg})"
        raise InputError([Fault(label, place, found, "a Hugging Face config.json")]) from None
    except (RecursionError, ValueError) as error:
        found = f"text that JSON cannot read ({error})"
        raise InputError([Fault(label, "", found, "a Hugging Face config.json")]) from None
    if not isinstance(data, dict):
        raise InputError([Fault(label, "", shown(data), "a Hugging Face config.json: a JSON object")])
    inner = data.get("text_config")
    if isinstance(inner, dict):
        data = {**data, **inner}  # multimodal models keep the decoder's facts one level down
    if data.get("is_encoder_decoder") is True:
        raise InputError([Fault(label, "is_encoder_decoder", "true", "a decoder-only model")])
    if data.get("hybrid_override_pattern") is not None:
        raise InputError([Fault(label, "hybrid_override_pattern", shown(data["hybrid_override_pattern"]),
                                "a transformer; write the facts of state-space models into models.yaml of an overlay")])
    return data


def _attention(shape: Decoder) -> str:
    if shape.kv_heads == shape.heads:
        return "mha"
    return "mqa" if shape.kv_heads == 1 else "gqa"


def parse_model_config(raw: bytes, label: str) -> LlmModel:
    """Read the facts of a decoder-only model.

    Raises:
        InputError: the JSON is broken or lacks the facts that memory and speed need; with every fault found.
    """
    config = _Config(_object(raw, label), label)
    context = config.whole("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
    layers = config.whole(*LAYERS, most=MOST_LAYERS, default=1)
    full, sliding = _layer_kinds(config, layers)
    precision = _precision(config)
    window = config.whole("sliding_window", "attention_chunk_size") if sliding else None
    shape = _decoder(config, layers - full - sliding)
    config.check()
    mla, state = _mla(config, shape.hidden, shape.heads), _linear_state_bytes(config)
    vision = _vision_parameters(config, shape.hidden)
    config.check()
    facts = {
        "name": str(config.data.get("_name_or_path") or Path(label).parent.name or label)[:200],
        "family": config.kind,
        "runs_like": "own-config",
        "parameters_billion": count_parameters(shape, shape.experts) / 1e9,
        "active_parameters_billion": count_parameters(shape, shape.experts_per_token) / 1e9,
        "layers": shape.layers, "hidden_size": shape.hidden, "attention_heads": shape.heads, "kv_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "attention": "mla" if mla else _attention(shape),
        "full_attention_layers": full, "sliding_window_layers": sliding, "sliding_window_tokens": window,
        "mla_kv_values_per_layer": mla[1] if mla else None,
        "state_layers": shape.linear_layers if state else 0, "state_bytes_per_layer": state,
        "vision_parameters_billion": vision / 1e9,
        "vocabulary": shape.vocabulary, "tied_embeddings": shape.tied,
        "experts": shape.experts, "experts_per_token": shape.experts_per_token,
        "expert_width": shape.expert_width or None,
        "native_precision": precision,
        "context_limit_tokens": context,
        "source_url": Path(label).name, "as_of": "2026", "confidence": "medium",
        "notes": "parameters counted from the shape",
    }
    try:
        return LlmModel.model_validate(facts)
    except ValidationError as error:
        raise InputError(faults_of(error, label, LlmModel)) from None


def read_model_config(path: Path) -> tuple[LlmModel, bytes]:
    """Read a config.json from disk and return its facts and bytes."""
    raw = read_bytes(path)
    return parse_model_config(raw, str(path)), raw


def same_shape(one: LlmModel, other: LlmModel) -> bool:
    """Say whether two models share the weights shape, vocabulary within 1%, so that one's speeds hold for the other."""
    facts = (
        "layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "experts", "experts_per_token", "attention")
    alike = all(getattr(one, fact) == getattr(other, fact) for fact in facts)
    close = abs(one.parameters_billion / other.parameters_billion - 1) <= 0.02
    return alike and close and abs(one.vocabulary / other.vocabulary - 1) <= 0.01
