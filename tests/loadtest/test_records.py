"""Figures from raw records: latencies, the window of full load, intervals, repeats."""

from __future__ import annotations

import json
import random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.loadtest.document import document_of
from optimizer.loadtest.formats import read_levels
from optimizer.loadtest.level import FoundLevel, Latency
from optimizer.loadtest.records import Request, figures_of
from optimizer.loadtest.rows import row_of
from optimizer.loadtest.setup import SetUp
from optimizer.loadtest.statistics import half_width, over_runs, percentile, student_95, summary
from optimizer.schema.catalog import ThroughputPoint
from tests.loadtest import files

HEAD = {"gpumix_loadtest": 1, "day": "2026-11-22", "model": "acme/Llama-8B", "osl_tokens": 51,
        "set_up": {"gpu": "big-80gb", "gpu_count": 1, "tp_size": 1, "precision": "bf16", "engine": "vllm"}}


def row(level: FoundLevel) -> ThroughputPoint:
    set_up = SetUp("llama-8b", "big-80gb", 1, 1, "tp1", "bf16", "vllm", concurrency=4, day="2026-11-22")
    return row_of(level, set_up, "loadtest", "records.jsonl", "records.jsonl")


def read(lines: list[dict[str, object]]) -> list[FoundLevel]:
    return read_levels(document_of(files.jsonl(lines), "records.jsonl"))[1]


def test_warm_up_and_drain_are_left_out_of_latencies_but_their_tokens_count_in_the_window() -> None:
    slow = {"ttft_ms": 900.0, "tpot_ms": 50.0}
    lines = [HEAD, *files.records(part="warm-up", **slow), *files.records(), *files.records(part="drain", **slow),
             {"finished_level": 4, "run": 1, "window": [0.0, 5.4]}]
    (level,) = read(lines)
    assert (level.ttft.mean, level.tpot.mean, level.completed) == (pytest.approx(100), pytest.approx(10), 40)
    alone = read([HEAD, *files.records(), {"finished_level": 4, "run": 1, "window": [0.0, 5.4]}])[0]
    assert alone.output_tokens_per_s == pytest.approx(36 * 51 / 5.4)  # nine waves of four in 5.4 s: 340
    assert (level.output_tokens_per_s or 0) > 400


def test_a_level_without_its_end_is_not_finished() -> None:
    lines = [HEAD, *files.records(), {"finished_level": 4, "run": 1, "window": [0.0, 5.4]}, *files.records(8, run=1)]
    assert [level.users for level in read(lines)] == [4]
    dropped = [HEAD, *files.records(), {"finished_level": 4, "run": 1, "window": [0, 5], "dropped": "the clock"}]
    with pytest.raises(InputError, match="no level"):
        read(dropped)


def test_runs_of_one_level_are_joined_with_the_spread_between_them() -> None:
    lines: list[dict[str, object]] = [HEAD]
    for run, tpot in enumerate((10.0, 11.0, 12.0), 1):
        lines += [*files.records(run=run, tpot_ms=tpot), {"finished_level": 4, "run": run, "window": [0.0, 5.4]}]
    (level,) = read(lines)
    # runs 10, 11, 12: mean 11, deviation 1, 4.303 x 1 / sqrt(3) / 11 = 22.6%
    assert (level.tpot.mean, level.completed) == (11.0, 120)
    assert level.tpot.error_fraction == pytest.approx(4.303 / 3**0.5 / 11)


def test_early_ends_of_answers_are_said() -> None:
    lines = [HEAD, *files.records(n_out=40), {"finished_level": 4, "run": 1, "window": [0.0, 5.4]}]
    assert "answers ended early: 40.0 of 51 tokens on average" in read(lines)[0].conversions


def test_failed_requests_count_and_weigh_on_no_latency() -> None:
    bad = files.records(count=2, err="500", ttft_ms=None, tpot_ms=None)
    (level,) = read([*files.records(), *bad])
    assert (level.completed, level.failed, level.tpot.mean) == (40, 2, pytest.approx(10.0))


END = {"finished_level": 4, "run": 1, "window": [0.0, 5.4]}


def test_what_the_client_moved_is_doubted_from_two_percent_on() -> None:
    quiet, busy = (read([HEAD, *files.records(), END | {"distortion_fraction": moved}])[0] for moved in (0.01, 0.05))
    assert (quiet.doubts, quiet.distortion_fraction) == ((), 0.01)
    assert busy.doubts == ("its client moved the figures by some 5%",)
    assert row(busy).confidence == "low"
    assert row(quiet).confidence == "high"


def test_the_lag_that_earlier_records_state_is_held_against_both_latencies() -> None:
    (level,) = read([HEAD, *files.records(), END | {"client_lag_ms": 2.0}])
    assert level.distortion_fraction == pytest.approx(0.2)  # of a TPOT of 10 ms
    (still,) = read([HEAD, *files.records(), END | {"client_lag_ms": 0.1}])
    assert still.doubts == ()
    (several,) = read([HEAD | {"workers": 2}, *files.records(), END | {"client_lag_ms": 0.1}])
    assert several.doubts != ()  # the lag of its other processes was measured by nobody


