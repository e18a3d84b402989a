"""The result formats of load-test tools: one module each, which says whether a file is its own and reads its levels."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optimizer.errors import Fault, InputError
from optimizer.loadtest.document import Document
from optimizer.loadtest.formats import (
    aiperf,
    benchmark_report,
    genai_perf,
    guidellm,
    guidellm_csv,
    inference_perf,
    inferencex,
    llama_batched_bench,
    llama_bench,
    llmperf,
    locust_stats,
    mapped_csv,
    own_records,
    sglang_bench,
    trtllm_bench,
    vllm_bench,
    vllm_console,
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
    Format("vLLM or SGLang console text", vllm_console.recognises, vllm_console.read),
    Format("GuideLLM", guidellm.recognises, guidellm.read),
    Format("GuideLLM CSV", guidellm_csv.recognises, guidellm_csv.read),
    Format("AIPerf", aiperf.recognises, aiperf.read),
    Format("genai-perf", genai_perf.recognises, genai_perf.read),
    Format("inference-perf", inference_perf.recognises, inference_perf.read),
    Format("llmperf", llmperf.recognises, llmperf.read),
    Format("trtllm-bench", trtllm_bench.recognises, trtllm_bench.read),
    Format("InferenceX", inferencex.recognises, inferencex.read),
    Format("benchmark report 0.2", benchmark_report.recognises, benchmark_report.read),
    Format("llama-bench", llama_bench.recognises, llama_bench.read),
    Format("llama-batched-bench", llama_batched_bench.recognises, llama_batched_bench.read),
    Format("Locust statistics", locust_stats.recognises, locust_stats.read),
)
"""The first that recognises a file reads it; no two recognise the same."""

BESIDE: tuple[tuple[Callable[[Document], bool], str, str], ...] = (
    (lambda file: _starts(file, "Run Info,") and not guidellm_csv.recognises(file),
     "GuideLLM's CSV of a version before 0.4", "the JSON that stands beside it"),
    (lambda file: _starts(file, "Metric,avg,min,max,sum,"), "AIPerf's CSV, without its set-up",
     "profile_export_aiperf.json beside it"),
    (lambda file: _starts(file, '{"metadata":{"session_num"'), "AIPerf's single requests",
     "profile_export_aiperf.json beside them"),
    (lambda file: _has(file, "aggregation_type", "num_profile_runs") and not aiperf.recognises(file),
     "AIPerf's aggregate of several runs", "profile_export_aiperf.json of each run"),
    (lambda file: _starts(file, "Timestamp,User Count,"), "Locust's history",
     "the raw records, or the _stats.csv with TTFT and TPOT events"),
    (lambda file: vllm_bench.offline_of(file.whole) == "throughput",
     "vLLM bench throughput: all requests at once, without latencies", "the JSON of vllm bench serve, a level a file"),
    (lambda file: vllm_bench.offline_of(file.whole) == "latency",
     "vLLM bench latency: whole batches, without their first tokens", "the JSON of vllm bench serve, a level a file"),
    (lambda file: _all_have(file, "inter_token_latency_s", "end_to_end_latency_s"), "llmperf's single requests",
     "the _summary.json beside them"),
    (lambda file: _all_have(file, "start_time", "end_time", "request", "info"), "inference-perf's single requests",
     "stage_N_lifecycle_metrics.json beside them"),
)
"""Files that hold results but are not the ones to import: (how they are known, what they are, what to import)."""


def _starts(file: Document, sign: str) -> bool:
    return file.text.lstrip("\ufeff\r\n ").startswith(sign)


def _has(file: Document, *keys: str) -> bool:
    return isinstance(file.whole, dict) and file.whole.keys() >= set(keys)


def _all_have(file: Document, *keys: str) -> bool:
    return bool(file.objects) and all(row.keys() >= set(keys) for row in file.objects)


MAPPED = "mapped columns"


def read_levels(document: Document, columns: Mapping[str, str] | None = None) -> tuple[Format, list[FoundLevel]]:
    """Recognise a file by its content and read its levels.

    Args:
        document: the file.
        columns: field -> column, for a table that the user maps; no format is looked for then.

    Raises:
        InputError: no format is recognised, or the file lacks what its format has; every fault is named.
    """
    found = _mapped(columns) if columns else _recognised(document)
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


def _mapped(columns: Mapping[str, str]) -> Format:
    return Format(MAPPED, lambda _: True, lambda document, faults: mapped_csv.read_mapped(document, columns, faults))


def _recognised(document: Document) -> Format:
    """Find the format of a file.

    Raises:
        InputError: none is its own; the file to import instead is named where it is known.
    """
    for is_it, what, instead in BESIDE:
        if is_it(document):
            raise InputError([Fault(document.label, "", what, f"import {instead}")])
    found = next((one for one in FORMATS if one.recognises(document)), None)
    if found is None:
        names = ", ".join(one.name for one in FORMATS)
        allowed = f"a result file of {names}; or any table with --map COLUMN=FIELD"
        raise InputError([Fault(document.label, "", "content of no known format", allowed)])
    return found


__all__ = ["FORMATS", "Format", "read_levels"]
