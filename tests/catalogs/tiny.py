"""A catalog of round numbers, built in memory, so that every expected figure can be worked out in a comment.

GPU g: 20 GiB usable, 1,000 GB/s, 100 TFLOPS, 300 W. Model m: 1 B parameters, 2 GB in bf16, so its weights are read in
2 ms; 20,480 KV bytes a token. Engine e takes all memory and 2 GiB of overhead. The calibration says

    TPOT = 1 ms + 1 x weights + 0.5 ms x C       (3.5 ms at C=1, 4 ms at C=2, ...)
    TTFT = 10 ms + 1 x prefill of the own prompt (10.0256 ms for 500 tokens: 2 x 1e9 x ISL / 100e12 s = 10 ms, and
           2 x 10 layers x 8 heads x 64 x ISL^2 / 100e12 s = 0.0256 ms of attention)
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from optimizer.load import Catalog
from optimizer.schema.calibration import Calibration, FittedTerms, LeftOutErrors
from optimizer.schema.catalog import (
    Engine,
    EngineOverhead,
    EnginePrecision,
    Figure,
    FxRate,
    Gpu,
    LlmModel,
    OwnedAssumptions,
    OwnedNode,
    Part,
    Precision,
    RentedOffer,
    Site,
    ThroughputPoint,
)
from optimizer.schema.problem import Demand, Limits, Problem, RequestClass, Service, Slo
from optimizer.throughput import Question

SOURCE: dict[str, Any] = {"source_url": "https://example.org/facts", "as_of": "2026-08-21"}


def gpu(gpu_id: str = "g", **facts: Any) -> Gpu:
    """Return a GPU of round numbers."""
    return Gpu.model_validate({
        "gpu_id": gpu_id, "name": gpu_id.upper(), "vendor": "nvidia", "architecture": "ada", "compute_capability": 8.9,
        "memory_gib": 24.0, "memory_usable_gib": 20.0, "memory_bandwidth_gb_per_s": 1000.0, "memory_kind": "gddr",
        "fp16_tflops": 100.0, "max_gpus_per_node": 8, "tdp_watts": 300.0, **SOURCE, **facts})


def model(name: str = "m", **facts: Any) -> LlmModel:
    """Return a model of 1 B parameters, tied embeddings included."""
    return LlmModel.model_validate({
        "name": name, "family": "llama", "runs_like": name, "parameters_billion": 1.0, "active_parameters_billion": 1.0,
        "layers": 10, "hidden_size": 512, "attention_heads": 8, "kv_heads": 8, "head_dim": 64, "attention": "mha",
        "full_attention_layers": 10, "vocabulary": 1000, "tied_embeddings": True, "native_precision": "bf16",
        "context_limit_tokens": 8192, **SOURCE, **facts})


def engine(**facts: Any) -> Engine:
    """Return an engine that takes 2 GiB of overhead and all the rest."""
    overhead = EngineOverhead(
        activation_bytes_per_sequence_and_vocabulary=0.0, activation_floor_gib=1.0, non_torch_gib=1.0,
        non_torch_parallel_gib=1.0, non_torch_parallel_large_gib=1.0, default_max_num_seqs=256,
        default_max_num_seqs_large=256, large_gpu_gib=70.0)
    capability = EnginePrecision(min_compute_capability=8.0)
    return Engine.model_validate({
        "name": "E", "version": "1", "platforms": ("linux",), "vendors": ("nvidia",), "min_compute_capability": 7.0,
        "precisions": {"bf16": capability, "fp16": capability, "fp8": EnginePrecision(
            min_compute_capability=8.0, weight_only_below=8.9)},
        "tp_sizes": (1, 2, 4), "memory_fraction": 1.0, "overhead": overhead, **SOURCE, **facts})


def precision(name: str, weight_bytes: float, runs_like: str, **facts: Any) -> Precision:
    """Return a precision that quantises everything."""
    return Precision.model_validate({
        "name": name, "weight_bytes": weight_bytes, "runs_like": runs_like, "quantises": "all", **SOURCE, **facts})


def point(
    concurrency: int | None = 1, tpot_ms: float | None = 10.0, ttft_ms: float | None = 100.0, **facts: Any
) -> ThroughputPoint:
    """Return a measured row of model m on one GPU g with engine e, 500 tokens in and 200 out."""
    return ThroughputPoint.model_validate({
        "model_id": "m", "precision": "bf16", "gpu_id": "g", "gpu_count": 1, "tp_size": 1, "engine_id": "e",
        "engine_version": "1.0", "isl_tokens": 500, "osl_tokens": 200, "concurrency": concurrency, "ttft_ms": ttft_ms,
        "tpot_ms": tpot_ms, "use": "curve", "source_id": "lab", **SOURCE, **facts})


def ceiling(tokens_per_s: float, **facts: Any) -> ThroughputPoint:
    """Return a saturation row."""
    return point(None, None, None, use="ceiling", output_tokens_per_s=tokens_per_s, **facts)


def offer(offer_id: str = "cloud-g", price: float = 1.0, **facts: Any) -> RentedOffer:
    """Return a rented node with one GPU g."""
    return RentedOffer.model_validate({
        "offer_id": offer_id, "provider": "cloud", "region": "tokyo", "gpu_id": "g", "gpu_count": 1,
        "kind": "on_demand", "price": price, **SOURCE, **facts})


def figure(value: float, low: float | None = None, high: float | None = None) -> Figure:
    """Return an assumption with its range."""
    return Figure(value=value, low=low, high=high, as_of="2026", notes="assumed")


ASSUMPTIONS = OwnedAssumptions(
    life_years=figure(5.0), discount_fraction_per_year=figure(0.0), residual_12_months_fraction=figure(0.4),
    residual_24_months_fraction=figure(0.3), residual_36_months_fraction=figure(0.2),
    residual_60_months_fraction=figure(0.1), maintenance_fraction_per_year=figure(0.12),
    utilisation_of_tdp_fraction=figure(0.5), staff_fte_per_gpu=figure(0.05), staff_usd_per_fte_year=figure(120_000.0),
    network_fraction_of_hardware=figure(0.25), idle_of_tdp_fraction=figure(0.3), active_of_tdp_fraction=figure(0.7))

SITE = Site(name="Here", country="US", electricity_usd_per_kwh=figure(0.1), pue=figure(1.2),
            colocation_usd_per_kw_month=figure(100.0))


def node(**facts: Any) -> OwnedNode:
    """Return a server with two GPUs g for 8,000 dollars."""
    return OwnedNode.model_validate({
        "offer_id": "own-2x-g", "name": "Own", "gpu_id": "g", "gpu_count": 2, "form": "server", "sites": ("here",),
        "colocated": True, "host_watts": 400.0, "parts": (part(8000.0),), **facts})


def part(unit_price: float, **facts: Any) -> Part:
    """Return one line of a purchase."""
    return Part.model_validate({"item": "all", "unit_price": unit_price, "as_of": "2026", "notes": "assumed", **facts})


def left_out(bar: float) -> LeftOutErrors:
    """Return the errors that give an error bar of this half-width."""
    return LeftOutErrors(rows=1, median_error_fraction=0.0, p90_error_fraction=bar, bar_fraction=bar)


BARS = {"measured": 0.02, "interior": 0.08, "edge": 0.4, "curve": 0.4, "configuration": 0.4, "combination": 0.4,
        "gpu": 0.4, "model": 0.4, "rough": 0.4}

CALIBRATION = Calibration(
    tpot=FittedTerms(
        coefficients={"step_ms": 1.0, "layer_ms": 0.0, "weight_read": 1.0, "kv_read": 0.0, "sequence_ms": 0.5,
                      "prefill_share": 0.0, "allreduce_ms": 0.0},
        effects={"engine": {"e": 0.0}}),
    ttft=FittedTerms(coefficients={"base_ms": 10.0, "prefill": 1.0, "queue": 0.0, "step": 0.0},
                     effects={"engine": {"e": 0.0}}),
    tpot_errors={gap: left_out(bar) for gap, bar in BARS.items()},
    ttft_errors={gap: left_out(bar if gap in ("measured", "interior") else 0.9) for gap, bar in BARS.items()},
    rows_fitted=0, points_sha256="")


def with_coefficients(quantity: str, **coefficients: float) -> Calibration:
    """Return the calibration with other coefficients of `tpot` or `ttft`."""
    fitted: FittedTerms = getattr(CALIBRATION, quantity)
    changed = fitted.model_copy(update={"coefficients": fitted.coefficients | coefficients})
    return CALIBRATION.model_copy(update={quantity: changed})


def with_engines(**factors: float) -> Calibration:
    """Return the calibration with a factor on the TPOT for each engine."""
    effects = {"engine": {name: math.log(factor) for name, factor in factors.items()}}
    return CALIBRATION.model_copy(update={"tpot": CALIBRATION.tpot.model_copy(update={"effects": effects})})


def catalog(*points: ThroughputPoint, **tables: Any) -> Catalog:
    """Return the tiny catalog with some measured rows."""
    tiny = Catalog(
        gpus={"g": gpu()}, models={"m": model()}, engines={"e": engine()},
        precisions={"bf16": precision("bf16", 2.0, "bf16"), "fp16": precision("fp16", 2.0, "bf16"),
                    "fp8": precision("fp8", 1.0, "fp8")},
        offers={"cloud-g": offer()}, owned={}, owned_assumptions=ASSUMPTIONS, sites={"here": SITE},
        fx={"JPY": FxRate(currency="JPY", rate_per_usd=100.0, **SOURCE)}, capacities={}, points=points,
        calibration=CALIBRATION, sha256="0" * 64)
    return replace(tiny, **tables)


def overlaid(found: Catalog, **keys: Any) -> Catalog:
    """Say that some rows came from an overlay."""
    return replace(found, from_overlay={table: frozenset(ids) for table, ids in keys.items()}, overlays=("own",))


def question(found: Catalog, tp_size: int = 1, isl_tokens: int = 500, osl_tokens: int = 200, **facts: Any) -> Question:
    """Return a question about model m on GPUs g with engine e."""
    name = facts.pop("precision_id", "bf16")
    given: dict[str, Any] = {
        "model": found.models["m"], "precision_id": name, "precision": found.precisions[name], "gpu": found.gpus["g"],
        "engine_id": "e", "engine": found.engines["e"], "tp_size": tp_size, "gpu_count": tp_size,
        "isl_tokens": isl_tokens, "osl_tokens": osl_tokens, **facts}
    return Question(**given)


def problem(
    *, limits: Limits | None = None, demand: Demand | None = None, slo: Slo | None = None, **facts: Any
) -> Problem:
    """Return a problem with one service: model m for 100 requests in flight at 25 tokens/s, no headroom."""
    given: dict[str, Any] = {
        "service_id": "chat", "model": "m", "slo": slo or Slo(tokens_per_s_per_user=25.0),
        "workload": (RequestClass(isl_tokens=500, osl_tokens=200),), "headroom_fraction": 0.0, **facts}
    if given.get("kind", "sync") == "sync":
        given["demand"] = demand or Demand(peak_concurrency=100)
    return Problem(schema_version=1, name="tiny", services=(Service.model_validate(given),), limits=limits or Limits())
