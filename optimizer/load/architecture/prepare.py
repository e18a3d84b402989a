"""Configs that say usual things with keys of their own, rewritten to the usual ones before they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def _whole(value: Any) -> int | None:
    """Return a whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _inner(data: Data, name: str) -> Data:
    """Return a section, {} where it is none."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def dbrx(data: Data) -> Data:
    """DBRX keeps KV heads and experts in sections."""
    attention, experts = _inner(data, "attn_config"), _inner(data, "ffn_config")
    return {**data, "num_key_value_heads": attention.get("kv_n_heads"),
            "num_experts": experts.get("moe_num_experts"), "moe_top_k": experts.get("moe_top_k"),
            "moe_intermediate_size": experts.get("ffn_hidden_size"), "attn_config": None, "ffn_config": None}


def mpt(data: Data) -> Data:
    """MPT states the inner width as a multiple, and KV heads in a section."""
    heads, ratio = _inner(data, "attn_config").get("kv_n_heads"), data.get("expansion_ratio", 4)
    width = data.get("d_model")
    inner = ratio * width if isinstance(ratio, int) and isinstance(width, int) else None
    return {"intermediate_size": inner, **data, "num_key_value_heads": heads, "attn_config": None}


def falcon(data: Data) -> Data:
    """Falcon as first published: layers named n_layer, and KV heads stated only by the newer decoder."""
    if "new_decoder_architecture" in data or data.get("n_head_kv") is None:
        return data
    return {**data, "new_decoder_architecture": True}


def minicpm3(data: Data) -> Data:
    """MiniCPM3 leaves the size of values to hidden_size / heads."""
    hidden, heads = _whole(data.get("hidden_size")), _whole(data.get("num_attention_heads"))
    return {**({"v_head_dim": hidden // heads} if hidden and heads else {}), **data}


def step3_moe(data: Data) -> Data:
    """Step 3: groups of queries are KV heads; the layers named in moe_layers_enum have one shared expert."""
    return {"num_key_value_heads": data.get("num_attention_groups"), "n_shared_experts": 1, **data}


def chatglm(data: Data) -> Data:
    """ChatGLM names groups of queries, and pads its vocabulary."""
    groups = data.get("multi_query_group_num") if data.get("multi_query_attention") is True else None
    return {**data, "num_key_value_heads": groups, "attention_bias": data.get("add_qkv_bias", True),
            "intermediate_size": data.get("ffn_hidden_size"), "add_bias_linear": None, "multi_query_group_num": None}


def llama4(data: Data) -> Data:
    """Llama 4: intermediate_size is an expert's width, intermediate_size_mlp that of layers without experts."""
    return {**data, "intermediate_size": data.get("intermediate_size_mlp"),
            "moe_intermediate_size": data.get("intermediate_size"), "n_shared_experts": 1}


def qwen(data: Data) -> Data:
    """The first Qwen states both halves of the gated width together."""
    width = _whole(data.get("intermediate_size"))
    return {**data, "intermediate_size": width // 2 if width else width, "attention_bias": True}


def granite_hybrid(data: Data) -> Data:
    """Granite 4 without experts has its shared block alone."""
    if data.get("num_local_experts") in (None, 0):
        return {**data, "intermediate_size": data.get("shared_intermediate_size"), "num_local_experts": None,
                "num_experts_per_tok": None, "shared_intermediate_size": None}
    return data


def minimax_m3(data: Data) -> Data:
    """MiniMax-M3: intermediate_size is an expert's width, dense_intermediate_size that of layers without experts."""
    return {**data, "moe_intermediate_size": data.get("moe_intermediate_size") or data.get("intermediate_size"),
            "intermediate_size": data.get("dense_intermediate_size")}


def lfm2(data: Data) -> Data:
    """LFM2 rounds its inner width: 2/3 of it, times a multiplier, up to a multiple."""
    width, multiple = _whole(data.get("block_ff_dim") or data.get("intermediate_size")), _whole(
        data.get("block_multiple_of", 256))
    factor = data.get("block_ffn_dim_multiplier", 1.0)
    if data.get("block_auto_adjust_ff_dim", True) is False or not width or not multiple or multiple < 1:
        return {**data, "intermediate_size": width}
    inner = int((factor if isinstance(factor, int | float) else 1.0) * int(2 * width / 3))
    return {**data, "intermediate_size": -(-inner // multiple) * multiple, "block_ff_dim": None}


def plamo(data: Data) -> Data:
    """PLaMo shares each KV head between so many heads."""
    shared, heads = _whole(data.get("n_shared_head")), _whole(data.get("num_attention_heads"))
    return {**data, "num_key_value_heads": heads // shared if shared and heads else None, "n_shared_head": None}


def step3(data: Data) -> Data:
    """Step 3: groups of queries are KV heads, and every expert layer has one shared expert."""
    return {"num_key_value_heads": data.get("num_attention_groups"), **data, "n_shared_experts": 1}


def ernie_vl(data: Data) -> Data:
    """ERNIE 4.5 VL lists its experts for text and for pictures."""
    widths, experts = data.get("moe_intermediate_size"), data.get("moe_num_experts")
    if not isinstance(widths, list) or len(widths) != 2:
        return data
    first = experts[0] if isinstance(experts, list) and experts else experts
    return {**data, "moe_intermediate_size": widths[0], "vision_expert_width": widths[1], "moe_num_experts": first}


PREPARED: dict[str, Callable[[Data], Data]] = {
    "falcon": falcon, "minicpm3": minicpm3, "step3_text": step3_moe,
    "dbrx": dbrx, "mpt": mpt, "chatglm": chatglm, "llama4": llama4, "llama4_text": llama4, "qwen": qwen,
    "granitemoehybrid": granite_hybrid, "minimax_m3": minimax_m3, "minimax_m3_vl": minimax_m3,
    "minimax_m3_vl_text": minimax_m3, "lfm2": lfm2, "plamo": plamo, "step3p7": step3, "step3p5": step3,
    "ernie4_5_vl_moe_text": ernie_vl, "ernie4_5_moe_vl": ernie_vl, "ernie4_5_vl_moe": ernie_vl,
}
"""model_type -> how its keys become the usual ones."""
