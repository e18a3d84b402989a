"""What a decode step and a prompt must read and compute, in milliseconds at full speed: the terms of the estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from optimizer.memory import expert_split, kv_bytes_per_token_per_gpu, memory_fit
from optimizer.schema.catalog import LlmModel, Precision
from optimizer.throughput.curve import Question

Vector: TypeAlias = npt.NDArray[np.float64]

SIXTEEN_BIT_BYTES = 2.0

LEAST_FLOPS_PER_BYTE = 116.7
"""FLOP per byte of bandwidth where a GPU's tensor speed is not known: the lowest known, A10G's 70e12 / 600e9."""

KV_ROOM = 1.1
"""Requests in flight over those whose full context fits: beyond it they queue (Qwen3-32B on 2 x H100, 4096/1024:
58 fit; TPOT is 52.6 ms at 64 in flight and 55.2 ms at 128)."""

KV_ROOM_QUANTISED = 2.2
"""The same where an 8-bit KV cache is usual but not stated (MiniMax-M2.5 fp8 on 2 x B200, 8192/1024: 42 fit at 16 bits;
46.6 ms at 128 in flight, 47.0 ms at 256)."""

FEWEST_SLOTS = 4.0
"""Where fewer requests than this seem to fit, the memory estimate is no guide to a queue."""


def weight_bytes_touched(model: LlmModel, precision: Precision) -> tuple[float, float]:
    """Return the weight bytes that every decode step reads, and those of all experts.

    A mixture of experts touches a share 1 - (1 - k/E)^C of its experts; an untied input embedding is looked up, not
    read; what a precision leaves at 16 bits is read at 16 bits.
    """
    always, experts = expert_split(model)
    table = model.vocabulary * model.hidden_size / 1e9
    read = max(always - (0.0 if model.tied_embeddings else table), 0.05 * always)
    sixteen = {"all": 0.0, "matrices": min(table, read), "experts": read}[precision.quantises]
    kept = (read - sixteen) * precision.weight_bytes + sixteen * SIXTEEN_BIT_BYTES
    return kept * 1e9, experts * precision.weight_bytes * 1e9


def computes_in_16_bits(question: Question) -> bool:
    """Say whether only the weights are small and the arithmetic stays 16-bit: by precision, or engine on this GPU."""
    if question.precision.weight_only:
        return True
    support = question.engine.precisions.get(question.precision_id)
    capability = question.gpu.compute_capability
    if support is None or support.weight_only_below is None or capability is None:
        return False
    return capability < support.weight_only_below


def tensor_flops(question: Question) -> float:
    """Return FLOP/s of one GPU for prefill; 4-bit arithmetic counts as 8-bit: the catalog states nothing faster."""
    gpu = question.gpu
    sixteen = gpu.fp16_tflops or LEAST_FLOPS_PER_BYTE * gpu.memory_bandwidth_gb_per_s / 1000
    if computes_in_16_bits(question):
        return sixteen * 1e12
    eight = {"int8": gpu.int8_tops, "fp8": gpu.fp8_tflops, "fp4": gpu.fp8_tflops, "mxfp4": gpu.fp8_tflops}
    return max(sixteen, eight.get(question.precision_id) or 0.0) * 1e12


@dataclass(frozen=True, slots=True)
class Replica:
    """The physical constants of one replica, whatever the requests; every time is at full speed of all its GPUs."""

    weights_ms: float
    """Time to read the weights that every step needs."""
    experts_ms: float
    """The same for all experts together."""
    idle_fraction: float
    """Share of the experts that one token leaves idle: 1 - k/E."""
    kv_ms_per_token: float
    """Time to read the KV cache of one token, on the rank that reads it."""
    window_tokens: float
    """Tokens that windowed layers look back."""
    windowed_fraction: float
    """Share of the cached layers that have a window."""
    prefill_ms_per_token: float
    """Arithmetic of one prompt token through the weights."""
    attention_ms_per_square: float
    """Arithmetic of attention in a prompt, per token squared."""
    layers: float
    hops: float
    """Layers x log2(GPUs): all-reduce steps of a decode step."""
    link_ms_per_token: float
    """All-reduce traffic of one token over the link to the other GPUs: in a step and in a prompt alike."""
    shares: float
    """Ranks of the attention, each with requests of its own: data parallelism."""
    kv_slots: float
    """Tokens of KV cache before requests queue, infinite where that is not known."""


ALL_REDUCES_A_LAYER, ACTIVATION_BYTES = 2, 2.0
"""One after the attention and one after the feed-forward part, of 16-bit activations (arXiv 1909.08053)."""


def link_ms_per_token(question: Question, ranks: int) -> float:
    """Return what the all-reduces of one token take at the full rate of the link; 0 where the link is not known.

    A ring moves 2 (n - 1) / n of the data past each GPU. Where GPUs do not reach each other the data pass through the
    host's memory: over the link twice.
    """
    q = question
    if ranks < 2 or q.gpu.link_gb_per_s is None:
        return 0.0
    passes = 1.0 if q.gpu.peer_to_peer else 2.0
    moved = ALL_REDUCES_A_LAYER * q.model.layers * q.model.hidden_size * ACTIVATION_BYTES * 2 * (ranks - 1) / ranks
    return moved * passes / (q.gpu.link_gb_per_s * 1e6)


def replica_of(question: Question) -> Replica:
    """Work out the constants of a replica.

    With data parallelism of the attention every rank reads the attention's weights, which the tensor-parallel ranks of
    a group share; the experts are spread over all GPUs.
    """
    q, model = question, question.model
    ranks, shares = max(q.tp_size, q.gpu_count), max(1, q.layout.dp_size)
    bandwidth, flops = q.gpu.memory_bandwidth_gb_per_s * 1e6, tensor_flops(q) * ranks / 1000
    always, experts = weight_bytes_touched(model, q.precision)
    cached = model.full_attention_layers + model.sliding_window_layers
    square = 2 * model.full_attention_layers * model.attention_heads * model.head_dim
    windowed = model.sliding_window_tokens and model.sliding_window_layers
    return Replica(
        weights_ms=always / (bandwidth * ranks / shares),
        experts_ms=experts / (bandwidth * ranks),
        idle_fraction=1 - model.experts_per_token / model.experts if model.experts else 0.0,
        kv_ms_per_token=kv_bytes_per_token_per_gpu(model, q.precision, q.tp_size) / bandwidth,
        window_tokens=float(model.sliding_window_tokens or 0),
        windowed_fraction=model.sliding_window_layers / cached if windowed else 0.0,
        prefill_ms_per_token=2 * model.active_parameters_billion * 1e9 / flops,
        attention_ms_per_square=square / flops,
        layers=float(model.layers),
        hops=model.layers * math.log2(ranks),
        link_ms_per_token=link_ms_per_token(q, ranks),
        shares=float(shares),
        kv_slots=kv_slots(q),
    )


def kv_slots(question: Question) -> float:
    """Return tokens of KV cache that requests may take before they queue, infinite where that is not known."""
    q = question
    if q.gpu_count != q.tp_size:
        return math.inf
    room = KV_ROOM_QUANTISED if q.precision.weight_bytes < SIXTEEN_BIT_BYTES else KV_ROOM
    return memory_fit(q.model, q.precision, q.engine, q.gpu, q.tp_size).kv_cache_tokens * room


def least_tpot_ms(replica: Replica, concurrency: int) -> float:
    """Return the floor that bandwidth sets: the weights that a step touches read once at full speed."""
    return replica.weights_ms + replica.experts_ms * (1 - replica.idle_fraction**concurrency)


in_order = attrgetter(*(one.name for one in fields(Replica)))
"""The constants of a replica, in the order in which they are declared."""


@dataclass(frozen=True, slots=True)
class Loads:
    """Replicas with their requests as columns (rows x 1), to be worked out at many numbers of requests in flight."""

    replicas: tuple[Vector, ...]
    """The fields of `Replica` in their order."""
    isl: Vector
    osl: Vector
    whole: Vector
    """1 where the time is that of a whole request over its output tokens, so that its own prompt is inside, else 0."""

    @staticmethod
    def of(replicas: list[Replica], isl: list[int], osl: list[int], whole: list[bool] | None = None) -> Loads:
        """Stack replicas and the lengths of their requests."""
        columns = np.array([in_order(replica) for replica in replicas], dtype=float)
        lengths = np.array([isl, osl], dtype=float)[:, :, None]
        inside = np.array(whole if whole is not None else [False] * len(replicas), dtype=float)[:, None]
        return Loads(tuple(columns[:, [index]] for index in range(columns.shape[1])), lengths[0], lengths[1], inside)


SLOTS = [one.name for one in fields(Replica)].index("kv_slots")
"""Position of the KV cache's room among the fields."""


