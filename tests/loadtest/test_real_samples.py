"""Result files as the tools really wrote them, where GPUMIX_LOADTEST_SAMPLES names a folder of them.

The figures were read off the files by eye; the files are others' and are not part of this repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.errors import InputError
from optimizer.loadtest.accept import refusal
from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import read_levels
from optimizer.loadtest.level import FoundLevel

FOLDER = os.environ.get("GPUMIX_LOADTEST_SAMPLES", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="GPUMIX_LOADTEST_SAMPLES names no folder of real result files")

Expected = tuple[float | None, float, float, float, float, float | None]
"""Users, ISL, OSL, mean TTFT in ms, mean TPOT in ms, output tokens/s."""

VALUES: dict[str, list[Expected]] = {
    "vllm_bench_serve/dstack_sglang_pd_conc64_2025-09.json": [
        (64, 1023101 / 500, 383847 / 500, 334.213190533997, 10.472073575931077, 5892.885449645593)],
    "vllm_bench_serve/TRIMMED_dstack_vllm_2024-11_save_detailed.json": [
        (None, 215.196, 120.689, 1486.3937409630162, 106.53889521346393, 1198.8884495761356)],
    "guidellm/OWN_v0.8.1_llamacpp_c2-8_trimmed.json": [
        (2, 86.95, 64, 177.16573476791382, 12.783039089233156, 129.00945813836788),
        (4, 87.3, 64, 355.7086408138275, 16.576452955367074, 181.22650033477578),
        (8, 87.15, 64, 1669.1256403923035, 18.73690306194245, 170.09891919551492)],
    "guidellm/TRIMMED_rsevilla87_v0.3_benchmarks.json": [
        (22.783126411617154, 120.21160409556313, 128, 1006.2143587008272, 10.423929083078537, 1251.5371956866534)],
    "guidellm/llmd_fixture_guidellm_report_v2.json": [
        (0.007884656213828013, 71.5, 8, 11.481165885925293, 1.1508464813232422, 3.1950675815128577),
        (0.014002883804198177, 65.5, 8, 9.78386402130127, 1.0904414313180106, 6.377131566888984)],
    "aiperf/OWN_v0.13.0_schema1.4_c4.json": [
        (4, 89.26315789473684, 64, 414.9408838421052, 18.468394511278195, 155.08535751888206)],
    "aiperf/OWN_v0.13.0_schema1.4_c8.json": [(8, 89.3, 64, 1475.5230161, 17.698557313492064, 187.61179245313016)],
    "genai_perf/deepseek-r1_16gpu_c1.csv": [(None, 127.5, 511.9, 23.94, 11.54, 86.48)],
    "genai_perf/psydok_isl4000_c144.csv": [(None, 4000.03, 241.75, 32688.4, 159.59, 410.43)],
    "inference_perf/kubecon_stage_3_lifecycle_metrics.json": [
        # in flight 110.7595184 requests/s x 1.6979483 s
        (188.0639, 200.92807148175726, 62.80029784065525, 146.23385537668855, 12.019587185668208, 6955.730744537778)],
    "inference_perf/kubecon_summary_lifecycle_metrics.json": [
        (222.932, 200.92879026424407, 62.8230288072848, 1543.453611754655, 11.391460080056417, 4646.495280316906)],
    "llmperf/leaderboard_groq_70b_summary.json": [
        # TPOT (815.108 - 227.860) / 149
        (5, 550, 150, 227.86034579078357, 3.9412601605, 441.8474)],
    "llmperf/yi34b_4xa10g_vllm_c8_summary.json": [
        # TPOT (12427.826 - 3022.353) / 158.5
        (8, 550, 159.5, 3022.3527698655674, 59.34052489535, 95.8172)],
    "locust/OWN_run_c4_stats.csv": [(None, 0, 0, 316.20687889585497, 16.83802201984069, None)],
}

REFUSED = {
    "vllm_bench_serve/TRIMMED_dstack_vllm_2024-11_save_detailed.json": "16 requests/s of which 9.93 were served",
    "guidellm/llmd_fixture_guidellm_report_v2.json": "2 requests/s of which 0.40 were served",
    "inference_perf/kubecon_stage_3_lifecycle_metrics.json": "whole responses take 1698 ms, but TTFT",
    "inference_perf/kubecon_summary_lifecycle_metrics.json": "several stages",
    "llmperf/leaderboard_groq_70b_summary.json": "-52% off",
}
"""Files whose first level is no row, and why; the others' is one."""

