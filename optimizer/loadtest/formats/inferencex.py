"""InferenceX (formerly InferenceMAX): what its benchmark wrote, or what its aggregation made of it.

https://github.com/SemiAnalysisAI/InferenceX, utils/process_result.py: figures of vLLM's client in seconds under their
names without `_ms`; the aggregation adds the set-up (`hw`, `framework`, `tp`, `conc`) and divides by the GPUs.
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.formats.vllm_bench import arrival_of, day_of
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "InferenceX"

ENGINES = {"vllm": "vllm", "sglang": "sglang", "trt": "tensorrt-llm", "trtllm": "tensorrt-llm", "atom": "atom"}
"""`framework` -> the catalog's engine; others, such as Dynamo's, are asked for."""


def _is_run(data: dict[str, Any]) -> bool:
    return "median_tpot" in data and "median_ttft" in data and ("max_concurrency" in data or "conc" in data)


def recognises(document: Document) -> bool:
    """Say whether every mapping of the file is a run."""
    return bool(document.objects) and all(map(_is_run, document.objects))


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every run."""
    pairs = zip(document.objects, document.places(), strict=True)
    return [_level(Facts(data, document.label, place, faults)) for data, place in pairs]


def _latency(facts: Facts, name: str) -> tuple[Latency, bool]:
    """Return a latency in milliseconds, and whether only its median is stated."""
    mean, median = facts.number(f"mean_{name}"), facts.number(f"median_{name}", required=True)
    found = Latency(median if mean is None else mean, median, facts.number(f"p90_{name}"), facts.number(f"p99_{name}"))
    return found.times(1000), mean is None


def _layout(facts: Facts) -> tuple[int | None, int | None, str | None]:
    """Return (tensor-parallel size, GPUs, layout): `ep` spreads experts over the same GPUs."""
    tp = facts.count("tp")
    if str(facts.raw("dp_attention")).lower() == "true":
        return None, tp, None  # one attention group a GPU: the layout has to be named
    return tp, tp, None if tp is None else f"tp{tp}"


def _level(facts: Facts) -> FoundLevel:
    """Read one run."""
    completed = facts.count("completed")
    total_in, total_out = facts.number("total_input_tokens"), facts.number("total_output_tokens")
    isl = total_in / completed if total_in and completed else facts.number("isl")
    osl = total_out / completed if total_out and completed else facts.number("osl")
    (ttft, median), (tpot, _) = _latency(facts, "ttft"), _latency(facts, "tpot")
    tp, gpus, layout = _layout(facts)
    per_gpu = facts.number("output_tput_per_gpu")
    users = facts.number("max_concurrency") if "max_concurrency" in facts.data else facts.number("conc")
    said = ["latencies converted from s to ms"]
    if median:
        said.append("the file states medians only: they are taken as such")
    if "isl" in facts.data and completed is None:
        said.append("lengths are the nominal ones; the client draws them from 80 to 100% of these by default")
    if facts.raw("spec_decoding") not in (None, "none", "", False):
        said.append("speculative decoding: TPOT is a token's share of its step")
    e2e = facts.number("mean_e2el")
    framework = (facts.text("framework") or "").lower()
    return FoundLevel(
        tool=TOOL, place=facts.place, users=users, isl_tokens=isl, osl_tokens=osl, ttft=ttft, tpot=tpot,
        arrival="closed" if "conc" in facts.data else arrival_of(facts.rate("request_rate"), users),
        output_tokens_per_s=facts.number("output_throughput") if per_gpu is None else per_gpu * (gpus or 1),
        requests_per_s=facts.number("request_throughput"), e2e_ms=None if e2e is None else 1000 * e2e,
        completed=completed, failed=max(0, (facts.count("num_prompts") or 0) - completed) if completed else 0,
        statistic="median" if median else "mean",
        no_row="prefill and decode run apart (disagg): no catalog row has two pools" if facts.raw("disagg") is True
        else None,
        stated=Stated(
            model=facts.text("model_id") or facts.text("model"), engine=ENGINES.get(framework), gpu=facts.text("hw"),
            gpu_count=gpus, tp_size=tp, layout=layout, precision=(facts.text("precision") or "").lower() or None,
            day=day_of(facts.text("date"))),
        conversions=tuple(said))
