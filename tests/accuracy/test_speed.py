"""Predicted against measured speeds: rows of a file, and shipped rows left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.accuracy.speed import AgainstRows, inside, left_out_totals, speed_against
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.reports.accuracy_report import AGAINST_REPORTS, check_plot, pairs_of, plot
from optimizer.throughput.left_out import leave_out
from optimizer.throughput.samples import samples
from tests.catalogs import tiny

HEADER = "source_id,model,precision,gpu,gpu_count,tensor_parallel,engine,input_tokens,output_tokens,concurrency,tpot_ms"


def against(folder: Path, catalog: Catalog, *rows: str, header: str = HEADER) -> AgainstRows:
    """Predict rows of a file."""
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return speed_against(catalog, path)


def test_rows_are_predicted_by_hand(tmp_path: Path) -> None:
    catalog = tiny.catalog(tiny.point(1, 10.0, isl_tokens=9999))
    # estimate 3 + C/2: 4 ms at C=2 (5 measured: a fifth too fast), 35 ms at C=64
    found = against(tmp_path, catalog, "lab,M,BF16,G,,,E,500,200,2,5.0", ",m,,g,1,1,e,499.6,200,64,35.0")
    first, second = found.rows
    assert (first.predicted, first.measured, first.evidence, first.gap) == (4.0, 5.0, "estimated", "curve")
    assert first.error_fraction == pytest.approx(-0.2)
    assert (first.low, first.high) == pytest.approx((4.0 / 1.4, 4.0 * 1.4))
    assert second.error_fraction == pytest.approx(0.0)
    overall = found.totals[0]
    assert (overall.rows, overall.median_error_fraction, overall.coverage_fraction) == (2, pytest.approx(0.1), 1.0)
    data = json.loads(AGAINST_REPORTS["json"](found))
    assert set(data["totals"]) >= {"median_error_fraction", "p90_error_fraction", "coverage_fraction"}
    assert set(data["rows"][0]) >= {"predicted", "measured", "evidence", "interval"}


def test_bad_rows_are_refused_one_by_one(tmp_path: Path) -> None:
    found = against(
        tmp_path, tiny.catalog(), ",m,,g,1,1,e,500,200,2,4.0", ",nobody,,g,1,1,e,500,200,2,4.0",
        ",m,,g,1,1,e,500,200,none,4.0", ",m,,g,1,1,e,500,200,2,", ",m,,g,1,1,e,500,200,2,4.0,extra")
    assert len(found.rows) == 1
    assert [one.line for one in found.refused] == [3, 4, 5, 6]
    assert "model 'nobody' is not in the catalog" in found.refused[0].reason
    assert "concurrency" in found.refused[1].reason
    assert "tpot_ms and tokens_per_s_per_user: found nothing" in found.refused[2].reason
    text = AGAINST_REPORTS["text"](found)
    assert len([line for line in text.splitlines() if line.startswith("  line ")]) == 4


def test_a_laboratory_never_seen_is_promised_nothing(tmp_path: Path) -> None:
    catalog = tiny.catalog(tiny.point(1, 10.0, isl_tokens=9999))
    known, unknown = against(tmp_path, catalog, *(f"{lab},m,,g,1,1,e,500,200,2,4.0" for lab in ("lab", "else"))).rows
    assert (known.gap, unknown.gap) == ("curve", "rough")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        pytest.param(HEADER + ",colour", "the unknown column 'colour'", id="unknown column"),
        pytest.param(HEADER.replace("concurrency,", ""), "no column concurrency", id="missing column"),
        pytest.param(HEADER.replace(",tpot_ms", ""), "no measured speed", id="no speed"),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        against(tmp_path, tiny.catalog(), header=header)
    assert said in str(raised.value)


def test_a_picture_of_predicted_against_measured(tmp_path: Path) -> None:
    found = against(tmp_path, tiny.catalog(), ",m,,g,1,1,e,500,200,2,5.0")
    path = tmp_path / "plot.png"
    check_plot(path)
    plot(pairs_of(found), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"ends in \.png"):
        check_plot(tmp_path / "plot.svg")


@pytest.mark.slow
def test_shipped_bars_hold_nine_in_ten_of_the_rows_left_out(shipped: Catalog) -> None:
    # one level out, the fastest of the kinds; the bars of the others are found in the same way
    rows = samples(shipped)
    assert shipped.calibration is not None
    bar = shipped.calibration.tpot_errors["interior"].bar_fraction
    found = [row for row in leave_out(shipped, "interior", rows) if row.gap == "interior"]
    held = sum(inside(row, bar) for row in found) / len(found)
    assert 0.87 <= held <= 0.94
    totals = left_out_totals("interior", "all", found, {"interior": bar})
    assert totals.coverage_fraction == held