def in_service(loads: Loads, counts: Vector) -> Vector:
    """Return requests that a replica serves at once of those in flight: no more than its KV cache holds."""
    slots = loads.replicas[SLOTS] / (loads.isl + loads.osl / 2)
    return np.asarray(np.where(slots >= FEWEST_SLOTS, np.minimum(counts, slots), counts))


def prompt_ms(loads: Loads) -> Vector:
    """Return the arithmetic of one prompt at full speed: weights and attention."""
    return np.asarray(loads.replicas[6] * loads.isl + loads.replicas[7] * loads.isl**2)


def tpot_terms(loads: Loads, counts: Vector) -> Vector:
    """Return the terms whose weighted sum is the TPOT, in the order of `TPOT_TERMS`.

    Args:
        loads: n replicas.
        counts: requests in flight, n x k or k.

    Returns:
        Milliseconds, 9 x n x k.
    """
    weights, experts, idle, kv, window, windowed, arithmetic, _, layers, hops, link, shares, _ = loads.replicas
    served = in_service(loads, counts)
    context = loads.isl + loads.osl / 2
    context = context * (1 - windowed) + np.minimum(context, window) * windowed
    others = (served - 1 + loads.whole) / loads.osl
    ones = np.ones_like(served)
    floor = weights + experts * (1 - idle**served)
    return np.stack([ones, layers * ones, floor, served / shares * kv * context, served, served * arithmetic,
                     others * prompt_ms(loads), hops * ones, (served + others * loads.isl) * link])


