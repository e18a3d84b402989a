"""`vllm bench serve`: one JSON a run, or a list of them from a sweep; key sets of 2024, 2025 and version 0.25.

https://github.com/vllm-project/vllm/blob/main/vllm/benchmarks/serve.py
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, interval_fraction, ratio
from optimizer.loadtest.level import Arrival, FoundLevel, Latency, Stated

TOOL = "vLLM bench serve"

SIGNS = {"model_id", "tokenizer_id", "num_prompts", "completed", "mean_tpot_ms"}


def _is_run(data: dict[str, Any]) -> bool:
    return data.keys() >= SIGNS


def recognises(document: Document) -> bool:
    """Say whether every mapping of the file is a run."""
    return bool(document.objects) and all(map(_is_run, document.objects))


SWEPT_ALLOWED = {"run_number", "run", "duration", "date", "completed", "failed", "num_prompts", "rtfx"}
"""Keys that differ between runs of one set-up, beside figures and what makes a level."""

FIGURE_ENDS = ("_ms", "_throughput", "_tokens", "_per_s", "_concurrency", "_rate", "_requests", "_goodput")


def swept(document: Document) -> list[str]:
    """List what a sweep varied beside the level: runs of several set-ups are no one curve.

    >>> runs = ({"max_num_seqs": 16, "mean_tpot_ms": 9.0}, {"max_num_seqs": 64, "mean_tpot_ms": 8.0})
    >>> swept(Document("summary.json", "", whole=list(runs)))
    ['max_num_seqs']
    """
    names = {key for run in document.objects for key in run} - SWEPT_ALLOWED
    plain = [name for name in names if not name.endswith(FIGURE_ENDS)]
    return sorted(name for name in plain
                  if len({repr(run.get(name)) for run in document.objects
                          if not isinstance(run.get(name), list | dict)}) > 1)


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every run."""
    for name in swept(document):
        found = f"several values of {name}"
        faults.append(Fault(document.label, name, found, "runs of one set-up: import the file of each value by itself"))
    pairs = zip(document.objects, document.places(), strict=True)
    return [level_of(Facts(data, document.label, place, faults)) for data, place in pairs]


def latency_of(facts: Facts, name: str, completed: int | None) -> Latency:
    """Return TTFT or TPOT of vLLM's and SGLang's key sets; percentiles only where they were asked for."""
    mean = facts.number(f"mean_{name}_ms", required=True)
    error = interval_fraction(facts.number(f"std_{name}_ms"), mean, completed)
    median = facts.number(f"median_{name}_ms")
    return Latency(mean, median, facts.number(f"p90_{name}_ms"), facts.number(f"p99_{name}_ms"), error)


def arrival_of(rate: float | None, cap: float | None) -> Arrival:
    """Say how requests came: a cap on requests in flight without a rate is a closed loop, neither is a burst.

    >>> arrival_of(float("inf"), 64.0), arrival_of(float("inf"), None), arrival_of(16.0, None), arrival_of(16.0, 64.0)
    ('closed', 'burst', 'open', 'open')
    """
    unlimited = rate is None or rate == float("inf")
    if not unlimited:
        return "open"
    return "burst" if cap is None else "closed"


OFFLINE = {
    "throughput": {"elapsed_time", "num_requests", "requests_per_second", "tokens_per_second"},
    "latency": {"avg_latency", "latencies", "percentiles"},
}
"""Other benchmarks of vLLM, by the keys of their JSON."""


def offline_of(whole: Any) -> str | None:
    """Name the benchmark that wrote a file without requests of users, None for any other file.

    >>> offline_of({"avg_latency": 0.7, "latencies": [0.7], "percentiles": {}})
    'latency'
    """
    found = (name for name, keys in OFFLINE.items() if isinstance(whole, dict) and whole.keys() >= keys)
    return next(found, None)


def level_of(facts: Facts) -> FoundLevel:
    """Read one run."""
    completed = facts.count("completed", required=True)
    asked = facts.count("num_prompts") or completed or 0
    failed = facts.count("failed")
    rate, cap = facts.rate("request_rate"), facts.number("max_concurrency")
    unstated = "max_concurrency" not in facts.data and (rate is None or rate == float("inf"))
    speculative = any(key.startswith("spec_decode") for key in facts.data)
    said = ["TPOT leaves the first token out; it is taken, not the latency between chunks"]
    if speculative:
        said.append("speculative decoding: TPOT is a token's share of its step")
    return FoundLevel(
        tool=TOOL, place=facts.place,
        arrival="closed" if unstated else arrival_of(rate, cap),
        users=cap,
        isl_tokens=ratio(facts.number("total_input_tokens", required=True), completed),
        osl_tokens=ratio(facts.number("total_output_tokens", required=True), completed),
        ttft=latency_of(facts, "ttft", completed), tpot=latency_of(facts, "tpot", completed),
        output_tokens_per_s=facts.number("output_throughput"), requests_per_s=facts.number("request_throughput"),
        asked_rps=rate, e2e_ms=facts.number("mean_e2el_ms"), completed=completed,
        failed=max(asked - (completed or 0), 0) if failed is None else failed,
        stated=Stated(model=facts.text("model_id"), day=day_of(facts.text("date"))),
        conversions=tuple(said),
    )


def day_of(stamp: str | None) -> str | None:
    """Read the day of a stamp such as 20241109-150547.

    >>> day_of("20241109-150547"), day_of("later"), day_of(None)
    ('2024-11-09', None, None)
    """
    if stamp is None or not stamp[:8].isdigit() or len(stamp) < 8:
        return None
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}"
