"""Which measured rows answer a question, and what they say at, between, below and past their levels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.load.catalog import point_key
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput import SpeedCurve, speed_curve
from optimizer.throughput.measured import curve_for, curves_of, length_match, monotone_levels, proven_by, version_key
from tests.catalogs import tiny


def answer(*points: ThroughputPoint, **asked: object) -> SpeedCurve:
    """Return what the tiny catalog with these rows says about model m on one GPU g."""
    catalog = tiny.catalog(*points)
    found = speed_curve(catalog, tiny.question(catalog, **asked))  # type: ignore[arg-type]
    assert found is not None
    return found


THREE = (tiny.point(1, 10.0, 100.0), tiny.point(4, 16.0, 160.0), tiny.point(16, 40.0, 400.0))


@pytest.mark.parametrize(
    ("concurrency", "tpot_ms", "ttft_ms", "evidence"),
    [
        pytest.param(1, 10.0, 100.0, "measured", id="first level"),
        pytest.param(4, 16.0, 160.0, "measured", id="inner level"),
        pytest.param(16, 40.0, 400.0, "measured", id="last level"),
        pytest.param(10, 28.0, 280.0, "interpolated", id="half way between 4 and 16"),  # 16 + 6/12 x 24
        pytest.param(2, 12.0, 120.0, "interpolated", id="a third between 1 and 4"),  # 10 + 1/3 x 6
        # the estimate is 3 + C/2 ms: 11 at 16, 19 at 32; TTFT's does not rise
        pytest.param(32, 40.0 * 19 / 11, 400.0, "estimated", id="past the last level: estimate, scaled through it"),
    ],
)
def test_levels(concurrency: int, tpot_ms: float, ttft_ms: float, evidence: str) -> None:
    curve = answer(*THREE)
    assert curve.tpot_ms(concurrency) == pytest.approx(tpot_ms)
    assert curve.ttft_ms(concurrency) == pytest.approx(ttft_ms)
    assert curve.evidence(concurrency) == evidence


def test_below_the_first_level_its_figures_hold() -> None:
    curve = answer(*THREE[1:])
    assert [curve.tpot_ms(c) for c in (1, 2, 3, 4)] == [16.0] * 4
    assert [curve.ttft_ms(c) for c in (1, 4)] == [160.0] * 2
    assert curve.evidence(1) == "interpolated"


def test_past_the_last_level_the_curve_is_continuous_and_never_falls() -> None:
    # the estimate (11 ms at C=16) lies above the measured 8 ms: the curve goes on from 8
    curve = answer(tiny.point(16, 8.0))
    assert curve.tpot_ms(16) == 8.0
    assert curve.tpot_ms(17) == pytest.approx(8.0 * 11.5 / 11)


def test_error_bars_widen_with_distance_from_what_was_measured() -> None:
    curve = answer(tiny.point(1, 10.0), tiny.point(2, 11.0), tiny.point(8, 20.0))
    bars = [curve.error_fraction(c) for c in (1, 2, 3, 8, 9)]
    # measured, measured, interpolated, measured, past the end
    assert bars == pytest.approx([0.02, 0.02, 0.08, 0.02, 0.4])
    # 7 requests take 18.5 ms; 1.08 x 18.5 = 19.98, no more than the 20.4 ms of 8; at 90% nothing falls
    assert [curve.slow_tpot_ms(c, 1.0) for c in (7, 8)] == pytest.approx([19.98, 20.4])


def test_measured_only_answers_with_the_next_level_above() -> None:
    curve = replace(answer(*THREE), least_evidence="measured")
    assert (curve.tpot_ms(10), curve.ttft_ms(10), curve.evidence(10)) == (40.0, 400.0, "measured")


def test_without_calibration_nothing_is_promised_past_the_last_level() -> None:
    catalog = tiny.catalog(*THREE, calibration=None)
    curve = speed_curve(catalog, tiny.question(catalog))
    assert curve is not None
    assert (curve.tpot_ms(16), curve.tpot_ms(17)) == (40.0, float("inf"))
    assert speed_curve(tiny.catalog(calibration=None), tiny.question(catalog)) is None


@pytest.mark.parametrize(
    ("isl_tokens", "osl_tokens", "rank"),
    [
        pytest.param(500, 200, 0, id="the same"),
        pytest.param(550, 220, 0, id="10% longer"),
        pytest.param(450, 180, 0, id="10% shorter"),
        pytest.param(449, 200, None, id="input more than 10% shorter"),
        pytest.param(500, 179, None, id="output more than 10% shorter"),
        pytest.param(560, 200, 1, id="input longer by more than 10%, output as asked"),
        pytest.param(1000, 400, 1, id="twice as long"),
        pytest.param(1001, 400, None, id="more than twice"),
        pytest.param(600, 190, None, id="one longer, one shorter"),
    ],
)
def test_lengths_match_within_10_percent_or_up_to_twice(isl_tokens: int, osl_tokens: int, rank: int | None) -> None:
    row = tiny.point(isl_tokens=isl_tokens, osl_tokens=osl_tokens)
    assert length_match(500, 200, row) == rank
    curve = answer(row)
    assert curve.evidence(1) == ("estimated" if rank is None else "measured")


def test_lengths_as_asked_come_before_longer_ones() -> None:
    longer = tiny.point(1, 5.0, isl_tokens=1000, osl_tokens=400, confidence="high", engine_version="9.9")
    assert answer(longer, tiny.point(1, 7.0, confidence="low")).tpot_ms(1) == 7.0


def test_newer_engine_version_is_preferred() -> None:
    versions = {"0.9.1": 1.1, "0.10": 2.2, "0.7.3": 3.3}
    rows = [tiny.point(1, tpot, engine_version=version) for version, tpot in versions.items()]
    assert answer(*rows).tpot_ms(1) == 2.2
    assert answer(*reversed(rows)).tpot_ms(1) == 2.2


def test_trust_comes_before_version() -> None:
    old = tiny.point(1, 4.0, engine_version="0.1", confidence="high")
    assert answer(tiny.point(1, 9.0, engine_version="0.9", confidence="low"), old).tpot_ms(1) == 4.0


def test_commit_hash_is_no_version() -> None:
    # 91d2fc3 starts with 91, which is no newer than 2.0
    assert version_key("91d2fc3") == ()
    assert version_key("1.2.0rc6.post3")[:3] == (1, 2, 0)
    assert version_key("1234567") == (1234567,)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"use": "check"}, id="rows that only check"),
        pytest.param({"use": "ceiling", "output_tokens_per_s": 1e6}, id="saturation rows"),
        pytest.param({"precision": "fp8"}, id="another precision"),
        pytest.param({"gpu_count": 2, "tp_size": 2}, id="another tensor parallel"),
        pytest.param({"gpu_count": 2}, id="another footprint"),
        pytest.param({"kv_precision": "fp8"}, id="a quantised KV cache"),
    ],
)
def test_rows_of_something_else_never_answer(facts: dict[str, object]) -> None:
    catalog = tiny.catalog(tiny.point(1, 2.0, **facts))
    assert curve_for(catalog, tiny.question(catalog)) is None
    assert answer(*catalog.points).evidence(1) == "estimated"


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"precision_inferred": True}, id="a precision inferred by rule"),
        pytest.param({"precision": "fp16"}, id="a precision that runs like the one asked"),
        pytest.param({"confidence": "low"}, id="low confidence"),
        pytest.param({"closed_loop": True}, id="a closed loop"),
    ],
)
def test_rows_that_count_as_measured(facts: dict[str, object]) -> None:
    assert answer(tiny.point(1, 12.5, **facts)).evidence(1) == "measured"


def test_models_of_one_group_answer_for_each_other() -> None:
    twin = tiny.model(runs_like="m")
    catalog = tiny.catalog(tiny.point(1, 12.5, model_id="twin"), models={"m": tiny.model(), "twin": twin})
    curve = curve_for(catalog, tiny.question(catalog))
    assert curve is not None
    assert curve.tpot_ms(1) == 12.5


def test_one_level_without_ttft_makes_ttft_an_estimate() -> None:
    curve = answer(tiny.point(1, 10.0, 100.0), tiny.point(4, 16.0, None))
    assert not curve.ttft_measured
    assert curve.ttft_ms(1) == curve.ttft_ms(4) == pytest.approx(20.0256)  # 10 + 10.0256, see `tiny`
    assert curve.evidence(1) == "measured"  # the TPOT still is


def test_levels_never_fall_and_repeats_count_by_the_middle_one() -> None:
    # of 13 and 14 ms at one level the slower, of three the middle one
    rows = [tiny.point(8, 12.0, 90.0), tiny.point(1, 10.0, 80.0), tiny.point(4, 14.0, 95.0), tiny.point(4, 13.0, 70.0)]
    levels = monotone_levels(rows)
    found = [(level.concurrency, level.tpot_ms, level.ttft_ms) for level in levels]
    assert found == [(1, 10.0, 80.0), (4, 14.0, 95.0), (8, 14.0, 95.0)]


def test_curves_are_not_mixed() -> None:
    rows = [tiny.point(c, 10.0, engine_version=v, kv_precision=kv)
            for c in (1, 2) for v in ("1", "2") for kv in ("", "fp8")]
    assert sorted(len(curve) for curve in curves_of(rows)) == [2, 2, 2, 2]
    # a curve of two levels is not completed by a level of another laboratory
    curve = answer(tiny.point(1, 10.0), tiny.point(4, 16.0), tiny.point(8, 17.0, source_id="other lab"))
    assert curve.last_measured == 4


@pytest.mark.parametrize(
    ("ttft_ms", "tpot_ms", "concurrency", "proven"),
    [
        # 199 x 10 ms = 1,990 ms of decoding
        pytest.param(100.0, 10.0, 64, 64, id="a short first token: all in flight fit"),
        pytest.param(497.5, 10.0, 64, 64, id="exactly a fifth of the time in flight"),
        pytest.param(1990.0, 10.0, 64, 32, id="half the time waiting: half were decoded at once"),
        pytest.param(17910.0, 10.0, 64, 7, id="nine tenths waiting: 6.4, rounded up"),
        pytest.param(1990.0, 10.0, 1, 1, id="a single request proves itself"),
        pytest.param(None, 10.0, 64, 64, id="no TTFT stated"),
    ],
)
def test_what_a_row_proves_to_fit(ttft_ms: float | None, tpot_ms: float, concurrency: int, proven: int) -> None:
    row = tiny.point(concurrency, tpot_ms, ttft_ms)
    assert proven_by(row) == proven
    assert answer(row).proven_concurrency == proven


def test_shorter_requests_prove_nothing_about_longer_ones() -> None:
    assert answer(tiny.point(64, 10.0, isl_tokens=460)).proven_concurrency == 0
    assert answer(tiny.point(64, 10.0, isl_tokens=900)).proven_concurrency == 64


def test_own_rows_come_first_alone() -> None:
    """The user's slow row answers in place of faster, more trusted ones, also where only those have a level."""
    own = tiny.point(1, 30.0, 90.0, source_id="me", confidence="low")
    other = [tiny.point(1, 10.0, 50.0, confidence="high", engine_version="9.9"),
             tiny.point(8, 20.0, 60.0, confidence="high", engine_version="9.9")]
    catalog = tiny.overlaid(tiny.catalog(own, *other), throughput={point_key(own)})
    found = speed_curve(catalog, tiny.question(catalog))
    assert found is not None
    assert [(level.concurrency, level.tpot_ms) for level in found.levels] == [(1, 30.0)]


def test_rows_of_an_unknown_version_are_no_repeats_of_each_other() -> None:
    """Two laboratories at one level: both count with the same version, one alone without a version."""
    for version, levels in (("2.0", 14.0), ("", 10.0)):
        found = answer(tiny.point(1, 10.0, source_id="a", engine_version=version),
                       tiny.point(1, 14.0, source_id="b", engine_version=version))
        assert found.tpot_ms(1) == levels  # of two the slower, or the first by name


def test_what_sources_differ_by_widens_the_bar() -> None:
    """10, 12 and 18 ms at one level: the middle one counts, the farthest lies half of it away."""
    found = answer(*(tiny.point(1, tpot, source_id=lab) for lab, tpot in (("a", 10.0), ("b", 12.0), ("c", 18.0))))
    assert found.tpot_ms(1) == 12.0
    assert found.spread_fraction == pytest.approx(0.5)
    assert found.error_fraction(1) == pytest.approx(0.02 + 0.5)  # beside the bar of a row measured again
