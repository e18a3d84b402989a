"""`gpumix loadtest import`: files in, rows of a user catalog out, that `solve` reads."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.loadtest import files

SET_UP = ("--gpu", "big-80gb", "--gpu-count", "1", "--tp", "1", "--precision", "bf16", "--engine", "vllm",
          "--engine-version", "0.19")


@pytest.fixture
def conc4(tmp_path: Path) -> Path:
    path = tmp_path / "conc4.json"
    path.write_text(json.dumps(files.VLLM), encoding="utf-8")
    return path


def rows(folder: Path, name: str = "loadtest") -> list[dict[str, str]]:
    with (folder / "throughput" / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(autouse=True)
def _small(desk: Path) -> None:
    """Every test stands on the small catalog."""


def test_a_level_becomes_a_measured_row_with_its_source(run: Run, conc4: Path, tmp_path: Path) -> None:
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    assert (result.code, result.err) == (0, "")
    (row,) = rows(tmp_path / "own")
    assert (row["model_id"], row["gpu_id"], row["engine_id"], row["layout"]) == ("llama-8b", "big-80gb", "vllm", "tp1")
    assert (row["concurrency"], row["isl_tokens"], row["osl_tokens"]) == ("4", "100", "51")
    assert (row["ttft_ms"], row["tpot_ms"], row["use"], row["as_of"]) == ("100.0", "10.0", "curve", "2026-09-22")
    assert (row["ttft_p50_ms"], row["tpot_p50_ms"], row["tpot_error_fraction"]) == ("90.0", "9.9", "0.01984")
    assert row["source_url"].startswith("conc4.json sha256:")
    assert row["notes"] == "vLLM bench serve, 100 requests, 0 failed, mean lengths 100.0 and 51.0 tokens"
    assert "TPOT 10 ms +-2.0% = 100.0 tokens/s a user" in " ".join(result.out.split())
    assert run("catalog", "check", "--overlay", tmp_path / "own").code == 0


def test_what_the_file_does_not_say_is_asked_for_all_at_once(run: Run, conc4: Path, tmp_path: Path) -> None:
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own")
    assert (result.code, result.out) == (2, "")
    asked = [line.split(": ")[2] for line in result.err.splitlines()]
    assert asked == ["--gpu", "--gpu-count", "--tp", "--precision", "--engine"]
    assert not (tmp_path / "own").exists()


def test_every_unknown_name_is_told_at_once(run: Run, conc4: Path, tmp_path: Path) -> None:
    wrong = ("--gpu", "h100", "--engine", "vlm", "--precision", "bf-16", "--model", "nobody")
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *wrong)
    assert (result.code, len(result.err.splitlines())) == (2, 4)


def test_running_twice_adds_nothing_and_changes_no_byte(run: Run, conc4: Path, tmp_path: Path) -> None:
    asked = ("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    run(*asked)
    place = tmp_path / "own" / "throughput" / "loadtest.csv"
    before, written = place.read_bytes(), place.stat().st_mtime_ns
    again = run(*asked)
    assert (again.code, again.out.splitlines()[0]) == (0, "0 rows added, 1 known already")
    assert (place.read_bytes(), place.stat().st_mtime_ns) == (before, written)
    copy = tmp_path / "copy.json"
    copy.write_bytes(conc4.read_bytes())
    assert "1 known already" in run("loadtest", "import", copy, conc4, *asked[3:]).out


def test_the_same_file_with_other_facts_is_refused(run: Run, conc4: Path, tmp_path: Path) -> None:
    run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    other = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP, "--precision", "fp8")
    assert other.code == 2
    assert "a level that was imported before with other facts" in other.err
    assert len(rows(tmp_path / "own")) == 1


def test_rows_of_others_stay_as_they_are(run: Run, conc4: Path, tmp_path: Path) -> None:
    run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    place = tmp_path / "own" / "throughput" / "loadtest.csv"
    before = place.read_bytes()
    conc8 = tmp_path / "conc8.json"
    conc8.write_text(json.dumps(files.VLLM | {"max_concurrency": 8, "output_throughput": 680.0,
                                              "request_throughput": 680 / 51}), encoding="utf-8")
    assert run("loadtest", "import", conc8, "--into", tmp_path / "own", *SET_UP).code == 0
    assert place.read_bytes().startswith(before)
    assert [row["concurrency"] for row in rows(tmp_path / "own")] == ["4", "8"]


def test_a_foreign_file_is_not_written_to(run: Run, conc4: Path, tmp_path: Path) -> None:
    place = tmp_path / "own" / "throughput" / "loadtest.csv"
    place.parent.mkdir(parents=True)
    head = "model_id,gpu_id,gpu_count,engine_id,use,source_id,source_url,as_of,output_tokens_per_s"
    place.write_text(f"{head}\nllama-8b,big-80gb,1,vllm,ceiling,me,x,2026,900\n", encoding="utf-8")
    before = place.read_bytes()
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    assert (result.code, place.read_bytes()) == (2, before)
    assert "other columns than a load test writes" in result.err
    assert run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP, "--source", "mine").code == 0
    assert len(rows(tmp_path / "own", "mine")) == 1


def test_levels_of_one_test_whose_lengths_differ_by_chance_are_one_curve(run: Run, tmp_path: Path) -> None:
    names = []
    for users, tokens in ((2, 9_800), (4, 10_000), (8, 10_100)):
        path = tmp_path / f"c{users}.json"
        path.write_text(json.dumps(files.VLLM | {
            "max_concurrency": users, "total_input_tokens": tokens, "output_throughput": 85.0 * users}), "utf-8")
        names.append(path)
    assert run("loadtest", "import", *names, "--into", tmp_path / "own", *SET_UP).code == 0
    assert {row["isl_tokens"] for row in rows(tmp_path / "own")} == {"100"}  # the median of 98, 100 and 101
    assert "mean lengths 98.0" in rows(tmp_path / "own")[0]["notes"]


def test_nominal_lengths_may_be_stated_but_not_invented(run: Run, conc4: Path, tmp_path: Path) -> None:
    near = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP, "--isl", "96", "--osl", "50")
    assert (near.code, rows(tmp_path / "own")[0]["isl_tokens"]) == (0, "96")
    far = run("loadtest", "import", conc4, "--into", tmp_path / "two", *SET_UP, "--isl", "512")
    assert far.code == 2
    assert "--isl: found 512; allowed: within 10% of the 100.0 that were counted" in far.err


def test_a_refused_level_keeps_the_others_out_unless_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    burst = files.VLLM | {"max_concurrency": None}
    path.write_text(json.dumps([files.VLLM, burst]), encoding="utf-8")
    asked = ("loadtest", "import", path, "--into", tmp_path / "own", *SET_UP)
    result = run(*asked)
    assert result.code == 2
    assert "sweep.json entry 2: found a refused level: an open burst" in result.err
    assert not (tmp_path / "own").exists()
    skipped = run(*asked, "--skip-refused")
    assert (skipped.code, len(rows(tmp_path / "own"))) == (0, 1)
    assert skipped.out.splitlines()[0] == "1 row added, 1 level refused"


def test_trap_1_a_file_in_which_everything_failed_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "failed.json"
    zero = {key: 0.0 for key in files.VLLM_025 if key.endswith("_ms")} | {"completed": 0, "failed": 102}
    zero |= {"total_input_tokens": 0, "total_output_tokens": 0, "output_throughput": 0.0, "request_throughput": 0.0}
    path.write_text(json.dumps(files.VLLM_025 | zero), encoding="utf-8")
    result = run("loadtest", "import", path, "--into", tmp_path / "own", *SET_UP)
    assert result.code == 2
    assert "nothing completed" in result.err


def test_trap_11_throughput_over_users_is_no_user_speed(run: Run, conc4: Path, tmp_path: Path) -> None:
    told = json.loads(run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP, "--format", "json").out)
    (level,) = told["levels"]
    assert level["tokens_per_s_per_user"] == 100.0
    assert level["output_tokens_per_s"] / level["concurrency"] == 85.0  # with TTFT inside


def test_a_level_that_no_file_states_is_asked_for_and_then_held_against_the_identity(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "genai.csv"
    path.write_text(files.GENAI_PERF, encoding="utf-8")
    more = (*SET_UP, "--model", "llama-8b", "--date", "2026-09-22")
    without = run("loadtest", "import", path, "--into", tmp_path / "own", *more)
    assert (without.code, "--concurrency" in without.err) == (2, True)
    wrong = run("loadtest", "import", path, "--into", tmp_path / "own", *more, "--concurrency", "16")
    assert (wrong.code, "closed-loop identity" in wrong.err) == (2, True)
    assert run("loadtest", "import", path, "--into", tmp_path / "own", *more, "--concurrency", "4").code == 0


def test_options_may_not_contradict_the_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sglang.jsonl"
    path.write_text(json.dumps(files.SGLANG), encoding="utf-8")
    more = ("--gpu", "big-80gb", "--precision", "bf16", "--date", "2026-09-22", "--tp", "4")
    result = run("loadtest", "import", path, "--into", tmp_path / "own", *more)
    assert result.code == 2
    assert "--tp: found 4; allowed: 2, as the file states" in result.err


def test_an_open_loop_and_a_synthetic_batch_only_check(run: Run, tmp_path: Path) -> None:
    stage, batch = tmp_path / "stage_0.json", tmp_path / "batch.jsonl"
    stage.write_text(json.dumps(files.INFERENCE_PERF), encoding="utf-8")
    batch.write_text(files.LLAMA_BATCHED_JSONL, encoding="utf-8")
    more = (*SET_UP[:-4], "--model", "llama-8b", "--date", "2026-09-22", "--engine", "vllm")
    assert run("loadtest", "import", stage, batch, "--into", tmp_path / "own", *more).code == 0
    assert [row["use"] for row in rows(tmp_path / "own")] == ["check", "check"]


def test_every_report_carries_the_figures(run: Run, conc4: Path, tmp_path: Path) -> None:
    asked = ("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    (row,) = csv.DictReader(run(*asked, "--format", "csv").out.splitlines())
    assert (row["outcome"], row["tpot_ms"]) == ("added", "10.0")
    assert "- known already: 4 in flight" in run(*asked, "--format", "markdown").out


@pytest.mark.parametrize("wrong", [
    ("--date", "yesterday"), ("--source", "../up"), ("--gpu-count", "0"), ("--failures", "2")])
def test_wrong_options_are_refused(run: Run, conc4: Path, tmp_path: Path, wrong: tuple[str, str]) -> None:
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP, *wrong)
    assert (result.code, result.out) == (2, "")
    assert wrong[0] in result.err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(run: Run, conc4: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o500)
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    assert (result.code, "--into" in result.err) == (2, True)


def test_a_file_in_place_of_the_folder_is_told(run: Run, conc4: Path, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("", encoding="utf-8")
    result = run("loadtest", "import", conc4, "--into", tmp_path / "own", *SET_UP)
    assert (result.code, "--into" in result.err) == (2, True)


def test_a_test_that_two_files_hold_counts_once_and_its_warm_up_never(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "phases" / "profiling"
    folder.mkdir(parents=True)
    whole = files.AIPERF | {"benchmark_id": "24c2"}
    (tmp_path / "out" / "profile.json").write_text(json.dumps(whole), encoding="utf-8")
    (folder / "profile.json").write_text(json.dumps(whole | {"run_info": {}}), encoding="utf-8")
    result = run("loadtest", "import", tmp_path / "out" / "profile.json", folder / "profile.json", "--into",
                 tmp_path / "own", *SET_UP)
    assert (result.code, result.err) == (0, "")
    assert len(rows(tmp_path / "own")) == 1
    (tmp_path / "warm.json").write_text(json.dumps(files.AIPERF_WARM_UP), encoding="utf-8")
    refused = run("loadtest", "import", tmp_path / "warm.json", "--into", tmp_path / "warm", *SET_UP)
    assert (refused.code, "a warm-up" in refused.err) == (2, True)


def test_columns_of_any_table_may_be_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("users,ttft,speed,in,out\n4,0.1,100,100,51\n8,0.2,80,100,51\n", encoding="utf-8")
    maps = [part for pair in ("users=concurrency", "ttft=ttft_s", "speed=tokens_per_s_per_user", "in=isl_tokens",
                              "out=osl_tokens") for part in ("--map", pair)]
    more = ("--model", "llama-8b", "--date", "2026-11-22")
    result = run("loadtest", "import", tmp_path / "mine.csv", "--into", tmp_path / "own", *maps, *SET_UP, *more)
    assert (result.code, result.err) == (0, "")
    assert [(row["concurrency"], row["ttft_ms"], row["tpot_ms"]) for row in rows(tmp_path / "own")] == [
        ("4", "100.0", "10.0"), ("8", "200.0", "12.5")]
    contradicted = run("loadtest", "import", tmp_path / "mine.csv", "--into", tmp_path / "other", *maps, *SET_UP, *more,
                       "--isl", "128")
    assert (contradicted.code, "within 10% of the 100.0 that were counted" in contradicted.err) == (2, True)
