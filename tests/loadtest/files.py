"""Tiny result files of every known tool, made by hand: four users, 100 tokens in, 51 out, TTFT 100 ms, TPOT 10 ms.

A request takes 100 + 50 x 10 = 600 ms, so the closed loop makes 4 x 51 / 0.6 = 340 tokens/s and 6.667 requests/s.
"""

from __future__ import annotations

import json
from typing import Any

TOKENS_PER_S, REQUESTS_PER_S = 340.0, 340.0 / 51

VLLM: dict[str, Any] = {
    "date": "20260922-025155", "endpoint_type": "openai", "label": None, "model_id": "acme/Llama-8B",
    "tokenizer_id": "acme/Llama-8B", "num_prompts": 100, "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 4,
    "duration": 15.0, "completed": 100, "total_input_tokens": 10_000, "total_output_tokens": 5_100,
    "request_throughput": REQUESTS_PER_S, "request_goodput": None, "output_throughput": TOKENS_PER_S,
    "total_token_throughput": 1006.7, "mean_ttft_ms": 100.0, "median_ttft_ms": 90.0, "std_ttft_ms": 50.0,
    "p99_ttft_ms": 300.0, "mean_tpot_ms": 10.0, "median_tpot_ms": 9.9, "std_tpot_ms": 1.0, "p99_tpot_ms": 12.0,
    "mean_itl_ms": 9.2, "median_itl_ms": 9.1, "std_itl_ms": 2.0, "p99_itl_ms": 14.0,
}
"""The key set of 2025."""

VLLM_2024: dict[str, Any] = {
    key: value for key, value in VLLM.items()
    if key not in ("endpoint_type", "label", "burstiness", "max_concurrency", "request_goodput")
} | {"backend": "vllm", "best_of": 1, "ttfts": [0.1], "itls": [[0.01, 0.01]], "input_lens": [100], "errors": [""]}

VLLM_025: dict[str, Any] = VLLM | {
    "backend": "openai", "failed": 2, "num_prompts": 102, "max_output_tokens_per_s": 600.0,
    "max_concurrent_requests": 6, "rtfx": 0.0, "p90_tpot_ms": 11.0, "p90_ttft_ms": 200.0}
"""`max_concurrent_requests` is the peak that was seen: 6, with 4 users."""

SGLANG: dict[str, Any] = {
    "backend": "sglang", "dataset_name": "random", "request_rate": float("inf"), "max_concurrency": 4,
    "sharegpt_output_len": None, "random_input_len": 200, "random_output_len": 102, "random_range_ratio": 0.0,
    "duration": 15.0, "completed": 100, "total_input_tokens": 10_000, "total_output_tokens": 5_100,
    "total_output_tokens_retokenized": 5_098, "request_throughput": REQUESTS_PER_S, "input_throughput": 666.7,
    "output_throughput": TOKENS_PER_S, "mean_e2e_latency_ms": 600.0, "mean_ttft_ms": 100.0, "median_ttft_ms": 90.0,
    "std_ttft_ms": 50.0, "p99_ttft_ms": 300.0, "mean_tpot_ms": 10.0, "median_tpot_ms": 9.9, "std_tpot_ms": 1.0,
    "p99_tpot_ms": 12.0, "mean_itl_ms": 10.66, "median_itl_ms": 3.65, "p95_itl_ms": 20.0, "concurrency": 3.9,
    "accept_length": None,
    "server_info": {"model_path": "acme/Llama-8B", "version": "0.5.1", "tp_size": 2, "dp_size": 1, "pp_size": 1,
                    "dtype": "auto"},
}


def _spread(mean: float, **more: float) -> dict[str, Any]:
    percentiles = {"p50": more.pop("p50", mean), "p90": more.pop("p90", mean), "p99": more.pop("p99", mean)}
    figures = {"mean": mean, "median": percentiles["p50"], "std_dev": 1.0, "count": 100, "percentiles": percentiles}
    return {"successful": figures | more}


