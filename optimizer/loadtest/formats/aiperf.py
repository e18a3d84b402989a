"""AIPerf's profile_export_aiperf.json, one level a file.

https://github.com/ai-dynamo/aiperf/blob/main/docs/metrics-reference.md
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, first, interval_fraction
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "AIPerf"

MILLISECONDS = {"ms": 1.0, "sec": 1000.0, "s": 1000.0, "us": 1e-3, "ns": 1e-6}

DIFFERENT = 0.05
"""The client's and the server's count of input tokens are called different beyond this."""


def recognises(document: Document) -> bool:
    """Say whether the file is AIPerf's summary."""
    whole = document.whole
    return isinstance(whole, dict) and "input_config" in whole and (
        "aiperf_version" in whole or "inter_chunk_latency" in whole)


def _latency(facts: Facts, name: str) -> Latency:
    mean = facts.number(f"{name}.avg", required=True)
    error = interval_fraction(facts.number(f"{name}.std"), mean, facts.number(f"{name}.count"))
    p50, p90, p99 = (facts.number(f"{name}.{column}") for column in ("p50", "p90", "p99"))
    figures = Latency(mean, p50, p90, p99, error)
    unit = facts.text(f"{name}.unit") or "ms"
    if unit not in MILLISECONDS:
        facts.faults.append(Fault(facts.label, f"{name}.unit", repr(unit), ", ".join(MILLISECONDS)))
    return figures.times(MILLISECONDS.get(unit, 1.0))


def _phase(facts: Facts) -> dict[str, Any]:
    """Return the measured phase; the warm-up is another."""
    phases = facts.raw("input_config.phases")
    found = phases if isinstance(phases, list) else []
    measured = (phase for phase in found if isinstance(phase, dict)
                and "profiling" in (phase.get("kind"), phase.get("name")))
    return next(measured, {})


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
    """Read the one level."""
    facts = Facts(document.whole, document.label, "", faults)
    phase = Facts(_phase(facts), document.label, "input_config.phases", faults)
    cap, rate = phase.number("concurrency"), first((phase.number("rate"), phase.number("request_rate")))
    if not phase.data:
        cap = facts.number("input_config.loadgen.concurrency")
        rate = facts.number("input_config.loadgen.request_rate")
    model = facts.text("input_config.models.items.0.name") or facts.text("input_config.endpoint.model_names.0")
    return [FoundLevel(
        tool=TOOL, place="", arrival="open" if rate is not None else "burst" if cap is None else "closed", users=cap,
        isl_tokens=first(facts.number(f"{key}.avg") for key in ("usage_prompt_tokens", "input_sequence_length")),
        osl_tokens=facts.number("output_sequence_length.avg", required=True),
        ttft=_latency(facts, "time_to_first_token"), tpot=_latency(facts, "inter_token_latency"),
        output_tokens_per_s=facts.number("output_token_throughput.avg"),
        requests_per_s=facts.number("request_throughput.avg"), asked_rps=rate,
        e2e_ms=facts.number("request_latency.avg") if facts.text("request_latency.unit") == "ms" else None,
        completed=facts.count("request_count.avg", required=True), failed=facts.count("error_request_count.avg") or 0,
        cancelled=facts.raw("was_cancelled") is True,
        stated=Stated(model=model, day=(facts.text("start_time") or "")[:10] or None), conversions=_said(facts),
    )]
