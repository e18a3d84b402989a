"""What `vllm bench serve`, SGLang's bench_serving and TensorRT-LLM's benchmark_serving print, as people paste it.

https://github.com/vllm-project/vllm/blob/main/vllm/benchmarks/serve.py ; https://github.com/sgl-project/sglang/blob/main/
python/sglang/bench_serving.py: one block of `label: value` for each run, the labels of all three alike.
"""

from __future__ import annotations

import re
from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.formats.vllm_bench import level_of
from optimizer.loadtest.level import FoundLevel

TITLE = "Serving Benchmark Result"

LABELS = {
    "Successful requests": "completed", "Failed requests": "failed", "Maximum request concurrency": "max_concurrency",
    "Max request concurrency": "max_concurrency", "Request rate configured (RPS)": "request_rate",
    "Traffic request rate": "request_rate", "Benchmark duration (s)": "duration",
    "Total input tokens": "total_input_tokens", "Total generated tokens": "total_output_tokens",
    "Request throughput (req/s)": "request_throughput", "Output token throughput (tok/s)": "output_throughput",
    "Mean E2E Latency (ms)": "mean_e2el_ms",
}
"""Labels of either tool -> the keys of vLLM's JSON."""

FIGURE = re.compile(r"(Mean|Median|P[0-9.]+) (TTFT|TPOT|E2EL) \(ms\)")

LINE = re.compile(r"^\W*([A-Z][^:]*):\s+(not set|\S+)\s*$")
"""A label and its value, whatever a paste put in front of the line (`#`, `>`)."""


def _value(text: str) -> Any:
    """Read a value as a number; `inf` is a rate without a limit, other text stays and is a fault where it counts."""
    if text in ("inf", "not set"):
        return "inf" if text == "inf" else None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def _blocks(text: str) -> list[dict[str, Any]]:
    """Return the figures of every block under vLLM's JSON keys."""
    found = []
    for block in text.split(TITLE)[1:]:
        run: dict[str, Any] = {}
        for line in block.splitlines():
            match = LINE.match(line)
            label = match[1] if match else ""
            figure = FIGURE.fullmatch(label)
            key = f"{figure[1]}_{figure[2]}_ms".lower() if figure else LABELS.get(label)
            if match and key:
                run.setdefault(key, _value(match[2]))
        found.append(run)
    return found


def recognises(document: Document) -> bool:
    """Say whether the text holds a block of results."""
    return document.whole is None and not document.lines and TITLE in document.text


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every block; the console rounds to two digits."""
    blocks = _blocks(document.text)
    return [level_of(Facts(run, document.label, f"block {number}" if len(blocks) > 1 else "", faults))
            for number, run in enumerate(blocks, 1)]
