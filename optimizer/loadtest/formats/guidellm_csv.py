"""GuideLLM's benchmarks.csv from 0.4 on: three rows of heads (group, field, statistic), then a row a benchmark.

https://github.com/vllm-project/guidellm, guidellm/benchmark/outputs/csv.py. The row is put under the keys of the JSON,
and read as that is.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.formats import guidellm
from optimizer.loadtest.level import FoundLevel

Head = tuple[str, str, str]

METRICS = {
    ("Request Latency", "Successful Sec"): "request_latency",
    ("Time to First Token", "Successful ms"): "time_to_first_token_ms",
    ("Time to First Output Token", "Successful ms"): "time_to_first_output_token_ms",
    ("Inter Token Latency", "Successful ms"): "inter_token_latency_ms",
    ("Server Throughput", "Successful Requests/Sec"): "requests_per_second",
    ("Server Throughput", "Successful Concurrency"): "request_concurrency",
    ("Token Metrics", "Successful Input Tokens"): "prompt_token_count",
    ("Token Metrics", "Successful Output Tokens"): "output_token_count",
    ("Token Throughput", "Successful Output Tokens/Sec"): "output_tokens_per_second",
}
"""(group, field) -> metric of the JSON."""

PERCENTILES = ("p001", "p01", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p999")
"""The order of the list in a cell of percentiles."""


def _table(document: Document) -> tuple[list[Head], list[list[str]]]:
    rows = list(csv.reader(io.StringIO(document.text.lstrip("\ufeff"), newline="")))
    if len(rows) < 4:
        return [], []
    return [(a, b, c) for a, b, c in zip(*rows[:3], strict=False)], rows[3:]


def recognises(document: Document) -> bool:
    """Say whether the heads are those of such a file."""
    if document.whole is not None or not document.text.lstrip("\ufeff\r\n ").startswith("Run Info,"):
        return False
    heads, _ = _table(document)
    return ("Time to First Token", "Successful ms", "Mean") in heads and ("Benchmark", "Strategy", "") in heads


def _json(cell: str) -> Any:
    """Read a cell that holds JSON; anything else is nothing."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _figure(cell: str) -> Any:
    """Read a cell as a number; other text stays and is a fault where a number is needed."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def _seconds(cell: str) -> float | None:
    """Read a time such as 2026-12-01 15:32:41 as seconds since 1970."""
    try:
        return datetime.fromisoformat(cell).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _run(cells: dict[Head, str]) -> dict[str, Any]:
    """Put one row under the keys of the JSON."""
    kind, _, number = cells.get(("Benchmark", "Strategy", ""), "").partition("@")
    strategy = {"type_": kind, "streams" if guidellm.ARRIVALS.get(kind) == "closed" else "rate": _figure(number)}
    metrics: dict[str, Any] = {}
    for (group, field), name in METRICS.items():
        listed = _json(cells.get((group, field, "Percentiles"), "")) or ()
        metrics[name] = {"successful": {
            "mean": _figure(cells.get((group, field, "Mean"), "")),
            "median": _figure(cells.get((group, field, "Median"), "")),
            "std_dev": _figure(cells.get((group, field, "Std Dev"), "")),
            "percentiles": dict(zip(PERCENTILES, listed, strict=False))}}
    metrics["request_totals"] = {
        status.lower(): _figure(cells.get(("Request Counts", status, ""), "")) for status in ("Successful", "Errored")}
    return {"config": {"strategy": strategy, "id_": cells.get(("Benchmark", "ID", "")),
                       "backend": _json(cells.get(("Run Info", "Backend", ""), "")) or {}},
            "metrics": metrics, "start_time": _seconds(cells.get(("Timings", "Start Time", ""), ""))}


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every benchmark."""
    heads, rows = _table(document)
    return [guidellm.level_of(Facts(_run(dict(zip(heads, row, strict=False))), document.label, f"row {number}", faults))
            for number, row in enumerate(rows, 1)]