def guidellm_metrics() -> dict[str, Any]:
    """The metrics of one benchmark; the time per output token includes the first: 600 / 51 = 11.76 ms."""
    return {
        "requests_per_second": _spread(REQUESTS_PER_S), "request_concurrency": _spread(3.9),
        "request_latency": _spread(0.6), "prompt_token_count": _spread(100.0), "output_token_count": _spread(51.0),
        "time_to_first_token_ms": _spread(100.0, p50=90.0, p90=200.0, p99=300.0),
        "time_per_output_token_ms": _spread(11.76),
        "inter_token_latency_ms": _spread(10.0, p50=9.9, p90=11.0, p99=12.0),
        "output_tokens_per_second": _spread(TOKENS_PER_S, p50=900.0),
    }


TOTALS = {"successful": 100, "errored": 0, "incomplete": 4, "total": 104}

GUIDELLM_03: dict[str, Any] = {"benchmarks": [{
    "type_": "generative_benchmark", "args": {"strategy": {"type_": "concurrent", "streams": 4}},
    "worker": {"backend_model": "acme/Llama-8B"}, "run_stats": {"requests_made": TOTALS}, "metrics": guidellm_metrics(),
    "start_time": 1758664746.1, "end_time": 1758664761.1, "duration": 15.0,
}]}

GUIDELLM_08: dict[str, Any] = {
    "metadata": {"version": 2, "guidellm_version": "0.8.1"},
    "config": {"metadata": {"labels": {"gpu": "Big 80GB"}}, "spec": {"backend": {"model": "acme/Llama-8B"}}},
    "benchmarks": [{
        "type_": "generative_benchmark",
        "config": {"strategy": {"type_": "concurrent", "max_concurrency": 4, "streams": 4}},
        "metrics": guidellm_metrics() | {"request_totals": TOTALS, "time_to_first_output_token_ms": _spread(500.0)},
        "start_time": 1758664746.1, "duration": 15.0, "warmup_duration": 0.0,
    }],
    "conclusions": {},
}
"""A reasoning model: its first token is one of reasoning, the answer's first comes after 500 ms."""


def _unit(unit: str, avg: float, **more: float) -> dict[str, Any]:
    return {"unit": unit, "avg": avg, **more}


AIPERF: dict[str, Any] = {
    "schema_version": "1.4", "aiperf_version": "0.13.0", "request_throughput": _unit("requests/sec", REQUESTS_PER_S),
    "request_latency": _unit("ms", 600.0), "request_count": _unit("requests", 100.0),
    "time_to_first_token": _unit("ms", 100.0, p50=90.0, p90=200.0, p99=300.0, std=50.0, count=100),
    "inter_token_latency": _unit("ms", 10.0, p50=9.9, p90=11.0, p99=12.0, std=1.0, count=100),
    "inter_chunk_latency": _unit("ms", 20.0), "output_token_throughput": _unit("tokens/sec", TOKENS_PER_S),
    "output_token_throughput_per_user": _unit("tokens/sec/user", 102.6),
    "output_sequence_length": _unit("tokens", 51.0), "input_sequence_length": _unit("tokens", 72.0),
    "usage_prompt_tokens": _unit("tokens", 100.0), "benchmark_duration": _unit("sec", 15.0),
    "error_request_count": _unit("requests", 2.0),
    "input_config": {
        "models": {"items": [{"name": "acme/Llama-8B"}]},
        "phases": [{"name": "warmup", "kind": "warmup", "type": "concurrency", "concurrency": 8},
                   {"name": "profiling", "kind": "profiling", "type": "concurrency", "concurrency": 4}]},
    "was_cancelled": False, "start_time": "2026-09-22T07:08:44.043968",
}
"""The client counted 72 input tokens, the server 100; the mean of user speeds is 102.6, not 100."""