KV_MAY_BE_SMALLER = 0.5
"""An 8-bit KV cache is usual with quantised weights and often not stated, so that half of it is sure to be read."""

FLOPS_MAY_BE_MORE = 0.5
"""4-bit arithmetic is counted as 8-bit, and runs at up to twice its rate."""


def least_ms(terms: Vector) -> Vector:
    """Return the least TPOT that physics allows: no resource is used above its peak.

    The longest of three times at full speed: what the memory must give (weights and cache), what must be computed (a
    token of each request, and the prompts that come between), and what must pass the link. Everything else may overlap.

    Args:
        terms: in the order of `TPOT_TERMS`.
    """
    _, _, weights, cache, _, tokens, prompts, _, link = terms
    memory = weights + KV_MAY_BE_SMALLER * cache
    return np.asarray(np.maximum(np.maximum(memory, FLOPS_MAY_BE_MORE * (tokens + prompts)), link))


def ttft_terms(loads: Loads, counts: Vector, tpot_ms: Vector) -> Vector:
    """Return the terms whose weighted sum is the TTFT, in the order of `TTFT_TERMS`: 5 x n x k milliseconds."""
    prompt, link = prompt_ms(loads), loads.replicas[10] * loads.isl
    ones = np.ones_like(tpot_ms)
    half_the_others = (in_service(loads, counts) - 1) / 2
    return np.stack([ones, prompt * ones, prompt * half_the_others, tpot_ms, link * (1 + half_the_others)])
