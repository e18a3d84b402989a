"""Budget plans as workbooks: quarters and fiscal years come to the plan, and follow counts and prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

from optimizer.answer import answer
from optimizer.load import load_catalog, load_problem
from optimizer.reports.workbook.plan_book import plan_workbook
from optimizer.reports.workbook.quarter_book import QUARTER, STAY, quarter_workbook
from optimizer.solve import SolveSettings
from tests.reports.workbook.test_plan_book import OFFICE, Answer, labelled, opened, worked_out

NAMES = {"plain": (), "reserved": ("limits.kinds=[reserved, on_demand]", "roadmap.owned_already=[]")}
"""Bought, kept and rented nodes in yen; commitments alone."""

CENT = 0.01


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    found = {}
    for name, changes in NAMES.items():
        loaded = load_problem("tokyo-three-year-budget", changes)
        catalog = load_catalog(references={service.model for service in loaded.problem.services})
        found[name] = (answer(loaded, catalog, SolveSettings(deterministic_limit=10)), loaded.problem, catalog)
    return found


def figures(sheet: Any, column: int) -> list[float]:
    return [row[column] for row in sheet.iter_rows(min_row=2, values_only=True) if isinstance(row[0], int)]


@pytest.mark.parametrize("name", NAMES)
def test_quarters_and_totals_are_those_of_the_plan(answers: dict[str, Answer], name: str) -> None:
    plan, problem, catalog = answers[name]
    assert plan.roadmap is not None
    book = opened(plan_workbook(plan, problem, catalog))
    assert book.sheetnames == ["Approval", "Offers", "Stays", "Quarters"]
    quarters = plan.roadmap.quarters
    assert figures(book["Quarters"], QUARTER["cash_month"]) == [one.cash_usd for one in quarters]
    assert figures(book["Quarters"], QUARTER["hosted"]) == [0.0] * len(quarters)  # no API is in the question
    rate = catalog.fx["JPY"].rate_per_usd
    nominal = labelled(book)["Total, nominal"]
    assert nominal == pytest.approx(plan.roadmap.total_cost_usd * rate, abs=CENT * rate)


@pytest.mark.parametrize(("name", "language"), [("plain", "en"), ("plain", "ja"), ("reserved", "en")])
@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_works_out_the_same(
    answers: dict[str, Answer], name: str, language: str, tmp_path: Path
) -> None:
    data = quarter_workbook(*answers[name], language)
    formulas, shown, anew = opened(data, values=False), opened(data), worked_out(data, tmp_path)
    cells = [(sheet.title, cell.coordinate) for sheet in formulas for row in sheet.iter_rows() for cell in row
             if str(cell.value).startswith("=")]
    assert len(cells) > 100
    for title, where in cells:
        stands, comes = (book[title][where].value for book in (shown, anew))
        assert comes == pytest.approx(stands, rel=1e-9, abs=CENT), (title, where, formulas[title][where].value)


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_counts_and_prices_move_every_sum(answers: dict[str, Answer], tmp_path: Path) -> None:
    data = quarter_workbook(*answers["plain"])
    sheet = opened(data, values=False)["Stays"]
    letter = chr(ord("A") + STAY["count"])
    rows = range(2, sheet.max_row + 1)
    after = labelled(worked_out(data, tmp_path, {(2, f"{letter}{row}"): 3 * sheet[f"{letter}{row}"].value
                                                 for row in rows}))
    before = labelled(opened(data))
    for word in ("Purchases in all", "Rents", "Running of own nodes", "Cash over all months", "Total, nominal"):
        assert after[word] == pytest.approx(3 * before[word], abs=CENT), word


def test_commitments_past_the_end_are_among_the_cases(answers: dict[str, Answer]) -> None:
    plain, reserved = (answers[name][0].roadmap for name in NAMES)
    assert plain is not None
    assert reserved is not None
    assert {stay.way for stay in plain.stays} >= {"buy", "keep", "rent"}
    assert any(stay.way == "reserve" for stay in reserved.stays)
    assert reserved.committed_after_usd > 0


def test_without_a_roadmap_there_are_no_quarters(answers: dict[str, Answer]) -> None:
    plan, problem, catalog = answers["plain"]
    with pytest.raises(ValueError, match="roadmap"):
        quarter_workbook(plan.model_copy(update={"roadmap": None}), problem, catalog)