GENAI_PERF = """\
Metric,avg,min,max,p99,p95,p90,p75,p50,p25
Time To First Token (ms),100.00,22.92,"1,300.00",300.00,250.00,200.00,120.00,90.00,23.02
Inter Token Latency (ms),10.00,9.45,12.70,12.00,11.50,11.00,10.55,9.90,9.52
Request Latency (ms),600.00,512.73,"5,934.45","5,933.31",928.74,923.03,620.17,598.56,515.29
Output Sequence Length,51.00,50.00,52.00,52.00,52.00,52.00,51.00,51.00,51.00
Input Sequence Length,100.00,100.00,100.00,100.00,100.00,100.00,100.00,100.00,100.00

Metric,Value
Output Token Throughput (per sec),340.00
Request Throughput (per sec),6.67
Request Count (count),"1,100.00"
"""

GENAI_PERF_NS = """\
Metric,avg,min,max,p99,p95,p90,p75,p50,p25
Time To First Token (ns),"100,000,000",1,2,"300,000,000",3,"200,000,000",3,"90,000,000",1
Inter Token Latency (ns),"10,000,000",1,2,"12,000,000",3,"11,000,000",3,"9,900,000",1
Output Sequence Length,51,50,52,52,52,52,51,51,51
Input Sequence Length,100,100,100,100,100,100,100,100,100

Metric,Value
Output Token Throughput (per sec),340.00
Request Throughput (per sec),6.67
"""


def _seconds(mean: float, **more: float) -> dict[str, float]:
    return {"mean": mean, "median": mean, "p90": mean, "p99": mean, **more}


INFERENCE_PERF: dict[str, Any] = {
    "load_summary": {"count": 100, "send_duration": 15.0, "requested_rate": REQUESTS_PER_S,
                     "achieved_rate": REQUESTS_PER_S},
    "successes": {
        "count": 100,
        "latency": {
            "request_latency": _seconds(0.6), "normalized_time_per_output_token": _seconds(0.01176),
            "time_per_output_token": _seconds(0.010, median=0.0099, p90=0.011, p99=0.012),
            "time_to_first_token": _seconds(0.1, median=0.09, p90=0.2, p99=0.3),
            "inter_token_latency": _seconds(0.010, median=4.8e-5)},
        "throughput": {"output_tokens_per_sec": TOKENS_PER_S, "requests_per_sec": REQUESTS_PER_S},
        "prompt_len": _seconds(100.0), "output_len": _seconds(51.0)},
    "failures": {"count": 0},
}

LLMPERF: dict[str, Any] = {
    "version": "2023-08-31", "name": "x", "model": "acme/Llama-8B", "num_concurrent_requests": 4,
    "results_inter_token_latency_s_mean": 0.6 / 51, "results_inter_token_latency_s_quantiles_p50": 0.0117,
    "results_ttft_s_mean": 0.1, "results_ttft_s_quantiles_p50": 0.09, "results_ttft_s_quantiles_p90": 0.2,
    "results_ttft_s_quantiles_p99": 0.3, "results_ttft_s_stddev": 0.05, "results_end_to_end_latency_s_mean": 0.6,
    "results_number_input_tokens_mean": 100.0, "results_number_output_tokens_mean": 51.0,
    "results_num_requests_started": 100, "results_error_rate": 0.0, "results_number_errors": 0,
    "results_num_completed_requests": 100, "results_num_completed_requests_per_min": 60 * REQUESTS_PER_S,
    "timestamp": 1758664746,
}

TRTLLM: dict[str, Any] = {
    "engine": {"model": "acme/Llama-8B", "backend": "PyTorch", "version": "1.1.0", "dtype": "bfloat16",
               "kv_cache_dtype": None, "quantization": "FP8"},
    "world_info": {"tp_size": 2, "pp_size": 1, "ep_size": 1, "world_size": 2, "max_batch_size": 64},
    "machine": {"name": "Big 80GB"},
    "request_info": {"num_requests": 100, "avg_num_concurrent_requests": 4.0, "avg_input_length": 100.0,
                     "avg_output_length": 51.0},
    "performance": {"total_latency_ms": 15000.0, "avg_request_latency_ms": 600.0,
                    "request_throughput_req_s": REQUESTS_PER_S, "system_output_throughput_tok_s": TOKENS_PER_S,
                    "output_throughput_per_user_tok_s": 85.0},
    "streaming_metrics": {"avg_ttft_ms": 100.0, "avg_tpot_ms": 10.0, "token_output_speed_tok_s": 100.0,
                          "ttft_percentiles": {"p50": 90.0, "p90": 200.0, "p99": 300.0},
                          "tpot_percentiles": {"p50": 9.9, "p90": 11.0, "p99": 12.0}},
}

