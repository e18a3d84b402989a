"""Weights, KV cache and what is left, against arithmetic by hand and against what vLLM logged at start-up."""

from __future__ import annotations

import csv
import statistics
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.load import Catalog
from optimizer.memory import (
    MemoryFit,
    cached_layers,
    default_max_num_seqs,
    expert_split,
    is_large,
    kv_bytes_per_token_per_gpu,
    largest_fitting_concurrency,
    memory_fit,
    overhead_gib_per_gpu,
    weights_bytes,
)
from optimizer.schema.catalog import Engine, Gpu, LlmModel, Precision
from optimizer.units import GIB
from tests.conftest import DATA

LLAMA, DEEPSEEK, GPT_OSS = "llama-3.1-8b-instruct", "deepseek-v3", "gpt-oss-20b"


@dataclass(frozen=True)
class Parts:
    """What a fit is computed from, by short names."""

    catalog: Catalog

    def model(self, name: str) -> LlmModel:
        return self.catalog.models[name]

    def precision(self, name: str) -> Precision:
        return self.catalog.precisions[name]

    def gpu(self, name: str) -> Gpu:
        return self.catalog.gpus[name]

    @property
    def vllm(self) -> Engine:
        return self.catalog.engines["vllm"]

    def fit(self, model: str, precision: str, gpu: str, tp_size: int, **given: float | None) -> MemoryFit:
        return memory_fit(self.model(model), self.precision(precision), self.vllm, self.gpu(gpu), tp_size,
            **given)  # type: ignore[arg-type]


@pytest.fixture
def parts(shipped: Catalog) -> Parts:
    return Parts(shipped)


def test_weights_of_llama_8b(parts: Parts) -> None:
    # 8,030,261,248 parameters x 2 bytes = 14.957 GiB; at 8 bits all but the two embeddings of 128,256 x 4,096 halve
    llama, embeddings = parts.model(LLAMA), 2 * 128_256 * 4096
    assert weights_bytes(llama, parts.precision("bf16")) == 8_030_261_248 * 2
    assert weights_bytes(llama, parts.precision("bf16")) / GIB == pytest.approx(14.957, abs=0.001)
    assert weights_bytes(llama, parts.precision("fp8")) == (8_030_261_248 - embeddings) + 2 * embeddings


def test_weights_of_tied_embeddings_count_once(parts: Parts) -> None:
    llama = parts.model(LLAMA).model_copy(update={"tied_embeddings": True})
    assert weights_bytes(llama, parts.precision("fp8")) == 8_030_261_248 + 128_256 * 4096


def test_only_experts_are_quantised_where_the_precision_says_so(parts: Parts) -> None:
    # 10 billion parameters, 4 active with 2 of 8 experts: X = (10 - 4) / (1 - 2/8) = 8 in experts, 2 outside
    moe = parts.model(LLAMA).model_copy(update={
        "parameters_billion": 10.0, "active_parameters_billion": 4.0, "experts": 8, "experts_per_token": 2})
    assert expert_split(moe) == (2.0, 8.0)
    mxfp4 = parts.precision("mxfp4")
    assert mxfp4.quantises == "experts"
    assert weights_bytes(moe, mxfp4) == pytest.approx(2e9 * 2 + 8e9 * mxfp4.weight_bytes)


def test_a_dense_model_has_no_experts(parts: Parts) -> None:
    llama = parts.model(LLAMA)
    assert expert_split(llama) == (llama.parameters_billion, 0.0)


@pytest.mark.parametrize(("tp_size", "per_gpu"), [(1, 131_072), (2, 65_536), (4, 32_768), (8, 16_384)])
def test_kv_of_a_token_is_split_over_the_ranks(parts: Parts, tp_size: int, per_gpu: int) -> None:
    # 2 (K, V) x 32 layers x 8 heads x 128 x 2 bytes = 131,072 on one GPU
    assert kv_bytes_per_token_per_gpu(parts.model(LLAMA), parts.precision("bf16"), tp_size) == per_gpu


def test_more_ranks_than_kv_heads_each_hold_a_whole_head(parts: Parts) -> None:
    two_heads = parts.model(LLAMA).model_copy(update={"kv_heads": 2})
    sizes = [kv_bytes_per_token_per_gpu(two_heads, parts.precision("bf16"), tp_size) for tp_size in (1, 2, 4, 8)]
    assert sizes == [32_768, 16_384, 16_384, 16_384]  # 2 x 32 x 1 head x 128 x 2 bytes from tp 2 on


