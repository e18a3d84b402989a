"""The calibrated estimate: what a decode step must read, over the bandwidth, plus fitted fixed times."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import mul
from statistics import median

from optimizer.load import Catalog
from optimizer.memory import expert_split, kv_bytes_per_token_per_gpu
from optimizer.schema.calibration import Calibration
from optimizer.schema.catalog import LlmModel, Precision, ThroughputPoint
from optimizer.throughput.curve import Level, Question, SpeedCurve

LEAST_FLOPS_PER_BYTE = 116.7
"""FLOP per byte of bandwidth where a GPU's tensor speed is not known: the lowest known, A10G's 70e12 / 600e9."""

LENGTH_TOLERANCE = 0.10
"""Input and output lengths within this count as the same (the design's definition of `measured`)."""

WEIGHTS_TERM = 2
"""Position of the weights among the terms: the floor that bandwidth sets."""

DEFAULT_ERROR = {"repeat": 0.05, "interior": 0.08, "combination": 0.5, "ttft": 1.0}
"""Error bars without a calibration file, from the first look at the rows (see README, accuracy)."""


def weight_bytes_touched(model: LlmModel, precision: Precision) -> tuple[float, float]:
    """Return the weight bytes that every decode step reads, and those of all experts.

    A mixture of experts touches a share 1 - (1 - k/E)^C of its experts; an untied input embedding is looked up, not
    read.
    """
    always, experts = expert_split(model)
    lookup = 0.0 if model.tied_embeddings else model.vocabulary * model.hidden_size / 1e9
    scale = 1e9 * precision.weight_bytes
    return max(always - lookup, 0.05 * always) * scale, experts * scale


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
    """The physical constants of one replica for one kind of request, worked out once."""

    question: Question
    weights_ms: float
    """Time to read, at full bandwidth of all GPUs, the weights that every step needs."""
    experts_ms: float
    """The same for all experts together."""
    idle_fraction: float
    """Share of the experts that one token leaves idle: 1 - k/E."""
    kv_ms: float
    """Time to read the KV cache of one request of mean context, on the rank that reads it."""
    prefill_ms: float
    """Time to prefill one prompt at full tensor speed."""
    hops: float
    """Layers x log2(GPUs): all-reduce steps of a decode step."""


def replica_of(question: Question) -> Replica:
    """Work out the constants of a replica."""
    q = question
    ranks = max(q.tp_size, q.gpu_count)
    bandwidth = q.gpu.memory_bandwidth_gb_per_s * 1e9
    kv_ms = mean_context(q) * kv_bytes_per_token_per_gpu(q.model, q.precision, q.tp_size) / bandwidth * 1000
    flops = tensor_flops(q) * ranks
    prefill_ms = 2 * q.model.active_parameters_billion * 1e9 * q.isl_tokens / flops * 1000
    always, experts = (1000 * part / (bandwidth * ranks) for part in weight_bytes_touched(q.model, q.precision))
    idle = 1 - q.model.experts_per_token / q.model.experts if q.model.experts else 0.0
    return Replica(q, always, experts, idle, kv_ms, prefill_ms, q.model.layers * math.log2(ranks))


def mean_context(question: Question) -> float:
    """Return tokens that an average request in flight has in its KV cache, averaged over the layers that window it."""
    context = question.isl_tokens + question.osl_tokens / 2
    model = question.model
    if not (model.sliding_window_tokens and model.sliding_window_layers):
        return context
    windowed = min(context, model.sliding_window_tokens) * model.sliding_window_layers
    layers = model.sliding_window_layers + model.full_attention_layers
    return (windowed + context * model.full_attention_layers) / layers


def least_tpot_ms(replica: Replica, concurrency: int) -> float:
    """Return the floor that bandwidth sets: the weights that a step touches read once at full speed."""
    if not replica.experts_ms:
        return replica.weights_ms
    return replica.weights_ms + replica.experts_ms * (1 - replica.idle_fraction**concurrency)


def tpot_terms(replica: Replica, concurrency: int) -> tuple[float, ...]:
    """Return the terms whose weighted sum is the TPOT, in the order of `TpotTerms`, in milliseconds."""
    prefill = (concurrency - 1) / replica.question.osl_tokens * replica.prefill_ms
    return (1.0, float(replica.question.model.layers), least_tpot_ms(replica, concurrency), concurrency * replica.kv_ms,
            float(concurrency), prefill, replica.hops)


def ttft_terms(replica: Replica, concurrency: int, tpot_ms: float) -> tuple[float, float, float, float]:
    """Return the terms whose weighted sum is the TTFT, in the order of `TtftTerms`, in milliseconds."""
    return 1.0, replica.prefill_ms, replica.prefill_ms * (concurrency - 1) / 2, tpot_ms


def is_no_harder(point: ThroughputPoint, question: Question) -> bool:
    """Say whether a saturation row had requests no harder than those asked, so that what it reached caps them.

    Harder are a longer input, more input for each output token, and a longer context; 10% does not count. A row without
    lengths is taken as it is.
    """
    if point.isl_tokens is None or point.osl_tokens is None:
        return True
    isl, osl, most = point.isl_tokens, point.osl_tokens, 1 + LENGTH_TOLERANCE
    return (isl <= question.isl_tokens * most and isl / osl <= question.isl_tokens / question.osl_tokens * most
            and isl + osl <= (question.isl_tokens + question.osl_tokens) * most)


def saturation_tokens_per_s(catalog: Catalog, question: Question) -> float | None:
    """Return the highest output tokens/s that saturation rows of the same replica reached, None without one."""
    q, precisions = question, catalog.precisions
    tops = [
        point.output_tokens_per_s
        for point in catalog.points_on(q.model.runs_like, q.gpu.gpu_id, q.engine_id)
        if point.use == "ceiling" and point.output_tokens_per_s is not None and point.gpu_count == q.gpu_count
        and (found := precisions.get(point.precision or "")) is not None and found.runs_like == q.precision.runs_like
        and is_no_harder(point, q)
    ]
    return max(tops, default=None)


def _weighted(weights: tuple[float, ...], terms: tuple[float, ...]) -> float:
    total: float = sum(map(mul, weights, terms))
    return total


def _factor(factors: dict[str, float], engine_id: str, measured: tuple[str, ...]) -> float:
    """Return an engine's factor.

    One never seen has the worst of all; one never seen on this kind of memory at least the median of those that were.
    """
    own = factors.get(engine_id, max(factors.values(), default=1.0))
    seen = [factors[engine] for engine in measured if engine in factors]
    return max(own, median(seen)) if seen and engine_id not in measured else own


def _tpot(calibration: Calibration, replica: Replica, ceiling: float | None) -> Callable[[int], float]:
    question = replica.question
    terms = calibration.tpot.get(question.gpu.memory_kind) or next(iter(calibration.tpot.values()))
    weights = terms.coefficients
    measured = calibration.engines_measured.get(question.gpu.memory_kind, ())
    factor = _factor(calibration.engine_factors, question.engine_id, measured)

    def tpot_ms(concurrency: int) -> float:
        terms = tpot_terms(replica, concurrency)
        saturated = 0.0 if ceiling is None else 1000 * concurrency / ceiling
        return max(factor * _weighted(weights, terms), terms[WEIGHTS_TERM], saturated)

    return tpot_ms


def _ttft(calibration: Calibration, replica: Replica, tpot_ms: Callable[[int], float]) -> Callable[[int], float]:
    weights = calibration.ttft.coefficients
    measured = calibration.engines_measured.get(replica.question.gpu.memory_kind, ())
    factor = _factor(calibration.ttft_engine_factors, replica.question.engine_id, measured)
    return lambda concurrency: factor * _weighted(weights, ttft_terms(replica, concurrency, tpot_ms(concurrency)))


def curve_over(catalog: Catalog, question: Question, levels: tuple[Level, ...], proven: int) -> SpeedCurve | None:
    """Build the answer: measured levels if any, the estimate elsewhere; None without a calibration and levels."""
    calibration = catalog.calibration
    if calibration is None:
        if not levels:
            return None
        def endless(_: int) -> float:
            """Promise nothing past the last level."""
            return math.inf

        return SpeedCurve(levels, endless, endless, DEFAULT_ERROR["repeat"], DEFAULT_ERROR["interior"],
                          DEFAULT_ERROR["combination"], DEFAULT_ERROR["ttft"], proven)
    errors = {gap: calibration.errors[gap].p90_error_fraction if gap in calibration.errors else default
              for gap, default in DEFAULT_ERROR.items()}
    ceiling = saturation_tokens_per_s(catalog, question)
    replica = replica_of(question)
    tpot_ms = _tpot(calibration, replica, ceiling)
    return SpeedCurve(levels, tpot_ms, _ttft(calibration, replica, tpot_ms),
                      errors["repeat"], errors["interior"], errors["combination"], errors["ttft"], proven)


def curve_for(catalog: Catalog, question: Question) -> SpeedCurve | None:
    """Answer any question by the calibrated estimate; None without a calibration."""
    return curve_over(catalog, question, (), 0)
