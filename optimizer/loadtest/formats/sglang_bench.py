"""`sglang.bench_serving`: one JSON line a run.

https://github.com/sgl-project/sglang/blob/main/python/sglang/bench_serving.py
"""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault
from optimizer.loadtest.document import Document, Facts, ratio
from optimizer.loadtest.formats.vllm_bench import arrival_of, latency_of
from optimizer.loadtest.level import FoundLevel, Stated

TOOL = "SGLang bench_serving"

SIGNS = {"completed", "mean_tpot_ms", "mean_ttft_ms", "total_output_tokens", "duration"}


def _is_run(data: dict[str, Any]) -> bool:
    own = any(key in data for key in ("server_info", "sharegpt_output_len", "random_range_ratio", "accept_length",
                                       "total_output_tokens_retokenized"))
    return data.keys() >= SIGNS and own and "tokenizer_id" not in data


def recognises(document: Document) -> bool:
    """Say whether every line of the file is a run."""
    return bool(document.objects) and all(map(_is_run, document.objects))


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read every run."""
    pairs = zip(document.objects, document.places(), strict=True)
    return [_level(Facts(data, document.label, place, faults)) for data, place in pairs]


def _stated(facts: Facts) -> Stated:
    """Read what the server said of itself; only SGLang answers there."""
    if not isinstance(facts.raw("server_info"), dict):
        return Stated()
    tp, dp, pp = (facts.count(f"server_info.{size}_size") for size in ("tp", "dp", "pp"))
    attention_in_tp = bool(facts.raw("server_info.enable_dp_attention"))
    gpus = None if tp is None else tp * (1 if attention_in_tp else dp or 1) * (pp or 1)
    alone = gpus == tp
    return Stated(
        model=facts.text("server_info.served_model_name") or facts.text("server_info.model_path"),
        engine="sglang", engine_version=facts.text("server_info.version"), tp_size=tp, gpu_count=gpus,
        layout=f"tp{tp}" if alone else None)


def _level(facts: Facts) -> FoundLevel:
    """Read one run; `random_input_len` is only an upper bound, so lengths come from what was counted."""
    completed = facts.count("completed", required=True)
    rate, cap = facts.rate("request_rate"), facts.number("max_concurrency")
    said = ["TPOT leaves the first token out; it is taken, not the latency between chunks"]
    accepted = facts.number("accept_length")
    if accepted is not None and accepted > 1:
        said.append(f"speculative decoding: {accepted:g} tokens a step; TPOT is a token's share of its step")
    return FoundLevel(
        tool=TOOL, place=facts.place, arrival=arrival_of(rate, cap),
        users=cap if cap is not None else facts.number("concurrency"),
        isl_tokens=ratio(facts.number("total_input_tokens", required=True), completed),
        osl_tokens=ratio(facts.number("total_output_tokens", required=True), completed),
        ttft=latency_of(facts, "ttft", completed), tpot=latency_of(facts, "tpot", completed),
        output_tokens_per_s=facts.number("output_throughput"), requests_per_s=facts.number("request_throughput"),
        asked_rps=rate, e2e_ms=facts.number("mean_e2e_latency_ms"), completed=completed,
        stated=_stated(facts), conversions=tuple(said),
    )
