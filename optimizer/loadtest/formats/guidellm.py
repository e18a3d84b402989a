"""GuideLLM's benchmarks.json, or the same in YAML.

Up to 0.3 it holds only `benchmarks`, from 0.4 on `metadata`, `config` and `benchmarks`.

https://github.com/vllm-project/guidellm: its time per output token includes the first token and stays so (issue 1144);
its inter-token latency does not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, first, interval_fraction
from optimizer.loadtest.level import Arrival, FoundLevel, Latency, Stated

TOOL = "GuideLLM"

ARRIVALS: dict[str, Arrival] = {
    "synchronous": "closed", "concurrent": "closed", "throughput": "burst", "constant": "open", "poisson": "open",
    "async": "open",
}


def recognises(document: Document) -> bool:
    """Say whether the file holds generative benchmarks."""
    whole = document.whole
    runs = whole.get("benchmarks") if isinstance(whole, dict) else None
    if not isinstance(runs, list) or not runs:
        return False
    return all(isinstance(run, dict) and "metrics" in run and "generative" in str(run.get("type_")) for run in runs)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every benchmark."""
    whole = Facts(document.whole, document.label)
    model = whole.text("config.spec.backend.model")
    gpu = whole.text("config.metadata.labels.gpu")
    return [
        level_of(Facts(run, document.label, f"benchmarks.{index}", faults), model, gpu)
        for index, run in enumerate(document.whole["benchmarks"])
    ]


def _latency(facts: Facts, name: str, completed: int | None) -> Latency:
    key = f"metrics.{name}.successful"
    mean = facts.number(f"{key}.mean", required=True)
    error = interval_fraction(facts.number(f"{key}.std_dev"), mean, completed)
    return Latency(mean, facts.number(f"{key}.median"), facts.number(f"{key}.percentiles.p90"),
                   facts.number(f"{key}.percentiles.p99"), error)


def _milliseconds(seconds: float | None) -> float | None:
    """Convert GuideLLM's request latency, which alone is in seconds."""
    return None if seconds is None else 1000 * seconds


def _users(facts: Facts, kind: str, arrival: Arrival) -> float | None:
    """Return the streams of a closed loop, else the mean number in flight (its cap is no level)."""
    if kind == "synchronous":
        return 1.0
    if arrival == "closed":
        keys = ("config.strategy.streams", "args.strategy.streams", "config.strategy.max_concurrency",
                "args.strategy.max_concurrency")
        return first(facts.number(key) for key in keys)
    return facts.number("metrics.request_concurrency.successful.mean")


def _said(facts: Facts, ttft: Latency) -> tuple[str, ...]:
    said = ["this file's TPOT includes the first token: its inter-token latency is taken"]
    answer = facts.number("metrics.time_to_first_output_token_ms.successful.mean")
    if answer is not None and ttft.mean and answer > 1.05 * ttft.mean:
        said.append(f"the first token is one of reasoning; the answer's first comes after {answer:.0f} ms")
    return tuple(said)


def level_of(facts: Facts, model: str | None = None, gpu: str | None = None) -> FoundLevel:
    """Read one benchmark."""
    kind = facts.text("config.strategy.type_") or facts.text("args.strategy.type_") or "unknown"
    arrival = ARRIVALS.get(kind, "mixed")
    totals = next((key for key in ("metrics.request_totals", "run_stats.requests_made", "request_totals")
                   if isinstance(facts.raw(key), dict)), "request_totals")
    completed = facts.count(f"{totals}.successful", required=True)
    ttft = _latency(facts, "time_to_first_token_ms", completed)
    rate = first(facts.number(f"{where}.strategy.rate") for where in ("config", "args"))
    start = facts.number("start_time")
    named = facts.text("worker.backend_model") or facts.text("config.backend.model") or model
    return FoundLevel(
        tool=TOOL, place=facts.place, arrival=arrival, users=_users(facts, kind, arrival),
        isl_tokens=facts.number("metrics.prompt_token_count.successful.mean", required=True),
        osl_tokens=facts.number("metrics.output_token_count.successful.mean", required=True),
        ttft=ttft, tpot=_latency(facts, "inter_token_latency_ms", completed),
        # the median of its rates is one over time, far from the mean
        output_tokens_per_s=facts.number("metrics.output_tokens_per_second.successful.mean"),
        requests_per_s=facts.number("metrics.requests_per_second.successful.mean"),
        asked_rps=rate, e2e_ms=_milliseconds(facts.number("metrics.request_latency.successful.mean")),
        completed=completed, failed=facts.count(f"{totals}.errored") or 0,
        test_id=first_text(facts, "config.id_", "config.run_id", "id_"),
        stated=Stated(model=named, gpu=gpu, day=day_of_epoch(start)), conversions=_said(facts, ttft),
    )


def first_text(facts: Facts, *keys: str) -> str | None:
    """Return the first text that stands at one of several keys."""
    return next((found for key in keys if (found := facts.text(key)) is not None), None)


def day_of_epoch(seconds: float | None) -> str | None:
    """Return the day (UTC) of a time in seconds since 1970.

    >>> day_of_epoch(0.0), day_of_epoch(None)
    ('1970-01-01', None)
    """
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return None
