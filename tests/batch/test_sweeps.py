"""Sweeps: lists, ranges, brackets, quotes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.batch.sweeps import sweeps_of, swept_values
from optimizer.errors import InputError


@pytest.mark.parametrize(("text", "values"), [
    ("A,B,C", ["A", "B", "C"]),
    ("  A , B ", ["A", "B"]),
    ("A", ["A"]),
    ("", [""]),  # a single empty value: nothing, as `gpumix solve --set` reads it
    ("10:200:50", ["10", "60", "110", "160"]),  # 210 is beyond the end
    ("10:40:10", ["10", "20", "30", "40"]),  # both ends
    ("5:5:1", ["5"]),
    ("0.1:0.7:0.2", ["0.1", "0.3", "0.5", "0.7"]),  # exact: 0.1 + 0.2 is 0.3
    ("1e3:3e3:1000", ["1000", "2000", "3000"]),
    ("-2:2:2", ["-2", "0", "2"]),
    ("1,5:7:1,100", ["1", "5", "6", "7", "100"]),
    ("[bf16, fp8],[bf16]", ["[bf16, fp8]", "[bf16]"]),
    ("{a: 1, b: [2, 3]},null", ["{a: 1, b: [2, 3]}", "null"]),
    ("'a,b',\"c,d\"", ["'a,b'", '"c,d"']),
    ("['a]', 'b,'],c", ["['a]', 'b,']", "c"]),
    ("it's,that's", ["it's", "that's"]),
    ("2026-11-22", ["2026-11-22"]),
    ("org/model:v1:x", ["org/model:v1:x"]),
])
def test_values(text: str, values: list[str]) -> None:
    assert swept_values(text) == values


@pytest.mark.parametrize(("assignment", "found"), [
    ("services.0.slo.grade", "no KEY=VALUES"),
    ("=A,B", "no KEY=VALUES"),
    ("services..grade=A", "no KEY=VALUES"),
    ("grade=A,,B", "an empty value"),
    ("grade=A,B,", "an empty value"),
    ("peak=10:5:1", "an empty range"),
    ("peak=5:10:0", "a step that is not above 0"),
    ("peak=5:10:-1", "a step that is not above 0"),
    ("peak=0:1e12:1", "an endless range"),
    ("peak=10:20", "2 numbers with ':'"),
    ("peak=1:2:3:4", "4 numbers with ':'"),
    ("grade=A,B,A", "the value 'A' 2 times"),
    ("peak=1:3:1,2", "the value '2' 2 times"),
])
def test_what_is_no_sweep_is_refused(assignment: str, found: str) -> None:
    with pytest.raises(InputError) as error:
        sweeps_of([assignment])
    assert [fault.found for fault in error.value.faults] == [found]


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as error:
        sweeps_of(["grade", "peak=5:1:1", "x=1", "x=2"])
    assert [fault.found for fault in error.value.faults] == ["no KEY=VALUES", "an empty range", "2 times"]


decimals = st.decimals(-1000, 1000, places=3, allow_nan=False)


@given(low=decimals, step=st.decimals("0.001", 50, places=3), count=st.integers(1, 30))
def test_a_range_is_exact(low: object, step: object, count: int) -> None:
    start, by = Fraction(str(low)), Fraction(str(step))
    values = swept_values(f"{low}:{float(start + by * (count - 1))!r}:{step}")
    assert [Fraction(value) for value in values] == [start + by * i for i in range(count)]


@given(st.lists(st.text(st.sampled_from("abc [](){}:.0123456789"), min_size=1), min_size=1, max_size=5))
def test_quoted_values_come_back_whole(texts: list[str]) -> None:
    quoted = [f"'{text}'" for text in texts]
    assert swept_values(",".join(quoted)) == quoted
