"""config.json files of public models, their facts written out, and the parameter counts their makers publish."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.load.architecture.attention import Latent, latent
from optimizer.load.model_config import parse_model_config, same_shape
from optimizer.schema.catalog import LlmModel

LLAMA = {
    "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
        "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
}
QWEN3_MOE = {
    "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128,
    "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8,
        "decoder_sparse_step": 1,
    "mlp_only_layers": [], "vocab_size": 151936, "max_position_embeddings": 40960, "tie_word_embeddings": False,
        "sliding_window": None,
    "use_sliding_window": False, "torch_dtype": "bfloat16",
}
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
        "num_key_value_heads": 128,
    "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
        "num_experts_per_tok": 8,
    "first_k_dense_replace": 3, "moe_layer_freq": 1, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
    "v_head_dim": 128, "vocab_size": 129280, "max_position_embeddings": 163840, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
}
GEMMA2 = {  # no layer_types, no tie_word_embeddings: both are the class's own
    "model_type": "gemma2", "num_hidden_layers": 42, "hidden_size": 3584, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 256,
    "intermediate_size": 14336, "vocab_size": 256000, "max_position_embeddings": 8192, "sliding_window": 4096,
        "cache_implementation": "hybrid",
    "torch_dtype": "float32",
}
GPT_OSS = {
    "model_type": "gpt_oss", "num_hidden_layers": 24, "hidden_size": 2880, "num_attention_heads": 64,
        "num_key_value_heads": 8, "head_dim": 64,
    "intermediate_size": 2880, "num_local_experts": 32, "experts_per_token": 4, "num_experts_per_tok": 4,
        "vocab_size": 201088,
    "max_position_embeddings": 131072, "tie_word_embeddings": False, "sliding_window": 128, "attention_bias": True,
    "layer_types": ["sliding_attention", "full_attention"] * 12, "quantization_config": {"quant_method": "mxfp4"},
}
QWEN3_NEXT = {
    "model_type": "qwen3_next", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 16,
        "num_key_value_heads": 2, "head_dim": 256,
    "intermediate_size": 5120, "moe_intermediate_size": 512, "num_experts": 512, "num_experts_per_tok": 10,
        "shared_expert_intermediate_size": 512,
    "full_attention_interval": 4, "linear_num_value_heads": 32, "linear_num_key_heads": 16, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "decoder_sparse_step": 1, "vocab_size": 151936, "max_position_embeddings": 262144,
        "tie_word_embeddings": False,
}
FALCON = {
    "model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544, "num_attention_heads": 71,
        "multi_query": True,
    "new_decoder_architecture": False, "vocab_size": 65024, "max_position_embeddings": 2048,
}
GPT2_NAMES = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257,
    "n_positions": 1024}


def model_of(config: dict[str, Any], **changes: Any) -> LlmModel:
    return parse_model_config(json.dumps({**config, **changes}).encode(), "own/config.json")


@pytest.mark.parametrize(("config", "billions", "active"), [
    (LLAMA, 8.03, 8.03),
    (QWEN3_MOE, 30.5, 3.3),
    (DEEPSEEK_V3, 671.0, 37.0),  # 61 layers, 3 of them dense, one shared expert
    (GEMMA2, 9.24, 9.24),
    (FALCON, 7.0, 7.0),  # 6.92 in fact: two-matrix MLP, one KV head, tied embeddings
    (GPT2_NAMES, 0.124, 0.124),
], ids=["llama-3.1-8b", "qwen3-30b-a3b", "deepseek-v3", "gemma-2-9b", "falcon-7b", "gpt-2"])
def test_parameters_are_those_published(config: dict[str, Any], billions: float, active: float) -> None:
    model = model_of(config)
    assert model.parameters_billion == pytest.approx(billions, rel=0.02)
    assert model.active_parameters_billion == pytest.approx(active, rel=0.02)


@pytest.mark.parametrize(("config", "weights"), [
    (LLAMA, 8_030_261_248),
    (QWEN3_MOE, 30_532_122_624),
    (DEEPSEEK_V3, 671_026_419_200),
    (GEMMA2, 9_241_705_984),
    (GPT_OSS, 20_914_757_184),
    (QWEN3_NEXT, 79_674_391_296),
], ids=["llama-3.1-8b", "qwen3-30b-a3b", "deepseek-v3", "gemma-2-9b", "gpt-oss-20b", "qwen3-next-80b"])
def test_parameters_are_those_of_the_checkpoint_but_for_small_norms_and_biases(
    config: dict[str, Any], weights: int
) -> None:
    counted = model_of(config).parameters_billion * 1e9
    assert counted <= weights * (1 + 1e-12)
    assert counted == pytest.approx(weights, rel=4e-4)


def test_latent_attention_by_hand() -> None:
    # queries 10 x 4 + 4 x 2 heads x (3 + 2); keys and values 10 x (5 + 2) + 5 x 2 x (3 + 6); output 2 x 6 x 10
    def weights(rank: int | None) -> float:
        return sum(one.count for one in latent(Latent(10, 2, rank, 5, 2, 3, 6)).weights if one.part == "attention")

    assert weights(4) == 40 + 40 + 70 + 90 + 120
    assert weights(None) == 100 + 70 + 90 + 120


def test_a_model_is_named_by_its_path_unless_it_says_more() -> None:
    assert model_of(LLAMA).name == "own"  # own/config.json
    assert model_of(LLAMA, _name_or_path="acme/llama").name == "acme/llama"
    assert parse_model_config(json.dumps(LLAMA).encode(), "config.json").name == "config.json"


def test_gpt_oss_counts_its_active_parameters_without_the_input_embedding() -> None:
    # published: 20.9 B in all, 3.61 B active, of which the 201,088 x 2,880 = 0.579 B input embedding is left out
    model = model_of(GPT_OSS)
    assert model.parameters_billion == pytest.approx(20.91, rel=0.02)
    assert model.active_parameters_billion - 0.579 == pytest.approx(3.61, rel=0.02)


@pytest.mark.parametrize(("config", "model_id"), [
    (LLAMA, "llama-3.1-8b-instruct"), (QWEN3_MOE, "qwen3-30b-a3b"), (DEEPSEEK_V3, "deepseek-v3"),
        (GEMMA2, "gemma-2-9b-it"), (GPT_OSS, "gpt-oss-20b"),
])
def test_own_config_and_catalog_agree(shipped: Catalog, config: dict[str, Any], model_id: str) -> None:
    own, known = model_of(config), shipped.models[model_id]
    assert same_shape(own, known)
    for fact in ("family", "layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "attention",
        "full_attention_layers",
                 "sliding_window_layers", "sliding_window_tokens", "mla_kv_values_per_layer", "vocabulary",
                     "tied_embeddings", "experts",
                 "experts_per_token", "native_precision"):
        assert getattr(own, fact) == getattr(known, fact), fact


def test_another_shape_is_not_the_same(shipped: Catalog) -> None:
    llama = shipped.models["llama-3.1-8b-instruct"]
    assert not same_shape(model_of(LLAMA, num_hidden_layers=31), llama)
    assert not same_shape(model_of(LLAMA, intermediate_size=15000), llama)
    assert not same_shape(model_of(LLAMA, vocab_size=130000), llama)  # 1.4% more
    assert same_shape(model_of(LLAMA, vocab_size=128512), llama)  # 0.2% more


def test_latent_attention_caches_one_vector() -> None:
    model = model_of(DEEPSEEK_V3)
    assert (model.attention, model.mla_kv_values_per_layer) == ("mla", 576)  # 512 + 64


def test_every_other_gemma_layer_slides() -> None:
    model = model_of(GEMMA2)
    assert (model.full_attention_layers, model.sliding_window_layers, model.sliding_window_tokens) == (21, 21, 4096)
    assert model.tied_embeddings


def test_linear_layers_keep_no_cache() -> None:
    model = model_of(QWEN3_NEXT)
    assert (model.layers, model.full_attention_layers, model.sliding_window_layers) == (48, 12, 0)


def test_linear_layers_keep_a_state_of_fixed_size() -> None:
    # 32 value heads x 128 x 128 numbers; convolution 3 x (2 x 16 x 128 + 32 x 128) = 3 x 8,192 numbers of 2 bytes
    model = model_of(QWEN3_NEXT)
    assert (model.state_layers, model.state_bytes_per_layer) == (36, 32 * 128 * 128 * 2 + 3 * 8192 * 2)
    wide = model_of(QWEN3_NEXT, mamba_ssm_dtype="float32")
    assert wide.state_bytes_per_layer == 32 * 128 * 128 * 4 + 3 * 8192 * 2
    assert (model_of(LLAMA).state_layers, model_of(LLAMA).state_bytes_per_layer) == (0, 0.0)


def test_facts_of_a_config_are_those_of_the_catalog(shipped: Catalog) -> None:
    own, known = model_of(QWEN3_NEXT), shipped.models["qwen3-next-80b-a3b-instruct"]
    for fact in ("state_layers", "state_bytes_per_layer", "full_attention_layers", "kv_heads", "head_dim", "layers"):
        assert getattr(own, fact) == getattr(known, fact)
    assert model_of(GPT_OSS).expert_width == shipped.models["gpt-oss-20b"].expert_width == 2880


@pytest.mark.parametrize(("changes", "full", "sliding"), [
    ({"layer_types": ["sliding_attention"] * 24 + ["full_attention"] * 8, "sliding_window": 8192}, 8, 24),
    ({"layer_types": ["chunked_attention"] * 24 + ["full_attention"] * 8, "attention_chunk_size": 8192}, 32, 0),  # kept
    ({"sliding_window": 4096}, 32, 0),  # llama has none
    ({"model_type": "mistral", "sliding_window": 4096}, 0, 32),
    ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}, 32, 0),
    ({"model_type": "gemma3_text", "sliding_window": 1024}, 5, 27),  # every sixth
    ({"model_type": "gemma3_text", "sliding_window": 1024, "sliding_window_pattern": 8}, 4, 28),
])
def test_kinds_of_layers(changes: dict[str, Any], full: int, sliding: int) -> None:
    model = model_of(LLAMA, **changes)
    assert (model.full_attention_layers, model.sliding_window_layers) == (full, sliding)


def test_a_few_dense_layers_and_shared_experts_count() -> None:
    # 4 layers of 10 wide models: width 10, dense MLP 3 x 10 x 40 = 1,200; experts 3 x 10 x 5 = 150 each
    tiny = {"model_type": "qwen2_moe", "attention_bias": False, "num_hidden_layers": 4, "hidden_size": 10,
        "num_attention_heads": 2,
        "head_dim": 5,
            "intermediate_size": 40, "moe_intermediate_size": 5, "n_routed_experts": 8, "num_experts_per_tok": 2,
                "n_shared_experts": 1,
            "first_k_dense_replace": 1, "vocab_size": 100, "max_position_embeddings": 64}
    attention, embeddings, norms = 10 * 5 * 8, 2 * 100 * 10, 9 * 10
    mixed = 8 * 150 + 150 + 80 + 10  # experts, the shared one with its gate, the router
    assert model_of(tiny).parameters_billion * 1e9 == pytest.approx(
        embeddings + 4 * attention + 1200 + 3 * mixed + norms)
    assert model_of(tiny, decoder_sparse_step=2).parameters_billion * 1e9 == pytest.approx(
        embeddings + 4 * attention + 2 * 1200 + 2 * mixed + norms)  # layers 2 and 4
    assert model_of(tiny, mlp_only_layers=[3]).parameters_billion * 1e9 == pytest.approx(
        embeddings + 4 * attention + 2 * 1200 + 2 * mixed + norms)  # layers 2 and 3
    assert model_of(tiny).active_parameters_billion * 1e9 == pytest.approx(
        embeddings + 4 * attention + 1200 + 3 * (mixed - 6 * 150) + norms)


def test_a_head_dimension_that_is_not_stated_follows() -> None:
    assert model_of(LLAMA).head_dim == 128  # 4,096 / 32
    assert model_of(GPT2_NAMES).head_dim == 64


def test_kv_heads() -> None:
    assert (model_of(LLAMA).kv_heads, model_of(LLAMA).attention) == (8, "gqa")
    assert (model_of(GPT2_NAMES).kv_heads, model_of(GPT2_NAMES).attention) == (12, "mha")
    assert (model_of(FALCON).kv_heads, model_of(FALCON).attention) == (1, "mqa")


@pytest.mark.parametrize(("config", "changes", "precision"), [
    (LLAMA, {}, "bf16"), (LLAMA, {"torch_dtype": "float16"}, "fp16"), (LLAMA, {"torch_dtype": "float32"}, "bf16"),
        (LLAMA, {"torch_dtype": None}, "bf16"),
    (DEEPSEEK_V3, {}, "fp8"), (GPT_OSS, {}, "mxfp4"),
    (LLAMA, {"quantization_config": {"quant_method": "awq", "bits": 4}}, "int4"),
    (LLAMA, {"quantization_config": {"quant_method": "gptq", "bits": 8}}, "w8a16"),
    (LLAMA, {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "fp4"),
    (LLAMA, {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0": {
        "weights": {"num_bits": 4, "type": "int"}, "input_activations": None}}}}, "int4"),
    (LLAMA, {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0": {
        "weights": {"num_bits": 8, "type": "int"}, "input_activations": {"num_bits": 8}}}}}, "int8"),
    (LLAMA, {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0": {
        "weights": {"num_bits": 8, "type": "float"}, "input_activations": {"num_bits": 8}}}}}, "fp8"),
])
def test_how_the_weights_are_stored(config: dict[str, Any], changes: dict[str, Any], precision: str) -> None:
    assert model_of(config, **changes).native_precision == precision


@pytest.mark.parametrize("quantised", [
    {"quant_method": "bitsandbytes", "load_in_4bit": True}, {"quant_method": "gptq", "bits": 3},
        {"quant_method": "gptq", "bits": [4]},
    {"quant_method": "modelopt", "quant_algo": "W2"}, {},
    {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": [4]}}}},
])
def test_what_is_not_understood_is_not_guessed(quantised: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="quantization_config"):
        model_of(LLAMA, quantization_config=quantised)


def test_a_multimodal_model_keeps_its_decoder_one_level_down() -> None:
    outer = {"model_type": "gemma3", "vision_config": {"hidden_size": 1152},
        "text_config": {**LLAMA, "model_type": "gemma3_text", "sliding_window": 1024}}
    assert model_of(outer).hidden_size == 4096
    assert model_of(outer).family == "gemma3"


def test_a_vision_tower_by_hand() -> None:
    # 2 layers of width 8 and MLP 32: 4 x 8 x 9 + 2 x 8 x 32 + 32 + 40 = 872 each; patches of 4 x 4 x 3 + 1 and 10
    # positions: 59 x 8; a merger of 4 patches: 32 x 32 + 32 x 4096
    tower = {"hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 32, "patch_size": 4,
             "num_position_embeddings": 10, "spatial_merge_size": 2}
    model = model_of({"model_type": "qwen3_vl", "vision_config": tower, "text_config": LLAMA})
    assert model.vision_parameters_billion * 1e9 == pytest.approx(2 * 872 + 59 * 8 + 32 * 32 + 32 * 4096)
    assert model.parameters_billion == model_of(LLAMA).parameters_billion


def test_the_tower_of_qwen3_5_is_that_of_the_catalog(shipped: Catalog) -> None:
    # the catalog counts biases and norms of the merger too: under 0.1%
    tower = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_position_embeddings": 2304,
             "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
    decoder = {**LLAMA, "hidden_size": 5120, "head_dim": 128}
    model = model_of({"model_type": "qwen3_vl", "vision_config": tower, "text_config": decoder})
    known = shipped.models["qwen3.5-27b"].vision_parameters_billion
    assert model.vision_parameters_billion == pytest.approx(known, rel=0.001)


def test_faults_of_a_tower_are_named() -> None:
    with pytest.raises(InputError) as caught:
        model_of({"vision_config": {"hidden_size": "x", "depth": -1}, "text_config": LLAMA})
    assert [fault.key for fault in caught.value.faults] == ["vision_config.hidden_size", "vision_config.depth"]


def test_every_fault_of_a_config_is_named_once() -> None:
    with pytest.raises(InputError) as caught:
        model_of(LLAMA, hidden_size="x", vocab_size=0, num_hidden_layers=-1, max_position_embeddings=1.5)
    assert [fault.key for fault in caught.value.faults] == ["max_position_embeddings", "num_hidden_layers",
        "hidden_size", "vocab_size"]


def test_two_matrices_and_tied_embeddings_by_hand() -> None:
    # 2 layers of width 8, one head of 8, biases everywhere: attention 4 x 64 + 32, MLP 2 x 8 x 32 + 40, norms 5 x 16;
    # 50 words and 20 positions
    tiny = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 1, "vocab_size": 50, "n_positions": 20}
    assert model_of(tiny).parameters_billion * 1e9 == pytest.approx(50 * 8 + 20 * 8 + 2 * (288 + 552) + 5 * 16)
