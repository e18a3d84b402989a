"""What each family of models does its own way, as data; one that is not here is read by the plain rules, unverified."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rules:
    """How a family counts. The defaults are those of a Llama-like decoder."""

    gated: bool = True
    """Whether feed-forward blocks have three matrices."""
    mlp_bias: bool = False
    qkv_bias: bool = False
    """Biases where the config does not say (attention_bias, qkv_bias and the like are always read)."""
    out_bias: bool | None = None
    """None: as queries, keys and values have one where the config says so; else as stated here."""
    qk_norm: Literal["", "head", "heads", "whole"] = ""
    gate: Literal["", "wide", "heads"] = ""
    sinks: bool = False
    norms: int = 2
    """Vectors of the layer's width in its norms: two, four with norms behind the blocks, one with parallel blocks."""
    norm_bias: bool = False
    """LayerNorm with a bias in place of RMSNorm."""
    tied: bool = False
    """Whether head and embedding are one where the config does not say."""
    positions: str = ""
    """Key of the length of a learned table of positions."""
    position_offset: int = 0
    embedding_norm: bool = False
    final_norm: bool = True
    head_bias: bool = False
    window: Literal["", "all", "late", "pattern"] = ""
    """What a stated sliding_window means where no list says it."""
    pattern: int | None = None
    mixer: Literal["", "mla", "mla_sparse", "compressed", "mamba1", "mamba2", "gated_delta", "kimi_delta", "lightning",
                   "convolution"] = ""
    """Attention other than grouped-query, or what layers that do not attend have in its place."""
    build: str = ""
    """Name of a reader of its own, where layers cannot be told by these rules."""
    shared_gate: bool = False
    shared_always: bool = False
    """Whether shared_intermediate_size stands beside the experts."""
    router_bias: bool = False
    expert_bias: bool = False
    kv_groups: bool = False
    """Falcon: multi_query and new_decoder_architecture say how many KV heads there are."""
    remark: str = ""
    """What a reader must know of engines that serve the family."""
    checked: str = "transformers 5.24"
    """Against what the counting was checked; "" for a family that was not."""


LLAMA = Rules()
BIASED = Rules(qkv_bias=True, out_bias=False)
QK = Rules(qk_norm="head")
NEOX = Rules(gated=False, mlp_bias=True, qkv_bias=True, norm_bias=True)
MLA = Rules(mixer="mla")
DELTA = Rules(qk_norm="head", gate="wide", mixer="gated_delta")
OWN = "published total"


def _kin(rules: Rules, *names: str) -> dict[str, Rules]:
    return dict.fromkeys(names, rules)


