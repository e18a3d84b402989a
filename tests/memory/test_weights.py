"""Weights against arithmetic by hand: what is quantised, what stays at 16 bits, what stands on several ranks."""

from __future__ import annotations

import pytest

from optimizer.memory import expert_split, expert_width, stored_weights, weight_parts, weights_bytes
from optimizer.memory.weights import padding_fraction
from optimizer.schema.catalog import StoredCopy
from optimizer.units import GIB
from tests.memory.parts import GPT_OSS, Parts

PARAMETERS = 8_030_261_248
EMBEDDINGS = 2 * 128_256 * 4096


def test_weights_of_llama_8b(parts: Parts) -> None:
    # 8,030,261,248 parameters x 2 bytes = 14.957 GiB; at 8 bits all but the two embeddings of 128,256 x 4,096 halve
    llama = parts.model()
    assert weights_bytes(llama, parts.precision("bf16")) == PARAMETERS * 2
    assert weights_bytes(llama, parts.precision("bf16")) / GIB == pytest.approx(14.957, abs=0.001)
    assert weights_bytes(llama, parts.precision("fp8")) == (PARAMETERS - EMBEDDINGS) + 2 * EMBEDDINGS


def test_weights_of_tied_embeddings_count_once(parts: Parts) -> None:
    llama = parts.model(tied_embeddings=True)
    assert weights_bytes(llama, parts.precision("fp8")) == PARAMETERS + 128_256 * 4096


def test_scales_are_a_part_of_their_own(parts: Parts) -> None:
    # 4 bits a weight and 0.02 bytes of scale and zero point: groups of 128 with 16 + 4 bits = 0.0195
    fit = weight_parts(parts.model(), parts.precision("int4"))
    assert fit.plain == 2 * EMBEDDINGS
    assert fit.quantised == pytest.approx(0.5 * (PARAMETERS - EMBEDDINGS))
    assert fit.scales == pytest.approx(0.02 * (PARAMETERS - EMBEDDINGS))
    assert fit.total == pytest.approx(fit.plain + fit.quantised + fit.scales + fit.positions)


def test_only_experts_are_quantised_where_the_precision_says_so(parts: Parts) -> None:
    # 10 billion parameters, 4 active with 2 of 8 experts: X = (10 - 4) / (1 - 2/8) = 8 in experts, 2 outside
    moe = parts.model(parameters_billion=10.0, active_parameters_billion=4.0, experts=8, experts_per_token=2)
    assert expert_split(moe) == (2.0, 8.0)
    mxfp4 = parts.precision("mxfp4")
    assert mxfp4.quantises == "experts"
    assert weights_bytes(moe, mxfp4) == pytest.approx(2e9 * 2 + 8e9 * mxfp4.weight_bytes)


@pytest.mark.parametrize(("name", "experts", "per_layer", "layers"), [
    ("gpt-oss-20b", 32, 24_891_840, 24), ("gpt-oss-120b", 128, 24_891_840, 36)])
def test_experts_of_gpt_oss(parts: Parts, name: str, experts: int, per_layer: int, layers: int) -> None:
    # one expert: gate and up 2880 x 5760 + 5760, down 2880 x 2880 + 2880 = 24,891,840; published sizes 12.8, 60.8 GiB
    model = parts.model(name)
    assert expert_split(model)[1] * 1e9 == pytest.approx(experts * per_layer * layers, rel=1e-6)
    published = {"gpt-oss-20b": 12.8, "gpt-oss-120b": 60.8}[name]
    assert weights_bytes(model, parts.precision("mxfp4")) / GIB == pytest.approx(published, rel=0.005)


def test_a_dense_model_has_no_experts(parts: Parts) -> None:
    llama = parts.model()
    assert expert_split(llama) == (llama.parameters_billion, 0.0)
    assert expert_width(llama) == 0.0


def test_the_width_of_an_expert_follows_from_the_parameters(parts: Parts) -> None:
    assert expert_width(parts.model("qwen3-30b-a3b")) == pytest.approx(768, rel=0.001)
    assert expert_width(parts.model("llama-4-scout-17b-16e-instruct")) == pytest.approx(8192, rel=0.001)
    assert expert_width(parts.model(GPT_OSS)) == 2880.0


def test_a_vision_tower_stays_at_16_bits_and_may_stand_on_every_rank(parts: Parts) -> None:
    split, whole = (parts.model(vision_parameters_billion=0.5, vision_split=split) for split in (True, False))
    int4 = parts.precision("int4")
    assert weight_parts(split, int4).vision == 1e9
    assert weight_parts(split, int4, None, 4).total - weight_parts(parts.model(), int4, None, 4).total == 1e9
    assert weight_parts(whole, int4, None, 4).total - weight_parts(split, int4, None, 4).total == 3e9


def test_kv_projections_are_copied_where_ranks_outnumber_heads(parts: Parts) -> None:
    # K and V of 6 more heads in 32 layers: 2 x 32 x 4096 x 128 x 6 weights of 2 bytes
    two_heads = parts.model(kv_heads=2)
    assert weight_parts(two_heads, parts.precision(), None, 2).copies == 0.0
    assert weight_parts(two_heads, parts.precision(), None, 8).copies == 2 * 32 * 4096 * 128 * 6 * 2


def test_rotary_positions_stand_on_every_rank(parts: Parts) -> None:
    # Llama 4 Scout: 10,485,760 positions x 128 x 2 bytes = 2.5 GiB, which vLLM's log of four ranks shows
    scout = parts.model("llama-4-scout-17b-16e-instruct")
    assert weight_parts(scout, parts.precision(), None, 4).positions == 4 * 2.5 * GIB
    assert weight_parts(scout, parts.precision(), None, 4).total / 4 / GIB == pytest.approx(53.12, rel=0.01)


def test_experts_are_padded_to_the_blocks_of_the_kernel(parts: Parts) -> None:
    # Marlin: hidden 2880 -> 3072; width 2880 -> 2944 on one GPU, 1440 -> 1536 on two
    marlin, gpt_oss = parts.vllm.precisions["mxfp4"], parts.model(GPT_OSS)
    assert padding_fraction(gpt_oss, marlin, 1) == pytest.approx(3072 / 2880 * 2944 / 2880 - 1)
    assert padding_fraction(gpt_oss, marlin, 2) == pytest.approx(3072 / 2880 * 1536 / 1440 - 1)
    assert padding_fraction(gpt_oss, None, 1) == padding_fraction(parts.model(), marlin, 1) == 0.0
    assert padding_fraction(gpt_oss, parts.vllm.precisions["bf16"], 1) == 0.0


def test_a_published_copy_may_be_stored_otherwise(parts: Parts) -> None:
    # Kimi-K2.5: experts only, groups of 32: 4.5 bits; 1014.686 x 0.5625 + 11.722 x 2 = 594.2 GB and the vision tower
    kimi, int4 = parts.model("kimi-k2.5"), parts.precision("int4")
    assert weights_bytes(kimi, int4) / 1e9 == pytest.approx(594.2 + 0.94, abs=0.2)
    own = StoredCopy(precision="fp8", weight_bytes=1.03, quantises="experts")
    assert stored_weights(parts.model(copies=(own,)), parts.precision("fp8")) is own
    assert stored_weights(parts.model(copies=(own,)), int4) is int4
