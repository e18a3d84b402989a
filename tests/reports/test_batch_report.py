"""Pivots of a batch as text, Markdown, CSV and JSON, and the chart of its costs."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from pathlib import Path

import pytest

from optimizer.batch.ledger import Ledger
from optimizer.batch.outcome import Outcome
from optimizer.batch.pivot import Cell, Pivot
from optimizer.batch.variants import Variant
from optimizer.reports.batch_report import pivot_document
from optimizer.reports.charts.batch_charts import write_batch_charts
from optimizer.reports.charts.batch_data import MOST_POINTS, batch_chart, short_names
from tests.documents.written import written

PIVOT = Pivot(
    ("model",), ("grade",), "usd_per_month", (("llama",), ("a|b",)), (("A",), ("",)),
    {
        (("llama",), ("A",)): Cell(1825.0, 1, 1), (("llama",), ("",)): Cell(None, 2, 0),
        (("a|b",), ("A",)): Cell(7.0, 4, 3),
    }, 7, 9,
)


def test_text_stands_in_columns() -> None:
    lines = written(pivot_document(PIVOT), "text").splitlines()
    assert "Least usd_per_month by model by grade" in lines[0]
    assert lines[1:3] == ["(3 of 4): 4 variants, 3 of them with this figure; -: no variant",
                          "The batch is not finished: 7 of 9 variants are in it"]
    assert [line.split() for line in lines[-2:]] == [
        ["llama", "1,825.00", "none", "(0", "of", "2)"], ["a|b", "7.00", "(3", "of", "4)", "-"]]


def test_markdown_keeps_its_columns() -> None:
    lines = written(pivot_document(PIVOT), "markdown").splitlines()
    assert lines[-2:] == ["| llama | 1,825.00 | none (0 of 2) |", "| a\\|b | 7.00 (3 of 4) | \\- |"]


def test_csv_and_json_hold_a_record_for_each_cell() -> None:
    assert list(csv.reader(io.StringIO(written(pivot_document(PIVOT), "csv")))) == [
        ["model", "grade", "min usd_per_month", "variants", "with_figure"], ["llama", "A", "1825.0", "1", "1"],
        ["llama", "", "", "2", "0"], ["a|b", "A", "7.0", "4", "3"],
    ]
    data = json.loads(written(pivot_document(PIVOT), "json"))
    assert set(data) == {"schema_version", "rows", "columns", "values", "aggregate", "variants", "done", "cells"}
    assert data["cells"][0] == {"row": ["llama"], "column": ["A"], "least": 1825.0, "variants": 1, "with_figure": 1}
    assert len(data["cells"]) == 3


def test_a_name_that_stands_twice_is_numbered_in_csv() -> None:
    cells = {(("a",), ("a",)): Cell(1.0, 1, 1)}
    same = Pivot(("model",), ("model",), "usd_per_month", (("a",),), (("a",),), cells, 1, 1)
    head = written(pivot_document(same), "csv").splitlines()[0]
    assert head == "model,model 2,min usd_per_month,variants,with_figure"


def ledger(folder: Path, costs: list[float | None]) -> Ledger:
    made = Ledger.open(folder, "d", [Variant(f"desk/a.b.k={number}", "f") for number, _ in enumerate(costs)])
    made.record([
        (number, Outcome(f"desk/a.b.k={number}", "infeasible" if cost is None else "optimal", cost), 0.0)
        for number, cost in enumerate(costs)
    ])
    return made


def test_a_few_variants_have_a_bar_each_in_their_order(tmp_path: Path) -> None:
    chart = batch_chart(ledger(tmp_path, [30.0, None, 10.0]))
    assert chart.as_bars
    assert [(one.name, one.said) for one in chart.variants] == [
        ("k=0", "$30.00"), ("k=1", "infeasible"), ("k=2", "$10.00"),
    ]
    assert chart.subtitle == "3 variants: 1 infeasible, 2 optimal"
    assert chart.notes() == []


def test_many_variants_are_a_line_by_rising_cost(tmp_path: Path) -> None:
    count = 2 * MOST_POINTS + 500
    chart = batch_chart(ledger(tmp_path, [None, *(float(count - number) for number in range(count))]))
    assert not chart.as_bars
    assert chart.log_cost
    assert len(chart.variants) == len(chart.ranks) <= MOST_POINTS + 1
    # 4,500 plans: every third, then the dearest
    assert (chart.ranks[:3], chart.ranks[-1]) == ((1, 4, 7), count)
    assert [one.usd_per_month for one in chart.variants] == [float(rank) for rank in chart.ranks]
    assert chart.notes()[1] == "1,501 of 4,500 are drawn: evenly spaced ones, and the dearest."


def test_names_are_shortened_to_what_tells_them_apart() -> None:
    assert short_names(["x/a.k=1", "y/a.k=1"]) == ["x, k=1", "y, k=1"]
    assert short_names(["x/a.k=1", "x/b.k=1"]) == ["x/a.k=1", "x/b.k=1"]  # `k=1` would say neither
    assert short_names([]) == []


@pytest.mark.parametrize("costs", [
    [30.0, None, 10.0], [None], [0.0, 0.0], [float(n) for n in range(1, 80)], [None] * 60, [5.0] * 60,
], ids=["few", "no plan", "free", "many", "many without a plan", "many alike"])
@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_charts_are_the_same_bytes_each_time(tmp_path: Path, costs: list[float | None], ending: str) -> None:
    if importlib.util.find_spec("matplotlib") is None or importlib.util.find_spec("plotly") is None:
        pytest.skip("needs gpumix[charts]")
    made, path = ledger(tmp_path / "batch", costs), tmp_path / f"chart.{ending}"
    contents = []
    for _ in range(2):
        write_batch_charts(made, [path], 800)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "html": b"<!DOCTYPE html>"}[ending])


def test_a_page_runs_nothing_that_a_name_says(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    made = Ledger.open(tmp_path, "d", [Variant("</script><b>", "f")])
    made.record([(0, Outcome("</script><b>", "optimal", 5.0), 0.0)])
    write_batch_charts(made, [tmp_path / "c.html"], 800)
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "</script><b>" not in page