FAMILIES: dict[str, Rules] = {
    **_kin(LLAMA, "llama", "granite", "cwm", "bitnet", "helium", "exaone", "internlm3", "aria_text", "iquestcoder",
           "hyperclovax", "ministral3", "dots1", "solar_open", "granitemoe", "seed_oss", "xverse", "orion",
           "yi", "aquila", "internlm", "internlm2", "baichuan", "decilm", "deepseek_vl", "skywork", "telechat",
           "llama4", "llama4_text", "llava"),
    **_kin(Rules(checked=OWN), "deepseek"),
    "solar": Rules(window="all", checked=OWN),
    "arctic": Rules(norms=3, build="residual", checked=OWN),
    "grok-1": Rules(norms=4, tied=True, checked=OWN), "grok-2": Rules(norms=4, build="residual", checked=OWN),
    "step3_text": Rules(build="step3", checked=OWN),
    **_kin(Rules(window="all"), "mistral", "ministral", "mixtral", "phi3"),
    **_kin(Rules(tied=True), "gemma", "minicpm", "ernie4_5", "smollm3", "ernie4_5_moe", "granite_swa"),
    **_kin(Rules(tied=True, build="ernie_vl"), "ernie4_5_vl_moe_text", "ernie4_5_moe_vl", "ernie4_5_vl_moe"),
    "arcee": Rules(gated=False),
    "phi3small": Rules(checked="", window="all"),
    "phimoe": Rules(window="all", qkv_bias=True, out_bias=True, norm_bias=True),
    **_kin(replace(BIASED, window="late"), "qwen2", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text",
           "qwen2_5_omni_text", "qwen2_audio", "qwen2_5_omni_thinker", "mimo"),
    "qwen2_moe": replace(BIASED, shared_gate=True, window="late"),
    "qwen": replace(BIASED, checked=OWN),
    **_kin(replace(QK, window="late"), "qwen3", "qwen3_vl_text", "qwen3_moe", "qwen3_vl_moe_text",
           "qwen3_omni_moe_text", "qwen3_vl", "qwen3_vl_moe", "qwen3_omni_moe_thinker"),
    **_kin(replace(DELTA, shared_gate=True), "qwen3_next", "qwen3_5_moe", "qwen3_5_moe_text"),
    **_kin(DELTA, "qwen3_5", "qwen3_5_text"),
    "olmo_hybrid": Rules(qk_norm="whole", mixer="gated_delta"),
    "gemma2": Rules(tied=True, norms=4, window="pattern", pattern=2),
    "vaultgemma": Rules(tied=True, window="pattern", pattern=2),
    **_kin(Rules(tied=True, norms=4, qk_norm="head", window="pattern", pattern=6), "gemma3", "gemma3_text"),
    **_kin(Rules(tied=True, build="gemma4"), "gemma4", "gemma4_text", "gemma4_unified_text"),
    **_kin(Rules(tied=True, build="gemma3n"), "gemma3n", "gemma3n_text"),
    "phi": replace(NEOX, norms=1, head_bias=True),
    **_kin(replace(NEOX, tied=True, positions="n_positions"), "gpt2", "gpt-sw3"),
    "gpt_bigcode": replace(NEOX, tied=True, positions="n_positions", kv_groups=True),
    **_kin(NEOX, "gpt_neox", "jais2"),
    **_kin(Rules(gated=False, mlp_bias=True, norms=1, norm_bias=True, head_bias=True), "gptj", "codegen"),
    "opt": replace(NEOX, tied=True, positions="max_position_embeddings", position_offset=2),
    "bloom": replace(NEOX, tied=True, embedding_norm=True),
    "mpt": Rules(gated=False, tied=True),
    "falcon": Rules(gated=False, tied=True, norms=1, norm_bias=True, kv_groups=True),
    "starcoder2": replace(NEOX, tied=True, window="all"),
    "stablelm": Rules(norm_bias=True),
    "persimmon": replace(NEOX, qk_norm="head"),
    "nemotron": Rules(gated=False, norm_bias=True),
    "nanochat": Rules(gated=False, norms=0, final_norm=False),
    "plamo": Rules(norms=1, checked=OWN),
    "plamo2": Rules(tied=True, norms=4, qk_norm="heads", build="plamo2", checked=OWN),
    "olmo": Rules(norms=0, final_norm=False),
    **_kin(Rules(qk_norm="whole"), "olmo2", "olmoe", "flex_olmo", "minimax_m2"),
    "olmo3": Rules(qk_norm="whole", window="pattern", pattern=4),
    "cohere": Rules(tied=True, norms=1),
    **_kin(Rules(tied=True, norms=1, window="pattern", pattern=4), "cohere2", "cohere2_moe"),
    **_kin(BIASED, "glm", "glm4v_moe_text", "glm4v_moe"),
    **_kin(replace(BIASED, norms=4), "glm4", "glm4v_text", "glm4v", "glm46v"),
    "chatglm": replace(BIASED, checked=OWN),
    "glm4_moe": Rules(out_bias=False),
    **_kin(MLA, "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "axk1", "mistral4", "kimi_k2", "sarvam_mla",
           "kimi_k25_text", "kimi_k25", "kimi_vl"),
    "minicpm3": Rules(mixer="mla", remark="vLLM keeps whole keys and values of this family, some 27 times this cache; "
                                          "SGLang keeps the compressed ones"),
    "youtu": Rules(tied=True, mixer="mla"),
    **_kin(Rules(mixer="mla_sparse"), "deepseek_v32", "glm_moe_dsa"),
    "deepseek_v4": Rules(mixer="compressed", build="deepseek_v4"),
    "longcat_flash": Rules(mixer="mla", build="longcat"),
    "gpt_oss": Rules(qkv_bias=True, out_bias=True, sinks=True, router_bias=True, expert_bias=True, window="pattern",
                     pattern=2),
    **_kin(Rules(qk_norm="head", window="pattern"), "exaone4", "exaone_moe"),
    "apertus": Rules(gated=False, qk_norm="head"),
    **_kin(QK, "hunyuan_v1_dense", "hunyuan_v1_moe", "hunyuan", "hy_v3", "sarvam_moe"),
    **_kin(Rules(qk_norm="head", build="minimax_m3"), "minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text"),
    **_kin(Rules(mixer="lightning"), "minimax", "minimax_text_01"),
    **_kin(Rules(build="mimo_v2"), "mimo_v2_flash", "mimo_v2"),
    **_kin(Rules(qk_norm="head", gate="heads"), "step3p7", "step3p5", "laguna"),
    "afmoe": Rules(norms=4, qk_norm="head", gate="wide", window="pattern", pattern=4),
    "bailing_moe": Rules(checked=OWN), "bailing_moe_v2": Rules(qk_norm="head", checked=OWN),
    "bailing_hybrid": Rules(mixer="kimi_delta", build="bailing_hybrid"),
    "kimi_linear": Rules(mixer="kimi_delta", build="kimi_linear"),
    "jamba": Rules(mixer="mamba1"), "bamba": Rules(mixer="mamba2"),
    "granitemoehybrid": Rules(mixer="mamba2", shared_always=True), "granitemoeshared": Rules(shared_always=True),
    **_kin(Rules(tied=True, build="mamba"), "mamba", "falcon_mamba"),
    "mamba2": Rules(build="mamba2"), "falcon_h1": Rules(build="falcon_h1"),
    "nemotron_h": Rules(gated=False, build="nemotron_h"),
    **_kin(Rules(build="nemotron_nas", checked=OWN), "nemotron-nas", "deci"),
    **_kin(Rules(tied=True, qk_norm="head", mixer="convolution"), "lfm2", "lfm2_moe"),
    "dbrx": Rules(checked=OWN),
}
"""model_type of the decoder -> rules."""

