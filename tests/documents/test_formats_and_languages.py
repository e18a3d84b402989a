"""Every command writes every format in every language: the same input gives the same bytes, and each says the same.

The table of commands, formats and languages; each cell is written, and read back where the format can be read.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from functools import cache
from xml.etree import ElementTree

import openpyxl
import pypdfium2
import pytest

from optimizer.costs.age import ages
from optimizer.costs.catalog_difference import catalog_difference
from optimizer.costs.statement import cost_statement
from optimizer.documents.document import Document, Verbatim, blocks_of, lines_of, plain, worded
from optimizer.documents.publish import published
from optimizer.integrity import check_catalog
from optimizer.load import Catalog, load_catalog, load_problem
from optimizer.messages import voice_of
from optimizer.messages.catalog import languages
from optimizer.replay import difference, replay
from optimizer.reports.catalog_report import findings_document, listing_document, sheet_document
from optimizer.reports.compare_report import compare_document
from optimizer.reports.cost_report import cost_document
from optimizer.reports.difference_report import difference_document
from optimizer.reports.explain_report import explain_document
from optimizer.reports.frontier_report import frontier_document
from optimizer.reports.loadtest_plan_report import planned_document
from optimizer.reports.market_report import age_document, catalog_difference_document
from optimizer.reports.memory_report import memory_document, memory_of, model_document, model_facts
from optimizer.reports.plan_report import plan_document
from optimizer.reports.replay_report import replay_document
from optimizer.reports.speed_report import asked_of, speed_document, speed_of
from optimizer.solve import SolveSettings
from tests.problems.conftest import solve_shipped

EXAMPLE = "office-a5000-workstations"
MODEL = "llama-3-8b-instruct"
SETTINGS = SolveSettings(enumerated=True)


@cache
def catalog() -> Catalog:
    return load_catalog(None, (), {MODEL})


def _explained() -> Document:
    from optimizer.explain import explain

    return explain_document(explain(load_problem(EXAMPLE), catalog(), SETTINGS, alternatives=1))


def _frontier() -> Document:
    from optimizer.frontier import trace_frontier

    return frontier_document(trace_frontier(load_problem(EXAMPLE), catalog(), SETTINGS, "speed", 20.0, 40.0))


def _compared() -> Document:
    from optimizer.compare import compare

    return compare_document(compare(load_problem(EXAMPLE), catalog(), SETTINGS))


def _tests() -> Document:
    from optimizer.load.serving import load_serving
    from optimizer.loadtest.planning import Asked, plan_tests

    asked = Asked(EXAMPLE, "own", "http://HOST:8000")
    return planned_document(plan_tests(load_problem(EXAMPLE), catalog(), SETTINGS, asked, load_serving()))


def _cost() -> Document:
    owned = next(iter(catalog().owned.values()))
    return cost_document(cost_statement(f"{owned.offer_id}.{owned.sites[0]}", catalog(), load_problem(EXAMPLE).problem))


def _replayed() -> Document:
    case = solve_shipped(EXAMPLE)
    return replay_document(replay(case.plan, case.loaded, case.catalog, SETTINGS, 0.0))


def _changed() -> Document:
    plan = solve_shipped(EXAMPLE).plan
    return difference_document(difference(plan, solve_shipped("budget-too-small").plan, "a.json", "b.json"))


def _speed() -> Document:
    asked = asked_of(catalog(), MODEL, "rtx-a5000-24gb", "vllm", None, 1, 512, 256)
    return speed_document(speed_of(catalog(), asked, 8))


COMMANDS: dict[str, Callable[[], Document]] = {
    "solve": lambda: plan_document(solve_shipped(EXAMPLE).plan, rejections=True),
    "solve, no plan": lambda: plan_document(solve_shipped("budget-too-small").plan),
    "solve, by the hour": lambda: plan_document(solve_shipped("tokyo-own-spot-in-yen").plan),
    "explain": _explained, "pareto": _frontier, "compare": _compared, "cost": _cost, "verify": _replayed,
    "spec diff": _changed, "loadtest plan": _tests, "speed": _speed,
    "memory": lambda: memory_document(memory_of(
        catalog(), MODEL, "rtx-a5000-24gb", 1, None, "vllm", None, None, None)),
    "memory, no GPU": lambda: model_document(model_facts(catalog(), MODEL)),
    "catalog check": lambda: findings_document(check_catalog(catalog())),
    "catalog list": lambda: listing_document(catalog(), "gpus"),
    "catalog show": lambda: sheet_document(catalog(), "rtx-a5000-24gb"),
    "catalog age": lambda: age_document(ages(catalog(), catalog_day()), "2026-12-01"),
    "catalog diff": lambda: catalog_difference_document(catalog_difference(catalog(), catalog())),
}
"""A document of each command; those of files that others write have tests of their own."""


def catalog_day() -> object:
    from datetime import date

    return date(2026, 12, 1)


@cache
def built(command: str) -> Document:
    return COMMANDS[command]()


@cache
def written(command: str, form: str, language: str) -> bytes:
    made = published(built(command), form, voice_of(language))
    return made.encode() if isinstance(made, str) else made


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u00ad\ufffe\x02\\-]", "", text)


def title_of(command: str, language: str) -> str:
    """Return the title as printed, the first thing that every format says."""
    return squeezed(worded(built(command), voice_of(language).for_print()).title)[:30]


def text_in(data: bytes, form: str) -> str:
    """Read the text of a document again."""
    if form == "pdf":
        pdf = pypdfium2.PdfDocument(data)
        try:
            return squeezed("".join(page.get_textpage().get_text_range() for page in pdf))
        finally:
            pdf.close()
    if form == "docx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return squeezed("".join(ElementTree.fromstring(archive.read("word/document.xml")).itertext()))
    if form == "xlsx":
        book = openpyxl.load_workbook(io.BytesIO(data))
        return squeezed("".join(str(cell.value) for sheet in book for row in sheet for cell in row if cell.value))
    return squeezed(re.sub(r"\x1b\[[0-9;]*m|<[^>]+>|&#39;", lambda m: "'" if m[0] == "&#39;" else "", data.decode()))


READABLE = ("text", "markdown", "html", "docx", "pdf", "xlsx")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("form", READABLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_cell_says_its_title_and_no_more_hides_an_object(command: str, form: str, language: str) -> None:
    text = text_in(written(command, form, language), form)
    title = title_of(command, language)
    ascii_title = squeezed(worded(built(command), voice_of(language)).title)[:30]
    assert title in text or ascii_title in text
    assert "Message(" not in text
    assert "optimizer.documents" not in text
    assert not re.search(r"\{[a-z_]+(:[a-z,.0-9%]+)?\}", re.sub(r"\{\"[^}]*\}|\{isl.*?\}", "", text))


@pytest.mark.parametrize("command", COMMANDS)
def test_csv_has_its_columns_in_every_row_and_json_reads_back(command: str) -> None:
    rows = list(csv.reader(io.StringIO(written(command, "csv", "en").decode())))
    records = built(command).records
    assert records is not None
    assert rows[0] == list(records.columns)
    assert len(rows) == 1 + len(records.rows)
    assert {len(row) for row in rows} == {len(records.columns)}
    assert json.loads(written(command, "json", "en"))
    assert written(command, "json", "en") == written(command, "json", "ja")  # data are no document: one for all


@pytest.mark.parametrize("form", READABLE)
def test_the_same_input_gives_the_same_bytes(form: str) -> None:
    first = written("solve", form, "ja")
    again = published(COMMANDS["solve"](), form, voice_of("ja"))
    assert first == (again.encode() if isinstance(again, str) else again)


ENGLISH = re.compile(r"(?<![\w/.=-])[a-z]{2,}(?: [a-z]{2,}){3,}")
"""Four words in a row; names, units and commands have fewer."""

QUOTED = {"catalog check", "catalog show", "cost"}
"""Commands whose documents quote the catalog's own notes, or formulas."""


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in QUOTED])
def test_japanese_documents_hold_no_english_sentence(command: str) -> None:
    said = worded(built(command), voice_of("ja"))
    texts = [said.title, said.subtitle, *(section.title for section in said.sections)]
    texts += [plain(line) for section in said.sections for block in blocks_of(section)
              if not isinstance(block, Verbatim) for line in lines_of(block)]
    own = [one for one in texts if ENGLISH.search(one)]
    assert own == []


def test_figures_are_figures_in_a_workbook() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written("pareto", "xlsx", "en")))
    points = book.worksheets[1]
    cost = [cell.value for cell in list(points.columns)[2]]
    assert cost[0] == "USD/month"
    assert all(isinstance(value, int | float) for value in cost[1:])
