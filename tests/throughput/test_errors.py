"""Errors of rows left out, and the bars that hold nine in ten."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from optimizer.load import Catalog
from optimizer.throughput.errors import bar_fraction, repeat_errors, summary
from optimizer.throughput.left_out import KINDS, LEVEL_FOLDS, leave_out, without
from optimizer.throughput.samples import curve_key, samples
from tests.catalogs import tiny


def test_summary_by_hand() -> None:
    found = summary([0.4, -0.1, 0.3, -0.2])
    assert found is not None
    # 0.3 + 0.7 x 0.1; of four the largest |ln|: ln 1.4
    assert (found.rows, found.median_error_fraction, found.p90_error_fraction) == (4, 0.25, 0.37)
    assert found.bar_fraction == 0.4
    assert summary([]) is None


def test_the_bar_holds_nine_in_ten() -> None:
    # 19 errors e^(k/100) - 1: rank ceil(0.9 x 20) = 18
    errors = [math.expm1(k / 100) for k in range(1, 20)]
    assert bar_fraction(errors) == pytest.approx(math.expm1(0.18))
    # twice as fast and twice as slow are equally wrong
    assert bar_fraction([1.0]) == bar_fraction([-0.5]) == pytest.approx(1.0)


def test_repeat_errors_by_hand() -> None:
    # 10 and 12 ms at one level: median 11, both off by 1/11
    rows = samples(tiny.catalog(tiny.point(1, 10.0), tiny.point(1, 12.0), tiny.point(2, 20.0)))
    assert sorted(repeat_errors(rows)) == pytest.approx([-1 / 11, 1 / 11])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_fold_are_gone_before_they_are_asked_for(shipped: Catalog, kind: str) -> None:
    rows = [row for row in samples(shipped) if row.question.model.runs_like in ("qwen3-4b", "llama-3.1-70b")]
    for fold in KINDS[kind](rows):
        rest = without(shipped, (row.point for row in fold))
        assert len(rest.points) == len(shipped.points) - len(fold)
        assert not {id(row.point) for row in fold} & {id(point) for point in rest.points}


def test_each_row_of_a_combination_leaves_once(shipped: Catalog) -> None:
    rows = samples(shipped)
    for kind in ("combination", "gpu", "model", "engine", "laboratory"):
        left = [id(row) for fold in KINDS[kind](rows) for row in fold]
        assert sorted(left) == sorted(id(row) for row in rows)
    inner = Counter(curve for curve, _ in {(curve_key(row.point), row.concurrency) for row in rows})
    for fold in KINDS["interior"](rows):
        # a curve loses one level at a time, one of very many levels every sixth
        lost = Counter(curve for curve, _ in {(curve_key(row.point), row.concurrency) for row in fold})
        assert all(count == 1 or inner[curve] > LEVEL_FOLDS for curve, count in lost.items())


def test_a_model_left_out_is_answered_without_its_rows() -> None:
    # two models of one size; rows of the second obey the estimate, those of the first are twice as slow
    models = {"m": tiny.model(), "n": tiny.model("n")}
    points = [tiny.point(c, scale * (3 + c / 2), model_id=name)
              for name, scale in (("m", 2.0), ("n", 1.0)) for c in (1, 2, 4, 8)]
    catalog = tiny.catalog(*points, models=models)
    found = leave_out(catalog, "model", samples(catalog))
    assert {row.gap for row in found} == {"model"}
    # nothing of the slow model is left, so that it is taken for the fast one and its errors are those of half the time
    slow = [row.tpot_error for row in found if row.sample.question.model.runs_like == "m"]
    assert max(slow) < -0.4


def test_shipped_errors_stay_within_what_was_reached(shipped: Catalog) -> None:
    assert shipped.calibration is not None
    errors = shipped.calibration.tpot_errors
    reached = {  # gap -> (median error, half-width of the bar)
        "interior": (0.014, 0.66), "curve": (0.045, 0.66), "configuration": (0.07, 0.75), "combination": (0.12, 0.95),
        "gpu": (0.12, 0.95), "model": (0.17, 0.95)}
    for gap, (median, bar) in reached.items():
        assert errors[gap].median_error_fraction < median
        assert errors[gap].bar_fraction < bar
