"""A batch as a workbook: its pivot is worked out from its results, as they stand and when they are changed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

from optimizer.batch.ledger import Ledger
from optimizer.batch.outcome import Outcome
from optimizer.batch.pivot import Pivot, pivot_of
from optimizer.batch.results import columns_of, records_of
from optimizer.batch.variants import Variant
from optimizer.errors import InputError
from optimizer.reports.workbook.batch_book import MOST_ROWS, batch_workbook
from tests.reports.workbook.test_plan_book import OFFICE, opened, worked_out

# (grade, users, model, cost): two spellings that differ by case alone, an infeasible one, text like a formula
ROWS = (("A", "10", "llama", 100.0), ("A", "100", "Llama", 300.25), ("B", "10", "llama", None),
        ("B", "9", "llama", 50.123456), ("A", "10", "llama", 99.5), ("C", "9", "=1+1", 7.5), ("C", "9", "", 8.5))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    variants = [Variant(f"v{number}", "f", (f"s.grade={grade}", f"s.users={users}"))
                for number, (grade, users, _, _) in enumerate(ROWS)]
    made = Ledger.open(tmp_path / "batch", "digest", variants)
    made.record([(number, Outcome(f"v{number}", "infeasible" if cost is None else "optimal", cost, cost, model=model),
                  0.0) for number, (_, _, model, cost) in enumerate(ROWS)])
    return made


def book_of(ledger: Ledger, rows: list[str], columns: list[str]) -> tuple[bytes, Pivot]:
    pivot = pivot_of(ledger, rows, columns, "usd_per_month")
    return batch_workbook(pivot, columns_of(ledger), records_of(ledger)), pivot


def shown(pivot: Pivot, across: int) -> list[list[float | str]]:
    """Return least and number of each cell, row by row, worked out from the rows of the pivot."""
    cells = [[pivot.cells.get((row, column)) for column in pivot.columns] for row in pivot.rows]
    assert len(cells[0]) == across
    return [[figure for cell in row for figure in (
        ("-", 0) if cell is None or cell.least is None else (cell.least, cell.with_figure))] for row in cells]


def test_the_pivot_stands_beside_its_results(ledger: Ledger) -> None:
    data, pivot = book_of(ledger, ["model"], ["s.grade"])
    book = opened(data)
    table = [list(row[1:7]) for row in book["Pivot"].iter_rows(min_row=6, values_only=True)]
    assert table == shown(pivot, 3)
    results = list(book["Results"].iter_rows(values_only=True))
    assert list(results[0]) == columns_of(ledger)
    assert len(results) == 1 + len(ROWS)
    assert all(cell.data_type != "f" for row in opened(data, values=False)["Results"].iter_rows() for cell in row)


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_works_out_the_same_and_what_is_changed(ledger: Ledger, tmp_path: Path) -> None:
    data, pivot = book_of(ledger, ["model"], ["s.grade", "users"])
    anew = worked_out(data, tmp_path)["Pivot"]
    table = [list(row[1:1 + 2 * len(pivot.columns)]) for row in anew.iter_rows(min_row=7, values_only=True)]
    for comes, stands in zip(table, shown(pivot, len(pivot.columns)), strict=True):
        assert comes == [pytest.approx(one, abs=1e-5) if isinstance(one, float) else one for one in stands]
    cost = columns_of(ledger).index("usd_per_month")
    dear = {(1, f"{chr(ord('A') + cost)}{row}"): 1000.0 for row in range(2, 2 + len(ROWS))}
    changed = worked_out(data, tmp_path, dear)["Pivot"]
    least = [cell for row in changed.iter_rows(min_row=7, values_only=True) for cell in row[1::2] if cell is not None]
    known = [one for one in least if one != "-"]
    # six combinations of model, grade and users stand in ROWS; the infeasible one has a figure now
    assert known == [pytest.approx(1000.0)] * 6


def test_more_than_a_workbook_holds_is_refused(ledger: Ledger) -> None:
    _, pivot = book_of(ledger, ["model"], [])
    many = Pivot(**(vars(pivot) | {"done": MOST_ROWS + 1}))
    with pytest.raises(InputError, match="holds all"):
        batch_workbook(many, columns_of(ledger), records_of(ledger))
