"""Plans as workbooks: their formulas come to the plan, shown as they stand and worked out anew by LibreOffice."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

from optimizer.answer import answer  # noqa: E402
from optimizer.load import Catalog, load_catalog, load_problem  # noqa: E402
from optimizer.reports.workbook.book import words_of  # noqa: E402
from optimizer.reports.workbook.plan_book import plan_workbook  # noqa: E402
from optimizer.schema.plan import Plan  # noqa: E402
from optimizer.schema.problem import Problem  # noqa: E402
from optimizer.solve import SolveSettings  # noqa: E402

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
PROBLEMS = ("tokyo-cloud-or-own", "three-years-reserved", "office-day-profile")
"""Bought with rented ones in yen, a term, and nodes by the hour."""

Answer = tuple[Plan, Problem, Catalog]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    found = {}
    for name in PROBLEMS:
        loaded = load_problem(name)
        catalog = load_catalog(references={service.model for service in loaded.problem.services})
        found[name] = (answer(loaded, catalog, SolveSettings(deterministic_limit=20)), loaded.problem, catalog)
    return found


def opened(data: bytes, values: bool = True) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data), data_only=values)


def labelled(book: Any) -> dict[str, Any]:
    """Return the figures of the first sheet by the words before them, without the currency."""
    rows = book.worksheets[0].iter_rows(max_col=2, values_only=True)
    return {str(label).rpartition(" (")[0] or str(label): value for label, value in rows if label}


def worked_out(data: bytes, folder: Path, change: dict[tuple[int, str], Any] | None = None) -> Any:
    """Forget all values, change some cells (sheet, address), and let LibreOffice work everything out."""
    book = opened(data, values=False)
    for (sheet, address), value in (change or {}).items():
        book.worksheets[sheet][address] = value
    path = folder / "plan.xlsx"
    book.save(path)
    command = [str(OFFICE), "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to",
               "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out"), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return opened((folder / "out" / "plan.xlsx").read_bytes())


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_sums_are_those_of_the_plan(answers: dict[str, Answer], name: str) -> None:
    plan, problem, catalog = answers[name]
    found = labelled(opened(plan_workbook(plan, problem, catalog)))
    approval = plan.approval
    assert approval is not None
    assert found["Cost a month"] == pytest.approx(approval.cost_per_month)
    assert found["Purchases in all"] == pytest.approx(approval.purchases)
    assert found["Cash over all months"] == pytest.approx(sum(year.cash for year in approval.years))


@pytest.mark.parametrize(("name", "language"), [*((name, "en") for name in PROBLEMS), (PROBLEMS[0], "ja")])
@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_works_out_the_same(
    answers: dict[str, Answer], name: str, language: str, tmp_path: Path
) -> None:
    plan, problem, catalog = answers[name]
    data = plan_workbook(plan, problem, catalog, language)
    formulas, shown, anew = opened(data, values=False), opened(data), worked_out(data, tmp_path)
    count = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in (one for one in row if str(one.value).startswith("=")):
                count += 1
                stands, comes = (book[sheet.title][cell.coordinate].value for book in (shown, anew))
                # hourly prices are rounded up to a micro-dollar: a month of one line differs by less than a cent
                assert comes == pytest.approx(stands, rel=1e-6, abs=0.01) if not hasattr(stands, "year") \
                    else comes == stands, (sheet.title, cell.coordinate, cell.value)
    assert count > 100


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_figures_that_are_changed_move_everything(answers: dict[str, Answer], tmp_path: Path) -> None:
    plan, problem, catalog = answers["three-years-reserved"]
    assert plan.approval is not None
    data = plan_workbook(plan, problem, catalog)
    before = labelled(opened(data))
    nodes = opened(data).worksheets[2]
    counts = {(2, f"G{row}"): 3 * nodes[f"G{row}"].value for row in range(2, len(plan.nodes) + 2)}
    after = labelled(worked_out(data, tmp_path, counts))
    for word in ("Cost a month", "Cash over all months"):
        assert after[word] == pytest.approx(3 * before[word])
    if plan.approval.budget_per_month:
        assert after["Budget used"] == pytest.approx(3 * before["Budget used"])


def test_the_same_plan_makes_the_same_file_in_both_languages(answers: dict[str, Answer]) -> None:
    plan, problem, catalog = answers["three-years-reserved"]
    assert plan_workbook(plan, problem, catalog) == plan_workbook(plan, problem, catalog)
    names = opened(plan_workbook(plan, problem, catalog, "ja")).sheetnames
    assert names == [words_of("ja")[key] for key in ("approval", "inputs", "nodes", "costs", "cash", "sources")]


def test_text_never_becomes_a_formula(answers: dict[str, Answer]) -> None:
    plan, problem, catalog = answers["three-years-reserved"]
    evil = plan.model_copy(update={"problem": '=HYPERLINK("http://x")', "warnings": ("+1+1", "x" * 40_000)})
    book = opened(plan_workbook(evil, problem, catalog), values=False)
    kinds = {cell.value: cell.data_type for row in book.worksheets[0].iter_rows() for cell in row}
    assert kinds['=HYPERLINK("http://x")'] == "s"
    assert kinds["+1+1"] == "s"


def test_no_plan_is_a_workbook_that_says_so(answers: dict[str, Answer]) -> None:
    plan, problem, catalog = answers["three-years-reserved"]
    none = plan.model_copy(update={"approval": None, "nodes": (), "status": "infeasible"})
    book = opened(plan_workbook(none, problem, catalog))
    assert (book.sheetnames, book.worksheets[0]["B2"].value) == (["Approval"], "infeasible")