TEXT_OF = {
    "llava": "llama", "llava_next": "llama", "vipllava": "llama", "llava_next_video": "llama", "video_llava": "llama",
    "mistral3": "mistral", "pixtral": "mistral", "llava_onevision": "qwen2", "internvl": "qwen2",
    "qwen2_vl": "qwen2_vl_text", "qwen2_5_vl": "qwen2_5_vl_text", "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text", "qwen3_omni_moe": "qwen3_omni_moe_text",
    "qwen3_omni_moe_thinker": "qwen3_omni_moe_text", "qwen2_5_omni": "qwen2_5_omni_text", "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text", "gemma4": "gemma4_text", "llama4": "llama4_text", "glm4v": "glm4v_text",
    "glm4v_moe": "glm4v_moe_text", "qwen3_5": "qwen3_5_text", "qwen3_5_moe": "qwen3_5_moe_text",
    "paligemma": "gemma", "idefics3": "llama", "smolvlm": "llama", "idefics2": "mistral", "aya_vision": "cohere2",
    "cohere2_vision": "cohere2", "lfm2_vl": "lfm2", "aria": "aria_text", "kimi_k25": "deepseek_v3",
    "RefinedWeb": "falcon", "RefinedWebModel": "falcon", "step3_vl": "step3_text",
    "kimi_vl": "deepseek_v3", "kimi_k3": "kimi_linear", "minimax_m3_vl": "minimax_m3_vl_text", "emu3": "llama",
}
"""model_type of a multimodal model -> that of the decoder in it, where the decoder's section does not say."""

KIN: dict[str, tuple[str, ...]] = {"bailing_moe_v2": ("bailing_moe",), "grok-2": ("git",)}
"""Family -> other model_type under which its own configs are published."""
