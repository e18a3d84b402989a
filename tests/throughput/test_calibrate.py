"""The fit: it finds known coefficients again, and the shipped calibration is what the shipped rows give."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optimizer.load import Catalog, shipped_catalog_dir
from optimizer.reports.catalog_report import CALIBRATION_HEADER, calibration_yaml
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.calibrate import (
    calibrate,
    interior_errors,
    non_negative_least_squares,
    points_digest,
    question_of,
    repeat_errors,
    samples,
    summary,
)
from optimizer.throughput.estimated import curve_for
from tests.catalogs import tiny

Vector = npt.NDArray[np.float64]


def best_over_subsets(matrix: Vector, target: Vector) -> float:
    """Return the least |A w - b|^2 over w >= 0, by trying every set of coefficients that may be above 0."""
    best = float(target @ target)
    columns = range(matrix.shape[1])
    for size in range(1, len(columns) + 1):
        for chosen in itertools.combinations(columns, size):
            part = matrix[:, list(chosen)]
            weights = np.linalg.lstsq(part, target, rcond=None)[0]
            if weights.min() >= 0:
                best = min(best, float(np.sum((part @ weights - target) ** 2)))
    return best


@given(st.integers(0, 10_000))
def test_non_negative_least_squares_is_the_best_of_all_subsets(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, target = random.normal(size=(12, 4)), random.normal(size=12)
    weights = non_negative_least_squares(matrix, target)
    assert weights.min() >= 0
    assert np.sum((matrix @ weights - target) ** 2) == pytest.approx(best_over_subsets(matrix, target), rel=1e-9)


def made_up_rows() -> list[ThroughputPoint]:
    """Return closed-loop rows that obey the tiny calibration exactly, on models of three sizes."""
    sizes = {"m": 1.0, "n": 2.0, "o": 4.0}
    models = {name: tiny.model(name, parameters_billion=b, active_parameters_billion=b) for name, b in sizes.items()}
    catalog = tiny.catalog(models=models)
    rows = []
    for name, isl, concurrency in itertools.product(sizes, (100, 500, 2000), (1, 2, 4, 8, 16)):
        asked = tiny.question(catalog, model=models[name], isl_tokens=isl)
        curve = curve_for(catalog, asked)
        assert curve is not None
        rows.append(tiny.point(concurrency, curve.tpot_ms(concurrency), curve.ttft_ms(concurrency), model_id=name,
                               isl_tokens=isl, closed_loop=True))
    return rows


def test_known_coefficients_are_found_again() -> None:
    models = {name: tiny.model(name, parameters_billion=b, active_parameters_billion=b)
              for name, b in (("m", 1.0), ("n", 2.0), ("o", 4.0))}
    found = calibrate(tiny.catalog(*made_up_rows(), models=models))
    terms = found.tpot["gddr"]
    # every row has 10 layers, so a millisecond a step and 0.1 ms a layer are the same thing
    assert terms.step_ms + 10 * terms.layer_ms == pytest.approx(1.0, rel=1e-3)
    assert (terms.weight_read, terms.sequence_ms) == pytest.approx((1.0, 0.5), rel=1e-3)
    assert found.ttft.prefill * found.ttft_engine_factors["e"] == pytest.approx(1.0, rel=1e-3)
    assert found.engine_factors["e"] == pytest.approx(1.0, rel=1e-3)
    assert found.rows_fitted == 45
    # with a model and GPU left out the others still give it
    assert found.errors["combination"].p90_error_fraction < 1e-3
    assert found.errors["ttft"].p90_error_fraction < 1e-3


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"use": "check"}, id="rows that only check"),
        pytest.param({"ttft_ms": 10_000.0}, id="rows whose requests wait"),  # 1,990 ms of decoding
        pytest.param({"gpu_count": 16, "tp_size": 16}, id="rows across nodes"),
        pytest.param({"isl_tokens": None, "use": "check"}, id="rows without lengths"),
    ],
)
def test_rows_left_out_of_the_fit(facts: dict[str, Any]) -> None:
    assert samples(tiny.catalog(tiny.point(8, 10.0, **facts))) == []
    assert len(samples(tiny.catalog(tiny.point(8, 10.0)))) == 1


def test_question_of_a_row() -> None:
    catalog = tiny.catalog()
    asked = question_of(catalog, tiny.point(gpu_count=4, tp_size=2))
    assert asked is not None
    assert (asked.tp_size, asked.gpu_count, asked.isl_tokens, asked.osl_tokens) == (2, 4, 500, 200)
    assert question_of(catalog, tiny.point(use="check", tp_size=None)) is None


def test_interior_and_repeat_errors_by_hand() -> None:
    # between 10 ms at C=1 and 30 ms at C=5 a line gives 20 ms at C=3; 25 were measured: off by 5/25
    assert interior_errors([tiny.point(1, 10.0), tiny.point(3, 25.0), tiny.point(5, 30.0)]) == pytest.approx([0.2])
    # 10 and 12 ms at one level: median 11, both off by 1/11
    twice = [tiny.point(1, 10.0), tiny.point(1, 12.0), tiny.point(2, 20.0)]
    assert repeat_errors(twice) == pytest.approx([1 / 11, 1 / 11])


def test_summary() -> None:
    found = summary([0.4, 0.1, 0.3, 0.2])
    assert (found.rows, found.median_error_fraction, found.p90_error_fraction) == (4, 0.25, 0.37)  # 0.3 + 0.7 x 0.1
    assert summary([]).rows == 0


def numbers_of(value: Any, path: str = "") -> dict[str, Any]:
    """Lay a nested mapping out as path -> value."""
    if not isinstance(value, dict):
        return {path: value}
    return {name: leaf for key, inner in value.items() for name, leaf in numbers_of(inner, f"{path}.{key}").items()}


def test_shipped_calibration_is_what_the_shipped_rows_give(shipped: Catalog) -> None:
    text = (shipped_catalog_dir() / "calibration.yaml").read_text(encoding="utf-8")
    fitted = calibration_yaml(calibrate(shipped))
    assert text.startswith(CALIBRATION_HEADER)
    assert [line.split(":")[0] for line in fitted.splitlines()] == [line.split(":")[0] for line in text.splitlines()]
    now, then = yaml.safe_load(fitted), yaml.safe_load(text)
    assert now.pop("engines_measured") == then.pop("engines_measured")
    now, then = numbers_of(now), numbers_of(then)
    assert now.pop(".points_sha256") == then.pop(".points_sha256"), "rows changed: run `gpumix catalog calibrate`"
    assert now == pytest.approx(then, rel=1e-3, abs=2e-6)  # the last printed digit may differ between processors


def test_the_digest_sees_every_change_of_a_fitted_row(shipped: Catalog) -> None:
    points = [row.point for row in samples(shipped)]
    assert shipped.calibration is not None
    assert points_digest(points) == shipped.calibration.points_sha256
    slower = points[0].model_copy(update={"tpot_ms": (points[0].tpot_ms or 0.0) * 1.001})
    assert points_digest([slower, *points[1:]]) != shipped.calibration.points_sha256


def test_shipped_errors_stay_within_what_was_reached(shipped: Catalog) -> None:
    assert shipped.calibration is not None
    errors = shipped.calibration.errors
    assert errors["combination"].median_error_fraction < 0.15
    assert errors["ttft"].median_error_fraction < 0.35
    assert errors["interior"].p90_error_fraction < 0.08
    assert errors["repeat"].p90_error_fraction < 0.05
