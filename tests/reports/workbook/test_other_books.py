"""Comparisons and lists of offers as workbooks: LibreOffice works out what stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

from optimizer.compare import compare
from optimizer.load import Catalog, load_catalog, load_problem
from optimizer.reports.workbook.compare_book import compare_workbook
from optimizer.reports.workbook.offers_book import offers_workbook
from optimizer.solve import SolveSettings
from tests.reports.workbook.test_plan_book import OFFICE, opened, worked_out


def held(data: bytes, folder: Path) -> int:
    """Hold that every formula comes to the value beside it, and count them."""
    formulas, shown, anew = opened(data, values=False), opened(data), worked_out(data, folder)
    count = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in (one for one in row if str(one.value).startswith("=")):
                count += 1
                stands, comes = (book[sheet.title][cell.coordinate].value for book in (shown, anew))
                assert comes == (stands if isinstance(stands, str) else pytest.approx(stands, rel=1e-9, abs=1e-6)), (
                    sheet.title, cell.coordinate, cell.value)
    return count


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_a_comparison_is_worked_out_the_same(tmp_path: Path) -> None:
    loaded = load_problem("own-against-cloud-8x-h100")
    catalog = load_catalog(references={service.model for service in loaded.problem.services})
    assert held(compare_workbook(compare(loaded, catalog, SolveSettings())), tmp_path) > 300


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_prices_of_offers_are_worked_out_the_same(shipped: Catalog, tmp_path: Path) -> None:
    assert held(offers_workbook(shipped), tmp_path) >= len(shipped.offers)
