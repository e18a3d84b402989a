"""Predicted against measured speeds: rows of a file, and shipped rows left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.accuracy.against import AgainstRows, layout_of, level_of, speed_against
from optimizer.accuracy.speed import judged_by, left_out_totals
from optimizer.documents.publish import published
from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.messages.voice import ENGLISH
from optimizer.reports.accuracy_report import against_document, check_plot, pairs_of, plot
from optimizer.schema.measurement import Measurement
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
    data = json.loads(published(against_document(found), "json", ENGLISH))
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
    text = published(against_document(found), "text", ENGLISH)
    assert len([line for line in text.splitlines() if line.strip().startswith(("line ", "- line "))]) == 4, text


def test_a_laboratory_never_seen_has_the_gap_of_its_question(tmp_path: Path) -> None:
    # the bars are those of strangers already
    catalog = tiny.catalog(tiny.point(1, 10.0, isl_tokens=9999))
    known, unknown = against(tmp_path, catalog, *(f"{lab},m,,g,1,1,e,500,200,2,4.0" for lab in ("lab", "else"))).rows
    assert (known.gap, unknown.gap) == ("curve", "curve")


def test_columns_of_the_catalog_and_of_dashboards_are_read(tmp_path: Path) -> None:
    catalog = tiny.catalog()
    shipped = against(
        tmp_path, catalog, "lab,m,bf16,g,1,1,e,500,200,2,4.0,red",
        header="source_id,model_id,precision,gpu_id,gpu_count,tp_size,engine_id,isl_tokens,osl_tokens,concurrency,"
               "tpot_ms,colour")
    assert (len(shipped.rows), shipped.refused, shipped.ignored) == (1, (), ("colour",))
    assert "ignored: colour" in " ".join(published(against_document(shipped), "text", ENGLISH).split())
    dashboard = against(
        tmp_path, catalog, "m,g,e,4,4,True,500,200,2,,4.0,none", "m,g,e,4,1,False,500,200,2,4.0,,mtp",
        header="model,gpu,framework,decode_tp,decode_ep,decode_dp_attention,input_tokens,output_tokens,concurrency,"
               "mean_tpot_ms,median_tpot_ms,speculative")
    assert [row.layout for row in dashboard.rows] == ["tp1-dp4-ep4"]
    assert "speculative" in dashboard.refused[0].reason


def test_a_layout_is_read_from_a_word_or_from_sizes() -> None:
    facts = {"model": "m", "gpu": "g", "engine": "e", "input_tokens": 1.0, "output_tokens": 1.0, "concurrency": 1.0}

    def layout(**sizes: Any) -> str:
        return layout_of(Measurement.model_validate({**facts, **sizes})).name

    assert layout() == "tp1"
    assert layout(gpu_count=4) == "tp4"
    assert layout(gpu_count=8, tensor_parallel=4) == "tp4-pp2"
    assert layout(tensor_parallel=8, expert_parallel=8, attention_data_parallel=True) == "tp1-dp8-ep8"
    assert layout(layout="tp2-pp2") == "tp2-pp2"


def test_levels() -> None:
    assert [level_of(count) for count in (1, 2, 8, 64, 65, 257)] == [
        "1", "2 to 8", "2 to 8", "33 to 64", "65 to 256", "over 256"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
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
    bars = {gap: errors.bar for gap, errors in shipped.calibration.tpot_errors.items()}
    found = [row for row in leave_out(shipped, "interior", rows) if row.gap == "interior"]
    totals = left_out_totals("interior", "all", judged_by(bars, found))
    assert totals.coverage_fraction >= 0.9  # the bars are those of laboratories never seen: these were
    assert totals.median_error_fraction < 0.014
