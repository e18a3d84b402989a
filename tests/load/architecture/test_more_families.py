"""Families with keys of their own, old and new, against the totals that their makers publish; what is no decoder."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load.model_config import parse_model_config
from optimizer.schema.catalog import LlmModel


def of(kind: str, hidden: int, inner: int, layers: int, heads: int, vocabulary: int, **more: Any) -> dict[str, Any]:
    return {"model_type": kind, "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "vocab_size": vocabulary, "max_position_embeddings": 4096, **more}


def read(config: dict[str, Any]) -> LlmModel:
    return parse_model_config(json.dumps(config).encode(), "own/config.json")


OPT = {"model_type": "opt", "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
       "vocab_size": 50272, "max_position_embeddings": 2048, "word_embed_proj_dim": 512}
BLOOM = {"model_type": "bloom", "n_embed": 14336, "n_layer": 70, "num_attention_heads": 112, "vocab_size": 250880}
FALCON = {"model_type": "RefinedWeb", "hidden_size": 8192, "n_layer": 60, "n_head": 128, "n_head_kv": 8,
          "vocab_size": 65024, "parallel_attn": True, "alibi": False, "bias": False}
ARCTIC = of("arctic", 7168, 4864, 35, 56, 32000, num_key_value_heads=8, num_local_experts=128, num_experts_per_tok=2,
            moe_layer_frequency=1, parallel_attn_mlp_res=True, use_residual=True, moe_train_capacity_factor=1)
GROK_2 = of("git", 8192, 32768, 64, 64, 131072, num_key_value_heads=8, head_dim=128, num_local_experts=8,
            moe_intermediate_size=16384, num_experts_per_tok=2, residual_moe=True, architectures=["Grok1ForCausalLM"])
STEP_3 = of("step3_text", 7168, 18432, 61, 64, 128815, num_attention_groups=1, head_dim=256, share_q_dim=2048,
            moe_num_experts=48, moe_top_k=3, moe_intermediate_size=5120, share_expert_dim=5120,
            moe_layers_enum=",".join(str(layer) for layer in range(4, 60)))
PLAMO_2 = of("plamo2", 2048, 8192, 16, 16, 100000, num_key_value_heads=1, hidden_size_per_head=128, mamba_num_heads=32,
             mamba_d_state=64, mamba_d_conv=4, mamba_step=2, mamba_enabled=True)
DEEPSEEK_MOE = of("deepseek", 2048, 10944, 28, 16, 102400, num_key_value_heads=16, n_routed_experts=64,
                  n_shared_experts=2, num_experts_per_tok=6, moe_intermediate_size=1408, first_k_dense_replace=1)
MINICPM_3 = of("minicpm3", 2560, 6400, 62, 40, 73448, num_key_value_heads=40, q_lora_rank=768, kv_lora_rank=256,
               qk_rope_head_dim=32, qk_nope_head_dim=64)
HUNYUAN = of("hunyuan_v1_dense", 4096, 14336, 32, 32, 128167, num_key_value_heads=8, head_dim=128, use_cla=False,
             cla_share_factor=2, tie_word_embeddings=True)


@pytest.mark.parametrize(("config", "billions", "cached"), [
    (OPT, 0.3312, 24 * 2 * 1024 * 2),
    (BLOOM, 176.25, 70 * 2 * 14336 * 2),
    (FALCON, 41.30, 60 * 2 * 8 * 64 * 2),
    (ARCTIC, 479.0, 35 * 2 * 8 * 128 * 2),  # a dense block of the layer's own width beside the experts
    (GROK_2, 269.5, 64 * 2 * 8 * 128 * 2),
    (STEP_3, 316.0, 61 * 2 * 256 * 2),  # one KV head of 256; 321 with its vision tower
    (PLAMO_2, 1.29, 8 * 2 * 128 * 2),  # every second layer attends
    (DEEPSEEK_MOE, 16.38, 28 * 2 * 2048 * 2),
    (MINICPM_3, 4.07, 62 * (256 + 32) * 2),
    (HUNYUAN, 7.5, 32 * 2 * 8 * 128 * 2),
], ids=lambda value: value["model_type"] if isinstance(value, dict) else "")
def test_parameters_and_cache(config: dict[str, Any], billions: float, cached: int) -> None:
    model = read(config)
    assert model.verified
    assert model.parameters_billion == pytest.approx(billions, rel=0.005)
    assert model.kv_values_bytes_per_token == cached


@pytest.mark.parametrize(("config", "key"), [
    (of("mistral", 4096, 14336, 32, 32, 32000, architectures=["MistralModel"]), "architectures"),  # embeddings
    ({"peft_type": "LORA", "r": 16, "base_model_name_or_path": "meta-llama/Llama-3.1-8B"}, "peft_type"),
    (of("rwkv6", 2048, 7168, 24, 32, 65536), "model_type"),
    (of("git", 768, 3072, 6, 12, 30522), "model_type"),  # the captioning model, not Grok
    ({"model_type": "hf_olmo", "d_model": 4096, "n_layers": 32, "n_heads": 32, "mlp_hidden_size": 22016,  # both halves
      "vocab_size": 50280, "max_sequence_length": 2048, "architectures": ["OLMoForCausalLM"]}, "mlp_hidden_size"),
], ids=["embeddings", "adapter", "rwkv", "git", "class-alone"])
def test_what_cannot_be_counted_is_refused_by_its_key(config: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert key in [fault.key for fault in caught.value.faults]


PIXTRAL = {"model_type": "llava", "vision_config": {"model_type": "pixtral", "image_size": 1024, "patch_size": 16},
           "text_config": {"model_type": "mistral", "head_dim": 128, "hidden_size": 5120, "intermediate_size": 14336,
                           "num_hidden_layers": 40, "num_key_value_heads": 8, "max_position_embeddings": 1024000,
                           "sliding_window": None, "vocab_size": 131072}}


def test_a_tower_takes_the_sizes_of_its_class() -> None:
    model = read(PIXTRAL)  # published: 12.68 billion
    assert model.parameters_billion + model.vision_parameters_billion == pytest.approx(12.68, rel=0.005)
    assert model.verified


def test_a_tower_that_was_never_checked_is_unverified_and_says_so() -> None:
    tower = {"model_type": "idefics2", "hidden_size": 1152, "num_hidden_layers": 27, "patch_size": 14}
    model = read({**PIXTRAL, "model_type": "idefics2", "vision_config": tower})
    assert not model.verified
    assert model.unchecked == ("towers",)


def test_the_tower_of_glm_4v_by_hand() -> None:
    tower = {"model_type": "glm4v_vision", "hidden_size": 1536, "depth": 24, "intermediate_size": 13696,
             "out_hidden_size": 4096, "patch_size": 14, "temporal_patch_size": 2, "image_size": 336}
    text = of("glm4v_text", 4096, 13696, 40, 32, 151552, num_key_value_heads=2)
    blocks = 24 * (4 * 1536**2 + 3 * 1536 * 4096)
    merger = 4 * 1536 * 4096 + 4096**2 + 3 * 4096 * 13696
    tables = (2 * 3 * 14**2 + 24**2) * 1536
    model = read({"model_type": "glm4v", "text_config": text, "vision_config": tower})
    assert model.vision_parameters_billion * 1e9 == pytest.approx(blocks + merger + tables, rel=1e-6)


def test_a_section_of_weights_that_nobody_reads_is_named_and_unverified() -> None:
    inner = of("qwen2", 3584, 18944, 28, 28, 152064, num_key_value_heads=4)
    model = read({"model_type": "ovis", "hidden_size": 3584, "llm_config": inner,
                  "visual_tokenizer_config": {"model_type": "aimv2_visual_tokenizer", "backbone_config": {}}})
    assert model.unchecked == ("towers",)
    assert "visual_tokenizer_config: its weights are not counted" in model.notes
