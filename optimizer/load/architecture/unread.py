"""Keys of a config that nobody read: neutral ones, and ones that may change what the model is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizer.errors import Fault
from optimizer.load.architecture.keys import Keys
from optimizer.load.faults import shown

NEUTRAL = re.compile(
    r"^_|token|rope|rotary|dropout|pdrop|drop_rate|^init|initializer|_eps$|epsilon|^eps|cache|dtype|version|architectures"
    r"|model_type|auto_map|act$|activation|max_length|min_length|beam|penalty|temperature|^top_|topk_|_topk|n_group$"
    r"|norm_topk|scor(e|ing)|aux_loss|z_loss|loss|scal(e|ing)|softcap|soft_cap|multiplier|logit|output_|return_|use_"
    r"|quantization|pretraining_tp|ep_size|mtp|nextn|max_window_layers|gradient|id2label|label2id|problem_type|tokenizer"
    r"|torch|tie_|tied|is_decoder|is_encoder_decoder|cross_attention|pruned|finetuning|task|prefix$|words|typical|diversity"
    r"|early_stopping|do_sample|num_return|chunk_size_feed_forward|attn_implementation|_attn_imp|max_position|n_positions"
    r"|seq_length|seq_len|n_ctx|max_sequence|model_max|context|residual_in_fp32|rescale|time_step|alibi|qk_head_dim|mup"
    r"|name_or_path|license|unsloth|transformers|remove_|renorm|routed_|router_|moe_router|max_attn_value|moe_(train|eval|min)_capacity|jitter|layernorm|norm_type"
    r"|norm_eps|query_pre|clip_qkv|onnx|ignore_index|image|video|audio|vision|boi|eoi|mm_|projector|spatial|hc_|swiglu"
    r"|hidden_act|position_embedding_type|parallel_attn|apply_residual|attention_softmax|attn_temperature|floor_scale"
    r"|no_rope|use_mamba|mamba_hidden|mamba_dt_(min|max|init)|mamba_chunk|chunk_size|ssm_cfg|conv_bias|conv_use|hidden_mamba"
    r"|indexer_rope|index_topk|index_skip|index_share|o_groups|gate_lower|kda_|interleaved|moe_renormalize|num_logits"
    r"|first_k_dense|n_hash|num_hash|swa_rope|partial_|yarn|max_window|attention_chunk|moe_norm|moe_capacity|moe_gate"
    r"|moe_use|moe_multimodal|moe_layer_|max_text|interpolat|template|moe_group|moe_token|token_shift|expert_dtype|seed|pad_")
"""Names that change no weight and no cache: tokens, rotation, sampling, training, kernels."""

STRUCTURAL = re.compile(
    r"expert|moe|layer|block|head|kv_|_kv|attn|attention|window|sliding|chunk|state|ssm|mamba|conv|linear|lora|rank|latent"
    r"|index|compress|dim|size|width|hidden|intermediate|ffn|mlp|shared|pattern|freq|interval|period|offset|ratio|altup"
    r"|laurel|memory|encoder|depth|loop|recurr|engram|per_layer|d_model|n_embd|hyper|tower|adapter")
"""Names that may."""

ALWAYS = re.compile(
    r"num_(local_|routed_)?experts$|n_routed_experts|moe_num_experts|moe_intermediate|layer_types|layers_block_type"
    r"|override_pattern|layer_pattern|block_configs|kv_lora_rank|linear_num|linear_attn|mamba_d_|mamba_num|ssm_state"
    r"|compress_ratio|compress_rates|latent_size|sparse_attention_config|altup|use_cla|cla_share|engram|kv_shared"
    r"|global_head_dim|per_layer_config|routed_expert_hidden|attn_layer_period|full_attention_interval|index_head_dim"
    r"|expert_layer_period|num_loops|loop_count|attn_config$|ffn_config$|moe_config$")
"""Names that do in any family, so that no family may leave them unread."""


NEVER = re.compile(r"^mtp_|_mtp|nextn|altup_(coef|active|correct|lr)|_(alpha|beta)_factor")
"""Names that never do, though they look like it: extra prediction layers, coefficients of updates."""


OF_A_SWITCH = {"cla_share_factor": "use_cla"}
"""Key -> the switch without which it means nothing."""


def _says_nothing(name: str, data: Mapping[str, Any]) -> bool:
    """Say whether a key switches nothing on."""
    value, switch = data[name], OF_A_SWITCH.get(name)
    off = switch is not None and data.get(switch) is not True
    return off or (value in (None, False, 0, "", [], {}) and value is not True)


def unread_keys(keys: Keys, verified: bool) -> list[str]:
    """List keys with a value that nobody read and that may change what the model is."""
    left = [name for name in keys.data
            if name not in keys.read | keys.assumed and not _says_nothing(name, keys.data) and not NEVER.search(name)]
    if verified:
        return [name for name in left if ALWAYS.search(name)]
    return [name for name in left if ALWAYS.search(name) or (STRUCTURAL.search(name) and not NEUTRAL.search(name))]


def check_unread(keys: Keys, verified: bool) -> None:
    """Refuse a config with a structural key that was not understood.

    Raises:
        InputError: naming every such key.
    """
    for name in unread_keys(keys, verified):
        kind = keys.data.get("model_type")
        found = f"{shown(keys.data[name])}: gpumix does not know what this key means for {kind!r}"
        allowed = "keys whose meaning is known for this model_type"
        keys.faults.append(Fault(keys.label, keys.prefix + name, found, allowed))
    keys.check()
