"""Families read layer by layer, against what their makers publish and what engines were seen to keep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.load.model_config import parse_model_config
from optimizer.schema.catalog import LlmModel
from tests.load.architecture.configs import (
    DBRX,
    DEEPSEEK_V4_FLASH,
    FALCON_H1,
    JAMBA,
    KIMI_LINEAR,
    LLAVA,
    MAMBA,
    MIMO,
    NEMOTRON_H,
)
from tests.memory.parts import Parts


def read(config: dict[str, Any], **changes: Any) -> LlmModel:
    return parse_model_config(json.dumps({**config, **changes}).encode(), "own/config.json")


@pytest.mark.parametrize(("config", "billions", "active", "cached"), [
    (JAMBA, 51.57, 12.1, 4 * 2 * 8 * 128 * 2),  # 4 of 32 layers attend, experts in every second
    (DBRX, 131.6, 36.5, 40 * 2 * 8 * 128 * 2),
    (KIMI_LINEAR, 49.1, 3.48, 7 * 576 * 2),  # 7 of 27 layers keep latent keys and values
    (NEMOTRON_H, 31.58, 3.58, 6 * 2 * 2 * 128 * 2),  # 23 Mamba-2, 23 experts, 6 attention
    (DEEPSEEK_V4_FLASH, 284.3, 13.8, 3915),  # traced in vLLM 0.30
    (MIMO, 308.8, 15.4, 9 * 4 * (192 + 128) * 2),  # 39 layers slide
    (FALCON_H1, 7.586, 7.586, 44 * 2 * 2 * 128 * 2),  # attention and Mamba-2 side by side
    (MAMBA, 2.77, 2.77, 0),
    (LLAVA, 6.74, 6.74, 32 * 2 * 32 * 128 * 2),
], ids=lambda value: value["model_type"] if isinstance(value, dict) else "")
def test_parameters_and_cache(config: dict[str, Any], billions: float, active: float, cached: int) -> None:
    model = read(config)
    assert model.verified
    assert model.parameters_billion == pytest.approx(billions, rel=0.002)
    assert model.active_parameters_billion == pytest.approx(active, rel=0.005)
    assert model.kv_values_bytes_per_token == cached


def test_a_decoder_in_a_section_takes_the_defaults_of_its_class_and_says_so() -> None:
    model = read(LLAVA)
    assert model.parameters_billion + model.vision_parameters_billion == pytest.approx(7.06, rel=0.002)
    assert "num_hidden_layers" in model.notes


def test_a_model_of_states_alone_keeps_a_state_and_no_cache_that_grows() -> None:
    # 64 layers x (5,120 x 16 numbers of 2 bytes + 3 columns of 5,120 at 2 bytes)
    model = read(MAMBA)
    assert (model.attention, model.context_limit_tokens, model.native_precision) == ("none", 2048, "bf16")
    assert sum(kind.layers * kind.state_bytes for kind in model.kinds) == 64 * (5120 * 16 * 2 + 3 * 5120 * 2)


def test_a_state_and_its_request_are_those_that_were_traced(shipped: Catalog) -> None:
    # Nemotron 3.5 Lightning in vLLM: a request of 262,144 tokens takes 1,725,628,416 bytes
    layout = Parts(shipped).layout(read(NEMOTRON_H))
    assert layout.request_bytes(262_144) == 1_725_628_416


@pytest.mark.parametrize(("context", "in_flight", "taken"), [
    (1_048_576, 16_384, 10_802_142_720), (262_144, 16_384, 7_723_261_440), (1_048_576, 4_096, 5_798_960_640),
    (262_144, 4_096, 2_720_079_360),
])
def test_compressed_caches_are_those_that_were_traced(
    shipped: Catalog, context: int, in_flight: int, taken: int
) -> None:
    layout = Parts(shipped).layout(read(DEEPSEEK_V4_FLASH), batched_tokens=in_flight)
    assert layout.request_bytes(context) + layout.step_bytes == pytest.approx(taken, abs=8)


def test_4_bit_experts_in_an_8_bit_checkpoint() -> None:
    model = read(DEEPSEEK_V4_FLASH)
    parts = dict(model.precision_parts)
    assert (model.native_precision, parts["experts"], parts["shared"], parts["head"]) == ("fp4", "fp4", "fp8", "bf16")
    assert model.copies[0].quantises == "experts"


@pytest.mark.parametrize(("config", "changes", "key"), [
    (JAMBA, {"layer_types": ["deepseek_dreams"] * 32}, "layer_types"),  # an unknown kind never means no cache
    (JAMBA, {"model_type": "newcomer"}, "layer_types"),  # layers that such a family is not known to have
    (KIMI_LINEAR, {"linear_attn_config": {}}, "linear_attn_config.full_attn_layers"),
    (NEMOTRON_H, {"hybrid_override_pattern": "M?" * 26}, "hybrid_override_pattern"),
    (DEEPSEEK_V4_FLASH, {"compress_ratios": [3] * 43}, "compress_ratios"),
    (MIMO, {"hybrid_layer_pattern": None}, "hybrid_layer_pattern"),
    (DBRX, {"model_type": "qwen3_moe", "ffn_config": None}, "num_experts"),
    ({**LLAVA["text_config"], "hidden_size": 64}, {"num_key_value_heads": 2}, "num_hidden_layers"),
    (LLAVA, {"model_type": "xlm-roberta"}, "model_type"),
    (MAMBA, {"model_type": "t5"}, "model_type"),
    (MAMBA, {"model_type": "rwkv"}, "model_type"),
    (JAMBA, {"architectures": ["LlamaForSequenceClassification"]}, "architectures"),
])
def test_what_is_not_understood_is_refused(config: dict[str, Any], changes: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    assert any(key in fault.key for fault in caught.value.faults)


def test_a_family_that_was_never_checked_is_counted_and_says_so() -> None:
    plain = {"model_type": "newcomer", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 256, "vocab_size": 100, "max_position_embeddings": 128}
    assert not read(plain).verified
    with pytest.raises(InputError, match="latent_experts"):
        read(plain, num_latent_experts=8)