POINTED_ELSEWHERE = (
    "aiperf/OWN_v0.13.0_c4.csv", "aiperf/OWN_v0.13.0_c4_profile_export.jsonl", "guidellm/OWN_v0.8.1_llamacpp_c1-8.csv",
    "locust/OWN_run_c4_stats_history.csv", "locust/short-u20_stats_history.csv", "locust/short-u20_stats.csv",
    "locust/convo-u20_stats.csv",
)
"""Files that hold results, but not those to import."""


def levels(name: str) -> list[FoundLevel]:
    path = Path(FOLDER) / name
    return read_levels(document_of(path.read_text(encoding="utf-8"), name))[1]


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_the_file(name: str) -> None:
    for level, (users, isl, osl, ttft, tpot, tokens_per_s) in zip(levels(name), VALUES[name], strict=True):
        assert level.users == (None if users is None else pytest.approx(users, rel=1e-5))
        assert (level.isl_tokens or 0, level.osl_tokens or 0) == (pytest.approx(isl), pytest.approx(osl))
        assert level.ttft.mean == pytest.approx(ttft)
        assert level.tpot.mean == pytest.approx(tpot)
        assert level.output_tokens_per_s == (None if tokens_per_s is None else pytest.approx(tokens_per_s, rel=1e-6))
    assert REFUSED.get(name, "") in (refusal(levels(name)[0]) or "")
    assert (refusal(levels(name)[0]) is not None) == (name in REFUSED)


def test_a_level_whose_users_only_the_file_name_states_is_held_against_the_identity() -> None:
    from dataclasses import replace

    (one,), (many,) = levels("genai_perf/deepseek-r1_16gpu_c1.csv"), levels("genai_perf/psydok_isl4000_c144.csv")
    assert refusal(replace(one, users=1.0)) is None
    assert "-16% off" in (refusal(replace(many, users=144.0)) or "")  # 353 requests: ramp and drain of 144


def test_levels_of_llmperf_are_read_from_one_file_and_clients_that_fell_behind_refused() -> None:
    found = levels("llmperf/tgi_llama3-8b_tp1_multi.json")
    assert [level.users for level in found] == [1, 2, 4, 8, 16, 32, 64, 128]
    # e2e 5288.627, TTFT 158.139, 174.59 tokens: 5130.488 / 173.59
    assert found[0].tpot.mean == pytest.approx(29.5552062)
    assert [refusal(level) is None for level in found] == [True] * 4 + [False] * 4


def test_batched_bench_reads_its_printed_table() -> None:
    found = levels("llama_cpp/EXCERPT_dgx-spark_batched_bench.md")
    assert [(level.users, level.isl_tokens) for level in found] == [
        *((users, 512) for users in (1, 2, 4, 8, 16, 32)), *((users, 4096) for users in (1, 2, 4, 8))]
    assert (found[0].tpot.mean, found[0].ttft.mean) == (pytest.approx(1000 * 0.395 / 32), 390.0)


def test_raw_records_agree_with_the_server_and_with_the_known_step_times() -> None:
    (level,) = levels("llama_cpp/OWN_httpx_records_llamacpp_c4_with_server_timings.jsonl")
    assert level.tpot.mean == pytest.approx(16.172731808729075)
    known = levels("locust/OWN_locust_records_mock_server.jsonl")
    assert [level.users for level in known] == [1, 2, 4, 8, 16]
    # the server's steps take 10, 12, 16 and 32 ms, 32 ms above its 8 slots too
    for level, step_ms in zip(known, (10, 12, 16, 32, 32), strict=True):
        assert level.tpot.mean == pytest.approx(step_ms, rel=0.0015)


@pytest.mark.parametrize("name", POINTED_ELSEWHERE)
def test_files_that_are_not_the_ones_to_import_point_elsewhere(name: str) -> None:
    with pytest.raises(InputError, match=r"import the|import profile_export_aiperf"):
        levels(name)


def test_no_sample_is_left_out() -> None:
    known = {*VALUES, *POINTED_ELSEWHERE, "llmperf/tgi_llama3-8b_tp1_multi.json",
             "llama_cpp/EXCERPT_dgx-spark_batched_bench.md",
             "llama_cpp/OWN_httpx_records_llamacpp_c4_with_server_timings.jsonl",
             "locust/OWN_locust_records_mock_server.jsonl"}
    found = {path.relative_to(FOLDER).as_posix() for path in Path(FOLDER).glob("*/*")}
    assert found == known
