"""Traces: times in any zone and unit, what is handled and what refused, classes, rates and the hours of the day."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import InputError
from optimizer.load.problem import parse_problem
from optimizer.load.trace import Columns, Trace, read_trace
from optimizer.reports.trace_report import shares_of, snippet
from optimizer.traffic.profile import Lengths, classes_of, profile

HEAD = "timestamp,input_tokens,output_tokens\n"


@pytest.fixture
def trace(tmp_path: Path):  # type: ignore[no-untyped-def]
    def read(rows: str, head: str = HEAD, **columns: str) -> Trace:
        path = tmp_path / "trace.csv"
        path.write_text(head + rows, encoding="utf-8")
        return read_trace(path, Columns(**columns))  # type: ignore[arg-type]

    return read


@pytest.mark.parametrize(("one", "other"), [
    ("2026-01-01T00:00:00Z", "2026-01-01T09:00:10+09:00"),
    ("2026-01-01 00:00:00", "2026-01-01 00:00:10.000"),
    ("2026-01-01 00:00:00", "2026-01-01T01:00:10+0100"),  # the first without an offset: UTC unless told otherwise
    ("1767225600", "1767225610.0"),
    ("1767225600000", "1767225610000"),
    ("1767225600000000", "1767225610000000"),
    ("1767225600000000000", "1767225610000000000"),
])
def test_the_same_instants_in_many_ways(trace, one: str, other: str) -> None:  # type: ignore[no-untyped-def]
    found = trace(f"{one},5,7\n{other},6,8\n")
    assert found.dated
    assert found.seconds.tolist() == [1767225600.0, 1767225610.0]
    assert (found.input_tokens.tolist(), found.output_tokens.tolist()) == ([5, 6], [7, 8])


def test_times_without_an_offset_are_of_the_zone_and_other_formats_may_be_stated(trace) -> None:  # type: ignore[no-untyped-def]
    tokyo = trace("2026-01-01 09:00:00,5,7\n", timezone="Asia/Tokyo")
    log = trace("01/Jan/2026:09:00:00 +0900,5,7\n", time_format="%d/%b/%Y:%H:%M:%S %z")
    short = trace("01.01.2026 09:00,5,7\n", time_format="%d.%m.%Y %H:%M", timezone="Asia/Tokyo")
    assert {one.seconds[0] for one in (tokyo, log, short)} == {1767225600.0}


def test_small_numbers_count_from_the_start(trace) -> None:  # type: ignore[no-untyped-def]
    found = trace("0,5,7\n3600,5,7\n", head="Timestamp,Request tokens,Response tokens\n")
    assert not found.dated
    assert [hour.hour for hour in profile(found).hours] == [0, 1]
    assert trace("1500,5,7\n", time_unit="ms").seconds[0] == 1.5


def test_what_needs_care_is_handled_and_counted_with_its_lines(trace) -> None:  # type: ignore[no-untyped-def]
    found = trace("10,5,7\n5,5,7\n20,0,7\n20,5,0\n20,6,6\n20,6,6\n")
    assert found.seconds.tolist() == [5, 10, 20, 20]
    assert found.lines.tolist() == [3, 2, 6, 7]
    assert (found.out_of_order.rows, found.out_of_order.lines) == (1, (3,))
    assert (found.zero_tokens.rows, found.zero_tokens.lines) == (2, (4, 5))
    assert profile(found).same_time_requests == 1


def test_a_long_pause_is_named_and_counted_as_quiet(trace) -> None:  # type: ignore[no-untyped-def]
    found = profile(trace("0,5,7\n1,5,7\n7201,5,7\n"), window_s=60)
    (gap,) = found.gaps
    assert (gap.seconds, gap.line) == (7200, 4)
    assert found.percentile_rps["p50"] == 0
    assert found.mean_rps == pytest.approx(3 / 7201)


@pytest.mark.parametrize(("rows", "place"), [
    ("2026-01-01T00:00:00Z,five,7\n", "line 2, input tokens"),
    ("2026-01-01T00:00:00Z,5,7\n2026-01-01T00:00:00Z,5,-7\n", "line 3, output tokens"),
    ("2026-01-01T00:00:00Z,5.5,7\n", "line 2, input tokens"),
    ("2026-01-01T00:00:00Z,,7\n", "line 2, input tokens"),
    ("2026-01-01T00:00:00Z,5\n", "line 2"),
    ("yesterday,5,7\n", "line 2, time"),
    (",5,7\n", "line 2, time"),
    ("10,5,7\nnoon,5,7\n", "line 3, time"),
    ("2026-13-01T00:00:00Z,5,7\n", "line 2, time"),
    ("1e300,5,7\n", "line 2, time"),
    ("inf,5,7\n", "line 2, time"),
    ("2026-01-01T00:00:00Z,5,7\n\n2026-01-01T00:00:00Z,5,7\n", "line 3, input tokens"),
])
def test_what_cannot_be_read_is_refused_with_its_line(trace, rows: str, place: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as raised:
        trace(rows)
    assert place in [fault.key for fault in raised.value.faults]


def test_hours_that_clocks_skip_or_show_twice_are_refused(trace) -> None:  # type: ignore[no-untyped-def]
    # Berlin: 2026-03-29 02:30 does not exist, 2026-10-25 02:30 is there twice; with an offset both are plain
    for moment in ("2026-03-29 02:30:00", "2026-10-25 02:30:00"):
        with pytest.raises(InputError, match="show exactly once"):
            trace(f"{moment},5,7\n", timezone="Europe/Berlin")
        assert len(trace(f"{moment}+01:00,5,7\n", timezone="Europe/Berlin").seconds) == 1


def test_a_line_is_that_of_the_file_even_where_cells_have_line_breaks(trace) -> None:  # type: ignore[no-untyped-def]
    rows = '0,"two\nlines",5,7\n1,"x",5,-1\n'
    with pytest.raises(InputError, match="line 4, output tokens"):
        trace(rows, head="timestamp,prompt,input_tokens,output_tokens\n")


@pytest.mark.parametrize(("head", "rows", "said"), [
    ("when,in,out\n", "1,2,3\n", "no known time column"),
    (HEAD, "", "no requests"),
    (HEAD, "\n\n", "no requests"),
    (HEAD, "1,0,0\n", "none with tokens"),
    (HEAD, "1,2,3,4,5\n", "line 2: found 5 cells"),
    ("", "", "line 1"),
])
def test_a_file_that_is_no_trace_is_refused(trace, head: str, rows: str, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=said):
        trace(rows, head=head)


def test_an_unknown_zone_or_column_is_refused(trace) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="Mars"):
        trace("1,2,3\n", timezone="Mars/Olympus")
    with pytest.raises(InputError, match="no column 'prompt'"):
        trace("1,2,3\n", input="prompt")


def test_percentiles_of_windows_count_the_quiet_ones_however_long_the_trace(trace) -> None:  # type: ignore[no-untyped-def]
    # requests a window of 10 s: 3, 0, 1, 0, 2
    found = profile(trace("".join(f"{t},5,7\n" for t in (0, 1, 2, 25, 41, 42))), window_s=10)
    counts = [3, 0, 1, 0, 2]
    levels = (50.0, 90.0, 95.0, 99.0, 99.9)
    expected = {f"p{p:g}": float(np.percentile(counts, p, method="higher")) / 10 for p in levels}
    assert found.percentile_rps == expected
    assert profile(trace("0,5,7\n10000000000,5,7\n")).percentile_rps["p99.9"] == 0


def test_a_format_that_is_none_is_refused(trace) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="--time-format"):
        trace("1,5,7\n", time_format="%Q")


def test_the_peak_is_the_busiest_window_wherever_it_starts(trace) -> None:  # type: ignore[no-untyped-def]
    # 50, 55, 62, 65: windows from 0 hold two each, the one from 50 all four
    found = profile(trace("".join(f"{t},5,7\n" for t in (0, 50, 55, 62, 65))), window_s=60)
    assert (found.peak_rps, found.peak_at) == (4 / 60, "50 s")
    assert found.percentile_rps["p99"] == 3 / 60


def test_hours_are_those_of_the_zone_and_rates_of_the_time_covered(trace) -> None:  # type: ignore[no-untyped-def]
    # Kathmandu is 5:45 ahead: 18:00 to 18:30 UTC is 23:45 to 00:15; one request every ten seconds
    rows = "".join(f"{1767290400 + t},5,7\n" for t in range(0, 1801, 10))
    found = profile(trace(rows, timezone="Asia/Kathmandu"))
    assert [hour.hour for hour in found.hours] == [0, 23]
    assert [hour.requests for hour in found.hours] == [91, 90]  # the last one at 00:15:00
    assert all(hour.requests_per_s == pytest.approx(0.1, rel=0.02) for hour in found.hours)
    assert found.start == "2026-01-01T23:45:00+05:45"


def test_classes_part_short_from_long() -> None:
    inputs = np.array([100] * 6 + [4000] * 2)
    outputs = np.array([50] * 4 + [800] * 2 + [60] * 2)
    found = classes_of(Lengths.of([(inputs, outputs)]), 4)
    assert [(one.isl_tokens, one.osl_tokens, one.share_fraction) for one in found] == [
        (100, 50, 0.5), (100, 800, 0.25), (4000, 60, 0.25)]
    assert len(classes_of(Lengths.of([(inputs, outputs)]), 2)) == 2
    (mean,) = classes_of(Lengths.of([(np.array([1, 2]), np.array([1, 1]))]), 1)
    assert mean.isl_tokens == 2  # 1.5, rounded up


lengths = st.lists(st.tuples(st.integers(1, 10**5), st.integers(1, 10**4)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(pairs=lengths, most=st.integers(1, 8))
def test_classes_hold_every_request_once_and_no_fewer_tokens(pairs: list[tuple[int, int]], most: int) -> None:
    inputs, outputs = (np.array(side) for side in zip(*pairs, strict=True))
    found = classes_of(Lengths.of([(inputs, outputs)]), most)
    assert 1 <= len(found) <= most
    assert sum(one.requests for one in found) == len(pairs)
    assert sum(one.requests * one.isl_tokens for one in found) >= inputs.sum()
    assert sum(one.requests * one.osl_tokens for one in found) >= outputs.sum()
    assert round(sum(shares_of(found)) * 1e6) == 1e6
    assert found == classes_of(Lengths.of([(inputs[::-1], outputs[::-1])]), most)


def test_the_lines_are_those_of_a_problem(trace) -> None:  # type: ignore[no-untyped-def]
    found = profile(trace("".join(f"{t},{100 + t},{50 + 7 * t}\n" for t in range(30))), classes=3, window_s=10)
    text = (
        "schema_version: 1\nname: x\nservices:\n  - service_id: chat\n    model: llama-3-8b-instruct\n"
        "    slo: {tokens_per_s_per_user: 15}\n" + snippet(found, "peak"))
    service = parse_problem(text, "x").problem.services[0]
    assert service.demand is not None
    assert service.demand.peak_rps == 1.0
    assert (service.context_tokens, len(service.workload)) == (129 + 253, 3)
    assert "p99 of 10 s windows" in snippet(found, "p99")


def test_many_rows_take_seconds_not_minutes(tmp_path: Path) -> None:
    rows = 200_000
    path = tmp_path / "long.csv"
    path.write_text(HEAD + "".join(f"2026-01-01T{t // 3600 % 24:02d}:{t // 60 % 60:02d}:{t % 60:02d}Z,{t % 977 + 1},"
                                   f"{t % 311 + 1}\n" for t in range(rows)), encoding="utf-8")
    start = time.perf_counter()
    found = profile(read_trace(path, Columns()))
    assert found.requests == rows
    assert time.perf_counter() - start < 20  # a million take some five on a quiet core
