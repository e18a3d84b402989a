"""AIPerf's profile_export_aiperf.json, one level a file; its sweep file, one level a combination; genai-perf's JSON.

https://github.com/ai-dynamo/aiperf/blob/main/docs/metrics-reference.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, first, interval_fraction
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "AIPerf"

MILLISECONDS = {"ms": 1.0, "sec": 1000.0, "s": 1000.0, "us": 1e-3, "ns": 1e-6}

DIFFERENT = 0.05
"""The client's and the server's count of input tokens are called different beyond this."""


def _is_sweep(whole: Any) -> bool:
    return isinstance(whole, dict) and whole.get("aggregation_type") == "sweep" and "per_combination_metrics" in whole


def recognises(document: Document) -> bool:
    """Say whether the file is AIPerf's summary, its sweep, or genai-perf's summary."""
    whole = document.whole
    summary = isinstance(whole, dict) and "input_config" in whole and (
        "aiperf_version" in whole or "inter_chunk_latency" in whole or "inter_token_latency" in whole)
    return summary or _is_sweep(whole)


def _latency(facts: Facts, name: str) -> Latency:
    mean = facts.number(f"{name}.avg", required=True)
    error = interval_fraction(facts.number(f"{name}.std"), mean, facts.number(f"{name}.count"))
    p50, p90, p99 = (facts.number(f"{name}.{column}") for column in ("p50", "p90", "p99"))
    figures = Latency(mean, p50, p90, p99, error)
    unit = facts.text(f"{name}.unit") or "ms"
    if unit not in MILLISECONDS:
        facts.faults.append(Fault(facts.label, f"{name}.unit", repr(unit), ", ".join(MILLISECONDS)))
    return figures.times(MILLISECONDS.get(unit, 1.0))


def _phases(facts: Facts, kind: str) -> list[Facts]:
    """Return the phases of one kind, such as `warmup` or `profiling`."""
    phases = facts.raw("input_config.phases")
    found = phases if isinstance(phases, list) else []
    return [Facts(phase, facts.label, "input_config.phases", facts.faults) for phase in found
            if isinstance(phase, dict) and kind in (phase.get("kind"), phase.get("name"))]


def _of_warm_up(facts: Facts) -> str | None:
    """Say that a file holds the warm-up, which is exported beside the measured phase under the same keys.

    Its folder says so (`phases/warmup/`); a file that was moved has as many requests as the warm-up was to have, or
    lasted as long, and not as the measured phase.
    """
    warm_ups, measured = _phases(facts, "warmup"), _phases(facts, "profiling")
    names = {name for phase in warm_ups if (name := phase.text("name"))}
    folders = facts.label.replace("\\", "/").split("/")[:-1]
    moved = any(
        found is not None and _is_near(found, [phase.number(key) for phase in warm_ups])
        and not _is_near(found, [phase.number(key) for phase in measured])
        and any(phase.number(key) is not None for phase in measured)
        for key, found in (("requests", facts.number("request_count.avg")),
                           ("duration", facts.number("benchmark_duration.avg"))))
    if not moved and not ("phases" in folders and names & set(folders)):
        return None
    return "a warm-up: import profile_export_aiperf.json of the measured phase"


def _is_near(value: float, others: list[float | None]) -> bool:
    return any(other is not None and abs(value - other) <= 0.05 * other for other in others)


def _said(facts: Facts) -> tuple[str, ...]:
    said = ["inter-token latency per request is taken as TPOT: it leaves the first token out",
            "user speed is 1000 / mean TPOT, not the mean of the users' speeds"]
    client, server = facts.number("input_sequence_length.avg"), facts.number("usage_prompt_tokens.avg")
    if client and server and abs(server / client - 1) > DIFFERENT:
        said.append(f"input tokens as the server counts them: {server:.0f} (the client counted {client:.0f})")
    answer, ttft = facts.number("time_to_first_output_token.avg"), facts.number("time_to_first_token.avg")
    if answer is not None and ttft and answer > 1.05 * ttft:
        said.append("the first token is one of reasoning")
    return tuple(said)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one level, or every combination of a sweep."""
    if _is_sweep(document.whole):
        return _sweep(document, faults)
    facts = Facts(document.whole, document.label, "", faults)
    phase = next(iter(_phases(facts, "profiling")), Facts({}, document.label, "", faults))
    cap, rate = phase.number("concurrency"), first((phase.number("rate"), phase.number("request_rate")))
    if not phase.data:
        cap = first(facts.number(f"input_config.{key}") for key in (
            "loadgen.concurrency", "perf_analyzer.stimulus.concurrency", "concurrency"))
        rate = first(facts.number(f"input_config.{key}") for key in (
            "loadgen.request_rate", "perf_analyzer.stimulus.request_rate", "request_rate"))
    level = _level(facts, "", cap, rate)
    model = next((name for key in ("models.items.0.name", "endpoint.model_names.0", "model_names.0", "model.0")
                  if (name := facts.text(f"input_config.{key}"))), None)
    return [replace(
        level, cancelled=facts.raw("was_cancelled") is True, no_row=_of_warm_up(facts),
        test_id=facts.text("benchmark_id"),
        stated=Stated(model=model, day=(facts.text("start_time") or "")[:10] or None))]


def _sweep(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read a sweep: means over the trials of each combination."""
    said = ("each combination of a sweep is one test: import it here or from its own folder,"
            " concurrency_N/profile_export_aiperf.json, not both")
    levels = []
    combinations = document.whole["per_combination_metrics"]
    for number, combination in enumerate(combinations if isinstance(combinations, list) else [], 1):
        place = f"combination {number}"
        whole = Facts(combination if isinstance(combination, dict) else {}, document.label, place, faults)
        metrics = whole.raw("metrics")
        facts = Facts(metrics if isinstance(metrics, dict) else {}, document.label, place, faults)
        level = _level(facts, place, whole.number("parameters.concurrency"), whole.number("parameters.request_rate"))
        ttft, tpot = (replace(one, error_fraction=None) for one in (level.ttft, level.tpot))  # its std is of the trials
        levels.append(replace(level, ttft=ttft, tpot=tpot, conversions=(said, *level.conversions)))
    return levels


def _level(facts: Facts, place: str, cap: float | None, rate: float | None) -> FoundLevel:
    """Read the metrics of one test."""
    return FoundLevel(
        tool=TOOL, place=place, arrival="open" if rate is not None else "burst" if cap is None else "closed",
        users=cap, isl_tokens=first(facts.number(f"{key}.avg") for key in (
            "usage_prompt_tokens", "input_sequence_length")),
        osl_tokens=facts.number("output_sequence_length.avg", required=True),
        ttft=_latency(facts, "time_to_first_token"), tpot=_latency(facts, "inter_token_latency"),
        output_tokens_per_s=facts.number("output_token_throughput.avg"),
        requests_per_s=facts.number("request_throughput.avg"), asked_rps=rate,
        e2e_ms=facts.number("request_latency.avg") if facts.text("request_latency.unit") == "ms" else None,
        completed=first_count(facts, "request_count.avg", "time_to_first_token.count"),
        failed=facts.count("error_request_count.avg") or 0, conversions=_said(facts))


def first_count(facts: Facts, *keys: str) -> int | None:
    """Return the first count that stands at one of several keys."""
    return next((found for key in keys if (found := facts.count(key)) is not None), None)
