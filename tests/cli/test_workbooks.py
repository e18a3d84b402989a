"""`solve --output x.xlsx` and `gpumix quote`: written, filled in, and read back as an overlay."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

from tests.cli.conftest import Run  # noqa: E402

BOUGHT, RENTED = "tokyo-cloud-or-own", "helpdesk-llama3-8b"
"""A plan that buys, and one that rents."""


def test_solve_writes_a_workbook_and_still_says_the_answer(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    found = run("solve", "helpdesk-llama3-8b", "--output", path, "--lang", "ja")
    assert (found.code, found.err) == (0, "")
    assert "最適" in found.out
    assert openpyxl.load_workbook(path).sheetnames[0] == "決裁"
    refused = run("solve", "helpdesk-llama3-8b", "--output", path, "--format", "json")
    assert refused.code == 2
    assert "--output" in refused.err


def test_without_the_library_the_message_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "xlsxwriter" else real(name, *rest))
    found = run("solve", "helpdesk-llama3-8b", "--output", tmp_path / "plan.xlsx")
    assert found.code == 2
    assert "gpumix[xlsx]" in found.err


def filled(run: Run, folder: Path, problem: str = BOUGHT, **answers: Any) -> Path:
    """Ask for quotes, and fill every line in; a purchase is quoted once, rent by the month."""
    path = folder / "quote.xlsx"
    assert run("quote", problem, "--to", path).code == 0
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    keys = {str(cell.value).removeprefix("gpumix-quote:").strip(): cell.column for cell in sheet[3]}
    for row in range(5, sheet.max_row + 1):
        bought = ".on-prem" in str(sheet.cell(row, 1).value)
        values = {
            "unit_price": 1_000_000 if bought else 100, "price_currency": "JPY" if bought else "usd",
            "price_per": "once" if bought else "month", "supplier": "=Acme", "quote_number": "Q-7",
            "quote_date": "2026-10-31", "valid_until": "2026-12-31", "lead_time": 6 if bought else None} | answers
        for key, value in values.items():
            sheet.cell(row, keys[key]).value = value
            if isinstance(value, str):
                sheet.cell(row, keys[key]).data_type = "s"
    book.save(path)
    return path


@pytest.mark.parametrize(("problem", "kind"), [(BOUGHT, "owned"), (RENTED, "on_demand")])
def test_quotes_come_back_as_an_overlay(run: Run, tmp_path: Path, problem: str, kind: str) -> None:
    own = tmp_path / "own"
    path = filled(run, tmp_path, problem)
    found = run("quote", "--from", path, "--into", own)
    assert (found.code, found.err) == (0, "")
    plan = json.loads(run("solve", problem, "--overlay", own, "--format", "json").out)
    quoted = [node for node in plan["nodes"] if node["from_overlay"]]
    assert kind in {node["kind"] for node in quoted}
    for node in quoted:
        assert node["price_evidence"] == "quoted"
        assert "Q-7" in node["source_url"]
        assert node["price_as_of"] == "2026-10-31"
    assert run("quote", "--from", path, "--into", own).code == 2  # not over those written before
    assert run("quote", "--from", path, "--into", own, "--force").code == 0
    assert run("catalog", "check", "--overlay", own).code == 0


@pytest.mark.parametrize(("answers", "key"), [
    ({"unit_price": "call us"}, "unit_price"), ({"unit_price": 0}, "unit_price"),
    ({"price_currency": "gold"}, "price_currency"), ({"price_per": "week"}, "price_per"),
    ({"supplier": None}, "supplier"), ({"quote_date": "soon"}, "quote_date"), ({"valid_until": "never"}, "valid_until"),
    ({"lead_time": "quick"}, "lead_time"), ({"price_per": "hour"}, "price_per"), ({"offer": "another"}, "offer"),
])
def test_answers_that_cannot_be_used_are_named_with_their_row(
    run: Run, tmp_path: Path, answers: dict[str, Any], key: str
) -> None:
    found = run("quote", "--from", filled(run, tmp_path, **answers), "--into", tmp_path / "own")
    assert found.code == 2
    assert f".{key}" in found.err
    assert "row " in found.err
    assert not (tmp_path / "own").exists()


def test_other_files_are_refused(run: Run, tmp_path: Path) -> None:
    text, empty, bomb = tmp_path / "a.xlsx", tmp_path / "b.xlsx", tmp_path / "c.xlsx"
    text.write_text("no workbook", encoding="utf-8")
    openpyxl.Workbook().save(empty)
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (65 * 2**20))
    for path in (text, empty, bomb, tmp_path / "none.xlsx"):
        found = run("quote", "--from", path, "--into", tmp_path / "own")
        assert found.code == 2
        assert "our own fault" not in found.err
    blank = tmp_path / "blank.xlsx"
    assert run("quote", RENTED, "--to", blank).code == 0
    assert "no line with a price" in run("quote", "--from", blank, "--into", tmp_path / "own").err


@pytest.mark.parametrize("options", [
    (), ("helpdesk-llama3-8b",), ("helpdesk-llama3-8b", "--to", "x.csv"), ("--from", "x.xlsx"),
    ("helpdesk-llama3-8b", "--from", "x.xlsx", "--into", "own"),
])
def test_options_that_ask_for_nothing(run: Run, options: tuple[str, ...]) -> None:
    assert run("quote", *options).code == 2


def test_a_question_without_an_answer_is_not_quoted(run: Run, tmp_path: Path) -> None:
    found = run("quote", "budget-too-small", "--to", tmp_path / "quote.xlsx")
    assert found.code == 1
    assert not (tmp_path / "quote.xlsx").exists()
