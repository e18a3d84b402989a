"""The fit finds known coefficients again, takes the rows that it should, and the shipped calibration is its own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import yaml

from optimizer.load import Catalog, shipped_catalog_dir
from optimizer.reports.catalog_report import CALIBRATION_HEADER, calibration_yaml
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.calibrate import calibrate, constants_of
from optimizer.throughput.estimated import curve_for
from optimizer.throughput.fit import fit, points_digest
from optimizer.throughput.posterior import Prior, Rows, columns_of, posterior_mode, predict
from optimizer.throughput.priors import TPOT_PRIOR
from optimizer.throughput.samples import question_of, samples
from tests.catalogs import tiny

SIZES = {"m": 1.0, "n": 2.0, "o": 4.0}
MODELS = {name: tiny.model(name, parameters_billion=b, active_parameters_billion=b) for name, b in SIZES.items()}


def made_up_rows() -> list[ThroughputPoint]:
    """Return closed-loop rows that obey the tiny calibration exactly, on models of three sizes."""
    catalog = tiny.catalog(models=MODELS)
    rows = []
    for name, isl, concurrency in itertools.product(SIZES, (100, 500, 2000), (1, 2, 4, 8, 16)):
        curve = curve_for(catalog, tiny.question(catalog, model=MODELS[name], isl_tokens=isl))
        assert curve is not None
        rows.append(tiny.point(concurrency, curve.tpot_ms(concurrency), curve.ttft_ms(concurrency), model_id=name,
                               isl_tokens=isl, closed_loop=True))
    return rows


def test_rows_that_obey_the_formula_are_estimated_as_measured() -> None:
    rows = made_up_rows()
    catalog = tiny.catalog(*rows, models=MODELS)
    found, _ = fit(samples(catalog))
    assert found.rows_fitted == 45
    refitted = tiny.catalog(*rows, models=MODELS, calibration=found)
    for row in rows:
        asked = question_of(refitted, row)
        assert asked is not None
        curve = curve_for(refitted, asked)
        assert curve is not None
        assert curve.tpot_ms(row.concurrency or 1) == pytest.approx(row.tpot_ms, rel=0.03)
        assert curve.ttft_ms(row.concurrency or 1) == pytest.approx(row.ttft_ms, rel=0.1)


def test_a_fit_of_the_mean_by_hand() -> None:
    # One term of 1 ms, rows of 8 and of 2 ms that share nothing: the logarithm's mean is ln 4. With a prior of ln 1 and
    # variance 1 on the coefficient, and noise of variance 1 on each row, it is (0 + ln 8 + ln 2) / 3 = ln 16 / 3.
    prior = Prior({"step": (1.0, 1.0)}, {}, {}, TPOT_PRIOR.kinship)
    rows = Rows(np.ones((1, 2)), np.log(np.array([8.0, 2.0])), ({}, {}), ((np.arange(2), np.eye(2)),), np.zeros(2))
    assert posterior_mode(prior, rows, []) == pytest.approx([np.log(16) / 3])


def test_slopes_are_those_of_the_formula() -> None:
    prior = Prior({"a": (2.0, 1.0), "b": (3.0, 1.0)}, {"b by engine": 1.0}, {"engine": 1.0}, TPOT_PRIOR.kinship)
    traits = ({"engine": "x"}, {"engine": "y"}, {"engine": "x"})
    columns, terms = columns_of(prior, traits, np.zeros(3)), np.array([[1.0, 2.0, 3.0], [5.0, 0.5, 1.0]])
    at = np.array([0.3, -0.2, 0.1, 0.4, -0.3, 0.2])
    _, slopes = predict(terms, columns, at)
    for index in range(len(at)):
        step = np.zeros(len(at))
        step[index] = 1e-6
        moved = (predict(terms, columns, at + step)[0] - predict(terms, columns, at - step)[0]) / 2e-6
        assert slopes[:, index] == pytest.approx(moved, abs=1e-6)


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


def test_the_first_token_of_a_full_cache_is_not_fitted() -> None:
    # 16.1 GiB hold 842,000 tokens of 20,480 bytes; with a tenth more, 1,500 requests of 600 tokens on average
    found = samples(tiny.catalog(*(tiny.point(c, 10.0, closed_loop=True) for c in (100, 1600))))
    assert [(row.concurrency, row.ttft_ms) for row in found] == [(100, 100.0), (1600, None)]
    assert samples(tiny.catalog(tiny.point(8, 10.0)))[0].ttft_ms is None  # an open loop


def test_question_of_a_row() -> None:
    catalog = tiny.catalog()
    asked = question_of(catalog, tiny.point(gpu_count=4, tp_size=2))
    assert asked is not None
    assert (asked.tp_size, asked.gpu_count, asked.isl_tokens, asked.osl_tokens) == (2, 4, 500, 200)
    assert question_of(catalog, tiny.point(use="check", tp_size=None)) is None


def numbers_of(value: Any, path: str = "") -> dict[str, Any]:
    """Lay a nested mapping out as path -> value."""
    if not isinstance(value, dict):
        return {path: value}
    return {name: leaf for key, inner in value.items() for name, leaf in numbers_of(inner, f"{path}.{key}").items()}


def same_but_for_the_last_digits(text: str, other: str) -> None:
    """Compare two calibrations: the last printed digit may differ between processors."""
    now, then = yaml.safe_load(text), yaml.safe_load(other)
    assert now.pop("engines_measured") == then.pop("engines_measured")
    now, then = numbers_of(now), numbers_of(then)
    assert now.pop(".points_sha256") == then.pop(".points_sha256"), "rows changed: run `gpumix catalog calibrate`"
    assert now == pytest.approx(then, rel=1e-3, abs=2e-4)


def shipped_text() -> str:
    return (shipped_catalog_dir() / "calibration.yaml").read_text(encoding="utf-8")


def test_shipped_constants_are_what_the_shipped_rows_give(shipped: Catalog) -> None:
    assert shipped.calibration is not None
    fitted = constants_of(shipped)
    errors = {name: getattr(shipped.calibration, name) for name in ("tpot_errors", "ttft_errors")}
    assert shipped_text().startswith(CALIBRATION_HEADER)
    same_but_for_the_last_digits(calibration_yaml(fitted.model_copy(update=errors)), shipped_text())


@pytest.mark.slow
def test_shipped_errors_are_what_the_shipped_rows_give(shipped: Catalog) -> None:
    same_but_for_the_last_digits(calibration_yaml(calibrate(shipped)), shipped_text())


def test_the_digest_sees_every_change_of_a_fitted_row(shipped: Catalog) -> None:
    points = [row.point for row in samples(shipped)]
    assert shipped.calibration is not None
    assert points_digest(points) == shipped.calibration.points_sha256
    slower = points[0].model_copy(update={"tpot_ms": (points[0].tpot_ms or 0.0) * 1.001})
    assert points_digest([slower, *points[1:]]) != shipped.calibration.points_sha256