LLAMA_BATCHED_JSONL = json.dumps({
    "n_kv_max": 2048, "is_pp_shared": 0, "pp": 100, "tg": 51, "pl": 4, "n_kv": 604, "t_pp": 0.1, "speed_pp": 4000.0,
    "t_tg": 0.51, "speed_tg": 400.0, "t": 0.61, "speed": 990.0}) + "\n"

LLAMA_BATCHED_TABLE = """\
main: n_kv_max = 2048, n_batch = 2048, is_pp_shared = 0, n_gpu_layers = -1

|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|
|   100 |     51 |    4 |    604 |    0.100 |  4000.00 |    0.510 |   400.00 |    0.610 |   990.16 |
"""

LOCUST = """\
Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,\
Average Content Size,Requests/s,Failures/s,50%,66%
POST,gen,100,0,10,76.2,3.7,358.3,0.0,6.667,0.0,10,88
TPOT,gen,100,0,10,10.0,9.0,12.0,51.0,6.667,0.0,10,10
TPOT_us,gen,100,0,10000,10000.0,9000,12000,51.0,6.667,0.0,10000,10000
TTFT,gen,100,0,90,100.0,80,300.0,51.0,6.667,0.0,90,100
,Aggregated,400,0,10,2546.5,3.7,12000,38.0,26.7,0.0,10,88
"""


