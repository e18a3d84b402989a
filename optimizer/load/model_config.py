"""A Hugging Face config.json as the architecture facts of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of, shown
from optimizer.load.text import decode, read_bytes
from optimizer.schema.catalog import LlmModel

DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "bf16"}
"""Precision served by default for the dtype a checkpoint was saved in (32-bit checkpoints are served at 16)."""

QUANTISED = {"fp8": "fp8", "awq": "int4", "gptq": "int4", "mxfp4": "mxfp4", "compressed-tensors": "fp8", "modelopt": "fp8"}
"""quant_method of a config -> precision."""


def _whole(data: dict[str, Any], keys: tuple[str, ...], faults: list[Fault], label: str, default: int | None = None) -> int:
    """Read the first of several keys that is there as a whole number from 1."""
    for key in keys:
        value = data.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**9:
            faults.append(Fault(label, key, shown(value), "a whole number from 1"))
            return 1
        return value
    if default is None:
        faults.append(Fault(label, keys[0], "nothing", "a whole number from 1"))
        return 1
    return default


def count_parameters(layers: int, hidden: int, heads: int, kv_heads: int, head_dim: int, intermediate: int,
                     vocabulary: int, tied: bool, experts: int = 0) -> int:
    """Count the weights of a decoder with gated MLPs: embeddings, attention, MLP (once per expert), norms.

    >>> round(count_parameters(32, 4096, 32, 8, 128, 14336, 128256, False) / 1e9, 3)  # Llama-3.1-8B: 8.030
    8.03
    """
    attention = hidden * head_dim * (2 * heads + 2 * kv_heads)
    mlp = 3 * hidden * intermediate * max(1, experts) + hidden * experts
    embeddings = vocabulary * hidden * (1 if tied else 2)
    return embeddings + layers * (attention + mlp + 2 * hidden) + hidden


def parse_model_config(raw: bytes, label: str) -> LlmModel:
    """Read the facts of a decoder-only model.

    Raises:
        InputError: the JSON is broken or lacks the facts that memory and speed need.
    """
    try:
        data = json.loads(decode(raw, label))
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise InputError([Fault(label, "", f"text that JSON cannot read ({error})", "a Hugging Face config.json")]) from None
    if isinstance(data, dict) and isinstance(data.get("text_config"), dict):
        data = {**data, **data["text_config"]}  # multimodal models keep the decoder's facts one level down
    if not isinstance(data, dict):
        raise InputError([Fault(label, "", "no mapping", "a Hugging Face config.json")])
    faults: list[Fault] = []
    layers = _whole(data, ("num_hidden_layers", "n_layer", "n_layers"), faults, label)
    hidden = _whole(data, ("hidden_size", "n_embd", "d_model"), faults, label)
    heads = _whole(data, ("num_attention_heads", "n_head", "n_heads"), faults, label)
    vocabulary = _whole(data, ("vocab_size",), faults, label)
    intermediate = _whole(data, ("intermediate_size", "n_inner", "ffn_hidden_size"), faults, label, 4 * hidden)
    context = _whole(data, ("max_position_embeddings", "n_positions", "max_seq_len"), faults, label)
    if faults:
        raise InputError(faults)
    kv_heads = _whole(data, ("num_key_value_heads", "num_kv_heads"), faults, label, heads)
    head_dim = _whole(data, ("head_dim",), faults, label, max(1, hidden // heads))
    experts = _whole(data, ("num_experts", "num_local_experts", "n_routed_experts"), faults, label, 0)
    active = _whole(data, ("num_experts_per_tok", "experts_per_token"), faults, label, 1 if experts else 0)
    if faults:
        raise InputError(faults)
    expert_width = _whole(data, ("moe_intermediate_size",), faults, label, intermediate) if experts else intermediate
    tied = data.get("tie_word_embeddings", True) is True
    shape = (layers, hidden, heads, kv_heads, head_dim, expert_width, vocabulary, tied)
    kv_rank, rope = data.get("kv_lora_rank"), data.get("qk_rope_head_dim")
    mla = isinstance(kv_rank, int) and isinstance(rope, int)
    kinds = data.get("layer_types")
    sliding = sum(kind == "sliding_attention" for kind in kinds) if isinstance(kinds, list) else 0
    linear = sum(kind == "linear_attention" for kind in kinds) if isinstance(kinds, list) else 0
    facts = {
        "name": str(data.get("_name_or_path") or Path(label).parent.name or label),
        "family": str(data.get("model_type") or "unknown"),
        "runs_like": "own-config",
        "parameters_billion": count_parameters(*shape, experts) / 1e9,
        "active_parameters_billion": count_parameters(*shape, active) / 1e9,
        "layers": layers, "hidden_size": hidden, "attention_heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
        "attention": "mla" if mla else ("mha" if kv_heads == heads else "gqa"),
        "full_attention_layers": layers - sliding - linear,
        "sliding_window_layers": sliding,
        "sliding_window_tokens": data.get("sliding_window") if sliding else None,
        "mla_kv_values_per_layer": kv_rank + rope if mla else None,  # type: ignore[operator]
        "vocabulary": vocabulary, "tied_embeddings": tied, "experts": experts, "experts_per_token": active,
        "native_precision": _precision_of(data),
        "context_limit_tokens": context,
        "source_url": Path(label).name, "as_of": "2026", "confidence": "medium",
        "notes": "parameters counted from the shape",
    }
    try:
        return LlmModel.model_validate(facts)
    except ValidationError as error:
        raise InputError(faults_of(error, label, LlmModel)) from None


def _precision_of(data: dict[str, Any]) -> str:
    quantised = data.get("quantization_config")
    if isinstance(quantised, dict):
        return QUANTISED.get(str(quantised.get("quant_method")), "fp8")
    return DTYPES.get(str(data.get("torch_dtype") or data.get("dtype")), "bf16")


def read_model_config(path: Path) -> tuple[LlmModel, bytes]:
    """Read a config.json from disk and return its facts and bytes."""
    raw = read_bytes(path)
    return parse_model_config(raw, str(path)), raw


def same_shape(one: LlmModel, other: LlmModel) -> bool:
    """Say whether two models share the weights shape, vocabulary within 1%, so that one's speeds hold for the other."""
    facts = ("layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "experts", "experts_per_token", "attention")
    alike = all(getattr(one, fact) == getattr(other, fact) for fact in facts)
    close = abs(one.parameters_billion / other.parameters_billion - 1) <= 0.02
    return alike and close and abs(one.vocabulary / other.vocabulary - 1) <= 0.01
