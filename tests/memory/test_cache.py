"""What requests keep, against arithmetic by hand and the block counts that vLLM logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.load import Catalog
from optimizer.memory import CacheLayout, cached_layers, kv_bytes_per_token_per_gpu
from optimizer.units import GIB
from tests.memory.parts import DEEPSEEK, Parts


@pytest.mark.parametrize(("tp_size", "per_gpu"), [(1, 131_072), (2, 65_536), (4, 32_768), (8, 16_384)])
def test_kv_of_a_token_is_split_over_the_ranks(parts: Parts, tp_size: int, per_gpu: int) -> None:
    # 2 (K, V) x 32 layers x 8 heads x 128 x 2 bytes = 131,072 on one GPU
    assert kv_bytes_per_token_per_gpu(parts.model(), parts.precision(), tp_size) == per_gpu


def test_more_ranks_than_kv_heads_each_hold_a_whole_head(parts: Parts) -> None:
    two_heads = parts.model(kv_heads=2)
    sizes = [kv_bytes_per_token_per_gpu(two_heads, parts.precision(), tp_size) for tp_size in (1, 2, 4, 8)]
    assert sizes == [32_768, 16_384, 16_384, 16_384]  # 2 x 32 x 1 head x 128 x 2 bytes from tp 2 on


def test_latent_attention_is_whole_on_every_rank(parts: Parts) -> None:
    # DeepSeek-V3: 61 layers x (512 + 64) values x 2 bytes = 70,272
    deepseek = parts.model(DEEPSEEK)
    sizes = [kv_bytes_per_token_per_gpu(deepseek, parts.precision(), tp_size) for tp_size in (1, 4, 8)]
    assert sizes == [70_272] * 3


def test_linear_attention_keeps_no_kv(parts: Parts) -> None:
    half = parts.model(full_attention_layers=16)
    assert kv_bytes_per_token_per_gpu(half, parts.precision(), 1) == 131_072 / 2


def test_an_8_bit_cache_is_half_as_large(parts: Parts) -> None:
    assert kv_bytes_per_token_per_gpu(parts.model(), parts.precision("bf16-kv8"), 1) == 131_072 / 2


@pytest.mark.parametrize(("full", "sliding", "state", "cached"), [
    (32, 0, 0, 32), (0, 32, 0, 32), (0, 0, 0, 0),
    (21, 21, 0, 42),  # Gemma-2-9B: two groups of 21
    (12, 12, 0, 24),  # gpt-oss-20b
    (8, 40, 0, 48),  # Gemma-3-12B: six groups of 8
    (10, 52, 0, 70),  # Gemma-3-27B: seven groups of 10, the last of them padded
    (5, 29, 0, 35),  # Gemma-3-4B
    (13, 12, 0, 26),  # less than a quarter apart: two groups of 13
    (20, 30, 0, 60),  # more than that: one group of 20, and two for 30
    (12, 0, 36, 48),  # Qwen3-Next: one group of attention, three of states
])
def test_groups_of_layers_are_padded(parts: Parts, full: int, sliding: int, state: int, cached: int) -> None:
    model = parts.model(full_attention_layers=full, sliding_window_layers=sliding, state_layers=state)
    assert cached_layers(model) == cached


def test_a_window_takes_its_own_length_only(parts: Parts) -> None:
    # gpt-oss-120b on four A100, vLLM 0.10.1.1, 45.32 GiB free: 2 groups of 18 layers; one block of one group is
    # 18 x 2 x 2 heads x 64 x 2 bytes x 16 = 147,456 bytes; 330,008 blocks. A request of 16,384 tokens takes 1,024
    # blocks of context and (127 + 2,048) / 16 = 136 + 1 of window: the log says 284.25 at once, 2,640,144 tokens
    layout = parts.layout(parts.model("gpt-oss-120b"), tp_size=4)
    assert (layout.block_bytes, layout.context_groups, layout.window_groups) == (147_456, 1, 1)
    assert layout.request_bytes(16_384) == (1024 + 137) * 147_456
    assert layout.blocks_in(45.32 * GIB) / (1024 + 137) == pytest.approx(284.25, abs=0.01)
    assert layout.requests_in(45.32 * GIB, 16_384) == 284
    assert layout.tokens_in(45.32 * GIB) == pytest.approx(2_640_144, rel=2e-4)


def test_a_short_request_takes_no_more_of_a_window_than_it_has(parts: Parts) -> None:
    layout = parts.layout(parts.model("gpt-oss-120b"), tp_size=4)
    assert layout.request_bytes(160) == 2 * 10 * 147_456


def test_a_state_takes_whole_blocks(parts: Parts) -> None:
    # Qwen3-Next on two H200, vLLM 0.10.2, 44.59 GiB free: 512 KiB of recurrent state and 24 KiB of convolution a layer
    # and rank, 1,024 bytes a token and layer: blocks of 544 tokens (34 x 16), 12 layers a group, 7,162 blocks; a
    # request of 262,144 tokens takes 482 + 3: the log says 14.77 at once
    before = parts.vllm.older_overheads[1].overhead
    layout = parts.layout(parts.model("qwen3-next-80b-a3b-instruct"), tp_size=2, overhead=before)
    assert (layout.block_tokens, layout.state_groups, layout.state_blocks) == (544, 3, 1)
    assert layout.blocks_in(44.59 * GIB) == 7162
    assert layout.request_bytes(262_144) == (482 + 3) * layout.block_bytes
    assert layout.blocks_in(44.59 * GIB) / (482 + 3) == pytest.approx(14.77, abs=0.005)


def test_a_state_takes_two_blocks_with_prefix_caching(parts: Parts) -> None:
    # Qwen3.5-4B on one L4, vLLM 0.29, 9.1 GiB free: blocks of 528 tokens, 63 + 3 x 2 of them for 32,768: 8.17 at once
    layout = parts.layout(parts.model("qwen3.5-4b"))
    assert layout.block_tokens == 528
    assert layout.request_bytes(32_768) == 69 * layout.block_bytes
    assert layout.blocks_in(9.1 * GIB) / 69 == pytest.approx(8.17, abs=0.01)


def test_elsewhere_every_layer_keeps_the_whole_context_and_states_lie_beside(parts: Parts) -> None:
    plain = parts.vllm.overhead.model_copy(update={"grouped_cache": False})
    windows = parts.layout(parts.model("gpt-oss-120b"), overhead=plain)
    assert windows.request_bytes(16_384) == 16_384 * 2 * 36 * 8 * 64 * 2
    # Qwen3.5-4B: 24 layers x (32 heads x 128 x 128 x 4 + 3 x 8,192 x 2 bytes) = 24 x 2,146,304
    states = parts.layout(parts.model("qwen3.5-4b"), overhead=plain)
    assert states.state_bytes_per_request == 24 * 2_146_304
    assert states.request_bytes(16) == 16 * 32_768 + 24 * 2_146_304


def test_a_model_of_states_alone(parts: Parts) -> None:
    model = parts.model(full_attention_layers=0, state_layers=32, state_bytes_per_layer=2.0**20)
    for overhead in (parts.vllm.overhead, parts.vllm.overhead.model_copy(update={"grouped_cache": False})):
        layout = parts.layout(model, overhead=overhead)
        assert layout.requests_in(GIB, 10_000) == layout.requests_in(GIB, 1) > 0


def test_requests_take_whole_blocks() -> None:
    layout = CacheLayout(16, 16.0, 1)  # 10 blocks of 16 bytes
    assert [layout.requests_in(160, tokens) for tokens in (1, 16, 17, 32, 33, 80, 81, 160, 161)] == [
        10, 10, 5, 5, 3, 2, 1, 1, 0]


@given(tokens=st.integers(1, 200_000), more=st.integers(1, 5_000), free_gib=st.floats(0.1, 60.0),
       name=st.sampled_from(["gpt-oss-20b", "gemma-3-27b-it", "qwen3.5-27b", "llama-3.1-8b-instruct", DEEPSEEK]))
def test_longer_requests_never_fit_more_often(
    shipped: Catalog, tokens: int, more: int, free_gib: float, name: str
) -> None:
    parts = Parts(shipped)
    layout = parts.layout(parts.model(name))
    assert layout.requests_in(free_gib * GIB, tokens + more) <= layout.requests_in(free_gib * GIB, tokens)
    count = layout.requests_in(free_gib * GIB, tokens)
    assert count * layout.request_bytes(tokens) <= free_gib * GIB * (1 + 1e-9)
