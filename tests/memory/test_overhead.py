"""What an engine takes beside weights and cache: by version, date, GPU, sequences and kind of model."""

from __future__ import annotations

import pytest

from optimizer.memory import default_batched_tokens, default_max_num_seqs, is_large, overhead_in_force
from optimizer.memory.overhead import activation_gib_per_gpu, experts_workspace_bytes, overhead_gib_per_gpu
from optimizer.units import GIB
from tests.memory.parts import Parts


@pytest.mark.parametrize(("version", "logged_on", "position"), [
    ("0.6.4.dev26", None, 0), ("~0.2.4", None, 0), ("0.8.2", "2026-04-22", 0),
    ("0.8.3", None, 1), ("0.10.1.1", None, 1), ("0.11.0", None, 1),
    ("0.11.1", None, 2), ("0.16.0", None, 2),
    ("0.17.0", None, 3), ("0.20.1rc1", None, 3), ("0.29.0", "2024-01", 3),
    (None, "2024-12-14", 0), (None, "2025-04", 0), (None, "2025", 2), (None, "2025-05-01", 1), (None, "2026-03-13", 2),
    (None, "2026-04-22", 3), (None, None, 3), ("", "", 3),
])
def test_the_rules_of_a_version_or_date(
    parts: Parts, version: str | None, logged_on: str | None, position: int
) -> None:
    engine = parts.vllm
    rules = [*(older.overhead for older in engine.older_overheads), engine.overhead]
    assert overhead_in_force(engine, version, logged_on) is rules[position]


def test_an_engine_without_older_rules_has_one(parts: Parts) -> None:
    sglang = parts.catalog.engines["sglang"]
    assert overhead_in_force(sglang, "0.1") is sglang.overhead


def test_sequences_cost_memory_beyond_the_floor(parts: Parts) -> None:
    # H100: 14.2 bytes x 1,024 sequences x 128,256 = 1.737 GiB; 8,192 x 4,096 x 2 bytes = 0.0625 GiB; 0.1 beside them.
    # With 64 sequences the floor of 0.8 GiB holds
    llama, h100, over = parts.model(), parts.gpu("h100-sxm-80gb"), parts.vllm.overhead
    assert is_large(h100, over)
    assert (default_max_num_seqs(h100, over), default_batched_tokens(h100, over)) == (1024, 8192)
    logits = 14.2 * 1024 * 128_256 / GIB
    assert activation_gib_per_gpu(llama, over, 1, 1024, 8192) == pytest.approx(logits + 0.0625 + 0.1)
    assert overhead_gib_per_gpu(llama, over, h100, 1, 1024, 8192) == pytest.approx(logits + 0.1625 + 0.25)
    assert overhead_gib_per_gpu(llama, over, h100, 1, 64, 8192) == pytest.approx(1.05)
    assert overhead_gib_per_gpu(llama, over, h100, 2, 64, 8192) == pytest.approx(0.8 + 2.1)


def test_an_a100_of_80_gib_is_not_large(parts: Parts) -> None:
    a100, over = parts.gpu("a100-sxm-80gb"), parts.vllm.overhead
    assert not is_large(a100, over)
    assert (default_max_num_seqs(a100, over), default_batched_tokens(a100, over)) == (256, 2048)


def test_versions_0_11_1_to_0_16_take_three_gib_more_on_h100(parts: Parts) -> None:
    # Qwen3-14B: (38.5 - 14.2) bytes x 1,024 x 151,936 = 3.52 GiB, less 0.1 base and 0.11 outside; logged 41.94 against
    # 45.34 GiB of cache at 0.16 and 0.17
    qwen, h100 = parts.model("qwen3-14b"), parts.gpu("h100-sxm-80gb")
    old, new = (overhead_gib_per_gpu(qwen, overhead_in_force(parts.vllm, version), h100, 1, 1024, 8192)
                for version in ("0.16.0", "0.17.0"))
    assert old - new == pytest.approx(45.34 - 41.94, abs=0.15)


def test_experts_need_a_workspace(parts: Parts) -> None:
    # Qwen3-30B: 8,192 tokens x 8 experts x (2,048 + 768) x 2 bytes = 0.344 GiB; split over 4 ranks 2,048 + 192
    qwen = parts.model("qwen3-30b-a3b", expert_width=768)
    assert experts_workspace_bytes(qwen, 8192, 1) == 8192 * 8 * (2048 + 768) * 2
    assert experts_workspace_bytes(qwen, 8192, 4) == 8192 * 8 * (2048 + 192) * 2
    assert experts_workspace_bytes(parts.model(), 8192, 1) == 0.0


def test_a_vision_tower_needs_more(parts: Parts) -> None:
    over = parts.vllm.overhead
    sees = parts.model(vision_parameters_billion=0.4)
    blind, seeing = (activation_gib_per_gpu(model, over, 1, 1024, 8192) for model in (parts.model(), sees))
    assert seeing - blind == pytest.approx(19_700 * 8192 / GIB)  # 0.15 GiB, what logs of v0.19 show beside the rest
