"""The result formats of load-test tools: one module each, which says whether a file is its own and reads its levels."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

from optimizer.errors import Fault, InputError
from optimizer.loadtest.document import Document
from optimizer.loadtest.formats import (
    aiperf,
    genai_perf,
    guidellm,
    inference_perf,
    llama_batched_bench,
    llmperf,
    locust_stats,
    own_records,
    sglang_bench,
    trtllm_bench,
    vllm_bench,
)
from optimizer.loadtest.level import FoundLevel


@dataclass(frozen=True, slots=True)
class Format:
    """One tool's result file."""

    name: str
    recognises: Callable[[Document], bool]
    read: Callable[[Document, list[Fault]], list[FoundLevel]]
    """Every fault found on the way is appended to the list."""


FORMATS: tuple[Format, ...] = (
    Format("gpumix loadtest run", own_records.recognises, own_records.read),
    Format("vLLM bench serve", vllm_bench.recognises, vllm_bench.read),
    Format("SGLang bench_serving", sglang_bench.recognises, sglang_bench.read),
    Format("GuideLLM", guidellm.recognises, guidellm.read),
    Format("AIPerf", aiperf.recognises, aiperf.read),
    Format("genai-perf", genai_perf.recognises, genai_perf.read),
    Format("inference-perf", inference_perf.recognises, inference_perf.read),
    Format("llmperf", llmperf.recognises, llmperf.read),
    Format("trtllm-bench", trtllm_bench.recognises, trtllm_bench.read),
    Format("llama-batched-bench", llama_batched_bench.recognises, llama_batched_bench.read),
    Format("Locust statistics", locust_stats.recognises, locust_stats.read),
)
"""The first that recognises a file reads it; no two recognise the same."""

BESIDE: tuple[tuple[str, str], ...] = (
    ("Run Info,", "GuideLLM's CSV, whose columns differ by version: import the JSON that stands beside it"),
    ("Metric,avg,min,max,sum,", "AIPerf's CSV, without its set-up: import profile_export_aiperf.json beside it"),
    ('{"metadata":{"session_num"', "AIPerf's single requests: import profile_export_aiperf.json beside them"),
    ("Timestamp,User Count,", "Locust's history: import the raw records, or the _stats.csv with TTFT and TPOT events"),
)
"""How files begin that hold results but are not the ones to import."""


def read_levels(document: Document) -> tuple[Format, list[FoundLevel]]:
    """Recognise a file by its content and read its levels.

    Raises:
        InputError: no format is recognised, or the file lacks what its format has; every fault is named.
    """
    start = document.text.lstrip()[:60]
    known = next((why for sign, why in BESIDE if start.startswith(sign)), None)
    if known is not None:
        raise InputError([Fault(document.label, "", known.partition(":")[0], known.partition(": ")[2])])
    found = next((one for one in FORMATS if one.recognises(document)), None)
    if found is None:
        names = ", ".join(one.name for one in FORMATS)
        raise InputError([Fault(document.label, "", "content of no known format", f"a result file of {names}")])
    faults: list[Fault] = []
    try:
        levels = found.read(document, faults)
    except csv.Error as error:
        raise InputError([Fault(document.label, "", f"text that CSV cannot read ({error})", "the file as written")
                          ]) from None
    if not levels and not faults:
        faults.append(Fault(document.label, "", "no level", "one measured level or more"))
    if faults:
        raise InputError(faults)
    return found, levels


__all__ = ["FORMATS", "Format", "read_levels"]
