"""What a replica holds as a whole, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.load import Catalog
from optimizer.memory import MemoryFit, largest_fitting_concurrency, memory_fit
from optimizer.units import GIB
from tests.memory.parts import LLAMA, Parts


def test_one_gpu_by_hand(parts: Parts) -> None:
    # L4: 0.9 x 22.0 = 19.8 GiB; weights 14.957 + 131,072 positions x 128 x 2 bytes = 0.031; activations: logits
    # 14.2 x 256 x 128,256 = 0.434, hidden 0.016, 0.1 beside them, but at least 0.8; 0.25 outside
    fit = parts.fit(LLAMA, "bf16", "l4-24gb", 1)
    assert (parts.gpu("l4-24gb").memory_usable_gib, parts.vllm.memory_fraction) == (22.0, 0.9)
    assert fit.usable_gib == pytest.approx(19.8)
    assert fit.weights_gib == pytest.approx(8_030_261_248 * 2 / GIB + 0.03125)
    assert fit.overhead_gib == pytest.approx(1.05)
    assert fit.kv_cache_gib == pytest.approx(19.8 - 8_030_261_248 * 2 / GIB - 0.03125 - 1.05)  # 3.761 GiB
    assert fit.kv_bytes_per_token == 131_072
    assert fit.kv_cache_tokens == 30_800  # 3.761 GiB / 2 MiB = 1,925 blocks of 16
    assert fit.max_concurrency(2048) == 15  # 1,925 / 128
    assert fit.request_gib(2048) == 0.25
    assert fit.state_bytes_per_request == 0.0
    assert not fit.uncertain  # 3.8 of 19.8 GiB


def test_figures_of_a_set_are_those_of_all_its_gpus(parts: Parts) -> None:
    one, two = (parts.fit(LLAMA, "bf16", "l40s-48gb", tp_size) for tp_size in (1, 2))
    assert (one.gpu_count, two.gpu_count) == (1, 2)
    assert two.weights_gib == pytest.approx(one.weights_gib + 0.03125)  # the second table of positions
    assert two.usable_gib == pytest.approx(2 * one.usable_gib)
    assert two.kv_bytes_per_token == one.kv_bytes_per_token
    assert two.request_gib(1000) == one.request_gib(1000)
    assert two.kv_cache_gib == pytest.approx(two.usable_gib - two.weights_gib - two.overhead_gib)
    assert two.kv_cache_tokens > 2 * one.kv_cache_tokens  # the weights stand only once


def test_weights_too_large_leave_nothing(parts: Parts) -> None:
    fit = parts.fit("llama-3.3-70b-instruct", "bf16", "l4-24gb", 1)
    assert fit.kv_cache_gib < 0
    assert (fit.kv_cache_tokens, fit.max_concurrency(1)) == (0, 0)
    assert fit.uncertain


def test_a_share_of_the_memory_can_be_asked_for(parts: Parts) -> None:
    default, more = parts.fit(LLAMA, "bf16", "l4-24gb", 1), parts.fit(LLAMA, "bf16", "l4-24gb", 1, memory_fraction=0.95)
    assert more.kv_cache_gib == pytest.approx(default.kv_cache_gib + 0.05 * 22.0)


def test_states_bound_the_requests_of_a_hybrid_model(parts: Parts) -> None:
    # Qwen3.5-27B on an H100: without states a request of 1,024 tokens would take 64 MiB; with them 294 MiB more
    fit = parts.fit("qwen3.5-27b", "bf16", "h100-sxm-80gb", 1)
    assert fit.state_bytes_per_request == 3 * 2 * 16 * fit.layout.block_tokens * 4096
    stateless = memory_fit(parts.model("qwen3.5-27b", state_layers=0), parts.precision(), parts.vllm,
                           parts.gpu("h100-sxm-80gb"), 1)
    assert fit.max_concurrency(1024) < stateless.max_concurrency(1024) / 4


def test_an_8_bit_cache_holds_twice_as_many_tokens(parts: Parts) -> None:
    # what vLLM logged for Llama-3.1-8B: 476,000 tokens at 16 bits, 952,032 at 8
    wide, narrow = (parts.fit(LLAMA, name, "h100-sxm-80gb", 1, memory_fraction=0.95) for name in ("bf16", "bf16-kv8"))
    assert narrow.weights_gib == wide.weights_gib
    assert wide.kv_cache_tokens == pytest.approx(476_000, rel=0.005)
    assert narrow.kv_cache_tokens == pytest.approx(952_032, rel=0.005)


def other(parts: Parts, engine_id: str, gpu: str, tp_size: int = 1, fraction: float | None = None) -> MemoryFit:
    engine = parts.catalog.engines[engine_id]
    return memory_fit(parts.model(), parts.precision(), engine, parts.gpu(gpu), tp_size, memory_fraction=fraction)


@pytest.mark.parametrize(("gpu", "tp_size", "reserved"), [
    ("t4-16gb", 1, 3.52), ("rtx-a5000-24gb", 1, 3.66), ("l40s-48gb", 2, 6.81), ("h100-sxm-80gb", 1, 13.5),
    ("h200-sxm-141gb", 8, 13.5), ("b200-sxm-180gb", 1, 25.5)])
def test_sglang_reserves_by_the_size_of_the_gpu(parts: Parts, gpu: str, tp_size: int, reserved: float) -> None:
    # (512 + 1.5 x chunk + 2 x largest graph) MiB: H100 512 + 12,288 + 1,024 = 13,824 = 13.5 GiB; 128 MiB for each GPU
    fit = other(parts, "sglang", gpu, tp_size)
    assert fit.usable_gib == pytest.approx(tp_size * parts.gpu(gpu).memory_usable_gib)
    assert fit.overhead_gib == pytest.approx(tp_size * (reserved + 0.125 * tp_size))


def test_a_share_stated_to_sglang_counts_weights_and_cache_alone(parts: Parts) -> None:
    fit = other(parts, "sglang", "h100-sxm-80gb", fraction=0.88)
    assert fit.overhead_gib == 0.0
    assert fit.kv_cache_gib == pytest.approx(0.88 * 79.2 - fit.weights_gib)


def test_tensorrt_llm_takes_a_share_of_what_is_left(parts: Parts) -> None:
    # H100: 79.2 - 14.989 - 2.5 = 61.711 GiB are left, the cache takes 0.9 of them; the sum closes
    fit = other(parts, "tensorrt-llm", "h100-sxm-80gb")
    assert fit.kv_cache_gib == pytest.approx(0.9 * (79.2 - fit.weights_gib - 2.5))
    assert fit.usable_gib == pytest.approx(79.2)
    assert fit.kv_cache_gib == pytest.approx(fit.usable_gib - fit.weights_gib - fit.overhead_gib)
    half = other(parts, "tensorrt-llm", "h100-sxm-80gb", fraction=0.45)
    assert half.kv_cache_gib == pytest.approx(fit.kv_cache_gib / 2)


def test_nothing_left_stays_negative_where_a_share_is_taken(parts: Parts) -> None:
    engine, big = parts.catalog.engines["tensorrt-llm"], parts.model("llama-3.3-70b-instruct")
    fit = memory_fit(big, parts.precision(), engine, parts.gpu("l4-24gb"), 1)
    assert fit.kv_cache_gib == pytest.approx(22.0 - fit.weights_gib - 2.5)


@given(tokens=st.integers(1, 40_000), most=st.integers(0, 600))
def test_the_largest_fitting_concurrency_fits_and_one_more_does_not(shipped: Catalog, tokens: int, most: int) -> None:
    parts = Parts(shipped)
    arguments = (parts.model(), parts.precision(), parts.vllm, parts.gpu("l40s-48gb"), 1)
    found = largest_fitting_concurrency(*arguments, tokens, most)

    def fits(count: int) -> bool:
        return memory_fit(*arguments, max_num_seqs=count).max_concurrency(tokens) >= count

    assert 0 <= found <= most
    assert found == 0 or fits(found)
    assert found == most or not fits(found + 1)
