"""The benchmark report 0.2 of llm-d, in YAML or JSON, which inference-perf and others write too.

https://github.com/llm-d/llm-d-benchmark, llmdbenchmark/analysis/benchmark_report: one stage a file, every figure with
its unit.
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, first, interval_fraction
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "benchmark report"

AGGREGATE = "results.request_performance.aggregate"

FACTORS = {"ms": 1.0, "ms/token": 1.0, "s": 1000.0, "s/token": 1000.0}
"""Unit -> what makes milliseconds of it."""


def recognises(document: Document) -> bool:
    """Say whether the file is such a report."""
    whole = document.whole
    return isinstance(whole, dict) and whole.keys() >= {"version", "run", "results"}


def _latency(facts: Facts, name: str, count: float | None) -> Latency:
    key = f"{AGGREGATE}.latency.{name}"
    if not isinstance(facts.raw(key), dict):
        return Latency()
    unit = facts.text(f"{key}.units") or ""
    if unit not in FACTORS:
        facts.faults.append(Fault(facts.label, f"{key}.units", repr(unit), ", ".join(FACTORS)))
    mean = facts.number(f"{key}.mean", required=True)
    p50, p90, p99 = (facts.number(f"{key}.{column}") for column in ("p50", "p90", "p99"))
    error = interval_fraction(facts.number(f"{key}.stddev"), mean, count)
    return Latency(mean, p50, p90, p99, error).times(FACTORS.get(unit, 1.0))


def _stated(facts: Facts) -> Stated:
    """Read the first engine of the stack."""
    stack = facts.raw("scenario.stack")
    parts = [part["standardized"] for part in stack if isinstance(part, dict)
             and isinstance(part.get("standardized"), dict)] if isinstance(stack, list) else []
    engine: dict[str, Any] = next((part for part in parts if part.get("kind") == "inference_engine"), {})
    one = Facts(engine, facts.label, "scenario.stack", facts.faults)
    return Stated(
        model=one.text("model.name"), engine=one.text("tool"), engine_version=one.text("tool_version"),
        gpu=one.text("accelerator.model"), gpu_count=one.count("accelerator.count"),
        tp_size=one.count("accelerator.parallelism.tp"), day=(facts.text("run.time.start") or "")[:10] or None)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one stage; a report of an earlier version is told."""
    facts = Facts(document.whole, document.label, "", faults)
    if not str(facts.raw("version")).startswith("0.2") or not isinstance(facts.raw(AGGREGATE), dict):
        allowed = "version 0.2 with results.request_performance.aggregate; else the tool's own result file"
        faults.append(Fault(document.label, "version", repr(facts.raw("version")), allowed))
        return []
    total, failed = facts.count(f"{AGGREGATE}.requests.total", required=True), facts.count(
        f"{AGGREGATE}.requests.failures") or 0
    completed = None if total is None else total - failed
    load = "scenario.load.standardized"
    users, rate = facts.number(f"{load}.concurrency"), facts.number(f"{load}.rate_qps")
    e2e = _latency(facts, "request_latency", completed).mean
    served = facts.number(f"{AGGREGATE}.throughput.request_rate.mean")
    in_flight = served * e2e / 1000 if served and e2e else None
    return [FoundLevel(
        tool=TOOL, place="", arrival="closed" if users is not None else "open" if rate is not None else "burst",
        users=first((users, in_flight)), isl_tokens=facts.number(f"{AGGREGATE}.requests.input_length.mean"),
        osl_tokens=facts.number(f"{AGGREGATE}.requests.output_length.mean"),
        ttft=_latency(facts, "time_to_first_token", completed),
        tpot=_latency(facts, "time_per_output_token", completed),
        output_tokens_per_s=facts.number(f"{AGGREGATE}.throughput.output_token_rate.mean"), requests_per_s=served,
        asked_rps=rate if users is None else None, e2e_ms=e2e, completed=completed, failed=failed,
        stated=_stated(facts), conversions=("time per output token is taken: it leaves the first token out",))]
