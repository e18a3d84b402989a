"""inference-perf's stage_N_lifecycle_metrics.json; its summary mixes all stages and is no level.

https://github.com/kubernetes-sigs/inference-perf
"""

from __future__ import annotations

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, first, ratio
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


RETOKENISED = 0.01
"""The client's count of output tokens is another one than the server's beyond this."""


def _lengths(facts: Facts, completed: int | None) -> tuple[float | None, float | None, float | None]:
    """Return (ISL, OSL, OSL as the client counted it) in tokens a request.

    Version 0.7 counts as the server does (`prompt_tokens`, `output_tokens`, totals or means) beside its own count of
    the text (`output_len`); earlier ones have their own count only (`prompt_len`, `output_len`).
    """
    def mean(name: str) -> float | None:
        total = facts.number(f"successes.{name}.total")
        return first((facts.number(f"successes.{name}.mean"), ratio(total, completed)))

    counted = mean("output_len")
    return first((mean("prompt_tokens"), mean("prompt_len"))), first((mean("output_tokens"), counted)), counted


def _tpot(facts: Facts, ttft: Latency, osl: float | None, counted: float | None) -> tuple[Latency, str]:
    """Return TPOT by the server's count of tokens, and what was done for it."""
    stated = _latency(facts, "time_per_output_token")
    whole = facts.number("successes.latency.request_latency.mean")
    if not osl or counted is None or abs(counted / osl - 1) <= RETOKENISED or whole is None or ttft.mean is None:
        return stated, ("time per output token is taken: it leaves the first token out; the normalised one does not,"
                        " and tokens of one chunk share a time stamp")
    mean = (1000 * whole - ttft.mean) / (osl - 1) if osl > 1 else None
    return Latency(mean), (f"the client counted {counted:.1f} output tokens in the text, the server {osl:.1f}: TPOT"
                           " follows from the means as (end to end - TTFT) / (OSL - 1), without percentiles")


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one stage."""
    facts = Facts(document.whole, document.label, "", faults)
    completed = facts.count("successes.count", required=True)
    cap, asked = facts.number("load_summary.concurrency"), facts.number("load_summary.requested_rate")
    one_stage = facts.raw("load_summary.send_duration") is not None
    isl, osl, counted = _lengths(facts, completed)
    ttft = _latency(facts, "time_to_first_token") if completed else Latency()
    tpot, said = _tpot(facts, ttft, osl, counted) if completed else (Latency(), "")
    rate = first((facts.number("successes.throughput.requests_per_sec"),
                  ratio(completed, facts.number("benchmark_time_seconds"))))
    tokens_per_s = facts.number("successes.throughput.output_tokens_per_sec")
    if tokens_per_s is not None and osl is not None and counted:
        tokens_per_s *= osl / counted  # it counts as the client does
    latency = facts.number("successes.latency.request_latency.mean")
    in_flight = None if rate is None or latency is None else rate * latency
    cached = ratio(facts.number("successes.prompt_tokens.cached"), facts.number("successes.prompt_tokens.total"))
    return [FoundLevel(
        tool=TOOL, place="", arrival="mixed" if not one_stage else "closed" if cap is not None else "open",
        users=cap if cap is not None else in_flight, isl_tokens=isl, osl_tokens=osl, ttft=ttft, tpot=tpot,
        completed=completed, failed=facts.count("failures.count") or 0, requests_per_s=rate,
        output_tokens_per_s=tokens_per_s, asked_rps=asked, e2e_ms=None if latency is None else 1000 * latency,
        cached_fraction=cached, conversions=("latencies converted from s to ms", *([said] if said else [])),
    )]