def test_latent_attention_is_whole_on_every_rank(parts: Parts) -> None:
    # DeepSeek-V3: 61 layers x (512 + 64) values x 2 bytes = 70,272
    deepseek = parts.model(DEEPSEEK)
    assert [kv_bytes_per_token_per_gpu(deepseek, parts.precision("bf16"), tp_size) for tp_size in (1, 4,
        8)] == [70_272] * 3


def test_linear_attention_keeps_no_kv(parts: Parts) -> None:
    half = parts.model(LLAMA).model_copy(update={"full_attention_layers": 16})
    assert kv_bytes_per_token_per_gpu(half, parts.precision("bf16"), 1) == 131_072 / 2


@pytest.mark.parametrize(("full", "sliding", "cached"), [
    (32, 0, 32), (0, 32, 32), (0, 0, 0),
    (21, 21, 42),  # Gemma-2-9B: two groups of 21
    (12, 12, 24),  # gpt-oss-20b
    (8, 40, 48),  # Gemma-3-12B: six groups of 8
    (10, 52, 70),  # Gemma-3-27B: seven groups of 10, the last of them padded
    (5, 29, 35),  # Gemma-3-4B
    (13, 12, 26),  # less than a quarter apart: two groups of 13
    (20, 30, 60),  # more than that: one group of 20, and two for 30
])
def test_groups_of_layers_are_padded(parts: Parts, full: int, sliding: int, cached: int) -> None:
    layers = {"full_attention_layers": full, "sliding_window_layers": sliding}
    assert cached_layers(parts.model(LLAMA).model_copy(update=layers)) == cached


def test_one_gpu_by_hand(parts: Parts) -> None:
    # L4: 0.9 x 22.0 = 19.8 GiB; weights 14.957; logits 15.44 x 256 x 128,256 = 0.472, but at least 0.8; 0.25 outside
    fit = parts.fit(LLAMA, "bf16", "l4-24gb", 1)
    gpu, over = parts.gpu("l4-24gb"), parts.vllm.overhead
    assert (gpu.memory_usable_gib, parts.vllm.memory_fraction) == (22.0, 0.9)
    assert (over.activation_floor_gib, over.non_torch_gib) == (0.8, 0.25)
    assert fit.usable_gib == pytest.approx(19.8)
    assert fit.overhead_gib == pytest.approx(1.05)
    assert fit.kv_cache_gib == pytest.approx(19.8 - 8_030_261_248 * 2 / GIB - 1.05)  # 3.793 GiB
    assert fit.kv_bytes_per_token == 131_072
    assert fit.kv_cache_tokens == 31_056  # 3.793 GiB / 131,072 bytes = 31,070 tokens = 1,941 blocks of 16
    assert fit.max_concurrency(2048) == 15
    assert not fit.uncertain  # 3.8 of 19.8 GiB


def test_figures_of_a_set_are_those_of_all_its_gpus(parts: Parts) -> None:
    one, two = (parts.fit(LLAMA, "bf16", "l40s-48gb", tp_size) for tp_size in (1, 2))
    assert (one.gpu_count, two.gpu_count) == (1, 2)
    assert two.weights_gib == pytest.approx(one.weights_gib)
    assert two.usable_gib == pytest.approx(2 * one.usable_gib)
    assert two.kv_bytes_per_token == one.kv_bytes_per_token
    assert two.kv_cache_gib == pytest.approx(two.usable_gib - two.weights_gib - two.overhead_gib)
    assert two.kv_cache_tokens > 2 * one.kv_cache_tokens  # the weights stand only once


def test_weights_too_large_leave_nothing(parts: Parts) -> None:
    fit = parts.fit("llama-3.3-70b-instruct", "bf16", "l4-24gb", 1)
    assert fit.kv_cache_gib < 0
    assert (fit.kv_cache_tokens, fit.max_concurrency(1)) == (0, 0)
    assert fit.uncertain


def test_requests_take_whole_blocks() -> None:
    fit = MemoryFit(1, 0.0, 0.0, 1.0, 1.0, kv_cache_tokens=160, usable_gib=1.0)  # 10 blocks
    assert [fit.max_concurrency(tokens) for tokens in (1, 16, 17, 32, 33, 80, 81, 160, 161)] == [10, 10, 5, 5, 3, 2, 1,
        1, 0]


def test_a_share_of_the_memory_can_be_asked_for(parts: Parts) -> None:
    default, more = parts.fit(LLAMA, "bf16", "l4-24gb", 1), parts.fit(LLAMA, "bf16", "l4-24gb", 1, memory_fraction=0.95)
    assert more.kv_cache_gib == pytest.approx(default.kv_cache_gib + 0.05 * 22.0)


