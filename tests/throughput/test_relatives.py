"""Measured rows of the same model correct the estimate."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.schema.calibration import Calibration, Kinship
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput import speed_curve
from optimizer.throughput.curve import SpeedCurve
from tests.catalogs import tiny


def related(**kinship: object) -> Calibration:
    """Return the tiny calibration with rows that correct it: one spread of 0.3 for all rows of a model, noise 0.1."""
    given: dict[str, object] = {
        "alike": {"model": 0.3}, "smooth_length": 1.0, "rough_length": 2.0, "run": 0.0, "noise": 0.1, **kinship}
    fitted = tiny.CALIBRATION.tpot.model_copy(update={"kinship": Kinship.model_validate(given)})
    return tiny.CALIBRATION.model_copy(update={"tpot": fitted})


def answer(calibration: Calibration, *points: ThroughputPoint, **asked: int) -> SpeedCurve:
    catalog = tiny.catalog(*points, calibration=calibration)
    found = speed_curve(catalog, tiny.question(catalog, **asked))
    assert found is not None
    return found


def test_one_row_rescales_the_estimate_by_hand() -> None:
    # The estimate for C = 2 is 4 ms; a row at other lengths took 8: ln 2 off. Of it 0.3^2 / (0.3^2 + 0.1^2) = 0.9 is
    # the model's, so that the 35 ms at C = 64 become 35 x 2^0.9.
    row = tiny.point(2, 8.0, isl_tokens=5000, osl_tokens=100)
    assert answer(related(), row).tpot_ms(64) == pytest.approx(35.0 * 2**0.9, rel=1e-3)
    assert answer(related(), row).gap(64) == "curve"


def test_two_rows_that_agree_are_believed_more() -> None:
    # two rows ln 2 off: 2 x 0.09 / (2 x 0.09 + 0.01) = 0.947 of it
    rows = [tiny.point(2, 8.0, isl_tokens=5000, osl_tokens=osl) for osl in (100, 150)]
    assert answer(related(), *rows).tpot_ms(64) == pytest.approx(35.0 * 2 ** (0.18 / 0.19), rel=2e-3)


def test_what_is_shared_smoothly_fades_with_distance() -> None:
    # at the row's own lengths and count all of it, exp(-1/2) of it where ln C is 1 away
    smooth = related(alike={}, smooth={"configuration": 0.3})
    curve = answer(smooth, tiny.point(8, 14.0, isl_tokens=1000, osl_tokens=100), isl_tokens=1000, osl_tokens=500)
    at = math.sqrt(math.log(5) ** 2)  # lengths differ by ln 5
    kept = 0.9 * math.exp(-(at**2) / 2)
    assert curve.tpot_ms(8) == pytest.approx(7.0 * 2**kept, rel=1e-2)


def test_rows_of_another_configuration_count_as_far_as_they_are_alike() -> None:
    only = related(alike={"configuration": 0.3})
    row = tiny.point(2, 8.0, gpu_count=2, tp_size=2)
    assert answer(only, row).tpot_ms(64) == pytest.approx(35.0)
    assert answer(only, row).gap(64) == "configuration"


def test_a_measured_curve_is_passed_through_and_never_falls() -> None:
    rows = [tiny.point(4, 9.0), tiny.point(16, 12.0), tiny.point(64, 40.0)]
    curve = answer(related(run=0.2), *rows)
    assert [curve.tpot_ms(c) for c in (4, 16, 64)] == [9.0, 12.0, 40.0]
    steps = [curve.tpot_ms(c) for c in range(1, 200)]
    assert steps == sorted(steps)
    assert curve.tpot_ms(1) < 9.0
    assert [curve.evidence(c) for c in (1, 4, 10, 16, 100)] == [
        "estimated", "measured", "interpolated", "measured", "estimated"]
    assert [curve.gap(c) for c in (1, 4, 10, 100)] == ["edge", "measured", "interior", "edge"]
    # asked for no worse than interpolated, a single request has the first level's figures
    strict = replace(curve, least_evidence="interpolated")
    assert (strict.tpot_ms(1), strict.evidence(1)) == (9.0, "interpolated")


def test_longer_requests_answer_on_the_safe_side() -> None:
    # twice the output halves the prompts between the steps: the row's 10 ms would be too fast a promise
    calibration = related()
    terms = calibration.tpot.model_copy(update={
        "coefficients": calibration.tpot.coefficients | {"prefill_share": 1.0}})
    calibration = calibration.model_copy(update={"tpot": terms})
    curve = answer(calibration, tiny.point(100, 80.0, isl_tokens=500, osl_tokens=400))
    assert curve.evidence(100) == "measured"
    assert curve.gap(100) == "curve"
    # prompts between the steps: 99 / 200 x 10.03 = 4.96 ms asked, 2.48 ms measured, of 53 ms without them
    assert curve.tpot_ms(100) == pytest.approx(80.0 * (53 + 4.963) / (53 + 2.481), rel=2e-3)


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0.5, 500.0), st.integers(1, 4000)), min_size=1, max_size=8),
       st.floats(0.0, 1.5))
def test_neither_the_speed_nor_its_slow_end_falls(rows: list[tuple[int, float, int]], share: float) -> None:
    kin = related(alike={"model": 0.3}, smooth={"engine": 0.5}, rough={"configuration": 0.4}, run=0.1)
    curve = answer(kin, *(tiny.point(c, tpot, isl_tokens=isl) for c, tpot, isl in rows))
    for figures in ([curve.tpot_ms(c) for c in range(1, 320)],
                    [curve.slow_tpot_ms(c, share) for c in range(1, 320)],
                    [curve.ttft_ms(c) for c in range(1, 320)]):
        assert all(after >= before * (1 - 1e-12) for before, after in pairwise(figures))
