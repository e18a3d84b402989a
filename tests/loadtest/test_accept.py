"""What becomes a row, what is refused and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.loadtest.accept import identity_distance, refusal, remarks
from optimizer.loadtest.level import FoundLevel, Latency

GOOD = FoundLevel(
    tool="x", place="", arrival="closed", users=4.0, isl_tokens=100.0, osl_tokens=51.0, ttft=Latency(100.0),
    tpot=Latency(10.0), output_tokens_per_s=340.0, completed=100)
"""4 x 51 tokens in 0.6 s: 340 tokens/s."""


def test_a_closed_loop_that_closes_is_accepted_without_a_word() -> None:
    assert refusal(GOOD) is None
    assert remarks(GOOD) == ()
    assert identity_distance(GOOD) == pytest.approx(0.0)


@pytest.mark.parametrize(("level", "why"), [
    (replace(GOOD, completed=0, ttft=Latency(0.0), tpot=Latency(0.0)), "nothing completed"),
    (replace(GOOD, cancelled=True), "the run was cancelled"),
    (replace(GOOD, arrival="burst"), "an open burst"),
    (replace(GOOD, arrival="mixed"), "several stages"),
    (replace(GOOD, arrival="open", asked_rps=16.0, requests_per_s=9.93), "of which 9.93 were served"),
    (replace(GOOD, failed=6), "6 of 106 requests failed (6%)"),
    (replace(GOOD, tpot=Latency(None)), "no time per output token"),
    (replace(GOOD, tpot=Latency(0.0)), "no time per output token"),
    (replace(GOOD, osl_tokens=1.0), "needs 2 or more"),
    (replace(GOOD, users=0.01), "0.010 requests in flight"),
    (replace(GOOD, completed=7), "one burst and its drain"),
    (replace(GOOD, e2e_ms=1100.0), "contradicts itself: whole responses take 1100 ms"),
    (replace(GOOD, no_row="a warm-up: import another"), "a warm-up"),
    (replace(GOOD, distortion_fraction=0.12), "its client fell behind"),
    (replace(GOOD, cached_fraction=0.75), "75% of its input tokens came from the engine's prefix cache"),
    (replace(GOOD, output_tokens_per_s=280.0), "-18% off"),
    (replace(GOOD, output_tokens_per_s=400.0), "+18% off"),
])
def test_what_is_no_row_is_refused_with_its_reason(level: FoundLevel, why: str) -> None:
    assert why in (refusal(level) or "")


def test_the_limit_of_failures_can_be_moved() -> None:
    assert refusal(replace(GOOD, failed=5)) is None  # 4.8%
    assert refusal(replace(GOOD, failed=20), 0.2) is None
    assert refusal(replace(GOOD, failed=5), 0.01) is not None


def test_what_weighs_on_a_row_is_said() -> None:
    assert remarks(replace(GOOD, output_tokens_per_s=306.0)) == ("throughput is -10.0% off the closed-loop identity",)
    assert remarks(replace(GOOD, failed=2)) == ("2 of 102 requests failed",)
    assert remarks(replace(GOOD, completed=12))[0].startswith("only 3.0 requests for each")
    assert "only checks" in remarks(replace(GOOD, arrival="open"))[0]


def test_a_rate_stands_in_for_throughput_and_batches_have_no_identity() -> None:
    by_rate = replace(GOOD, output_tokens_per_s=None, requests_per_s=340 / 51)
    assert identity_distance(by_rate) == pytest.approx(0.0)
    assert identity_distance(replace(GOOD, arrival="batch")) is None
    assert refusal(replace(GOOD, arrival="batch", output_tokens_per_s=1.0, completed=None)) is None


def test_a_cache_is_admitted_where_it_was_asked_for_or_holds_the_endpoints_own_words() -> None:
    assert refusal(replace(GOOD, cached_fraction=0.75, prefix_cached_fraction=0.75)) is None
    assert refusal(replace(GOOD, cached_fraction=0.25, cached_allowed_fraction=0.3)) is None
    assert refusal(replace(GOOD, cached_fraction=0.01)) is None
    assert any("a workload of its own" in said for said in remarks(replace(GOOD, prefix_cached_fraction=0.75)))


def test_doubts_are_told() -> None:
    assert remarks(replace(GOOD, doubts=("its client was busy",))) == ("trusted less: its client was busy",)