def records(users: int = 4, count: int = 40, **changes: Any) -> list[dict[str, Any]]:
    """Records of a perfect closed loop: every user sends its next request when the last one has ended."""
    return [
        {"level": users, "t0": 0.6 * (number // users), "end": 0.6 * (number // users) + 0.6, "ttft_ms": 100.0,
         "tpot_ms": 10.0, "e2e_ms": 600.0, "n_out": 51, "chunks": 51, "n_in": 100, "srv": None, "err": None, **changes}
        for number in range(count)
    ]


def jsonl(lines: list[dict[str, Any]]) -> str:
    """Write one JSON a line."""
    return "".join(json.dumps(line) + "\n" for line in lines)


INFERENCE_PERF_07: dict[str, Any] = {
    "benchmark_time_seconds": 15.0,
    "load_summary": INFERENCE_PERF["load_summary"] | {"concurrency": 4},
    "successes": {
        **{key: INFERENCE_PERF["successes"][key] for key in ("count", "latency")},
        "throughput": {"output_tokens_per_sec": TOKENS_PER_S * 60 / 51, "input_tokens_per_sec": 1.0},
        "prompt_tokens": {"total": 10_000.0, "cached": 0.0}, "output_tokens": {"total": 5_100.0, "mean": 51.0},
        "output_len": _seconds(60.0)},
    "failures": {"count": 0},
}
"""Counts of the server beside the client's own, which sees 60 tokens where the server made 51."""

AIPERF_WARM_UP: dict[str, Any] = AIPERF | {
    "request_count": _unit("requests", 16.0), "error_request_count": _unit("requests", 0.0),
    "input_config": {"phases": [
        {"name": "warmup", "kind": "warmup", "type": "concurrency", "concurrency": 8, "requests": 16},
        {"name": "profiling", "kind": "profiling", "type": "concurrency", "concurrency": 4, "requests": 100}]}}

AIPERF_SWEEP: dict[str, Any] = {
    "aggregation_type": "sweep", "num_profile_runs": 1, "metadata": {"sweep_parameters": []},
    "per_combination_metrics": [{"parameters": {"concurrency": 4}, "metrics": {
        key: AIPERF[key] | {"std": 0.0} for key in (
            "request_throughput", "request_latency", "request_count", "time_to_first_token", "inter_token_latency",
            "output_token_throughput", "output_sequence_length", "usage_prompt_tokens")}}]}

GENAI_PERF_JSON: dict[str, Any] = {
    key: AIPERF[key] for key in (
        "request_throughput", "request_latency", "request_count", "time_to_first_token", "inter_token_latency",
        "output_token_throughput", "output_sequence_length")
} | {"input_sequence_length": _unit("tokens", 100.0), "input_config": {
    "model_names": ["acme/Llama-8B"], "perf_analyzer": {"stimulus": {"concurrency": 4}}}}

INFERENCEX: dict[str, Any] = {
    "date": "20260213-135636", "model_id": "acme/Llama-8B", "tokenizer_id": "acme/Llama-8B", "num_prompts": 100,
    "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 4, "duration": 15.0, "completed": 100,
    "total_input_tokens": 10_000, "total_output_tokens": 5_100, "request_throughput": REQUESTS_PER_S,
    "output_throughput": TOKENS_PER_S, "median_ttft": 0.1, "p99_ttft": 0.3, "median_tpot": 0.010, "p99_tpot": 0.012}
"""In seconds, and medians only."""

INFERENCEX_AGG: dict[str, Any] = {
    "hw": "Big 80GB", "conc": 4, "image": "acme/serve:1", "model": "acme/Llama-8B", "framework": "vllm",
    "precision": "fp8", "spec_decoding": "none", "disagg": False, "isl": 100, "osl": 51, "is_multinode": False, "tp": 2,
    "ep": 1, "dp_attention": "false", "tput_per_gpu": 503.0, "output_tput_per_gpu": TOKENS_PER_S / 2,
    "mean_ttft": 0.1, "median_ttft": 0.09, "p99_ttft": 0.3, "mean_tpot": 0.010, "median_tpot": 0.0099,
    "p99_tpot": 0.012, "median_intvty": 101.0, "mean_e2el": 0.6}

BENCHMARK_REPORT: dict[str, Any] = {
    "version": "0.2", "run": {"uid": "x", "time": {"start": "2026-11-22T10:00:00Z"}},
    "scenario": {
        "stack": [{"standardized": {
            "kind": "inference_engine", "tool": "vllm", "tool_version": "0.33.0", "model": {"name": "acme/Llama-8B"},
            "accelerator": {"model": "Big 80GB", "count": 2, "parallelism": {"tp": 2}}}}],
        "load": {"standardized": {"tool": "inference-perf", "concurrency": 4}}},
    "results": {"request_performance": {"aggregate": {
        "requests": {"total": 100, "failures": 0, "input_length": {"units": "count", "mean": 100.0},
                     "output_length": {"units": "count", "mean": 51.0}},
        "latency": {
            "time_to_first_token": {"units": "s", "mean": 0.1, "p50": 0.09, "p90": 0.2, "p99": 0.3},
            "time_per_output_token": {"units": "ms/token", "mean": 10.0, "p50": 9.9, "p90": 11.0, "p99": 12.0},
            "request_latency": {"units": "ms", "mean": 600.0}},
        "throughput": {"output_token_rate": {"units": "tokens/s", "mean": TOKENS_PER_S},
                       "request_rate": {"units": "queries/s", "mean": REQUESTS_PER_S}}}}},
}

CONSOLE = """\
# ============ Serving Benchmark Result ============
# Successful requests:                     100
# Failed requests:                         0
# Maximum request concurrency:             4
# Benchmark duration (s):                  15.00
# Total input tokens:                      10000
# Total generated tokens:                  5100
# Request throughput (req/s):              6.67
# Output token throughput (tok/s):         340.00
# ---------------Time to First Token----------------
# Mean TTFT (ms):                          100.00
# Median TTFT (ms):                        90.00
# P90 TTFT (ms):                           200.00
# P99 TTFT (ms):                           300.00
# -----Time per Output Token (excl. 1st token)------
# Mean TPOT (ms):                          10.00
# Median TPOT (ms):                        9.90
# P90 TPOT (ms):                           11.00
# P99 TPOT (ms):                           12.00
# ==================================================
"""

CONSOLE_SGLANG = """\
============ Serving Benchmark Result ============
Backend:                                 sglang
Traffic request rate:                    inf
Max request concurrency:                 4
Successful requests:                     100
Benchmark duration (s):                  15.00
Total input tokens:                      10000
Total generated tokens:                  5100
Total generated tokens (retokenized):    5098
Request throughput (req/s):              6.67
Output token throughput (tok/s):         340.00
Concurrency:                             3.90
Mean E2E Latency (ms):                   600.00
Mean TTFT (ms):                          100.00
Mean TPOT (ms):                          10.00
==================================================
"""

_GUIDELLM_CELLS = {
    ("Run Info", "Backend", ""): '{"model": "acme/Llama-8B"}', ("Benchmark", "ID", ""): "one",
    ("Benchmark", "Strategy", ""): "concurrent@4", ("Timings", "Start Time", ""): "2026-11-22 10:00:00",
    ("Request Counts", "Successful", ""): "100", ("Request Counts", "Errored", ""): "0",
    **{(group, field, column): text for (group, field), cells in {
        ("Request Latency", "Successful Sec"): ("0.6", "0.6", "0.0", "[]"),
        ("Time to First Token", "Successful ms"): ("100.0", "90.0", "1.0", "[0,0,0,0,0,90.0,0,200.0,0,300.0,0]"),
        ("Inter Token Latency", "Successful ms"): ("10.0", "9.9", "1.0", "[0,0,0,0,0,9.9,0,11.0,0,12.0,0]"),
        ("Token Metrics", "Successful Input Tokens"): ("100.0", "100.0", "0.0", "[]"),
        ("Token Metrics", "Successful Output Tokens"): ("51.0", "51.0", "0.0", "[]"),
        ("Token Throughput", "Successful Output Tokens/Sec"): ("340.0", "900.0", "0.0", "[]"),
    }.items() for column, text in zip(("Mean", "Median", "Std Dev", "Percentiles"), cells, strict=True)},
}

GUIDELLM_CSV = "".join(
    ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if "," in cell or '"' in cell else cell for cell in row) + "\n"
    for row in (*zip(*_GUIDELLM_CELLS, strict=True), tuple(_GUIDELLM_CELLS.values())))

