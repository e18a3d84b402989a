"""What an engine takes beside weights and KV cache, by its version."""

from __future__ import annotations

import re

from optimizer.memory.weights import dense_width, expert_width
from optimizer.schema.catalog import Engine, EngineOverhead, Gpu, LlmModel
from optimizer.units import GIB

ACTIVATION_BYTES = 2.0
"""Bytes of one activation: 16 bits."""


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, () without one.

    >>> _release("0.10.1.1"), _release("~0.2.4"), _release("0.20.1rc1"), _release("main")
    ((0, 10, 1, 1), (0, 2, 4), (0, 20, 1), ())
    """
    found = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _at_latest(day: str) -> str:
    """Return the last month that a day, month or year can mean.

    >>> _at_latest("2024-12-14"), _at_latest("2025")
    ('2024-12', '2025-12')
    """
    return day[:7] if len(day) > 4 else f"{day}-12"


def overhead_in_force(engine: Engine, version: str | None = None, logged_on: str | None = None) -> EngineOverhead:
    """Return what an engine takes at a version; without one, at a date; without either, now.

    Args:
        version: such as 0.10.1; suffixes are ignored.
        logged_on: day, month or year of the log.
    """
    release = _release(version or "")
    for older in engine.older_overheads:
        if release and release < _release(older.before_version):
            return older.overhead
        if not release and logged_on and _at_latest(logged_on) <= older.until:
            return older.overhead
    return engine.overhead


def is_newer(engine: Engine, version: str) -> bool:
    """Say whether a version came after the one whose figures the catalog has.

    >>> from types import SimpleNamespace as Facts
    >>> is_newer(Facts(version="0.19"), "0.29.0"), is_newer(Facts(version="0.19"), "0.19.1")
    (True, False)
    """
    known, found = _release(engine.version), _release(version)
    return bool(found) and found[:len(known)] > known


def is_large(gpu: Gpu, overhead: EngineOverhead) -> bool:
    """Say whether the engine treats a GPU as large."""
    return gpu.memory_gib >= overhead.large_gpu_gib and gpu.architecture not in overhead.large_gpu_except


def default_max_num_seqs(gpu: Gpu, overhead: EngineOverhead) -> int:
    """Return the engine's own maximum of sequences on a GPU."""
    return overhead.default_max_num_seqs_large if is_large(gpu, overhead) else overhead.default_max_num_seqs


def default_batched_tokens(gpu: Gpu, overhead: EngineOverhead) -> int:
    """Return the engine's own number of tokens a step on a GPU; 0 where it is not known."""
    return overhead.batched_tokens_large if is_large(gpu, overhead) else overhead.batched_tokens


def experts_workspace_bytes(model: LlmModel, batched_tokens: int, tp_size: int) -> float:
    """Return what the experts' matrix products keep between them on a GPU, 0 without experts.

    Tokens x experts a token x (the larger of both projections' outputs + the activated one) x 2 bytes (vLLM,
    `fused_experts`).
    """
    width = expert_width(model) / tp_size
    if not width:
        return 0.0
    values = max(2 * width, float(model.hidden_size)) + width
    return batched_tokens * model.experts_per_token * values * ACTIVATION_BYTES


def dense_workspace_bytes(model: LlmModel, batched_tokens: int, tp_size: int) -> float:
    """Return what a dense feed-forward block keeps of a step: both halves of its input, their product, hidden states.

    Tokens x (3 x inner width of the rank + 2 x hidden size) x 2 bytes: 2.0 GiB for a prompt of 20,000 tokens of
    Llama-3.1-8B, where a log of vLLM 0.6 shows 2.07.
    """
    return batched_tokens * (3 * dense_width(model) / tp_size + 2 * model.hidden_size) * ACTIVATION_BYTES


def profiled_tokens(gpu: Gpu, overhead: EngineOverhead, context_tokens: int | None) -> int:
    """Return the tokens of the step that an engine tries at start: one whole prompt where it does not cut prompts."""
    step = default_batched_tokens(gpu, overhead)
    if context_tokens is None or context_tokens > overhead.whole_prompt_up_to_tokens:
        return step
    return max(step, context_tokens)


def activation_gib_per_gpu(
    model: LlmModel, overhead: EngineOverhead, tp_size: int, max_num_seqs: int, batched_tokens: int
) -> float:
    """Return GiB a GPU keeps for one step: logits, hidden states, the experts' workspace, a vision tower's."""
    logits = overhead.activation_bytes_per_sequence_and_vocabulary * max_num_seqs * model.vocabulary
    each = model.hidden_size * ACTIVATION_BYTES
    if model.vision_parameters_billion:
        each += overhead.vision_activation_bytes_per_token
    step = logits + batched_tokens * each + experts_workspace_bytes(model, batched_tokens, tp_size)
    if overhead.whole_prompt_up_to_tokens:  # later versions run the step compiled, and keep less of it
        step = max(step, dense_workspace_bytes(model, batched_tokens, tp_size))
    step /= GIB
    return max(step + overhead.activation_base_gib, overhead.activation_floor_gib)


def overhead_gib_per_gpu(
    model: LlmModel, overhead: EngineOverhead, gpu: Gpu, tp_size: int, max_num_seqs: int, batched_tokens: int
) -> float:
    """Return GiB a GPU loses to activations and to what lies outside the allocator, or what the engine reserves."""
    if overhead.reserved:
        rows = overhead.reserved
        row = next((row for row in rows if gpu.memory_gib < row.below_gib), rows[-1])
        return row.gib + overhead.reserved_gib_per_gpu * tp_size
    parallel = overhead.non_torch_parallel_large_gib if is_large(gpu, overhead) else overhead.non_torch_parallel_gib
    outside = overhead.non_torch_gib if tp_size == 1 else parallel
    return activation_gib_per_gpu(model, overhead, tp_size, max_num_seqs, batched_tokens) + outside