def test_a_cache_asked_for_makes_rows_that_only_check() -> None:
    head = HEAD | {"prefix_cached": 0.5, "isl_tokens": 100, "template_tokens": 7}
    (level,) = read([head, *files.records(), END | {"cached_fraction": 0.48}])
    assert (level.prefix_cached_fraction, level.cached_fraction) == (0.5, 0.48)
    assert level.cached_allowed_fraction == 0.07
    assert (row(level).use, "50% of every prompt from the prefix cache" in row(level).notes) == ("check", True)


@pytest.mark.parametrize("broken", [
    {"t0": "now"}, {"end": -1.0}, {"tpot_ms": None}, {"n_out": float("nan")}, {"level": 0}, {"level": "four"}])
def test_a_broken_record_is_a_fault_with_its_line(broken: dict[str, object]) -> None:
    lines = [*files.records(count=2), *files.records(count=1, **broken)]
    with pytest.raises(InputError, match="line 3"):
        read(lines)


def test_a_clock_that_went_back_within_a_request_is_a_fault() -> None:
    with pytest.raises(InputError, match="its clock went back"):
        read(files.records(count=1, t0=5.0, end=4.0))


def test_another_version_of_the_layout_is_refused() -> None:
    with pytest.raises(InputError, match="version 2; allowed: version 1"):
        read([HEAD | {"gpumix_loadtest": 2}, *files.records()])


def test_tokens_in_a_window_are_the_first_and_a_share_of_the_rest() -> None:
    request = Request(0.0, 0.6, 100.0, 10.0, 51, 100, None)  # tokens at 0.1, 0.11, ... 0.6 s
    assert request.tokens_in((0.0, 1.0)) == pytest.approx(51)
    assert request.tokens_in((0.35, 1.0)) == pytest.approx(25)
    assert request.tokens_in((0.0, 0.35)) == pytest.approx(1 + 25)
    assert request.tokens_in((0.7, 1.0)) == 0


def test_percentiles_are_linear_and_p99_needs_100_requests() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.9) == pytest.approx(3.7)
    assert summary([1.0] * 99).p99 is None
    assert summary([float(n) for n in range(101)]).p99 == pytest.approx(99.0)


def test_an_interval_holds_its_mean_as_often_as_it_says() -> None:
    draw = random.Random(3)
    held = 0
    for _ in range(2000):
        values = [draw.gauss(10, 2) for _ in range(40)]
        held += abs(fmean(values) - 10) <= (half_width(values) or 0)
    assert 0.93 <= held / 2000 <= 0.98  # 95%, a little more where values resemble their neighbours by chance


def test_values_that_resemble_their_neighbours_have_a_wider_interval() -> None:
    draw = random.Random(4)
    values = [10.0]
    for _ in range(399):
        values.append(10 + 0.8 * (values[-1] - 10) + draw.gauss(0, 1))
    shuffled = draw.sample(values, len(values))
    # r = 0.8: (1 + r) / (1 - r) = 9, so three times as wide
    assert (half_width(values) or 0) == pytest.approx(3 * (half_width(shuffled) or 0), rel=0.25)


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=60))
def test_a_summary_stays_between_the_least_and_the_most(values: list[float]) -> None:
    found = summary(values)
    assert found.p50 is not None
    assert found.p90 is not None
    assert found.mean is not None
    slack = 1e-9 * max(values)
    assert min(values) - slack <= found.p50 <= found.p90 <= max(values) + slack
    assert min(values) - slack <= found.mean <= max(values) + slack


def test_two_runs_are_as_wide_as_half_their_distance_at_least() -> None:
    joined = over_runs([Latency(10.0, error_fraction=0.01), Latency(11.0, error_fraction=0.01)])
    assert (joined.mean, joined.error_fraction) == (10.5, pytest.approx(0.5 / 10.5))


def test_figures_of_no_success_are_empty() -> None:
    failed = [Request(0.0, 0.1, None, None, 0, None, "refused")]
    found = figures_of(1, failed)
    assert (found.requests, found.failed, found.tpot.mean) == (0, 1, None)
    assert found.errors == (("refused", 1),)
    assert json.dumps(found.output_tokens_per_s) == "0.0"


def test_few_values_have_the_interval_of_students_t() -> None:
    # 11 values whose neighbours differ: ten degrees of freedom, 2.228 and not 1.96 deviations of the mean
    values = [10.0, 12.0] * 5 + [10.0]
    assert half_width(values) == pytest.approx(2.228 * stdev(values) / 11**0.5, rel=1e-3)
    assert [round(student_95(freedom), 2) for freedom in (1, 9, 10, 20, 60)] == [12.71, 2.26, 2.23, 2.09, 2.0]
