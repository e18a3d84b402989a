"""`trtllm-bench throughput --report_json`: one level a file, with its set-up.

https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/bench/dataclasses/reporting.py
"""

from __future__ import annotations

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import Arrival, FoundLevel, Latency, Stated

TOOL = "trtllm-bench"

PRECISIONS = {
    ("bfloat16", None): "bf16", ("float16", None): "fp16", ("bfloat16", "FP8"): "fp8", ("float16", "FP8"): "fp8",
    ("bfloat16", "NVFP4"): "fp4", ("float16", "NVFP4"): "fp4", ("bfloat16", "W4A16_AWQ"): "int4",
    ("float16", "W4A16_AWQ"): "int4", ("float16", "W8A16"): "w8a16", ("bfloat16", "W8A16"): "w8a16",
}
"""dtype and quantisation -> the catalog's precision; others are asked for."""


def recognises(document: Document) -> bool:
    """Say whether the file has the parts of a report."""
    whole = document.whole
    return isinstance(whole, dict) and whole.keys() >= {"engine", "world_info", "request_info", "performance"}


def _latency(facts: Facts, name: str) -> Latency:
    key = f"streaming_metrics.{name}_percentiles"
    mean = facts.number(f"streaming_metrics.avg_{name}_ms", required=True)
    return Latency(mean, *(facts.number(f"{key}.{column}") for column in ("p50", "p90", "p99")))


def _stated(facts: Facts) -> Stated:
    tp, pp, world = (facts.count(f"world_info.{key}") for key in ("tp_size", "pp_size", "world_size"))
    quantised = facts.text("engine.quantization")
    gpus = world or (None if tp is None else tp * (pp or 1))
    kv = (facts.text("engine.kv_cache_dtype") or "auto").lower()
    precision = PRECISIONS.get((facts.text("engine.dtype") or "", quantised))
    return Stated(
        model=facts.text("engine.model"), engine="tensorrt-llm", engine_version=facts.text("engine.version"),
        gpu=facts.text("machine.name"), gpu_count=gpus, tp_size=tp,
        layout=f"tp{tp}" if tp == gpus else f"tp{tp}-pp{pp}" if pp and tp and gpus == tp * pp else None,
        precision=precision, kv_precision="" if kv in ("auto", "none", precision) else kv)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one report; more requests in flight than the largest batch have queued: all were sent at once."""
    facts = Facts(document.whole, document.label, "", faults)
    if not isinstance(facts.raw("streaming_metrics"), dict):
        faults.append(Fault(document.label, "streaming_metrics", "nothing", "a run with --streaming: TTFT and TPOT"))
        return []
    users = facts.number("request_info.avg_num_concurrent_requests", required=True)
    batch = facts.number("world_info.max_batch_size")
    queued = users is not None and batch is not None and users > batch
    arrival: Arrival = "burst" if queued else "closed"
    return [FoundLevel(
        tool=TOOL, place="", arrival=arrival, users=users,
        isl_tokens=facts.number("request_info.avg_input_length", required=True),
        osl_tokens=facts.number("request_info.avg_output_length", required=True),
        ttft=_latency(facts, "ttft"), tpot=_latency(facts, "tpot"),
        output_tokens_per_s=facts.number("performance.system_output_throughput_tok_s"),
        requests_per_s=facts.number("performance.request_throughput_req_s"),
        e2e_ms=facts.number("performance.avg_request_latency_ms"),
        completed=facts.count("request_info.num_requests", required=True), stated=_stated(facts),
        conversions=("TPOT leaves the first token out; the file's output throughput per user does not",
                     "requests in flight are the measured mean"),
    )]