_LLAMA: dict[str, Any] = {
    "build_commit": "abc", "build_number": 7000, "model_filename": "x.gguf", "model_type": "llama 8B Q8_0",
    "gpu_info": "Big 80GB", "backends": "CUDA", "n_gpu_layers": 99, "n_depth": 0, "test_time": "2026-11-22T10:00:00Z"}

LLAMA_BENCH: list[dict[str, Any]] = [
    _LLAMA | {"n_prompt": 100, "n_gen": 0, "avg_ts": 1000.0}, _LLAMA | {"n_prompt": 0, "n_gen": 51, "avg_ts": 100.0},
    _LLAMA | {"n_prompt": 100, "n_gen": 51, "avg_ts": 250.0}]
"""100 tokens of a prompt at 1000/s take 100 ms, a token at 100/s takes 10 ms; the last test mixes both."""

LLAMA_BENCH_TABLE = """\
| model         |     size | params | backend | ngl |  test |            t/s |
| ------------- | -------: | -----: | ------- | --: | ----: | -------------: |
| llama 8B Q8_0 | 7.95 GiB | 8.03 B | CUDA    |  99 | pp100 | 1000.00 \u00b1 5.00 |
| llama 8B Q8_0 | 7.95 GiB | 8.03 B | CUDA    |  99 |  tg51 |  100.00 \u00b1 0.50 |
"""
