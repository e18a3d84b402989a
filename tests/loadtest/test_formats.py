"""Every format gives the same level, and every trap of the formats is stepped around."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from optimizer.errors import InputError
from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import FORMATS, read_levels
from optimizer.loadtest.formats.mapped_csv import mapping_of
from optimizer.loadtest.level import FoundLevel
from tests.loadtest import files

TEXTS = {
    "vllm 2025": json.dumps(files.VLLM), "vllm 2024": json.dumps(files.VLLM_2024),
    "vllm 0.25": json.dumps(files.VLLM_025), "vllm sweep": json.dumps([files.VLLM | {"max_num_seqs": 64}]),
    "sglang": json.dumps(files.SGLANG) + "\n", "guidellm 0.3": json.dumps(files.GUIDELLM_03),
    "guidellm 0.8": json.dumps(files.GUIDELLM_08), "aiperf": json.dumps(files.AIPERF), "genai-perf": files.GENAI_PERF,
    "genai-perf ns": files.GENAI_PERF_NS, "inference-perf": json.dumps(files.INFERENCE_PERF),
    "llmperf": json.dumps(files.LLMPERF), "llmperf levels": json.dumps({"4": files.LLMPERF}),
    "trtllm-bench": json.dumps(files.TRTLLM), "llama-batched-bench": files.LLAMA_BATCHED_JSONL,
    "llama-batched-bench table": files.LLAMA_BATCHED_TABLE, "locust": files.LOCUST,
    "own records": files.jsonl(files.records()),
    "inference-perf 0.7": json.dumps(files.INFERENCE_PERF_07), "aiperf sweep": json.dumps(files.AIPERF_SWEEP),
    "genai-perf json": json.dumps(files.GENAI_PERF_JSON), "inferencex": json.dumps(files.INFERENCEX),
    "inferencex aggregated": json.dumps([files.INFERENCEX_AGG]), "benchmark report": json.dumps(files.BENCHMARK_REPORT),
    "benchmark report yaml": yaml.safe_dump(files.BENCHMARK_REPORT), "console": files.CONSOLE,
    "console sglang": files.CONSOLE_SGLANG, "guidellm csv": files.GUIDELLM_CSV,
    "guidellm yaml": yaml.safe_dump(files.GUIDELLM_08), "llama-bench": json.dumps(files.LLAMA_BENCH),
    "llama-bench lines": files.jsonl(files.LLAMA_BENCH), "llama-bench table": files.LLAMA_BENCH_TABLE,
    "llama-bench csv": "".join(",".join(map(str, row)) + "\n" for row in (
        files.LLAMA_BENCH[0], *(test.values() for test in files.LLAMA_BENCH))),
}


def levels(text: str) -> list[FoundLevel]:
    return read_levels(document_of(text, "result"))[1]


def level(data: object) -> FoundLevel:
    (one,) = levels(data if isinstance(data, str) else json.dumps(data))
    return one


def changed(data: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """Return a copy with another value at a dotted key."""
    copied = copy.deepcopy(data)
    target: Any = copied
    *path, last = key.split(".")
    for part in path:
        target = target[int(part)] if isinstance(target, list) else target[part]
    target[last] = value
    return copied


@pytest.mark.parametrize("name", TEXTS)
def test_every_format_gives_the_same_level(name: str) -> None:
    one = level(TEXTS[name])
    assert (one.ttft.mean, one.tpot.mean) == (pytest.approx(100.0), pytest.approx(10.0))
    if not name.startswith("locust"):  # its statistics know no lengths
        assert (one.isl_tokens, one.osl_tokens) == (pytest.approx(100), pytest.approx(51))
    if not name.startswith(("llama", "locust")):  # no server; no tokens
        assert one.output_tokens_per_s == pytest.approx(340.0, rel=1e-9)
    if name not in ("genai-perf", "genai-perf ns", "locust", "vllm 2024") and "llama-bench" not in name:  # silent
        assert one.users == pytest.approx(4.0)


@pytest.mark.parametrize("name", ["vllm 0.25", "guidellm 0.8", "guidellm csv", "guidellm yaml", "aiperf",
                                  "aiperf sweep", "genai-perf json", "benchmark report", "console", "genai-perf",
                                  "genai-perf ns", "inference-perf", "trtllm-bench"])
def test_percentiles_are_those_of_the_file(name: str) -> None:
    one = level(TEXTS[name])
    assert [one.ttft.p50, one.ttft.p90, one.ttft.p99] == pytest.approx([90.0, 200.0, 300.0])
    assert [one.tpot.p50, one.tpot.p90, one.tpot.p99] == pytest.approx([9.9, 11.0, 12.0])


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_is_recognised_by_one_format_only(name: str) -> None:
    document = document_of(TEXTS[name], "result")
    assert len([one.name for one in FORMATS if one.recognises(document)]) == 1


def test_unknown_content_names_the_known_formats() -> None:
    for text in ("", "hello", "a: 1\n", "a: [1\n", "{}", "[1, 2]", '{"a": 1}', "a,b\n1,2\n"):
        with pytest.raises(InputError, match="content of no known format; allowed: a result file of gpumix"):
            levels(text)


@pytest.mark.parametrize(("start", "said"), [
    ("Run Info,Run Info\n", "import the JSON"),
    ('{"avg_latency": 0.7, "latencies": [0.7], "percentiles": {}}', "vLLM bench latency: whole batches"),
    ('{"elapsed_time": 1, "num_requests": 1, "requests_per_second": 1, "tokens_per_second": 9}', "bench throughput"),
    ('{"aggregation_type": "confidence", "num_profile_runs": 3}', "profile_export_aiperf.json of each run"),
    ('[{"inter_token_latency_s": 0.1, "end_to_end_latency_s": 1}]', "_summary.json"),
    ("Metric,avg,min,max,sum,p1\n", "profile_export_aiperf.json"),
    ('{"metadata":{"session_num":0}}\n', "profile_export_aiperf.json"), ("Timestamp,User Count,Type\n", "raw records"),
])
def test_files_beside_the_right_one_point_to_it(start: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        levels(start)


@pytest.mark.parametrize(("name", "key", "value"), [
    ("VLLM", "mean_tpot_ms", "ten"), ("VLLM", "completed", None), ("VLLM", "mean_ttft_ms", float("nan")),
    ("SGLANG", "total_output_tokens", -1), ("GUIDELLM_08", "benchmarks.0.metrics.inter_token_latency_ms", {}),
    ("AIPERF", "time_to_first_token.unit", "weeks"), ("TRTLLM", "streaming_metrics", None),
    ("LLMPERF", "results_end_to_end_latency_s_mean", True), ("INFERENCE_PERF", "successes.count", None),
])
def test_what_is_no_figure_is_a_fault_with_its_key(name: str, key: str, value: object) -> None:
    with pytest.raises(InputError) as raised:
        level(changed(getattr(files, name), key, value))
    assert key.split(".")[-1] in str(raised.value)


def test_trap_2_a_rate_of_infinity_and_no_cap_is_a_burst_in_either_spelling() -> None:
    assert level(files.VLLM | {"max_concurrency": None}).arrival == "burst"
    assert level(files.SGLANG | {"max_concurrency": None}).arrival == "burst"  # bare Infinity in the file
    assert "Infinity" in json.dumps(files.SGLANG)
    assert level(files.VLLM | {"max_concurrency": None, "request_rate": 16.0}).arrival == "open"


def test_trap_3_the_peak_of_requests_is_not_the_level_and_failures_are_counted() -> None:
    old, new = level(files.VLLM_2024 | {"num_prompts": 103}), level(files.VLLM_025)
    assert (old.users, old.arrival, old.failed) == (None, "closed", 3)  # 103 asked, 100 done; the cap is not stated
    assert (new.users, new.failed) == (4, 2)


def test_trap_4_the_clients_protocol_is_not_the_engine() -> None:
    assert level(files.VLLM_025).stated.engine is None
    assert level(files.VLLM | {"endpoint_type": "vllm"}).stated.engine is None


def test_trap_5_guidellm_tpot_includes_the_first_token() -> None:
    one = level(files.GUIDELLM_03)
    assert one.tpot.mean == 10.0  # not 11.76
    assert any("includes the first token" in said for said in one.conversions)


def test_trap_6_guidellm_rates_are_taken_by_their_mean() -> None:
    assert level(files.GUIDELLM_08).output_tokens_per_s == 340.0  # the median is 900


def test_trap_7_both_layouts_of_guidellm_state_the_model_and_labels_the_gpu() -> None:
    assert level(files.GUIDELLM_03).stated.model == level(files.GUIDELLM_08).stated.model == "acme/Llama-8B"
    assert level(files.GUIDELLM_08).stated.gpu == "Big 80GB"
    rate = changed(files.GUIDELLM_08, "benchmarks.0.config.strategy", {"type_": "constant", "rate": 6.7})
    assert (level(rate).arrival, level(rate).users) == ("open", 3.9)  # the mean in flight, not a cap
    burst = changed(files.GUIDELLM_08, "benchmarks.0.config.strategy", {"type_": "throughput", "max_concurrency": 512})
    assert level(burst).arrival == "burst"


def test_trap_8_inference_perf_is_in_seconds_and_its_summary_is_no_level() -> None:
    one = level(files.INFERENCE_PERF)
    assert (one.tpot.mean, one.tpot.p50) == (pytest.approx(10.0), pytest.approx(9.9))  # not the 0.048 ms between chunks
    assert (one.arrival, one.users) == ("open", pytest.approx(4.0))  # 6.667/s x 0.6 s
    summary = changed(files.INFERENCE_PERF, "load_summary", {"count": 100})
    assert level(summary).arrival == "mixed"
    closed = changed(files.INFERENCE_PERF, "load_summary.concurrency", 4)
    assert level(closed).arrival == "closed"


def test_trap_9_tpot_is_taken_not_the_latency_between_chunks() -> None:
    assert level(files.VLLM).tpot.mean == 10.0  # mean ITL 9.2
    assert level(files.SGLANG).tpot.p50 == 9.9  # median ITL 3.65


def test_trap_10_user_speed_is_the_reciprocal_of_the_mean() -> None:
    one = level(files.AIPERF)
    assert one.tpot.mean is not None
    assert 1000 / one.tpot.mean == 100.0  # the file's mean of user speeds is 102.6
    assert one.users == 4  # the warm-up had 8


def test_trap_12_input_tokens_are_those_the_server_counted() -> None:
    one = level(files.AIPERF)
    assert one.isl_tokens == 100
    assert "input tokens as the server counts them: 100 (the client counted 72)" in one.conversions


def test_trap_13_thousands_separators_and_nanoseconds() -> None:
    assert level(files.GENAI_PERF).completed == 1100
    assert "latencies converted from ns to ms" in level(files.GENAI_PERF_NS).conversions
    with pytest.raises(InputError, match="allowed: ms, sec, s, us, ns"):
        level(files.GENAI_PERF.replace("Inter Token Latency (ms)", "Inter Token Latency (weeks)"))


def test_trap_14_own_records_divide_by_tokens_after_the_first() -> None:
    server = {"predicted_n": 64, "predicted_ms": 924.57, "predicted_per_token_ms": 14.68}
    assert server["predicted_ms"] / (server["predicted_n"] - 1) == pytest.approx(server["predicted_per_token_ms"], 1e-3)
    assert level(files.jsonl(files.records(srv=server))).tpot.mean == pytest.approx(10.0)


def test_trap_15_a_first_token_of_reasoning_is_said() -> None:
    assert any("one of reasoning" in said for said in level(files.GUIDELLM_08).conversions)
    assert not any("reasoning" in said for said in level(files.AIPERF).conversions)
    reasoning = files.AIPERF | {"time_to_first_output_token": {"unit": "ms", "avg": 400.0}}
    assert any("one of reasoning" in said for said in level(reasoning).conversions)


def test_trap_16_speculative_decoding_is_said_and_tokens_are_not_chunks() -> None:
    said = level(files.SGLANG | {"accept_length": 2.5}).conversions
    assert any("2.5 tokens a step" in line for line in said)
    assert any("speculative" in s for s in level(files.VLLM | {"spec_decode_acceptance_rate": 0.7}).conversions)
    # 20 chunks for 51 tokens: the tokens of `usage` count
    assert level(files.jsonl(files.records(chunks=20))).osl_tokens == 51


def test_llmperf_includes_the_first_token_and_is_converted() -> None:
    one = level(files.LLMPERF)
    assert one.tpot.mean == pytest.approx((600 - 100) / 50)  # the file says 600 / 51 = 11.76 ms
    assert (one.tpot.p50, one.ttft.p50) == (None, 90.0)
    assert one.conversions[0].startswith("this file's TPOT includes the first token: converted")


def test_sglang_states_its_set_up_but_not_the_precision() -> None:
    stated = level(files.SGLANG).stated
    assert (stated.engine, stated.engine_version, stated.tp_size, stated.gpu_count) == ("sglang", "0.5.1", 2, 2)
    assert (stated.precision, stated.gpu) == (None, None)
    assert level(files.SGLANG).osl_tokens == 51  # `random_output_len` is only the upper bound
    attention = changed(files.SGLANG, "server_info.dp_size", 4)
    assert level(attention).stated.gpu_count == 8  # two ranks, four copies
    assert level(changed(attention, "server_info.enable_dp_attention", True)).stated.gpu_count == 2


def test_trtllm_states_everything_and_a_queue_is_a_burst() -> None:
    one = level(files.TRTLLM)
    assert (one.stated.precision, one.stated.gpu) == ("fp8", "Big 80GB")
    assert (one.stated.tp_size, one.stated.layout) == (2, "tp2")
    assert level(changed(files.TRTLLM, "request_info.avg_num_concurrent_requests", 90.0)).arrival == "burst"
    assert level(changed(files.TRTLLM, "engine.quantization", "NEW")).stated.precision is None


def test_batched_bench_shares_of_a_prompt_give_no_ttft() -> None:
    data = json.loads(files.LLAMA_BATCHED_JSONL)
    assert level(data).output_tokens_per_s == pytest.approx(4 * 51 / 0.61)
    shared = level(data | {"is_pp_shared": 1})
    assert shared.ttft.mean is None
    assert any("one prompt was shared" in said for said in shared.conversions)


def test_locust_without_events_is_no_measurement() -> None:
    plain = "\n".join(line for line in files.LOCUST.splitlines() if not line.startswith(("TTFT", "TPOT")))
    with pytest.raises(InputError, match="a response time is no TTFT"):
        level(plain)


def test_intervals_follow_from_the_deviation() -> None:
    # 1.984 x 1.0 / sqrt(100) / 10 = 1.98%, with 99 degrees of freedom
    assert level(files.VLLM).tpot.error_fraction == pytest.approx(0.0198, abs=1e-4)
    assert level(files.AIPERF).tpot.error_fraction == pytest.approx(0.0198, abs=1e-4)
    assert level(files.GENAI_PERF).tpot.error_fraction is None


def test_days_are_those_of_the_file() -> None:
    assert level(files.VLLM).stated.day == "2026-09-22"
    assert level(files.GUIDELLM_03).stated.day == level(files.LLMPERF).stated.day == "2025-09-23"
    assert level(files.GENAI_PERF).stated.day is None


def test_a_sweep_over_more_than_the_level_is_several_curves() -> None:
    levels_only = [files.VLLM | {"max_concurrency": users, "run_number": users} for users in (2, 4)]
    assert [one.users for one in levels(json.dumps(levels_only))] == [2, 4]
    settings = [files.VLLM | {"max_num_seqs": most} for most in (16, 64)]
    with pytest.raises(InputError, match="max_num_seqs: found several values of max_num_seqs"):
        levels(json.dumps(settings))


def test_inference_perf_0_7_is_read_by_the_servers_count_of_tokens() -> None:
    one = level(files.INFERENCE_PERF_07)
    assert one.output_tokens_per_s == pytest.approx(340.0)  # the file has 400, by the client's count
    assert any("the client counted 60.0 output tokens in the text, the server 51.0" in said for said in one.conversions)
    assert (one.tpot.p50, one.cached_fraction) == (None, 0.0)
    hit = changed(files.INFERENCE_PERF_07, "successes.prompt_tokens.cached", 2_500.0)
    assert level(hit).cached_fraction == 0.25


def test_a_warm_up_of_aiperf_is_known_by_its_count_or_its_folder() -> None:
    assert "warm-up" in (level(files.AIPERF_WARM_UP).no_row or "")
    assert level(files.AIPERF).no_row is None
    (moved,) = read_levels(document_of(json.dumps(files.AIPERF), "out/phases/warmup/profile_export_aiperf.json"))[1]
    assert "warm-up" in (moved.no_row or "")
    (measured,) = read_levels(document_of(json.dumps(files.AIPERF), "out/phases/profiling/x.json"))[1]
    assert measured.no_row is None


def test_inferencex_states_medians_or_its_set_up() -> None:
    raw, aggregated = level(files.INFERENCEX), level([files.INFERENCEX_AGG])
    assert (raw.statistic, raw.stated.day, raw.completed) == ("median", "2026-02-13", 100)
    assert (aggregated.statistic, aggregated.tpot.p50) == ("mean", pytest.approx(9.9))
    stated = aggregated.stated
    assert (stated.engine, stated.gpu, stated.gpu_count, stated.precision) == ("vllm", "Big 80GB", 2, "fp8")
    assert "two pools" in (level([files.INFERENCEX_AGG | {"disagg": True}]).no_row or "")


def test_a_console_may_hold_several_blocks_and_a_rate_not_set() -> None:
    assert [one.place for one in levels(files.CONSOLE + files.CONSOLE_SGLANG)] == ["block 1", "block 2"]
    rate = files.CONSOLE_SGLANG.replace("inf", "6.7").replace("Max request concurrency:                 4\n", "")
    assert (level(rate).arrival, level(rate).users) == ("open", None)
    unset = files.CONSOLE_SGLANG.replace("concurrency:                 4", "concurrency:   not set")
    assert level(unset).arrival == "burst"


def test_llama_bench_joins_a_prompt_and_a_generation_of_one_set_up() -> None:
    one = level(files.LLAMA_BENCH)
    assert (one.users, one.arrival, one.stated.engine_version) == (1, "batch", "b7000")
    other = [files.LLAMA_BENCH[0] | {"n_gpu_layers": 0}, files.LLAMA_BENCH[1] | {"n_depth": 512}]
    assert (level(other).ttft.mean, level(other).isl_tokens) == (None, 512)


MAP = ["users=concurrency", "prompt=isl_tokens", "answer=osl_tokens", "first (s)=ttft_s", "per token=tpot_ms",
       "speed=output_tokens_per_s", "gpu type=gpu"]
TABLE = 'users;prompt;answer;first (s);per token;speed;gpu type\n4;100;51;0.1;10;340;Big 80GB\n"1,000";;;;20;;\n'


def test_any_table_is_read_where_its_columns_are_named() -> None:
    first, second = read_levels(document_of(TABLE, "mine.csv"), mapping_of(MAP))[1]
    assert (first.users, first.isl_tokens, first.osl_tokens, first.ttft.mean, first.tpot.mean) == (4, 100, 51, 100, 10)
    assert (first.output_tokens_per_s, first.stated.gpu, first.arrival) == (340.0, "Big 80GB", "closed")
    assert (second.users, second.tpot.mean, second.ttft.mean) == (1000, 20, None)
    speeds = read_levels(document_of("u,v\n4,100\n", "x"), mapping_of(["v=tokens_per_s_per_user"]))[1]
    assert speeds[0].tpot.mean == 10.0


@pytest.mark.parametrize(("given", "said"), [
    (["users"], "COLUMN=FIELD"), (["users=people"], "COLUMN=FIELD"),
    (["users=concurrency", "n=concurrency"], "one column for concurrency")])
def test_a_mapping_of_no_field_is_refused(given: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        mapping_of(given)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"--map: found usr=concurrency; allowed: .*users"):
        read_levels(document_of(TABLE, "mine.csv"), {"concurrency": "usr"})
