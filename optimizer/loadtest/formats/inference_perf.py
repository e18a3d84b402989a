"""inference-perf's stage_N_lifecycle_metrics.json; its summary mixes all stages and is no level.

https://github.com/kubernetes-sigs/inference-perf
"""

from __future__ import annotations

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import FoundLevel, Latency

TOOL = "inference-perf"


def recognises(document: Document) -> bool:
    """Say whether the file has the three parts of a stage."""
    whole = document.whole
    return isinstance(whole, dict) and whole.keys() >= {"load_summary", "successes", "failures"}


def _latency(facts: Facts, name: str) -> Latency:
    """Return a latency of the successes, converted from seconds."""
    key = f"successes.latency.{name}"
    mean = facts.number(f"{key}.mean", required=True)
    rest = (facts.number(f"{key}.{column}") for column in ("median", "p90", "p99"))
    return Latency(mean, *rest).times(1000)


def _completed(facts: Facts) -> int | None:
    """Return the successes; a stage in which nothing succeeded has no latencies to look for."""
    return facts.count("successes.count", required=True)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one stage."""
    facts = Facts(document.whole, document.label, "", faults)
    completed = _completed(facts)
    cap, asked = facts.number("load_summary.concurrency"), facts.number("load_summary.requested_rate")
    one_stage = facts.raw("load_summary.send_duration") is not None
    nothing = Latency()
    rate = facts.number("successes.throughput.requests_per_sec")
    latency = facts.number("successes.latency.request_latency.mean")
    in_flight = None if rate is None or latency is None else rate * latency
    return [FoundLevel(
        tool=TOOL, place="", arrival="mixed" if not one_stage else "closed" if cap is not None else "open",
        users=cap if cap is not None else in_flight,
        isl_tokens=facts.number("successes.prompt_len.mean"), osl_tokens=facts.number("successes.output_len.mean"),
        ttft=_latency(facts, "time_to_first_token") if completed else nothing,
        tpot=_latency(facts, "time_per_output_token") if completed else nothing,
        completed=completed, failed=facts.count("failures.count") or 0, requests_per_s=rate,
        output_tokens_per_s=facts.number("successes.throughput.output_tokens_per_sec"),
        asked_rps=asked, e2e_ms=None if latency is None else 1000 * latency,
        conversions=("latencies converted from s to ms",
                     "time per output token is taken: it leaves the first token out; the normalised one does not, and"
                     " tokens of one chunk share a time stamp"),
    )]