def test_sequences_cost_memory_beyond_the_floor(parts: Parts) -> None:
    # H100: 15.44 bytes x 1,024 sequences x 128,256 = 1.888 GiB of logits; with 64 sequences the floor of 0.8 GiB holds
    llama, h100 = parts.model(LLAMA), parts.gpu("h100-sxm-80gb")
    assert is_large(h100, parts.vllm)
    assert default_max_num_seqs(h100, parts.vllm) == 1024
    assert overhead_gib_per_gpu(llama, parts.vllm, h100, 1, 1024) == pytest.approx(15.44 * 1024 * 128_256 / GIB + 0.25)
    assert overhead_gib_per_gpu(llama, parts.vllm, h100, 1, 64) == pytest.approx(1.05)
    assert overhead_gib_per_gpu(llama, parts.vllm, h100, 2, 64) == pytest.approx(0.8 + 2.1)


def test_an_a100_of_80_gib_is_not_large(parts: Parts) -> None:
    a100 = parts.gpu("a100-sxm-80gb")
    assert not is_large(a100, parts.vllm)
    assert default_max_num_seqs(a100, parts.vllm) == 256


@given(tokens=st.integers(1, 40_000), most=st.integers(0, 600))
def test_the_largest_fitting_concurrency_fits_and_one_more_does_not(shipped: Catalog, tokens: int, most: int) -> None:
    parts = Parts(shipped)
    arguments = (parts.model(LLAMA), parts.precision("bf16"), parts.vllm, parts.gpu("l40s-48gb"), 1)
    found = largest_fitting_concurrency(*arguments, tokens, most)

    def fits(count: int) -> bool:
        return memory_fit(*arguments, max_num_seqs=count).max_concurrency(tokens) >= count

    assert 0 <= found <= most
    assert found == 0 or fits(found)
    assert found == most or not fits(found + 1)


@dataclass(frozen=True)
class Log:
    """What one start-up of vLLM logged."""

    model_id: str
    precision: str
    gpu_id: str
    tp_size: int
    memory_fraction: float
    weights_gib: float | None
    kv_cache_gib: float
    kv_cache_tokens: int | None
    tolerance_fraction: float


def logs() -> list[Log]:
    with (DATA / "vllm_startup_logs.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Log(row["model_id"], row["precision"], row["gpu_id"], int(row["tp_size"]), float(row["memory_fraction"]),
                float(row["weights_gib"]) if row["weights_gib"] else None, float(row["kv_cache_gib"]),
                int(row["kv_cache_tokens"]) if row["kv_cache_tokens"] else None, float(row["tolerance_fraction"]))
            for row in csv.DictReader(stream)
        ]


def log_errors(parts: Parts, log: Log) -> tuple[float, float | None]:
    """Relative errors of (KV cache: tokens where logged, else GiB; weights where logged)."""
    fit = parts.fit(log.model_id, log.precision, log.gpu_id, log.tp_size, memory_fraction=log.memory_fraction)
    cache = fit.kv_cache_gib / log.tp_size / log.kv_cache_gib
    if log.kv_cache_tokens is not None:
        cache = fit.kv_cache_tokens / log.kv_cache_tokens
    return cache - 1, None if log.weights_gib is None else fit.weights_gib / log.tp_size / log.weights_gib - 1


@pytest.mark.parametrize("log", logs(),
        ids=lambda log: f"{log.model_id} {log.precision} on {log.tp_size} x {log.gpu_id}")
def test_kv_cache_and_weights_are_those_that_vllm_logged(parts: Parts, log: Log) -> None:
    cache, weights = log_errors(parts, log)
    assert abs(cache) <= log.tolerance_fraction
    assert weights is None or abs(weights) <= 0.03


def test_the_median_log_is_met_within_a_percent(parts: Parts) -> None:
    assert statistics.median(abs(log_errors(parts, log)[0]) for log in logs()) <= 0.011


@pytest.mark.parametrize("log", [log for log in logs() if log.kv_cache_tokens],
        ids=lambda log: f"{log.model_id} {log.precision} {log.gpu_id}")
def test_logged_gib_over_logged_tokens_are_the_bytes_of_a_token(parts: Parts, log: Log) -> None:
    model = parts.model(log.model_id)
    layers = model.full_attention_layers + model.sliding_window_layers
    per_token = kv_bytes_per_token_per_gpu(model, parts.precision(log.precision),
        log.tp_size) * cached_layers(model) / layers
    assert log.kv_cache_tokens is not None
    assert log.kv_cache_gib * GIB / log.kv_cache_tokens == pytest.approx(per_token, rel=0.002)
