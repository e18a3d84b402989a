"""Every document says everything, in every format, twice the same."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from optimizer.documents.document import Bullets, Table, lines_of
from optimizer.plan.hours import timetable_of
from optimizer.reports.specification import write_specification
from optimizer.reports.wording import sources_of
from tests.reports.specification.documents import (
    COMMAND,
    EVERY,
    FEW,
    FORMATS,
    SETTINGS,
    composed,
    found,
    squeezed,
    text_of,
    words_of,
    written,
)

LANGUAGES = ("en", "ja")

PLACEHOLDERS = re.compile(r"TODO|\{\{|\}\}|\{%|\bNone\b|\bnan\b|\binf\b|Undefined|lorem|XXX", re.IGNORECASE)

WITH_A_PLAN = ["summary", "purpose", "demand", "timetable", "memory", "engine", "nodes", "cost", "frontier", "risks",
               "loadtest", "decision", "sources", "validity", "signoff", "appendix"]
WITHOUT_PLAN = ["summary", "purpose", "demand", "obstacle", "sources", "signoff", "appendix"]


def in_languages() -> list[object]:
    """Pair problems with languages; a few pairs stand for all in the default run."""
    return [
        pytest.param(name, language, marks=() if (name, language) in FEW else pytest.mark.slow)
        for name in EVERY for language in LANGUAGES
    ]


@pytest.mark.parametrize(("name", "language"), in_languages())
def test_no_section_is_empty_and_nothing_is_left_open(name: str, language: str) -> None:
    document, _ = composed(name, language)  # type: ignore[arg-type]
    one = found(name)
    examined = one.explanation is not None  # gpumix explain refuses some kinds of problem
    shown = {
        "timetable": timetable_of(one.plan) is not None, "engine": examined, "frontier": one.frontier is not None,
        "risks": examined or bool(one.plan.depends_on),
    }
    expected = [part for part in (WITH_A_PLAN if one.plan.nodes else WITHOUT_PLAN) if shown.get(part, True)]
    assert [section.ident for section in document.sections] == expected
    for section in document.sections:
        texts = ["".join(span.text for span in line) for block in section.blocks for line in lines_of(block)]
        assert section.title
        assert any(texts), section.ident
        for block in section.blocks:
            if isinstance(block, Table):
                assert block.caption
                assert block.rows
                assert any("".join(span.text for span in line) for row in block.rows for line in row)
            if isinstance(block, Bullets):
                assert all(block.items)
    problem = squeezed(found(name).loaded.text)
    for text in words_of(document):
        assert squeezed(text) in problem or not PLACEHOLDERS.search(text), text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("name", "language"), in_languages())
def test_every_format_says_everything(name: str, language: str, form: str) -> None:
    document, _ = composed(name, language)  # type: ignore[arg-type]
    shown = text_of(written(name, language, form), form)  # type: ignore[arg-type]
    for text in words_of(document):
        wanted = squeezed(text)
        if form == "pdf":  # lines end in hyphens of their own, pages in the midst of a sentence
            assert without_marks(wanted)[:24] in without_marks(shown), text
        else:
            assert wanted in shown, text


def without_marks(text: str) -> str:
    """Drop the notes, which a PDF sets above the line, and hyphens."""
    return re.sub(r"\[\d+\]|-", "", text)


@pytest.mark.parametrize("form", ["docx", "pdf", *(pytest.param(f, marks=pytest.mark.slow) for f in FORMATS[:2])])
@pytest.mark.parametrize("name", [
    "helpdesk-llama3-8b", *(pytest.param(n, marks=pytest.mark.slow) for n in ("budget-too-small", "tokyo-cloud-or-own"))
])
def test_the_same_input_gives_the_same_bytes(name: str, form: str) -> None:
    again = write_specification(found(name), SETTINGS, "ja", form, COMMAND, beside=None)[0]  # type: ignore[arg-type]
    first = written(name, "ja", form)
    assert again == first if form != "markdown" else len(again) >= len(first)


@pytest.mark.parametrize(("name", "language"), in_languages())
def test_every_source_stands_in_the_document(name: str, language: str) -> None:
    plan = found(name).plan
    page = written(name, language, "html").decode()  # type: ignore[arg-type]
    urls = [node.source_url for node in plan.nodes] + [d.source_url for d in plan.deployments if d.source_url]
    for source in (source for joined in urls for source in sources_of(joined)):
        if source.startswith("http"):
            assert f'<a href="{source.replace("&", "&amp;")}">' in page
        else:
            assert source in page


@pytest.mark.parametrize(("name", "language"), in_languages())
def test_every_note_leads_somewhere(name: str, language: str) -> None:
    page = written(name, language, "html").decode()  # type: ignore[arg-type]
    cited = set(re.findall(r'href="#(note-\d+)"', page))
    assert cited == set(re.findall(r'<tr id="(note-\d+)"', page))
    assert len(cited) > 2


def test_a_page_takes_nothing_from_elsewhere() -> None:
    page = written("helpdesk-llama3-8b", "ja", "html").decode()
    assert "<script" not in page
    assert not re.findall(r'(?:src|url\()\s*=?["\']?https?:', page)
    assert page.count("data:image/svg+xml;base64,") == 1


def test_word_finds_headings_captions_and_header_rows() -> None:
    data = written("helpdesk-llama3-8b", "ja", "docx")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("word/document.xml").decode()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    document, _ = composed("helpdesk-llama3-8b", "ja")
    tables = [block for section in document.sections for block in section.blocks if isinstance(block, Table)]
    assert text.count('w:val="Heading1"') == len(document.sections)
    assert text.count("SEQ 表") == len(tables)
    assert text.count("<w:tblHeader/>") == sum(bool(table.header) for table in tables)
    assert 'w:eastAsia="Yu Gothic"' in archive_styles(data)


def archive_styles(data: bytes) -> str:
    """Return the styles of a Word document."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("word/styles.xml").decode()
