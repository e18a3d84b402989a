"""llmperf's *_summary.json, or several of them in one mapping by level.

https://github.com/ray-project/llmperf: its inter-token latency is the whole response over all tokens, so it includes
the first token; TPOT follows from the means: (end to end - TTFT) / (OSL - 1).
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, interval_fraction
from optimizer.loadtest.formats.guidellm import day_of_epoch
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "llmperf"

SIGN = "results_inter_token_latency_s_mean"


def _runs(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """List the runs of a file with their places."""
    whole = document.whole
    if isinstance(whole, dict) and whole and SIGN not in whole:
        return [(f"level {key}", run) for key, run in whole.items() if isinstance(run, dict)]
    return list(zip(document.places(), document.objects, strict=True))


def recognises(document: Document) -> bool:
    """Say whether every run of the file has llmperf's keys."""
    runs = _runs(document)
    return bool(runs) and all(SIGN in run for _, run in runs)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every run."""
    return [_level(Facts(run, document.label, place, faults)) for place, run in _runs(document)]


def _ttft(facts: Facts, completed: int | None) -> Latency:
    key = "results_ttft_s"
    mean = facts.number(f"{key}_mean", required=True)
    p50, p90, p99 = (facts.number(f"{key}_quantiles_{column}") for column in ("p50", "p90", "p99"))
    error = interval_fraction(facts.number(f"{key}_stddev"), mean, completed)
    return Latency(mean, p50, p90, p99, error).times(1000)


def _tpot(facts: Facts, ttft: Latency, osl_tokens: float | None) -> Latency:
    """Take the first token out of the mean; what percentiles are without it cannot be known."""
    whole = facts.number("results_end_to_end_latency_s_mean", required=True)
    if whole is None or ttft.mean is None or osl_tokens is None or osl_tokens <= 1:
        return Latency()
    return Latency((1000 * whole - ttft.mean) / (osl_tokens - 1))


def _level(facts: Facts) -> FoundLevel:
    completed = facts.count("results_num_completed_requests", required=True)
    osl = facts.number("results_number_output_tokens_mean", required=True)
    ttft = _ttft(facts, completed)
    per_minute = facts.number("results_num_completed_requests_per_min")
    stated = facts.number("results_mean_output_throughput_token_per_s")
    rate = None if per_minute is None else per_minute / 60
    model = facts.text("model")
    return FoundLevel(
        tool=TOOL, place=facts.place, arrival="closed",
        users=facts.number("num_concurrent_requests", required=True),
        isl_tokens=facts.number("results_number_input_tokens_mean", required=True), osl_tokens=osl,
        ttft=ttft, tpot=_tpot(facts, ttft, osl),
        output_tokens_per_s=stated if stated is not None or rate is None or osl is None else rate * osl,
        requests_per_s=rate, completed=completed, failed=facts.count("results_number_errors") or 0,
        stated=Stated(model=model, day=day_of_epoch(facts.number("timestamp"))),
        conversions=("this file's TPOT includes the first token: converted from the means of end-to-end time and TTFT,"
                     " without percentiles", "latencies converted from s to ms"),
    )
