"""A plan as rows of a spreadsheet, which runs nothing."""

from __future__ import annotations

import csv
import io

import pytest

from optimizer.documents.csv_rows import harmless, rows_as_csv
from optimizer.reports.csv_report import COLUMNS, render
from tests.reports.plans import PLAN, without_plan


def test_a_row_for_each_offer() -> None:
    rows = list(csv.DictReader(io.StringIO(render(PLAN))))
    assert [(row["offer_id"], row["count"], row["usd_per_month"], row["from_overlay"]) for row in rows] == [
        ("cloud-big-x1", "2", "3650.0", "False"), ("owned-small-x2.on-prem-jp", "1", "350.0", "True")]
    assert {row["problem"] for row in rows} == {"two-kinds"}


def test_columns_that_others_read_stay_first_and_in_order() -> None:
    assert COLUMNS[:14] == (
        "problem", "status", "offer_id", "gpu_id", "gpu_count", "kind", "term_months", "provider", "region", "count",
        "usd_per_month", "price_as_of", "price_evidence", "source_url",
    )


def test_no_plan_is_one_row() -> None:
    (row,) = csv.DictReader(io.StringIO(render(without_plan("infeasible"))))
    assert (row["status"], row["offer_id"]) == ("infeasible", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    (row,) = csv.DictReader(io.StringIO(rows_as_csv(("a",), [{"a": f"{start}1"}]), newline=""))
    assert row["a"] == f"'{start}1".replace("\r", "\n")  # a lone carriage return would end the row in other programs
    assert harmless(-1.5) == -1.5


def test_commas_quotes_and_line_breaks_come_back_as_they_were() -> None:
    text = 'a, "b"\nc'
    (row,) = csv.DictReader(io.StringIO(rows_as_csv(("a",), [{"a": text}]), newline=""))
    assert row["a"] == text
