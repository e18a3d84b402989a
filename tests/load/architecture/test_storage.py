"""How checkpoints say in which precision they store each part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load.model_config import parse_model_config, read_model_config
from tests.load.architecture.test_families import read
from tests.load.test_model_config import DEEPSEEK_V3, LLAMA, QWEN3_MOE

PLAIN = {key: value for key, value in DEEPSEEK_V3.items() if key != "quantization_config"}


def parts_of(config: dict[str, Any], quantised: dict[str, Any]) -> dict[str, str]:
    model = read(config, quantization_config=quantised)
    return {**dict(model.precision_parts), "": model.native_precision}


def test_modelopt_leaves_out_what_it_lists() -> None:
    ignored = [f"model.layers.{index}.self_attn*" for index in range(61)] + ["lm_head", "mtp.layers.0*"]
    parts = parts_of(PLAIN, {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ignored})
    assert (parts[""], parts["experts"], parts["attention"], parts["head"]) == ("fp4", "fp4", "bf16", "bf16")


def test_a_part_of_which_some_matrices_are_left_out_names_both_precisions() -> None:
    ignored = [f"model.layers.{index}.self_attn.{name}" for index in range(61)
               for name in ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj")]
    parts = parts_of(PLAIN, {"quant_method": "modelopt", "quant_algo": "NVFP4", "exclude_modules": ignored})
    assert parts["attention"] == "fp4 and bf16"  # the output projection is the larger part


def test_mixed_precision_is_read_layer_by_layer() -> None:
    listed = {f"model.layers.{index}.mlp.experts.0.{name}": {"quant_algo": "W4A16_NVFP4"}
              for index in range(48) for name in ("up_proj", "down_proj")}
    listed |= {f"model.layers.{index}.self_attn.{name}_proj": {"quant_algo": "FP8"} for index in range(48)
               for name in "qkvo"}
    quantised = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": listed,
                 "kv_cache_scheme": {"num_bits": 8, "type": "float"}}
    parts = parts_of(QWEN3_MOE, quantised)
    assert (parts[""], parts["experts"], parts["attention"], parts["kv_cache"]) == ("fp4", "fp4", "fp8", "fp8")


def test_regular_expressions_of_compressed_tensors_spare_dense_blocks_and_not_experts() -> None:
    group = {"targets": ["Linear"], "input_activations": None,
             "weights": {"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True}}
    quantised = {"quant_method": "compressed-tensors", "config_groups": {"group_0": group},
                 "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*",
                            r"re:.*mlp\.(gate|up|gate_up|down)_proj.*"]}
    model = read(PLAIN, quantization_config=quantised)
    parts = dict(model.precision_parts)
    assert (parts["experts"], parts["dense"], parts["shared"], parts["attention"]) == ("int4", "bf16", "bf16", "bf16")
    assert model.copies[0].weight_bytes == pytest.approx(0.5625)  # 4 bits and a 16-bit scale for 32 of them


def test_a_quantisation_config_beside_the_file_counts(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    (tmp_path / "hf_quant_config.json").write_text(json.dumps(
        {"quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]}}))
    model, raw = read_model_config(tmp_path / "config.json")
    assert (model.native_precision, model.native_kv_precision) == ("fp8", "fp8")
    assert model.own_precisions == ("fp8-kv8", "fp8")
    assert b"kv_cache_quant_algo" in raw  # part of what a plan's fingerprint covers


def test_the_index_of_the_weights_is_held_against_the_count(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 8_030_261_248 * 2}, "weight_map": {}}))
    model, _ = read_model_config(tmp_path / "config.json")
    assert (model.counted_from, model.notes) == ("safetensors index", "")
    index.write_text(json.dumps({"metadata": {"total_size": 8_030_261_248 * 3}, "weight_map": {}}))
    assert "24.09 GB, the shape 16.06 GB" in read_model_config(tmp_path / "config.json")[0].notes


def test_a_name_that_states_a_precision_means_it_where_no_file_says_more() -> None:
    model = parse_model_config(json.dumps(LLAMA).encode(), "acme--Llama-3.1-8B-NVFP4_config.json")
    assert model.native_precision == "fp4"
    assert "from the name" in model.notes


def test_a_name_far_from_the_count_is_told() -> None:
    model = parse_model_config(json.dumps(LLAMA).encode(), "Llama-3.1-70B/config.json")
    assert "its name says 70 billion parameters, the shape 8.03 billion" in model.notes


def test_exceptions_of_gptq_and_autoround_are_read_module_by_module() -> None:
    quantised = {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True, "lm_head": True,
                 "dynamic": {"+:.*self_attn.*": {"bits": 8}}}
    parts = parts_of(QWEN3_MOE, quantised)
    assert (parts["experts"], parts["attention"], parts["head"]) == ("int4", "w8a16", "int4")
    extra = {f"model.layers.{index}.self_attn": {"bits": 16} for index in range(48)}
    parts = parts_of(QWEN3_MOE, {"quant_method": "auto-round", "bits": 4, "group_size": 128, "extra_config": extra})
    assert (parts["experts"], parts["attention"]) == ("int4", "bf16")


def test_modelopt_s_own_file_may_stand_as_a_section() -> None:
    inner = {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]}
    parts = parts_of(LLAMA, {"producer": {"name": "modelopt"}, "quantization": inner})
    assert (parts["dense"], parts["kv_cache"], parts["head"]) == ("fp4", "fp8", "bf16")


@pytest.mark.parametrize(("key", "value"), [
    ("quantization", {"group_size": 64, "bits": 4}),  # MLX
    ("quantization_config", "fp8"), ("quantization_config", [{"quant_method": "fp8"}]),
    ("quantization_config", {"quant_method": "exl2", "bits": 4.0}),
])
def test_a_precision_that_is_not_understood_is_refused(key: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(LLAMA, **{key: value})
    assert key in caught.value.faults[0].key


def test_a_state_larger_than_any_model_s_is_refused() -> None:
    lightning = {**LLAMA, "model_type": "minimax_text_01", "attn_type_list": [0, 1] * 16, "head_dim": 10**6}
    with pytest.raises(InputError):
        read(lightning)
